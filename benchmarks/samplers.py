"""Each sampler on the codes of the digits: what it costs, and how well it describes held-out codes.

    OMP_NUM_THREADS=1 python benchmarks/samplers.py [--models ae vae] [--seed 0]

A model is trained on the 16,000 training rows. Each sampler is fitted to their codes, for the time,
and to four fifths of them. On the last fifth, the mean log density in nats; and how often a
classifier (gradient boosting, five folds) tells as many draws from them: 0.5 is never, 1 always
(Lopez-Paz and Oquab 2017, https://arxiv.org/abs/1610.06545). The test rows are not looked at. The
result is written beside this script.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_score

from utsushi import Autoencoder, VariationalAutoencoder, datasets
from utsushi.samplers import Flow, Gaussian, Mixture, Prior, Sampler, TwoStage

MODELS = {"ae": Autoencoder, "vae": VariationalAutoencoder}
SAMPLERS: dict[str, Sampler] = {
    "prior": Prior(),
    "gaussian": Gaussian(),
    "mixture of 10": Mixture(n_components=10),
    "mixture of 50": Mixture(n_components=50),
    "mixture by BIC": Mixture(),
    "two-stage": TwoStage(),
    "flow": Flow(),
}

Codes = NDArray[np.float64]


def mean_log_density(sampler: Sampler, codes: Codes) -> float | None:
    """Return nats per code; None of a second stage, which has only a bound."""
    if isinstance(sampler, Flow):
        return float(sampler.log_prob(codes).mean())
    if isinstance(sampler, Prior):
        return float(multivariate_normal(sampler.mean_).logpdf(codes).mean())
    if isinstance(sampler, Gaussian):
        normal = multivariate_normal(sampler.mean_, sampler.covariance_)
        return float(normal.logpdf(codes).mean())
    if not isinstance(sampler, Mixture):
        return None
    parts = [
        np.log(weight) + multivariate_normal(mean, factor @ factor.T).logpdf(codes)
        for weight, mean, factor in zip(
            sampler.weights_, sampler.means_, sampler.factors_, strict=True
        )
    ]
    return float(logsumexp(parts, axis=0).mean())


def told_apart(draws: Codes, codes: Codes) -> float:
    """Return the accuracy of a classifier between draws and codes, over five folds."""
    X, y = np.concatenate([draws, codes]), np.repeat([0, 1], [len(draws), len(codes)])
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    classifier = HistGradientBoostingClassifier(random_state=0)
    return float(cross_val_score(classifier, X, y, cv=folds).mean())


def n_gaussians(sampler: Sampler) -> int | None:
    """Return the size of a mixture."""
    return len(sampler.weights_) if isinstance(sampler, Mixture) else None


def measure(sampler: Sampler, codes: Codes, seed: int) -> dict[str, float | int | None]:
    """Fit a sampler to all codes, for the time, and to four fifths, for its quality."""
    started = time.process_time()
    of_all = clone(sampler).fit(codes, np.random.default_rng(seed))
    seconds = time.process_time() - started
    order = np.random.default_rng(seed).permutation(len(codes))
    held_out, seen = np.split(codes[order], [len(codes) // 5])
    fitted = clone(sampler).fit(seen, np.random.default_rng(seed))
    draws = fitted.sample(len(held_out), np.random.default_rng(seed + 1))
    return {
        "processor_seconds": seconds,
        "held_out_log_density": mean_log_density(fitted, held_out),
        "told_apart": told_apart(draws, held_out),
        "n_gaussians_of_all": n_gaussians(of_all),
        "n_gaussians": n_gaussians(fitted),
    }


def main() -> None:
    """Measure, print a line a sampler, write the numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    X = datasets.load_mnist20k().X_train
    results: dict[str, dict[str, dict[str, float | int | None]]] = {}
    for name in arguments.models:
        model = MODELS[name](10, sampler="gaussian", random_state=arguments.seed).fit(X)
        codes = model.transform(X).astype(np.float64)
        results[name] = {}
        for title, sampler in SAMPLERS.items():
            row = results[name][title] = measure(sampler, codes, arguments.seed)
            density = row["held_out_log_density"]
            print(
                f"{name:4} {title:15} {row['processor_seconds']:6.2f} s, held out "
                f"{'  none' if density is None else format(density, '6.2f')} nats, told apart "
                f"{row['told_apart']:.3f}"
                + (f", {row['n_gaussians']} of four fifths" if row["n_gaussians"] else "")
                + (f", {row['n_gaussians_of_all']} of all" if row["n_gaussians"] else ""),
                flush=True,
            )
    path = Path(__file__).with_name("results") / "samplers.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(results, indent=2) + "\n")


if __name__ == "__main__":
    main()
