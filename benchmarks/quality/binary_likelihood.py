"""Binary MNIST: the negative log-likelihood of one stochastic layer of 50, by importance samples.

    python benchmarks/quality/binary_likelihood.py --mnist FOLDER [--models dense conv]

FOLDER holds the four IDX files of MNIST (``utsushi data fetch --out FOLDER``). Training
rows are binarized anew at each step, with the grey values as probabilities; the 10,000 test rows
once, with a fixed seed, as in Burda et al. 2016, https://arxiv.org/abs/1509.00519. The figure is
minus the importance-weighted bound with 5,000 samples a row, in nats. They take two hours of
a convolutional model; ``--every 10`` draws them for every tenth row, adds what they gain there over
the plain bound to the plain bound of all rows, and says so in the standard error. ``--epochs`` and
``--rows`` make a quick trial; trials are not written.

``dense`` is 784-200-200-50, of the sizes in that paper but with SiLU in the place of tanh, trained
by the importance-weighted bound with five samples. ``conv`` is convolutional, trained by the plain
bound, with products in bfloat16. A run stays in the results beside those of other seeds.
"""

from __future__ import annotations

import hashlib
import time
from typing import Any

import numpy as np
import torch
from common import CACHE, Rows, parser_of, print_summary, summary_of, trained, write_runs

from utsushi import Recipe, VariationalAutoencoder, datasets
from utsushi.networks import Conv, Dense
from utsushi.objectives import ImportanceWeighted
from utsushi.transforms.augmentation import Binarize

N_IMPORTANCE_SAMPLES = 5000

#: Of the binarization of the test rows.
TEST_SEED = 1509_00519


def model_of(name: str, n_epochs: int | None, seed: int) -> VariationalAutoencoder:
    """Return an unfitted model."""
    shared: dict[str, Any] = {
        "likelihood": "bernoulli",
        "augment": "binarize",
        "image_shape": (28, 28),
        "random_state": seed,
        "verbose": 1,
    }
    if name == "dense":
        return VariationalAutoencoder(
            50,
            network=Dense(hidden=(200, 200), activation="silu", initialization="uniform"),
            objective=ImportanceWeighted(gradient="doubly-reparameterized"),
            recipe=Recipe(
                "lecture",
                max_epochs=n_epochs or 150,
                batch_size=200,
                learning_rate=4e-3,
                schedule="one-cycle",
                warmup_fraction=0.1,
                betas=(0.9, 0.99),
            ),
            **shared,
        )
    return VariationalAutoencoder(
        50,
        network=Conv(channels=(32, 64), hidden=256, activation="silu", initialization="uniform"),
        recipe=Recipe(
            "lecture",
            max_epochs=n_epochs or 130,
            batch_size=200,
            learning_rate=3e-3,
            schedule="one-cycle",
            warmup_fraction=0.2,
            betas=(0.9, 0.98),
            precision="bfloat16",
        ),
        **shared,
    )


def run_of(
    name: str, seed: int, X: Rows, test: Rows, n_epochs: int | None, every: int
) -> dict[str, Any]:
    """Train a model and measure it on the test rows."""
    label = f"binary-{name}-{n_epochs or 'whole'}"
    model, seconds = trained(label, lambda seed: model_of(name, n_epochs, seed), X, seed)
    elbo = model.elbo(test)
    gain = bound_of(f"{label}-{seed}", model, test[::every]) - elbo[::every]
    together = np.cov(gain, elbo[::every])[0, 1]
    variance = gain.var() / len(gain) + (elbo.var() + 2 * together) / len(elbo)
    run = {
        "model": name,
        "seed": seed,
        "NLL": -float(elbo.mean() + gain.mean()),
        "standard error": float(np.sqrt(variance)),
        "-ELBO": -float(elbo.mean()),
        "rows of importance samples": len(gain),
        "seconds": seconds,
    }
    print(run, flush=True)
    return run


def bound_of(file: str, model: VariationalAutoencoder, test: Rows) -> Rows:
    """Return the rows' log-likelihood bounds, kept beside the cached model: they take an hour.

    The file is named by all that the bounds depend on: the model's bytes, the rows' and K.
    """
    known = hashlib.sha256((CACHE / f"{file}.safetensors").read_bytes())
    known.update(f"{test.shape} {test.dtype} {N_IMPORTANCE_SAMPLES}".encode())
    known.update(np.ascontiguousarray(test).tobytes())
    kept = CACHE / f"{file}-bound-{known.hexdigest()[:16]}.npy"
    if not kept.exists():
        started = time.perf_counter()
        np.save(kept, model.log_likelihood(test, n_importance_samples=N_IMPORTANCE_SAMPLES))
        print(f"  {file}: measured in {time.perf_counter() - started:.0f} s", flush=True)
    bound: Rows = np.load(kept)
    return bound


def main() -> None:
    """Train, measure, print and write."""
    parser = parser_of(__doc__)
    parser.add_argument("--mnist", required=True)
    parser.add_argument("--models", nargs="+", default=["dense", "conv"])
    parser.add_argument("--epochs", type=int, default=None, help="for a quick trial")
    parser.add_argument("--every", type=int, default=1, help="importance samples of some rows")
    parser.add_argument("--rows", type=int, default=None, help="test rows, for a quick trial")
    arguments = parser.parse_args()
    digits = datasets.open(arguments.mnist)
    draws = torch.Generator().manual_seed(TEST_SEED)
    test = Binarize()(torch.from_numpy(digits.X_test), None, draws).numpy()[: arguments.rows]
    for name in arguments.models:
        runs = [
            run_of(name, seed, digits.X_train, test, arguments.epochs, arguments.every)
            for seed in arguments.seeds
        ]
        summary = summary_of(runs)
        print_summary(summary, digits=2)
        if arguments.epochs is None and arguments.rows is None:
            write_runs(f"binary_{name}.json", runs)


if __name__ == "__main__":
    main()
