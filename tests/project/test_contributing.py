"""The additions that CONTRIBUTING.md shows work as they stand there."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone

from utsushi import VariationalAutoencoder, datasets
from utsushi.datasets import sources
from utsushi.exceptions import DataError
from utsushi.objectives import Batch

ROOT = Path(__file__).parents[2]
_draws = np.random.default_rng(0)
X = _draws.random((60, 2)) @ _draws.random((2, 5))  # two numbers say all of a row


@pytest.fixture(scope="module")
def shown():
    """What the page's code defines, all blocks in one namespace."""
    page = (ROOT / "CONTRIBUTING.md").read_text()
    names = {}
    for block in re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL):
        exec(block, names)
    return names


def test_the_model_is_an_estimator_that_learns(shown):
    model = shown["AbsoluteAutoencoder"](2, hidden=(8,), max_epochs=30, random_state=0)
    history = clone(model).fit(X).history_
    assert history[-1]["objective"] < 0.7 * history[0]["objective"]


def test_the_model_minimizes_the_absolute_error(shown):
    x = torch.tensor([[1.0, -2.0]])
    halves = torch.nn.Module()
    halves.encoder, halves.decoder = torch.nn.Identity(), lambda z: z / 2
    batch = Batch(x)
    terms = shown["AbsoluteError"]()(halves, batch, torch.Generator())
    assert terms.objective.tolist() == [1.5]


def test_the_likelihood_trains_a_model(shown):
    model = VariationalAutoencoder(
        2, hidden=(8,), likelihood=shown["Laplace"](0.2), max_epochs=30, random_state=0
    )
    assert np.isfinite(model.fit(X).score(X))
    assert model.get_params()["likelihood__scale"] == 0.2


def test_the_likelihood_draws_from_its_own_density(shown):
    zeros = torch.zeros(40_000, 1)
    drawn = shown["Laplace"](0.5).draw(zeros, torch.Generator().manual_seed(0))
    # The mean absolute deviation of Laplace's distribution is its scale; four standard errors.
    assert abs(drawn.abs().mean().item() - 0.5) < 4 * 0.5 / 200
    assert abs(drawn.mean().item()) < 4 * 0.5 * 2**0.5 / 200


@pytest.fixture
def opens_text(shown, monkeypatch):
    monkeypatch.setitem(sources._ARRAYS, ".txt", shown["read_txt"])


def test_the_data_source_is_opened_by_its_ending(opens_text, tmp_path):
    path = tmp_path / "rows.txt"
    np.savetxt(path, X)
    assert np.allclose(datasets.open(path).X_train, X)


def test_the_data_source_says_what_is_wrong_with_a_file(opens_text, tmp_path, refusal):
    path = tmp_path / "rows.txt"
    path.write_text("1 2\nthree 4\n")
    assert "rows of numbers" in refusal(DataError, datasets.open, path)
