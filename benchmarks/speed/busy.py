"""A busy machine: a training while other processes keep all cores but one busy, against it alone.

    python benchmarks/speed/busy.py [--cases command fit one-thread] [--rounds 3]

``command`` is the whole process of ``utsushi train ae``, which takes fewer threads by itself;
``fit`` a script that calls `fit`, with as many threads as torch takes; ``one-thread`` the same
script with ``OMP_NUM_THREADS=1``. The first side is the busy one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from paired import Figures, Side, main
from whole_process import seconds_of

FIT = """
from utsushi import Autoencoder, datasets
Autoencoder(10, random_state={seed}).fit(datasets.load_mnist20k().X_train)
"""


@contextmanager
def busy_cores() -> Iterator[None]:
    """Keep all cores but one busy."""
    spin = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(spin) for _ in range((os.cpu_count() or 2) - 1)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def command(seed: int) -> Figures:
    """Train by the command line."""
    with tempfile.TemporaryDirectory() as folder:
        words = ["train", "ae", "--out", f"{folder}/run", "--random-state", str(seed)]
        return seconds_of([sys.executable, "-m", "utsushi", *words])


def fit(seed: int) -> Figures:
    """Train by a script."""
    return seconds_of([sys.executable, "-c", FIT.format(seed=seed)])


def one_thread(seed: int) -> Figures:
    """Train by a script with one thread."""
    os.environ["OMP_NUM_THREADS"] = "1"
    return fit(seed)


def beside_others(measure: Side, seed: int) -> Figures:
    """Measure on a busy machine."""
    with busy_cores():
        return measure(seed)


CASES = {
    name: {"busy": partial(beside_others, side), "alone": side}
    for name, side in {"command": command, "fit": fit, "one-thread": one_thread}.items()
}

if __name__ == "__main__":
    main(__file__, __doc__, CASES, n_rounds=3)
