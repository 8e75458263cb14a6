"""Columns of dates: days since 1970-01-01 on the way in, dates again on the way out."""

import datetime
import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from utsushi import datasets
from utsushi.exceptions import DataError, SettingError
from utsushi.transforms.table_schema import Column, TableSchema

DAYS = [datetime.date(2026, 3, 31), None, datetime.date(1969, 12, 31)]
TIMES = [datetime.datetime(2026, 3, 31, 18, 30, 5), None, datetime.datetime(1970, 1, 2)]


@pytest.fixture
def csv(tmp_path):
    def write(text):
        path = tmp_path / "table.csv"
        path.write_text(text)
        return path

    return write


@pytest.mark.parametrize(
    "values",
    [
        pd.Series(DAYS),
        pd.Series(DAYS, dtype="datetime64[ns]"),
        pd.Series(["2026-03-31", None, "1969-12-31"]),
        pl.Series(DAYS),
        pl.Series(["2026-03-31", None, "1969-12-31"], dtype=pl.Categorical),
        pa.array(DAYS, pa.date64()),
    ],
    ids=["objects", "datetime64", "text", "polars", "categorical text", "date64"],
)
def test_dates_of_every_kind_become_days(values):
    frame = {"seen": values}
    if isinstance(values, pd.Series):
        table = pd.DataFrame(frame)
    else:
        table = pl.DataFrame(frame) if isinstance(values, pl.Series) else pa.table(frame)
    data = datasets.open(table, dates=["seen"])
    expected = [(day - datetime.date(1970, 1, 1)).days if day else np.nan for day in DAYS]
    np.testing.assert_array_equal(data.X[:, 0], expected)
    assert (data.feature_names, data.X.dtype) == (("seen",), np.float64)


def test_a_time_of_day_is_a_part_of_a_day(csv):
    data = datasets.open(csv("a,seen\n1,1970-01-02 12:00\n2,\n3,1970-01-03\n"), dates=["seen"])
    assert data.columns.columns[1].kind == "datetime"
    np.testing.assert_array_equal(data.X[:, 1], [1.5, np.nan, 2])


@pytest.mark.parametrize("text", ["1970-01-02T09:00:00+09:00", "1970-01-02T00:00:00Z"])
def test_a_time_zone_is_turned_into_utc(csv, text):
    assert datasets.open(csv(f"a,seen\n1,{text}\n"), dates=["seen"]).X[0, 1] == 1
    zoned = pd.DataFrame({"seen": pd.to_datetime([text])})
    assert datasets.open(zoned, dates=["seen"]).X[0, 0] == 1


@pytest.mark.parametrize(("values", "kind"), [(DAYS, "date"), (TIMES, "datetime")])
def test_dates_come_back_as_they_were(values, kind):
    data = datasets.open(pl.DataFrame({"seen": values}), dates=["seen"])
    assert data.columns.columns[0].kind == kind
    columns = TableSchema.from_json(json.loads(json.dumps(data.columns.to_json())))
    decoded = columns.decode(data.X)["seen"]
    assert pa.array(decoded).to_pylist() == values


def test_a_second_survives_seventy_years():
    seconds = np.arange(0, 70 * 365 * 86_400, 86_399 * 97)
    times = seconds.astype("datetime64[s]")
    data = datasets.open(pa.table({"seen": times}), dates=["seen"])
    np.testing.assert_array_equal(data.columns.decode(data.X)["seen"], times)


def test_a_generated_day_beyond_the_calendar_is_its_last():
    columns = TableSchema((Column("seen", "date"),))
    decoded = columns.decode(np.array([[1e9], [-1e9]]))["seen"]
    assert decoded.astype(str).tolist() == ["9999-12-31", "0001-01-01"]


def test_another_table_is_read_by_the_columns(csv):
    columns = datasets.open(
        pl.DataFrame({"a": [1.0, 2], "seen": DAYS[::2]}), dates=["seen"]
    ).columns
    data = datasets.open(csv("seen,a\n1970-01-11,5\n,6\n"), columns=columns)
    np.testing.assert_array_equal(data.X, [[5, 10], [6, np.nan]])


@pytest.mark.parametrize(
    ("cell", "named"),
    [("31.12.2025", "'31.12.2025' at row 1"), ("soon", "'soon' at row 1"), ("7", "'7' at row 1")],
)
def test_what_is_no_date_is_named(csv, refusal, cell, named):
    text = f"a,seen\n1,2026-01-01\n2,{cell}\n"
    message = refusal(DataError, datasets.open, csv(text), dates=["seen"])
    assert message.startswith("column 'seen' of table.csv must hold dates")
    assert f"got {named}" in message
    columns = TableSchema((Column("a"), Column("seen", "date")))
    assert named in refusal(DataError, datasets.open, csv(text), columns=columns)


def test_numbers_are_no_dates(csv, refusal):
    message = refusal(DataError, datasets.open, csv("a,year\n1,2025\n2,2026\n"), dates=["year"])
    assert message.startswith("column 'year' of table.csv must hold dates")
    assert "got int64" in message
    assert "leave 'year' out of dates" in message


def test_texts_that_are_dates_are_no_categories(refusal):
    frame = pd.DataFrame({"seen": ["2026-03-31", "2026-04-01"] * 9})
    assert "dates=('seen',)" in refusal(DataError, datasets.open, frame)
    assert datasets.open(frame, categorical=["seen"]).X.shape == (18, 2)


def test_a_column_cannot_be_both_dates_and_a_category(refusal):
    message = refusal(SettingError, datasets.open, [[1.0]], dates=["a"], categorical=["a"])
    assert "got 'a' in both" in message


def test_a_column_of_dates_that_is_not_there_is_named(csv, refusal):
    message = refusal(DataError, datasets.open, csv("a,seen\n1,2026-01-01\n"), dates=["sen"])
    assert "no column 'sen' of dates. Did you mean 'seen'?" in message


def test_what_is_missing_comes_back_as_missing():
    frame = pl.DataFrame({"n": [1.5, None], "t": [True, None], "c": ["x", None]})
    data = datasets.open(frame)
    decoded = data.columns.decode(data.X)
    assert pa.table(decoded).to_pylist()[1] == {"n": pytest.approx(np.nan, nan_ok=True)} | {
        "t": None,
        "c": None,
    }
