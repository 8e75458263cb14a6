"""What checkpoints cost: the same training with a folder for them, and without one.

    python benchmarks/speed/checkpoints.py [--rounds 5]

784-1000-10 on the lecture's 16,000 training digits, recipe "lecture". The default, every 60 s,
writes none or one in the time of this training, and one at its end.
"""

from __future__ import annotations

import tempfile
import time
from functools import partial

from paired import Figures, main

from utsushi import Autoencoder, datasets


def fit(seed: int, *, every: str | None) -> Figures:
    """Train with a checkpoint so often, or with none."""
    digits = datasets.load_mnist20k().X_train
    model = Autoencoder(recipe="lecture", max_epochs=1, sampler="gaussian", random_state=seed)
    model.fit(digits[:1000])  # the process's first optimizer
    model.set_params(max_epochs=None)
    with tempfile.TemporaryDirectory() as folder:
        settings = {} if every is None else {"checkpoint_dir": folder, "checkpoint_every": every}
        started = time.perf_counter()
        model.fit(digits, **settings)
        return {"seconds": time.perf_counter() - started}


CASES = {
    "784-1000-10, 30 epochs": {
        "every 60 s": partial(fit, every="60s"),
        "without": partial(fit, every=None),
    }
}

if __name__ == "__main__":
    main(__file__, __doc__, CASES)
