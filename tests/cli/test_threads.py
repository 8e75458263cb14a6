"""How many threads a command trains with."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch

from utsushi.cli import threads
from utsushi.cli.threads import _Use

from .test_resume import TRAIN, signalled_at


@pytest.fixture
def torch_threads(monkeypatch):
    """Let torch have four threads, and no number be chosen by the user."""
    before = torch.get_num_threads()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def busy(monkeypatch, torch_threads):
    """Return a function that lets others keep so many of four cores busy, for ten seconds."""

    def keep(cores):
        now = _Use(time.monotonic(), 100.0, 7.0)
        before = _Use(now.clock - 10, now.cores - 10 * cores - 5, now.own - 5)
        monkeypatch.setattr(threads, "_START", before)
        monkeypatch.setattr(threads, "_use", lambda: now)
        monkeypatch.setattr(threads, "_usable_cores", lambda: {0, 1, 2, 3})

    return keep


@pytest.mark.parametrize(
    ("cores", "expected"), [(0, 4), (0.4, 4), (1, 3), (2.6, 1), (3, 1), (4, 1)]
)
def test_as_many_threads_as_cores_are_free(busy, capsys, cores, expected):
    busy(cores)
    threads.limit_threads()
    assert torch.get_num_threads() == expected
    said = capsys.readouterr().err
    assert ("" if expected == 4 else f"{expected} of 4 threads (OMP_NUM_THREADS=4") in said
    assert bool(said) == (expected < 4)


@pytest.mark.parametrize("variable", ["OMP_NUM_THREADS", "WORLD_SIZE"])
def test_a_number_that_the_user_or_torchrun_set_is_left(busy, monkeypatch, variable):
    busy(3)
    monkeypatch.setenv(variable, "1")
    threads.limit_threads()
    assert torch.get_num_threads() == 4


def test_without_figures_of_the_system_the_number_is_left(torch_threads, monkeypatch):
    monkeypatch.setattr(threads, "_START", None)
    threads.limit_threads()
    assert torch.get_num_threads() == 4


@pytest.mark.skipif(not os.path.exists("/proc/stat"), reason="Linux alone has /proc/stat")
def test_the_own_work_is_measured_and_not_counted_as_that_of_others():
    script = """if True:
        import time
        from utsushi.cli.threads import _use
        before = _use()
        end = time.process_time() + 0.5
        while time.process_time() < end:
            pass
        after = _use()
        print(after.own - before.own, after.cores - before.cores)
    """
    command = [sys.executable, "-c", script]
    own, cores = map(float, subprocess.check_output(command, text=True).split())
    assert own == pytest.approx(0.5, abs=0.1)
    assert cores > 0.3


def test_a_run_records_its_threads_and_is_resumed_with_them(
    utsushi, tmp_path, torch_threads, monkeypatch
):
    run = tmp_path / "run"
    monkeypatch.setattr(threads, "_START", None)
    torch.set_num_threads(3)
    with monkeypatch.context() as interrupted:
        signalled_at(interrupted, 5, signal.SIGTERM)
        assert utsushi(*TRAIN, "--out", run).status == 128 + signal.SIGTERM
    torch.set_num_threads(1)
    assert utsushi("train", "--resume", run).status == 0
    assert json.loads((run / "config.json").read_text())["threads"] == 3
