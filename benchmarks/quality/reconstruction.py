"""Copies of the lecture's test digits through ten numbers, and the likelihood of the digits.

    python benchmarks/quality/reconstruction.py [--seeds 0 1 2] [--models dense conv …]

Trains on the lecture's 16,000 training rows and measures on its 4,000 test rows: the mean squared
error through the (mean) code; for the variational models also the divergence in nats and the
importance-weighted bound with 100 samples. ``seconds`` is the wall time of the training; the models
are kept in ``models/`` beside this script, where the other scripts find them.
"""

from __future__ import annotations

from typing import Any

from common import parser_of, print_summary, summary_of, trained, write_runs
from models import MODELS

from utsushi import VariationalAutoencoder, datasets
from utsushi.evaluation import Estimate, divergence_per_component, reconstruction_error

DATA = datasets.load_mnist20k()


def run_of(name: str, seed: int) -> dict[str, Any]:
    """Train one model and measure it."""
    model, seconds = trained(name, MODELS[name], DATA.X_train, seed)
    figures = {
        "MSE": reconstruction_error(model, DATA.X_test),
        "train MSE": reconstruction_error(model, DATA.X_train[:4000]),
    }
    if isinstance(model, VariationalAutoencoder):
        figures["KL"] = Estimate.over(divergence_per_component(model, DATA.X_test).sum(axis=1))
        bounds = model.log_likelihood(DATA.X_test, n_importance_samples=100)
        figures["bound"] = Estimate.over(bounds)
    run = {
        "model": name,
        "seed": seed,
        "seconds": seconds,
        **{key: figure.value for key, figure in figures.items()},
        "standard errors": {key: figure.standard_error for key, figure in figures.items()},
    }
    print(run, flush=True)
    return run


def main() -> None:
    """Measure, print and write."""
    parser = parser_of(__doc__)
    parser.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    arguments = parser.parse_args()
    runs = [run_of(name, seed) for name in arguments.models for seed in arguments.seeds]
    summary = summary_of(runs)
    print_summary(summary)
    write_runs("reconstruction.json", runs)


if __name__ == "__main__":
    main()
