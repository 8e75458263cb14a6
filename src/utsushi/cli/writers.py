"""Rows into files a block at a time, so that there may be more of them than memory holds.

A file appears whole or not at all. Only of a Parquet file that could not be finished, what was
written is kept, under a name that says so: it is readable up to its last complete row group.
"""

from __future__ import annotations

import errno
import os
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

from utsushi._utils.files import being_written
from utsushi.exceptions import DataError

__all__ = ["ROW_GROUP_ROWS", "write_blocks"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Rows: TypeAlias = NDArray[Any]
    Block: TypeAlias = tuple[Rows, Mapping[str, Rows]]

#: Rows of a block where the command chooses: a row group of a Parquet file.
ROW_GROUP_ROWS = 2**16

#: What a Parquet file says of its schema and of a row group takes, for each column, at most these.
FOOTER_BYTES = 1024


def write_blocks(
    path: str | Path, blocks: Iterable[Block], columns: Sequence[str], n_rows: int
) -> Path:
    """Write blocks of rows as the ending of ``path`` says: .npy, .npz, .csv or .parquet.

    Parameters
    ----------
    path : str or Path
        A name that `utsushi.cli.outputs.check_output` has passed.
    blocks : iterable of (ndarray of shape (b, d), mapping of str to ndarray of shape (b,))
        Rows, and more columns beside them, such as the labels; ``.npy`` leaves these out.
    columns : sequence of d str
        The names of the rows' columns, for CSV and Parquet.
    n_rows : int
        How many rows the blocks have in all.

    Returns
    -------
    Path

    Raises
    ------
    OSError
        If the disk is full. ``path`` is then as it was; of a Parquet file, the message says how
        many rows are kept, and where.
    """
    path = Path(path)
    with being_written(path) as file:
        writer = _WRITERS[path.suffix.lower()](path, file, columns, n_rows)
        try:
            for rows, extra in blocks:
                writer.write(rows, extra)
            writer.close()
        except BaseException as error:
            kept = writer.keep() if isinstance(error, OSError | DataError) else ""
            writer.abandon()
            if not kept:
                raise
            if isinstance(error, OSError):
                text = f"{error.strerror or error}; {kept}"
                raise OSError(error.errno, text, str(path)) from error
            raise DataError(f"{error}; {kept}") from error
    return path


class _Writer(ABC):
    """What is written to an open file, block by block."""

    def __init__(self, path: Path, file: BinaryIO, columns: Sequence[str], n_rows: int) -> None:
        self.path, self.file, self.columns, self.n_rows = path, file, columns, n_rows

    @abstractmethod
    def write(self, rows: Rows, extra: Mapping[str, Rows]) -> None:
        """Write a block."""

    def close(self) -> None:
        """Write what comes last."""
        return

    def keep(self) -> str:
        """Keep what is readable of a file that cannot be finished, and say so; or say nothing."""
        return ""

    def abandon(self) -> None:
        """Let go of a file that cannot be finished."""
        return


class _Npy(_Writer):
    """The rows as one array."""

    _stream: Any = None

    def write(self, rows: Rows, extra: Mapping[str, Rows]) -> None:
        if self._stream is None:
            self._stream = self.file
            _write_header(self._stream, rows, self.n_rows)
        self._stream.write(rows.tobytes())


class _Npz(_Writer):
    """The rows as the array X, and each of the other columns as an array."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        # Member by member: savez would take an array called "file" for its own argument.
        self._archive = zipfile.ZipFile(self.file, "w", zipfile.ZIP_DEFLATED)
        self._stream: Any = None
        self._others: dict[str, list[Rows]] = {}

    def write(self, rows: Rows, extra: Mapping[str, Rows]) -> None:
        if rows.shape[1]:
            if self._stream is None:
                self._stream = self._member("X")
                _write_header(self._stream, rows, self.n_rows)
            self._stream.write(rows.tobytes())
        for name, values in extra.items():
            self._others.setdefault(name, []).append(values)

    def close(self) -> None:
        import numpy as np

        if self._stream is not None:
            self._stream.close()
        for name, blocks in self._others.items():
            with self._member(name) as stream:
                values = np.concatenate(blocks)
                _write_header(stream, values, len(values))
                stream.write(values.tobytes())
        self._archive.close()

    def abandon(self) -> None:
        if self._stream is not None:
            with suppress(OSError):  # the disk may be full
                self._stream.close()
        self._archive.fp = None  # or it would be ended when it is collected

    def _member(self, name: str) -> Any:
        member = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
        member.compress_type = zipfile.ZIP_DEFLATED
        return self._archive.open(member, "w", force_zip64=True)


class _Csv(_Writer):
    """A line of column names, and a line for each row."""

    _written: Any = None

    def write(self, rows: Rows, extra: Mapping[str, Rows]) -> None:
        from pyarrow import csv

        table = _table(rows, self.columns, extra)
        if self._written is None:
            self._written = csv.CSVWriter(self.file, table.schema)
        self._written.write_table(table)

    def close(self) -> None:
        if self._written is not None:
            self._written.close()


class _Parquet(_Writer):
    """A row group for each block.

    Before a block is written, space is reserved for it and for the footer that would end the file
    after it. So it is known beforehand that a block has no room, and there always is room to end
    the file without it.
    """

    _written: Any = None
    _n_groups = _n_done = 0

    def write(self, rows: Rows, extra: Mapping[str, Rows]) -> None:
        from pyarrow import parquet

        table = _table(rows, self.columns, extra)
        footer = FOOTER_BYTES * table.num_columns * (self._n_groups + 2)
        # What cannot be compressed grows by a sixth at most.
        self._reserve(int(1.25 * table.nbytes) + FOOTER_BYTES * table.num_columns + footer)
        if self._written is None:
            # Numbers that are all different gain nothing from a dictionary.
            self._written = parquet.ParquetWriter(
                self.file, table.schema, use_dictionary=list(extra)
            )
        self._written.write_table(table)
        self._n_groups += 1
        self._n_done += len(rows)

    def close(self) -> None:
        if self._written is not None:
            self._written.close()
        self.file.truncate(self.file.tell())

    def keep(self) -> str:
        """End the file after its last complete row group, and move it beside where it belongs."""
        if not self._n_done:
            return ""
        self.close()
        self.file.close()  # Windows renames no open file
        kept = _free_name(self.path)
        os.replace(self.file.name, kept)
        return f"the first {self._n_done} of {self.n_rows} rows are readable in {str(kept)!r}"

    def _reserve(self, n_bytes: int) -> None:
        """Raise an `OSError` if the disk has no room for so many bytes more."""
        if not hasattr(os, "posix_fallocate"):
            return
        try:
            os.posix_fallocate(self.file.fileno(), self.file.tell(), n_bytes)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # nothing can be reserved there
                raise


_WRITERS: dict[str, type[_Writer]] = {
    ".npy": _Npy,
    ".npz": _Npz,
    ".csv": _Csv,
    ".parquet": _Parquet,
}


def _free_name(path: Path) -> Path:
    """Return a name for the part of a file that there is: NAME.part, or NAME.part2 and so on."""
    names = (f"{path.stem}.part{n}{path.suffix}" for n in chain([""], count(2)))
    return next(kept for kept in map(path.with_name, names) if not os.path.lexists(kept))


def _write_header(stream: Any, rows: Rows, n_rows: int) -> None:
    """Write what stands before the values of an .npy file."""
    from numpy.lib import format as npy

    described = {
        "descr": npy.dtype_to_descr(rows.dtype),
        "fortran_order": False,
        "shape": (n_rows, *rows.shape[1:]),
    }
    npy.write_array_header_1_0(stream, described)


def _table(rows: Rows, columns: Sequence[str], extra: Mapping[str, Rows]) -> Any:
    import numpy as np
    import pyarrow as pa

    names, arrays = [*columns, *extra], [*rows.T, *extra.values()]
    return pa.table([pa.array(np.ascontiguousarray(array)) for array in arrays], names=names)
