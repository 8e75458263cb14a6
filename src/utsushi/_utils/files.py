"""Files and folders that appear whole or not at all, and what is wrong with them, in a line."""

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

#: Characters of a reason that another library gave.
LONGEST_REASON = 200


def write_whole(path: str | Path, content: bytes) -> Path:
    """Write ``content`` so that ``path`` holds either all of it or what it held before.

    The bytes go to a temporary name in the same folder, are flushed to the disk, and take the
    final name in one step; the folder is flushed too, so that the name survives a power cut.

    Parameters
    ----------
    path : str or Path
        The file to create or replace. Its folder is created if need be.
    content : bytes
        The whole content.

    Returns
    -------
    Path
        ``path``, as a `pathlib.Path`.

    Raises
    ------
    OSError
        If the folder cannot be written to, or the disk is full. ``path`` is then as it was.

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
    """Return the content of a regular file; to read a pipe might never end.

    Raises
    ------
    OSError
        If there is none that can be read.

    Examples
    --------
    >>> read_regular(os.devnull)
    Traceback (most recent call last):
    ...
    OSError: [Errno 22] no regular file: ...
    """
    path = Path(path)
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # what a folder is, reading it says
        raise OSError(errno.EINVAL, "no regular file", str(path))
    return path.read_bytes()


@contextmanager
def being_written(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file to write in pieces, which takes the name ``path`` when all of it is there.

    What is true of `write_whole` is true of it; if the block fails, ``path`` is as it was.

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
    """Give a folder to write into, which takes the name ``path`` when all of it is on the disk.

    Parameters
    ----------
    path : str or Path
        Where nothing stands yet, if ``put`` is left out. Its folder is created if need be.
    put : callable
        Moves its first argument, the folder that was written, to its second, ``path``.

    Yields
    ------
    Path
        A folder beside ``path``, removed if an exception leaves the block.

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
    """Write ``text`` as UTF-8, whole or not at all; see `write_whole`."""
    return write_whole(path, text.encode("utf-8"))


def write_json(path: str | Path, value: Any) -> Path:
    """Write ``value`` as indented JSON, whole or not at all; NaN and infinity are refused."""
    return write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


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
    return text if len(text) <= LONGEST_REASON else text[: LONGEST_REASON - 1] + "…"


def _flush(path: Path) -> None:
    """Flush a file, or a folder's entries, to the disk, where the system can do that."""
    if os.name == "nt":  # Windows flushes for writers alone, and journals the rename itself.
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
