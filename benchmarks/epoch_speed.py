"""One epoch of recipe "lecture" against one of the plain loop: same network, same batches of 100.

    python benchmarks/epoch_speed.py [--pairs 7]

Runs the two in turn in one process (A B A B …, after one epoch of each that is not counted) and
prints the median and the range of the paired ratios. The result is written beside this script.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from pathlib import Path

import torch
from lecture_loop import epochs, lecture_arrays

from utsushi import Autoencoder, VariationalAutoencoder, datasets

MODELS = {
    "ae": Autoencoder(recipe="lecture", max_epochs=2, sampler="gaussian", random_state=0),
    "vae": VariationalAutoencoder(
        likelihood="unit-gaussian", recipe="lecture", max_epochs=2, random_state=0
    ),
}


def paired_seconds(kind: str, n_pairs: int) -> list[tuple[float, float]]:
    """Return seconds of an epoch of Utsushi and of the plain loop, in turn."""
    X_train = datasets.load_mnist20k().X_train
    plain = epochs(kind, lecture_arrays()[0], seed=0)
    pairs = []
    for _ in range(n_pairs + 1):
        # The second epoch: the plain loop, too, is past its first.
        ours = MODELS[kind].fit(X_train).history_[-1]["seconds"]
        started = time.perf_counter()
        next(plain)
        pairs.append((ours, time.perf_counter() - started))
    return pairs[1:]


def main() -> None:
    """Measure both models, print a table, write the runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=7)
    n_pairs = parser.parse_args().pairs
    results = {}
    print("model  Utsushi s  plain s  ratio: median (min to max)")
    for kind in MODELS:
        pairs = paired_seconds(kind, n_pairs)
        ratios = [ours / plain for ours, plain in pairs]
        ours, plain = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(
            f"{kind:5}  {ours:9.2f}  {plain:7.2f}  {statistics.median(ratios):.3f} "
            f"({min(ratios):.3f} to {max(ratios):.3f})",
            flush=True,
        )
        results[kind] = pairs
    machine = {
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }
    path = Path(__file__).with_name("results") / "epoch_speed.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"machine": machine, "seconds": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
