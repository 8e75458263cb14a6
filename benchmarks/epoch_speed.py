"""One epoch of recipe "lecture" against one of the plain loop: same network, same batches of 100.

    python benchmarks/epoch_speed.py [--rounds 7]

Runs three in turn in one process (A B C A B C …, after a round that is not counted): Utsushi, the
plain loop, and a bare loop that has the same arithmetic, a gathered batch, a fused optimizer and
nothing else, which is about as fast as eager torch can be. Prints medians and, round by round, the
ratios to the plain loop with their range. The result is written beside this script.
"""

from __future__ import annotations

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import torch
from lecture_loop import bare_epochs, epochs, lecture_arrays

from utsushi import Autoencoder, VariationalAutoencoder, datasets

MODELS = {
    "ae": Autoencoder(recipe="lecture", max_epochs=2, sampler="gaussian", random_state=0),
    "vae": VariationalAutoencoder(
        likelihood="unit-gaussian", recipe="lecture", max_epochs=2, random_state=0
    ),
}


def seconds_of(step: Callable[[], object]) -> float:
    """Return the wall time of a call."""
    started = time.perf_counter()
    step()
    return time.perf_counter() - started


def rounds_of(kind: str) -> Iterator[dict[str, float]]:
    """Yield the seconds of an epoch of each side, in turn, forever."""
    X_train, rows = datasets.load_mnist20k().X_train, lecture_arrays()[0]
    plain, bare = epochs(kind, rows, seed=0), bare_epochs(kind, rows)
    while True:
        yield {
            # The second epoch of a fit: the other two, too, are past their first.
            "utsushi": MODELS[kind].fit(X_train).history_[-1]["seconds"],
            "plain": seconds_of(lambda: next(plain)),
            "bare": seconds_of(lambda: next(bare)),
        }


def main() -> None:
    """Measure both models, print a table, write the runs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    n_rounds = parser.parse_args().rounds
    results = {}
    for kind in MODELS:
        endless = rounds_of(kind)
        next(endless)
        rounds = results[kind] = [next(endless) for _ in range(n_rounds)]
        for side in ("utsushi", "plain", "bare"):
            ratios = [r[side] / r["plain"] for r in rounds]
            print(
                f"{kind:4} {side:8} {median(r[side] for r in rounds):.2f} s an epoch, "
                f"{median(ratios):.2f} of the plain loop ({min(ratios):.2f} to {max(ratios):.2f})",
                flush=True,
            )
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
