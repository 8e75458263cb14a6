"""What the tests of several processes share: how they are started."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Training by torchrun is tested on Linux and macOS."""
    for item in items:
        if sys.platform == "win32" and Path(item.path).is_relative_to(HERE):
            item.add_marker(pytest.mark.skip(reason="torchrun is not tested on Windows"))


@pytest.fixture(scope="session")
def worker():
    """Give what stands in `worker.py`."""
    return runpy.run_path(str(HERE / "worker.py"))


@pytest.fixture(scope="session")
def started(tmp_path_factory):
    """Start `worker.py` in so many processes; give its folder and what each of them wrote."""

    def start(n):
        folder = tmp_path_factory.mktemp(f"{n}-processes")
        command = [*TORCHRUN, "--nproc-per-node", str(n), str(HERE / "worker.py"), str(folder)]
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return folder, [json.loads((folder / f"{r}.json").read_text()) for r in range(n)]

    return start


@pytest.fixture(scope="session")
def alone(worker):
    """Give what one process learns of each case without noise."""
    return {name: worker["train_case"](name) for name in worker["NOISELESS"]}


def check_curves(alone, found):
    """Compare the curves of several processes with those of one, case by case."""
    for name, (history, _) in alone.items():
        for row, expected in zip(found["cases"][name][0], history, strict=True):
            assert row == pytest.approx(expected, rel=1e-5), name


@pytest.fixture(scope="session")
def same_curves():
    """Give the comparison of the curves of several processes with those of one."""
    return check_curves
