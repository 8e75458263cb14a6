"""The quality that recipe "fast" ends with, against 30 epochs of plain Adam, seed by seed.

    python benchmarks/speed/recipe_quality.py [--rounds 3]

On the lecture's digits with 10 and with 20 components, and on the 8x8 digits, for the autoencoder
and the unit-Gaussian variational one, each at its default length. The other side is recipe
"lecture": Adam at 1e-3, batches of 100, 30 epochs. The figure is the lecture's loss over D on the
test rows; a ratio of 1 or less is no worse.
"""

from __future__ import annotations

from functools import partial

from paired import Figures, main

from utsushi import Autoencoder, VariationalAutoencoder, datasets
from utsushi.evaluation import lecture_loss

SOURCES = {
    "digits, 10": (datasets.load_mnist20k, 10),
    "digits, 20": (datasets.load_mnist20k, 20),
    "8x8 digits, 10": (datasets.load_digits8x8, 10),
}


def of(recipe: str, kind: str, source: str, seed: int) -> Figures:
    """Train and measure."""
    load, n_components = SOURCES[source]
    digits = load()
    settings = {"n_components": n_components, "recipe": recipe, "random_state": seed}
    if kind == "ae":
        model = Autoencoder(sampler="gaussian", **settings)
    else:
        model = VariationalAutoencoder(likelihood="unit-gaussian", **settings)
    model.fit(digits.X_train)
    return {"loss": lecture_loss(model, digits.X_test).value}


CASES = {
    f"{kind}, {source}": {
        "utsushi": partial(of, "fast", kind, source),
        "plain Adam": partial(of, "lecture", kind, source),
    }
    for kind in ("ae", "vae")
    for source in SOURCES
}

if __name__ == "__main__":
    main(__file__, __doc__, CASES, ratio_of="loss", n_rounds=3)
