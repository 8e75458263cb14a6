"""Real and synthetic tables side by side: their columns, and how these depend on each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from utsushi.exceptions import DataError
from utsushi.figures.canvas import (
    ACCENT,
    CLASSES,
    GREY,
    PALE,
    SMALL,
    finite_array,
    new_grid,
    settled,
    shortened,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["association_matrices", "column_histograms"]

#: Part of the rows that a histogram's axis spans; the rest is in its first and last bin.
_SPANNED = 0.99

_N_BINS = 24
_MOST_BARS = 8  # categories; rarer ones are one bar
_LONGEST_LABEL = 14  # characters of a category's or a column's name
_TICK = SMALL - 1.5  # points, of numerals and names under and left of small panels

#: How the two tables are drawn, the first one under the second.
_STYLES: tuple[dict[str, Any], dict[str, Any]] = (
    {"facecolor": PALE, "fill": True},
    {"facecolor": "none", "edgecolor": ACCENT, "linewidth": 1.6, "fill": False},
)


@styled()
def column_histograms(
    real: Mapping[str, ArrayLike],
    synthetic: Mapping[str, ArrayLike],
    *,
    labels: Sequence[str] = ("real", "synthetic"),
    n_columns: int = 3,
) -> Figure:
    """Draw the histograms of the columns of two tables on top of each other, a panel for each.

    Parameters
    ----------
    real, synthetic : mapping of str to array-like of shape (n,)
        Columns by name, of any two lengths: ``dict(df)`` for pandas, ``df.to_dict()`` for polars.
        Numbers and dates have bins, which span 99 % of both tables; all other values are
        categories, of which the eight most frequent have a bar of their own. NaN, NaT and None are
        gaps, whose shares are in the title.
    labels : sequence of two str, default=("real", "synthetic")
        The names of the two tables.
    n_columns : int >= 1, default=3
        Panels next to each other.

    Returns
    -------
    Figure

    Raises
    ------
    DataError
        If there is no column, or a table lacks a column or has no rows.

    Examples
    --------
    >>> figure = column_histograms(
    ...     {"age": [31, 54, 40], "town": ["Oslo", "Kobe", None]},
    ...     {"age": [33, 50, 41], "town": ["Oslo", "Oslo", "Kobe"]},
    ... )
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['age', 'town']
    """
    from matplotlib.patches import Patch

    if not real:
        raise DataError("real must have at least one column, got none.")
    lacking = [name for name in real if name not in synthetic]
    if lacking:
        raise DataError(f"synthetic must have the columns of real, but lacks {lacking[0]!r}.")
    n_columns = min(n_columns, len(real))
    figure, panels = new_grid(len(real), n_columns, height=1.75)
    for axes, name in zip(panels, real, strict=True):
        columns = [_as_column(table[name]) for table in (real, synthetic)]
        if not all(len(column) for column in columns):
            raise DataError(f"column {name!r} must have at least one row in both tables, got none.")
        gaps = [_is_missing(column) for column in columns]
        present = [column[~gap] for column, gap in zip(columns, gaps, strict=True)]
        axes.set_title(shortened(str(name), _LONGEST_LABEL + 6), fontsize=SMALL, pad=6)
        if any(gap.any() for gap in gaps):
            shares = " / ".join(f"{100 * gap.mean():.0f}" for gap in gaps)
            note = f"{shares} % gaps"
            axes.set_title(note, loc="right", color=GREY, fontsize=_TICK, pad=6)
        draw = _draw_numbers if columns[0].dtype.kind in "iufM" else _draw_categories
        draw(axes, present)
    handles = [Patch(**style, label=label) for style, label in zip(_STYLES, labels, strict=True)]
    figure.legend(handles=handles, loc="outside upper left", ncols=2, frameon=False)
    return settled(figure)


def _as_column(values: ArrayLike) -> NDArray[Any]:
    """Return a column as an array: numbers as float64, dates, or objects."""
    column: NDArray[Any] = np.asarray(values)
    if column.dtype.kind in "iuf":
        return column.astype(np.float64)
    if column.dtype.kind == "M":
        return column
    column = column.astype(object)
    missing = _is_missing(column)
    # Numbers with None among them are objects.
    if not missing.all() and all(type(value) in (int, float) for value in column[~missing]):
        column[missing] = np.nan
        return column.astype(np.float64)
    return column


def _is_missing(column: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where a column has NaN, NaT, None or pandas' NA."""
    if column.dtype.kind in "fM":
        missing: NDArray[np.bool_] = np.isnan(column)
        return missing
    return np.array(
        [
            value is None or type(value).__name__ in ("NAType", "NaTType") or value != value  # noqa: PLR0124
            for value in column
        ],
        dtype=bool,
    )


def _draw_numbers(axes: Axes, present: Sequence[NDArray[Any]]) -> None:
    """Draw two histograms of numbers or dates, as shares of the present values."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import EngFormatter, MaxNLocator

    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    is_date = any(column.dtype.kind == "M" for column in present)
    if is_date:
        present = [column.astype("datetime64[s]").astype(np.float64) / 86_400 for column in present]
    if not any(len(column) for column in present):
        return
    edges = _edges(np.concatenate(present), [len(column) for column in present])
    for column, style in zip(present, _STYLES, strict=True):
        if len(column):
            counts, _ = np.histogram(column.clip(edges[0], edges[-1]), edges)
            axes.stairs(counts / len(column), edges, **style)
    if is_date:
        locator = AutoDateLocator(minticks=1, maxticks=5)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    else:
        whole = bool(np.ptp(edges) > 1 and (edges % 1 == 0.5).all())
        largest = np.abs(edges).max()
        n_ticks = 4 if largest < 1_000 or largest >= 10_000 else 3  # years would touch each other
        axes.xaxis.set_major_locator(MaxNLocator(n_ticks, integer=whole))
        if largest >= 10_000:
            axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.tick_params(axis="x", labelsize=_TICK)
    axes.set_ylim(bottom=0)


def _edges(values: NDArray[np.float64], sizes: Sequence[int]) -> NDArray[np.float64]:
    """Return the edges of the bins: of few integers a bin each, else of equal width."""
    # Each table has the same weight in the quantiles.
    ends = np.cumsum(sizes)
    parts = [values[end - size : end] for size, end in zip(sizes, ends, strict=True) if size]
    outside = (1 - _SPANNED) / 2
    low = min(float(np.quantile(part, outside)) for part in parts)
    high = max(float(np.quantile(part, 1 - outside)) for part in parts)
    if (values == np.rint(values)).all() and high - low < _N_BINS:
        return np.arange(np.floor(low), np.ceil(high) + 2) - 0.5
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, _N_BINS + 1)


def _draw_categories(axes: Axes, present: Sequence[NDArray[Any]]) -> None:
    """Draw the shares of the categories of two columns as bars, the most frequent above."""
    counts = [
        dict(zip(*np.unique(column.astype(str), return_counts=True), strict=True))
        for column in present
    ]
    shares = [
        {str(name): count / len(column) for name, count in of.items()}
        for of, column in zip(counts, present, strict=True)
    ]
    names = sorted(shares[0] | shares[1], key=lambda name: (-shares[0].get(name, 0), name))
    shown = names if len(names) <= _MOST_BARS else names[: _MOST_BARS - 1]
    rest = names[len(shown) :]
    places = np.arange(len(shown) + bool(rest))
    for part, style in zip(shares, _STYLES, strict=True):
        widths = [part.get(name, 0.0) for name in shown]
        if rest:
            widths.append(sum(part.get(name, 0.0) for name in rest))
        axes.barh(places, widths, height=0.75, **style)
    words = [shortened(name, _LONGEST_LABEL) for name in shown]
    if rest:
        words.append(f"other ({len(rest)})")
    axes.set_yticks(places, words, fontsize=_TICK)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)


@styled()
def association_matrices(
    real: ArrayLike,
    synthetic: ArrayLike,
    columns: Sequence[str],
    *,
    labels: Sequence[str] = ("real", "synthetic"),
) -> Figure:
    """Draw the association matrices of two tables, and their difference.

    Parameters
    ----------
    real, synthetic : array-like of shape (D, D)
        Associations in [-1, 1], as `evaluation.associations` measures them.
    columns : sequence of D str
        The names of the columns.
    labels : sequence of two str, default=("real", "synthetic")
        The names of the two tables.

    Returns
    -------
    Figure
        The difference, synthetic less real, has a scale of its own, which is written in its title.

    Raises
    ------
    DataError
        If a matrix is not square, not finite, or there are other numbers of names.

    Examples
    --------
    >>> figure = association_matrices(np.eye(2), np.ones((2, 2)), ["age", "town"])
    >>> [axes.get_title(loc="left") for axes in figure.axes[:3]]
    ['real', 'synthetic', 'difference']
    """
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    matrices = [
        finite_array(matrix, name, n_axes=2)
        for matrix, name in ((real, "real"), (synthetic, "synthetic"))
    ]
    if not matrices[0].shape == matrices[1].shape == (len(columns), len(columns)):
        raise DataError(
            "real and synthetic must be square with one name per column, got the shapes "
            f"{matrices[0].shape} and {matrices[1].shape} with {len(columns)} names."
        )
    difference = matrices[1] - matrices[0]
    largest = float(np.abs(difference).max()) or 1.0
    colours = LinearSegmentedColormap.from_list("association", [CLASSES[0], "#ffffff", ACCENT])
    step = -(-len(columns) // 20)  # more names would touch each other
    ticks = range(0, len(columns), step)
    names = [shortened(str(columns[tick]), _LONGEST_LABEL) for tick in ticks]
    size = _TICK if len(names) <= 12 else _TICK - 2
    longest = max(map(len, names)) * 0.65 * size / 72  # inches that the names take below
    figure, panels = new_grid(3, 3, height=2.2 + longest)
    titles = (*labels, "difference")
    scales = (Normalize(-1, 1), Normalize(-1, 1), Normalize(-largest, largest))
    for axes, matrix, scale, title in zip(
        panels, (*matrices, difference), scales, titles, strict=True
    ):
        axes.imshow(matrix, cmap=colours, norm=scale, interpolation="nearest")
        axes.set_title(title, fontsize=SMALL, pad=6)
        axes.set_xticks(ticks, names, rotation=90, fontsize=size)
        axes.set_yticks(ticks, names if axes is panels[0] else [""] * len(ticks), fontsize=size)
        axes.tick_params(length=0)
    for place, scale, ends in (
        (panels[:2], scales[0], (-1.0, 0.0, 1.0)),
        (panels[2:], scales[2], (-largest, 0.0, largest)),
    ):
        bar = figure.colorbar(
            ScalarMappable(scale, colours),
            ax=place,
            orientation="horizontal",
            location="bottom",
            aspect=40 if len(place) == 2 else 20,
            shrink=0.6 if len(place) == 2 else 0.8,
        )
        bar.set_ticks(list(ends), labels=[f"{end:.2g}".replace("-", "−") for end in ends])
        bar.outline.set_visible(False)
        bar.ax.tick_params(length=0, labelsize=_TICK)
    return settled(figure)
