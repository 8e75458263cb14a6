"""Tables whose columns stay as they are, for models that take data frames: `open_frame`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.datasets.digits import names
from utsushi.datasets.parquet import find_parts, load_parts
from utsushi.datasets.reading import Reading
from utsushi.datasets.sources import missing_source
from utsushi.datasets.tables import csv_table, find_column, load_arrow
from utsushi.exceptions import DataError, SettingError

__all__ = ["FrameDataset", "open_frame"]

_ARROW = (".arrow", ".feather", ".ipc")

#: The share of the rows that is held out by default, and the fewest rows of which it is.
_TEST_FRACTION, _FEWEST_TO_SPLIT = 0.2, 100

#: The seed of the rows that are held out: the same for all models, so that they can be compared.
_SEED = 0


@dataclass(frozen=True, eq=False, repr=False)
class FrameDataset:
    """Hold the rows of a table, some of which may be held out.

    Parameters
    ----------
    name : str
        The name of the data in messages and reports.
    X : pyarrow.Table of n rows
        All rows, in the order of the source.
    held_out : ndarray of shape (n_test,), int
        The numbers of the rows that are not for training, ascending.
    test_fraction : float
        The share of the rows that was to be held out.
    target : str or None
        The column that a classifier is to predict.
    """

    name: str
    X: Any
    held_out: NDArray[np.intp]
    test_fraction: float = 0.0
    target: str | None = None

    @cached_property
    def X_train(self) -> Any:  # noqa: N802 (the field's name)
        """The rows for training; ``X`` itself if none is held out."""
        if not len(self.held_out):
            return self.X
        kept = np.ones(len(self.X), dtype=bool)
        kept[self.held_out] = False
        return self.X.take(np.flatnonzero(kept))

    @cached_property
    def X_test(self) -> Any:  # noqa: N802
        """The rows that are held out, or None."""
        return self.X.take(self.held_out) if len(self.held_out) else None

    @property
    def measured(self) -> Any:
        """The rows for evaluation: those that are held out, or all."""
        return self.X if self.X_test is None else self.X_test

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.X.column_names)

    def __repr__(self) -> str:
        held_out = f", {len(self.held_out)} of them held out" if len(self.held_out) else ""
        return (
            f"FrameDataset({self.name!r}: {len(self.X)} rows{held_out}, {self.X.shape[1]} columns)"
        )


def open_frame(
    source: str | PathLike[str],
    *,
    drop: Sequence[str] = (),
    target: str | None = None,
    test_fraction: float | None = 0.0,
    texts: Sequence[str] = (),
) -> FrameDataset:
    r"""Read a table from a file, with the types of its columns.

    Parameters
    ----------
    source : str or Path
        A ``.csv``, ``.parquet``, ``.arrow``, ``.feather`` or ``.ipc`` file, or a folder of Parquet
        files.
    drop : sequence of str, default=()
        The columns to leave out.
    target : str, default=None
        The column that a classifier is to predict. It stays a column of the table.
    test_fraction : float in [0, 1) or None, default=0
        The share of the rows to hold out: random ones, the same each time. None holds out a fifth
        of at least 100 rows, and none of fewer.
    texts : sequence of str, default=()
        Columns of a CSV file that are texts even if they look like numbers.

    Returns
    -------
    FrameDataset
        In a CSV file, blank cells, "NA" and the like are missing, and ISO dates are dates.

    Raises
    ------
    DataError
        If the source is missing, damaged, no table or without rows, or lacks a column.
    SettingError
        If ``test_fraction`` is not in [0, 1).

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "people.csv")
    ...     _ = path.write_text("age,town\n31,Oslo\n54,Kobe\n27,\n45,Oslo\n")
    ...     people = open_frame(path, test_fraction=0.5)
    >>> people
    FrameDataset('people.csv': 4 rows, 2 of them held out, 2 columns)
    >>> people.X["town"].null_count
    1
    """
    is_share = isinstance(test_fraction, Real) and 0 <= test_fraction < 1
    if test_fraction is not None and not is_share:
        raise SettingError(f"test_fraction must be a number in [0, 1), got {test_fraction!r}.")
    path = Path(source)
    table = _table(path, source, texts)
    for column in drop:
        table = table.remove_column(find_column(table, path.name, column, " to drop"))
    if target is not None:
        find_column(table, path.name, target, " to predict")
    if 0 in table.shape:
        raise DataError(
            f"{path.name} must have at least one row and one column, got {table.num_rows} and "
            f"{table.num_columns}."
        )
    from utsushi._utils.seeds import Purpose, numpy_generator  # which imports torch

    n_rows = table.num_rows
    if test_fraction is None:
        test_fraction = _TEST_FRACTION if n_rows >= _FEWEST_TO_SPLIT else 0.0
    order = numpy_generator(_SEED, Purpose.SPLIT).permutation(n_rows)
    held_out = np.sort(order[: round(test_fraction * n_rows)]).astype(np.intp)
    return FrameDataset(path.name, table, held_out, test_fraction, target)


def _table(path: Path, source: Any, texts: Sequence[str]) -> Any:
    """Return a source as an Arrow table."""
    kinds = ", ".join((".csv", ".parquet", *_ARROW))
    if source in names():
        raise DataError(
            f"the source of a table model must be a table, got the images {str(source)!r}. Name a "
            f"file that ends in {kinds}."
        )
    if not os.path.exists(path):
        raise missing_source(source)
    suffix = path.suffix.lower()
    if path.is_file() and suffix == ".csv":
        return csv_table(path, Reading(), texts)[0]
    if path.is_file() and suffix in _ARROW:
        return load_arrow(path)
    parts = find_parts(path)
    if not parts:
        raise DataError(
            f"the source of a table model must be a file that ends in {kinds}, or a folder of "
            f"Parquet files, got {str(path)!r}. Convert it to one of these."
        )
    return load_parts(parts)
