"""Rows into files: the name's ending says which kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from utsushi._utils.files import write_whole
from utsushi.cli.writers import write_blocks
from utsushi.exceptions import SettingError

__all__ = ["check_output", "write_columns", "write_rows", "write_table"]

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from utsushi.estimators import BaseAutoencoder

    Rows: TypeAlias = NDArray[Any]


def check_output(
    path: str, kinds: Sequence[str], image_shape: tuple[int, ...] | None = None
) -> None:
    """Refuse a name before anything is computed.

    Parameters
    ----------
    path : str
        The file to write.
    kinds : sequence of str
        The endings that the command can write, such as ".npy".
    image_shape : tuple of int, optional
        Needed by ".png".

    Raises
    ------
    SettingError
        If the ending is none of them, or rows that are no images are to become a picture.
    """
    kind = Path(path).suffix.lower()
    if kind not in kinds:
        raise SettingError(f"--out {path!r}, expected a name that ends in {', '.join(kinds)}")
    if kind == ".png" and image_shape is None:
        raise SettingError(
            f"--out {path!r}, but a row of this model is no image; expected a name that ends in "
            f"{', '.join(k for k in kinds if k != '.png')}, or a model that was trained with "
            "--image-shape height,width"
        )


def write_rows(
    path: str,
    rows: Rows,
    columns: Sequence[str],
    *,
    extra: Mapping[str, Rows] | None = None,
    image_shape: tuple[int, ...] | None = None,
) -> Path:
    """Write rows whole or not at all, as the ending of ``path`` says.

    Parameters
    ----------
    path : str
        A name that `check_output` has passed.
    rows : ndarray of shape (n, d)
    columns : sequence of d str
        Their names, for CSV and Parquet.
    extra : mapping of str to ndarray of shape (n,), optional
        More columns, such as the labels; ``.npy`` leaves them out.
    image_shape : tuple of int, optional
        For ``.png``: a sheet of the rows as images.

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
    """Write rows that a model made: as the table that it learned from, where it knows one.

    ``.csv`` and ``.parquet`` have the table's own columns, with the names of categories; all else
    has the model's features. See `write_rows`.
    """
    columns = getattr(model, "columns_", None)
    if columns is not None and Path(path).suffix.lower() in (".csv", ".parquet"):
        return write_columns(path, columns.decode(rows))
    names = names or [f"x{index}" for index in range(rows.shape[1])]
    return write_rows(path, rows, names, **others)


def write_columns(path: str, columns: Mapping[str, Rows]) -> Path:
    """Write named columns of any types, ``.csv``, ``.parquet`` or ``.npz``, whole or not at all.

    Parameters
    ----------
    path : str
        A name that `check_output` has passed.
    columns : mapping of str to ndarray of shape (n,)
        In their order.

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
