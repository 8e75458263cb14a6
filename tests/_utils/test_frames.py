"""Data frames come back as they were read."""

import datetime

import numpy as np
import pandas
import polars
import pytest

from utsushi._utils.frames import is_frame, read_frame, write_frame
from utsushi.exceptions import DataError

COLUMNS = {
    "whole": [1, 2, 3],
    "number": [0.5, float("nan"), 2.0],
    "text": ["a", None, "c"],
    "truth": [True, False, True],
    "time": [datetime.datetime(2020, 1, 2, 3, 4, 5), None, datetime.datetime(1969, 12, 31)],
}


@pytest.mark.parametrize("make", [pandas.DataFrame, polars.DataFrame])
def test_a_frame_comes_back(make):
    frame = make(COLUMNS)
    columns, backend = read_frame(frame)
    again = write_frame(columns, backend)
    assert type(again) is make
    if make is pandas.DataFrame:
        again["time"] = again["time"].astype(frame["time"].dtype)
        pandas.testing.assert_frame_equal(again, frame, check_dtype=False)
        for name in ("whole", "number", "truth"):
            assert again[name].dtype == frame[name].dtype
    else:
        assert again.schema == frame.schema
        assert again.with_columns(number=polars.col("number").fill_null(float("nan"))).equals(frame)


def test_polars_keeps_dates_small_integers_and_categories():
    frame = polars.DataFrame(
        {
            "day": [datetime.date(2020, 2, 29), None],
            "small": [1, None],
            "kind": ["x", "y"],
        },
        schema={"day": polars.Date, "small": polars.Int16, "kind": polars.Categorical},
    )
    assert write_frame(*read_frame(frame)).equals(frame)


def test_arrays_are_columns_without_a_library():
    columns, backend = read_frame(np.array([[1, 2], [3, 4]]))
    assert backend is None
    assert [column.name for column in columns] == ["x0", "x1"]
    np.testing.assert_array_equal(write_frame(columns, backend), [[1.0, 2.0], [3.0, 4.0]])
    assert not is_frame([[1, 2]])


def test_mixed_objects_are_texts_and_truth_values_with_gaps_stay():
    frame = pandas.DataFrame({"mixed": [1, "a", None], "truth": [True, None, False]})
    mixed, truth = read_frame(frame)[0]
    assert mixed.values.tolist() == ["1", "a", None]
    assert truth.dtype == "Boolean"
    assert truth.is_missing.tolist() == [False, True, False]


def test_what_is_no_table_is_refused():
    with pytest.raises(DataError, match=r"have the shape \(n_samples, n_features\), got \(3,\)"):
        read_frame(np.zeros(3))
    with pytest.raises(DataError, match="X must hold real numbers"):
        read_frame(np.zeros((2, 2), complex))
