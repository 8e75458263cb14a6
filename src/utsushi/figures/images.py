"""Grids and rows of images, drawn as one mosaic with sharp pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from utsushi.exceptions import DataError, SettingError
from utsushi.figures.canvas import DPI, TEXT, finite_array, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_tiles", "image_grid", "image_rows", "tiles_of", "within_range_of"]

_MOSAIC_WIDTH = 900  # pixels, about the width of a row of images in the PNG file
_LARGEST_TILE = 150  # pixels, so that two digits do not fill the page


@styled()
def image_grid(images: ArrayLike, image_shape: tuple[int, ...], *, n_columns: int = 10) -> Figure:
    """Draw images in reading order, with each pixel as a sharp square.

    Parameters
    ----------
    images : array-like of shape (n_images, n_features)
        Intensities in [0, 1], flattened; other values are clipped.
    image_shape : tuple of int
        ``(H, W)`` or ``(C, H, W)``, where C is 1 (grey) or 3 (colour).
    n_columns : int, default=10
        Images per row. Fewer images make a narrower figure.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        If there are no images, an image is not finite, or the shape does not match the features.
    SettingError
        If ``n_columns`` is not positive.

    Examples
    --------
    >>> figure = image_grid(np.eye(64), (8, 8), n_columns=16)
    >>> figure.axes[0].images[0].get_array().shape  # 4 rows and 16 columns, with gaps of 1 pixel
    (35, 143, 3)
    """
    if n_columns < 1:
        raise SettingError(f"n_columns must be a positive integer, got {n_columns}.")
    tiles = tiles_of(images, image_shape)
    rows = [tiles[start : start + n_columns] for start in range(0, len(tiles), n_columns)]
    return draw_tiles(rows, n_columns=n_columns)


@styled()
def image_rows(rows: Sequence[tuple[str, ArrayLike]], image_shape: tuple[int, ...]) -> Figure:
    """Draw labelled rows of images, to compare them from top to bottom.

    Parameters
    ----------
    rows : sequence of (str, array-like of shape (n_images, n_features))
        A label and its images, the top row first. Rows may differ in length.
    image_shape : tuple of int
        As in `image_grid`.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        If there is no row or an empty one, or the shape does not match the features.

    Examples
    --------
    >>> digits = np.eye(64)[:5]
    >>> figure = image_rows([("original", digits), ("reconstruction", digits / 2)], (8, 8))
    >>> [text.get_text() for text in figure.texts]
    ['original', 'reconstruction']
    """
    if not rows:
        raise DataError("rows must have at least one (label, images) pair, got none.")
    tiles = [tiles_of(images, image_shape) for _, images in rows]
    longest = max(len(row) for row in tiles)
    return draw_tiles(tiles, n_columns=longest, labels=[label for label, _ in rows])


def within_range_of(originals: ArrayLike, images: ArrayLike) -> NDArray[np.float64]:
    """Scale images to [0, 1] by the range of the originals, which includes [0, 1].

    Parameters
    ----------
    originals : array-like of shape (m, d)
        The images that determine the range.
    images : array-like of shape (n, d)
        The images to scale.

    Returns
    -------
    ndarray of shape (n, d)

    Examples
    --------
    >>> within_range_of([[0.0, 4.0]], [[1.0, 2.0]])
    array([[0.25, 0.5 ]])
    """
    values = np.asarray(originals)
    low, high = min(0.0, float(values.min())), max(1.0, float(values.max()))
    return np.asarray((np.asarray(images) - low) / (high - low))


def tiles_of(images: ArrayLike, image_shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return images as uint8 pixels of shape (n_images, H, W, 3)."""
    shape = (1, *image_shape) if len(image_shape) == 2 else tuple(image_shape)
    if len(shape) != 3 or shape[0] not in (1, 3):
        raise DataError(
            f"image_shape must be (H, W) or (C, H, W) with C 1 or 3, got {image_shape}. A table "
            "has no images to draw."
        )
    X = finite_array(images, "images", n_axes=2)
    if X.shape[1] != math.prod(shape):
        raise DataError(
            f"images must have {math.prod(shape)} features for image_shape {image_shape}, got "
            f"{X.shape[1]}. Pass the shape of the images before they were flattened."
        )
    pixels = np.rint(np.clip(X, 0, 1) * 255).astype(np.uint8)
    last = pixels.reshape(-1, *shape).transpose(0, 2, 3, 1)
    return np.broadcast_to(last, (*last.shape[:3], 3))


def _mosaic(rows: Sequence[NDArray[np.uint8]], gap: int) -> NDArray[np.uint8]:
    """Arrange rows of tiles on a white background with even gaps."""
    height, width = rows[0].shape[1:3]
    n_columns = max(len(row) for row in rows)
    shape = (len(rows) * (height + gap) - gap, n_columns * (width + gap) - gap, 3)
    mosaic = np.full(shape, 255, dtype=np.uint8)
    for i, row in enumerate(rows):
        for j, tile in enumerate(row):
            top, left = i * (height + gap), j * (width + gap)
            mosaic[top : top + height, left : left + width] = tile
    return mosaic


def draw_tiles(
    rows: Sequence[NDArray[np.uint8]],
    *,
    n_columns: int,
    labels: Sequence[str] = (),
    below: float = 0.0,
) -> Figure:
    """Draw rows of tiles so that an image pixel is a whole number of pixels of the file.

    ``below`` inches under them stay free.
    """
    from matplotlib.figure import Figure

    height, width = rows[0].shape[1:3]
    gap = max(1, round(min(height, width) / 14))
    scale = max(1, min(_LARGEST_TILE // width, round(_MOSAIC_WIDTH / (n_columns * (width + gap)))))
    mosaic = _mosaic(rows, gap)
    across, down = mosaic.shape[1] * scale, mosaic.shape[0] * scale
    size = TEXT * max(1.0, across / _MOSAIC_WIDTH)  # in proportion to a large picture
    margin = _label_width(labels, size) if labels else 0

    # Without the millionth, matplotlib would round 79 / 150 * 150 down to 78.
    total, tall = margin + across, down + round(below * DPI)
    figure = Figure(figsize=((total + 1e-6) / DPI, (tall + 1e-6) / DPI), dpi=DPI)
    axes = figure.add_axes((margin / total, 1 - down / tall, across / total, down / tall))
    axes.set_axis_off()
    axes.imshow(mosaic, interpolation="nearest", aspect="auto")
    for i, label in enumerate(labels):
        middle = (i * (height + gap) + height / 2) / mosaic.shape[0] * down / tall
        figure.text(0, 1 - middle, label, fontsize=size, ha="left", va="center")
    return figure


def _label_width(labels: Sequence[str], size: float) -> int:
    """Return the width of the widest label in pixels, with a margin to the images."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(size=size)
    lines = [line for label in labels for line in label.splitlines() if line.strip()]
    widths = [TextPath((0, 0), line, prop=font).get_extents().width for line in lines]
    return math.ceil((max(widths, default=0) + size) * DPI / 72)
