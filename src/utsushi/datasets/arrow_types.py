"""Arrow's types: which of them are numbers, and how columns of them become an array."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.datasets.arrays import to_floats
from utsushi.datasets.reading import Reading

__all__ = [
    "are_bytes",
    "are_pixels",
    "dates_of",
    "days",
    "decoded",
    "is_date",
    "is_list",
    "is_numeric",
    "is_text",
    "numbers",
    "stacked",
    "value_type",
]


def numbers(values: Any) -> NDArray[Any]:
    """Turn a numeric column of an Arrow table into an array; missing values become NaN."""
    from pyarrow import types

    column = decoded(values)
    if not (types.is_integer(column.type) or types.is_floating(column.type)):
        column = column.cast("float64")
    found: NDArray[Any] = column.to_numpy()
    return found


def dates_of(values: Any) -> Any:
    """Return a column of dates, or of texts as ISO 8601 writes dates, as Arrow's dates.

    Returns
    -------
    pyarrow.ChunkedArray or None
        Of ``date32``, or of ``timestamp`` in microseconds, in UTC where a time zone is given. None
        for a column that holds anything else, and for one without any value.

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
    """Turn what `dates_of` gives into days since 1970-01-01; missing values become NaN."""
    import pyarrow

    if dates.type == pyarrow.date32():
        whole: NDArray[Any] = dates.cast(pyarrow.int32()).to_numpy()
        return whole.astype(np.float64)
    microseconds: NDArray[Any] = dates.cast(pyarrow.int64()).to_numpy()
    return microseconds.astype(np.float64) / 86_400e6


def are_pixels(schema: Any, reading: Reading, n_missing: int) -> bool:
    """Tell whether the features of a table are pixels: all of them uint8, and none is missing.

    Where it is known what the columns are, they are numbers, whatever type holds them: a model must
    not see them divided by 255 in one file, and as they are in another.
    """
    if reading.columns is not None:
        return False
    if reading.pixels is not None:
        return reading.pixels
    return are_bytes(schema) and not (reading.categorical or reading.dates or n_missing)


def are_bytes(schema: Any) -> bool:
    """Tell whether all columns, or the lists in them, are of type uint8."""
    import pyarrow

    return all(_innermost(kind) == pyarrow.uint8() for kind in schema.types)


def _innermost(kind: Any) -> Any:
    """Return the type of the numbers in a column, also where it holds lists of them."""
    while is_list(kind):
        kind = kind.value_type
    return value_type(kind)


def stacked(values: Sequence[NDArray[Any]], name: str, *, pixels: bool) -> NDArray[Any]:
    """Return columns as rows of floats; of pixels, those of type uint8 are divided by 255."""
    rows = np.column_stack(values)
    if rows.dtype == np.uint8 and not pixels:
        rows = rows.astype(np.float64)
    return to_floats(rows, name)


def decoded(column: Any) -> Any:
    """Return a column whose values may be kept by their places in a dictionary without that."""
    import pyarrow
    from pyarrow import types

    if types.is_dictionary(column.type) and types.is_string_view(column.type.value_type):
        # As polars keeps categories; Arrow has no function that takes from such texts.
        column = pyarrow.chunked_array(
            pyarrow.DictionaryArray.from_arrays(
                chunk.indices, chunk.dictionary.cast(pyarrow.string())
            )
            for chunk in column.chunks
        )
    return column.cast(value_type(column.type))


def value_type(kind: Any) -> Any:
    """Return the type of a column's values, also where a dictionary keeps them."""
    from pyarrow import types

    return kind.value_type if types.is_dictionary(kind) else kind


def is_numeric(kind: Any) -> bool:
    """Tell whether an Arrow type can become a float; the null type is a column of blanks."""
    return _is_any(kind, ("null", "integer", "floating", "boolean", "decimal"))


def is_date(kind: Any) -> bool:
    """Tell whether an Arrow type is one of dates, with or without a time of day."""
    return _is_any(kind, ("date", "timestamp"))


def is_text(kind: Any) -> bool:
    """Tell whether an Arrow type is one of texts."""
    return _is_any(kind, ("string", "large_string", "string_view"))


def is_list(kind: Any) -> bool:
    """Tell whether an Arrow type is one of lists."""
    return _is_any(kind, ("list", "large_list", "fixed_size_list"))


def _is_any(kind: Any, checks: Iterable[str]) -> bool:
    from pyarrow import types

    return any(getattr(types, f"is_{check}")(kind) for check in checks)
