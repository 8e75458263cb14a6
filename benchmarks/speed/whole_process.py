"""Whole processes: ``utsushi train`` against a script of the lecture's loop, all seconds counted.

    python benchmarks/speed/whole_process.py [--cases ae vae] [--rounds 5]

Imports, reading the digits, training, measuring and saving. The command also draws its figures and
its report, which the script does not.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from paired import Figures, main

LOOP = Path(__file__).parents[1] / "lecture_loop.py"
LIKELIHOOD = {"ae": [], "vae": ["--likelihood", "unit-gaussian"]}


def seconds_of(command: list[str]) -> Figures:
    """Run a command and return its seconds."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return {"seconds": time.perf_counter() - started}


def utsushi(kind: str, seed: int) -> Figures:
    """Train by the command line."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "utsushi", "train", kind, "--out", f"{folder}/run"]
        return seconds_of([*command, "--random-state", str(seed), *LIKELIHOOD[kind]])


def loop(kind: str, seed: int) -> Figures:
    """Train by the script."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(LOOP), "--kinds", kind, "--seeds", str(seed)]
        return seconds_of([*command, "--out", f"{folder}/model.safetensors"])


CASES = {
    kind: {"utsushi": partial(utsushi, kind), "loop": partial(loop, kind)} for kind in ("ae", "vae")
}

if __name__ == "__main__":
    main(__file__, __doc__, CASES)
