"""Checks of the input that every door to the library shares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from utsushi.exceptions import DataError, NonFiniteDataError
from utsushi.lazy import AnyRows, row_blocks

__all__ = ["check_finite", "check_within_float32"]


def check_finite(
    X: AnyRows, what: str = "the data", feature_names: Sequence[str] | None = None
) -> None:
    """Refuse NaN and infinity, and say where the first one is.

    Parameters
    ----------
    X : ndarray or LazyRows of shape (n_samples, n_features)
        Numbers of any real dtype. Good data cost one pass, and no memory.
    what : str, default="the data"
        What the message calls ``X``.
    feature_names : sequence of n_features str, default=None
        Names for the columns in the message.

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
    utsushi.exceptions.NonFiniteDataError: the data has NaN at row 0, column 1 'height' (counting
    from 0; 1 such value in all): expected finite numbers; fill or drop those rows first
    """
    # One NaN or infinity spoils a sum; a sum that merely overflowed is cleared by the search.
    with np.errstate(all="ignore"):
        if all(np.isfinite(block.sum()) for block in row_blocks(X)):
            return
    count, value, row, column = _find_non_finite(X)
    if count == 0:
        return
    shown = "NaN" if np.isnan(value) else str(value)
    name = "" if feature_names is None else f" {feature_names[column]!r}"
    raise NonFiniteDataError(
        f"{what} has {shown} at row {row}, column {column}{name} (counting from 0; {count} such "
        f"value{'s' if count > 1 else ''} in all): expected finite numbers; "
        "fill or drop those rows first"
    )


def check_within_float32(X: AnyRows, what: str = "the data") -> None:
    """Refuse finite numbers that are infinite in float32, in which networks compute.

    Parameters
    ----------
    X : ndarray or LazyRows of shape (n_samples, n_features)
        Finite numbers.
    what : str, default="the data"
        What the message calls ``X``.

    Raises
    ------
    DataError
        If a magnitude is beyond 3.4e38. The message names the row and the column of the largest.

    Examples
    --------
    >>> import numpy as np
    >>> check_within_float32(np.array([[1.0, -1e300]]))
    Traceback (most recent call last):
    ...
    utsushi.exceptions.DataError: the data has -1e+300 at row 0, column 1 (counting from 0):
    expected magnitudes below 3.4e+38, the largest of float32; measure in larger units
    """
    largest = np.finfo(np.float32).max
    if X.dtype.itemsize <= largest.dtype.itemsize:
        return
    if all(max(block.max(), -block.min()) <= largest for block in row_blocks(X)):
        return
    value, row, column = _largest(X)
    raise DataError(
        f"{what} has {value:g} at row {row}, column {column} (counting from 0): expected "
        f"magnitudes below {largest:.1e}, the largest of float32; measure in larger units"
    )


def _find_non_finite(X: AnyRows) -> tuple[int, float, int, int]:
    """Count the NaN and infinite values of ``X`` and find the first: (count, it, row, column)."""
    count, first, start = 0, (0.0, 0, 0), 0
    for block in row_blocks(X):
        bad = ~np.isfinite(block)
        if count == 0 and bad.any():
            row, column = np.unravel_index(int(bad.argmax()), bad.shape)
            first = float(block[row, column]), start + int(row), int(column)
        count += int(np.count_nonzero(bad))
        start += len(block)
    return count, *first


def _largest(X: AnyRows) -> tuple[float, int, int]:
    """Return the number of the largest magnitude, and its row and column."""
    found, start = (0.0, 0, 0), 0
    for block in row_blocks(X):
        row, column = np.unravel_index(int(np.abs(block).argmax()), block.shape)
        if abs(block[row, column]) > abs(found[0]):
            found = float(block[row, column]), start + int(row), int(column)
        start += len(block)
    return found
