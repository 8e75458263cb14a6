"""Training time to the lecture's quality: recipe "fast" against 30 epochs of the lecture's loop.

    python benchmarks/speed/time_to_quality.py [--cases ae vae calibrated] [--rounds 5]

Both sides train 784-1000-10 on the lecture's 16,000 rows, and are measured on its 4,000 test rows
by the lecture's loss over D: the squared error of a pixel, or -2 ELBO of the unit-Gaussian model
without constants. In the case ``calibrated``, both are the default variational autoencoder, the
other side by recipe "lecture" (the same 30 epochs of plain Adam), and are measured by the negative
bound in nats. Before its clock starts, each side takes steps of an optimizer that are thrown
away: the first optimizer of a process imports the compiler. Seeds differ from round to round.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path

from paired import Figures, main

sys.path.insert(0, str(Path(__file__).parents[1]))

from lecture_loop import epochs, lecture_arrays, measure

from utsushi import Autoencoder, VariationalAutoencoder, datasets
from utsushi.estimators import BaseAutoencoder
from utsushi.evaluation import lecture_loss

LECTURE_EPOCHS = 30


def model_of(kind: str, recipe: str, seed: int) -> BaseAutoencoder:
    """Return the estimator with a recipe of its default length."""
    settings = {"n_components": 10, "hidden": (1000,), "recipe": recipe, "random_state": seed}
    if kind == "ae":
        return Autoencoder(**settings)
    likelihood = "gaussian" if kind == "calibrated" else "unit-gaussian"
    return VariationalAutoencoder(likelihood=likelihood, **settings)


def utsushi(kind: str, seed: int, recipe: str = "fast") -> Figures:
    """Fit the estimator."""
    digits = datasets.load_mnist20k()
    model_of(kind, recipe, seed).set_params(max_epochs=1).fit(digits.X_train[:1000])
    model = model_of(kind, recipe, seed)
    started = time.perf_counter()
    model.fit(digits.X_train)
    seconds = time.perf_counter() - started
    if kind == "calibrated":
        return {"seconds": seconds, "loss": -model.score(digits.X_test)}
    return {"seconds": seconds, "loss": lecture_loss(model, digits.X_test).value}


def loop(kind: str, seed: int) -> Figures:
    """Run the lecture's loop."""
    train, test = lecture_arrays()
    next(epochs(kind, train[:1000], seed))
    started = time.perf_counter()
    trained = epochs(kind, train, seed)
    for _ in range(LECTURE_EPOCHS):
        module = next(trained)
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "loss": measure(module, test)["loss/D"]}


CASES = {
    kind: {"utsushi": partial(utsushi, kind), "loop": partial(loop, kind)} for kind in ("ae", "vae")
} | {
    "calibrated": {
        "utsushi": partial(utsushi, "calibrated"),
        "plain Adam": partial(utsushi, "calibrated", recipe="lecture"),
    }
}

if __name__ == "__main__":
    main(__file__, __doc__, CASES)
