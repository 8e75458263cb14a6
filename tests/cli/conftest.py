"""Runs and a way to call the program."""

from contextlib import contextmanager

import pytest

from utsushi.cli.main import run
from utsushi.training.checkpoint import Checkpoints

SMALL = ["--data", "digits8x8", "--hidden", "16", "--max-epochs", "2", "--random-state", "0"]


class Call:
    """What a call of the program left: its exit status and what it printed."""

    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    @property
    def error(self):
        """The one line of an error; more lines, or none, fail."""
        (line,) = self.err.splitlines()
        return line


@pytest.fixture
def utsushi(capsys):
    """Call the program in this process."""

    def call(*words):
        capsys.readouterr()
        status = run([str(word) for word in words])
        return Call(status, *capsys.readouterr())

    return call


@pytest.fixture
def interrupted_after_two_epochs(monkeypatch):
    """Give a context in which Ctrl-C ends each training at the checkpoint after two epochs."""

    @contextmanager
    def interrupted():
        write = Checkpoints.write

        def fail(self, header, tensors):
            write(self, header, tensors)
            if header["epoch"] == 3:  # two are done
                raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(Checkpoints, "write", fail)
            yield

    return interrupted


@pytest.fixture(scope="session")
def ae_run(tmp_path_factory):
    """Give the run folder of a small autoencoder."""
    path = tmp_path_factory.mktemp("runs") / "ae"
    assert run(["train", "ae", "--out", str(path), "--verbose", "0", *SMALL]) == 0
    return path


@pytest.fixture(scope="session")
def vae_run(tmp_path_factory):
    """Give the run folder of a small variational autoencoder."""
    path = tmp_path_factory.mktemp("runs") / "vae"
    assert run(["train", "vae", "--out", str(path), "--verbose", "0", *SMALL]) == 0
    return path


@pytest.fixture(scope="session")
def table_run(tmp_path_factory):
    """Give the run folder of an autoencoder of a table, with the table in a CSV file."""
    path = tmp_path_factory.mktemp("table")
    rows = "\n".join(f"{i},{i * 2 % 7},{i % 3},{'ab'[i % 2]}" for i in range(30))
    (path / "table.csv").write_text(f"height,width,depth,kind\n{rows}\n")
    words = ["--data", str(path / "table.csv"), "--label", "kind", "--n-components", "2"]
    words += ["--hidden", "8", "--max-epochs", "2", "--random-state", "0", "--verbose", "0"]
    assert run(["train", "ae", "--out", str(path / "run"), *words]) == 0
    return path / "run"
