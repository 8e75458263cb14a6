"""``utsushi encode`` of ten million rows to Parquet: memory, and what the terminal shows.

    python benchmarks/scale/encode.py [--rows 10000000] [--features 16]

The rows are a sparse .npy file: its first 100,000 rows are written, the others are a hole that is
read as zeros. The memory is what the command has, without PyTorch's and its own code.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import tempfile
from pathlib import Path

import numpy as np
from pyarrow import parquet
from rich.text import Text
from watched import make_npy, watched, write

from utsushi import load
from utsushi.cli.main import run

N_WRITTEN = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--features", type=int, default=16)
    parser.add_argument("--folder", default=None, help="where the files are made")
    arguments = parser.parse_args()
    os.environ["FORCE_COLOR"] = "1"  # the bar is for terminals alone
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        some = Path(folder, "some.npy")
        make_npy(some, 1000, arguments.features, 1000)
        model, out = f"{folder}/run", Path(folder, "codes.parquet")
        train = ["train", "ae", "--data", str(some), "--out", model, "--hidden", "64"]
        assert run([*train, "--max-epochs", "2", "--random-state", "0", "--verbose", "0"]) == 0
        memory = {}
        for n_rows in (arguments.rows // 10, arguments.rows):
            part = Path(folder, "part.npy")
            make_npy(part, n_rows, arguments.features, N_WRITTEN)
            shown = io.StringIO()
            with watched() as figures, contextlib.redirect_stderr(shown):
                assert run(["encode", model, "--data", str(part), "--out", str(out)]) == 0
            memory[f"{n_rows} rows"] = figures
        file = parquet.ParquetFile(out)
        first = np.column_stack(file.read_row_group(0).columns)
        rows = np.load(part, mmap_mode="r")[: len(first)]
        same = np.array_equal(first, load(f"{model}/model.safetensors").transform(rows))
        frames = [frame for frame in shown.getvalue().split("\r") if "rows" in frame]
        write(
            __file__,
            {
                "features": arguments.features,
                "encoding": memory,
                "rows written": file.metadata.num_rows,
                "row groups": file.metadata.num_row_groups,
                "megabytes written": out.stat().st_size / 1e6,
                "the first row group is what transform gives": same,
                "the bar, half way": Text.from_ansi(frames[len(frames) // 2]).plain.strip()
                if frames
                else "",
            },
        )


if __name__ == "__main__":
    main()
