import json

import numpy as np
import pytest

from utsushi.datasets import Dataset, describe
from utsushi.exceptions import DataError


@pytest.fixture
def split():
    return Dataset(
        "split",
        X_train=np.array([[0.0, 1.0], [2.0, 1.0]]),
        X_test=np.array([[4.0, 1.0]]),
        y_train=np.array(["b", "a"]),
        y_test=np.array(["b"]),
        image_shape=(1, 2),
    )


def test_all_rows_are_the_training_rows_and_then_the_test_rows(split):
    assert split.X[:, 0].tolist() == [0.0, 2.0, 4.0]


def test_all_labels_are_in_the_order_of_all_rows(split):
    assert split.y.tolist() == ["b", "a", "b"]


def test_without_test_rows_all_rows_are_the_training_rows_uncopied():
    X = np.zeros((2, 2))
    assert Dataset("one", X).X is X


def test_the_repr_sums_up_and_dumps_no_numbers(split):
    assert repr(split) == (
        "Dataset('split': 2 training and 1 test samples, 2 features, 1x2 images, float64, labelled)"
    )


def test_it_cannot_be_changed(split):
    with pytest.raises(AttributeError):
        split.name = "other"


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"X_train": np.zeros((0, 2))}, "got (0, 2)"),
        ({"X_train": np.zeros(3)}, "got (3,)"),
        ({"X_test": np.zeros((1, 3))}, "the same features for training and testing, got 2 and 3"),
        ({"y_train": np.zeros(4)}, "(2,), got (4,)"),
        ({"X_test": np.zeros((1, 2)), "y_train": np.zeros(2)}, "both y_train and y_test"),
        ({"y_test": np.zeros(1)}, "X_test of bad"),
        ({"image_shape": (3, 3)}, "2 features, got (3, 3)"),
        ({"feature_names": ("a",)}, "1 names for 2 features"),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts, message, refusal):
    parts = {"X_train": np.zeros((2, 2)), **parts}
    assert message in refusal(DataError, Dataset, "bad", **parts)


def test_a_description_counts_training_and_test_rows_alike(split):
    assert describe(split) == {
        "name": "split",
        "rows": 3,
        "training_rows": 2,
        "test_rows": 1,
        "features": 2,
        "image_shape": [1, 2],
        "dtype": "float64",
        "min": 0.0,
        "max": 4.0,
        "mean": 1.5,
        "missing": 0,
        "constant_features": 1,
        "classes": {"a": 1, "b": 2},
    }


def test_a_description_passes_over_missing_values():
    facts = describe(Dataset("holes", np.array([[np.nan, 2.0], [4.0, np.nan]])))
    assert (facts["missing"], facts["min"], facts["max"], facts["mean"]) == (2, 2.0, 4.0, 3.0)


def test_a_description_of_nothing_but_missing_values_is_valid_json():
    facts = describe(Dataset("empty", np.full((2, 2), np.nan)))
    assert json.loads(json.dumps(facts, allow_nan=False))["mean"] is None
