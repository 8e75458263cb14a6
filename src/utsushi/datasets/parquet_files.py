"""Parquet: one file or a folder of them, in memory or, where they are large, on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from utsushi.datasets.arrow_files import (
    check_claims,
    check_parts,
    find_parts,
    load_folder,
    load_parquet,
    read_footer,
    reading_parquet,
)
from utsushi.datasets.arrow_types import are_bytes, are_pixels, is_list, stacked
from utsushi.datasets.column_values import rows_of_lists, values_of
from utsushi.datasets.dataset import Dataset
from utsushi.datasets.parquet_rows import ParquetRows
from utsushi.datasets.reading import Reading
from utsushi.datasets.tables import (
    check_pixel_columns,
    features_and_labels,
    from_arrow,
    known_columns,
    labels_of,
    learned_columns,
)
from utsushi.exceptions import DataError

__all__ = ["first_rows", "is_large", "large_parquet", "read_folder", "read_parquet"]

#: Files of more bytes in memory stay on the disk, and are read as they are asked for.
IN_MEMORY_BYTES = 2**29

#: So many rows tell what the columns of a large file are.
FIRST_ROWS = 1000


def read_parquet(path: Path, reading: Reading = Reading()) -> Dataset:  # noqa: B008 (frozen)
    """Read a Parquet file: a column a feature, or one column of lists of numbers.

    The rows of a large one are `ParquetRows`.
    """
    if is_large([path]):
        return large_parquet([path], path.name, reading)
    return from_arrow(load_parquet(path), path.name, reading)


def read_folder(folder: Path, reading: Reading = Reading()) -> Dataset:  # noqa: B008
    """Read the Parquet files in and under a folder, in the order of their names."""
    name, paths = folder.resolve().name, find_parts(folder)
    if is_large(paths):
        return large_parquet(paths, name, reading)
    return from_arrow(load_folder(folder), name, reading)


def large_parquet(paths: Sequence[Path], name: str, reading: Reading = Reading()) -> Dataset:  # noqa: B008
    """Open Parquet files of one schema without reading their rows; only the labels are read.

    Parameters
    ----------
    paths : sequence of Path
        In the order of their rows.
    name : str
        What messages call them.
    reading : Reading

    Returns
    -------
    Dataset
        Whose ``X_train`` are `ParquetRows`.

    Raises
    ------
    DataError
        If a file is damaged or has other columns than the first, or a column holds no numbers:
        categories are learned from all rows of a table in memory.
    """
    check_parts(paths)
    some, labels = features_and_labels(first_rows(paths), name, reading)
    if any(is_list(kind) for kind in some.schema.types):
        dataset = _of_lists(paths, some, name)
    else:
        dataset = _of_numbers(paths, some, name, reading)
    if labels is None:
        return dataset
    return replace(dataset, y_train=_labels(paths, name, reading))


def _of_numbers(paths: Sequence[Path], some: Any, name: str, reading: Reading) -> Dataset:
    """Open files with a column a feature, of which some rows are known."""
    columns = learned_columns(some, name, reading)
    if reading.columns is not None:
        some = known_columns(some, columns, name)
    categories = [column.name for column in columns.columns if column.kind == "category"]
    if categories:
        raise DataError(
            f"{name} has categories in column {categories[0]!r}, and is too large to be held in "
            "memory: expected numbers; encode them, leave them out with drop=(…), or give fewer "
            "rows"
        )
    # What is missing in one row group only must not change what the others are.
    pixels = are_pixels(some.schema, reading, 0)
    if reading.pixels is None:
        pixels = pixels and not _has_nulls(paths, some.column_names)
    if pixels:
        check_pixel_columns(columns, name)

    def to_rows(table: Any) -> NDArray[Any]:
        pairs = zip(table.columns, columns.columns, strict=True)
        values = [values_of(found, column, name) for found, column in pairs]
        return stacked(values, name, pixels=pixels)

    rows: Any = ParquetRows(paths, some.column_names, to_rows)
    return Dataset(
        name,
        rows,
        feature_names=columns.feature_names,
        columns=None if pixels else columns,
        pixels=pixels and are_bytes(some.schema),
    )


def _of_lists(paths: Sequence[Path], some: Any, name: str) -> Dataset:
    """Open files with one column of lists of numbers, of which some rows are known."""
    index = next(i for i, kind in enumerate(some.schema.types) if is_list(kind))
    first, image_shape = rows_of_lists(some, index, name)

    def to_rows(table: Any) -> NDArray[Any]:
        if not table.num_rows:
            return first[:0]
        found, shape = rows_of_lists(table, 0, f"a row group of {name}")
        if found.shape[1:] != first.shape[1:] or shape != image_shape:
            raise DataError(
                f"a row group of {name} has lists of shape {shape or found.shape[1:]}: expected "
                f"{image_shape or first.shape[1:]} as in the first; give all rows one length"
            )
        return found

    rows: Any = ParquetRows(paths, some.column_names, to_rows)
    return Dataset(name, rows, image_shape=image_shape, pixels=are_bytes(some.schema))


def _labels(paths: Sequence[Path], name: str, reading: Reading) -> NDArray[Any] | None:
    """Read the column of labels of all files."""
    import pyarrow
    from pyarrow import parquet

    found = []
    for path in paths:
        with reading_parquet(path), parquet.ParquetFile(path) as file:
            found.append(file.read(columns=[reading.label]).column(0))
    chunks = [chunk for column in found for chunk in column.chunks]
    return labels_of(pyarrow.chunked_array(chunks, found[0].type), name, reading)


def first_rows(paths: Sequence[Path]) -> Any:
    """Read some rows, which tell what the columns are."""
    import pyarrow
    from pyarrow import parquet

    for path in paths:
        with reading_parquet(path), parquet.ParquetFile(path) as file:
            first = next(file.iter_batches(batch_size=FIRST_ROWS), None)
            if first is not None and first.num_rows:
                return pyarrow.Table.from_batches([first], file.schema_arrow)
    raise DataError(f"{paths[0]} has no rows: expected at least one; add some")


def _has_nulls(paths: Sequence[Path], columns: Sequence[str]) -> bool:
    """Tell whether a value of some columns is missing; most files say so, others are read."""
    from pyarrow import parquet

    for path in paths:
        with reading_parquet(path), parquet.ParquetFile(path) as file:
            for number in range(file.num_row_groups):
                group = file.metadata.row_group(number)
                found = [group.column(index) for index in range(group.num_columns)]
                for column in (one for one in found if one.path_in_schema in columns):
                    known = column.statistics
                    if known is None or not known.has_null_count:
                        table = file.read_row_group(number, [column.path_in_schema])
                        n_nulls = table.column(0).null_count
                    else:
                        n_nulls = known.null_count
                    if n_nulls:
                        return True
    return False


def is_large(paths: Sequence[Path]) -> bool:
    """Tell whether files would take much memory as rows; what they claim is looked at first."""
    return sum(check_claims(path, read_footer(path)[0]) for path in paths) > IN_MEMORY_BYTES
