"""What is unusual about rows: where they depart from what a model makes of them."""

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

#: The part of the pixels that the colours tell apart; those above have the last colour.
_SHOWN = 0.995

_QUANTITY = "squared residual, scaled units"
_BAR_ROOM = 0.75  # inches under the images, for the colour bar and its words
_LONGEST_NAME = 24  # characters of a column's name


@styled()
def residual_images(
    originals: ArrayLike, copies: ArrayLike, maps: ArrayLike, image_shape: tuple[int, ...]
) -> Figure:
    """Draw images, their reconstructions under them, and under these where the two differ.

    Parameters
    ----------
    originals, copies : array-like of shape (n_images, n_features)
        Intensities in [0, 1], flattened.
    maps : array-like of shape (n_images, n_features)
        How much each value departs, not negative; the channels of a pixel are added up. All maps
        share one scale of colours, from nothing (white) to the largest of them.
    image_shape : tuple of int
        ``(H, W)`` or ``(C, H, W)``, where C is 1 (grey) or 3 (colour).

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        If the three differ in shape, hold nothing or what is not finite, or are no such images.

    Examples
    --------
    >>> images = np.eye(64)[:5]
    >>> figure = residual_images(images, images / 2, images / 4, (8, 8))
    >>> [text.get_text() for text in figure.texts]
    ['original', 'reconstruction', 'residual']
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    tiles = [tiles_of(originals, image_shape), tiles_of(copies, image_shape)]
    residuals = finite_array(maps, "maps", n_axes=2)
    if not np.shape(originals) == np.shape(copies) == residuals.shape:
        raise DataError(
            f"originals, copies and maps must have one shape, got {np.shape(originals)}, "
            f"{np.shape(copies)} and {residuals.shape}. Pass those of the same samples."
        )
    heat = residuals.reshape(len(residuals), -1, *image_shape[-2:]).sum(axis=1)
    # A few pixels of one image would leave all others pale.
    strongest = float(np.quantile(heat, _SHOWN, method="higher")) or float(heat.max()) or 1.0
    scale = Normalize(0, strongest, clip=True)
    colours = LinearSegmentedColormap.from_list("residual", ["#ffffff", ACCENT, INK])
    tiles.append(np.asarray(colours(scale(heat), bytes=True)[..., :3]))

    labels = ["original", "reconstruction", "residual"]
    figure = draw_tiles(tiles, n_columns=len(heat), labels=labels, below=_BAR_ROOM)
    images = figure.axes[0].get_position()
    inch = 1 / figure.get_figheight()
    # Few images are narrower than the words of the bar.
    width = max(images.width, min(1.0, 2.6 / figure.get_figwidth()))
    # The last numeral stands half beyond the bar, and would be cut where the picture ends.
    half = 0.15 / figure.get_figwidth()
    place = (images.x1 - width, (_BAR_ROOM - 0.2) * inch, width - half, 0.1 * inch)
    bar = figure.add_axes(place)
    figure.colorbar(ScalarMappable(scale, colours), cax=bar, orientation="horizontal")
    bar.set_xlabel(_QUANTITY, fontsize=SMALL, color=GREY, labelpad=2)
    return figure


@styled()
def residual_bars(
    maps: ArrayLike, columns: Sequence[str], titles: Sequence[str], *, n_columns: int = 5
) -> Figure:
    """Draw, for each row of a table, the columns that depart the most, the first one above.

    Parameters
    ----------
    maps : array-like of shape (n_rows, n_features)
        How much each value departs, not negative. All rows share one scale.
    columns : sequence of n_features str
        The names of the columns.
    titles : sequence of n_rows str
        What the rows are called.
    n_columns : int, default=5
        The columns to show of each row.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        If there is nothing to draw, a value is not finite, or there are other numbers of names.

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
    shown = min(n_columns, len(columns))
    tall = len(residuals) * (0.24 * shown + 0.42) + 0.5
    figure, panels = new_panels(len(residuals), min(tall, TALLEST))
    for axes, row, title in zip(panels, residuals, titles, strict=True):
        order = np.argsort(-row, kind="stable")[:shown]
        axes.barh(np.arange(shown), row[order], color=ACCENT, height=0.7)
        axes.set_yticks(
            np.arange(shown), [shortened(columns[index], _LONGEST_NAME) for index in order]
        )
        axes.tick_params(axis="y", length=0)
        axes.invert_yaxis()
        axes.set_title(title, fontsize=SMALL, pad=4)
    panels[-1].set_xlabel(_QUANTITY)
    panels[-1].set_xlim(0, float(residuals.max()) * 1.02 or 1.0)
    return settled(figure)
