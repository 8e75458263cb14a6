"""Train cases in one process or in several, and leave what each of them has learned.

    torchrun --nproc-per-node 2 tests/distributed/worker.py FOLDER [CASE …]
"""

import json
import sys
from pathlib import Path

import torch

from utsushi.augmentation import Affine
from utsushi.corruption import masking
from utsushi.likelihoods import Gaussian
from utsushi.networks import Conv, Dense, initialize
from utsushi.objectives import Batch, ReconstructionObjective, VariationalObjective
from utsushi.regularizers import contractive
from utsushi.training import Recipe, train
from utsushi.training.distributed import joined

#: 8 rows in batches of 3: the last has 2, of which a third and a fourth process have none.
ROWS = torch.rand((8, 16), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
HELD_OUT = torch.rand((5, 16), generator=torch.Generator().manual_seed(2), dtype=torch.float64)


def dense(n_outputs):
    return Dense().build(16, 2, n_outputs, (6, 5))


def conv(n_outputs):
    return Conv().build(16, 2, n_outputs, (5,), channels=(2, 3), image_shape=(4, 4))


def variational(**settings):
    return VariationalObjective(Gaussian().prepare([ROWS]), **settings)


def affine(rows, generator):
    return Affine(probability=0.8)(rows, (4, 4), generator)


#: What differs in how the rows of a batch meet: through σ, free bits, noise of any shape.
CASES = {
    "plain": (dense, 2, lambda: ReconstructionObjective(), {}),
    "denoising": (dense, 2, lambda: ReconstructionObjective(lambda x, g: masking(x, 0.3, g)), {}),
    "contractive": (dense, 2, lambda: ReconstructionObjective(None, contractive, 0.1), {}),
    "variational": (dense, 4, lambda: variational(free_bits=0.1, kl_warmup_epochs=2), {}),
    "importance": (dense, 4, lambda: variational(n_importance_samples=3), {"patience": 2}),
    "conv": (conv, 4, lambda: variational(), {"augment": affine}),
}


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
        recipe=Recipe(max_epochs=4, batch_size=3, learning_rate=0.01, schedule="one-cycle"),
        seed=5,
        validation=Batch(HELD_OUT),
        **settings,
    )
    rows = [{k: v for k, v in row.items() if k != "seconds"} for row in history]
    return rows, {name: p.tolist() for name, p in module.state_dict().items()}


def main(folder, *names):
    """Train, and write a file a process."""
    torch.set_num_threads(1)
    with joined() as processes:
        found = {name: train_case(name) for name in names or CASES}
        (folder / f"{processes.n}-{processes.rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
