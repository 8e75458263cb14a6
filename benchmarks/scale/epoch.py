"""An epoch on a memory map with a warm page cache, against the same rows in memory.

    python benchmarks/scale/epoch.py [--gigabytes 1] [--rounds 3]

Both sides train in turn, in one process, and are compared round by round. Every row is written. The
models of the last round are compared bit for bit.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from watched import make_npy, write

from utsushi import Autoencoder, Recipe

N_FEATURES = 784


def seconds_of(rows: np.ndarray, path: Path) -> float:
    """Train for an epoch, save the model, and return the epoch's seconds."""
    recipe = Recipe("lecture", max_epochs=1, batch_size=512)
    model = Autoencoder(hidden=(100,), recipe=recipe)
    model.set_params(random_state=0, sampler="gaussian").fit(rows).save(path)
    return float(model.history_[0]["seconds"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--folder", default=None, help="where the file is made")
    arguments = parser.parse_args()
    n_rows = int(arguments.gigabytes * 1e9 / (4 * N_FEATURES))
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder, "rows.npy")
        make_npy(path, n_rows, N_FEATURES, n_rows)
        in_memory, mapped = np.load(path), np.load(path, mmap_mode="r")
        models = Path(folder, "memory.safetensors"), Path(folder, "map.safetensors")
        rounds = [
            {"in memory": seconds_of(in_memory, models[0]), "map": seconds_of(mapped, models[1])}
            for _ in range(arguments.rounds)
        ]
        same = models[0].read_bytes() == models[1].read_bytes()
    ratios = [found["map"] / found["in memory"] for found in rounds]
    write(
        __file__,
        {
            "shape": [n_rows, N_FEATURES],
            "seconds of an epoch": rounds,
            "map over memory": {"median": median(ratios), "low": min(ratios), "high": max(ratios)},
            "the same model, bit for bit": same,
        },
    )


if __name__ == "__main__":
    main()
