"""Encoding 100,000 images: ``transform`` against the bare float32 products of the same encoder.

    python benchmarks/speed/transform.py [--rounds 5]

The floor multiplies, adds the biases and clips at zero, block by block, with nothing else: no
check of the rows, no scaling, no copy.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from paired import Figures, main
from torch.nn import functional

from utsushi import Autoencoder, datasets

N_ROWS = 100_000
BLOCK = 1000


def rows_and_model() -> tuple[np.ndarray, Autoencoder]:
    """Return digits, each several times, and a model that was trained for a moment."""
    digits = datasets.load_mnist20k().X_train
    return np.resize(digits, (N_ROWS, 784)), Autoencoder(max_epochs=1, random_state=0).fit(
        digits[:1000]
    )


def utsushi(seed: int) -> Figures:
    """Encode by the estimator."""
    rows, model = rows_and_model()
    model.transform(rows[:BLOCK])
    started = time.perf_counter()
    model.transform(rows)
    return {"seconds": time.perf_counter() - started}


@torch.inference_mode()
def floor(seed: int) -> Figures:
    """Multiply."""
    rows, model = rows_and_model()
    first, _, second = model.module_.encoder
    x = torch.from_numpy(rows)
    codes = torch.empty(N_ROWS, 10)
    functional.linear(x[:BLOCK], first.weight, first.bias)
    started = time.perf_counter()
    for start in range(0, N_ROWS, BLOCK):
        hidden = functional.linear(x[start : start + BLOCK], first.weight, first.bias).relu_()
        codes[start : start + BLOCK] = functional.linear(hidden, second.weight, second.bias)
    return {"seconds": time.perf_counter() - started}


if __name__ == "__main__":
    main(__file__, __doc__, {"784-1000-10": {"utsushi": utsushi, "floor": floor}})
