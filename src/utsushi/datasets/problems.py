"""One-line errors about files, made from whatever the library that read the file raised."""

from __future__ import annotations

from pathlib import Path

from utsushi._utils.files import one_line
from utsushi.exceptions import DataError

__all__ = ["unreadable"]


def unreadable(path: str | Path, expected: str, error: BaseException, fix: str) -> DataError:
    """Make the error for a file that is damaged, or is not what its name says.

    Examples
    --------
    >>> print(unreadable("a.npy", "a numpy array", EOFError("no data left"), "save it again"))
    a.npy cannot be read (no data left): expected a numpy array; save it again
    """
    return DataError(f"{path} cannot be read ({one_line(error)}): expected {expected}; {fix}")
