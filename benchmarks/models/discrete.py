"""Digits as codes of at most 64 bits: error, use of the symbols, and what the sampler generates.

    python benchmarks/models/discrete.py [--models vq …] [--epochs 40] [--validate]

Each model is trained on the 16,000 training digits of the lecture's split, and measured on its
4,000 test digits. The Fréchet distance is that of ``benchmarks/quality/generation.py``, in the
features of the shipped classifier, and is divided by that of the lecture's variational autoencoder.
With ``--validate``, by which settings were chosen, a tenth of the training digits is held out and
takes the place of the test digits.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parents[1] / "quality"))

from common import trained, validation_split
from models import MIDDLE_MOVES, lecture_variational

from utsushi import Recipe, VectorQuantizedAutoencoder, datasets
from utsushi.evaluation import evaluate_generation, symbol_use
from utsushi.networks import (
    Conv,
    FiniteScalarQuantization,
    ResidualVectorQuantization,
    VectorQuantization,
)
from utsushi.samplers import Autoregressive

CONV = Conv(channels=(32, 64), hidden=(512,), output="sigmoid")

#: By name, the size of the code before it is quantized, and how it is.
MODELS: dict[str, dict[str, Any]] = {
    "vq": {"n_components": 32, "bottleneck": VectorQuantization(256, group_size=4)},
    "rvq": {
        "n_components": 16,
        "bottleneck": ResidualVectorQuantization(16, group_size=16, n_levels=16),
    },
    "fsq": {"n_components": 21, "bottleneck": FiniteScalarQuantization(8)},
}

#: Trained on the codes of the digits and of three moved copies of each, as the network was.
SAMPLER, N_MOVED = Autoregressive(recipe=Recipe(max_epochs=5)), 3


def unfitted(name: str, epochs: int, seed: int) -> VectorQuantizedAutoencoder:
    """Return a model that is not fitted."""
    recipe = Recipe(
        max_epochs=epochs,
        batch_size=128,
        learning_rate=3e-3,
        schedule="one-cycle",
        betas=(0.9, 0.98),
        weight_decay=0.0,
        precision="bfloat16",
    )
    return VectorQuantizedAutoencoder(
        **MODELS[name],
        network=CONV,
        image_shape=(28, 28),
        scaling=None,
        augment=MIDDLE_MOVES,
        recipe=recipe,
        sampler=Autoregressive(recipe=Recipe(max_epochs=1, min_steps=1)),  # replaced below
        random_state=seed,
    )


def with_moved(X: Any, seed: int) -> Any:
    """Return digits, and moved copies of them."""
    draws, rows = torch.Generator().manual_seed(seed), torch.from_numpy(X)
    moved = [MIDDLE_MOVES(rows, (28, 28), draws).numpy() for _ in range(N_MOVED)]
    return np.concatenate([X, *moved])


def main() -> None:
    """Train, measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=["fsq"])
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--validate", action="store_true")
    arguments = parser.parse_args()
    data = datasets.load_mnist20k()
    X, real = data.X_train, data.X_test
    part = "validation" if arguments.validate else "test"
    if arguments.validate:
        X, _, real, _ = validation_split(data.X_train, data.y_train)

    def distance(rows: Any) -> float:
        found = evaluate_generation(rows, real, random_state=arguments.seed)
        return float(found["frechet_distance"]["value"])

    lecture, _ = trained("lecture-vae", lecture_variational, data.X_train, arguments.seed)
    reference = distance(lecture.sample(len(real), random_state=arguments.seed))
    print(f"lecture's VAE: Fréchet {reference:.1f}", flush=True)
    for name in arguments.models:
        model, _ = trained(
            f"{name}-{part}-{arguments.epochs}",
            lambda seed, name=name: unfitted(name, arguments.epochs, seed),
            X,
            arguments.seed,
        )
        model.set_params(sampler=SAMPLER).fit_sampler(with_moved(X, arguments.seed))
        copies = model.reconstruct(real)
        new = model.sample(len(real), random_state=arguments.seed)
        found = evaluate_generation(new, real, X, random_state=arguments.seed)
        used, perplexity = symbol_use(model, real)
        frechet = found["frechet_distance"]["value"]
        bits = -model.sampler_.log_prob(model.transform(real)).mean() / np.log(2)
        figures = {
            "bits": model.n_bits_,
            "MSE": np.square(copies - real).mean(),
            "symbols in use, %": 100 * used,
            "perplexity": perplexity,
            "bits by the sampler": bits,
            "Fréchet of copies": distance(copies),
            "Fréchet of samples": frechet,
            "1 / of the lecture's": reference / frechet,
            "recall": found["recall"]["value"],
        }
        shown = ", ".join(f"{key} {value:.4g}" for key, value in figures.items())
        print(f"{name}, {part}: {shown}", flush=True)


if __name__ == "__main__":
    main()
