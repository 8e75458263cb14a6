import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from utsushi import datasets
from utsushi.datasets.arrays import to_floats, to_rows
from utsushi.exceptions import DataError


@pytest.mark.parametrize(
    ("given_dtype", "result"),
    [
        ("uint8", "float32"),
        ("float16", "float32"),
        ("float32", "float32"),
        (">f4", "float32"),
        ("float64", "float64"),
        ("longdouble", "float64"),
        ("int8", "float64"),
        ("int64", "float64"),
        ("uint16", "float64"),
        ("bool", "float64"),
    ],
)
def test_each_dtype_becomes_the_documented_one(given_dtype, result):
    assert to_floats(np.ones((2, 2), dtype=given_dtype)).dtype == np.dtype(result)


def test_bytes_are_pixels_and_are_divided_by_255():
    pixels = np.arange(256, dtype=np.uint8)
    expected = np.arange(256, dtype=np.float32) / np.float32(255)
    np.testing.assert_array_equal(to_floats(pixels), expected)


@given(hnp.arrays(st.sampled_from(["int16", "int32", "uint16"]), (3, 2)))
def test_other_integers_keep_their_values(values):
    np.testing.assert_array_equal(to_floats(values), values)


def test_float32_is_not_copied():
    X = np.ones((2, 2), dtype=np.float32)
    assert np.shares_memory(datasets.open(X).X_train, X)


@pytest.mark.parametrize(
    "values",
    [
        np.array([[1j]]),
        np.array([["1"]]),
        np.array([[object()]]),
        np.array([["2024-01-01"]], dtype="datetime64[D]"),
    ],
    ids=["complex", "text", "objects", "dates"],
)
def test_what_is_no_real_number_is_refused_with_its_dtype(values, refusal):
    assert f"dtype {values.dtype}" in refusal(DataError, to_rows, values)


@given(st.integers(1, 4), hnp.array_shapes(min_dims=2, max_dims=3, min_side=5, max_side=8))
def test_images_become_rows_with_their_shape_kept(n, shape):
    rows, image_shape = to_rows(np.zeros((n, *shape)))
    assert (rows.shape, image_shape) == ((n, np.prod(shape)), shape)


@pytest.mark.parametrize("shape", [(), (4,), (1, 1, 1, 1, 1), (0, 3), (3, 0), (2, 0, 4)])
def test_shapes_that_are_no_samples_are_refused(shape, refusal):
    assert f"{shape}. " in refusal(DataError, to_rows, np.zeros(shape)) + " "


def test_channels_last_is_refused_with_the_transposition_to_use(refusal):
    assert "transpose(0, 3, 1, 2)" in refusal(DataError, to_rows, np.zeros((2, 32, 32, 3)))


def test_a_list_of_rows_of_several_lengths_is_refused(refusal):
    assert "rows of numbers of one length" in refusal(DataError, datasets.open, [[1.0], [2.0, 3.0]])
