"""Checks of untrusted files: decompression bombs, oversized images, one-line errors."""

from __future__ import annotations

import gzip
from pathlib import Path

from utsushi._utils.files import one_line
from utsushi.exceptions import DataError

__all__ = ["LARGEST_IMAGE", "check_unpacked", "unpack_gzip", "unreadable"]

#: Files that unpack into at most so many bytes are always accepted.
HARMLESS_BYTES = 256 * 2**20

#: Handwritten digits compress to a fifth, tables of zeros and ones to a hundredth; bombs to less.
LARGEST_RATIO = 200

#: The largest number of pixels of one image: 4096 x 4096.
LARGEST_IMAGE = 2**24


def unreadable(path: str | Path, expected: str, error: BaseException, fix: str) -> DataError:
    """Build the error for a file that another library failed to read.

    Examples
    --------
    >>> print(unreadable("a.npy", "a numpy array", EOFError("no data left"), "Save it again"))
    a.npy cannot be read as a numpy array (no data left). Save it again.
    """
    return DataError(f"{path} cannot be read as {expected} ({one_line(error)}). {fix}.")


def check_unpacked(path: str | Path, n_packed: int, n_unpacked: int) -> None:
    """Raise `DataError` for a file that unpacks into too many bytes.

    Parameters
    ----------
    path : str or Path
        The name of the file in the error.
    n_packed, n_unpacked : int
        The bytes of the file and of its content. The content may have 256 MiB, or 200 times the
        bytes of the file.

    Examples
    --------
    >>> check_unpacked("rows.npz", 1_000, 8_000_000_000)
    Traceback (most recent call last):
    ...
    utsushi.exceptions.DataError: rows.npz must unpack into at most 200 times its size, got 1000
    bytes that unpack into 8000000000. If you trust it, save it as .npy.
    """
    if n_unpacked > max(HARMLESS_BYTES, LARGEST_RATIO * n_packed):
        raise DataError(
            f"{path} must unpack into at most {LARGEST_RATIO} times its size, got {n_packed} bytes "
            f"that unpack into {n_unpacked}. If you trust it, save it as .npy."
        )


def unpack_gzip(path: Path) -> bytes:
    """Unpack a gzip file, but never more bytes than `check_unpacked` accepts.

    Raises
    ------
    DataError
        If it unpacks into too many bytes.
    EOFError, OSError, zlib.error
        If it is damaged.
    """
    n_packed = path.stat().st_size
    with gzip.open(path) as file:
        content = file.read(max(HARMLESS_BYTES, LARGEST_RATIO * n_packed) + 1)
    check_unpacked(path, n_packed, len(content))
    return content
