"""The named parts on the 8 x 8 digits: priors of a VAE, and a bottleneck and a penalty of an AE.

    OMP_NUM_THREADS=1 python benchmarks/parts.py [--seeds 0 1 2]

Ten components and every other parameter at its default. All figures are of the 360 test rows: the
importance-weighted bound on log p(x) with 100 draws, the squared error of a row, and the Fréchet
distance between 1,437 samples and the test rows, of pixels. The floor is the distance of the 1,437
training rows. Each figure is the mean over the seeds and their standard deviation.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi import Autoencoder, VariationalAutoencoder, datasets
from utsushi.estimators import BaseAutoencoder
from utsushi.evaluation import frechet_distance
from utsushi.objectives import MMD

DATA = datasets.load_digits8x8()

#: By name: the model, and the samplers that are tried.
VARIATIONAL: dict[str, dict[str, Any]] = {
    "standard normal": {"prior": "standard-normal"},
    "VampPrior": {"prior": "vamp"},
}
PLAIN: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "neither": ({}, ("gaussian", "mixture")),
    "MMD": ({"penalty": MMD(strength=10.0)}, ("prior", "gaussian", "mixture")),
    "vector quantization": ({"bottleneck": "vector-quantization"}, ("gaussian", "mixture")),
}

Figures = dict[str, float]


def quality(model: BaseAutoencoder, samplers: tuple[str, ...], seed: int) -> Iterator[Figures]:
    """Give the squared error, then the distance of the samples of each sampler."""
    copies = model.reconstruct(DATA.X_test)
    yield {"squared error": float(np.square(DATA.X_test - copies).sum(axis=1).mean())}
    for sampler in samplers:
        model.set_params(sampler=sampler).fit_sampler(DATA.X_train)
        samples = model.sample(len(DATA.X_train), random_state=seed)
        yield {f"Fréchet, {sampler}": frechet_distance(samples, DATA.X_test)}


def figures_of(model: BaseAutoencoder, samplers: tuple[str, ...], seed: int) -> Figures:
    """Return all figures of a fitted model."""
    found: Figures = {}
    if isinstance(model, VariationalAutoencoder):
        found["log p(x)"] = float(model.log_likelihood(DATA.X_test).mean())
        found["divergence"] = float(model.divergence(DATA.X_test).sum(axis=1).mean())
    for more in quality(model, samplers, seed):
        found |= more
    if isinstance(model, Autoencoder) and model.bottleneck == "vector-quantization":
        codebook = model.module_.bottleneck.codebook
        pairs: NDArray[np.float32] = model.transform(DATA.X_train).reshape(-1, codebook.shape[1])
        found["share of the codebook in use"] = len(np.unique(pairs, axis=0)) / len(codebook)
    return found


def models(seed: int) -> Iterator[tuple[str, BaseAutoencoder, tuple[str, ...]]]:
    """Train one model after the other."""
    for name, settings in VARIATIONAL.items():
        model = VariationalAutoencoder(**settings, random_state=seed)
        yield f"VAE, {name}", model.fit(DATA.X_train), ("prior", "mixture")
    for name, (settings, samplers) in PLAIN.items():
        yield f"AE, {name}", Autoencoder(**settings, random_state=seed).fit(DATA.X_train), samplers


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    runs: dict[str, list[Figures]] = {}
    for seed in parser.parse_args().seeds:
        for name, model, samplers in models(seed):
            runs.setdefault(name, []).append(figures_of(model, samplers, seed))
    print(f"floor: {frechet_distance(DATA.X_train, DATA.X_test):.3f}")
    for name, all_of in runs.items():
        print(name)
        for key in all_of[0]:
            values = [found[key] for found in all_of]
            print(f"  {key:30} {np.mean(values):8.3f} ± {np.std(values, ddof=len(values) > 1):.3f}")


if __name__ == "__main__":
    main()
