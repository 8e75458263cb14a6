import subprocess
import sys

import numpy as np
import pytest

from utsushi import datasets
from utsushi.exceptions import DataError, NonFiniteDataError


def test_a_data_set_passes_through():
    data = datasets.Dataset("mine", np.ones((2, 2)))
    assert datasets.open(data) is data


def test_a_data_set_with_a_missing_value_is_refused():
    data = datasets.Dataset("mine", np.full((2, 2), np.nan))
    with pytest.raises(NonFiniteDataError, match="mine must be finite, got NaN"):
        datasets.open(data)


def test_a_list_of_rows_is_an_array():
    assert datasets.open([[1, 2], [3, 4]]).X.dtype == np.float64


@pytest.mark.parametrize("source", ["mnist20", "digits", "mnist"])
def test_a_misspelled_name_is_answered_with_a_near_one(source, refusal):
    assert "Did you mean" in refusal(DataError, datasets.open, source)


def test_a_misspelled_file_is_answered_with_the_near_one(tmp_path, refusal):
    near = tmp_path / "measurements.csv"
    near.touch()
    message = refusal(DataError, datasets.open, tmp_path / "mesurements.csv")
    assert f"Did you mean {str(near)!r}?" in message


def test_a_missing_table_is_called_missing_even_with_a_label(tmp_path, refusal):
    assert "no file" in refusal(DataError, datasets.open, tmp_path / "a.csv", label="y")


def test_a_name_like_nothing_is_answered_with_the_bundled_ones(tmp_path, monkeypatch, refusal):
    monkeypatch.chdir(tmp_path)
    assert "mnist20k, digits8x8" in refusal(DataError, datasets.open, "zzzzzz")


@pytest.mark.parametrize("source", ["a" * 5000, "a\0b"], ids=["too long", "null byte"])
def test_a_name_that_no_file_can_have_is_missing(source, refusal):
    assert "no file" in refusal(DataError, datasets.open, source)


def test_an_unknown_ending_is_answered_with_the_known_ones(tmp_path, refusal):
    (tmp_path / "a.xlsx").touch()
    message = refusal(DataError, datasets.open, tmp_path / "a.xlsx")
    assert "end in .npy, .npz, .csv, .parquet" in message
    assert "got '.xlsx'" in message


@pytest.mark.parametrize("source", ["digits8x8", np.ones((2, 2))], ids=["name", "array"])
def test_a_label_for_what_is_no_table_is_refused(source, refusal):
    message = refusal(DataError, datasets.open, source, label="y")
    assert message.startswith("label must not be set")
    assert "got 'y'" in message


@pytest.mark.parametrize("source", [None, 3, {}, object()])
def test_what_is_no_data_at_all_is_refused(source, refusal):
    assert "must " in refusal(DataError, datasets.open, source)


def test_the_package_loads_nothing_heavy():
    heavy = "{'sklearn', 'pyarrow', 'PIL', 'pandas', 'polars', 'torch', 'scipy'}"
    code = f"import sys, utsushi.datasets; print({heavy} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
