"""Two processes of one thread against one process of two threads: the seconds of an epoch.

    python benchmarks/scale/processes.py [--cases 2048 512 100] [--rounds 3]

The variational autoencoder 784-1000-10 on the bundled digits, without the subspace: 1.6 million
parameters, whose gradients gloo adds up over the loopback device. A case is a global batch size.
Start-up is not counted. The ratio is the speed of two processes in units of one's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parents[1] / "speed"))

from paired import Figures, main

BATCH_SIZES = (2048, 512, 100)

#: Epochs that are trained; the first is not counted.
EPOCHS = 4

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
SIDES = {"one process": ((), "2"), "two processes": (TORCHRUN, "1")}


def measure(batch_size: int, seed: int) -> None:
    """Train, and print the seconds of an epoch."""
    from utsushi import Recipe, VariationalAutoencoder, datasets
    from utsushi.training.data_parallel import process_group

    X = datasets.load_mnist20k().X_train
    with process_group() as group:
        recipe = Recipe("lecture", batch_size=batch_size, max_epochs=EPOCHS)
        model = VariationalAutoencoder(10, recipe=recipe, random_state=seed).fit(X)
        if group.is_first:
            seconds = median(row["seconds"] for row in model.history_[1:])
            print(json.dumps({"seconds": seconds, "rows a second": len(X) / seconds}))


def side(options: tuple[str, ...], threads: str, batch_size: int, seed: int) -> Figures:
    """Measure in a process, or in those that torchrun starts."""
    command = [sys.executable, *options, __file__, "measure", str(batch_size), str(seed)]
    environment = {**os.environ, "OMP_NUM_THREADS": threads}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


CASES = {
    str(size): {name: partial(side, *how, size) for name, how in SIDES.items()}
    for size in BATCH_SIZES
}

if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        measure(int(sys.argv[2]), int(sys.argv[3]))
    else:
        main(__file__, __doc__, CASES, n_rounds=3)
