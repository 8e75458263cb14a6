"""Count the files and functions of the library that a call enters.

    python tools/count_calls.py

It prints the files and the functions of src/utsushi that `Autoencoder.fit` enters up to its first
step, and those of ``utsushi train ae`` on the 8x8 digits, and how often execution goes from file
to file.
"""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import utsushi
from utsushi import Autoencoder, datasets

ROOT = str(Path(utsushi.__file__).parent)


class Reached(Exception):  # noqa: N818
    """The first step was reached."""


class Counter:
    """A profile function for `sys.setprofile`."""

    def __init__(self, last: str | None = None) -> None:
        self.last = last
        self.files: set[str] = set()
        self.functions: set[tuple[str, int]] = set()
        self.changes = 0
        self.current = ""

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        """Note a call of a function of the library; class and module bodies are none."""
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(ROOT):
            return
        if code.co_name == "<module>" or not code.co_flags & 2:
            return
        self.files.add(code.co_filename)
        self.functions.add((code.co_filename, code.co_firstlineno))
        self.changes += code.co_filename != self.current
        self.current = code.co_filename
        if code.co_name == self.last:
            raise Reached


def counted(call: Callable[[], Any], last: str | None = None) -> Counter:
    """Return what a call entered, up to a function of that name."""
    counter = Counter(last)
    sys.setprofile(counter)
    try:
        with contextlib.suppress(Reached, SystemExit):
            call()
    finally:
        sys.setprofile(None)
    return counter


def main() -> None:
    """Count and print."""
    X = datasets.load_digits8x8().X_train
    Autoencoder(max_epochs=1, random_state=0).fit(X)  # imports
    fit = counted(lambda: Autoencoder(max_epochs=1, random_state=0).fit(X), last="_step")
    print(f"Autoencoder.fit to the first step: {len(fit.files)} files, {fit.changes} changes")
    from utsushi.cli.main import run

    with tempfile.TemporaryDirectory() as folder:
        words = ["train", "ae", "--data", "digits8x8", "--out", f"{folder}/run"]
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            train = counted(lambda: run(words))
    print(f"utsushi train ae: {len(train.functions)} functions, {len(train.files)} files")


if __name__ == "__main__":
    main()
