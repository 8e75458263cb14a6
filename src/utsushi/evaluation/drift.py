"""Drift: how far the distributions of columns have moved from those of earlier samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from utsushi.evaluation.anomalies import benjamini_hochberg
from utsushi.exceptions import DataError

__all__ = ["ColumnDrift", "drift"]


@dataclass(frozen=True)
class ColumnDrift:
    """The difference between two distributions of one column.

    Attributes
    ----------
    name : str
    statistic : float in [0, 1]
        The Kolmogorov-Smirnov statistic, the largest difference of the two distribution functions.
    p_value : float
        The probability of one at least as large if the distributions are equal.
    has_moved : bool
        Whether the column is among those selected by the false discovery rate.
    """

    name: str
    statistic: float
    p_value: float
    has_moved: bool


def drift(
    reference: ArrayLike,
    new: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    false_discovery_rate: float = 0.01,
) -> list[ColumnDrift]:
    """Compare each column of two samples by the two-sample Kolmogorov-Smirnov test.

    Parameters
    ----------
    reference : array-like of shape (n, C) or (n,)
        Earlier samples, or their scores. Missing values (NaN) are left out.
    new : array-like of shape (m, C) or (m,)
    names : sequence of C str, optional
        The names of the columns; x0, x1, … when left out.
    false_discovery_rate : float in (0, 1), default=0.01
        The expected share of unchanged columns among those that count as moved
        (`benjamini_hochberg`).

    Returns
    -------
    list of ColumnDrift
        The largest statistic first.

    Raises
    ------
    DataError
        If the two samples have other columns, or a column has no value.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> earlier, today = rng.normal(size=(500, 2)), rng.normal(size=(200, 2)) + [0, 1]
    >>> [column.name for column in drift(earlier, today) if column.has_moved]
    ['x1']
    """
    from scipy.stats import ks_2samp

    samples = [np.asarray(values, dtype=np.float64) for values in (reference, new)]
    before, after = (values[:, None] if values.ndim == 1 else values for values in samples)
    if before.ndim != 2 or after.ndim != 2 or before.shape[1] != after.shape[1]:
        raise DataError(
            "reference and new must have the same columns, got the shapes "
            f"{samples[0].shape} and {samples[1].shape}."
        )
    columns = [f"x{index}" for index in range(before.shape[1])] if names is None else list(names)
    if len(columns) != before.shape[1]:
        raise DataError(f"names must name {before.shape[1]} columns, got {len(columns)} names.")
    tests = []
    for name, old, values in zip(columns, before.T, after.T, strict=True):
        pair = old[~np.isnan(old)], values[~np.isnan(values)]
        if not all(len(some) for some in pair):
            raise DataError(f"column {name!r} must have a value in reference and in new, got none.")
        tests.append(ks_2samp(*pair, method="asymp"))
    p_values = [float(test.pvalue) for test in tests]
    moved = benjamini_hochberg(p_values, false_discovery_rate=false_discovery_rate)
    found = [
        ColumnDrift(name, float(test.statistic), p_value, bool(has_moved))
        for name, test, p_value, has_moved in zip(columns, tests, p_values, moved, strict=True)
    ]
    return sorted(found, key=lambda column: -column.statistic)
