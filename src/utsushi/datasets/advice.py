"""What the columns of a table hold, and which settings suit a data set."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.lazy_rows import row_blocks
from utsushi.datasets.dataset import Dataset
from utsushi.transforms.table_schema import DATES, Column

__all__ = ["describe_columns", "image_shape_like", "suggest"]

#: Times the smallest spread from which on columns are of different units.
_UNLIKE = 3

#: Rows that are looked at, where there are more.
_MOST_ROWS = 20_000

#: Images of so many pixels or more are for convolutions: 32 x 32.
_CONV_PIXELS = 1024

#: Whole numbers from 0 on are pixels out of 255 if one of them is so large.
_BRIGHT = 128

#: The smallest height and width of pixels that are recognized.
_SMALLEST_SIDE = 8

#: Rows that are looked at to recognize pixels.
_PIXEL_ROWS = 500

#: Neighbours differ by less than this part of the difference of pixels that are apart.
_SMOOTH = 0.6

#: The default size of a code, which so few features do not need.
_DEFAULT_COMPONENTS = 10


def describe_columns(dataset: Dataset) -> list[dict[str, Any]] | None:
    """Sum up each column of a table in plain values.

    Parameters
    ----------
    dataset : Dataset
        All rows count alike.

    Returns
    -------
    list of dict or None
        None for what is no table. By column ``name``, ``kind`` (number, truth, category, date or
        datetime) and ``missing`` (rows without a value); of a category ``categories`` (its name →
        rows), of all else ``min``, ``max`` and ``mean`` (None where nothing is known), of dates as
        ISO 8601 writes them.

    Examples
    --------
    >>> import pandas as pd
    >>> from utsushi import datasets
    >>> people = pd.DataFrame({"age": [31, None], "town": ["Oslo", "Kobe"]})
    >>> age, town = datasets.describe_columns(datasets.open(people))
    >>> age["mean"], age["missing"], town["categories"]
    (31.0, 1, {'Kobe': 1, 'Oslo': 1})
    """
    if dataset.columns is None:
        return None
    found, ends = _Sums.of(dataset), accumulate(c.width for c in dataset.columns.columns)
    about = []
    for column, end in zip(dataset.columns.columns, ends, strict=True):
        start = end - column.width
        facts: dict[str, Any] = {"missing": found.n_rows - int(found.known[start])}
        if column.kind == "category":
            counts = found.total[start:end].astype(int).tolist()
            facts["categories"] = dict(zip(map(str, column.categories), counts, strict=True))
        elif column.kind in DATES:
            limits = found.range_of(start)
            facts |= {name: _as_date(day, column) for name, day in limits.items()}
        else:
            facts |= found.range_of(start)
        about.append({"name": column.name, "kind": column.kind, **facts})
    return about


def _as_date(day: float | None, column: Column) -> str | None:
    """Return days since 1970-01-01 as text, to the day or to the second."""
    if day is None:
        return None
    return str(column.restored(np.array([[day]]))[0]).replace("T", " ")


@dataclass(frozen=True)
class _Sums:
    """What all rows come to, column by column, shape (D,) each: of the values that are known."""

    n_rows: int
    known: NDArray[np.int64]
    total: NDArray[np.float64]
    low: NDArray[Any]
    high: NDArray[Any]

    @classmethod
    def of(cls, dataset: Dataset) -> _Sums:
        """Sum up a block after another: a large file is never held."""
        n_features = dataset.X_train.shape[1]
        low = high = np.full(n_features, np.nan, dataset.X_train.dtype)
        known, total = np.zeros(n_features, np.int64), np.zeros(n_features)
        for block in (block for X, _ in dataset.parts for block in row_blocks(X)):
            low = np.fmin(low, np.fmin.reduce(block, axis=0))
            high = np.fmax(high, np.fmax.reduce(block, axis=0))
            known += (~np.isnan(block)).sum(axis=0)
            total += np.nansum(block, axis=0, dtype=np.float64)
        return cls(sum(len(X) for X, _ in dataset.parts), known, total, low, high)

    def range_of(self, place: int) -> dict[str, float | None]:
        """Return the range and the mean of one column."""
        if not self.known[place]:
            return {"min": None, "max": None, "mean": None}
        return {
            "min": float(self.low[place]),
            "max": float(self.high[place]),
            "mean": float(self.total[place] / self.known[place]),
        }


def suggest(dataset: Dataset) -> dict[str, dict[str, Any]]:
    """Suggest settings for a model of a data set, where the defaults do not suit it.

    Returns
    -------
    dict of str to dict
        By the name of a parameter of the estimators, or of `utsushi.datasets.open`: its ``value``
        and ``why``. Nothing where the defaults suit.

    Examples
    --------
    >>> table = Dataset("t", np.array([[1.0, 900.0], [2.0, 100.0], [0.0, 500.0]]))
    >>> {name: about["value"] for name, about in suggest(table).items()}
    {'scaling': 'standard', 'n_components': 1}
    """
    suggestions: dict[str, dict[str, Any]] = {}
    X = dataset.X_train[:: -(-len(dataset.X_train) // _MOST_ROWS)]
    columns = describe_columns(dataset) or []
    gaps = sum(about["missing"] for about in columns)
    shape = dataset.image_shape
    if shape is None and not gaps:
        shape = image_shape_like(X)
        if shape is not None:
            size = "x".join(map(str, shape))
            why = f"the {X.shape[1]} columns look like the pixels of {size} images"
            suggestions["image_shape"] = _of(list(shape), why)
            if X.max() >= _BRIGHT and not dataset.pixels:
                suggestions["pixels"] = _of(True, "divided by 255, pixels are between 0 and 1")
    constant = [] if shape is not None else _constant_columns(columns)
    if constant:
        suggestions["drop"] = _of(constant, f"{', '.join(constant)}: one value only")
    if gaps:
        suggestions["missing"] = _of("mask", f"values that are missing: {gaps}")
    if shape is not None and shape[-2] * shape[-1] >= _CONV_PIXELS:
        why = f"images of {shape[-2]}x{shape[-1]} pixels: convolutions need fewer weights"
        suggestions["network"] = _of("conv", why)
    spreads = _spreads(dataset, X)
    present = X[~np.isnan(X)]
    if ((present == 0) | (present == 1)).all() and len(spreads):
        suggestions["likelihood"] = _of("bernoulli", "all values are zeros and ones")
    elif (
        shape is None
        and not dataset.pixels
        and len(spreads)
        and spreads.max() > _UNLIKE * spreads.min()
    ):
        why = (
            f"the columns' standard deviations run from {spreads.min():.3g} to {spreads.max():.3g}"
        )
        suggestions["scaling"] = _of("standard", why)
    n_features = X.shape[1]
    if n_features <= _DEFAULT_COMPONENTS:
        why = f"a code of {_DEFAULT_COMPONENTS} numbers would not compress {n_features} features"
        suggestions["n_components"] = _of(max(n_features // 2, 1), why)
    return suggestions


def image_shape_like(X: NDArray[Any]) -> tuple[int, ...] | None:
    """Return the shape of square images that rows look like the pixels of.

    They do if their number of columns is that of such an image, grey or of three channels, if all
    values are between 0 and 1 or whole numbers up to 255, and if neighbours across and down differ
    much less than pixels that are apart.

    Parameters
    ----------
    X : ndarray of shape (n, D)

    Returns
    -------
    (S, S), (3, S, S) or None

    Examples
    --------
    >>> from utsushi import datasets
    >>> X = datasets.load_mnist20k().X_train
    >>> image_shape_like(X), image_shape_like(X[:, ::-1]), image_shape_like(X[:, 1:])
    ((28, 28), (28, 28), None)
    >>> image_shape_like(np.random.default_rng(0).permutation(X, axis=1)) is None
    True
    """
    X = np.asarray(X[:: -(-len(X) // _PIXEL_ROWS)])
    if not ((X >= 0) & ((X <= 1).all() | ((X <= 255) & (np.rint(X) == X)))).all():
        return None
    for n_channels in (1, 3):
        side = math.isqrt(X.shape[1] // n_channels)
        if side < _SMALLEST_SIDE or n_channels * side**2 != X.shape[1]:
            continue
        images = X.reshape(len(X), n_channels, side, side)
        apart = np.abs(X - np.roll(X, X.shape[1] // 2 + side // 2, axis=1)).mean()
        across, down = (np.abs(np.diff(images, axis=axis)).mean() for axis in (3, 2))
        # Of a series, values half a line apart are more alike than those of two lines.
        half = np.abs(X[:, side // 2 :] - X[:, : -(side // 2)]).mean()
        if max(across, down) < _SMOOTH * apart and down < half:
            return (side, side) if n_channels == 1 else (n_channels, side, side)
    return None


def _spreads(dataset: Dataset, X: NDArray[Any]) -> NDArray[np.float64]:
    """Return the standard deviations to compare, of features that vary.

    Of the features of categories and truth values the largest one: a rare category is no reason to
    scale the others.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # of infinity nothing is known
        spreads = np.sqrt(_variances(X))
    if dataset.columns is not None:
        parts = dataset.columns.slices()
        is_shared = [column.kind in ("category", "truth") for column, _ in parts]
        widths = [column.width for column, _ in parts]
        shared = np.repeat(is_shared, widths)
        largest = spreads[shared].max(initial=0.0)
        spreads = np.append(spreads[~shared], largest)
    positive: NDArray[np.float64] = spreads[spreads > 0]
    return positive


def _of(value: Any, why: str) -> dict[str, Any]:
    return {"value": value, "why": why}


def _variances(X: NDArray[Any]) -> NDArray[np.float64]:
    """Return the variance of the known values of each column; zero where there are none."""
    known = ~np.isnan(X)
    counts = np.maximum(known.sum(axis=0), 1)
    values = np.where(known, X, 0)
    means = values.sum(axis=0, dtype=np.float64) / counts
    squares = np.where(known, np.square(values - means), 0)
    variances: NDArray[np.float64] = squares.sum(axis=0, dtype=np.float64) / counts
    return variances


def _constant_columns(columns: list[dict[str, Any]]) -> list[str]:
    """Name the columns of a table that hold one value, or none."""
    constant = []
    for about in columns:
        n_values = sum(map(bool, about.get("categories", {}).values()))
        if about.get("min", 0) == about.get("max", 1) or ("categories" in about and n_values < 2):
            constant.append(about["name"])
    return constant
