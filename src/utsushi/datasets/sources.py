"""Open data of any supported kind: `utsushi.datasets.open`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import Any

from utsushi._utils.lazy_rows import as_guarded
from utsushi._utils.validation import check_finite
from utsushi.datasets.arrays import (
    as_pixels,
    from_array_like,
    from_torch_dataset,
    is_torch_dataset,
    read_npy,
    read_npz,
)
from utsushi.datasets.dataset import Dataset
from utsushi.datasets.digits import catalogue, names
from utsushi.datasets.images import read_images
from utsushi.datasets.mnist import has_mnist_files, is_idx, load_mnist, read_idx
from utsushi.datasets.parquet import find_parts, read_parquet
from utsushi.datasets.reading import Reading
from utsushi.datasets.tables import from_frame, is_frame, read_arrow, read_csv
from utsushi.exceptions import DataError
from utsushi.transforms.table_schema import TableSchema

__all__ = ["check_values", "missing_source", "open_reading", "open_source", "read"]

_TABLES = {
    ".csv": read_csv,
    ".parquet": read_parquet,
    ".arrow": read_arrow,
    ".feather": read_arrow,
    ".ipc": read_arrow,
}
_ARRAYS = {".npy": read_npy, ".npz": read_npz}


def open_source(
    source: Any,
    *,
    label: str | None = None,
    categorical: Sequence[str] = (),
    drop: Sequence[str] = (),
    dates: Sequence[str] = (),
    handle_unknown: str | None = None,
    pixels: bool | None = None,
    columns: TableSchema | None = None,
    image_size: int | Sequence[int] | None = None,
    color: str | None = None,
    skip_bad: bool = False,
) -> Dataset:
    """Open data of any supported kind; the public name is ``utsushi.datasets.open``.

    Parameters
    ----------
    source : str, Path, array-like, data frame or Dataset
        One of

        - the name of a bundled data set: "mnist20k" or "digits8x8";
        - a ``.npy`` file: rows (n, features), or images (n, H, W) or (n, C, H, W);
        - a ``.npz`` file with X (and y), with X_train (and X_test, y_train, y_test), or with one
          single array;
        - a ``.csv`` file, with or without a header; a ``.parquet`` file or a folder of them, with a
          column per feature or one column of lists; ``.arrow``, ``.feather`` or ``.ipc``;
        - a folder of images, optionally in one sub-folder per class;
        - a folder with MNIST's four IDX files, or one IDX file, plain or gzipped;
        - an array-like, a torch tensor, a torch ``Dataset`` of rows or of (row, label) pairs, or a
          data frame of pandas or polars;
        - a `Dataset`, which is returned as it is.
    label : str, default=None
        For a table, the column of the labels.
    categorical : sequence of str, default=()
        For a table, columns of numbers that are categories: whole numbers, perhaps with missing
        values, or numbers mixed with text. Columns of text are always categories.
    drop : sequence of str, default=()
        For a table, the columns to omit.
    dates : sequence of str, default=()
        For a table, the columns of dates, or of texts in the form of ISO 8601, such as 2026-03-31
        or 2026-03-31 18:30. They become days since 1970-01-01 (in UTC if they have a time zone);
        `TableSchema.decode` converts them back to dates.
    handle_unknown : {"error", "ignore"}, default=None
        For a table, how to treat a category that ``columns`` does not list: raise a `DataError`,
        or set all features of that column to zero, as scikit-learn's ``OneHotEncoder`` does. The
        ``columns`` of the data set store it. None means the value stored in ``columns``, or
        "error" without them.
    pixels : bool, default=None
        For a table or an array, whether whole numbers from 0 to 255 are pixels, which are divided
        by 255; values between 0 and 1 are unchanged. None means that only uint8 is pixels.
    columns : TableSchema, default=None
        For a table, the description of its columns: ``model.columns_`` of the model that will use
        it. None infers them.
    image_size : int or (height, width), default=None
        For a folder of images, the size to resize them to: the smaller side is fitted, and the
        larger one is cropped at both ends.
    color : {"grey", "rgb"}, default=None
        For a folder of images, their colours. None means RGB if one of them has colour.
    skip_bad : bool, default=False
        For a folder of images, omit those that cannot be read; ``skipped`` lists them.

    Returns
    -------
    Dataset
        float32 or float64, finite except for missing values of a table, which are NaN. uint8 means
        pixels, and is divided by 255, unless ``pixels=False``; float32 is unchanged, float16
        becomes float32, and all other numbers become float64. Arrays that need no conversion are
        not copied, and such a ``.npy`` file stays on the disk.

    Raises
    ------
    DataError
        If the source is missing, damaged, empty, or of an unsupported shape or type.
    NonFiniteDataError
        If a value is infinite, or NaN in data other than a table.
    SettingError
        If an option is invalid.

    Examples
    --------
    >>> open_source([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    Dataset('array': 3 samples, 2 features, float64)
    >>> open_source("mnist20")
    Traceback (most recent call last):
    ...
    utsushi.exceptions.DataError: there is no file or bundled dataset 'mnist20'. Did you mean
    'mnist20k'?
    """
    reading = Reading.of(
        label=label,
        categorical=categorical,
        drop=drop,
        dates=dates,
        handle_unknown=handle_unknown,
        pixels=pixels,
        columns=columns,
        image_size=image_size,
        color=color,
        skip_bad=skip_bad,
    )
    return open_reading(source, reading)


def open_reading(source: Any, reading: Reading) -> Dataset:
    """Open data as `open_source` does, with options that are already validated."""
    dataset = read(source, reading)
    check_values(dataset)
    return dataset


def check_values(dataset: Dataset) -> None:
    """Raise an error for infinity, and for NaN that is not a missing value of a table."""
    names, allow_missing = dataset.feature_names, dataset.columns is not None
    # Reading a memory map that shrinks would end the process.
    check_finite(as_guarded(dataset.X_train), dataset.name, names, allow_missing=allow_missing)
    if dataset.X_test is not None:
        what = f"the test part of {dataset.name}"
        check_finite(as_guarded(dataset.X_test), what, names, allow_missing=allow_missing)


def read(source: Any, reading: Reading) -> Dataset:
    """Read a source of any kind, without checking its values."""
    return as_pixels(_read(source, reading), reading.pixels)


def _read(source: Any, reading: Reading) -> Dataset:
    """Read a source with the reader for its kind."""
    if isinstance(source, (str, PathLike)):
        return _read_path(source, reading)
    reading.refuse_image_options("the source")
    if is_frame(source):
        return from_frame(source, reading)
    reading.refuse_table_options("the source")
    if is_torch_dataset(source):
        return from_torch_dataset(source)
    return source if isinstance(source, Dataset) else from_array_like(source)


def _read_path(source: str | PathLike[str], reading: Reading) -> Dataset:
    """Read a bundled data set, a file or a folder."""
    bundled = next((entry for entry in catalogue() if entry.name == source), None)
    path = Path(source)
    if bundled is None and not os.path.exists(path):
        raise missing_source(source)
    if bundled is None and not path.is_dir() and not path.is_file():
        raise DataError(
            f"{path} must be a regular file or a folder, got a pipe or a device. Write its content "
            "to a file first."
        )
    suffix = path.suffix.lower()
    if bundled is None and path.is_dir():
        return _read_folder(path, reading)
    reading.refuse_image_options(str(source))
    if suffix in _TABLES and path.is_file():
        return _TABLES[suffix](path, reading)
    reading.refuse_table_options(str(source))
    if bundled is not None:
        return bundled.load()
    if suffix in _ARRAYS:
        return _ARRAYS[suffix](path)
    if is_idx(path):
        return read_idx(path)
    suffixes = ", ".join([*_ARRAYS, *_TABLES])
    raise DataError(
        f"{path} must end in {suffixes}, or be an IDX file or a folder of images or of Parquet "
        f"files, got {suffix or 'nothing'!r}. Convert it to one of these."
    )


def _read_folder(path: Path, reading: Reading) -> Dataset:
    """Read a folder of IDX files, of Parquet files, or of images."""
    if has_mnist_files(path):
        reading.refuse_image_options(str(path))
        reading.refuse_table_options(str(path))
        return load_mnist(path)
    if find_parts(path):
        reading.refuse_image_options(str(path))
        return read_parquet(path, reading)
    reading.refuse_table_options(str(path))
    reading.refuse_number_options(str(path))
    return read_images(path, reading)


def missing_source(source: str | PathLike[str]) -> DataError:
    """Build the error for a missing source, with the most similar name that exists."""
    path = Path(source)
    near = get_close_matches(str(source), names(), n=1)
    if not near and path.parent.is_dir():
        siblings = [sibling.name for sibling in path.parent.iterdir()]
        near = [str(path.with_name(n)) for n in get_close_matches(path.name, siblings, n=1)]
    if near:
        hint = f"Did you mean {near[0]!r}?"
    else:
        hint = f"Give a path, or one of {', '.join(names())}."
    return DataError(f"there is no file or bundled dataset {str(source)!r}. {hint}")
