"""Rows of Parquet files that are too large to be read at once: row group by row group, ahead."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.lazy_rows import LazyRows, Which
from utsushi.datasets.arrow_files import check_schema, read_footer, reading_parquet
from utsushi.exceptions import DataError

__all__ = ["ParquetRows"]

#: Rows of so many bytes are shuffled among one another, or of one row group where that is more.
#: Two such windows are held: one to take rows from, and one that is read ahead.
WINDOW_BYTES = 2**26

#: Threads that read ahead. How many there are changes no order.
READERS = 2

#: Rows from here and there, as a training asks for in each epoch to be measured by, are kept if
#: they have at most so many bytes: every row group had to be read for them.
KEPT_SCATTERED_BYTES = 2**25

#: From a table of some rows to floats (b, D).
ToRows = Callable[[Any], NDArray[Any]]


@dataclass(frozen=True)
class _Group:
    """A row group: its file, its number in it, and what is known of the file."""

    path: Path
    number: int
    n_rows: int
    metadata: Any
    state: tuple[int, int]


class ParquetRows(LazyRows):
    """Rows of Parquet files, read by whole row groups in the background.

    The groups that come next are read while those that are there are used; what was used longest
    ago is let go. Where rows are asked for in the order of `expect`, groups are read once.

    Parameters
    ----------
    paths : sequence of Path
        Files of one schema, in the order of their rows.
    columns : sequence of str
        The features.
    to_rows : callable
        Makes floats (b, D) of a table of these columns.
    readers : int
        Threads that read ahead.

    Raises
    ------
    DataError
        If a file is damaged, has another schema than the first, or changes while it is read.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        columns: Sequence[str],
        to_rows: ToRows,
        *,
        readers: int = READERS,
    ) -> None:
        self._columns, self._to_rows = list(columns), to_rows
        self._groups, schema = _groups_of(paths, self._columns)
        empty = to_rows(schema.empty_table())
        counts = np.array([group.n_rows for group in self._groups], dtype=np.int64)
        self.starts = self._starts = np.cumsum(counts) - counts
        self.shape, self.dtype = (int(counts.sum()), int(empty.shape[1])), empty.dtype
        row_bytes = self.shape[1] * self.dtype.itemsize
        self.window_rows = max(WINDOW_BYTES // row_bytes, int(counts.max()))
        self._most_held = 2 * (self.window_rows + int(counts.max()))
        self._readers = readers
        self._pool = ThreadPoolExecutor(readers, thread_name_prefix="parquet")
        self._held: OrderedDict[int, Future[NDArray[Any]]] = OrderedDict()
        self._next: dict[int, list[int]] = {}
        self._kept: tuple[NDArray[Any], NDArray[Any]] | None = None
        self._lock = Lock()

    def __getitem__(self, which: Which) -> NDArray[Any]:
        numbers = np.arange(*which.indices(len(self))) if isinstance(which, slice) else which
        if self._kept is not None and np.array_equal(self._kept[0], numbers):
            return self._kept[1]
        rows = np.empty((len(numbers), self.shape[1]), self.dtype)
        groups = self._groups_with(numbers)
        needed = np.unique(groups).tolist()
        in_order = bool((np.diff(numbers) >= 0).all())
        for place, group in enumerate(needed):
            found = self._read_ahead([group, *needed[place + 1 : place + 1 + self._readers]])
            mine = groups == group
            rows[mine] = found[numbers[mine] - self._starts[group]]
        if needed:
            after = [needed[-1] + 1] if in_order else self._next.get(needed[-1], [])
            self._read_ahead([group for group in after if group < len(self._groups)], wait=False)
        is_scattered = sum(self._groups[group].n_rows for group in needed) > 2 * self._most_held
        if is_scattered and rows.nbytes <= KEPT_SCATTERED_BYTES:
            self._kept = numbers, rows
        return rows

    def expect(self, order: NDArray[np.integer[Any]]) -> None:
        """Note after which group which others will be asked for: those of the next window."""
        sequence: list[int] = []
        for part in np.array_split(order, len(order) // 2**20 + 1):
            found, first = np.unique(self._groups_with(part), return_index=True)
            known = set(sequence)
            sequence += [int(g) for g in found[np.argsort(first)] if int(g) not in known]
        ahead: dict[int, list[int]] = {}
        for place, group in enumerate(sequence):
            n_rows, after = 0, []
            for other in sequence[place + 1 :]:
                if n_rows >= self.window_rows:
                    break
                after.append(other)
                n_rows += self._groups[other].n_rows
            ahead[group] = after
        self._next = ahead

    def _groups_with(self, numbers: NDArray[np.integer[Any]]) -> NDArray[np.intp]:
        """Return the group of each row."""
        return np.searchsorted(self._starts, numbers, side="right") - 1

    def _read_ahead(self, groups: Sequence[int], *, wait: bool = True) -> Any:
        """Have groups read; return the rows of the first, when they are there."""
        with self._lock:
            for group in groups:
                if group not in self._held:
                    self._held[group] = self._pool.submit(self._read, self._groups[group])
                self._held.move_to_end(group)
            first = self._held[groups[0]] if groups and wait else None
            n_held = sum(self._groups[group].n_rows for group in self._held)
            for group in [held for held in self._held if held not in groups]:
                if n_held <= self._most_held:
                    break
                del self._held[group]
                n_held -= self._groups[group].n_rows
        return None if first is None else first.result()

    def _read(self, group: _Group) -> NDArray[Any]:
        """Read a row group."""
        from pyarrow import parquet

        with reading_parquet(group.path):
            if _state_of(group.path) != group.state:
                raise DataError(
                    f"{group.path} has changed while it was read, expected it to stay as it is; "
                    "write it anew, under another name first, and start again"
                )
            with parquet.ParquetFile(group.path, metadata=group.metadata) as file:
                table = file.read_row_group(group.number, self._columns, use_threads=False)
        return self._to_rows(table).astype(self.dtype, copy=False)


def _groups_of(paths: Sequence[Path], columns: Sequence[str]) -> tuple[list[_Group], Any]:
    """Return the row groups of all files, and the schema of these columns."""
    import pyarrow

    groups: list[_Group] = []
    first: Any = None
    for path in paths:
        metadata, schema = read_footer(path)
        first = schema if first is None else first
        check_schema(path, schema, paths[0], first)
        state = _state_of(path)
        for number in range(metadata.num_row_groups):
            n_rows = metadata.row_group(number).num_rows
            groups += [_Group(path, number, n_rows, metadata, state)] if n_rows else []
    if not groups:
        raise DataError(f"{paths[0]} has no rows: expected at least one; add some")
    return groups, pyarrow.schema([first.field(name) for name in columns])


def _state_of(path: Path) -> tuple[int, int]:
    """Return what changes when a file does: its size and its time."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns
