"""Columns of a table as numbers: categories, dates, lists, and texts that are numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.datasets.arrays import to_rows
from utsushi.datasets.arrow_types import dates_of, days, decoded, is_list, is_numeric, numbers
from utsushi.exceptions import DataError
from utsushi.transforms.table_schema import DATES, Column

__all__ = [
    "listed",
    "rows_of_lists",
    "values_of",
    "whole_numbers",
    "with_blanks_missing",
    "with_whole_numbers",
]

_SHOWN_COLUMNS = 5

#: A whole number as pandas writes one of a column with gaps.
_WHOLE = r"^(-?\d+)\.0+$"


def listed(columns: Sequence[str]) -> str:
    """List column names, the first few if there are many."""
    shown = ", ".join(repr(column) for column in columns[:_SHOWN_COLUMNS])
    more = len(columns) - _SHOWN_COLUMNS
    return f"{shown} and {more} more" if more > 0 else shown


def whole_numbers(values: Any) -> Any:
    """Return a column of floats as int64 if all are whole, else None; NaN is missing."""
    import pyarrow
    from pyarrow import compute

    floats = decoded(values)
    floats = compute.if_else(compute.is_nan(floats), None, floats)
    try:
        return floats.cast(pyarrow.int64())
    except pyarrow.ArrowInvalid:
        return None


def values_of(
    values: Any, column: Column, name: str, handle_unknown: str = "error"
) -> NDArray[Any]:
    """Return the values of a column as `Columns.encode` takes them; NaN is missing."""
    if column.kind == "category":
        return _places(values, column, name, handle_unknown)
    if column.kind in DATES:
        dates = dates_of(values)
        return np.full(len(values), np.nan) if dates is None else days(dates)
    return numbers(values)


def _places(values: Any, column: Column, name: str, handle_unknown: str) -> NDArray[Any]:
    """Return the place of each value among the categories of a column, float32; NaN is missing."""
    import pyarrow
    from pyarrow import compute

    if values.null_count == len(values):
        return np.full(len(values), np.nan, np.float32)
    found = _category_texts(values, column)
    known = pyarrow.array([str(value) for value in column.categories])
    if isinstance(column.categories[0], bool):  # as Arrow writes them
        known = compute.utf8_lower(known)
    places = compute.index_in(found, value_set=known)
    unknown = compute.and_(compute.is_null(places), compute.is_valid(found))
    if handle_unknown == "error" and compute.any(unknown).as_py():
        row = compute.index(unknown, True).as_py()
        raise DataError(
            f"{name} has {str(found[row])[:40]!r} in column {column.name!r} at row {row} (counting "
            f"from 0): expected one of {listed([str(c) for c in column.categories])}, as in "
            "training; repair it, leave the cell blank, or read such values as zeros with "
            "handle_unknown='ignore'"
        )
    places = compute.if_else(unknown, -1, places)
    numbered: NDArray[Any] = compute.cast(places, pyarrow.float32()).to_numpy()
    return numbered


def _category_texts(values: Any, column: Column) -> Any:
    """Return the values of a category as texts; a whole number is one however it is stored."""
    import pyarrow
    from pyarrow import compute, types

    values = decoded(values)
    if types.is_floating(values.type):
        whole = whole_numbers(values)
        values = values if whole is None else whole
    texts = compute.cast(values, pyarrow.string())
    if type(column.categories[0]) is not int:
        return texts
    return compute.replace_substring_regex(texts, _WHOLE, r"\1")


def rows_of_lists(table: Any, index: int, name: str) -> tuple[NDArray[Any], tuple[int, ...] | None]:
    """Turn a column of lists of numbers, all of one length, into rows."""
    from pyarrow import compute

    field = table.schema[index]
    if table.num_columns > 1:
        others = [column for column in table.column_names if column != field.name]
        raise DataError(
            f"{name} has lists in column {field.name!r} and {len(others)} other columns of "
            f"features, {listed(others)}: expected the lists alone; leave the others out with "
            "drop=(…), or name one as the label"
        )
    column = table.column(index).combine_chunks()
    shape: list[int] = []
    while is_list(column.type):
        lengths = compute.list_value_length(column)
        differs = compute.fill_null(compute.not_equal(lengths, lengths[0]), True)
        if not lengths[0].is_valid or compute.any(differs).as_py():
            row = compute.index(differs, True).as_py() if lengths[0].is_valid else 0
            raise DataError(
                f"{name} has {lengths[row]} values in the list of column {field.name!r} at row "
                f"{row // max(int(np.prod(shape)), 1)} (counting from 0): expected "
                f"{lengths[0]} as in the first; give all rows one length"
            )
        shape.append(lengths[0].as_py())
        column = compute.list_flatten(column)
    if not is_numeric(column.type):
        raise DataError(
            f"{name} has lists of {column.type} in column {field.name!r}: expected numbers; "
            "convert them first"
        )
    return to_rows(column.to_numpy(zero_copy_only=False).reshape(table.num_rows, *shape), name)


def with_blanks_missing(table: Any, label: str | None = None) -> Any:
    """Return a table of a CSV file whose blank texts, "NA" and their like are missing.

    The column of the labels stays as it is.
    """
    import pyarrow
    from pyarrow import compute, csv

    blanks = pyarrow.array(csv.ConvertOptions().null_values)
    for i, field in enumerate(table.schema):
        if field.name != label and pyarrow.types.is_string(field.type):
            trimmed = compute.utf8_trim_whitespace(table.column(i))
            kept = compute.if_else(compute.is_in(trimmed, blanks), None, trimmed)
            table = table.set_column(i, field.name, kept)
    return table


def with_whole_numbers(table: Any, names: Sequence[str]) -> Any:
    """Return a table whose texts of these names are whole numbers where all are written so.

    As 4, or all of them as 4.0.
    """
    import pyarrow
    from pyarrow import compute

    for i, field in enumerate(table.schema):
        if field.name in names and pyarrow.types.is_string(field.type):
            texts = table.column(i)
            if compute.all(compute.match_substring_regex(texts, _WHOLE)).as_py():
                texts = compute.replace_substring_regex(texts, _WHOLE, r"\1")
            try:
                whole = compute.cast(texts, pyarrow.int64())
            except pyarrow.ArrowInvalid:
                continue
            if compute.all(compute.equal(compute.cast(whole, pyarrow.string()), texts)).as_py():
                table = table.set_column(i, field.name, whole)
    return table
