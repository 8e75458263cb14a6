"""One epoch of the same arithmetic: recipe "lecture" against the lecture's loop, peers, the floor.

    python benchmarks/speed/epoch.py [--cases ae vae] [--rounds 5]

784-1000-10 and back on the lecture's 16,000 rows, float32, batches of 100, Adam at 1e-3. Each side
trains two epochs, and the second one is counted. The floor makes the matrix products of a forward
and a backward pass and one fused step of the optimizer, batch by batch, and nothing else: no
autograd, no loss, no nonlinearity, no gathering of rows. The peers must be installed; see
``peers.py``.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path

import torch
from paired import Figures, main
from peers import PEERS

sys.path.insert(0, str(Path(__file__).parents[1]))

from lecture_loop import PLAIN, bare_epochs, epochs, lecture_arrays

from utsushi import Autoencoder, VariationalAutoencoder, datasets

BATCH_SIZE = 100


def utsushi(kind: str, seed: int) -> Figures:
    """Train by recipe "lecture"."""
    settings = {"recipe": "lecture", "max_epochs": 2, "random_state": seed}
    if kind == "ae":
        model = Autoencoder(sampler="gaussian", **settings)
    else:
        model = VariationalAutoencoder(likelihood="unit-gaussian", **settings)
    return {"seconds": model.fit(datasets.load_mnist20k().X_train).history_[-1]["seconds"]}


def second(endless: object) -> Figures:
    """Return the seconds of the second epoch of an endless training."""
    next(endless)
    started = time.perf_counter()
    next(endless)
    return {"seconds": time.perf_counter() - started}


def loop(kind: str, seed: int) -> Figures:
    """Train by the lecture's loop."""
    return second(epochs(kind, lecture_arrays()[0], seed))


def bare(kind: str, seed: int) -> Figures:
    """Train by an eager loop with nothing to spare."""
    return second(bare_epochs(kind, lecture_arrays()[0]))


def peer(name: str, kind: str, seed: int) -> Figures:
    """Train by another library."""
    training = PEERS[name](kind, lecture_arrays()[0])
    training.seconds_of_epoch()
    return {"seconds": training.seconds_of_epoch()}


def floor(kind: str, seed: int) -> Figures:
    """Make the products and the steps of the optimizer."""
    module = PLAIN[kind]()
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3, fused=True)
    weights = [parameter for parameter in module.parameters() if parameter.ndim == 2]
    for parameter in module.parameters():
        parameter.grad = torch.zeros_like(parameter)
    x = [torch.randn(BATCH_SIZE, weight.shape[1]) for weight in weights]
    y = [torch.randn(BATCH_SIZE, weight.shape[0]) for weight in weights]
    n_steps = len(lecture_arrays()[0]) // BATCH_SIZE

    def one_epoch() -> None:
        with torch.no_grad():
            for _ in range(n_steps):
                for layer, weight in enumerate(weights):
                    torch.mm(x[layer], weight.T)
                    torch.mm(y[layer].T, x[layer], out=weight.grad)
                    if layer > 0:  # nothing asks for the gradient of the rows
                        torch.mm(y[layer], weight)
                optimizer.step()

    one_epoch()
    started = time.perf_counter()
    one_epoch()
    return {"seconds": time.perf_counter() - started}


CASES = {
    kind: {
        "utsushi": partial(utsushi, kind),
        "loop": partial(loop, kind),
        "bare": partial(bare, kind),
        "floor": partial(floor, kind),
        **{name: partial(peer, name, kind) for name in PEERS},
    }
    for kind in ("ae", "vae")
}

if __name__ == "__main__":
    main(__file__, __doc__, CASES)
