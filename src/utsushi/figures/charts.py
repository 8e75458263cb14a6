"""Line and bar charts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from utsushi.exceptions import DataError
from utsushi.figures.canvas import (
    ACCENT,
    CLASSES,
    GREY,
    INK,
    PALE,
    SMALL,
    TEXT,
    finite_array,
    new_axes,
    settled,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["component_bars", "learning_curves", "part_bars"]

_DASHES = (0, (4, 3))
_MOST_NUMERALS = 25  # under the bars, so that they do not overlap


@styled()
def learning_curves(
    curves: Mapping[str, Sequence[float]],
    *,
    ylabel: str,
    reference: Mapping[str, float] | None = None,
) -> Figure:
    """Draw one line per quantity over the epochs, labelled at its end.

    Parameters
    ----------
    curves : mapping of str to sequence of float
        Names, and their values after epoch 1, 2, …. Values that are not finite are left out.
    ylabel : str
        The quantity and its unit.
    reference : mapping of str to float, optional
        Finite values to compare with, drawn as dashed lines.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        If no curve has a finite value.

    Examples
    --------
    >>> figure = learning_curves({"train": [3.0, 1.0, 0.5]}, ylabel="loss", reference={"PCA": 2})
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['train', 'PCA']
    """
    from matplotlib.ticker import MaxNLocator

    figure, axes = new_axes(height=3.6)
    ends: dict[str, tuple[float, str]] = {}
    colours = cycle((ACCENT, INK, *CLASSES))
    for name, values in curves.items():
        line = np.asarray(values, dtype=np.float64)
        epochs = 1 + np.flatnonzero(np.isfinite(line))
        if epochs.size:
            colour = next(colours)
            marker = "o" if epochs.size == 1 else ""
            axes.plot(epochs, line[epochs - 1], color=colour, marker=marker)
            ends[name] = (float(line[epochs[-1] - 1]), colour)
    if not ends:
        raise DataError(
            f"curves must hold a finite value, got {list(curves)} without one. Train for at least "
            "one epoch."
        )
    for name, level in (reference or {}).items():
        axes.axhline(level, color=GREY, linewidth=1.2, linestyle=_DASHES, zorder=1)
        ends[name] = (float(level), GREY)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10], min_n_ticks=1))
    axes.set_xlim(0.5, axes.dataLim.xmax + 0.5)
    axes.set(xlabel="Epoch", title=ylabel)
    _show_zero(axes)
    _name_ends(axes, ends, height=0.75 * 72 * figure.get_figheight())
    return settled(figure)


@styled()
def component_bars(values: ArrayLike, *, ylabel: str, dead_below: float = 0.1) -> Figure:
    """Draw one bar per component of the code in descending order; unused ones are grey.

    Parameters
    ----------
    values : array-like of shape (n_components,)
        A value per component, such as its KL divergence in nats. Components are numbered from 1.
    ylabel : str
        The quantity and its unit.
    dead_below : float, default=0.1
        A component below this value, in the same unit, counts as unused.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        If there is no component, or a value is not finite.

    Examples
    --------
    >>> figure = component_bars([0.02, 1.5, 0.8], ylabel="KL divergence (nats)")
    >>> [float(bar.get_height()) for bar in figure.axes[0].patches]
    [1.5, 0.8, 0.02]
    """
    heights = finite_array(values, "values", n_axes=1)
    order = np.argsort(-heights, kind="stable")
    dead = heights[order] < dead_below
    figure, axes = new_axes(height=3.2)
    positions = np.arange(len(order))
    axes.bar(positions, heights[order], color=np.where(dead, GREY, ACCENT), width=0.7)
    step = -(-len(order) // _MOST_NUMERALS)
    axes.set_xticks(positions[::step], [str(index + 1) for index in order[::step]])
    axes.tick_params(axis="x", length=0)
    axes.set(xlabel="Component of the code", title=ylabel)
    if dead.any():
        note = f"{dead.sum()} of {len(order)} below {dead_below:g}"
        axes.set_title(note, loc="right", color=GREY, fontsize=SMALL)
    return settled(figure)


@styled()
def part_bars(parts: Mapping[str, float], *, xlabel: str) -> Figure:
    """Draw the parts of a whole as horizontal bars with their names, in descending order.

    Parameters
    ----------
    parts : mapping of str to float
        Parts from 0 to 1, such as how much of a variance each setting explains.
    xlabel : str
        The label of the axis: the whole.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        If there are no parts, or one is not finite.

    Examples
    --------
    >>> figure = part_bars({"width": 0.2, "rate": 0.8}, xlabel="Part of the variance")
    >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
    ['rate', 'width']
    """
    names = sorted(parts, key=lambda name: -parts[name])
    widths = finite_array([parts[name] for name in names], "parts", n_axes=1)
    figure, axes = new_axes(height=0.9 + 0.32 * len(names))
    positions = np.arange(len(names))
    axes.barh(positions, widths, color=ACCENT, height=0.7)
    axes.set_yticks(positions, names)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set(xlabel=xlabel, xlim=(0, 1.02))
    return settled(figure)


def _show_zero(axes: Axes) -> None:
    """Start the vertical axis at zero, unless that would make the curves look flat."""
    bottom, top = axes.dataLim.intervaly
    if 0 <= bottom < 0.6 * top or 0 < bottom == top:
        axes.set_ylim(bottom=0)
    elif bottom < 0 < top:
        axes.axhline(0, color=PALE, linewidth=1, zorder=0)


def _name_ends(axes: Axes, ends: Mapping[str, tuple[float, str]], height: float) -> None:
    """Write names right of axes of ``height`` points, near their values but not overlapping."""
    from sklearn.isotonic import isotonic_regression

    names = sorted(ends, key=lambda name: ends[name][0])
    bottom, top = axes.get_ylim()
    targets = np.array([(ends[name][0] - bottom) / (top - bottom) for name in names])
    # Least-squares positions that are at least one line apart are an isotonic regression after
    # subtracting the lines.
    steps = 1.35 * TEXT / height * np.arange(len(names))
    positions = isotonic_regression(targets - steps) + steps
    for name, position in zip(names, positions, strict=True):
        axes.annotate(
            name,
            (1.02, float(position)),
            xycoords="axes fraction",
            color=ends[name][1],
            va="center",
        )
