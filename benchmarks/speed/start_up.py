"""Whole processes that should answer at once: the import, a help page, fifty new digits.

    python benchmarks/speed/start_up.py [--rounds 15]

The other side of the import and of the help page is Python's own start, and what counts is the
difference; that of ``utsushi generate RUN -n 50`` is a process that imports torch and scikit-learn.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from paired import Figures, main

#: A run to generate from; made once.
RUN = Path(__file__).with_name("models") / "run"

MAIN = "from utsushi.cli import main; main({arguments!r})"


def process(code: str, seed: int) -> Figures:
    """Run Python code as a process of its own."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return {"seconds": time.perf_counter() - started}


def generate(seed: int) -> Figures:
    """Generate 50 digits from a run."""
    if not RUN.exists():
        train = ["train", "vae", "--out", str(RUN), "--max-epochs", "1", "--random-state", "0"]
        process(MAIN.format(arguments=train), seed)
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["generate", str(RUN), "-n", "50", "--out", f"{folder}/new.png"]
        return process(MAIN.format(arguments=arguments), seed)


PYTHON = partial(process, "pass")
CASES = {
    "import utsushi": {"utsushi": partial(process, "import utsushi"), "python": PYTHON},
    "utsushi --help": {
        "utsushi": partial(process, MAIN.format(arguments=["--help"])),
        "python": PYTHON,
    },
    "utsushi generate RUN -n 50": {
        "utsushi": generate,
        "imports": partial(process, "import torch, sklearn.base"),
    },
}

if __name__ == "__main__":
    main(__file__, __doc__, CASES, n_rounds=15)
