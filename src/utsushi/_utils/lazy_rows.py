"""Samples that stay on the disk until they are indexed.

Training needs the shape and the dtype of its samples, and some of them at a time. `LazyRows`
supports exactly that, so that the same code works on it and on an array in memory.
"""

from __future__ import annotations

import mmap
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cached_property
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from utsushi.exceptions import DataError

__all__ = [
    "AnyRows",
    "ConvertedRows",
    "LazyRows",
    "MappedRows",
    "RowIndex",
    "SelectedRows",
    "SparseRows",
    "as_guarded",
    "holds_nan",
    "in_memory",
    "row_blocks",
]

#: The default size of a block of rows, in bytes.
BLOCK_BYTES = 2**24

#: An index of rows: a slice, or an array of row numbers.
RowIndex: TypeAlias = slice | NDArray[np.integer[Any]]


class LazyRows(ABC):
    """A matrix whose rows are read when they are indexed.

    Attributes
    ----------
    shape : (n, D)
    dtype : numpy dtype
        The dtype of the rows as returned: float32 or float64.
    starts : ndarray of int64, or None
        The number of the first row of each group, if rows are stored in groups that are read as a
        whole. None if every row can be read on its own.
    window_rows : int
        With groups: about how many rows may be held in memory at once, to be shuffled.
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    starts: NDArray[np.int64] | None = None
    window_rows: int = 1

    @abstractmethod
    def __getitem__(self, index: RowIndex) -> NDArray[Any]:
        """Read some of the rows, by a slice or by an array of their numbers."""

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def ndim(self) -> int:
        """Two."""
        return 2

    @property
    def size(self) -> int:
        """The number of values."""
        return self.shape[0] * self.shape[1]

    @property
    def nbytes(self) -> int:
        """What all rows would take in memory."""
        return self.size * self.dtype.itemsize

    @cached_property
    def has_missing(self) -> bool:
        """Whether a value is NaN; the first access reads all rows."""
        return any(holds_nan(block) for block in row_blocks(self))

    def expect(self, order: NDArray[np.integer[Any]]) -> None:
        """Announce the order in which rows will be read, for classes that read ahead."""
        return

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Read all rows into memory."""
        return self[:].astype(self.dtype if dtype is None else dtype, copy=False)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(shape={self.shape}, dtype={self.dtype})"


#: Rows in memory, or rows on the disk.
AnyRows: TypeAlias = NDArray[np.floating[Any]] | LazyRows


class MappedRows(LazyRows):
    """Rows of a memory map, whose file size is checked before each access.

    Reading beyond the end of a file that has shrunk would kill the process by a signal. For random
    access, the system's read-ahead is switched off: it would read 128 KiB for each row.

    Parameters
    ----------
    array : ndarray of shape (n, D)
        A view into a memory map.
    """

    def __init__(self, array: NDArray[Any]) -> None:
        self.array = np.asarray(array)
        self.shape = (int(array.shape[0]), int(array.shape[1]))
        self.dtype = array.dtype
        memory_map = _map_of(array)
        if memory_map is None:
            raise TypeError("array must be a view into a memory map, got an array in memory.")
        self._map = memory_map
        self._n_bytes = max(len(memory_map), memory_map.size())
        self._is_scattered = False

    def __getitem__(self, index: RowIndex) -> NDArray[Any]:
        n_bytes = self._map.size()
        if n_bytes < self._n_bytes:
            raise DataError(
                f"the data file shrank from {self._n_bytes} to {n_bytes} bytes while it was being "
                "read. Write it under another name first, rename it, and start again."
            )
        self._advise(not isinstance(index, slice))
        rows: NDArray[Any] = self.array[index]
        return rows

    def _advise(self, now: bool) -> None:
        """Advise the system on the access pattern of the map, if it changes."""
        if now != self._is_scattered and hasattr(mmap, "MADV_RANDOM"):
            self._map.madvise(mmap.MADV_RANDOM if now else mmap.MADV_NORMAL)
            self._is_scattered = now

    def __del__(self) -> None:
        # The caller owns the map, and may have closed it.
        with suppress(ValueError, OSError, AttributeError):
            self._advise(False)


class ConvertedRows(LazyRows):
    """Rows of any numeric type, converted to floats as they are read.

    Parameters
    ----------
    stored : ndarray or LazyRows of shape (n, ...)
    convert : callable
        From some of the stored samples, (b, ...), to as many rows of D floats.
    """

    def __init__(
        self, stored: NDArray[Any] | LazyRows, convert: Callable[[NDArray[Any]], NDArray[Any]]
    ) -> None:
        self._stored, self._convert = stored, convert
        first = convert(stored[:1])
        self.shape = (len(stored), int(first.shape[1]))
        self.dtype = first.dtype
        if isinstance(stored, LazyRows):
            self.starts, self.window_rows = stored.starts, stored.window_rows

    def __getitem__(self, index: RowIndex) -> NDArray[Any]:
        return self._convert(self._stored[index])

    def expect(self, order: NDArray[np.integer[Any]]) -> None:
        """Announce the order to the stored rows."""
        if isinstance(self._stored, LazyRows):
            self._stored.expect(order)


class SparseRows(LazyRows):
    """Rows of a sparse matrix, dense as they are read.

    Parameters
    ----------
    matrix : scipy sparse matrix or array of shape (n, D)
        Integers and truth values become float64.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> SparseRows(csr_array([[0, 2], [1, 0]]))[1:]
    array([[1., 0.]])
    """

    def __init__(self, matrix: Any) -> None:
        is_float = matrix.dtype in (np.float32, np.float64)
        self._matrix = matrix.tocsr().astype(matrix.dtype if is_float else np.float64, copy=False)
        self.shape = (int(matrix.shape[0]), int(matrix.shape[1]))
        self.dtype = self._matrix.dtype

    def __getitem__(self, which: RowIndex) -> NDArray[Any]:
        rows: NDArray[Any] = self._matrix[which].toarray()
        return rows

    @cached_property
    def has_missing(self) -> bool:
        """Whether a value is NaN."""
        return holds_nan(self._matrix.data)


class SelectedRows(LazyRows):
    """A selection of rows by their numbers, in that order, without a copy.

    Rows that are stored in groups are returned in the order in which they are stored.

    Parameters
    ----------
    rows : ndarray or LazyRows of shape (n, D)
    numbers : ndarray of shape (m,)

    Examples
    --------
    >>> SelectedRows(np.array([[0.0], [1.0], [2.0]]), np.array([2, 0]))[:]
    array([[2.],
           [0.]])
    """

    def __init__(self, rows: AnyRows, numbers: NDArray[np.integer[Any]]) -> None:
        if isinstance(rows, LazyRows) and rows.starts is not None:
            numbers = np.sort(numbers)
            starts = np.searchsorted(numbers, rows.starts).astype(np.int64)
            self.starts = np.unique(starts[starts < len(numbers)])
            self.window_rows = max(rows.window_rows * len(numbers) // max(len(rows), 1), 1)
        self._rows, self._numbers = rows, numbers
        self.shape = (len(numbers), int(rows.shape[1]))
        self.dtype = rows.dtype

    def __getitem__(self, index: RowIndex) -> NDArray[Any]:
        return self._rows[self._numbers[index]]

    @cached_property
    def has_missing(self) -> bool:
        """Whether a value is NaN; the selection is read only if the underlying rows have one."""
        if isinstance(self._rows, LazyRows) and not self._rows.has_missing:
            return False
        return any(holds_nan(block) for block in row_blocks(self))

    def expect(self, order: NDArray[np.integer[Any]]) -> None:
        """Announce the order to the underlying rows, in their own numbers."""
        if isinstance(self._rows, LazyRows):
            self._rows.expect(self._numbers[order])


def as_guarded(rows: AnyRows) -> AnyRows:
    """Return rows of a memory map as `MappedRows`, and others unchanged."""
    if isinstance(rows, LazyRows) or _map_of(rows) is None or rows.ndim != 2:
        return rows
    return MappedRows(rows)


def in_memory(rows: AnyRows) -> NDArray[Any]:
    """Return rows as an array in memory; those of a memory map are copied."""
    guarded = as_guarded(rows)
    if not isinstance(guarded, LazyRows):
        return guarded
    read = guarded[:]
    return read if _map_of(read) is None else read.copy()


def holds_nan(rows: NDArray[Any]) -> bool:
    """Return whether a value of an array in memory is NaN."""
    with np.errstate(all="ignore"):  # A NaN makes the sum NaN; so can an overflow.
        return not np.isfinite(rows.sum()) and bool(np.isnan(rows).any())


def row_blocks(rows: AnyRows, n_bytes: int | None = None) -> Iterator[NDArray[Any]]:
    """Yield all rows in their order, about so many bytes at a time, or `BLOCK_BYTES`.

    Examples
    --------
    >>> [len(block) for block in row_blocks(np.zeros((5, 2)), n_bytes=32)]
    [2, 2, 1]
    """
    row_bytes = prod(rows.shape[1:]) * rows.dtype.itemsize
    most = BLOCK_BYTES if n_bytes is None else n_bytes
    n_rows = max(most // max(row_bytes, 1), 1)
    for start in range(0, len(rows), n_rows):
        yield rows[start : start + n_rows]


def _map_of(array: Any) -> mmap.mmap | None:
    """Return the memory map that an array is a view into, if it is one."""
    while array is not None and not isinstance(array, mmap.mmap):
        array = getattr(array, "base", None)
    return array
