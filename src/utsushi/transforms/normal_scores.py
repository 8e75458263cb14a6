r"""Map a column of numbers to a normal distribution by its ranks, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

__all__ = ["NormalScores"]

#: A column with more distinct values is described by so many of its quantiles.
_N_KNOTS = 256

#: Normal scores that no sample is beyond.
_BEYOND = 8.0

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class NormalScores:
    r"""The transform :math:`s(x) = \Phi^{-1}(F(x))` of a column, and its inverse.

    F is the empirical distribution function, at the middle of its step where a value is repeated,
    linear in s between the knots. So a heavy tail is no outlier to a network, and a value that many
    samples share, such as zero, is an interval of scores, which the inverse maps to that very
    value. Beyond the range s is linear with the slope of the standard deviation, and the inverse
    gives the smallest or the largest value.

    Attributes
    ----------
    values : ndarray of shape (K,)
        Increasing: the distinct values of the column, or some of its quantiles.
    below, upto : ndarray of shape (K,)
        The share of the training values that are smaller, and that are not larger.
    scale : float
        The standard deviation of the training values, or 1.
    n_values : int
        The number of training values.

    Examples
    --------
    >>> scores = NormalScores.learn(np.array([0.0, 0.0, 0.0, 1.0, 10.0]))
    >>> scores.forward(np.array([0.0, 1.0, 10.0])).round(2)
    array([-0.52,  0.52,  1.28])
    >>> scores.inverse(np.array([-3.0, 0.2, 0.9, 9.0])).round(2)
    array([ 0.  ,  0.  ,  5.46, 10.  ])
    """

    values: Values
    below: Values
    upto: Values
    scale: float
    n_values: int

    @classmethod
    def learn(cls, column: NDArray[np.floating[Any]]) -> NormalScores:
        """Learn the transform of a column (n,) of finite numbers, n >= 1."""
        ordered = np.sort(column.astype(np.float64))
        values, counts = np.unique(ordered, return_counts=True)
        if len(values) > _N_KNOTS:
            places = np.linspace(0, len(ordered) - 1, _N_KNOTS).round().astype(int)
            often = values[counts > len(ordered) / _N_KNOTS]
            values = np.unique(np.concatenate([ordered[places], often]))
        below = np.searchsorted(ordered, values, "left") / len(ordered)
        upto = np.searchsorted(ordered, values, "right") / len(ordered)
        return cls(values, below, upto, float(ordered.std()) or 1.0, len(ordered))

    @property
    def scores(self) -> Values:
        """The scores (K,) of the knots."""
        edge = 0.5 / self.n_values
        scores: Values = ndtri(np.clip((self.below + self.upto) / 2, edge, 1 - edge))
        return scores

    def forward(self, x: NDArray[np.floating[Any]]) -> Values:
        """Return the scores of values (n,); NaN stays NaN."""
        x = np.asarray(x, dtype=np.float64)
        with np.errstate(invalid="ignore"):
            outside = np.maximum(x - self.values[-1], 0) + np.minimum(x - self.values[0], 0)
        inside: Values = np.interp(x, self.values, self.scores)
        return np.where(np.isnan(x), np.nan, inside + outside / self.scale)

    def inverse(self, scores: NDArray[np.floating[Any]]) -> Values:
        """Return the values (n,) of scores; NaN stays NaN."""
        places, values = self.steps
        scores = np.asarray(scores, dtype=np.float64)
        inside: Values = np.interp(scores, places, values)
        return np.where(np.isnan(scores), np.nan, inside)

    def log_slope(self, x: NDArray[np.floating[Any]]) -> Values:
        r"""Return :math:`\log s'(x)` of values (n,), and 0 for NaN.

        A density of scores becomes one of values by a factor of the slope. A column of one value
        has the slope of its surroundings.
        """
        x = np.asarray(x, dtype=np.float64)
        outside = -np.log(self.scale)
        if len(self.values) == 1:
            return np.where(np.isnan(x), 0.0, outside)
        slopes = np.log(np.diff(self.scores)) - np.log(np.diff(self.values))
        place = np.searchsorted(self.values, x, "right") - 1
        with np.errstate(invalid="ignore"):
            is_inside = (x >= self.values[0]) & (x <= self.values[-1])
        found = np.where(is_inside, slopes[np.clip(place, 0, len(slopes) - 1)], outside)
        return np.where(np.isnan(x), 0.0, found)

    @property
    def steps(self) -> tuple[Values, Values]:
        """Increasing scores (2 K,), and the values there: two for a value that is repeated."""
        repeated = (self.upto - self.below) * self.n_values > 1.5
        ends = np.clip(ndtri(np.stack([self.below, self.upto])), -_BEYOND, _BEYOND)
        ends = np.where(repeated, ends, self.scores)
        return ends.T.ravel(), np.repeat(self.values, 2)

    def to_array(self) -> Values:
        """Return an array (3, K) and, in a last column, scale and number; see `from_array`."""
        last = np.array([[self.scale], [float(self.n_values)], [0.0]])
        return np.concatenate([np.stack([self.values, self.below, self.upto]), last], axis=1)

    @classmethod
    def from_array(cls, array: Values) -> NormalScores:
        """Return what `to_array` was of, or raise ``ValueError``."""
        values, below, upto = array[:, :-1]
        scale, n_values = float(array[0, -1]), array[1, -1]
        shares = np.stack([below, upto])
        valid = len(values) > 0 and np.isfinite(array).all() and scale > 0 and n_values >= 1
        if not valid or (np.diff(values) <= 0).any() or (np.diff(shares, axis=1) < 0).any():
            raise ValueError("the normal scores of a column are not increasing")
        if (below > upto).any() or shares.min() < 0 or shares.max() > 1:
            raise ValueError("the normal scores of a column are no shares")
        return cls(values, below, upto, scale, int(n_values))
