"""Columns of Arrow tables: their types, and their values as numpy arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.datasets.arrays import to_floats, to_rows
from utsushi.datasets.reading import Reading
from utsushi.exceptions import DataError
from utsushi.transforms.table_schema import DATES, Column

__all__ = [
    "are_bytes",
    "are_pixels",
    "dates_of",
    "decoded",
    "is_date",
    "is_list",
    "is_numeric",
    "is_text",
    "listed",
    "rows_of_lists",
    "stacked",
    "value_type",
    "values_of",
    "whole_numbers",
    "with_blanks_missing",
    "with_whole_numbers",
]

_SHOWN_COLUMNS = 5

#: A whole number as pandas writes one of a column with gaps.
_WHOLE = r"^(-?\d+)\.0+$"


# --- types ----------------------------------------------------------------------------------------


def decoded(column: Any) -> Any:
    """Decode a column that may be dictionary-encoded."""
    import pyarrow
    from pyarrow import types

    if types.is_dictionary(column.type) and types.is_string_view(column.type.value_type):
        # The categories of polars; Arrow cannot decode this type.
        column = pyarrow.chunked_array(
            pyarrow.DictionaryArray.from_arrays(
                chunk.indices, chunk.dictionary.cast(pyarrow.string())
            )
            for chunk in column.chunks
        )
    return column.cast(value_type(column.type))


def value_type(kind: Any) -> Any:
    """Return the type of the values of a column that may be dictionary-encoded."""
    from pyarrow import types

    return kind.value_type if types.is_dictionary(kind) else kind


def is_numeric(kind: Any) -> bool:
    """Return whether an Arrow type converts to floats; the null type is a column of blanks."""
    return _is_any(kind, ("null", "integer", "floating", "boolean", "decimal"))


def is_date(kind: Any) -> bool:
    """Return whether an Arrow type is a date, with or without a time of day."""
    return _is_any(kind, ("date", "timestamp"))


def is_text(kind: Any) -> bool:
    """Return whether an Arrow type is text."""
    return _is_any(kind, ("string", "large_string", "string_view"))


def is_list(kind: Any) -> bool:
    """Return whether an Arrow type is a list."""
    return _is_any(kind, ("list", "large_list", "fixed_size_list"))


def _is_any(kind: Any, checks: Iterable[str]) -> bool:
    from pyarrow import types

    return any(getattr(types, f"is_{check}")(kind) for check in checks)


# --- values ---------------------------------------------------------------------------------------


def with_blanks_missing(table: Any, label: str | None = None) -> Any:
    """Replace blank texts, "NA" and similar ones in a table of a CSV file by missing values.

    The column of labels is unchanged.
    """
    import pyarrow
    from pyarrow import compute, csv

    blanks = pyarrow.array(csv.ConvertOptions().null_values)
    for i, field in enumerate(table.schema):
        if field.name != label and pyarrow.types.is_string(field.type):
            trimmed = compute.utf8_trim_whitespace(table.column(i))
            cleaned = compute.if_else(compute.is_in(trimmed, blanks), None, trimmed)
            table = table.set_column(i, field.name, cleaned)
    return table


def with_whole_numbers(table: Any, names: Sequence[str]) -> Any:
    """Convert texts in some columns to whole numbers if all are written as 4, or all as 4.0."""
    import pyarrow
    from pyarrow import compute

    for i, field in enumerate(table.schema):
        if field.name in names and pyarrow.types.is_string(field.type):
            texts = table.column(i)
            if compute.all(compute.match_substring_regex(texts, _WHOLE)).as_py():
                texts = compute.replace_substring_regex(texts, _WHOLE, r"\1")
            try:
                integers = compute.cast(texts, pyarrow.int64())
            except pyarrow.ArrowInvalid:
                continue
            if compute.all(compute.equal(compute.cast(integers, pyarrow.string()), texts)).as_py():
                table = table.set_column(i, field.name, integers)
    return table


def numbers(values: Any) -> NDArray[Any]:
    """Convert a numeric column to an array; missing values become NaN."""
    from pyarrow import types

    column = decoded(values)
    if not (types.is_integer(column.type) or types.is_floating(column.type)):
        column = column.cast("float64")
    array: NDArray[Any] = column.to_numpy()
    return array


def dates_of(values: Any) -> Any:
    """Convert a column of dates, or of texts in the form of ISO 8601, to dates of Arrow.

    Returns
    -------
    pyarrow.ChunkedArray or None
        Of type ``date32``, or ``timestamp`` in microseconds, in UTC if there is a time zone. None
        for a column of anything else, and for one without any value.

    Examples
    --------
    >>> import pyarrow
    >>> dates_of(pyarrow.chunked_array([["2026-03-31", None]])).type
    DataType(date32[day])
    >>> dates_of(pyarrow.chunked_array([["2026-03-31 18:30"]])).type
    TimestampType(timestamp[us])
    >>> dates_of(pyarrow.chunked_array([["31.3.2026"]])) is None
    True
    """
    import pyarrow
    from pyarrow import compute, types

    kind = value_type(values.type)
    if types.is_date32(kind):
        return decoded(values)
    if types.is_date64(kind):
        return decoded(values).cast(pyarrow.date32())
    if types.is_timestamp(kind):
        return decoded(values).cast(pyarrow.timestamp("us", kind.tz), safe=False)
    if not is_text(kind) or values.null_count == len(values):
        return None
    texts = compute.utf8_trim_whitespace(decoded(values).cast(pyarrow.string()))
    for target in (pyarrow.date32(), pyarrow.timestamp("us"), pyarrow.timestamp("us", "UTC")):
        try:
            return texts.cast(target)
        except pyarrow.ArrowInvalid:
            continue
    return None


def days(dates: Any) -> NDArray[np.float64]:
    """Convert dates from `dates_of` to days since 1970-01-01; missing values become NaN."""
    import pyarrow

    if dates.type == pyarrow.date32():
        day_numbers: NDArray[Any] = dates.cast(pyarrow.int32()).to_numpy()
        return day_numbers.astype(np.float64)
    microseconds: NDArray[Any] = dates.cast(pyarrow.int64()).to_numpy()
    return microseconds.astype(np.float64) / 86_400e6


def whole_numbers(values: Any) -> Any:
    """Convert floats to int64 if all are whole numbers, else return None; NaN is missing."""
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
    """Convert a column to the input of `TableSchema.encode`; NaN is missing."""
    if column.kind == "category":
        return _category_indices(values, column, name, handle_unknown)
    if column.kind in DATES:
        dates = dates_of(values)
        return np.full(len(values), np.nan) if dates is None else days(dates)
    return numbers(values)


def _category_indices(values: Any, column: Column, name: str, handle_unknown: str) -> NDArray[Any]:
    """Return the index of each value among the categories, float32; NaN is missing."""
    import pyarrow
    from pyarrow import compute

    if values.null_count == len(values):
        return np.full(len(values), np.nan, np.float32)
    texts = _category_texts(values, column)
    categories = pyarrow.array([str(value) for value in column.categories])
    if isinstance(column.categories[0], bool):  # as Arrow writes them
        categories = compute.utf8_lower(categories)
    indices = compute.index_in(texts, value_set=categories)
    unknown = compute.and_(compute.is_null(indices), compute.is_valid(texts))
    if handle_unknown == "error" and compute.any(unknown).as_py():
        row = compute.index(unknown, True).as_py()
        raise DataError(
            f"column {column.name!r} of {name} must hold one of "
            f"{listed([str(c) for c in column.categories])}, as in training, got "
            f"{str(texts[row])[:40]!r} at row {row} (counting from 0). Repair it, leave the cell "
            "blank, or read such values as zeros with handle_unknown='ignore'."
        )
    indices = compute.if_else(unknown, -1, indices)
    array: NDArray[Any] = compute.cast(indices, pyarrow.float32()).to_numpy()
    return array


def _category_texts(values: Any, column: Column) -> Any:
    """Convert the values of a category to text, whole numbers alike whatever their type."""
    import pyarrow
    from pyarrow import compute, types

    values = decoded(values)
    if types.is_floating(values.type):
        integers = whole_numbers(values)
        values = values if integers is None else integers
    texts = compute.cast(values, pyarrow.string())
    if type(column.categories[0]) is not int:
        return texts
    return compute.replace_substring_regex(texts, _WHOLE, r"\1")


def rows_of_lists(table: Any, index: int, name: str) -> tuple[NDArray[Any], tuple[int, ...] | None]:
    """Convert a column of lists of numbers, all of one length, to rows."""
    from pyarrow import compute

    field = table.schema[index]
    if table.num_columns > 1:
        other_columns = [column for column in table.column_names if column != field.name]
        raise DataError(
            f"{name} must have no features besides the lists in column {field.name!r}, got "
            f"more columns: {listed(other_columns)}. Leave them out with drop=(…), or name "
            "one as the label."
        )
    column = table.column(index).combine_chunks()
    shape: list[int] = []
    while is_list(column.type):
        lengths = compute.list_value_length(column)
        differs = compute.fill_null(compute.not_equal(lengths, lengths[0]), True)
        if not lengths[0].is_valid or compute.any(differs).as_py():
            row = compute.index(differs, True).as_py() if lengths[0].is_valid else 0
            raise DataError(
                f"the lists in column {field.name!r} of {name} must have one length, got "
                f"{lengths[0]} values in the first and {lengths[row]} at row "
                f"{row // max(int(np.prod(shape)), 1)} (counting from 0)."
            )
        shape.append(lengths[0].as_py())
        column = compute.list_flatten(column)
    if not is_numeric(column.type):
        raise DataError(
            f"the lists in column {field.name!r} of {name} must hold numbers, got {column.type}. "
            "Convert them first."
        )
    return to_rows(column.to_numpy(zero_copy_only=False).reshape(table.num_rows, *shape), name)


def are_pixels(schema: Any, reading: Reading, n_missing: int) -> bool:
    """Return whether the features of a table are pixels: all uint8, and none is missing.

    With ``reading.columns`` they are numbers, whatever their type: a model must not see them
    divided by 255 in one file, and unchanged in another.
    """
    if reading.columns is not None:
        return False
    if reading.pixels is not None:
        return reading.pixels
    return are_bytes(schema) and not (reading.categorical or reading.dates or n_missing)


def are_bytes(schema: Any) -> bool:
    """Return whether all columns, or the numbers in their lists, are of type uint8."""
    import pyarrow

    return all(_innermost(kind) == pyarrow.uint8() for kind in schema.types)


def _innermost(kind: Any) -> Any:
    """Return the type of the numbers in a column, which may be nested in lists."""
    while is_list(kind):
        kind = kind.value_type
    return value_type(kind)


def stacked(values: Sequence[NDArray[Any]], name: str, *, pixels: bool) -> NDArray[Any]:
    """Stack columns as rows of floats; with ``pixels``, uint8 is divided by 255."""
    rows = np.column_stack(values)
    if rows.dtype == np.uint8 and not pixels:
        rows = rows.astype(np.float64)
    return to_floats(rows, name)


def listed(columns: Sequence[str]) -> str:
    """List the first few column names for a message."""
    shown = ", ".join(repr(column) for column in columns[:_SHOWN_COLUMNS])
    more = len(columns) - _SHOWN_COLUMNS
    return f"{shown} and {more} more" if more > 0 else shown
