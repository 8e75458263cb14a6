"""Missing values: NaN in the input, zeros and a mask after scaling.

The encoder sees a zero where a value is missing, which is the mean of a centered column. No loss
and no score counts a missing value.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from utsushi._utils.lazy_rows import AnyRows, row_blocks
from utsushi._utils.validation import has_missing
from utsushi.exceptions import DataError

__all__ = ["check_columns", "check_rows", "mask_of", "without_gaps"]

Rows = NDArray[np.floating[Any]]


def without_gaps(scaled: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return scaled rows with zeros in the place of NaN; the array itself is changed."""
    scaled[np.isnan(scaled)] = 0
    return scaled


def mask_of(rows: Rows, like: Tensor) -> Tensor:
    """Return a mask like ``like`` (block, D) that is true where rows (b, D) are not missing.

    It is true for the rows that ``like`` was padded with.
    """
    mask = torch.ones(like.shape, dtype=torch.bool)
    mask[: len(rows)] = torch.from_numpy(~np.isnan(rows))
    return mask.to(like.device)


def check_columns(rows: AnyRows, names: Sequence[str] | None = None) -> None:
    """Refuse training data with a column that has no value at all.

    Raises
    ------
    DataError

    Examples
    --------
    >>> check_columns(np.array([[1.0, np.nan], [2.0, np.nan]]), ["age", "income"])
    Traceback (most recent call last):
    ...
    utsushi.exceptions.DataError: column 1 'income' (counting from 0) must have a value in at
    least one of 2 rows, got none. Leave the column out.
    """
    empty = np.all([np.isnan(block).all(axis=0) for block in row_blocks(rows)], axis=0)
    if empty.any():
        column = int(empty.argmax())
        name = "" if names is None else f" {names[column]!r}"
        raise DataError(
            f"column {column}{name} (counting from 0) must have a value in at least one of "
            f"{len(rows)} rows, got none. Leave the column out."
        )


def check_rows(rows: AnyRows) -> None:
    """Refuse a row without any value: its score would be a sum without terms, the best possible.

    Raises
    ------
    DataError

    Examples
    --------
    >>> check_rows(np.array([[1.0, np.nan], [np.nan, np.nan]]))
    Traceback (most recent call last):
    ...
    utsushi.exceptions.DataError: row 1 (counting from 0) must have a value in at least one of
    its 2 columns, got none. Drop such rows.
    """
    if not has_missing(rows):
        return
    start = 0
    for block in row_blocks(rows):
        empty = np.isnan(block).all(axis=1)
        if empty.any():
            raise DataError(
                f"row {start + int(empty.argmax())} (counting from 0) must have a value in at "
                f"least one of its {rows.shape[1]} columns, got none. Drop such rows."
            )
        start += len(block)
