"""What the columns of a table hold, and which settings suit a data set."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.datasets.dataset import Dataset

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
    X, start, found = dataset.X, 0, []
    for column in dataset.columns.columns:
        values = X[:, start : start + column.width]
        start += column.width
        about = {"missing": int(np.isnan(values[:, 0]).sum())}
        if column.kind == "category":
            counts = np.nansum(values, axis=0).astype(int).tolist()
            names = map(str, column.categories)
            about["categories"] = dict(zip(names, counts, strict=True))  # type: ignore[assignment]
        else:
            about |= _range_of(values[~np.isnan(values)])
        found.append({"name": column.name, "kind": column.kind, **about})
    return found


def _range_of(values: NDArray[Any]) -> dict[str, Any]:
    if not values.size:
        return {"min": None, "max": None, "mean": None}
    return {
        "min": float(values.min()),
        "max": float(values.max()),
        "mean": float(values.mean(dtype=np.float64)),
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
    gaps = sum(about["missing"] for about in describe_columns(dataset) or [])
    known = X[~np.isnan(X)]
    constant = _constant_columns(dataset)
    if constant:
        found["drop"] = _of(constant, f"these {len(constant)} columns hold one value each")
    if gaps:
        found["missing"] = _of("mask", f"{gaps} values are missing")
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


def _constant_columns(dataset: Dataset) -> list[str]:
    """Name the columns of a table that hold one value, or none."""
    constant = []
    for about in describe_columns(dataset) or []:
        n_values = sum(map(bool, about.get("categories", {}).values()))
        if about.get("min", 0) == about.get("max", 1) or ("categories" in about and n_values < 2):
            constant.append(about["name"])
    return constant
