"""Ten thousand epochs take no more memory than a hundred; six hundred of them in `make test`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from utsushi.training.history_file import PAGE, append_row, begin_history

WATCHED = """
import json, os, resource, sys
import numpy as np
from utsushi import Autoencoder
from utsushi.training import checkpoint

n_epochs, folder = int(sys.argv[1]), sys.argv[2]
looks = {}

def look(row):
    if row["epoch"] in (100, n_epochs):
        pages = int(open("/proc/self/statm").read().split()[1])
        looks[row["epoch"]] = pages * resource.getpagesize(), len(os.listdir("/proc/self/fd"))

append = checkpoint.Checkpoints.append_history
checkpoint.Checkpoints.append_history = lambda self, row: (append(self, row), look(row))[0]
X = np.random.default_rng(0).random((20, 6))
model = Autoencoder(2, hidden=(4,), max_epochs=n_epochs, random_state=0, sampler="gaussian")
model.fit(X, checkpoint_dir=folder, checkpoint_every="200epochs")
(first, files), (last, files_then) = looks[100], looks[n_epochs]
print(json.dumps({"grown": last - first, "files": [files, files_then]}))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux alone tells")
def test_memory_and_files_do_not_grow_and_the_history_can_be_read_meanwhile(soak, tmp_path):
    n_epochs = 10_000 if soak else 600
    command = [sys.executable, "-c", WATCHED, str(n_epochs), tmp_path / "c"]
    settings = {**os.environ, "OMP_NUM_THREADS": "1"}
    history, n_read = tmp_path / "c" / "history.jsonl", 0
    # The context waits for the process, also where what was read is not as it should be.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=settings) as training:
        while training.poll() is None:
            text = history.read_text() if history.exists() else ""
            assert text[-1:] in ("", "\n")
            rows = [json.loads(line) for line in text.splitlines()]
            assert [row["epoch"] for row in rows] == list(range(1, len(rows) + 1))
            n_read += 1
        found = json.loads(training.communicate()[0])
    assert training.returncode == 0
    assert n_read > 10
    assert found["grown"] < 5 * 2**20
    assert found["files"][0] == found["files"][1]


def test_no_line_of_a_history_lies_on_two_pages(tmp_path):
    path = tmp_path / "history.jsonl"
    begin_history(path, [{"epoch": epoch, "objective": 1 / epoch} for epoch in range(1, 400)])
    for epoch in range(400, 900):
        append_row(path, {"epoch": epoch, "objective": 1 / epoch, "seconds": 1 / epoch})
    lines = path.read_text().splitlines(keepends=True)
    assert [json.loads(line)["epoch"] for line in lines] == list(range(1, 900))
    ends = np.cumsum([len(line) for line in lines])
    starts = ends - [len(line) for line in lines]
    assert (starts[400:] // PAGE == (ends[400:] - 1) // PAGE).all()
