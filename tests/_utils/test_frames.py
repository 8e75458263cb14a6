"""Data frames come back as they were read."""

import datetime

import numpy as np
import pandas
import polars
import pyarrow
import pytest

from utsushi._utils.frames import is_frame, read_frame, write_frame
from utsushi.exceptions import DataError

COLUMNS = {
    "whole": [1, 2, 3],
    "number": [0.5, float("nan"), 2.0],
    "text": ["a", None, "c"],
    "truth": [True, False, True],
    "time": [datetime.datetime(2020, 1, 2, 3, 4, 5), None, datetime.datetime(1969, 12, 31)],
    "took": [datetime.timedelta(days=1, seconds=3), None, datetime.timedelta(microseconds=5)],
}


@pytest.mark.parametrize("make", [pandas.DataFrame, polars.DataFrame])
def test_a_frame_comes_back(make):
    frame = make(COLUMNS)
    columns, backend = read_frame(frame)
    again = write_frame(columns, backend)
    assert type(again) is make
    if make is pandas.DataFrame:
        for name in ("time", "took"):
            again[name] = again[name].astype(frame[name].dtype)
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


def test_objects_that_are_dates_are_times():
    days = [datetime.date(1970, 1, 3), None]
    zone = datetime.timezone(datetime.timedelta(hours=2))
    moments = [datetime.datetime(1970, 1, 1, 2, tzinfo=zone), datetime.datetime(1970, 1, 1, 0, 1)]
    frame = pandas.DataFrame({"day": days, "moment": pandas.Series(moments, dtype=object)})
    day, moment = read_frame(frame)[0]
    assert (day.dtype, day.values[0]) == ("Date", 2 * 86_400)
    assert day.is_missing.tolist() == [False, True]
    assert (moment.dtype, moment.values.tolist()) == ("Datetime", [0.0, 60.0])


def test_times_of_a_zone_are_times_in_utc():
    zoned = pandas.to_datetime(["2020-01-01", None, "2020-01-02"]).tz_localize("Asia/Tokyo")
    frame = pandas.DataFrame({"time": zoned})
    for table in (frame, polars.from_pandas(frame), pyarrow.Table.from_pandas(frame)):
        (time,) = read_frame(table)[0]
        assert time.dtype == "Datetime"
        expected = [1577836800 - 9 * 3600, np.nan, 1577923200 - 9 * 3600]
        np.testing.assert_array_equal(time.values, expected)


@pytest.mark.parametrize("make", [pandas.DataFrame, polars.DataFrame])
def test_lists_are_refused(make):
    with pytest.raises(DataError, match=r"column 'a' of X must hold numbers, .*got"):
        read_frame(make({"a": [[1, 2], [3]]}))


def test_an_ordered_category_has_its_levels():
    sizes = polars.Enum(["S", "M", "L"])
    (size,) = read_frame(polars.DataFrame({"size": ["L", None, "S"]}, schema={"size": sizes}))[0]
    assert size.levels == ("S", "M", "L")
    assert size.values.tolist() == ["L", None, "S"]


def test_what_is_no_table_is_refused():
    with pytest.raises(DataError, match=r"have the shape \(n_samples, n_features\), got \(3,\)"):
        read_frame(np.zeros(3))
    with pytest.raises(DataError, match="X must hold real numbers"):
        read_frame(np.zeros((2, 2), complex))
