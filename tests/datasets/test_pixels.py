"""Whole numbers from 0 to 255: pixels if they are uint8, or if they are said to be."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from utsushi import datasets
from utsushi.datasets.arrays import as_pixels
from utsushi.datasets.parquet import large_parquet
from utsushi.datasets.reading import Reading
from utsushi.exceptions import DataError

BYTES = np.random.default_rng(0).integers(0, 256, (6, 9), dtype=np.uint8)
SCALED = BYTES.astype(np.float32) / np.float32(255)


@pytest.fixture
def stored(tmp_path):
    """Store the same numbers in every kind of file, as another type than uint8."""
    whole = BYTES.astype(np.int64)
    np.save(tmp_path / "int64.npy", whole)
    np.save(tmp_path / "float.npy", whole.astype(np.float32))
    frame = pd.DataFrame(whole, columns=[f"pixel{i}" for i in range(9)])
    frame.to_csv(tmp_path / "table.csv", index=False)
    frame.to_parquet(tmp_path / "table.parquet")
    pq.write_table(pa.table({"x": list(whole)}), tmp_path / "lists.parquet")
    np.savez(tmp_path / "split.npz", X_train=whole[:4], X_test=whole[4:])
    return list(tmp_path.iterdir())


def test_whole_numbers_are_pixels_if_they_are_said_to_be(stored):
    assert len(stored) == 6
    for path in stored:
        data = datasets.open(path, pixels=True)
        np.testing.assert_array_equal(np.asarray(data.X), SCALED, err_msg=path.name)
        assert (data.pixels, data.columns, data.X_train.dtype) == (True, None, np.float32)
        plain = datasets.open(path)
        np.testing.assert_array_equal(np.asarray(plain.X), BYTES, err_msg=path.name)


def test_bytes_are_numbers_if_they_are_said_to_be(tmp_path):
    np.save(tmp_path / "bytes.npy", BYTES)
    frame = pd.DataFrame(BYTES.astype(np.uint8), columns=list("abcdefghi"))
    frame.to_parquet(tmp_path / "bytes.parquet")
    for source in (tmp_path / "bytes.npy", tmp_path / "bytes.parquet", frame, BYTES):
        data = datasets.open(source, pixels=False)
        np.testing.assert_array_equal(np.asarray(data.X), BYTES)
        assert datasets.open(source).pixels


def test_a_large_file_is_divided_as_it_is_read(tmp_path):
    table = pa.table({f"p{i}": BYTES[:, i].astype(np.int32) for i in range(9)})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    reading = Reading(pixels=True)
    data = as_pixels(large_parquet([tmp_path / "a.parquet"], "a", reading), True)
    assert data.X_train.starts.tolist() == [0, 2, 4]
    np.testing.assert_array_equal(np.asarray(data.X_train), SCALED)


def test_values_within_one_stay():
    data = datasets.open(SCALED.astype(np.float64), pixels=True)
    np.testing.assert_array_equal(data.X, SCALED)
    assert data.pixels


@pytest.mark.parametrize("wrong", [256.0, -1.0, 0.5, np.nan])
def test_what_is_no_pixel_is_named(wrong, refusal):
    X = BYTES.astype(np.float64)
    X[3, 2] = wrong
    message = refusal(DataError, datasets.open, X, pixels=True)
    assert f"{wrong:g} at row 3, column 2" in message


def test_text_among_pixels_is_named(refusal):
    frame = pd.DataFrame({"a": [1, 2], "town": ["Oslo", "Kobe"]})
    message = refusal(DataError, datasets.open, frame, pixels=True)
    assert "a category in column 'town'" in message
    assert "drop=('town',)" in message


def test_images_are_pixels_anyway(tmp_path, refusal):
    from PIL import Image

    Image.new("L", (4, 4), 51).save(tmp_path / "a.png")
    assert "pixels must not be set" in refusal(DataError, datasets.open, tmp_path, pixels=False)


def test_the_columns_of_a_model_have_the_last_word():
    columns = datasets.open(pa.table({"a": [1, 2]})).columns
    table = pa.table({"a": np.array([51, 255], np.uint8)})
    assert datasets.open(table, columns=columns, pixels=True).X.tolist() == [[51], [255]]
