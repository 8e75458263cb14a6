"""Data frames as matrices of float64: numbers and dates as they are, categories as codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.frames import RawColumn, read_column
from utsushi._utils.validation import check_finite
from utsushi.exceptions import DataError

if TYPE_CHECKING:
    import narwhals as nw

__all__ = ["Field", "Matrix", "native_frame", "read_tables"]

Matrix = NDArray[np.float64]

_SECONDS_PER_DAY = 86_400

#: How the names of the types of numbers and times begin; a column of them may be empty.
_NUMBERS = ("Int", "UInt", "Float", "Decimal", "Date", "Duration")


@dataclass(frozen=True)
class Field:
    """One column of the tables that are compared.

    Attributes
    ----------
    name : str
    categories : tuple or None
        The distinct values of a category, in the order of their codes; None for numbers and dates.
    """

    name: str
    categories: tuple[Any, ...] | None = None

    @property
    def is_number(self) -> bool:
        """Whether the column holds numbers or dates."""
        return self.categories is None


def read_tables(tables: Mapping[str, Any]) -> tuple[list[Field], dict[str, Matrix]]:
    """Read tables of the same columns.

    Parameters
    ----------
    tables : mapping of str to DataFrame of pandas or polars
        By the name that an error uses. The first table decides the columns, their order and their
        kinds: numbers and dates are numbers, and booleans, strings and categoricals are categories.

    Returns
    -------
    fields : list of D Field
        The categories are those of all tables.
    matrices : dict of str to ndarray of shape (n, D)
        Numbers; dates as days since 1970-01-01; the codes of categories. NaN marks a gap.

    Raises
    ------
    DataError
        If an argument is not a data frame, if columns are missing, superfluous or named twice, or
        if a column holds no numbers, dates or categories.

    Examples
    --------
    >>> import pandas as pd
    >>> fields, matrices = read_tables({"train": pd.DataFrame({"a": [1, 2], "b": ["y", None]})})
    >>> [field.categories for field in fields]
    [None, ('y',)]
    >>> matrices["train"]
    array([[ 1.,  0.],
           [ 2., nan]])
    """
    frames = {what: native_frame(table, what) for what, table in tables.items()}
    (first, reference), *_ = frames.items()
    names = _names(reference)
    by_name = {what: _columns(frame, names, what, first) for what, frame in frames.items()}
    fields, columns = [], []
    for name in names:
        series = {what: by_name[what][name] for what in frames}
        field, values = _read_column(name, series, first)
        fields.append(field)
        columns.append(values)
    matrices = {what: np.column_stack([values[what] for values in columns]) for what in frames}
    for what, matrix in matrices.items():
        check_finite(matrix, what, names, allow_missing=True)
    return fields, matrices


def native_frame(table: Any, what: str) -> nw.DataFrame[Any]:
    """Return a data frame as one of narwhals, or raise `DataError` for other objects."""
    import narwhals as nw
    from narwhals.exceptions import DuplicateError

    try:
        frame: nw.DataFrame[Any] = nw.from_native(table, eager_only=True)
    except DuplicateError as error:
        names = [str(name) for name in table.columns]
        twice = max(names, key=names.count)
        raise DataError(
            f"{what} must have distinct column names, got {twice!r} twice. Rename one of them."
        ) from error
    except TypeError as error:
        raise DataError(
            f"{what} must be a DataFrame of pandas or polars, got {type(table).__name__}. Convert "
            "it first; collect a LazyFrame."
        ) from error
    if not len(frame.columns):
        raise DataError(f"{what} must have at least one column, got none.")
    return frame


def _names(frame: nw.DataFrame[Any]) -> list[str]:
    return [str(name) for name in frame.columns]


def _columns(
    frame: nw.DataFrame[Any], names: Sequence[str], what: str, first: str
) -> dict[str, nw.Series[Any]]:
    """Return the columns of a table by name, or raise `DataError` for others than ``names``."""
    own = _names(frame)
    lacking = [name for name in names if name not in own]
    if lacking:
        near = get_close_matches(lacking[0], own, n=1)
        hint = f"Did you mean its column {near[0]!r}?" if near else "Add it."
        raise DataError(
            f"{what} must have the columns of {first}, but lacks {lacking[0]!r}. {hint}"
        )
    more = [name for name in own if name not in names]
    if more:
        raise DataError(
            f"{what} must have the columns of {first}, got {more[0]!r} in addition. Drop it."
        )
    return dict(zip(own, frame.iter_columns(), strict=True))


def _read_column(
    name: str, series: Mapping[str, nw.Series[Any]], first: str
) -> tuple[Field, dict[str, Matrix]]:
    """Read one column of all tables; the first table decides its kind."""
    columns = {what: read_column(name, column, what) for what, column in series.items()}
    if _holds_numbers(columns[first]):
        for what, column in columns.items():
            if not column.is_number:
                raise DataError(
                    f"column {name!r} of {what} must hold numbers or dates, as in {first}, got "
                    f"{series[what].dtype}. Convert it."
                )
        return Field(name), {what: _numbers(column) for what, column in columns.items()}
    present = {what: _categories(column) for what, column in columns.items()}
    codes = {value: code for code, value in enumerate(columns[first].levels)}
    distinct = {value for values in present.values() for value in values if value is not None}
    for value in sorted(distinct - codes.keys(), key=str):
        codes[value] = len(codes)
    coded = {
        what: np.array([np.nan if value is None else codes[value] for value in values], np.float64)
        for what, values in present.items()
    }
    return Field(name, tuple(codes)), coded


def _holds_numbers(column: RawColumn) -> bool:
    """Return whether a column is of numbers, dates or durations."""
    is_empty = column.is_missing.all() and not column.dtype.startswith(_NUMBERS)
    is_category = column.dtype in ("Boolean", "Categorical", "Enum")
    return column.is_number and not (is_category or is_empty)


def _numbers(column: RawColumn) -> Matrix:
    """Return a column as numbers, times in days, with NaN for gaps."""
    unit = _SECONDS_PER_DAY if column.dtype in ("Date", "Datetime", "Duration") else 1
    return np.asarray(column.values / unit, dtype=np.float64)


def _categories(column: RawColumn) -> list[Any]:
    """Return the values of a column as Python objects, with None for gaps."""
    kind = bool if column.dtype == "Boolean" else lambda value: value
    return [
        None if gap else kind(value)
        for value, gap in zip(column.values.tolist(), column.is_missing, strict=True)
    ]
