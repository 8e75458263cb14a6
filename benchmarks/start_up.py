"""Whole-process start-up times over Python's own.

    python benchmarks/start_up.py [--runs 15]

Times ``python -c pass``, ``import utsushi`` and help pages as processes of their own, in turn, and
prints the median of the differences from Python's own start.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

RUN = "from utsushi.cli import main; main({arguments!r})"
COMMANDS = {
    "python": "pass",
    "import utsushi": "import utsushi",
    "utsushi --help": RUN.format(arguments=["--help"]),
    "utsushi train vae --help": RUN.format(arguments=["train", "vae", "--help"]),
    "utsushi generate --help": RUN.format(arguments=["generate", "--help"]),
}


def seconds(code: str) -> float:
    """Return the wall time of a Python process that runs ``code``."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def main() -> None:
    """Time all commands in turn and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    n_runs = parser.parse_args().runs
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(n_runs + 1):
        for name, code in COMMANDS.items():
            times[name].append(seconds(code))
    own = times.pop("python")[1:]
    for name, measured in times.items():
        over = [a - b for a, b in zip(measured[1:], own, strict=True)]
        print(
            f"{name:26} {statistics.median(over):.3f} s over Python's own "
            f"({min(over):.3f} to {max(over):.3f}, {n_runs} runs)"
        )


if __name__ == "__main__":
    main()
