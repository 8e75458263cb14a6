"""Training time to the test loss that 30 epochs of the lecture's loop reach, of each library.

    python benchmarks/speed/time_to_loss.py [--rounds 3]

An autoencoder 784-1000-10 on the lecture's 16,000 training digits. Utsushi fits its default model.
The lecture's loop and the other libraries train the same network with Adam at 1e-3 and batches of
100; after each epoch the clock stops and the mean squared error of the 4,000 test digits is taken.
A side is done when that error is at most 0.0185, the largest of three seeds of the lecture's loop,
or after 60 epochs. The other libraries must be installed; see ``peers.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from paired import Figures, main
from peers import Training, autoencoders, pyod, pythae

sys.path.insert(0, str(Path(__file__).parents[1]))

from lecture_loop import epochs, lecture_arrays
from time_to_quality import utsushi

TARGET = 0.0185
MOST_EPOCHS = 60


def until_target(training: Training) -> Figures:
    """Train until the target is reached; an epoch's seconds count, the measuring's do not."""
    test = torch.tensor(lecture_arrays()[1], dtype=torch.float32)
    seconds, n_epochs, loss = 0.0, 0, float("inf")
    while loss > TARGET and n_epochs < MOST_EPOCHS:
        seconds += training.seconds_of_epoch()
        n_epochs += 1
        with torch.no_grad():
            loss = (training.reconstruct(test) - test).square().mean().item()
    return {"seconds": seconds, "loss": loss, "epochs": n_epochs, "reached": float(loss <= TARGET)}


def loop(seed: int) -> Figures:
    """Run the lecture's loop."""
    trained = epochs("ae", lecture_arrays()[0], seed)
    modules = []
    return until_target(
        Training(lambda: modules.append(next(trained)), lambda x: modules[-1].reconstruct(x))  # noqa: PLW0108
    )


def peer(start: Callable[..., Training], seed: int) -> Figures:
    """Train by another library."""
    torch.manual_seed(seed)
    return until_target(start("ae", lecture_arrays()[0]))


SIDES: dict[str, Callable[[int], Figures]] = {
    "utsushi": partial(utsushi, "ae"),
    "loop": loop,
    "pythae": partial(peer, pythae),
    # Its ReLU after the code loses components for good unless batches are normalized.
    "pyod": partial(peer, partial(pyod, batch_norm=True)),
    "autoencoders": partial(peer, autoencoders),
}

if __name__ == "__main__":
    main(__file__, __doc__, {"ae": SIDES}, n_rounds=3)
