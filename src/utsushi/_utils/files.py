"""Atomic writing of files and folders, and one-line descriptions of errors."""

from __future__ import annotations

import errno
import json
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

__all__ = [
    "being_written",
    "folder_being_written",
    "one_line",
    "read_regular",
    "write_json",
    "write_text",
    "write_whole",
]

#: The largest length of an error of another library in a message.
LONGEST_REASON = 200


def write_whole(path: str | Path, content: bytes) -> Path:
    """Write a file atomically: ``path`` has all of the new content, or the previous one.

    The bytes are written to a temporary file in the same folder, flushed to the disk, and renamed;
    the folder is flushed too, so that the new name survives a power cut.

    Parameters
    ----------
    path : str or Path
        The file to create or replace. Its folder is created if necessary.
    content : bytes
        The whole content.

    Returns
    -------
    Path
        ``path``, as a `pathlib.Path`.

    Raises
    ------
    OSError
        If the folder is not writable or the disk is full. ``path`` is then unchanged.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(f"{folder}/note.txt", b"kept").read_bytes()
    b'kept'
    """
    with being_written(path) as file:
        file.write(content)
    return Path(path)


def read_regular(path: str | Path) -> bytes:
    """Return the content of a regular file; reading a pipe might never end.

    Raises
    ------
    OSError
        If it cannot be read, or is not a regular file.

    Examples
    --------
    >>> read_regular(os.devnull)
    Traceback (most recent call last):
    ...
    OSError: [Errno 22] not a regular file: ...
    """
    path = Path(path)
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # reading a folder raises its own error
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return path.read_bytes()


@contextmanager
def being_written(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file for writing in pieces, as atomically as `write_whole`.

    The file gets the name ``path`` at the end of the block, unless the block raises an error.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with being_written(f"{folder}/note.txt") as file:
    ...         written = file.write(b"in ") + file.write(b"pieces")
    ...     Path(f"{folder}/note.txt").read_bytes()
    b'in pieces'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _flush(path.parent)


@contextmanager
def folder_being_written(
    path: str | Path, put: Callable[[Path, Path], object] = os.replace
) -> Iterator[Path]:
    """Create a folder atomically: it gets the name ``path`` at the end of the block.

    Parameters
    ----------
    path : str or Path
        Must not exist, unless ``put`` is given. Its parent is created if necessary.
    put : callable
        Moves its first argument, the new folder, to its second, ``path``.

    Yields
    ------
    Path
        A temporary folder to write into, removed if the block raises an error.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with folder_being_written(f"{folder}/notes") as part:
    ...         _ = (part / "one.txt").write_bytes(b"kept")
    ...     Path(f"{folder}/notes/one.txt").read_bytes()
    b'kept'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    part.mkdir()
    try:
        yield part
        for written in [*part.rglob("*"), part]:
            _flush(written)
        put(part, path)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    _flush(path.parent)


def write_text(path: str | Path, text: str) -> Path:
    """Write text as UTF-8, atomically."""
    return write_whole(path, text.encode("utf-8"))


def write_json(path: str | Path, value: Any) -> Path:
    """Write indented JSON, atomically; NaN and infinity raise ``ValueError``."""
    return write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def one_line(error: BaseException) -> str:
    r"""Return the message of an error on one line, shortened, or its class if it has none.

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
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"


def _flush(path: Path) -> None:
    """Flush a file, or the entries of a folder, to the disk, if the system supports it."""
    if os.name == "nt":  # Windows flushes only open files, and journals the rename.
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
