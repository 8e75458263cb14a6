"""Windows of a series, and what is known of windows as values of its steps."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from utsushi.exceptions import DataError, SettingError

__all__ = ["step_means", "windows"]

Floats = NDArray[np.floating[Any]]


def windows(series: ArrayLike, length: int, *, stride: int = 1) -> Floats:
    """Cut a series into windows, each a sample for an autoencoder or a detector.

    Parameters
    ----------
    series : array-like of shape (n_steps,) or (n_steps, n_channels)
    length : int
        Steps of a window, at most ``n_steps``.
    stride : int, default=1
        Steps from the start of a window to that of the next. If it is more than ``length`` or does
        not divide ``n_steps - length``, some steps are in no window.

    Returns
    -------
    ndarray of shape (n_windows, length * n_channels), float32 for a float32 series, else float64
        The steps in their order, the channels of a step next to each other.

    Examples
    --------
    >>> windows([1.0, 2.0, 3.0, 4.0], 2)
    array([[1., 2.],
           [2., 3.],
           [3., 4.]])
    """
    values: Floats = np.asarray(series)
    values = values.astype(np.float32 if values.dtype == np.float32 else np.float64, copy=False)
    if values.ndim not in (1, 2):
        raise DataError(
            "series must be of shape (n_steps,) or (n_steps, n_channels), got the shape "
            f"{values.shape}."
        )
    n_windows = _n_windows(len(values), length, stride)
    steps = np.arange(n_windows)[:, None] * stride + np.arange(length)
    rows: Floats = values[steps].reshape(n_windows, -1)
    return rows


def step_means(values: ArrayLike, n_steps: int, length: int, *, stride: int = 1) -> Floats:
    """Return for each step of a series the mean of the values of the windows that contain it.

    Parameters
    ----------
    values : array-like of shape (n_windows,)
        Of the windows that `windows` returns with the same ``length`` and ``stride``, such as their
        scores.
    n_steps : int
        The length of the series.
    length : int
    stride : int, default=1

    Returns
    -------
    ndarray of shape (n_steps,), float64
        NaN for a step that is in no window.

    Examples
    --------
    >>> step_means([1.0, 2.0, 6.0], n_steps=4, length=2)
    array([1. , 1.5, 4. , 6. ])
    """
    of_windows = np.asarray(values, dtype=np.float64)
    n_windows = _n_windows(n_steps, length, stride)
    if of_windows.shape != (n_windows,):
        raise DataError(
            f"values must be of shape ({n_windows},), one for each window of {n_steps} steps, got "
            f"the shape {of_windows.shape}."
        )
    steps = np.arange(n_windows)[:, None] * stride + np.arange(length)
    sums = np.bincount(steps.ravel(), np.repeat(of_windows, length), minlength=n_steps)
    counts = np.bincount(steps.ravel(), minlength=n_steps)
    means: Floats = np.divide(sums, counts, out=np.full(n_steps, np.nan), where=counts > 0)
    return means


def _n_windows(n_steps: int, length: int, stride: int) -> int:
    """Return the number of windows, after a check of their sizes."""
    for name, value in (("length", length), ("stride", stride)):
        if not isinstance(value, Integral) or value < 1:
            raise SettingError(f"{name} must be a positive integer, got {value!r}.")
    if length > n_steps:
        raise SettingError(f"length must be at most {n_steps}, the number of steps, got {length}.")
    return int((n_steps - length) // stride + 1)
