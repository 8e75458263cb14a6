"""What these scripts share: sides that run in turn, each in a process of its own.

A script names its cases, and the sides of each: functions that measure and return figures. ``main``
runs the script once for each side and round, A B C A B C …, so that what the machine does meanwhile
strikes all sides alike, and compares within each round. The medians of the rounds' ratios, with
their lowest and highest, are printed, and written to ``results/`` beside the script with every run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

__all__ = ["Figures", "Side", "main"]

PACKAGES = ("utsushi", "torch", "numpy", "scikit-learn", "pythae", "pyod", "autoencoders")

Figures = dict[str, float]

#: Measures with a seed, which is the number of the round, and returns figures.
Side = Callable[[int], Figures]


def main(
    script: str,
    text: str | None,
    cases: Mapping[str, Mapping[str, Side]],
    *,
    ratio_of: str = "seconds",
    n_rounds: int = 5,
) -> None:
    """Run a script of this folder, or of one beside it.

    Parameters
    ----------
    script : str
        The script's ``__file__``.
    text : str
        Its docstring.
    cases : dict of str to dict of str to callable
        By the name of what is measured, its sides by name. The first side is compared with each of
        the others.
    ratio_of : str
        The figure that is divided.
    """
    parser = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=n_rounds)
    parser.add_argument("--cases", nargs="+", choices=list(cases), default=list(cases))
    parser.add_argument("--alone", nargs=2, metavar=("CASE", "SIDE"), help="one side, once")
    parser.add_argument("--seed", type=int, default=0, help="of --alone")
    arguments = parser.parse_args()
    if arguments.alone:
        case, side = arguments.alone
        print(json.dumps(cases[case][side](arguments.seed)))
        return
    found = {
        case: _measured(script, case, list(cases[case]), ratio_of, arguments.rounds)
        for case in arguments.cases
    }
    path = Path(script).with_name("results") / f"{Path(script).stem}.json"
    path.parent.mkdir(exist_ok=True)
    content = {"machine": _machine(), "ratio of": ratio_of, "cases": found}
    path.write_text(json.dumps(content, indent=2) + "\n")
    print(f"written: {path.name}")


def _measured(
    script: str, case: str, sides: Sequence[str], ratio_of: str, n_rounds: int
) -> dict[str, Any]:
    """Run all sides of a case in turn, print and return its rounds and ratios."""
    rounds = []
    for seed in range(n_rounds):
        rounds.append({side: _process(script, case, side, seed) for side in sides})
        print(case, json.dumps(rounds[-1]), flush=True)
    first, *others = sides
    ratios = {side: _ratio(rounds, ratio_of, first, side) for side in others}
    print(f"{case}:")
    _print(rounds, first, ratios, ratio_of)
    return {"of": first, "ratios": ratios, "rounds": rounds}


def _process(script: str, case: str, side: str, seed: int) -> Figures:
    """Measure one side in a process of its own."""
    command = [sys.executable, script, "--alone", case, side, "--seed", str(seed)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{case}, {side} failed in round {seed}:\n{done.stderr}")
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def _ratio(rounds: Sequence[Mapping[str, Figures]], figure: str, first: str, other: str) -> Figures:
    """Return the median of the first side's figure over another side's, round by round."""
    ratios = [found[first][figure] / found[other][figure] for found in rounds]
    return {"median": median(ratios), "low": min(ratios), "high": max(ratios)}


def _print(
    rounds: Sequence[Mapping[str, Figures]],
    first: str,
    ratios: Mapping[str, Figures],
    figure: str,
) -> None:
    """Print the medians of all figures of all sides, and the ratios."""
    for side in rounds[0]:
        keys = rounds[0][side]
        cells = [f"{key} {median(found[side][key] for found in rounds):.4g}" for key in keys]
        print(f"{side:14} " + "  ".join(cells))
    for name, ratio in ratios.items():
        print(
            f"{first} / {name}: {ratio['median']:.3f} of its {figure} "
            f"({ratio['low']:.3f} to {ratio['high']:.3f}, {len(rounds)} rounds)"
        )


def _machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    import torch

    found = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _processor() -> str:
    """Return the processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(": ")[1] for line in lines if line.startswith("model name")), "")
