"""Seconds an image and peak memory of ``fit``, from 4,000 to 400,000 images.

    python benchmarks/speed/growth.py [--rounds 3]

The digits are repeated, each time with a little noise. Each size trains two epochs of recipe
"fast" in a process of its own, after one on 1,000 images that is not counted. ``microseconds an
image`` are those of the second epoch; ``of fit`` those of both with all that stands around them,
of which the decomposition of 784 columns takes the same time however few the images are. ``above``
is the peak resident set over what the process held before ``fit``, in MB, and ``bound`` what it may
be: 1.5 times the data, 10 times the parameters, and 64 MB. The side that the ratio is taken to is
16,000 images.
"""

from __future__ import annotations

import resource
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
from paired import Figures, main

from utsushi import Autoencoder, datasets

SIZES = (4_000, 16_000, 40_000, 100_000, 400_000)
MB = 2**20


def resident_set() -> float:
    """Return the memory that the process holds, in MB; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * resource.getpagesize() / MB


def peak() -> float:
    """Return the most memory that the process ever held, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MB


def of(n_rows: int, seed: int) -> Figures:
    """Fit to so many images."""
    digits = datasets.load_mnist20k().X_train
    model = Autoencoder(sampler="gaussian", max_epochs=2, random_state=seed).fit(digits[:1000])
    before = max(peak(), resident_set())
    rows = np.empty((n_rows, 784), np.float32)
    rng = np.random.default_rng(seed)
    for start in range(0, n_rows, 4000):
        part = rows[start : start + 4000]
        part[:] = digits[:4000] + rng.normal(0, 0.01, (4000, 784)).astype(np.float32)
    started = time.perf_counter()
    model.fit(rows)
    seconds = time.perf_counter() - started
    data = rows.nbytes / MB
    parameters = sum(p.numel() * p.element_size() for p in model.module_.parameters()) / MB
    return {
        "microseconds an image": 1e6 * model.history_[1]["seconds"] / n_rows,
        "of fit": 1e6 * seconds / n_rows,
        "above": peak() - before,
        "bound": 1.5 * data + 10 * parameters + 64,
    }


CASES = {
    "784-1000-10": {
        "utsushi": partial(of, 16_000),
        **{f"{n:,} images": partial(of, n) for n in SIZES if n != 16_000},
    }
}

if __name__ == "__main__":
    main(__file__, __doc__, CASES, ratio_of="microseconds an image", n_rounds=3)
