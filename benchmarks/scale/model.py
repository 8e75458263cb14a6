"""What a step takes with 1 to 1,024 workers: a model, from constants that are measured here.

    python benchmarks/scale/model.py --measure       # a minute; writes results/model.json
    python benchmarks/scale/model.py [--gbit 10] [--microseconds 50] [--rows 2048] [--share-batch]

A worker is a process of one thread. A step of the variational autoencoder 784-1000-10 is

    t = a + b r + 2 (n - 1) / n · bytes / bandwidth + (2 (n - 1) + 2 log2 n) latency

for n workers with r rows each. ``a`` and ``b`` are the step of one worker, its noise included. The
sum of gradients is a ring: each worker sends and receives nearly twice the gradients, in 2 (n - 1)
messages. One more sum, whether a checkpoint is due, goes along a tree. The model takes nothing to
be hidden behind arithmetic, so it is on the slow side.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path

RESULTS = Path(__file__).with_name("results") / "model.json"
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")

#: Rows of the two steps that tell a and b.
FEW, MANY = 128, 2048


def seconds_of(what, n: int = 15) -> float:
    """Return the least seconds of a call: what else the machine does only adds to them."""
    found = []
    for _ in range(n):
        started = time.perf_counter()
        what()
        found.append(time.perf_counter() - started)
    return min(found)


def step_seconds(n_rows: int) -> float:
    """Return the seconds of processor time of a step of one worker, its noise included."""
    from utsushi import Recipe, VariationalAutoencoder, datasets

    X = datasets.load_mnist20k().X_train[: 8 * n_rows]
    ends: list[float] = []
    recipe = Recipe("lecture", batch_size=n_rows, max_epochs=6)
    VariationalAutoencoder(10, recipe=recipe, random_state=0).fit(
        X, on_epoch=lambda _, row: ends.append(time.process_time())
    )
    epochs = [after - before for before, after in pairwise(ends)]
    return min(epochs) / math.ceil(len(X) / n_rows)


def reduce_seconds() -> None:
    """Print the seconds of a sum of two numbers and of the gradients, in two processes."""
    import torch
    import torch.distributed as dist

    from utsushi.training.data_parallel import process_group

    with process_group() as group:
        found = []
        for n in (2, 1_600_804):
            values = torch.zeros(n)
            found.append(seconds_of(lambda values=values: dist.all_reduce(values), 50))
        if group.is_first:
            print(json.dumps(found))


def measure() -> None:
    """Measure the constants and write them."""
    import torch

    torch.set_num_threads(1)
    few, many = step_seconds(FEW), step_seconds(MANY)
    per_row = (many - few) / (MANY - FEW)
    command = [sys.executable, *TORCHRUN, __file__, "reduce"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    small, large = json.loads(done.stdout.splitlines()[-1])
    constants = {
        "a: seconds of a step": max(few - per_row * FEW, 0.0),
        "b: seconds of a row": per_row,
        "bytes of the gradients": 4 * 1_600_804,
        "loopback: seconds of a sum of two numbers": small,
        "loopback: seconds of a sum of the gradients": large,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(constants, indent=2) + "\n")
    print(json.dumps(constants, indent=2))


def table(
    constants: dict[str, float], gbit: float, microseconds: float, rows: int, share: bool
) -> str:
    """Return a row for each number of workers."""
    latency, bandwidth = microseconds * 1e-6, gbit * 1e9 / 8
    lines = [
        "| workers | rows each | arithmetic, ms | gradients, ms | latency, ms "
        "| step, ms | rows a second | of perfect |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    one = 0.0
    for n in WORKERS:
        batch = rows if share else rows * n
        each = math.ceil(batch / n)
        arithmetic = constants["a: seconds of a step"] + constants["b: seconds of a row"] * each
        gradients = 2 * (n - 1) / n * constants["bytes of the gradients"] / bandwidth
        messages = (2 * (n - 1) + 2 * math.log2(n)) * latency
        step = arithmetic + gradients + messages
        speed = batch / step
        one = one or speed
        cells = [f"{1000 * part:.1f}" for part in (arithmetic, gradients, messages, step)]
        lines.append(
            f"| {n:,} | {each:,} | {' | '.join(cells)} | {speed:,.0f} | {speed / one / n:.0%} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--measure", action="store_true", help="the constants, on this machine")
    parser.add_argument("--gbit", type=float, default=10, help="of the network, a second")
    parser.add_argument("--microseconds", type=float, default=50, help="of a message")
    parser.add_argument("--rows", type=int, default=2048, help="of a worker's part of a batch")
    parser.add_argument("--share-batch", action="store_true", help="--rows is the whole batch")
    given = parser.parse_args()
    if given.measure:
        measure()
        return
    constants = json.loads(RESULTS.read_text())
    print(table(constants, given.gbit, given.microseconds, given.rows, given.share_batch))


if __name__ == "__main__":
    if sys.argv[1:] == ["reduce"]:
        reduce_seconds()
    else:
        main()
