"""Synthetic rows of mixed tables, compared with a Gaussian copula, TVAE and CTGAN.

    OMP_NUM_THREADS=1 python benchmarks/tables/synthesis.py --islp FOLDER [--tables Default …]
        [--seeds 0 1 2] [--models table tvae ctgan] [--write]

FOLDER holds the CSV files of ISLP's ``data`` folder (pip download --no-deps islp==0.6.0, unzip).
Each table is halved by the seed: models learn one half and draw as many rows; the other half is
what `utsushi.evaluation.evaluate_synthetic` compares them with, next to its baselines: ``floor`` is
the training half itself, ``copula`` a Gaussian copula, ``independent`` has shuffled columns. TVAE
and CTGAN are those of the ctgan package with their defaults, where it is installed; it is measured
here and never a dependency.

Prints a line for each fit, and the means over tables and seeds.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from utsushi import TableAutoencoder
from utsushi.evaluation import evaluate_synthetic

RESULTS = Path(__file__).parents[1] / "results" / "synthesis.json"

#: By table: the columns to leave out, and the column to predict.
TABLES: dict[str, tuple[list[str], str]] = {
    "Default": ([], "default"),
    "Wage": (["logwage", "region"], "health_ins"),
    "Bikeshare": (["casual", "registered"], "weathersit"),
    "Credit": (["ID"], "Student"),
}

METRICS = (
    *("column_error", "pair_error", "real_or_synthetic", "target_roc_auc"),
    "share_near_training_row",
)


def table(folder: Path, name: str) -> tuple[pd.DataFrame, str]:
    """Return a table and the column to predict: one that others decide, of two values."""
    dropped, target = TABLES[name]
    frame = pd.read_csv(folder / f"{name}.csv").drop(columns=dropped)
    if name == "Wage":
        frame["wage"] = np.where(frame["wage"] > 100, "high", "low")
        target = "wage"
    if name == "Bikeshare":
        frame["bikers"] = np.where(frame["bikers"] > frame["bikers"].median(), "many", "few")
        target = "bikers"
    if name == "Credit":
        frame["Balance"] = np.where(frame["Balance"] > frame["Balance"].median(), "high", "low")
        target = "Balance"
    return frame, target


def synthetic(model: str, train: pd.DataFrame, n: int, seed: int) -> dict[str, Any]:
    """Fit a model and draw rows, with the seconds of both."""
    start = time.perf_counter()
    sample: Callable[[int], Any]
    if model == "table":
        fitted = TableAutoencoder(random_state=seed).fit(train)
        sample = lambda count: fitted.sample(count, random_state=seed)  # noqa: E731
    else:
        import ctgan
        import torch

        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - it draws from the global generators
        peer = {"tvae": ctgan.TVAE, "ctgan": ctgan.CTGAN}[model]()
        peer.fit(train, [c for c in train if not pd.api.types.is_numeric_dtype(train[c])])
        sample = peer.sample
    fit = time.perf_counter() - start
    start = time.perf_counter()
    rows = sample(n)
    return {"rows": rows, "fit": fit, "sample": time.perf_counter() - start}


def measured(model: str, frame: pd.DataFrame, target: str, seed: int) -> list[dict[str, Any]]:
    """Return the figures of one model on one half of a table, and those of the baselines."""
    order = np.random.default_rng(seed).permutation(len(frame))
    half = len(frame) // 2
    train, test = (frame.iloc[some].reset_index(drop=True) for some in (order[:half], order[half:]))
    made = synthetic(model, train, half, seed)
    found = evaluate_synthetic(made["rows"], train, test, target=target, random_state=seed)
    seconds = {"fit_seconds": made["fit"], "sample_seconds": made["sample"]}
    own = {name: found[name]["value"] for name in METRICS}
    rows = [{"model": model, **own, **seconds}]
    for baseline in ("floor", "copula", "independent"):
        of_it = {name: (found[name].get(baseline) or {}).get("value") for name in METRICS}
        rows.append({"model": baseline, **of_it})
    return rows


def main() -> None:
    """Run, print and store the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--islp", type=Path, required=True)
    parser.add_argument("--tables", nargs="+", default=list(TABLES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--models", nargs="+", default=["table"])
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    rows: list[dict[str, Any]] = []
    for name in args.tables:
        frame, target = table(args.islp, name)
        for seed in args.seeds:
            for model in args.models:
                for figures in measured(model, frame, target, seed):
                    if figures["model"] == model or model == args.models[0]:
                        rows.append({"table": name, "seed": seed, **figures})
                        shown = " ".join(
                            f"{key} {value:.4f}" if isinstance(value, float) else str(value)
                            for key, value in figures.items()
                        )
                        print(f"{name:10s} {seed} {shown}", flush=True)
    data = pd.DataFrame(rows)
    print(data.drop(columns=["seed"]).groupby(["table", "model"]).mean().round(4).to_string())
    print(data.drop(columns=["seed", "table"]).groupby("model").mean().round(4).to_string())
    if args.write:
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
