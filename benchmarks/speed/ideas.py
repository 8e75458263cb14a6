"""What each idea for a faster training buys, alone: the same training with it and without it.

    python benchmarks/speed/ideas.py [--cases "fused optimizer" …] [--rounds 3]

784-1000-10 and back on nine tenths of the lecture's training rows. ``loss`` is the squared error of
a pixel of the other tenth, ``seconds`` those of the training, or of its second epoch. An idea that
makes a step shorter is judged by the seconds at the same loss; one that changes what is learned by
the loss at the same length.
"""

from __future__ import annotations

import copy
import math
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from paired import Figures, Side, main
from sklearn.decomposition import PCA
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

sys.path.insert(0, str(Path(__file__).parents[1]))

from lecture_loop import N_COMPONENTS, N_HIDDEN, PlainAutoencoder, lecture_arrays

from utsushi import Autoencoder, Recipe
from utsushi.networks import Conv

CYCLE = {"n_epochs": 8, "batch_size": 200, "peak": 1e-2}


def rows_of(kind: str = "") -> tuple[Tensor, Tensor]:
    """Return rows to train on and rows to measure by, without the constant columns if asked."""
    rows = torch.tensor(lecture_arrays()[0], dtype=torch.float32)
    order = torch.from_numpy(np.random.default_rng(4649).permutation(len(rows)))
    held, kept = rows[order[: len(rows) // 10]], rows[order[len(rows) // 10 :]]
    if kind == "varying":
        varying = kept.std(dim=0) > 0
        held, kept = held[:, varying], kept[:, varying]
    return kept, held


def pca_start(module: PlainAutoencoder, x: Tensor) -> None:
    """Let a network begin as PCA: a pair of hidden units for each component, the rest as it is."""
    axes = torch.tensor(PCA(N_COMPONENTS).fit(x.numpy()).components_, dtype=torch.float32)
    pairs = torch.cat([torch.eye(N_COMPONENTS), -torch.eye(N_COMPONENTS)])
    with torch.no_grad():
        for layers, before, after in (
            (module.encoder, pairs @ axes, pairs.T),
            (module.decoder, pairs, axes.T @ pairs.T),
        ):
            layers[2].weight.mul_(0.1)  # the random units are to whisper at first
            layers[0].weight[: len(pairs)] = before
            layers[0].bias[: len(pairs)] = 0
            layers[2].weight[:, : len(pairs)] = after


def batches_of(x: Tensor, size: int, gathered: bool) -> Any:
    """Return the batches of an epoch."""
    if not gathered:
        return (rows for (rows,) in DataLoader(TensorDataset(x), size, shuffle=True))
    return (x.index_select(0, part) for part in torch.randperm(len(x)).split(size))


def plain(
    seed: int,
    *,
    n_epochs: int = 2,
    batch_size: int = 100,
    peak: float | None = None,
    fused: bool = True,
    gathered: bool = True,
    reads: bool = False,
    grows: bool = False,
    averages: bool = False,
    start: str = "",
    columns: str = "",
) -> Figures:
    """Train by a loop that has an idea, or lacks it.

    ``peak`` is that of one cycle; without one, the rate is 1e-3 throughout. ``reads`` asks for the
    loss at each step, ``grows`` doubles the batches after each third, ``averages`` measures an
    exponential mean of the weights with a memory of an epoch.
    """
    torch.manual_seed(seed)
    x, held = rows_of(columns)
    module = PlainAutoencoder(x.shape[1], N_HIDDEN)
    if start == "pca":
        pca_start(module, x)
    shown = copy.deepcopy(module)
    betas = (0.9, 0.999 if peak is None else 0.98)
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3, betas=betas, fused=fused)
    total, done, last = n_epochs * len(x), 0, 0.0
    for epoch in range(n_epochs):
        started = time.perf_counter()
        size = batch_size * 2 ** (3 * epoch // n_epochs) // 2 if grows else batch_size
        for batch in batches_of(x, size, gathered):
            if peak is not None:
                part = done / total
                rate = part / 0.3 if part < 0.3 else 0.5 + 0.5 * math.cos((part - 0.3) / 0.7 * 3.14)
                optimizer.param_groups[0]["lr"] = peak * max(rate, 0.04)
            loss = module.loss(batch)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            done += len(batch)
            if reads:
                loss.item()
            if averages:
                weight = len(batch) / len(x)
                with torch.no_grad():
                    for mean, now in zip(shown.parameters(), module.parameters(), strict=True):
                        mean.lerp_(now, weight)
        last = time.perf_counter() - started
    measured = shown if averages else module
    with torch.no_grad():
        error = (measured.reconstruct(held) - held).square().sum() / len(held) / 784
    return {"seconds": last, "loss": error.item()}


def utsushi(seed: int, *, second_epoch: bool = False, **settings: Any) -> Figures:
    """Train an estimator that has an idea, or lacks it."""
    x, held = (rows.numpy() for rows in rows_of())
    model = Autoencoder(scaling=None, sampler="gaussian", random_state=seed, **settings)
    model.set_params(max_epochs=1).fit(x[:1000])  # the process's first optimizer
    model.set_params(max_epochs=settings.get("max_epochs"))
    started = time.perf_counter()
    model.fit(x)
    seconds = time.perf_counter() - started
    if second_epoch:
        seconds = model.history_[1]["seconds"]
    return {"seconds": seconds, "loss": float(((model.reconstruct(held) - held) ** 2).mean())}


def convolution(seed: int, *, memory: torch.memory_format) -> Figures:
    """Take 40 steps of the convolutional network with a memory format."""
    torch.manual_seed(seed)
    x = rows_of()[0]
    module = Conv((32, 64), 128, "relu").build(
        784, N_COMPONENTS, N_COMPONENTS, image_shape=(28, 28)
    )
    module = module.to(memory_format=memory)
    optimizer = torch.optim.Adam(module.parameters(), lr=1e-3, fused=True)
    for step in range(45):
        if step == 5:
            started = time.perf_counter()
        batch = x[step * 128 : (step + 1) * 128]
        loss = (module.decoder(module.encoder(batch)) - batch).square().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return {"seconds": time.perf_counter() - started, "loss": loss.item() / batch.numel()}


def pair(side: Any, having: dict[str, Any], lacking: dict[str, Any]) -> dict[str, Side]:
    """Return a case."""
    return {"with": partial(side, **having), "without": partial(side, **lacking)}


TWO_EPOCHS = Recipe("lecture", max_epochs=2)
COMPILED = Recipe("lecture", max_epochs=3, compile=True)
CASES = {
    "fused optimizer": pair(plain, {}, {"fused": False}),
    "batches gathered from one tensor": pair(plain, {}, {"gathered": False}),
    "no loss read at each step": pair(plain, {}, {"reads": True}),
    "one cycle to a high rate": pair(plain, CYCLE, {"n_epochs": 8}),
    "growing batches": pair(plain, {**CYCLE, "grows": True}, CYCLE),
    "averaged weights": pair(plain, {**CYCLE, "averages": True}, CYCLE),
    "averaged weights, constant rate": pair(
        plain, {"n_epochs": 8, "averages": True}, {"n_epochs": 8}
    ),
    "beginning as PCA": pair(plain, {**CYCLE, "start": "pca"}, CYCLE),
    "constant pixels left out": pair(plain, {"columns": "varying"}, {}),
    "the leading principal components": pair(
        utsushi, {"recipe": "fast"}, {"recipe": Recipe(subspace=0.0)}
    ),
    "the last layer in closed form": pair(
        utsushi, {"recipe": "fast"}, {"recipe": Recipe(last_layer_ridge=0.0)}
    ),
    "products in bfloat16": pair(
        utsushi,
        {"recipe": TWO_EPOCHS.with_settings(precision="bfloat16"), "second_epoch": True},
        {"recipe": TWO_EPOCHS, "second_epoch": True},
    ),
    "compiled": pair(
        utsushi,
        {"recipe": COMPILED, "second_epoch": True},
        {"recipe": COMPILED.with_settings(compile=False), "second_epoch": True},
    ),
    "channels last": pair(
        convolution, {"memory": torch.channels_last}, {"memory": torch.contiguous_format}
    ),
}

if __name__ == "__main__":
    main(__file__, __doc__, CASES, n_rounds=3)
