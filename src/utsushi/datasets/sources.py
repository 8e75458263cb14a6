"""One door for every kind of data: `utsushi.datasets.open`."""

from __future__ import annotations

import os
from difflib import get_close_matches
from os import PathLike
from pathlib import Path
from typing import Any

from utsushi.datasets.arrays import from_array_like
from utsushi.datasets.catalogue import catalogue, names
from utsushi.datasets.dataset import Dataset
from utsushi.datasets.idx import has_idx_files, load_mnist
from utsushi.datasets.images import read_images
from utsushi.datasets.numpy_files import read_npy, read_npz
from utsushi.datasets.tables import from_frame, is_frame, read_csv, read_parquet
from utsushi.exceptions import DataError
from utsushi.validation import check_finite

__all__ = ["open_source"]

_TABLES = {".csv": read_csv, ".parquet": read_parquet}
_ARRAYS = {".npy": read_npy, ".npz": read_npz}


def open_source(source: Any, *, label: str | None = None) -> Dataset:
    """Open data of any kind that Utsushi knows; users call it ``utsushi.datasets.open``.

    Parameters
    ----------
    source : str, Path, array-like, data frame or Dataset
        One of

        - the name of a bundled data set: "mnist20k" or "digits8x8";
        - a ``.npy`` file: rows (n, features), or images (n, H, W) or (n, C, H, W);
        - a ``.npz`` file with X (and y), with X_train (and X_test, y_train, y_test), or with one
          single array;
        - a ``.csv`` file, with or without a header, or a ``.parquet`` file;
        - a folder of images of one size, perhaps in one sub-folder a class;
        - a folder with MNIST's four IDX files;
        - an array-like, or a data frame of pandas or polars;
        - a `Dataset`, which is returned as it is.
    label : str, default=None
        For a table, the column that holds the labels.

    Returns
    -------
    Dataset
        float32 or float64, and finite. uint8 always means pixels, and is divided by 255; float32
        stays and float16 becomes float32; all other numbers become float64. Arrays that need no
        change are not copied, and a ``.npy`` file that needs none stays on the disk.

    Raises
    ------
    DataError
        If the source is missing, damaged, empty, or of a shape or type that cannot be used.
    NonFiniteDataError
        If there is NaN or infinity in it.

    Examples
    --------
    >>> open_source([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    Dataset('array': 3 rows, 2 features, float64)
    >>> open_source("mnist20")
    Traceback (most recent call last):
    ...
    utsushi.exceptions.DataError: there is no file or bundled data set 'mnist20': did you mean
    'mnist20k'?
    """
    dataset = _read(source, label)
    check_finite(dataset.X_train, dataset.name, dataset.feature_names)
    if dataset.X_test is not None:
        check_finite(dataset.X_test, f"the test part of {dataset.name}", dataset.feature_names)
    return dataset


def _read(source: Any, label: str | None) -> Dataset:
    """Find the reader for a source."""
    if isinstance(source, (str, PathLike)):
        return _read_named(source, label)
    if is_frame(source):
        return from_frame(source, label)
    _refuse_label(label)
    return source if isinstance(source, Dataset) else from_array_like(source)


def _read_named(source: str | PathLike[str], label: str | None) -> Dataset:
    """Open a bundled name, a file or a folder."""
    bundled = next((entry for entry in catalogue() if entry.name == source), None)
    path = Path(source)
    if bundled is None and not os.path.exists(path):
        raise _missing(source)
    if bundled is None and not path.is_dir() and not path.is_file():
        raise DataError(
            f"{path} is a pipe or a device: expected a regular file or a folder; write what comes "
            "from it into a file first"
        )
    suffix = path.suffix.lower()
    if suffix in _TABLES and path.is_file():
        return _TABLES[suffix](path, label)
    _refuse_label(label)
    if bundled is not None:
        return bundled.load()
    if path.is_dir():
        return load_mnist(path) if has_idx_files(path) else read_images(path)
    if suffix in _ARRAYS:
        return _ARRAYS[suffix](path)
    endings = ", ".join([*_ARRAYS, *_TABLES])
    raise DataError(
        f"{path} ends in {suffix or 'nothing'!r}: expected {endings}, or a folder of images; "
        "convert it to one of these"
    )


def _refuse_label(label: str | None) -> None:
    """Refuse the name of a column where there are no columns with names."""
    if label is not None:
        raise DataError(
            f"label={label!r} was given for a source that is no table: expected a .csv or "
            ".parquet file or a data frame; leave label out"
        )


def _missing(source: str | PathLike[str]) -> DataError:
    """Make the error for a source that is not there, with the nearest name that is."""
    path = Path(source)
    near = get_close_matches(str(source), names(), n=1)
    if not near and path.parent.is_dir():
        neighbours = [neighbour.name for neighbour in path.parent.iterdir()]
        near = [str(path.with_name(n)) for n in get_close_matches(path.name, neighbours, n=1)]
    if near:
        hint = f"did you mean {near[0]!r}?"
    else:
        hint = f"expected one of {', '.join(names())}, or a path; check the spelling"
    return DataError(f"there is no file or bundled data set {str(source)!r}: {hint}")
