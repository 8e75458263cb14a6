"""Validation of input data, shared by all packages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.lazy_rows import AnyRows, LazyRows, holds_nan, row_blocks
from utsushi.exceptions import DataError, NonFiniteDataError

__all__ = ["check_finite", "check_kind", "check_within_float32", "first_complaint", "has_missing"]

if TYPE_CHECKING:
    from pydantic import ValidationError


def first_complaint(error: ValidationError) -> str:
    """Return the first error of pydantic on one line: the field, and what it must be."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the file"
    return " ".join(f"{where}: {first['msg']}".split()).rstrip(".")


def check_finite(
    X: AnyRows,
    what: str = "the data",
    feature_names: Sequence[str] | None = None,
    *,
    allow_missing: bool = False,
) -> None:
    """Raise an error that locates the first NaN or infinity, if there is one.

    Parameters
    ----------
    X : ndarray or LazyRows of shape (n_samples, n_features)
        Numbers of any real dtype. Finite data take one pass and no memory.
    what : str, default="the data"
        The name of ``X`` in the error.
    feature_names : sequence of n_features str, default=None
        The names of the columns in the error.
    allow_missing : bool, default=False
        Accept NaN as a missing value.

    Raises
    ------
    NonFiniteDataError
        If a value is NaN or infinite. The message names the first row that has one, its first
        such column (both counted from 0), and how many there are in all.

    Examples
    --------
    >>> import numpy as np
    >>> check_finite(np.ones((2, 2)))
    >>> check_finite(np.array([[1.0, np.nan]]), feature_names=["age", "height"])
    Traceback (most recent call last):
    ...
    utsushi.exceptions.NonFiniteDataError: the data must be finite, got NaN at row 0, column 1
    'height' (counting from 0; 1 such value in all). Fill or drop these rows first.
    """
    # One NaN or infinity makes a sum such; the search finds none if the sum only overflowed.
    with np.errstate(all="ignore"):
        if all(np.isfinite(block.sum()) for block in row_blocks(X)):
            return
    is_bad = np.isinf if allow_missing else _is_no_number
    count, value, row, column = _find_bad(X, is_bad)
    if count == 0:
        return
    shown = "NaN" if np.isnan(value) else str(value)
    name = "" if feature_names is None else f" {feature_names[column]!r}"
    raise NonFiniteDataError(
        f"{what} must be finite, got {shown} at row {row}, column {column}{name} (counting from 0; "
        f"{count} such value{'s' if count > 1 else ''} in all). Fill or drop these rows first."
    )


def check_kind(X: Any, what: str = "the data") -> None:
    """Raise an error for objects other than arrays, and for arrays that numpy misinterprets.

    Parameters
    ----------
    X : array-like or data frame
    what : str, default="the data"
        The name of ``X`` in the error.

    Raises
    ------
    DataError
        If values are masked, dates or durations, or if ``X`` is a loader, a data set or a path.

    Examples
    --------
    >>> check_kind(np.ma.masked_array([[1.0, 2.0]], [[True, False]]))
    Traceback (most recent call last):
    ...
    utsushi.exceptions.DataError: the data must have no masked values, got 1. Drop these rows, or
    pass X.filled(numpy.nan) to a model with missing='mask'.
    """
    _check_is_array(X, what)
    if np.ma.is_masked(X):
        count = int(np.ma.getmaskarray(X).sum())
        raise DataError(
            f"{what} must have no masked values, got {count}. Drop these rows, or pass "
            "X.filled(numpy.nan) to a model with missing='mask'."
        )
    if not hasattr(X, "columns"):
        if _is_of_time(getattr(X, "dtype", None)):
            raise DataError(
                f"{what} must hold integers or floats, got dtype {X.dtype}. Convert it to float32 "
                "or float64 first, such as days since 1970-01-01."
            )
        return
    for column, kind in zip(map(str, X.columns), getattr(X, "dtypes", ()), strict=False):
        if _is_of_time(kind):
            raise DataError(
                f"column {column!r} of {what} must hold integers or floats, got dtype {kind}. "
                f"Convert it, or encode the table with datasets.open(df, dates=({column!r},))."
            )


def _check_is_array(X: Any, what: str) -> None:
    """Raise an error for a loader or data set of torch, a `Dataset` or a path."""
    data = sys.modules.get("torch.utils.data")
    if data is not None and isinstance(X, data.DataLoader):
        fix = "Give its dataset, datasets.open(loader.dataset).X_train"
        if isinstance(X.dataset, data.IterableDataset):
            fix = "Give all batches as one tensor, torch.cat(list(loader))"
        raise DataError(f"{what} must be an array of samples, got a torch DataLoader. {fix}.")
    if data is not None and isinstance(X, data.Dataset):
        is_map = not isinstance(X, data.IterableDataset)
        fix = "datasets.open(dataset).X_train" if is_map else "torch.stack(list(dataset))"
        raise DataError(f"{what} must be an array of samples, got a torch Dataset. Give {fix}.")
    if hasattr(X, "X_train"):
        raise DataError(
            f"{what} must be an array of samples, got a {type(X).__name__}. Give its X_train."
        )
    if isinstance(X, str | PathLike):
        raise DataError(
            f"{what} must be an array of samples, got {str(X)[:80]!r}. Give "
            f"datasets.open({str(X)[:80]!r}).X_train."
        )


def _is_of_time(dtype: Any) -> bool:
    """Return whether a dtype of numpy, pandas or polars is a date or a duration."""
    is_temporal = getattr(dtype, "is_temporal", None)
    return is_temporal() if callable(is_temporal) else getattr(dtype, "kind", "") in ("m", "M")


def check_within_float32(X: AnyRows, what: str = "the data") -> None:
    """Raise an error for finite numbers that are infinite in float32, the type of networks.

    Parameters
    ----------
    X : ndarray or LazyRows of shape (n_samples, n_features)
        Finite numbers.
    what : str, default="the data"
        The name of ``X`` in the error.

    Raises
    ------
    DataError
        If a magnitude is beyond 3.4e38. The message names the row and the column of the first.

    Examples
    --------
    >>> import numpy as np
    >>> check_within_float32(np.array([[1.0, -1e300]]))
    Traceback (most recent call last):
    ...
    utsushi.exceptions.DataError: the data must have magnitudes below 3.4e+38, the largest of
    float32, got -1e+300 at row 0, column 1 (counting from 0). Use larger units.
    """
    largest = np.finfo(np.float32).max
    if X.dtype.itemsize <= largest.dtype.itemsize:
        return
    count, value, row, column = _find_bad(X, lambda block: np.abs(block) > largest)
    if count:
        raise DataError(
            f"{what} must have magnitudes below {largest:.1e}, the largest of float32, got "
            f"{value:g} at row {row}, column {column} (counting from 0). Use larger units."
        )


def has_missing(rows: Any) -> bool:
    """Return whether a value of an array or of `LazyRows` is NaN; False for other objects.

    Examples
    --------
    >>> has_missing(np.array([[1.0, np.nan]])), has_missing(np.ones((1, 2)))
    (True, False)
    """
    if isinstance(rows, LazyRows):
        return rows.has_missing
    return isinstance(rows, np.ndarray) and holds_nan(rows)


def _is_no_number(values: NDArray[Any]) -> NDArray[np.bool_]:
    wrong: NDArray[np.bool_] = ~np.isfinite(values)
    return wrong


def _find_bad(
    X: AnyRows, is_bad: Callable[[NDArray[Any]], NDArray[np.bool_]]
) -> tuple[int, float, int, int]:
    """Count the bad values of ``X`` and find the first: (count, it, row, column)."""
    count, first, start = 0, (0.0, 0, 0), 0
    for block in row_blocks(X):
        bad = is_bad(block)
        if count == 0 and bad.any():
            row, column = np.unravel_index(int(bad.argmax()), bad.shape)
            first = float(block[row, column]), start + int(row), int(column)
        count += int(np.count_nonzero(bad))
        start += len(block)
    return count, *first
