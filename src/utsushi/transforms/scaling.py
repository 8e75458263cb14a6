"""Scale the columns of samples, and restore the units of the input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler
from torch import Generator, Tensor

from utsushi._utils.lazy_rows import AnyRows, row_blocks
from utsushi._utils.validation import has_missing

__all__ = ["SCALINGS", "RunningMoments", "Scaling", "column_moments"]

#: The names that the ``scaling`` parameter takes; None leaves the columns alone.
SCALINGS = ("center", "standard", "minmax", "unit-length")

Rows = NDArray[np.floating[Any]]

#: Takes rows (B, D) and a generator; returns other rows.
Change = Callable[[Tensor, Generator], Tensor]

#: The size of a block in bytes; scikit-learn makes several copies of it.
MOMENTS_BLOCK_BYTES = 48 * 2**20


@dataclass(frozen=True)
class Scaling:
    """The affine map ``(x - offset) / scale`` of each column, and its inverse.

    A column that was constant in training has the scale 1, or that of its rounding errors if these
    are larger: a change at inference is not divided by almost zero.

    Attributes
    ----------
    offset, scale : ndarray of shape (D,), float64
        In the units of the input; ``scale > 0``.

    Examples
    --------
    >>> scaling = Scaling.learn("standard", np.array([[0.0, 5.0], [4.0, 5.0]]))
    >>> scaling.forward(np.array([[4.0, 6.0]]))
    array([[1., 1.]], dtype=float32)
    """

    offset: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def learn(cls, name: str | None, X: AnyRows, moments: StandardScaler | None = None) -> Scaling:
        """Learn a scaling from training rows.

        Parameters
        ----------
        name : {"center", "standard", "minmax", "unit-length"} or None
            Remove the mean; also divide by the standard deviation; map the range to [0, 1]; remove
            the mean and divide all columns by one number, so that the mean squared length of a row
            is 1.
        X : ndarray or LazyRows of shape (n, D)
            Training rows, finite or missing (NaN): at least one of each column is finite.
        moments : StandardScaler, optional
            Their `column_moments`, if they have been computed.
        """
        moments = moments or column_moments(X)
        return cls._of(name, moments.mean_, moments.var_, moments.scale_, lambda: _ranges(X))

    @classmethod
    def _of(
        cls,
        name: str | None,
        mean: NDArray[np.float64],
        variance: NDArray[np.float64],
        deviation: NDArray[np.float64],
        ranges: Callable[[], tuple[Rows, Rows]],
    ) -> Scaling:
        """Return the scaling that follows from the moments and the ranges of the columns."""
        n_features = len(mean)
        if name is None:
            return cls(np.zeros(n_features), np.ones(n_features))
        if name == "minmax":
            # scikit-learn's MinMaxScaler fails on a block in which a column has no value.
            low, high = ranges()
            return cls(low.astype(np.float64), _safe(high - low, low, high))
        scale = np.ones(n_features)
        if name == "unit-length":
            scale *= _safe(np.sqrt(variance.sum(keepdims=True)), *ranges()).min()
        elif name == "standard":
            scale = _safe(deviation, *ranges())
        return cls(mean.astype(np.float64), scale)

    def forward(self, X: Rows) -> NDArray[np.float32]:
        """Scale rows, shape (n, D): arithmetic in the rows' precision, result in float32."""
        offset, scale = self.offset.astype(X.dtype), self.scale.astype(X.dtype)
        with np.errstate(over="ignore"):  # the caller checks for infinities
            scaled = X - offset
            scaled /= scale
            return scaled.astype(np.float32, copy=False)

    def inverse(self, scaled: NDArray[np.float32], dtype: Any) -> Rows:
        """Undo `forward`: rows of shape (n, D) in the units of the input, of ``dtype``."""
        rows: Rows = (scaled * self.scale + self.offset).astype(dtype, copy=False)
        return rows

    def only(self, is_scaled: NDArray[np.bool_]) -> Scaling:
        """Return a scaling of some columns, shape (D,), that leaves the others as they are."""
        return Scaling(np.where(is_scaled, self.offset, 0), np.where(is_scaled, self.scale, 1))

    def unscaler(self, device: torch.device) -> Callable[[Tensor], Tensor]:
        """Return the function that undoes `forward` for float32 tensors (B, D) on a device."""
        offset, scale = self._tensors(device)
        return lambda scaled: scaled * scale + offset

    def wrap(self, change: Change, device: torch.device) -> Change:
        """Return a change of rows in the units of the input as one of scaled rows on a device."""
        offset, scale = self._tensors(device)
        return lambda scaled, generator: (
            (change(scaled * scale + offset, generator) - offset) / scale
        )

    def _tensors(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return offset and scale as float32 tensors on a device."""
        offset, scale = (
            torch.tensor(values, dtype=torch.float32, device=device)
            for values in (self.offset, self.scale)
        )
        return offset, scale

    @property
    def log_volume(self) -> float:
        r"""The sum of :math:`\log` scale: scaled densities are larger than the input's by it."""
        return float(np.log(self.scale).sum())


@dataclass(frozen=True)
class RunningMoments:
    """Moments and ranges of columns, to which more rows can be added.

    Attributes
    ----------
    count : ndarray of shape (D,), float64
        The number of values that are not missing.
    mean, variance : ndarray of shape (D,), float64
    low, high : ndarray of shape (D,)
        The smallest and the largest value, of the dtype of the rows.

    Examples
    --------
    >>> first, second = np.array([[0.0], [4.0]]), np.array([[8.0]])
    >>> moments = RunningMoments.of(first).joined(RunningMoments.of(second))
    >>> moments.mean, moments.scaling("minmax")
    (array([4.]), Scaling(offset=array([0.]), scale=array([8.])))
    """

    count: NDArray[np.float64]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    low: Rows
    high: Rows

    @classmethod
    def of(cls, X: AnyRows) -> RunningMoments:
        """Return the moments of rows (n, D); a value may be missing (NaN)."""
        moments = column_moments(X)
        count = np.full(X.shape[1], float(len(X)))
        if has_missing(X):
            count -= np.sum([np.isnan(b).sum(axis=0) for b in row_blocks(X)], axis=0)
        return cls(count, moments.mean_, moments.var_, *_ranges(X))

    def joined(self, other: RunningMoments) -> RunningMoments:
        """Return the moments of both parts; see `_moments_of_present`."""
        count = self.count + other.count
        part = other.count / np.maximum(count, 1)
        step = other.mean - self.mean
        return RunningMoments(
            count,
            self.mean + part * step,
            (1 - part) * self.variance + part * (other.variance + (1 - part) * step**2),
            np.fmin(self.low, other.low),
            np.fmax(self.high, other.high),
        )

    def scaling(self, name: str | None) -> Scaling:
        """Return the scaling of all rows; see `Scaling.learn`."""
        ranges = self.low, self.high
        return Scaling._of(name, self.mean, self.variance, np.sqrt(self.variance), lambda: ranges)


def column_moments(X: AnyRows, *, may_miss: bool = True) -> StandardScaler:
    """Compute the mean and the variance of each column of rows (n, D), block by block.

    Parameters
    ----------
    X : ndarray or LazyRows of shape (n, D)
    may_miss : bool, default=True
        Whether a value may be missing (NaN). False saves the search for one.

    Returns
    -------
    StandardScaler
        Fitted: ``mean_`` and ``var_`` of the values that are not missing.

    Examples
    --------
    >>> moments = column_moments(np.array([[0.0, 5.0], [4.0, 5.0]]))
    >>> moments.mean_, moments.var_
    (array([2., 5.]), array([4., 0.]))
    """
    if may_miss and has_missing(X):
        return _moments_of_present(X)
    moments = StandardScaler()
    for block in row_blocks(X, MOMENTS_BLOCK_BYTES):
        moments.partial_fit(block)
    return moments


def _moments_of_present(X: AnyRows) -> StandardScaler:
    """Compute `column_moments` of the values that are not missing; a block may have none.

    The update of Chan, Golub and LeVeque combines the moments of two parts exactly.
    """
    count, mean, squares = np.zeros((3, X.shape[1]))
    for block in row_blocks(X, MOMENTS_BLOCK_BYTES):
        is_present = ~np.isnan(block)
        n_new = is_present.sum(axis=0)
        n_all = np.maximum(count + n_new, 1)
        new_mean = np.where(is_present, block, 0).sum(axis=0, dtype=np.float64) / np.maximum(
            n_new, 1
        )
        deviations = np.where(is_present, block - new_mean, 0)
        step = new_mean - mean
        squares += np.square(deviations).sum(axis=0) + step**2 * count * n_new / n_all
        mean += step * n_new / n_all
        count += n_new
    moments = StandardScaler()
    moments.mean_, moments.var_ = mean, squares / np.maximum(count, 1)
    moments.scale_ = np.sqrt(moments.var_)
    return moments


def _ranges(X: AnyRows) -> tuple[Rows, Rows]:
    """Return the smallest and the largest value of each column, without missing ones."""
    parts = [(np.fmin.reduce(b, axis=0), np.fmax.reduce(b, axis=0)) for b in row_blocks(X)]
    lows, highs = zip(*parts, strict=True)
    return np.fmin.reduce(lows, axis=0), np.fmax.reduce(highs, axis=0)


def _safe(scale: NDArray[Any], low: Rows, high: Rows) -> NDArray[np.float64]:
    """Return ``scale`` with ones for columns that are constant up to rounding errors.

    Rounding errors that are larger than one are used in place of one.
    """
    largest = np.maximum(high, -low)
    rounding = 10 * np.finfo(low.dtype).eps * largest
    return np.where(scale > rounding, scale, np.maximum(rounding, 1.0)).astype(np.float64)
