"""Processes that are killed, and more than two of them: the long forms, which `make soak` runs."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

pytestmark = [
    pytest.mark.skipif(os.environ.get("UTSUSHI_SOAK") != "1", reason="takes minutes: make soak"),
    pytest.mark.xdist_group("processes"),  # which would be slowed down by each other
]

COMMAND = "-m utsushi train vae --data rows.npy --out run --hidden 64 --checkpoint-every 20steps"


@pytest.fixture
def launch(tmp_path):
    """Start a training of the digits by torchrun; give the process, once it has a checkpoint."""
    np.save(tmp_path / "rows.npy", load_digits().data.astype(np.float32) / 16)

    def start(n, *, max_epochs=5000, options=(), words=(), wait=True):
        command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(n)]
        command += [*options, *COMMAND.split(), "--max-epochs", str(max_epochs)]
        process = subprocess.Popen(
            [*command, "--random-state", "3", *words],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while wait and not list(tmp_path.glob("run/checkpoints/*.safetensors")):
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        return process

    return start


def ranks_of(agent):
    """Give the numbers of the processes that torchrun started, by rank."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[1]
            words = (folder / "environ").read_text().split("\0")
        except (OSError, IndexError):
            continue
        ranks = [word.removeprefix("RANK=") for word in words if word.startswith("RANK=")]
        if parent == str(agent.pid) and ranks:
            found[int(ranks[0])] = int(folder.name)
    return found


def is_running(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_four_processes_without_noise_have_the_curve_of_one_and_equal_parameters(
    started, alone, same_curves
):
    _, results = started(4)
    for found in results:
        same_curves(alone, found)
        assert found["cases"] == results[0]["cases"]


@pytest.mark.parametrize(("n", "rank"), [(2, 0), (2, 1), (4, 2)])
def test_a_killed_process_ends_the_others_within_half_a_minute_and_one_says_why(launch, n, rank):
    agent = launch(n)
    workers = ranks_of(agent)
    assert sorted(workers) == list(range(n))
    os.kill(workers[rank], signal.SIGKILL)
    _, said = agent.communicate(timeout=30)
    assert agent.returncode == 1
    assert not any(is_running(pid) for pid in workers.values())
    (line,) = [line for line in said.splitlines() if line.startswith("utsushi: ")]
    assert line.startswith(f"utsushi: one of the {n} processes of the training is gone (")
    assert "utsushi train --resume" in line


def test_torchrun_goes_on_from_the_checkpoint_and_ends_with_the_same_model(launch, tmp_path):
    launch(2, max_epochs=60, wait=False).communicate(timeout=120)
    undisturbed = (tmp_path / "run").rename(tmp_path / "undisturbed")
    agent = launch(2, max_epochs=60, options=["--max-restarts", "1"])
    os.kill(ranks_of(agent)[1], signal.SIGKILL)
    _, said = agent.communicate(timeout=120)
    assert agent.returncode == 0, said
    assert "is gone" in said
    models = [folder / "model.safetensors" for folder in (undisturbed, tmp_path / "run")]
    # The same number of processes and threads: parameters are the same, bit for bit.
    assert models[0].read_bytes() == models[1].read_bytes()


def test_sigterm_to_torchrun_leaves_a_checkpoint_that_one_process_goes_on_with(launch, tmp_path):
    agent = launch(2, max_epochs=300)
    agent.send_signal(signal.SIGTERM)
    _, said = agent.communicate(timeout=30)
    assert said.count("SIGTERM stopped the training after a checkpoint") == 1
    done = subprocess.run(
        [sys.executable, "-m", "utsushi", "train", "--resume", "run"],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "not bit for bit" in done.stderr
    assert len((tmp_path / "run" / "history.jsonl").read_text().splitlines()) == 300


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--learning-rate", "1e30"], "training diverged"),
        (["--batch-size", "0"], "--batch-size"),
    ],
)
def test_what_fails_in_all_is_said_once_and_leaves_nothing(launch, tmp_path, words, expected):
    agent = launch(2, max_epochs=3, words=words, wait=False)
    _, said = agent.communicate(timeout=60)
    (line,) = [line for line in said.splitlines() if line.startswith("utsushi: ")]
    assert expected in line
    assert not (tmp_path / "run").exists()
