"""Readers of numpy's own files, .npy and .npz. Pickled objects are never read."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.datasets.arrays import dataset_from_arrays
from utsushi.datasets.bounds import check_unpacked
from utsushi.datasets.dataset import Dataset
from utsushi.datasets.problems import unreadable
from utsushi.exceptions import DataError

__all__ = ["read_archive", "read_npy", "read_npz"]

_KEYS = "X (and y), X_train (and X_test, y_train, y_test), or one single array"


def read_npy(path: Path) -> Dataset:
    """Read one array of rows or images; float32 and float64 stay on the disk, as a memory map."""
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # A damaged header can fail in many ways.
        raise unreadable(path, "an array saved by numpy.save", error, "save it again") from error
    return dataset_from_arrays(path.name, array)


def read_npz(path: Path) -> Dataset:
    """Read the arrays of an archive: X and y, the four parts of a split, or a single array."""
    # Small letters, for Keras writes x_train.
    arrays = {name.lower(): array for name, array in read_archive(path).items()}
    if "x_train" in arrays:
        return dataset_from_arrays(
            path.name,
            arrays["x_train"],
            arrays.get("x_test"),
            arrays.get("y_train"),
            arrays.get("y_test"),
        )
    if "x" in arrays:
        return dataset_from_arrays(path.name, arrays["x"], y_train=arrays.get("y"))
    if len(arrays) == 1:
        return dataset_from_arrays(path.name, *arrays.values())
    found = ", ".join(arrays) or "nothing"
    raise DataError(f"{path} holds {found}: expected {_KEYS}; save it under these names")


def read_archive(path: Path, fix: str = "save it again") -> dict[str, NDArray[Any]]:
    """Read all arrays of an archive by their names; the error for a damaged one ends in ``fix``."""
    try:
        # numpy leaves the file open if the archive is damaged, unless we opened it.
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):  # numpy would take it for a pickle, and say so.
                raise zipfile.BadZipFile("not a zip archive, or cut short")
            file.seek(0)
            with zipfile.ZipFile(file) as packed:
                n_unpacked = sum(member.file_size for member in packed.infolist())
            check_unpacked(path, path.stat().st_size, n_unpacked)
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                return {key: archive[key] for key in archive.files}
    except DataError:
        raise
    except Exception as error:  # zipfile, the decompressors and numpy each have their own.
        raise unreadable(path, "an archive saved by numpy.savez", error, fix) from error
