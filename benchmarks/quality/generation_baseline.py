"""How good the digits are that the lecture's models generate: the table of docs/mathematics.md.

    OMP_NUM_THREADS=1 python benchmarks/quality/generation_baseline.py [--seed 0]

Trains the lecture's two models (a minute each), draws 4,000 digits from each source of codes, and
measures them against the 4,000 test digits. Prints the table and writes the figures into
``benchmarks/results``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from sklearn.base import clone

from utsushi import Autoencoder, VariationalAutoencoder, datasets
from utsushi.evaluation import evaluate_generation
from utsushi.evaluation.generation import Rows
from utsushi.samplers import Gaussian, Mixture
from utsushi.seeds import Purpose, numpy_generator

N_ROWS = 4000
SAMPLERS = {"Gaussian": Gaussian(), "mixture of 10": Mixture(10), "mixture of 50": Mixture(50)}
SHOWN = ("frechet_distance", "kernel_distance", "precision", "recall", "share_memorized")


def draws(seed: int, digits: datasets.Dataset) -> dict[str, Rows]:
    """Train both models; return 4,000 digits of each source."""
    shared: dict[str, Any] = {"recipe": "lecture", "random_state": seed, "verbose": 1}
    variational = VariationalAutoencoder(likelihood="unit-gaussian", **shared).fit(digits.X_train)
    autoencoder = Autoencoder(sampler="gaussian", **shared).fit(digits.X_train)
    rows = {"VAE, prior": variational.sample(N_ROWS, random_state=seed)}
    codes = autoencoder.transform(digits.X_train).astype(float)
    for name, sampler in SAMPLERS.items():
        # As fit does it, without the training.
        generator = numpy_generator(autoencoder.seed_, Purpose.SAMPLER)
        autoencoder.sampler_ = clone(sampler).fit(codes, generator)
        rows[f"AE, {name}"] = autoencoder.sample(N_ROWS, random_state=seed)
    rows["AE, copies of the test digits"] = autoencoder.reconstruct(digits.X_test)
    return rows


def cell(figures: dict[str, Any], name: str) -> str:
    """Return a figure with its standard error."""
    if name not in figures:
        return "–"
    value, error = figures[name]["value"], figures[name]["standard_error"]
    digits = 1 if "distance" in name else 3
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    digits = datasets.load_mnist20k()
    results = {
        name: evaluate_generation(rows, digits.X_test, digits.X_train, random_state=seed)
        for name, rows in draws(seed, digits).items()
    }
    first = next(iter(results.values()))
    floor = {name: first[f"real_{name}"] for name in SHOWN if f"real_{name}" in first}
    table = {"training digits (the floor)": floor, **results}
    print("| digits |", " | ".join(name.replace("_", " ") for name in SHOWN), "|")
    print("|---" * (1 + len(SHOWN)) + "|")
    for name, figures in table.items():
        print(f"| {name} |", " | ".join(cell(figures, shown) for shown in SHOWN), "|")
    path = Path(__file__).parents[1] / "results" / "generation_baseline.json"
    path.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
