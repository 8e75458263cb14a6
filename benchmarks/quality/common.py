"""What the scripts of this folder share: the models, their cache, and how results are written.

No choice of any setting looks at a test row. ``choose.py`` tries settings on a tenth of the
training rows that training does not see (``validation_split``), and writes what it found beside the
results.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from utsushi import load
from utsushi.estimators import BaseAutoencoder

Rows = NDArray[np.floating[Any]]

RESULTS = Path(__file__).with_name("results")
CACHE = Path(__file__).with_name("models")

PACKAGES = ("numpy", "scikit-learn", "scipy", "torch", "utsushi")


def parser_of(text: str | None, seeds: Sequence[int] = (0, 1, 2)) -> argparse.ArgumentParser:
    """Return a parser with the option that all scripts have."""
    parser = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=list(seeds))
    return parser


def validation_split(X: Rows, y: Rows) -> tuple[Rows, Rows, Rows, Rows]:
    """Return nine tenths of the training rows and their labels, and the tenth to choose by."""
    order = np.random.default_rng(4649).permutation(len(X))
    held, kept = order[: len(X) // 10], order[len(X) // 10 :]
    return X[kept], y[kept], X[held], y[held]


def trained(
    name: str,
    make: Callable[[int], BaseAutoencoder],
    X: Rows,
    seed: int,
    y: NDArray[Any] | None = None,
) -> tuple[BaseAutoencoder, float]:
    """Return a fitted model and the wall seconds of its training, from the cache if it is there.

    The cache knows a model by its name, seed and parameters; delete the folder to train anew.
    """
    unfitted = make(seed)
    file = CACHE / f"{name}-{seed}.safetensors"
    note = file.with_suffix(".json")
    described = repr(unfitted.get_params())
    if note.exists() and json.loads(note.read_text())["parameters"] == described:
        return load(file), json.loads(note.read_text())["seconds"]
    started = time.perf_counter()
    model = unfitted.fit(X, y)
    seconds = time.perf_counter() - started
    CACHE.mkdir(exist_ok=True)
    model.save(file)
    note.write_text(json.dumps({"parameters": described, "seconds": seconds}))
    print(f"  {name}, seed {seed}: trained in {seconds:.0f} s", flush=True)
    return model, seconds


def mean_sd(values: Sequence[float]) -> tuple[float, float | None]:
    """Return the mean over seeds, and the standard deviation if there are several."""
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return float(np.mean(values)), spread


def summary_of(runs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return mean and standard deviation over seeds of every number, by ``"model"``."""
    table: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(run["model"] for run in runs):
        same = [run for run in runs if run["model"] == name]
        keys = [key for key, value in same[0].items() if isinstance(value, float) and key != "seed"]
        table[name] = {"seeds": [run["seed"] for run in same]}
        for key in keys:
            mean, spread = mean_sd([run[key] for run in same])
            table[name][key] = {"mean": mean, "sd": spread}
    return table


def print_summary(summary: Mapping[str, Mapping[str, Any]], digits: int = 4) -> None:
    """Print a line a model: mean ± standard deviation over seeds."""
    for name, figures in summary.items():
        cells = [
            f"{key} {value['mean']:.{digits}f}"
            + ("" if value["sd"] is None else f" ± {value['sd']:.{digits}f}")
            for key, value in figures.items()
            if key != "seeds"
        ]
        print(f"{name:24} " + "  ".join(cells) + f"  (n = {len(figures['seeds'])})", flush=True)


def write_runs(name: str, runs: Sequence[Mapping[str, Any]]) -> None:
    """Write runs and their summary; what the file holds of other models and seeds stays in it."""
    path = RESULTS / name
    known = json.loads(path.read_text())["runs"] if path.exists() else []
    table = {(run["model"], run["seed"]): run for run in [*known, *runs]}
    models = list(dict.fromkeys(model for model, _ in table))
    by_model = sorted(table, key=lambda key: (models.index(key[0]), key[1]))
    together = [table[key] for key in by_model]
    write(name, {"summary": summary_of(together), "runs": together})


def write(name: str, content: Mapping[str, Any]) -> None:
    """Write results beside these scripts, with what they were made by."""
    machine = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        **{package: version(package) for package in PACKAGES},
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / name
    path.write_text(json.dumps({"machine": machine, **content}, indent=2) + "\n")
    print(f"written: {path.name}")
