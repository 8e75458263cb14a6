"""Training on a memory map that is larger than memory: the peak of anonymous memory.

    python benchmarks/scale/memory.py [--gigabytes 20] [--batch-size 1024] [--folder /tmp]

The file is sparse: its first 100,000 rows are written, the others are a hole that is read as zeros.
So it takes little disk, and less time to be read than a real one; its pages and all copies of them
take the memory that they would take.

How much the C library keeps of what was given back to it depends on the size of a batch: see
docs/scale.md. What another size than 1,024 gives is printed, and not written.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from watched import make_npy, watched, write

from utsushi import Autoencoder, Recipe, datasets

N_FEATURES, N_WRITTEN = 784, 100_000

#: Some times that of recipe "fast": smaller ones take longer, and no more memory.
BATCH_SIZE = 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=20)
    parser.add_argument("--batch-size", type=int, default=BATCH_SIZE)
    parser.add_argument("--folder", default=None, help="where the file is made")
    arguments = parser.parse_args()
    n_rows = int(arguments.gigabytes * 1e9 / (4 * N_FEATURES))
    settings = {"max_epochs": 1, "batch_size": arguments.batch_size, "validation_fraction": 0.01}
    recipe = Recipe("lecture", **settings)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        path = Path(folder, "big.npy")
        make_npy(path, n_rows, N_FEATURES, N_WRITTEN)
        gigabytes, on_disk = path.stat().st_size / 1e9, 512 * path.stat().st_blocks / 1e9
        with watched() as opening:
            rows = datasets.open(path).X_train
        with watched() as training:
            model = Autoencoder(hidden=(16,), recipe=recipe, random_state=0).fit(rows)
    figures = {
        "file": f"{gigabytes:.2f} GB, sparse: {on_disk:.2f} GB on the disk",
        "shape": rows.shape,
        "model": {"hidden": (16,), "recipe": "lecture", **settings},
        "opening": opening,
        "training, one epoch": training,
        "of which the epoch's seconds": model.history_[0]["seconds"],
    }
    if arguments.batch_size == BATCH_SIZE:
        write(__file__, figures)
    else:
        print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
