"""Every error can be reached; its one line has the name, the value and the fix."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from utsushi import Autoencoder, Recipe, datasets, exceptions, load
from utsushi.exceptions import (
    CheckpointError,
    DataError,
    DownloadError,
    EndedByAnother,
    MissingPackageError,
    ModelFileError,
    NonFiniteDataError,
    PoorFitWarning,
    ProcessLostError,
    RunError,
    SettingError,
    TrainingDivergedError,
    TrainingInterrupted,
    UtsushiError,
    UtsushiWarning,
)
from utsushi.runs import open_run
from utsushi.training.checkpoint import Checkpoints

DOCUMENT = Path(__file__).parents[2] / "docs" / "reliability.md"
X = np.random.default_rng(0).random((12, 4), dtype=np.float32)
FEW = {"n_components": 2, "hidden": (3,), "max_epochs": 1, "random_state": 0}


def fit(rows=X, **settings):
    return Autoencoder(**{**FEW, **settings}).fit(rows)


def in_use(folder):
    with Checkpoints(folder):
        Autoencoder(**FEW).fit(X, checkpoint_dir=folder)


def without_zuko(monkeypatch):
    monkeypatch.setitem(sys.modules, "zuko", None)
    fit(sampler="flow")


def download(tmp_path, monkeypatch):
    from sklearn import datasets as sources

    def unreachable(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(sources, "fetch_openml", unreachable)
    datasets.fetch_mnist(tmp_path)


#: By the error: what leads to it, and parts of its text; {path} is a folder of the test.
REACHED = {
    DataError: (
        lambda path, _: fit(X[0]),
        ["(n_samples, n_features)", "(4,)", "X.reshape(1, -1)"],
    ),
    NonFiniteDataError: (
        lambda path, _: fit(np.where(X[3, 1] == X, np.nan, X)),
        ["the data must be finite, got NaN at row 3, column 1", "1 such value", "Fill or drop"],
    ),
    SettingError: (
        lambda path, _: fit(recipe=Recipe(early_stopping=2)),
        ["early_stopping=2", "recipe__validation_fraction=0.1", "validation_data"],
    ),
    MissingPackageError: (
        lambda path, monkeypatch: without_zuko(monkeypatch),
        ["sampler='flow' needs zuko", "pip install 'utsushi[flow]'", "sampler='mixture'"],
    ),
    ModelFileError: (
        lambda path, _: load(path / "none.safetensors"),
        ["there is no file '{path}/none.safetensors'", "model.save(path)"],
    ),
    RunError: (
        lambda path, _: open_run(path),
        ["'{path}' holds no run (config.json: No such file or directory)", "Check the path"],
    ),
    CheckpointError: (
        lambda path, _: in_use(path),
        ["'{path}'", "in use by another training"],
    ),
    DownloadError: (
        download,
        ["could not be downloaded from OpenML (no route to host)", "{path}", "Try again later"],
    ),
    TrainingDivergedError: (
        lambda path, _: fit(1e30 * X, scaling="center", recipe=Recipe(learning_rate=0.5)),
        ["diverged", "recipe__learning_rate=0.5.", "Try recipe__learning_rate=0.05 or scaling="],
    ),
}


@pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::utsushi.exceptions.UtsushiWarning")
@pytest.mark.parametrize("error", REACHED, ids=lambda error: error.__name__)
def test_an_error_can_be_reached_and_says_all_that_is_needed(error, tmp_path, monkeypatch):
    provoke, parts = REACHED[error]
    with pytest.raises(error) as caught:
        provoke(tmp_path, monkeypatch)
    assert type(caught.value) is error
    message = str(caught.value)
    assert "\n" not in message
    assert "; " in message or ". " in message  # the fix
    for part in parts:
        assert part.format(path=tmp_path) in message


def test_the_others_are_their_base_the_interruption_and_the_warning():
    reached = {error.__name__ for error in REACHED}
    assert set(exceptions.__all__) - reached == {
        UtsushiError.__name__,
        UtsushiWarning.__name__,
        PoorFitWarning.__name__,  # see tests/estimators/test_poor_fit.py
        TrainingInterrupted.__name__,  # see test_interruption.py
        ProcessLostError.__name__,  # see tests/distributed
        EndedByAnother.__name__,
    }
    assert all(issubclass(error, UtsushiError) for error in REACHED)


@pytest.mark.parametrize("name", exceptions.__all__)
def test_the_document_tells_its_cause_and_its_fix(name):
    (row,) = (line for line in DOCUMENT.read_text().splitlines() if line.startswith(f"| `{name}`"))
    cause, fix = row.split("|")[2:4]
    assert cause.strip()
    assert fix.strip()


def test_the_bounds_of_a_log_variance_are_smooth_and_change_nothing_within_ten():
    from utsushi.distributions import posterior_parameters

    within = torch.linspace(-9.999, 9.999, 20_001)[:, None]
    outputs = torch.cat([torch.zeros_like(within), within], dim=1)
    assert torch.equal(posterior_parameters(outputs)[1], within)
    beyond = torch.tensor([[0.0, 40.0], [0.0, 1e30], [0.0, -1e30]], requires_grad=True)
    bounded = posterior_parameters(beyond)[1]
    assert torch.isfinite(bounded.exp()).all()
    (slope,) = torch.autograd.grad(bounded[0].sum(), beyond)
    assert slope[0, 1] > 0
