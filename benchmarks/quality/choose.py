"""How the settings of ``models.py`` were chosen: candidates on a tenth of the training rows.

    python benchmarks/quality/choose.py [--seeds 0] [--families dense conv …]

Each candidate is trained on nine tenths of the lecture's 16,000 training rows and measured on the
tenth that it has not seen; no test row is looked at. Prints a line a candidate and writes
``results/choice.json``, the tries that came out worse included.
"""

from __future__ import annotations

import time
from typing import Any

from common import parser_of, validation_split, write
from models import recipe

from utsushi import Autoencoder, VariationalAutoencoder, datasets
from utsushi.augmentation import Affine
from utsushi.evaluation import reconstruction_error
from utsushi.networks import Conv, Dense

DATA = datasets.load_mnist20k()

LIGHT, STRONG = Affine(), Affine(rotation=10, scale=0.1, shift=1.0, probability=0.8)
MIDDLE = Affine(rotation=8, scale=0.06, shift=0.6, probability=0.6)

#: By family: the estimator, what its candidates share, and the candidates.
FAMILIES: dict[str, tuple[type, dict[str, Any], dict[str, dict[str, Any]]]] = {
    "dense": (
        Autoencoder,
        {},
        {
            "relu, 40 epochs, light": {
                "network": Dense((1000,)),
                "recipe": recipe(40, 200, 5e-3),
                "augment": LIGHT,
            },
            "gelu, 40 epochs, light": {
                "network": Dense((1000,), "gelu"),
                "recipe": recipe(40, 200, 5e-3),
                "augment": LIGHT,
            },
            "relu, 150 epochs, middle": {
                "network": Dense((1000,)),
                "recipe": recipe(150, 200, 8e-3),
                "augment": MIDDLE,
            },
            "relu, 150 epochs, strong": {
                "network": Dense((1000,)),
                "recipe": recipe(150, 200, 8e-3),
                "augment": STRONG,
            },
        },
    ),
    "conv": (
        Autoencoder,
        {"precision": "bfloat16"},
        {
            "relu, dense 256, 25 epochs, light": {
                "network": Conv((32, 64), 256),
                "recipe": recipe(25, 128, 3e-3),
                "augment": LIGHT,
            },
            "gelu, dense 256, 25 epochs, light": {
                "network": Conv((32, 64), 256, "gelu"),
                "recipe": recipe(25, 128, 3e-3),
                "augment": LIGHT,
            },
            "gelu, dense 256, 25 epochs, strong": {
                "network": Conv((32, 64), 256, "gelu"),
                "recipe": recipe(25, 128, 3e-3),
                "augment": STRONG,
            },
            "silu, dense 512, 25 epochs, light": {
                "network": Conv((32, 64), 512, "silu"),
                "recipe": recipe(25, 128, 3e-3),
                "augment": LIGHT,
            },
            "silu, dense 512, 70 epochs, strong": {
                "network": Conv((32, 64), 512, "silu"),
                "recipe": recipe(70, 128, 3e-3),
                "augment": STRONG,
            },
        },
    ),
    "dense-vae": (
        VariationalAutoencoder,
        {},
        {
            "relu, 100 epochs, middle": {
                "network": Dense((1000,)),
                "recipe": recipe(100, 200, 5e-3),
                "augment": MIDDLE,
            },
            "relu, 150 epochs, strong": {
                "network": Dense((1000,)),
                "recipe": recipe(150, 200, 5e-3),
                "augment": STRONG,
            },
        },
    ),
    "conv-vae": (
        VariationalAutoencoder,
        {"precision": "bfloat16"},
        {
            "silu, dense 512, 70 epochs, middle": {
                "network": Conv((32, 64), 512, "silu"),
                "recipe": recipe(70, 128, 2e-3),
                "augment": MIDDLE,
            },
            "silu, dense 512, 70 epochs, strong": {
                "network": Conv((32, 64), 512, "silu"),
                "recipe": recipe(70, 128, 2e-3),
                "augment": STRONG,
            },
        },
    ),
}


def try_one(family: str, name: str, seed: int) -> dict[str, Any]:
    """Train a candidate and measure it on the rows that it has not seen."""
    estimator, shared, candidates = FAMILIES[family]
    X, _, held_out, _ = validation_split(DATA.X_train, DATA.y_train)
    started = time.perf_counter()
    model = estimator(
        10, image_shape=(28, 28), random_state=seed, **shared, **candidates[name]
    ).fit(X)
    run = {
        "family": family,
        "candidate": name,
        "seed": seed,
        "seconds": time.perf_counter() - started,
        "validation MSE": reconstruction_error(model, held_out).value,
        "training MSE": reconstruction_error(model, X[: len(held_out)]).value,
        "validation score": float(model.score(held_out)),
    }
    print(run, flush=True)
    return run


def main() -> None:
    """Try all candidates of the families that are asked for."""
    parser = parser_of(__doc__, seeds=[0])
    parser.add_argument("--families", nargs="+", choices=list(FAMILIES), default=list(FAMILIES))
    arguments = parser.parse_args()
    runs = [
        try_one(family, name, seed)
        for family in arguments.families
        for name in FAMILIES[family][2]
        for seed in arguments.seeds
    ]
    write("choice.json", {"runs": runs})


if __name__ == "__main__":
    main()
