"""Arrow's types: which of them are numbers, and how columns of them become an array."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.datasets.arrays import to_floats
from utsushi.datasets.reading import Reading

__all__ = [
    "are_pixels",
    "decoded",
    "is_list",
    "is_numeric",
    "is_text",
    "numbers",
    "stacked",
    "value_type",
]


def numbers(table: Any, index: int) -> NDArray[Any]:
    """Turn a numeric column of an Arrow table into an array; missing values become NaN."""
    from pyarrow import types

    column = decoded(table.column(index))
    if not (types.is_integer(column.type) or types.is_floating(column.type)):
        column = column.cast("float64")
    found: NDArray[Any] = column.to_numpy()
    return found


def are_pixels(schema: Any, reading: Reading, n_missing: int) -> bool:
    """Tell whether the features of a table are pixels: all of them uint8, and none is missing.

    Where it is known what the columns are, they are numbers, whatever type holds them: a model must
    not see them divided by 255 in one file, and as they are in another.
    """
    import pyarrow

    if reading.columns is not None or reading.categorical or n_missing:
        return False
    return all(value_type(kind) == pyarrow.uint8() for kind in schema.types)


def stacked(values: Sequence[NDArray[Any]], name: str, *, pixels: bool) -> NDArray[Any]:
    """Return columns as rows of floats; only pixels are divided by 255."""
    rows = np.column_stack(values)
    if rows.dtype == np.uint8 and not pixels:
        rows = rows.astype(np.float64)
    return to_floats(rows, name)


def decoded(column: Any) -> Any:
    """Return a column whose values may be kept by their places in a dictionary without that."""
    return column.cast(value_type(column.type))


def value_type(kind: Any) -> Any:
    """Return the type of a column's values, also where a dictionary keeps them."""
    from pyarrow import types

    return kind.value_type if types.is_dictionary(kind) else kind


def is_numeric(kind: Any) -> bool:
    """Tell whether an Arrow type can become a float; the null type is a column of blanks."""
    return _is_any(kind, ("null", "integer", "floating", "boolean", "decimal"))


def is_text(kind: Any) -> bool:
    """Tell whether an Arrow type is one of texts."""
    return _is_any(kind, ("string", "large_string", "string_view"))


def is_list(kind: Any) -> bool:
    """Tell whether an Arrow type is one of lists."""
    return _is_any(kind, ("list", "large_list", "fixed_size_list"))


def _is_any(kind: Any, checks: Iterable[str]) -> bool:
    from pyarrow import types

    return any(getattr(types, f"is_{check}")(kind) for check in checks)
