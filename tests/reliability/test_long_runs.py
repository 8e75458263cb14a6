"""Memory and open files of ten thousand epochs; six hundred of them in `make test`."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

#: What a row of the history may take, with its part of the checkpoints.
BYTES_PER_EPOCH = 2048

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
def test_memory_grows_by_the_history_alone_which_can_be_read_meanwhile(soak, tmp_path):
    n_epochs = 10_000 if soak else 600
    command = [sys.executable, "-c", WATCHED, str(n_epochs), tmp_path / "c"]
    settings = {**os.environ, "OMP_NUM_THREADS": "1"}
    history, n_read = tmp_path / "c" / "history.jsonl", 0
    # The context waits for the process, also where what was read is not as it should be.
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=settings) as training:
        while training.poll() is None:
            text = history.read_text() if history.exists() else ""
            rows = [json.loads(line) for line in text.split("\n")[:-1]]  # the lines that are whole
            assert [row["epoch"] for row in rows] == list(range(1, len(rows) + 1))
            n_read += 1
        found = json.loads(training.communicate()[0])
    assert training.returncode == 0
    assert n_read > 10
    assert found["grown"] < 5 * 2**20 + BYTES_PER_EPOCH * n_epochs
    assert found["files"][0] == found["files"][1]
