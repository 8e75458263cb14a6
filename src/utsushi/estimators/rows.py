"""Checking rows at the door of every estimator."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from utsushi.exceptions import DataError
from utsushi.validation import check_finite, check_within_float32

__all__ = ["Rows", "checked_rows", "with_fix"]

Rows = NDArray[np.floating[Any]]


def checked_rows(estimator: BaseEstimator, X: ArrayLike, *, reset: bool = False) -> Rows:
    """Return rows as a finite float32 or float64 array with the estimator's columns.

    Parameters
    ----------
    estimator : BaseEstimator
        Whose ``n_features_in_`` and ``feature_names_in_`` count.
    X : array-like of shape (n_samples, n_features)
    reset : bool, default=False
        Learn the columns from ``X``, as ``fit`` does, instead of comparing them.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        float32 stays; every other dtype becomes float64.

    Raises
    ------
    DataError
        If the shape, the columns or a value cannot be used.
    """
    try:
        rows: Rows = validate_data(
            estimator,
            X,
            dtype=[np.float64, np.float32],
            ensure_all_finite=False,
            ensure_min_samples=2 if reset else 1,
            reset=reset,
        )
    except ValueError as error:
        raise DataError(with_fix(str(error), reset=reset)) from error
    check_finite(rows, feature_names=getattr(estimator, "feature_names_in_", None))
    check_within_float32(rows)
    return rows


def with_fix(message: str, *, reset: bool = False) -> str:
    """Add the fix to scikit-learn's word on rows, which names the value and the expectation."""
    if message.startswith("The feature names"):  # A list that speaks for itself, a name a line.
        return message
    fix = "give two or more rows of numbers" if reset else "give rows like the training rows"
    return f"{' '.join(message.split()).rstrip('.')}; {fix}"
