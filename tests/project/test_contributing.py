"""The additions that CONTRIBUTING.md shows work as they stand there."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.base import clone

from utsushi import VariationalAutoencoder, datasets, load
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


@pytest.mark.parametrize("name", ["AbsoluteAutoencoder", "Laplace", "CalibratedLaplace"])
def test_a_file_is_read_with_the_class_that_is_shown(shown, name, tmp_path):
    if "Laplace" in name:
        model = VariationalAutoencoder(2, hidden=(8,), likelihood=shown[name](0.2), max_epochs=1)
    else:
        model = shown[name](2, hidden=(8,), max_epochs=1)
    path = model.fit(X).save(tmp_path / "model")
    again = load(path, classes=[shown[name]])
    np.testing.assert_array_equal(again.score_samples(X), model.score_samples(X))


def test_each_example_of_an_own_part_is_shorter_than_thirty_lines():
    pages = [ROOT / "CONTRIBUTING.md", ROOT / "docs" / "own-network.md"]
    text = "\n".join(page.read_text() for page in pages)
    examples = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    assert len(examples) >= 9
    assert max(len(example.splitlines()) for example in examples) < 30


def test_the_likelihood_draws_from_its_own_density(shown):
    zeros = torch.zeros(40_000, 1)
    drawn = shown["Laplace"](0.5).draw(zeros, torch.Generator().manual_seed(0))
    # The mean absolute deviation of Laplace's distribution is its scale; four standard errors.
    assert abs(drawn.abs().mean().item() - 0.5) < 4 * 0.5 / 200
    assert abs(drawn.mean().item()) < 4 * 0.5 * 2**0.5 / 200


def test_the_calibrated_likelihood_learns_the_width_of_the_errors(shown):
    noise = np.random.default_rng(1).laplace(scale=0.3, size=(400, 5))
    likelihood = shown["CalibratedLaplace"](0.01)
    model = VariationalAutoencoder(2, hidden=(8,), likelihood=likelihood, random_state=0)
    model.fit(np.resize(X, (400, 5)) + noise)
    assert 0.2 < model.likelihood_.scale_ < 0.35  # two components take a part of the noise
    assert np.isfinite(model.sample(5, noise=True)).all()


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
