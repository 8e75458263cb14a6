"""How the settings of ``models.py`` were chosen: candidates on a tenth of the training rows.

    python benchmarks/quality/choose.py [--seeds 0] [--families dense conv …]

Each candidate is trained on nine tenths of the lecture's 16,000 training rows and measured on the
tenth that it has not seen; no test row is looked at. Prints a line a candidate and writes
``results/choice_FAMILY.json``, the tries that came out worse included. ``sampler`` tries sizes and
temperatures of the mixture that codes are drawn from, by the Fréchet distance to the same tenth.
``default-sampler`` does so for the default models, over the seeds 0 to 4.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import product
from statistics import mean, stdev
from typing import Any

from common import Rows, parser_of, trained, validation_split, write
from models import LARGE_MOVES, LARGER_MOVES, MIDDLE_MOVES, conv, recipe
from numpy.random import default_rng

from utsushi import Autoencoder, VariationalAutoencoder, datasets
from utsushi.estimators import BaseAutoencoder
from utsushi.evaluation import (
    evaluate_generation,
    linear_probe,
    neighbour_accuracy,
    reconstruction_error,
)
from utsushi.networks import Conv, Dense, Network
from utsushi.samplers import Gaussian, Mixture, Prior
from utsushi.transforms.augmentation import Affine

DATA = datasets.load_mnist20k()
X, Y, HELD_OUT, Y_HELD_OUT = validation_split(DATA.X_train, DATA.y_train)

SMALL_MOVES = Affine()
LINEAR, SIGMOID = Dense(hidden=(1000,)), Dense(hidden=(1000,), output="sigmoid")
CONV_LINEAR = Conv((32, 64), 512, "silu", "linear", "uniform")
CONV_SIGMOID = Conv((32, 64), 512, "silu", "sigmoid", "uniform")


def of(
    network: Network, max_epochs: int, rate: float, augment: Affine, decay: float = 0.0
) -> dict[str, Any]:
    """Return a candidate's settings; convolutions take smaller batches, in bfloat16."""
    size, precision = (128, "bfloat16") if isinstance(network, Conv) else (200, "float32")
    return {
        "network": network,
        "recipe": recipe(max_epochs, size, rate, decay, precision),
        "augment": augment,
        "scaling": None if network.output == "sigmoid" else "center",
        "image_shape": (28, 28),
    }


#: By family: the estimator, and its candidates.
FAMILIES: dict[str, tuple[type[BaseAutoencoder], Mapping[str, dict[str, Any]]]] = {
    "dense": (
        Autoencoder,
        {
            "linear, 40 epochs, small moves": of(LINEAR, 40, 5e-3, SMALL_MOVES),
            "40 epochs, small moves": of(SIGMOID, 40, 5e-3, SMALL_MOVES),
            "40 epochs, small moves, decay": of(SIGMOID, 40, 5e-3, SMALL_MOVES, 0.05),
            "100 epochs, middle moves, decay": of(SIGMOID, 100, 5e-3, MIDDLE_MOVES, 0.05),
        },
    ),
    "conv": (
        Autoencoder,
        {
            "linear, 20 epochs, middle moves": of(CONV_LINEAR, 20, 3e-3, MIDDLE_MOVES),
            "20 epochs, middle moves": of(CONV_SIGMOID, 20, 3e-3, MIDDLE_MOVES),
            "45 epochs, middle moves": of(CONV_SIGMOID, 45, 3e-3, MIDDLE_MOVES),
            "45 epochs, large moves": of(CONV_SIGMOID, 45, 3e-3, LARGE_MOVES),
        },
    ),
    "dense-vae": (
        VariationalAutoencoder,
        {
            "40 epochs, small moves": of(SIGMOID, 40, 3e-3, SMALL_MOVES),
            "40 epochs, middle moves": of(SIGMOID, 40, 5e-3, MIDDLE_MOVES),
            "100 epochs, middle moves, decay": of(SIGMOID, 100, 3e-3, MIDDLE_MOVES, 0.05),
        },
    ),
    "conv-vae": (
        VariationalAutoencoder,
        {
            "20 epochs, middle moves": of(CONV_SIGMOID, 20, 2e-3, MIDDLE_MOVES),
            "45 epochs, middle moves": of(CONV_SIGMOID, 45, 2e-3, MIDDLE_MOVES),
        },
    ),
    # By what the codes tell of the digit.
    "features": (
        Autoencoder,
        {
            "40 epochs, middle moves": of(CONV_SIGMOID, 40, 3e-3, MIDDLE_MOVES),
            "linear, 70 epochs, large moves": of(CONV_LINEAR, 70, 3e-3, LARGE_MOVES),
            "linear, 70 epochs, larger moves": of(CONV_LINEAR, 70, 3e-3, LARGER_MOVES),
            "linear, 120 epochs, larger moves": of(CONV_LINEAR, 120, 3e-3, LARGER_MOVES),
            "70 epochs, larger moves": of(CONV_SIGMOID, 70, 3e-3, LARGER_MOVES),
        },
    ),
}

MIXTURES = (20, 50, 100, 200)
TEMPERATURES = (1.0, 0.9, 0.8, 0.7)

#: Sets of draws that a figure is the mean of: one set's distance is off by a tenth and more.
DRAWS = 5


def tries_of(family: str, seed: int) -> list[dict[str, Any]]:
    """Train all candidates of a family and measure them on the rows that they have not seen."""
    estimator, candidates = FAMILIES[family]
    runs = []
    for name, settings in candidates.items():
        started = time.perf_counter()
        model = estimator(10, random_state=seed, **settings).fit(X)
        run = {
            "candidate": name,
            "seed": seed,
            "seconds": time.perf_counter() - started,
            "validation MSE": reconstruction_error(model, HELD_OUT).value,
            "training MSE": reconstruction_error(model, X[: len(HELD_OUT)]).value,
            "validation score": float(model.score(HELD_OUT)),
        }
        if family == "features":
            lesson = model.transform(X), Y, model.transform(HELD_OUT), Y_HELD_OUT
            run["validation linear probe"] = linear_probe(*lesson).value
            run["validation 5 neighbours"] = neighbour_accuracy(*lesson).value
        print(run, flush=True)
        runs.append(run)
    return runs


def tries_of_samplers(seed: int) -> list[dict[str, Any]]:
    """Train one convolutional autoencoder and draw its codes from mixtures of several sizes."""
    model, _ = trained("conv-for-choice", conv, X, seed)

    def distance(rows: Rows) -> float:
        found = evaluate_generation(rows, HELD_OUT, X, random_state=seed)
        return float(found["frechet_distance"]["value"])

    copies = distance(model.reconstruct(HELD_OUT))
    runs = [{"candidate": "copies", "seed": seed, "validation Fréchet": copies}]
    for size in MIXTURES:
        model.set_params(sampler=Mixture(size)).fit_sampler(X)
        for temperature in TEMPERATURES:
            model.sampler_.set_params(temperature=temperature)
            draws = [model.sample(len(HELD_OUT), random_state=draw) for draw in range(DRAWS)]
            run = {"candidate": f"mixture of {size}, temperature {temperature}", "seed": seed}
            run["validation Fréchet"] = sum(map(distance, draws)) / DRAWS
            print(run, flush=True)
            runs.append(run)
    return runs


def tries_of_default_samplers() -> list[dict[str, Any]]:
    """Draw the codes of the default models from each sampler that needs no further dependency."""
    candidates = {"prior": Prior(), "Gaussian": Gaussian(), "mixture of 100": Mixture(100)} | {
        f"mixture by BIC, temperature {temperature}": Mixture(temperature=temperature)
        for temperature in TEMPERATURES
    }
    found: dict[str, list[dict[str, Any]]] = {}
    for estimator, seed in product((VariationalAutoencoder, Autoencoder), range(5)):
        model = estimator(sampler="gaussian", random_state=seed).fit(X)
        for name, sampler in candidates.items():
            if isinstance(sampler, Prior) and estimator is Autoencoder:
                continue
            model.sampler_ = sampler.fit(model.transform(X).astype(float), default_rng(seed))
            samples = model.sample(len(HELD_OUT), random_state=seed)
            figures = evaluate_generation(samples, HELD_OUT, X, random_state=seed)
            found.setdefault(f"{estimator.__name__}, {name}", []).append(figures)
    runs = []
    for name, seeds in found.items():
        distances = [figures["frechet_distance"]["value"] for figures in seeds]
        run = {"candidate": name, "Fréchet": mean(distances), "deviation": stdev(distances)}
        for key in ("precision", "recall", "share_memorized"):
            run[key] = mean(figures[key]["value"] for figures in seeds)
        print(run, flush=True)
        runs.append(run)
    return runs


def main() -> None:
    """Try all candidates of the families that are asked for."""
    families = [*FAMILIES, "sampler", "default-sampler"]
    parser = parser_of(__doc__, seeds=[0])
    parser.add_argument("--families", nargs="+", choices=families, default=families)
    arguments = parser.parse_args()
    for family in arguments.families:
        runs = tries_of_default_samplers() if family == "default-sampler" else []
        for seed in [] if family == "default-sampler" else arguments.seeds:
            runs += tries_of_samplers(seed) if family == "sampler" else tries_of(family, seed)
        write(f"choice_{family}.json", {"runs": runs})


if __name__ == "__main__":
    main()
