"""One-line errors about files, made from whatever the library that read the file raised."""

from __future__ import annotations

from pathlib import Path

from utsushi.exceptions import DataError

__all__ = ["one_line", "unreadable"]

_LONGEST = 200


def one_line(error: BaseException) -> str:
    r"""Give the message of ``error`` on one line, shortened, or its class where it has none.

    Examples
    --------
    >>> one_line(ValueError("first\n  second"))
    'first second'
    >>> one_line(EOFError())
    'EOFError'
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def unreadable(path: str | Path, expected: str, error: BaseException, fix: str) -> DataError:
    """Make the error for a file that is damaged, or is not what its name says.

    Examples
    --------
    >>> print(unreadable("a.npy", "a numpy array", EOFError("no data left"), "save it again"))
    a.npy cannot be read (no data left): expected a numpy array; save it again
    """
    return DataError(f"{path} cannot be read ({one_line(error)}): expected {expected}; {fix}")
