"""Sparse autoencoders with 4,096 components, beside dictionary-learning on the same steps.

    OMP_NUM_THREADS=1 python benchmarks/models/sparse.py [--data mnist20k digits8x8] [--k 16 32]
        [--models "Utsushi, BatchTopK" …] [--seeds 0] [--epochs N]

Data: the lecture's digits (16,000 images of 784 pixels for training, 4,000 for the test), and the
64 pixels of the 8 x 8 digits (1,437 and 360) with 1,024 components. All models see the same
samples, centred and divided by one number so that their mean squared length is 1, as many epochs,
and batches of the same size. For each k: the explained variance of the test samples, with the
components that are active at inference (L0), and the share of components that no sample makes
active, of training and test samples together.

dictionary-learning 0.1.0 (pip install --no-deps dictionary-learning einops) is run with its own
trainers, at its own learning rate, and at Utsushi's. It imports nnsight, transformers and datasets
for language models; they are not needed here, and a placeholder takes their place where they are
missing. Without dictionary-learning, its rows are left out.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import torch
from numpy.typing import NDArray

from utsushi import SparseAutoencoder, datasets
from utsushi.networks import BatchTopK, TopK

RESULTS = Path(__file__).parents[1] / "results" / "sparse.json"

#: The size of the dictionary for each data set.
COMPONENTS = {"mnist20k": 4096, "digits8x8": 1024}

Rows = NDArray[np.float32]
Figures = dict[str, float]


def scaled(train: Rows, test: Rows) -> tuple[Rows, Rows]:
    """Return both centred and divided by the root mean squared length of the training samples."""
    mean = train.mean(axis=0)
    length = np.sqrt(np.square(train - mean).sum(axis=1).mean())
    return (train - mean) / length, (test - mean) / length


def figures(codes: Any, codes_train: Any, X: Rows, copies: Rows) -> Figures:
    """Return the figures of codes (n, H), those of training samples, and reconstructions."""
    error = np.square(X - copies).sum(axis=1).mean()
    used = [np.asarray((z > 0).sum(axis=0)).ravel() for z in (codes, codes_train)]
    return {
        "explained variance": float(1 - error / np.square(X).sum(axis=1).mean()),
        "L0": float((codes > 0).sum() / codes.shape[0]),
        "dead": float(((used[0] + used[1]) == 0).mean()),
    }


def of_utsushi(
    sparsity: Callable[..., Any], train: Rows, test: Rows, k: int, seed: int, size: int, epochs: int
) -> Figures:
    """Train and measure Utsushi's model."""
    model = SparseAutoencoder(
        size, sparsity=sparsity(k), max_epochs=epochs, random_state=seed, scaling=None
    ).fit(train)
    codes, codes_train = model.transform(test), model.transform(train)
    return figures(codes, codes_train, test, model.reconstruct(test))


def of_peer(
    name: str,
    learning_rate: float | None,
    train: Rows,
    test: Rows,
    k: int,
    seed: int,
    size: int,
    epochs: int,
    batch_size: int,
) -> Figures:
    """Train and measure a trainer of dictionary-learning, which decays its rate at the end."""
    for missing in ("nnsight", "transformers", "datasets", "transformer_lens"):
        if missing not in sys.modules and importlib.util.find_spec(missing) is None:
            sys.modules[missing] = MagicMock()
    from dictionary_learning import trainers

    n_steps = epochs * -(-len(train) // batch_size)
    trainer = getattr(trainers, f"{name}Trainer")(
        steps=n_steps,
        activation_dim=train.shape[1],
        dict_size=size,
        k=k,
        layer=0,
        lm_name="none",
        lr=learning_rate,
        warmup_steps=n_steps // 10,
        decay_start=n_steps * 8 // 10,
        threshold_start_step=n_steps // 10,
        threshold_beta=0.99,
        seed=seed,
        device="cpu",
    )
    trainer.dead_feature_threshold = 10_000
    rows, draws = torch.from_numpy(train), torch.Generator().manual_seed(seed)
    step = 0
    for _ in range(epochs):
        for batch in torch.randperm(len(rows), generator=draws).split(batch_size):
            trainer.update(step, rows[batch])
            step += 1
    with torch.no_grad():
        model = trainer.ae.eval()
        codes, codes_train = (model.encode(torch.from_numpy(x)) for x in (test, train))
        copies = model.decode(codes).numpy()
    return figures(codes.numpy(), codes_train.numpy(), test, copies)


def models(batch_size: int, learning_rate: float) -> dict[str, Callable[..., Figures]]:
    """Return what trains and measures each model, by name."""

    def peer(name: str, rate: float | None) -> Callable[..., Figures]:
        return lambda *settings: of_peer(name, rate, *settings, batch_size)

    made: dict[str, Callable[..., Figures]] = {
        "Utsushi, BatchTopK": lambda *settings: of_utsushi(BatchTopK, *settings),
        "Utsushi, TopK": lambda *settings: of_utsushi(TopK, *settings),
    }
    if importlib.util.find_spec("dictionary_learning") is None:
        print("dictionary-learning is not installed: its rows are left out", flush=True)
        return made
    for name in ("BatchTopK", "TopK"):
        made[f"dictionary-learning, {name}, its rate"] = peer(name, None)
        made[f"dictionary-learning, {name}, rate {learning_rate:g}"] = peer(name, learning_rate)
    return made


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", nargs="+", default=list(COMPONENTS), choices=list(COMPONENTS))
    parser.add_argument("--k", nargs="+", type=int, default=[16, 32])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--models", nargs="+", default=None)
    parser.add_argument("--epochs", type=int, default=None, help="else as many as Utsushi makes")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in options.data:
        dataset = getattr(datasets, f"load_{name}")()
        train, test = scaled(dataset.X_train, dataset.X_test)
        recipe = SparseAutoencoder().resolved_recipe(train.shape[1], len(train))
        epochs = options.epochs or recipe.n_epochs(len(train))
        for title, measure in models(recipe.batch_size, recipe.learning_rate).items():
            if options.models is not None and title not in options.models:
                continue
            for k in options.k:
                for seed in options.seeds:
                    row = measure(train, test, k, seed, COMPONENTS[name], epochs)
                    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
                    found[f"{name}, {title}, k = {k}, seed {seed}"] = {**row, "epochs": epochs}
                    shown = "  ".join(f"{key} {value:.4f}" for key, value in row.items())
                    print(f"{name}, {title}, k = {k}, seed {seed}: {shown}", flush=True)
                    RESULTS.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
