"""How well do variational models separate known factors? MIG, SAP and DCI on drawn images.

    python benchmarks/models/factors.py --choose [--seeds 0 1 2] [--epochs 30]
    python benchmarks/models/factors.py [--seeds 0 1 2] [--epochs 30]

All models have the same convolutional network, ten components and the same recipe, and learn 5,000
images of `utsushi.datasets.make_factors`, 32 × 32 pixels. ``--choose`` trains every candidate and
prints its figures on 5,000 validation images; `CHOSEN` has the strength of each model with the
highest MIG there. Without it, the chosen ones are measured on 5,000 test images. MIG is of codes
drawn from the posteriors, as in its reference; the others are of their means.
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any

import numpy as np

from utsushi import VariationalAutoencoder, datasets
from utsushi.evaluation import dci, mig, sap
from utsushi.networks import Conv
from utsushi.objectives import BetaTC, DisentangledInferredPrior, FactorVAE
from utsushi.training import Recipe

N_IMAGES = 5_000

#: The seeds of the images; no strength is chosen by a test image.
TRAINING, VALIDATION, TEST = 0, 1, 2

#: By model, what was tried.
CANDIDATES: dict[str, list[dict[str, Any]]] = {
    "β-VAE": [{"beta": beta} for beta in (1.0, 2.0, 4.0, 8.0)],
    "β-TC": [{"objective": BetaTC(strength=strength)} for strength in (2.0, 5.0, 10.0)],
    "FactorVAE": [{"objective": FactorVAE(strength=strength)} for strength in (5.0, 20.0)],
    "DIP-VAE": [{"objective": DisentangledInferredPrior(strength=5.0)}],
}

#: By model, what ``--choose --seeds 0`` found best.
CHOSEN: dict[str, dict[str, Any]] = {
    "β-VAE": {"beta": 4.0},
    "β-TC": {"objective": BetaTC(strength=10.0)},
    "FactorVAE": {"objective": FactorVAE(strength=5.0)},
    "DIP-VAE": {"objective": DisentangledInferredPrior(strength=5.0)},
}


def figures_of(settings: dict[str, Any], seed: int, epochs: int, measured: int) -> dict[str, float]:
    """Train a model; return its figures on the images of the seed ``measured``."""
    training, images = (
        datasets.make_factors(N_IMAGES, random_state=of) for of in (TRAINING, measured)
    )
    model = VariationalAutoencoder(
        n_components=10,
        network=Conv(channels=(16, 32, 32), hidden=(128,)),
        image_shape=training.image_shape,
        likelihood="bernoulli",  # of the grey edges too, as in the references
        scaling=None,
        recipe=Recipe(batch_size=64),
        max_epochs=epochs,
        random_state=seed,
        **settings,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(training.X)
    factors, categorical = images.factors, images.categorical
    mean, deviation = model.posterior_of(images.X)
    noise = np.random.default_rng(seed).standard_normal(mean.shape)
    found = dci(mean, factors, categorical=categorical)
    return {
        "MIG": mig(mean + deviation * noise, factors),
        "MIG of means": mig(mean, factors),
        "SAP": sap(mean, factors, categorical=categorical),
        "D": found.disentanglement,
        "C": found.completeness,
        "I": found.informativeness,
        "error": float(np.square(model.reconstruct(images.X) - images.X).sum(axis=1).mean()),
    }


def report(name: str, settings: dict[str, Any], of: str, figures: dict[str, float]) -> None:
    """Print the figures of one training, or their means over the seeds."""
    strength = getattr(settings.get("objective"), "strength", settings.get("beta"))
    values = "  ".join(f"{key} {value:.3f}" for key, value in figures.items())
    print(f"{name:10} {strength:<4g} {of:7} {values}", flush=True)


def main() -> None:
    """Choose, or measure what was chosen."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", choices=CANDIDATES, default=list(CANDIDATES))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--choose", action="store_true")
    arguments = parser.parse_args()
    measured = VALIDATION if arguments.choose else TEST
    for name in arguments.models:
        for settings in CANDIDATES[name] if arguments.choose else [CHOSEN[name]]:
            runs = []
            for seed in arguments.seeds:
                runs.append(figures_of(settings, seed, arguments.epochs, measured))
                report(name, settings, f"seed {seed}", runs[-1])
            means = {key: float(np.mean([run[key] for run in runs])) for key in runs[0]}
            report(name, settings, "mean", means)


if __name__ == "__main__":
    main()
