"""Small files that unpack into large ones are refused before they do."""

from __future__ import annotations

import gzip
from pathlib import Path

from utsushi.exceptions import DataError

__all__ = ["LARGEST_IMAGE", "check_unpacked", "unpack_gzip"]

#: Below so many bytes, whatever unpacks is harmless.
HARMLESS_BYTES = 256 * 2**20

#: Handwritten digits pack to a fifth, tables of zeros and ones to a hundredth; a bomb to less.
LARGEST_RATIO = 200

#: Pixels of one image: 4096 x 4096.
LARGEST_IMAGE = 2**24


def check_unpacked(path: str | Path, n_packed: int, n_unpacked: int) -> None:
    """Refuse bytes that unpack into too many.

    Parameters
    ----------
    path : str or Path
        What errors call the file.
    n_packed : int
        Bytes of the file.
    n_unpacked : int
        Bytes of what is in it.

    Raises
    ------
    DataError
        If there are more than 256 MiB, and more than 200 times as many as are packed.

    Examples
    --------
    >>> check_unpacked("rows.npz", 1_000, 8_000_000_000)
    Traceback (most recent call last):
    ...
    utsushi.exceptions.DataError: rows.npz has 1000 bytes that unpack into 8000000000: expected at
    most 200 times as many; if you trust it, save it as .npy
    """
    if n_unpacked > max(HARMLESS_BYTES, LARGEST_RATIO * n_packed):
        raise DataError(
            f"{path} has {n_packed} bytes that unpack into {n_unpacked}: expected at most "
            f"{LARGEST_RATIO} times as many; if you trust it, save it as .npy"
        )


def unpack_gzip(path: Path) -> bytes:
    """Unpack a gzip file; no more than may be in it is ever unpacked.

    Raises
    ------
    DataError
        If it unpacks into too much.
    EOFError, OSError, zlib.error
        If it is damaged.
    """
    n_packed = path.stat().st_size
    with gzip.open(path) as file:
        content = file.read(max(HARMLESS_BYTES, LARGEST_RATIO * n_packed) + 1)
    check_unpacked(path, n_packed, len(content))
    return content
