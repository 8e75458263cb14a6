"""Figures of residuals: where samples differ from their reconstructions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from utsushi.exceptions import DataError
from utsushi.figures.canvas import (
    ACCENT,
    GREY,
    INK,
    SMALL,
    TALLEST,
    finite_array,
    new_panels,
    settled,
    shortened,
    styled,
)
from utsushi.figures.images import draw_tiles, tiles_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["residual_bars", "residual_images"]

#: The share of the pixels that the colour scale covers; those above have the last colour.
_SHOWN = 0.995

#: What maps are by default.
QUANTITY = "squared residual, scaled units"
_BAR_HEIGHT = 0.75  # inches under the images, for the colour bar and its label
_LONGEST_NAME = 24  # characters of a column's name


@styled()
def residual_images(
    originals: ArrayLike,
    reconstructions: ArrayLike,
    maps: ArrayLike,
    image_shape: tuple[int, ...],
    *,
    labels: Sequence[str] = ("original", "reconstruction", "residual"),
    quantity: str = QUANTITY,
) -> Figure:
    """Draw a row of images, one of their reconstructions, and one of their residuals.

    Parameters
    ----------
    originals, reconstructions : array-like of shape (n_images, n_features)
        Intensities in [0, 1], flattened.
    maps : array-like of shape (n_images, n_features)
        The residual of each value, non-negative; summed over the channels of a pixel. All maps
        share one colour scale, from 0 (white) to the largest residual.
    image_shape : tuple of int
        ``(H, W)`` or ``(C, H, W)``, where C is 1 (grey) or 3 (colour).
    labels : sequence of three str
        What the three rows of images are.
    quantity : str, default="squared residual, scaled units"
        What the maps are.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        If the shapes differ, an array is empty or not finite, or the shape is not that of images.

    Examples
    --------
    >>> images = np.eye(64)[:5]
    >>> figure = residual_images(images, images / 2, images / 4, (8, 8))
    >>> [text.get_text() for text in figure.texts]
    ['original', 'reconstruction', 'residual']
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    tiles = [tiles_of(originals, image_shape), tiles_of(reconstructions, image_shape)]
    residuals = finite_array(maps, "maps", n_axes=2)
    if not np.shape(originals) == np.shape(reconstructions) == residuals.shape:
        raise DataError(
            f"originals, reconstructions and maps must have one shape, got {np.shape(originals)}, "
            f"{np.shape(reconstructions)} and {residuals.shape}. Pass those of the same samples."
        )
    heat = residuals.reshape(len(residuals), -1, *image_shape[-2:]).sum(axis=1)
    # Otherwise a few pixels of one image would make all others pale.
    strongest = float(np.quantile(heat, _SHOWN, method="higher")) or float(heat.max()) or 1.0
    scale = Normalize(0, strongest, clip=True)
    colours = LinearSegmentedColormap.from_list("residual", ["#ffffff", ACCENT, INK])
    tiles.append(np.asarray(colours(scale(heat), bytes=True)[..., :3]))

    figure = draw_tiles(tiles, n_columns=len(heat), labels=list(labels), below=_BAR_HEIGHT)
    images = figure.axes[0].get_position()
    inch = 1 / figure.get_figheight()
    # A few images are narrower than the label of the bar.
    width = max(images.width, min(1.0, 2.6 / figure.get_figwidth()))
    # Half of the last number lies beyond the bar, and the figure's edge would cut it.
    half = 0.15 / figure.get_figwidth()
    position = (images.x1 - width, (_BAR_HEIGHT - 0.2) * inch, width - half, 0.1 * inch)
    bar = figure.add_axes(position)
    figure.colorbar(ScalarMappable(scale, colours), cax=bar, orientation="horizontal")
    bar.set_xlabel(quantity, fontsize=SMALL, color=GREY, labelpad=2)
    return figure


@styled()
def residual_bars(
    maps: ArrayLike,
    columns: Sequence[str],
    titles: Sequence[str],
    *,
    n_columns: int = 5,
    quantity: str = QUANTITY,
) -> Figure:
    """Draw, for each row of a table, the columns with the largest residuals, in descending order.

    Parameters
    ----------
    maps : array-like of shape (n_rows, n_features)
        The residual of each value, non-negative. All rows share one scale.
    columns : sequence of n_features str
        The names of the columns.
    titles : sequence of n_rows str
        The titles of the rows.
    n_columns : int, default=5
        The number of columns to show per row.
    quantity : str, default="squared residual, scaled units"
        What the maps are.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        If ``maps`` is empty or not finite, or does not match the numbers of names and titles.

    Examples
    --------
    >>> figure = residual_bars([[0.1, 3.0]], ["height", "width"], ["row 7"])
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['width', 'height']
    """
    residuals = finite_array(maps, "maps", n_axes=2)
    if residuals.shape != (len(titles), len(columns)):
        raise DataError(
            "maps must have one title per row and one name per column, got the shape "
            f"{residuals.shape} with {len(titles)} titles and {len(columns)} names."
        )
    n_shown = min(n_columns, len(columns))
    height = len(residuals) * (0.24 * n_shown + 0.42) + 0.5
    figure, panels = new_panels(len(residuals), min(height, TALLEST))
    for axes, row, title in zip(panels, residuals, titles, strict=True):
        order = np.argsort(-row, kind="stable")[:n_shown]
        axes.barh(np.arange(n_shown), row[order], color=ACCENT, height=0.7)
        axes.set_yticks(
            np.arange(n_shown), [shortened(columns[index], _LONGEST_NAME) for index in order]
        )
        axes.tick_params(axis="y", length=0)
        axes.invert_yaxis()
        axes.set_title(title, fontsize=SMALL, pad=4)
    panels[-1].set_xlabel(quantity)
    panels[-1].set_xlim(0, float(residuals.max()) * 1.02 or 1.0)
    return settled(figure)
