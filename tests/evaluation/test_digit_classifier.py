"""The classifier of digits that ships with the package, and the tool that makes it."""

import importlib.util
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

from utsushi import datasets
from utsushi.evaluation.classifier import CHECKSUM, DigitClassifier
from utsushi.exceptions import ModelFileError, SettingError

FOLDER = files("utsushi.evaluation") / "bundled"
WEIGHTS = FOLDER / "digit_classifier.safetensors"
TOOL = Path(__file__).parents[2] / "tools" / "make_digit_classifier.py"


@pytest.fixture(scope="module")
def digits():
    return datasets.load_mnist20k()


@pytest.fixture(scope="module")
def classifier():
    return DigitClassifier()


def test_the_shipped_file_is_the_one_that_the_code_names():
    assert sha256(WEIGHTS.read_bytes()).hexdigest() == CHECKSUM


def test_the_shipped_file_is_small():
    assert len(WEIGHTS.read_bytes()) <= 500_000


def test_it_recognizes_the_test_digits(classifier, digits):
    accuracy = (classifier.predict(digits.X_test) == digits.y_test).mean()
    assert accuracy >= 0.985
    assert f"{accuracy:.2%}".replace("%", " %") in (FOLDER / "ATTRIBUTION.md").read_text()


def test_a_row_has_84_features_and_none_is_negative(classifier, digits):
    features = classifier(digits.X_test[:40])
    assert (features.shape, features.dtype) == ((40, 84), np.float32)
    assert features.min() >= 0


def test_a_rows_features_do_not_depend_on_its_neighbours(classifier, digits):
    together = classifier(digits.X_test[:600])
    np.testing.assert_allclose(classifier(digits.X_test[590:595]), together[590:595], rtol=1e-4)
    np.testing.assert_array_equal(classifier(digits.X_test[599::-1]), together[::-1])


def test_what_no_picture_can_show_does_not_count(classifier, digits):
    rows = digits.X_test[:20]
    beyond = np.where(rows == 0, -3, np.where(rows == 1, 5, rows))
    np.testing.assert_array_equal(classifier(beyond), classifier(rows))


def test_loading_it_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    DigitClassifier()
    assert torch.equal(torch.get_rng_state(), before)


def test_rows_of_another_width_are_refused(classifier, refusal):
    assert "(5, 64)" in refusal(SettingError, classifier, np.zeros((5, 64)))


@pytest.mark.parametrize("change", [lambda b: b[:-1], lambda b: b[:-1] + b"\0", lambda b: b""])
def test_a_damaged_file_is_named(change, monkeypatch, tmp_path, refusal):
    (tmp_path / "bundled").mkdir()
    (tmp_path / "bundled" / WEIGHTS.name).write_bytes(change(WEIGHTS.read_bytes()))
    monkeypatch.setattr("utsushi.evaluation.classifier.files", lambda package: tmp_path)
    message = refusal(ModelFileError, DigitClassifier)
    assert "digit_classifier.safetensors is damaged" in message
    assert "Reinstall utsushi" in message


def test_a_missing_file_is_named(monkeypatch, tmp_path, refusal):
    monkeypatch.setattr("utsushi.evaluation.classifier.files", lambda package: tmp_path)
    assert "cannot be read" in refusal(ModelFileError, DigitClassifier)


def test_the_attribution_names_the_authors_the_licence_and_the_file():
    text = (FOLDER / "ATTRIBUTION.md").read_text(encoding="utf-8")
    for fact in ["LeCun", "Cortes", "Burges", "CC BY-SA 3.0", "creativecommons.org", CHECKSUM]:
        assert fact in text


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("make_digit_classifier", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tool_writes_the_same_bytes_each_time(tool, digits, capsys):
    x, y = torch.from_numpy(digits.X_train[:300]), torch.from_numpy(digits.y_train[:300])
    assert tool.pack(tool.train(x, y, 2)) == tool.pack(tool.train(x, y, 2))
    assert "epoch 2" in capsys.readouterr().err


def test_the_tools_training_learns(tool, digits):
    x, y = torch.from_numpy(digits.X_train[:1000]), torch.from_numpy(digits.y_train[:1000])
    network = tool.train(x, y, 4)
    assert tool.accuracy(network, digits.X_test[:1000], digits.y_test[:1000]) > 0.5


def test_the_tool_moves_digits_a_little_and_keeps_their_ink(tool, digits):
    x = torch.from_numpy(digits.X_train[:200])
    moved = tool.moved(x, torch.Generator().manual_seed(0))
    assert not torch.equal(moved, x)
    ratio = moved.sum(dim=1) / x.sum(dim=1)
    # A stretch by a tenth either way changes areas by a fifth at most, to first order.
    assert 0.75 < ratio.min() <= ratio.max() < 1.3
