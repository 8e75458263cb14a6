"""A step where everything is overhead: 8x8 digits, 64-32-10, batches of 100.

    python benchmarks/speed/small_steps.py [--rounds 9]

Against the plainest eager loop of the same networks: gathered batches, fused Adam, autograd and
nothing else. ``microseconds`` are those of a step in the median of 100 epochs of 15 steps, after
one that is not counted.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from statistics import median

from paired import Figures, main

sys.path.insert(0, str(Path(__file__).parents[1]))

from lecture_loop import bare_epochs

from utsushi import Autoencoder, VariationalAutoencoder, datasets

N_EPOCHS, N_STEPS = 100, 15
SIZES = {"n_components": 10, "hidden": (32,)}


def utsushi(kind: str, seed: int) -> Figures:
    """Train the estimator by recipe "lecture", which notes the seconds of each epoch."""
    rows = datasets.load_digits8x8().X_train
    settings = {**SIZES, "recipe": "lecture", "max_epochs": N_EPOCHS + 1, "random_state": seed}
    if kind == "ae":
        model = Autoencoder(sampler="gaussian", **settings)
    else:
        model = VariationalAutoencoder(likelihood="unit-gaussian", **settings)
    return of_a_step([row["seconds"] for row in model.fit(rows).history_[1:]])


def bare(kind: str, seed: int) -> Figures:
    """Train by the bare loop."""
    rows = datasets.load_digits8x8().X_train
    endless = bare_epochs(kind, rows - rows.mean(axis=0), n_hidden=32)
    next(endless)
    seconds = []
    for _ in range(N_EPOCHS):
        started = time.perf_counter()
        next(endless)
        seconds.append(time.perf_counter() - started)
    return of_a_step(seconds)


def of_a_step(seconds: list[float]) -> Figures:
    """Return the time of a step in the median epoch."""
    return {"microseconds": median(seconds) / N_STEPS * 1e6}


CASES = {
    kind: {"utsushi": partial(utsushi, kind), "bare": partial(bare, kind)} for kind in ("ae", "vae")
}

if __name__ == "__main__":
    main(__file__, __doc__, CASES, ratio_of="microseconds", n_rounds=9)
