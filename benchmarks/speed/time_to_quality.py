"""Training time to the lecture's quality: recipe "fast" against 30 epochs of the lecture's loop.

    python benchmarks/speed/time_to_quality.py [--cases ae vae] [--rounds 5]

Both sides train 784-1000-10 on the lecture's 16,000 rows, and are measured on its 4,000 test rows
by the lecture's loss over D: the squared error of a pixel, or -2 ELBO of the unit-Gaussian model
without constants. Before its clock starts, each side takes steps of an optimizer that are thrown
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


def model_of(kind: str, seed: int) -> BaseAutoencoder:
    """Return the estimator with its default recipe, of its default length."""
    if kind == "ae":
        return Autoencoder(n_components=10, hidden=(1000,), recipe="fast", random_state=seed)
    return VariationalAutoencoder(
        n_components=10,
        hidden=(1000,),
        likelihood="unit-gaussian",
        recipe="fast",
        random_state=seed,
    )


def utsushi(kind: str, seed: int) -> Figures:
    """Fit the estimator."""
    digits = datasets.load_mnist20k()
    model_of(kind, seed).set_params(max_epochs=1).fit(digits.X_train[:1000])
    model = model_of(kind, seed)
    started = time.perf_counter()
    model.fit(digits.X_train)
    seconds = time.perf_counter() - started
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
}

if __name__ == "__main__":
    main(__file__, __doc__, CASES)
