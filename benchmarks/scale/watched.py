"""What the scripts about large data share: memory that is watched, and results that are written."""

from __future__ import annotations

import json
import os
import platform
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

RESULTS = Path(__file__).with_name("results")

#: Seconds between two looks.
INTERVAL = 0.02


def anonymous_bytes() -> int:
    """Return RssAnon: memory that is no page of a file, and so cannot be given back to it."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return 1024 * int(line.split()[1])
    raise SystemExit("this system does not tell RssAnon, expected Linux")


@contextmanager
def watched() -> Iterator[dict[str, float]]:
    """Yield figures that hold, afterwards, the seconds and the megabytes before and at most."""
    figures = {"megabytes_before": anonymous_bytes() / 1e6, "megabytes_at_most": 0.0}
    over = threading.Event()

    def watch() -> None:
        while not over.wait(INTERVAL):
            figures["megabytes_at_most"] = max(
                figures["megabytes_at_most"], anonymous_bytes() / 1e6
            )

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    try:
        yield figures
    finally:
        figures["seconds"] = time.perf_counter() - started
        over.set()
        watcher.join()


def make_npy(path: Path, n_rows: int, n_features: int, n_written: int) -> None:
    """Make a float32 .npy file whose first rows are noise of rank 20, and the others a hole.

    A hole takes no disk, and is read as zeros, page for page as any file is.
    """
    rng = np.random.default_rng(0)
    shape = (n_rows, n_features)
    rows = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    mixing = rng.standard_normal((20, n_features), dtype=np.float32)
    for start in range(0, n_written, 10_000):
        size = min(10_000, n_written - start)
        rows[start : start + size] = rng.standard_normal((size, 20), dtype=np.float32) @ mixing
    rows.flush()


def write(script: str, figures: dict[str, Any]) -> None:
    """Print the figures, and write them to ``results/`` under the script's name."""
    machine = {
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "load": os.getloadavg()[0],
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{Path(script).stem}.json"
    path.write_text(json.dumps({"machine": machine, **figures}, indent=2) + "\n")
    print(json.dumps(figures, indent=2))
