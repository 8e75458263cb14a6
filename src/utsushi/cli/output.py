"""Output of commands: notes and tables on the terminal, samples in files.

The suffix of a file's name determines its format. Files are replaced atomically, and written in
blocks, so that they may be larger than memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, BinaryIO, TypeAlias

import typer

from utsushi._utils.files import being_written, write_whole
from utsushi.cli.options import as_options
from utsushi.exceptions import SettingError

__all__ = [
    "BLOCK_ROWS",
    "as_text",
    "check_output",
    "note",
    "note_skipped",
    "progress_bar",
    "report_command",
    "write_blocks",
    "write_columns",
    "write_rows",
    "write_table",
]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from utsushi.estimators import BaseAutoencoder
    from utsushi.report import Table

    Rows: TypeAlias = NDArray[Any]
    Block: TypeAlias = tuple[Rows, Mapping[str, Rows]]

#: Samples in a block, and so in a row group of a Parquet file.
BLOCK_ROWS = 2**16

# --- on the terminal ----------------------------------------------------------------------------


def note(text: str) -> None:
    """Print a note on stderr; stdout is for data."""
    typer.echo(text, err=True)


def note_skipped(skipped: Sequence[str], name: str) -> None:
    """Print how many images of a source cannot be read, and why."""
    if skipped:
        images = "1 image was" if len(skipped) == 1 else f"{len(skipped)} images were"
        note(f"{images} left out of {name}:")
    for reason in skipped:
        note(f"  {reason}")


def report_command(run: str | Path, language: str) -> str:
    """Return the command that makes the report of a run trained without one."""
    return f"utsushi report {quote(str(run))}" + ("" if language == "en" else f" --lang {language}")


@contextmanager
def progress_bar(title: str, n_rows: int) -> Iterator[Callable[[int], None]]:
    """Show progress and remaining time on stderr, if it is a terminal.

    Yields a function to call with the number of samples processed since the last call.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.completed:,} of {task.total:,} samples"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=n_rows)
        yield lambda n_done: progress.advance(task, n_done)


def as_text(tables: Sequence[Table]) -> str:
    """Return tables as text: names aligned left, numbers right.

    Tables with the same headings have the same widths. Notes follow their tables, with
    parameters written as options. Captions are left out.
    """
    from rich.cells import cell_len

    alike: dict[tuple[str, ...], list[Sequence[str]]] = {}
    for table in tables:
        alike.setdefault(table.columns[1:], []).extend((table.columns, *table.rows))
    # str.ljust would count wide characters, of two cells, as one.
    widths = {
        heads: [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
        for heads, lines in alike.items()
    }

    def aligned(line: Sequence[str], heads: tuple[str, ...]) -> str:
        cells = zip(widths[heads], line, strict=True)
        pads = [" " * (width - cell_len(cell)) for width, cell in cells]
        numbers = [pad + cell for pad, cell in zip(pads[1:], line[1:], strict=True)]
        return "  ".join([line[0] + pads[0], *numbers]).rstrip()

    return "\n\n".join(
        "\n".join(
            [
                *(aligned(line, table.columns[1:]) for line in (table.columns, *table.rows)),
                *(() if table.note is None else as_options(table.note).splitlines()),
            ]
        )
        for table in tables
    )


# --- in files ----------------------------------------------------------------------------------


def check_output(
    path: str, kinds: Sequence[str], image_shape: tuple[int, ...] | None = None
) -> None:
    """Check the name of an output file, before anything is computed.

    Parameters
    ----------
    path : str
        The file to write.
    kinds : sequence of str
        The suffixes that the command can write, such as ".npy".
    image_shape : tuple of int, optional
        Required by ".png".

    Raises
    ------
    SettingError
        If the suffix is not one of ``kinds``, or is .png for samples that are not images.
    """
    kind = Path(path).suffix.lower()
    if kind not in kinds:
        raise SettingError(f"--out must end in {', '.join(kinds)}, got {path!r}.")
    if kind == ".png" and image_shape is None:
        raise SettingError(
            f"--out must end in {', '.join(k for k in kinds if k != '.png')} for samples that are "
            f"not images, got {path!r}. For a picture, train the model with "
            "--image-shape height,width."
        )


def write_rows(
    path: str,
    rows: Rows,
    columns: Sequence[str],
    *,
    extra: Mapping[str, Rows] | None = None,
    image_shape: tuple[int, ...] | None = None,
) -> Path:
    """Write samples in the format of the suffix of ``path``.

    Parameters
    ----------
    path : str
        A name that passed `check_output`.
    rows : ndarray of shape (n, d)
    columns : sequence of d str
        The names of the columns, for CSV and Parquet.
    extra : mapping of str to ndarray of shape (n,), optional
        More columns, such as the labels; ``.npy`` leaves them out.
    image_shape : tuple of int, optional
        The shape of the images, for ``.png``: a grid of all images.

    Returns
    -------
    Path
    """
    if path.lower().endswith(".png"):
        return write_whole(path, _png(rows, image_shape or ()))
    return write_blocks(path, [(rows, extra or {})], columns, len(rows))


def write_table(
    path: str, rows: Rows, model: BaseAutoencoder, names: Sequence[str] | None, **others: Any
) -> Path:
    """Write samples that a model computed, see `write_rows`.

    If the model was trained on a table, ``.csv`` and ``.parquet`` have the columns of that table;
    other files have the model's features.
    """
    columns = getattr(model, "columns_", None)
    if columns is not None and Path(path).suffix.lower() in (".csv", ".parquet"):
        return write_columns(path, columns.decode(rows))
    names = names or [f"x{index}" for index in range(rows.shape[1])]
    return write_rows(path, rows, names, **others)


def write_columns(path: str, columns: Mapping[str, Rows]) -> Path:
    """Write named columns of any types as ``.csv``, ``.parquet`` or ``.npz``.

    Parameters
    ----------
    path : str
        A name that passed `check_output`.
    columns : mapping of str to ndarray of shape (n,)
        The columns, in order.

    Returns
    -------
    Path
    """
    import numpy as np

    nothing = np.empty((len(next(iter(columns.values()))), 0))
    return write_blocks(path, [(nothing, columns)], (), len(nothing))


def _png(rows: Rows, image_shape: tuple[int, ...]) -> bytes:
    from utsushi.figures import image_grid, to_png

    return to_png(image_grid(rows, image_shape))


def write_blocks(
    path: str | Path, blocks: Iterable[Block], columns: Sequence[str], n_rows: int
) -> Path:
    """Write blocks of samples to one file, ``.npy``, ``.npz``, ``.csv`` or ``.parquet``.

    Parameters
    ----------
    path : str or Path
        A name that passed `check_output`.
    blocks : iterable of (ndarray of shape (b, d), mapping of str to ndarray of shape (b,))
        Samples, and further columns such as the labels; ``.npy`` leaves these out.
    columns : sequence of d str
        The names of the samples' columns, for CSV and Parquet.
    n_rows : int
        The number of samples in all blocks.

    Returns
    -------
    Path

    Raises
    ------
    OSError
        If the disk is full. ``path`` is then unchanged.
    """
    path = Path(path)
    with being_written(path) as file:
        _WRITERS[path.suffix.lower()](file, iter(blocks), columns, n_rows)
    return path


def _write_npy(file: BinaryIO, blocks: Iterator[Block], _: Sequence[str], n_rows: int) -> None:
    """Write the samples as one array."""
    _write_array(file, (rows for rows, _ in blocks), n_rows)


def _write_npz(file: BinaryIO, blocks: Iterator[Block], _: Sequence[str], n_rows: int) -> None:
    """Write the samples as the array X, and each further column as an array."""
    import zipfile

    extra_columns: dict[str, list[Rows]] = {}

    def samples() -> Iterator[Rows]:
        for rows, extra in blocks:
            for name, values in extra.items():
                extra_columns.setdefault(name, []).append(values)
            yield rows

    def member(name: str) -> Any:
        info = zipfile.ZipInfo(f"{name}.npy", date_time=(1980, 1, 1, 0, 0, 0))
        info.compress_type = zipfile.ZIP_DEFLATED
        return archive.open(info, "w", force_zip64=True)

    arrays = samples()
    # numpy.savez would need all arrays in memory, and reserves the name "file".
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        first = next(arrays)
        if first.shape[1]:
            with member("X") as stream:
                _write_array(stream, chain([first], arrays), n_rows)
        deque(arrays, maxlen=0)
        for name, blocks_of_column in extra_columns.items():
            with member(name) as stream:
                _write_array(stream, blocks_of_column, n_rows)


def _write_array(stream: Any, blocks: Iterable[Rows], n_rows: int) -> None:
    """Write an array of ``n_rows`` in NumPy's format from consecutive blocks."""
    from numpy.lib import format as npy

    for index, block in enumerate(blocks):
        if index == 0:
            header = npy.header_data_from_array_1_0(block)
            shape = (n_rows, *block.shape[1:])
            npy.write_array_header_1_0(stream, header | {"shape": shape, "fortran_order": False})
        stream.write(block.tobytes())


def _write_csv(
    file: BinaryIO, blocks: Iterator[Block], columns: Sequence[str], n_rows: int
) -> None:
    """Write a line of column names, and a line for each sample."""
    from pyarrow import csv

    first, tables = _tables(blocks, columns)
    with csv.CSVWriter(file, first.schema) as writer:
        for table in tables:
            writer.write_table(table)


def _write_parquet(
    file: BinaryIO, blocks: Iterator[Block], columns: Sequence[str], n_rows: int
) -> None:
    """Write a row group for each block."""
    from pyarrow import parquet

    first, tables = _tables(blocks, columns)
    # A dictionary does not compress numbers that are all different.
    texts = first.column_names[len(columns) :]
    with parquet.ParquetWriter(file, first.schema, use_dictionary=texts) as writer:
        for table in tables:
            writer.write_table(table)


def _tables(blocks: Iterator[Block], columns: Sequence[str]) -> tuple[Any, Iterator[Any]]:
    """Return the first block as an Arrow table, and an iterator over all blocks as tables."""
    import numpy as np
    import pyarrow as pa

    def table(block: Block) -> Any:
        rows, extra = block
        arrays = [
            pa.array(array if isinstance(array, list) else np.ascontiguousarray(array))
            for array in (*rows.T, *extra.values())
        ]
        return pa.table(arrays, names=[*columns, *extra])

    first = table(next(blocks))
    return first, chain([first], map(table, blocks))


_WRITERS: dict[str, Callable[[BinaryIO, Iterator[Block], Sequence[str], int], None]] = {
    ".npy": _write_npy,
    ".npz": _write_npz,
    ".csv": _write_csv,
    ".parquet": _write_parquet,
}
