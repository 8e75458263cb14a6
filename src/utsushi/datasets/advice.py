"""What the columns of a table hold, and which settings suit a data set."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.datasets.dataset import Dataset
from utsushi.lazy import row_blocks

__all__ = ["describe_columns", "suggest"]

#: Times the smallest spread from which on columns are of different units.
_UNLIKE = 3

#: Rows that are looked at, where there are more.
_MOST_ROWS = 20_000

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
        None for what is no table. By column ``name``, ``kind`` (number, truth or category) and
        ``missing`` (rows without a value); of a category ``categories`` (its name → rows), of all
        else ``min``, ``max`` and ``mean`` (None where nothing is known).

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
        else:
            facts |= found.range_of(start)
        about.append({"name": column.name, "kind": column.kind, **facts})
    return about


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
    found: dict[str, dict[str, Any]] = {}
    X = dataset.X_train[:: -(-len(dataset.X_train) // _MOST_ROWS)]
    columns = describe_columns(dataset) or []
    gaps = sum(about["missing"] for about in columns)
    known = X[~np.isnan(X)]
    constant = _constant_columns(columns)
    if constant:
        found["drop"] = _of(constant, "each of them holds one value only")
    if gaps:
        found["missing"] = _of("mask", f"values that are missing: {gaps}")
    spreads = np.sqrt(_variances(X))
    spreads = spreads[spreads > 0]
    if ((known == 0) | (known == 1)).all() and len(spreads):
        found["likelihood"] = _of("bernoulli", "all values are zeros and ones")
    elif dataset.image_shape is None and len(spreads) and spreads.max() > _UNLIKE * spreads.min():
        why = (
            f"the columns' standard deviations run from {spreads.min():.3g} to {spreads.max():.3g}"
        )
        found["scaling"] = _of("standard", why)
    n_features = X.shape[1]
    if n_features <= _DEFAULT_COMPONENTS:
        why = f"a code of {_DEFAULT_COMPONENTS} numbers would not compress {n_features} features"
        found["n_components"] = _of(max(n_features // 2, 1), why)
    return found


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
