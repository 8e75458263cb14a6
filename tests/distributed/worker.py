"""Train cases in one process or in several, and leave what each of them has learned.

torchrun --nproc-per-node 2 tests/distributed/worker.py FOLDER [CASE …]
"""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch

from utsushi import Autoencoder, Recipe, VariationalAutoencoder
from utsushi.distributions import DiagonalGaussianPosterior, Gaussian, StandardNormal
from utsushi.exceptions import TrainingInterrupted, UtsushiError
from utsushi.networks import Conv, Dense, initialize
from utsushi.objectives import (
    ELBO,
    Batch,
    Contractive,
    ImportanceWeighted,
    ReconstructionObjective,
    VariationalObjective,
)
from utsushi.training import train
from utsushi.training.data_parallel import SharedCheckpoints, process_group
from utsushi.transforms.augmentation import Affine
from utsushi.transforms.corruption import masking

#: 7 rows in batches of 3: the last has 1, of which all processes but one have none.
ROWS = torch.rand((7, 16), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
HELD_OUT = torch.rand((5, 16), generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def dense(n_outputs):
    return with_distributions(Dense((12,)).build(16, 3, n_outputs))


def conv(n_outputs):
    module = Conv((3, 4), (12,)).build(16, 3, n_outputs, image_shape=(4, 4))
    return with_distributions(module)


def with_distributions(module):
    """Add what a variational objective asks for; an autoencoder leaves it."""
    return module.with_parts(
        posterior=DiagonalGaussianPosterior().build(3), prior=StandardNormal().build(16, 3)
    )


def variational(*bound):
    return VariationalObjective(Gaussian().prepare([ROWS]), *bound)


def affine(rows, generator):
    return Affine(probability=0.8)(rows, (4, 4), generator)


CYCLE = Recipe("lecture", max_epochs=4, batch_size=3, learning_rate=0.01, schedule="one-cycle")
STOPPING = {"recipe": CYCLE.with_settings(early_stopping=2)}

#: Without noise, several processes compute what one does.
NOISELESS = {
    "plain": (dense, 3, ReconstructionObjective, {}),
    "contractive": (dense, 3, lambda: ReconstructionObjective(penalty=Contractive(0.1)), {}),
    "conv": (conv, 3, ReconstructionObjective, STOPPING),
}

#: Each process draws the noise of its own rows.
NOISY = {
    "denoising": (dense, 3, lambda: ReconstructionObjective(lambda x, g: masking(x, 0.3, g)), {}),
    "variational": (dense, 6, lambda: variational(ELBO(free_bits=0.1, kl_warmup_epochs=2)), {}),
    "importance": (dense, 6, lambda: variational(ImportanceWeighted(n_samples=3)), STOPPING),
    "augmented": (conv, 6, variational, {"augment": affine}),
}

CASES = NOISELESS | NOISY


class Recorder(ReconstructionObjective):
    """An objective that records the generators of its noise."""

    def __call__(self, module, batch, generator):
        seeds.append(generator.initial_seed())
        return super().__call__(module, batch, generator)


seeds = []


def seeds_of_the_noise():
    """Give the seed of the noise of each step."""
    seeds.clear()
    module = dense(3)
    initialize(module, torch.Generator().manual_seed(0))
    recipe = Recipe("lecture", max_epochs=2, batch_size=3)
    train(module, Recorder(), Batch(ROWS.float()), recipe=recipe, seed=5)
    return list(seeds)


def train_case(name):
    """Train a case in float64 and give its history and its parameters."""
    build, n_outputs, objective, settings = CASES[name]
    module = build(n_outputs)
    initialize(module, torch.Generator().manual_seed(0))
    module.double()
    history = train(
        module,
        objective(),
        Batch(ROWS),
        seed=5,
        validation=Batch(HELD_OUT),
        **{"recipe": CYCLE, **settings},
    )
    return clockless(history), parameters(module)


def clockless(history):
    return [{k: v for k, v in row.items() if k != "seconds"} for row in history]


def parameters(module):
    return {name: p.tolist() for name, p in module.state_dict().items()}


def model_of_images():
    """Give a model and its rows, which `interrupted` leaves unfinished."""
    images = np.random.default_rng(5).random((22, 64), dtype=np.float32)
    recipe = Recipe(max_epochs=6, batch_size=8, learning_rate=1e-3, validation_fraction=0.2)
    return VariationalAutoencoder(3, hidden=(8,), recipe=recipe, random_state=3), images


def interrupted(folder, group):
    """Let the last process have a signal at its seventh step, and say how the training ended."""
    seen, is_due = iter(range(6)), SharedCheckpoints.is_due

    def send(self, **how):
        if next(seen, None) is None and group.rank == group.size - 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return is_due(self, **how)

    SharedCheckpoints.is_due = send
    model, images = model_of_images()
    # The folder is for the first process alone: the others may be on another machine.
    place = folder / "checkpoints" if group.is_first else folder / "nowhere"
    try:
        model.fit(images, checkpoint_dir=place)
    except TrainingInterrupted as stop:
        return stop.signal.name
    finally:
        SharedCheckpoints.is_due = is_due
    return "not stopped"


def in_the_subspace(group):
    """Train in principal components, by a seed that nobody gave; say whether it is fitted."""
    rows = np.random.default_rng(6).random((40, 20)) @ np.random.default_rng(7).random((20, 200))
    model = Autoencoder(3, hidden=(8,), max_epochs=2).fit(rows)
    assert hasattr(model, "sampler_") == group.is_first
    return clockless(model.history_), parameters(model.module_)


def main(folder, *names):
    """Train, and write a file a process; at last, diverge."""
    torch.set_num_threads(1)
    found = {}
    try:
        with process_group() as group:
            found["cases"] = {name: train_case(name) for name in names or CASES}
            if group.size > 1:
                found["again"] = {name: train_case(name) for name in NOISY}
                found["seeds"] = seeds_of_the_noise()
                found["subspace"] = in_the_subspace(group)
                found["interrupted"] = interrupted(folder, group)
                model, images = model_of_images()
                model.set_params(recipe__learning_rate=1e30).fit(images)
    except UtsushiError as error:
        found["error"] = [type(error).__name__, str(error)]
    (folder / f"{group.rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
