"""Readers of tables: CSV, Parquet, and the data frames of pandas, polars and pyarrow."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.datasets.arrays import check_labels, to_floats
from utsushi.datasets.bounds import check_unpacked
from utsushi.datasets.dataset import Dataset
from utsushi.datasets.parquet_rows import ParquetRows
from utsushi.datasets.problems import one_line, unreadable
from utsushi.exceptions import DataError

__all__ = ["from_frame", "is_frame", "read_csv", "read_parquet"]

_SHOWN_COLUMNS = 5

#: A Parquet file of more bytes in memory stays on the disk, and is read as it is asked for.
LARGE_BYTES = 2**29


def read_csv(path: Path, label: str | None = None) -> Dataset:
    """Read comma-separated numbers, in UTF-8.

    Parameters
    ----------
    path : Path
        If every cell of the first row is a number or empty, the file has no header.
    label : str, default=None
        The column that holds the labels, as numbers or as text: its name, or without a header
        its number, counting from 0.

    Returns
    -------
    Dataset
        float64 rows, with the header's names.

    Raises
    ------
    DataError
        If the file is damaged, or a column other than the label's holds text.
    """
    import pyarrow
    import pyarrow.csv

    try:
        first = _first_row(path)
        named = not all(_is_number(cell) for cell in first if cell.strip())
        numbered = None if named else [str(number) for number in range(len(first))]
        options = pyarrow.csv.ReadOptions(column_names=numbered)
        table = pyarrow.csv.read_csv(path, read_options=options)
    except (pyarrow.ArrowException, csv.Error, OSError, UnicodeDecodeError) as error:
        raise unreadable(path, "a CSV file in UTF-8", error, "repair it or save it anew") from error
    return _from_arrow(table, path.name, label, named=named)


def read_parquet(path: Path, label: str | None = None) -> Dataset:
    """Read a Parquet file of numbers; ``label`` names the column that holds the labels.

    The rows of a large one are `ParquetRows`.
    """
    import pyarrow
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            n_numbers = file.metadata.num_rows * file.metadata.num_columns
            check_unpacked(path, path.stat().st_size, 8 * n_numbers)
            if 8 * n_numbers > LARGE_BYTES:
                return large_parquet([path], path.name, label)
            table = file.read()
    except (pyarrow.ArrowException, OSError) as error:
        raise unreadable(path, "a Parquet file", error, "save it anew") from error
    return _from_arrow(table, path.name, label)


def large_parquet(paths: Sequence[Path], name: str, label: str | None = None) -> Dataset:
    """Open Parquet files of one schema without reading their rows; only the labels are read.

    Parameters
    ----------
    paths : sequence of Path
        In the order of their rows.
    name : str
        What messages call them.
    label : str, default=None
        The column that holds the labels.

    Returns
    -------
    Dataset
        Whose ``X_train`` are `ParquetRows`.
    """
    import pyarrow
    from pyarrow import parquet

    with parquet.ParquetFile(paths[0]) as file:
        first = next(file.iter_batches(batch_size=1000), None)
        some = pyarrow.Table.from_batches([] if first is None else [first], file.schema_arrow)
    y = None
    if label is not None:
        number = _find_column(some, name, label)
        some = some.remove_column(number)
        labels = [parquet.read_table(path, columns=[label]).column(0) for path in paths]
        chunks = [chunk for column in labels for chunk in column.chunks]
        y = _labels(pyarrow.chunked_array(chunks, labels[0].type), name, label)
    _refuse_text(some, name)
    rows: Any = ParquetRows(paths, some.column_names, lambda table: _to_rows(table, name))
    return Dataset(name, rows, y_train=y, feature_names=tuple(some.column_names))


def is_frame(source: Any) -> bool:
    """Tell whether ``source`` is a table of pandas, polars, pyarrow or their like."""
    return hasattr(source, "__arrow_c_stream__") and hasattr(source, "columns")


def from_frame(frame: Any, label: str | None = None) -> Dataset:
    """Take the numbers of a data frame.

    Parameters
    ----------
    frame : DataFrame of pandas or polars, or a pyarrow Table
        A pandas index is left out. Column names that are not text are not kept.
    label : str, default=None
        The column that holds the labels.

    Returns
    -------
    Dataset
        float32 if every column is float32 or narrower, else float64; columns that are all uint8
        count as pixels, and are divided by 255.

    Raises
    ------
    DataError
        If a column other than the label's holds no numbers.

    Examples
    --------
    >>> import pandas as pd
    >>> from_frame(pd.DataFrame({"age": [31, 54], "town": ["Oslo", "Kobe"]}), label="town")
    Dataset('frame': 2 rows, 1 features, float64, labelled)
    """
    import pyarrow

    named = True
    try:
        # The frame can only be one of pandas if somebody has imported pandas.
        pandas = sys.modules.get("pandas")
        if pandas is not None and isinstance(frame, pandas.DataFrame):
            named = all(isinstance(column, str) for column in frame.columns)
            frame = frame.set_axis([str(column) for column in frame.columns], axis=1)
            table = pyarrow.Table.from_pandas(frame, preserve_index=False)
        else:
            table = pyarrow.table(frame)
    except (pyarrow.ArrowException, TypeError, ValueError) as error:
        raise DataError(
            f"the frame cannot be read ({one_line(error)}): "
            "expected columns of numbers, each with its own name; convert the others first"
        ) from error
    return _from_arrow(table, "frame", label, named=named)


def _first_row(path: Path) -> list[str]:
    """Read the cells of a CSV file's first row that is not blank."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next((row for row in csv.reader(file) if row), [])


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _from_arrow(table: Any, name: str, label: str | None, *, named: bool = True) -> Dataset:
    """Make a `Dataset` of an Arrow table: all columns but the label's are features."""
    y = None
    if label is not None:
        number = _find_column(table, name, label)
        y = _labels(table.column(number), name, label)
        table = table.remove_column(number)
    if 0 in table.shape:
        raise DataError(
            f"{name} has {table.num_rows} rows and {table.num_columns} columns of features: "
            "expected at least one of each; add some"
        )
    _refuse_text(table, name)
    X = _to_rows(table, name)
    return Dataset(name, X, y_train=y, feature_names=tuple(table.column_names) if named else None)


def _to_rows(table: Any, name: str) -> NDArray[Any]:
    """Lay out the columns of an Arrow table of numbers as rows."""
    return to_floats(np.column_stack([_numbers(column) for column in table.columns]), name)


def _find_column(table: Any, name: str, label: str) -> int:
    """Give the number of the column that is called ``label``."""
    columns: list[str] = table.column_names
    if columns.count(label) == 1:
        return columns.index(label)
    if label in columns:
        raise DataError(f"{name} has {columns.count(label)} columns {label!r}: rename all but one")
    near = get_close_matches(label, columns, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"expected one of {_listed(columns)}"
    raise DataError(f"{name} has no column {label!r} for the labels: {hint}")


def _listed(columns: list[str]) -> str:
    """List column names, the first few if there are many."""
    shown = ", ".join(repr(column) for column in columns[:_SHOWN_COLUMNS])
    more = len(columns) - _SHOWN_COLUMNS
    return f"{shown} and {more} more" if more > 0 else shown


def _labels(column: Any, name: str, label: str) -> NDArray[Any]:
    """Take a column of labels: numbers stay numbers, all else becomes text."""
    values = column.to_pylist()
    if None in values:
        raise DataError(
            f"{name} has no label in column {label!r} at row {values.index(None)} (counting from "
            f"0; {values.count(None)} missing in all): fill or drop those rows first"
        )
    labels = np.asarray(values)
    labels = labels if labels.dtype.kind in "biuf" else labels.astype(str)
    check_labels(name, labels)
    return labels


def _refuse_text(table: Any, name: str) -> None:
    """Raise if a column holds anything but numbers, and show the first value that is none."""
    wrong = [i for i, field in enumerate(table.schema) if not _is_numeric(field.type)]
    if not wrong:
        return
    columns = [table.column_names[i] for i in wrong]
    values = table.column(wrong[0]).to_pylist()
    # Numbers stored as text have no bad value: then the first one stands for all.
    row = next((i for i, value in enumerate(values) if _is_text(value)), 0)
    raise DataError(
        f"{name} has text in column{'s' if len(wrong) > 1 else ''} {_listed(columns)} (first "
        f"{str(values[row])[:40]!r} at row {row}, counting from 0): expected numbers; encode or "
        "drop text columns, or name the one with the labels by label=…"
    )


def _is_text(value: object) -> bool:
    """Tell whether a cell holds something that is no number; a blank holds nothing."""
    return value is not None and bool(str(value).strip()) and not _is_number(str(value))


def _is_numeric(kind: Any) -> bool:
    """Tell whether an Arrow type can become a float; the null type is a column of blanks."""
    from pyarrow import types

    checks = (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    return bool(types.is_null(kind) or any(check(kind) for check in checks))


def _numbers(column: Any) -> NDArray[Any]:
    """Turn a numeric Arrow column into an array; missing values become NaN."""
    from pyarrow import types

    if not (types.is_integer(column.type) or types.is_floating(column.type)):
        column = column.cast("float64")
    numbers: NDArray[Any] = column.to_numpy()
    return numbers
