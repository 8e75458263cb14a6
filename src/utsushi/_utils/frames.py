"""Read data frames of pandas and polars as numpy columns, and write them back, by narwhals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse

from utsushi.exceptions import DataError

__all__ = [
    "BACKENDS",
    "RawColumn",
    "is_frame",
    "read_column",
    "read_frame",
    "with_index",
    "write_frame",
]

#: The libraries whose data frames are read and written.
BACKENDS = ("pandas", "polars", "pyarrow")

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, eq=False)
class RawColumn:
    """A column of a data frame as an array.

    Attributes
    ----------
    name : str
    dtype : str
        narwhals' name of its dtype, such as "Int64", "String" or "Datetime"; "Array" for a column
        of an array.
    values : ndarray of shape (n,)
        float64 with NaN for a missing value: numbers, truth values, times in seconds since
        1970-01-01, and durations in seconds. Else texts, with None for a missing value.
    levels : tuple
        Of a category that declares its values in an order, all of them.
    """

    name: str
    dtype: str
    values: NDArray[Any]
    levels: tuple[Any, ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether the values are floats."""
        return self.values.dtype.kind == "f"

    @property
    def is_missing(self) -> NDArray[np.bool_]:
        """Which values are missing, (n,)."""
        if self.is_number:
            gaps: NDArray[np.bool_] = np.isnan(self.values)
            return gaps
        return np.array([value is None for value in self.values], dtype=bool)


def is_frame(X: Any) -> bool:
    """Tell whether ``X`` is a data frame of pandas or polars.

    Raises
    ------
    DataError
        If two of its columns have one name.
    """
    import narwhals as nw

    names: Any = getattr(X, "column_names", None) or getattr(X, "columns", ())  # pyarrow's, others
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(f"X must have columns of different names, got {twice[0]!r} twice.")
    return isinstance(nw.from_native(X, eager_only=True, pass_through=True), nw.DataFrame)


def read_frame(X: ArrayLike) -> tuple[list[RawColumn], str | None]:
    """Return the columns of a data frame or of a two-dimensional array.

    Parameters
    ----------
    X : pandas.DataFrame, polars.DataFrame, or array-like of shape (n_samples, n_columns)

    Returns
    -------
    columns : list of RawColumn
    backend : {"pandas", "polars", …} or None
        The library of the frame; None for an array.

    Raises
    ------
    DataError
        If two columns have one name, or a value cannot be used.
    """
    import narwhals as nw

    if not is_frame(X):
        return _columns_of_array(X), None
    native: Any = X
    frame = nw.from_native(native, eager_only=True)
    backend = frame.implementation.value
    return [read_column(str(name), frame[name]) for name in frame.columns], str(backend)


def write_frame(columns: list[RawColumn], backend: str | None) -> Any:
    """Return columns as a data frame of a library, or as an array; undoes `read_frame`."""
    import narwhals as nw

    if backend is None:
        is_number = all(column.is_number for column in columns)
        return np.stack(
            [column.values if is_number else column.values.astype(object) for column in columns],
            axis=1,
        )
    series = [_written(column, backend) for column in columns]
    return nw.concat([one.to_frame() for one in series], how="horizontal").to_native()


def with_index(frame: Any, X: Any) -> Any:
    """Return a frame with the row labels of another one with as many rows, if that has labels."""
    if hasattr(frame, "set_axis") and hasattr(X, "index") and not callable(X.index):
        return frame.set_axis(X.index, axis=0)
    return frame


def _columns_of_array(X: Any) -> list[RawColumn]:
    """Return the columns of an array-like, named x0, x1, …"""
    if issparse(X):
        raise DataError(
            "X must be dense, because sparse tables are not supported. Give X.toarray()."
        )
    array = np.asarray(X)
    if array.ndim != 2:
        raise DataError(
            f"X must be a data frame or have the shape (n_samples, n_features), got {array.shape}. "
            "Reshape your data by X.reshape(-1, 1) if it is one column."
        )
    if array.dtype.kind == "c":
        raise DataError("Complex data not supported: X must hold real numbers. Give real numbers.")
    if array.dtype.kind in "biuf":
        return [RawColumn(f"x{i}", "Array", c.astype(np.float64)) for i, c in enumerate(array.T)]
    return [_from_objects(f"x{i}", "Array", list(c), "X") for i, c in enumerate(array.T)]


def read_column(name: str, series: Any, what: str = "X") -> RawColumn:
    """Return a series of narwhals as a column.

    Parameters
    ----------
    name : str
    series : narwhals Series
    what : str, default="X"
        The name of its table in the error.

    Raises
    ------
    DataError
        If its values are lists or the like.
    """
    import narwhals as nw

    dtype = series.dtype
    if dtype.is_nested():
        raise _not_one_value(name, what, dtype)
    label = str(dtype).split("(", maxsplit=1)[0]
    if dtype.is_numeric():
        if dtype.is_decimal():
            series = series.cast(nw.Float64)
        return RawColumn(name, label, series.cast(nw.Float64).to_numpy().astype(np.float64))
    if dtype == nw.Date:
        series = series.cast(nw.Datetime("us"))
    if dtype in (nw.Date, nw.Datetime):
        times = series.dt.timestamp("us").cast(nw.Float64)
        return RawColumn(name, label, times.to_numpy().astype(np.float64) / _MICROSECONDS)
    if dtype == nw.Duration:
        durations = series.dt.total_microseconds().cast(nw.Float64)
        return RawColumn(name, label, durations.to_numpy().astype(np.float64) / _MICROSECONDS)
    column = _from_objects(name, label, series.to_list(), what)
    return replace(column, levels=tuple(getattr(dtype, "categories", ())))


def _not_one_value(name: str, what: str, kind: Any) -> DataError:
    return DataError(
        f"column {name!r} of {what} must hold numbers, dates, booleans, strings or categories, got "
        f"{kind}. Convert it or drop it."
    )


def _from_objects(name: str, dtype: str, values: list[Any], what: str) -> RawColumn:
    """Return numbers, truth values and times as floats, and anything else as texts."""
    present = [value for value in values if not _is_missing(value)]
    if present and all(isinstance(value, date) for value in present):
        seconds = [np.nan if _is_missing(value) else _seconds(value) for value in values]
        label = "Datetime" if any(isinstance(value, datetime) for value in present) else "Date"
        return RawColumn(name, label, np.array(seconds, dtype=np.float64))
    lists = [value for value in present if isinstance(value, list | tuple | dict | np.ndarray)]
    if lists:
        raise _not_one_value(name, what, f"a {type(lists[0]).__name__}")
    if all(isinstance(value, Real | Decimal | np.bool_) for value in present):
        kinds = {isinstance(value, bool | np.bool_) for value in present}
        numbers = [np.nan if _is_missing(value) else float(value) for value in values]
        label = "Boolean" if kinds == {True} else dtype
        return RawColumn(name, label, np.array(numbers, dtype=np.float64))
    texts = np.empty(len(values), dtype=object)
    texts[:] = [None if _is_missing(value) else str(value) for value in values]
    return RawColumn(name, dtype, texts)


def _seconds(value: date) -> float:
    """Return a date or a time, of any time zone, as seconds since 1970-01-01."""
    if isinstance(value, datetime) and value.tzinfo is not None:
        value = value.astimezone(UTC).replace(tzinfo=None)
    return float(np.datetime64(value, "us").astype(np.int64)) / _MICROSECONDS


def _is_missing(value: Any) -> bool:
    """Tell whether a value is None, NaN or another kind of nothing."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float | np.floating) and bool(np.isnan(value))


def _written(column: RawColumn, backend: Any) -> Any:
    """Return a column as a series of a library."""
    import narwhals as nw

    missing = column.is_missing
    dtype = column.dtype
    values: list[Any]
    if dtype in ("Date", "Datetime"):
        whole = np.where(missing, 0, np.rint(np.nan_to_num(column.values) * _MICROSECONDS))
        moments = whole.astype(np.int64).astype("datetime64[us]").tolist()
        values = [None if gone else moment for gone, moment in zip(missing, moments, strict=True)]
        series = nw.new_series(column.name, values, nw.Datetime("us"), backend=backend)
        return series.cast(nw.Date) if dtype == "Date" and backend != "pandas" else series
    if dtype == "Duration":
        whole = np.where(missing, 0, np.rint(np.nan_to_num(column.values) * _MICROSECONDS))
        spans = whole.astype(np.int64).astype("timedelta64[us]").tolist()
        values = [None if gone else span for gone, span in zip(missing, spans, strict=True)]
        return nw.new_series(column.name, values, nw.Duration("us"), backend=backend)
    if column.is_number:
        integer = dtype.startswith(("Int", "UInt"))
        if dtype == "Boolean" or (integer and not missing.any()):
            kind = bool if dtype == "Boolean" else int
            values = [
                None if gone else kind(v) for gone, v in zip(missing, column.values, strict=True)
            ]
            to = getattr(nw, dtype) if not missing.any() or backend != "pandas" else nw.Object
            return nw.new_series(column.name, values, to, backend=backend)
        if integer and backend != "pandas":
            values = [
                None if gone else int(v) for gone, v in zip(missing, column.values, strict=True)
            ]
            return nw.new_series(column.name, values, getattr(nw, dtype), backend=backend)
        values = column.values.tolist()
        if backend != "pandas":
            values = [None if gone else v for gone, v in zip(missing, values, strict=True)]
        to = nw.Float32 if dtype == "Float32" else nw.Float64
        return nw.new_series(column.name, values, to, backend=backend)
    to = nw.Categorical if dtype in ("Categorical", "Enum") else nw.String
    return nw.new_series(column.name, column.values.tolist(), to, backend=backend)
