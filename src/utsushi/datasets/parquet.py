"""Parquet files, one or a folder of them: in memory or, where they are large, on the disk.

`ParquetRows` reads the rows of large files by row groups, in the background.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.lazy_rows import LazyRows, RowIndex
from utsushi.datasets.arrow_columns import (
    are_bytes,
    are_pixels,
    is_list,
    rows_of_lists,
    stacked,
    values_of,
)
from utsushi.datasets.dataset import Dataset
from utsushi.datasets.file_checks import check_unpacked, unreadable
from utsushi.datasets.reading import Reading
from utsushi.datasets.tables import (
    check_pixel_columns,
    features_and_labels,
    from_arrow,
    infer_columns,
    labels_of,
    select_columns,
)
from utsushi.exceptions import DataError

__all__ = [
    "ParquetRows",
    "check_parts",
    "find_parts",
    "first_rows",
    "is_large",
    "large_parquet",
    "load_parts",
    "read_footer",
    "read_parquet",
]

#: Files whose rows would take more bytes as floats stay on the disk.
IN_MEMORY_BYTES = 2**29

#: The number of rows from which the columns of a large file are inferred.
FIRST_ROWS = 1000

#: Rows are shuffled within windows of so many bytes, or of one row group where that is larger.
#: Two windows are held in memory: one to take rows from, and one that is read ahead.
WINDOW_BYTES = 2**26

#: Threads that read ahead; their number does not change the order of the rows.
READERS = 2

#: Scattered rows, such as those that each epoch is measured on, are kept if they have at most so
#: many bytes, because reading them takes every row group.
KEPT_SCATTERED_BYTES = 2**25

#: Converts a table of some rows to floats (b, D).
ToRows = Callable[[Any], NDArray[Any]]


def read_parquet(source: Path, reading: Reading = Reading()) -> Dataset:  # noqa: B008 (frozen)
    """Read a Parquet file, or the files in and under a folder in the order of their names.

    They have a column for each feature, or one column of lists of numbers. The rows of large files
    are `ParquetRows`.

    Raises
    ------
    DataError
        If a file is damaged or its columns differ from those of the first.
    """
    paths = find_parts(source)
    name = source.resolve().name if source.is_dir() else source.name
    if is_large(paths):
        return large_parquet(paths, name, reading)
    return from_arrow(load_parts(paths), name, reading)


# --- files and their schemas --------------------------------------------------------------------


def find_parts(source: Path) -> list[Path]:
    """List a Parquet file, or those in and under a folder by name, without ``.…`` and ``_…``.

    Examples
    --------
    >>> find_parts(Path("no such folder"))
    []
    """
    if source.is_file():
        return [source] if source.suffix.lower() == ".parquet" else []
    return sorted(
        path
        for path in source.rglob("*.parquet")
        if path.is_file()
        and not any(part.startswith((".", "_")) for part in path.relative_to(source).parts)
    )


@contextmanager
def _opened(path: Path, metadata: Any = None) -> Iterator[Any]:
    """Open a Parquet file, and convert Arrow's errors in the block to one that names the file."""
    import pyarrow
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path, metadata=metadata) as file:
            yield file
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:  # of a column's name
        raise unreadable(path, "a Parquet file", error, "Save it again") from error


def read_footer(path: Path) -> tuple[Any, Any]:
    """Return the metadata and the Arrow schema of a Parquet file."""
    with _opened(path) as file:
        return file.metadata, file.schema_arrow


def check_parts(paths: Sequence[Path]) -> None:
    """Raise `DataError` for the first Parquet file whose columns differ from the first file's."""
    schemas = [read_footer(path)[1] for path in paths]
    for path, schema in zip(paths, schemas, strict=True):
        _check_schema(path, schema, paths[0], schemas[0])


def _check_schema(path: Path, schema: Any, first: Path, expected: Any) -> None:
    """Raise `DataError` for the first column that differs from the first file's."""
    if schema.names != expected.names:
        # The end of the shorter list differs, too.
        pairs = zip([*schema.names, "no more"], [*expected.names, "no more"], strict=False)
        number, (actual, expected_name) = next((i, p) for i, p in enumerate(pairs) if p[0] != p[1])
        raise DataError(
            f"column {number} of {path} (counting from 0) must be {expected_name!r} as in {first}, "
            f"got {actual!r}. Give all files of the folder the same columns."
        )
    types = zip(schema.names, schema.types, expected.types, strict=True)
    for name, actual, expected_type in types:
        if actual != expected_type:
            raise DataError(
                f"column {name!r} of {path} must hold {expected_type} as in {first}, got {actual}. "
                "Give all files of the folder the same types."
            )


def _check_claims(path: Path, metadata: Any) -> int:
    """Return the bytes that the file's numbers take as floats; a bomb is a `DataError`."""
    columns = range(metadata.num_columns)
    lists = [i for i in columns if metadata.schema.column(i).max_repetition_level]
    n_numbers = metadata.num_rows * (metadata.num_columns - len(lists))
    for number in range(metadata.num_row_groups if lists else 0):
        group = metadata.row_group(number)
        n_numbers += sum(group.column(i).num_values for i in lists)
    check_unpacked(path, path.stat().st_size, 8 * n_numbers)
    return 8 * int(n_numbers)


def is_large(paths: Sequence[Path]) -> bool:
    """Return whether the rows of the files would take more than `IN_MEMORY_BYTES`."""
    return sum(_check_claims(path, read_footer(path)[0]) for path in paths) > IN_MEMORY_BYTES


def load_parts(paths: Sequence[Path]) -> Any:
    """Read Parquet files of one schema as one Arrow table."""
    import pyarrow

    check_parts(paths)
    tables = []
    for path in paths:
        with _opened(path) as file:
            _check_claims(path, file.metadata)
            tables.append(file.read())
    return pyarrow.concat_tables(tables)


# --- files that stay on the disk ----------------------------------------------------------------


def large_parquet(paths: Sequence[Path], name: str, reading: Reading = Reading()) -> Dataset:  # noqa: B008
    """Open Parquet files of one schema without reading their rows; only the labels are read.

    Parameters
    ----------
    paths : sequence of Path
        In the order of their rows.
    name : str
        The name of the data set in messages.
    reading : Reading

    Returns
    -------
    Dataset
        Its ``X_train`` are `ParquetRows`.

    Raises
    ------
    DataError
        If a file is damaged, its columns differ from those of the first, or a column does not hold
        numbers. Categories can only be learned from a table in memory.
    """
    check_parts(paths)
    sample, labels = features_and_labels(first_rows(paths), name, reading)
    if any(is_list(kind) for kind in sample.schema.types):
        dataset = _of_lists(paths, sample, name)
    else:
        dataset = _of_numbers(paths, sample, name, reading)
    if labels is None:
        return dataset
    return replace(dataset, y_train=_labels(paths, name, reading))


def first_rows(paths: Sequence[Path]) -> Any:
    """Read the first `FIRST_ROWS` rows, from which the columns are inferred."""
    import pyarrow

    for path in paths:
        with _opened(path) as file:
            first = next(file.iter_batches(batch_size=FIRST_ROWS), None)
            if first is not None and first.num_rows:
                return pyarrow.Table.from_batches([first], file.schema_arrow)
    raise DataError(f"{paths[0]} must have at least one row, got none.")


def _of_numbers(paths: Sequence[Path], sample: Any, name: str, reading: Reading) -> Dataset:
    """Open files with a column for each feature, given the first rows."""
    columns = infer_columns(sample, name, reading)
    if reading.columns is not None:
        sample = select_columns(sample, columns, name)
    categories = [column.name for column in columns.columns if column.kind == "category"]
    if categories:
        raise DataError(
            f"column {categories[0]!r} of {name} must hold numbers, as the table is too large for "
            "memory, got categories. Encode them, leave them out with drop=(…), or give fewer "
            "rows."
        )
    # A missing value in one row group must not change how the others are read.
    pixels = are_pixels(sample.schema, reading, 0)
    if reading.pixels is None:
        pixels = pixels and not _has_nulls(paths, sample.column_names)
    if pixels:
        check_pixel_columns(columns, name)

    def to_rows(table: Any) -> NDArray[Any]:
        pairs = zip(table.columns, columns.columns, strict=True)
        values = [values_of(column_values, column, name) for column_values, column in pairs]
        return stacked(values, name, pixels=pixels)

    rows: Any = ParquetRows(paths, sample.column_names, to_rows)
    return Dataset(
        name,
        rows,
        feature_names=columns.feature_names,
        columns=None if pixels else columns,
        pixels=pixels and are_bytes(sample.schema),
    )


def _of_lists(paths: Sequence[Path], sample: Any, name: str) -> Dataset:
    """Open files with one column of lists of numbers, given the first rows."""
    index = next(i for i, kind in enumerate(sample.schema.types) if is_list(kind))
    first, image_shape = rows_of_lists(sample, index, name)

    def to_rows(table: Any) -> NDArray[Any]:
        if not table.num_rows:
            return first[:0]
        rows, shape = rows_of_lists(table, 0, f"a row group of {name}")
        if rows.shape[1:] != first.shape[1:] or shape != image_shape:
            raise DataError(
                f"the lists of {name} must have the shape {image_shape or first.shape[1:]} as in "
                f"the first row group, got {shape or rows.shape[1:]}. Give all rows one length."
            )
        return rows

    rows: Any = ParquetRows(paths, sample.column_names, to_rows)
    return Dataset(name, rows, image_shape=image_shape, pixels=are_bytes(sample.schema))


def _labels(paths: Sequence[Path], name: str, reading: Reading) -> NDArray[Any] | None:
    """Read the column of labels of all files."""
    import pyarrow

    tables = []
    for path in paths:
        with _opened(path) as file:
            tables.append(file.read(columns=[reading.label]))
    return labels_of(pyarrow.concat_tables(tables).column(0), name, reading)


def _has_nulls(paths: Sequence[Path], columns: Sequence[str]) -> bool:
    """Return whether a value of some columns is missing: by their statistics, or their values."""
    for path in paths:
        with _opened(path) as file:
            for number in range(file.num_row_groups):
                group = file.metadata.row_group(number)
                for column in map(group.column, range(group.num_columns)):
                    name, statistics = column.path_in_schema, column.statistics
                    if name not in columns:
                        continue
                    if statistics is not None and statistics.has_null_count:
                        n_nulls = statistics.null_count
                    else:
                        n_nulls = file.read_row_group(number, [name]).column(0).null_count
                    if n_nulls:
                        return True
    return False


@dataclass(frozen=True)
class _Group:
    """Hold a row group: its file and number, and the metadata and state of the file."""

    path: Path
    number: int
    n_rows: int
    metadata: Any
    state: tuple[int, int]


class ParquetRows(LazyRows):
    """Read rows of Parquet files, by whole row groups in the background.

    The next groups are read while the current ones are used; the least recently used ones are
    dropped. In the order announced by `expect`, each group is read once.

    Parameters
    ----------
    paths : sequence of Path
        Files of one schema, in the order of their rows.
    columns : sequence of str
        The features.
    to_rows : callable
        Converts a table of these columns to floats (b, D).
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
        self._max_loaded_rows = 2 * (self.window_rows + int(counts.max()))
        self._readers = readers
        self._pool = ThreadPoolExecutor(readers, thread_name_prefix="parquet")
        self._loaded: OrderedDict[int, Future[NDArray[Any]]] = OrderedDict()
        self._next: dict[int, list[int]] = {}
        self._scattered: tuple[NDArray[Any], NDArray[Any]] | None = None
        self._lock = Lock()

    def __getitem__(self, index: RowIndex) -> NDArray[Any]:
        numbers = np.arange(*index.indices(len(self))) if isinstance(index, slice) else index
        if self._scattered is not None and np.array_equal(self._scattered[0], numbers):
            return self._scattered[1]
        rows = np.empty((len(numbers), self.shape[1]), self.dtype)
        groups = self._groups_with(numbers)
        needed = np.unique(groups).tolist()
        in_order = bool((np.diff(numbers) >= 0).all())
        for position, group in enumerate(needed):
            group_rows = self._read_ahead(
                [group, *needed[position + 1 : position + 1 + self._readers]]
            )
            is_in_group = groups == group
            rows[is_in_group] = group_rows[numbers[is_in_group] - self._starts[group]]
        if needed:
            after = [needed[-1] + 1] if in_order else self._next.get(needed[-1], [])
            self._read_ahead([group for group in after if group < len(self._groups)], wait=False)
        is_scattered = (
            sum(self._groups[group].n_rows for group in needed) > 2 * self._max_loaded_rows
        )
        if is_scattered and rows.nbytes <= KEPT_SCATTERED_BYTES:
            self._scattered = numbers, rows
        return rows

    def expect(self, order: NDArray[np.integer[Any]]) -> None:
        """Prepare to read ahead: note which groups the window after each group needs."""
        sequence: list[int] = []
        for block in np.array_split(order, len(order) // 2**20 + 1):
            group_numbers, first = np.unique(self._groups_with(block), return_index=True)
            listed_groups = set(sequence)
            sequence += [
                int(g) for g in group_numbers[np.argsort(first)] if int(g) not in listed_groups
            ]
        ahead: dict[int, list[int]] = {}
        for position, group in enumerate(sequence):
            n_rows, after = 0, []
            for following in sequence[position + 1 :]:
                if n_rows >= self.window_rows:
                    break
                after.append(following)
                n_rows += self._groups[following].n_rows
            ahead[group] = after
        self._next = ahead

    def _groups_with(self, numbers: NDArray[np.integer[Any]]) -> NDArray[np.intp]:
        """Return the index of each row's group."""
        return np.searchsorted(self._starts, numbers, side="right") - 1

    def _read_ahead(self, groups: Sequence[int], *, wait: bool = True) -> Any:
        """Start to read groups; wait for the rows of the first and return them."""
        with self._lock:
            for group in groups:
                if group not in self._loaded:
                    self._loaded[group] = self._pool.submit(self._read, self._groups[group])
                self._loaded.move_to_end(group)
            first = self._loaded[groups[0]] if groups and wait else None
            n_loaded = sum(self._groups[group].n_rows for group in self._loaded)
            for group in [loaded for loaded in self._loaded if loaded not in groups]:
                if n_loaded <= self._max_loaded_rows:
                    break
                del self._loaded[group]
                n_loaded -= self._groups[group].n_rows
        return None if first is None else first.result()

    def _read(self, group: _Group) -> NDArray[Any]:
        """Read one row group as floats."""
        with _opened(group.path, group.metadata) as file:
            if _state_of(group.path) != group.state:
                raise DataError(
                    f"{group.path} changed while it was being read. Write it under another name "
                    "first, rename it, and start again."
                )
            table = file.read_row_group(group.number, self._columns, use_threads=False)
        return self._to_rows(table).astype(self.dtype, copy=False)


def _groups_of(paths: Sequence[Path], columns: Sequence[str]) -> tuple[list[_Group], Any]:
    """List the non-empty row groups of all files, with the schema of these columns."""
    import pyarrow

    groups: list[_Group] = []
    first: Any = None
    for path in paths:
        metadata, schema = read_footer(path)
        first = schema if first is None else first
        _check_schema(path, schema, paths[0], first)
        state = _state_of(path)
        for number in range(metadata.num_row_groups):
            n_rows = metadata.row_group(number).num_rows
            groups += [_Group(path, number, n_rows, metadata, state)] if n_rows else []
    if not groups:
        raise DataError(f"{paths[0]} must have at least one row, got none.")
    return groups, pyarrow.schema([first.field(name) for name in columns])


def _state_of(path: Path) -> tuple[int, int]:
    """Return the size and the modification time of a file, which change when the file does."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns
