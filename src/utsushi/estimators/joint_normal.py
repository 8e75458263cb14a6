r"""A normal distribution of all columns, fitted to samples with gaps.

It is the model that a variational autoencoder with a linear decoder and as many components as
columns represents: with its maximum likelihood in place of a training, and its exact posterior.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

__all__ = ["JointNormal"]

#: The covariance is shrunk towards its diagonal by this share of the columns per sample, but not
#: by more than the second number.
SHRINKAGE, MOST_SHRINKAGE = 0.25, 0.1

#: Rounds of expectation and maximization.
N_ROUNDS = 20

#: Values of the covariances of a block of samples that are held in memory at once.
_BLOCK_VALUES = 2**20

#: Added to each variance.
_JITTER = 1e-6

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class JointNormal:
    r""":math:`x \sim N(m, C)`, of which any part may be missing.

    Attributes
    ----------
    mean : ndarray of shape (D,)
    covariance : ndarray of shape (D, D)

    Examples
    --------
    >>> normal = JointNormal(np.zeros(2), np.array([[1.0, 0.8], [0.8, 1.0]]))
    >>> mean, deviation = normal.conditional(np.array([[1.0, np.nan]]))
    >>> mean.round(2), deviation.round(2)
    (array([[1. , 0.8]]), array([[0. , 0.6]]))
    """

    mean: Values
    covariance: Values

    @classmethod
    def learn(cls, x: Values) -> Self:
        """Fit to samples (n, D), with NaN in their gaps, by expectation and maximization.

        Columns should have a variance of about one. Dempster, Laird and Rubin 1977,
        https://doi.org/10.1111/j.2517-6161.1977.tb01600.x
        """
        n_rows, n_columns = x.shape
        model = cls(np.zeros(n_columns), np.eye(n_columns))
        share = min(SHRINKAGE * n_columns / n_rows, MOST_SHRINKAGE)
        for _ in range(N_ROUNDS):
            total, outer = np.zeros(n_columns), np.zeros((n_columns, n_columns))
            for _, rows, inverse in model._blocks(x):
                completed = model._mean(rows, inverse)
                of_gaps = model.covariance @ inverse.sum(axis=0) @ model.covariance
                total += completed.sum(axis=0)
                outer += completed.T @ completed + len(rows) * model.covariance - of_gaps
            mean = total / n_rows
            covariance = outer / n_rows - np.outer(mean, mean)
            diagonal = np.diag(np.diag(covariance).clip(min=0) + _JITTER)
            covariance = (1 - share) * (covariance + covariance.T) / 2 + share * diagonal
            model = cls(mean, covariance + _JITTER * np.eye(n_columns))
        return model

    def conditional(self, x: Values) -> tuple[Values, Values]:
        """Return the mean and the standard deviation of each value given those that are known.

        Parameters
        ----------
        x : ndarray of shape (n, D)
            NaN in the gaps; a known value is its own mean.

        Returns
        -------
        mean, standard_deviation : ndarray of shape (n, D)
        """
        mean, deviation = np.empty(x.shape), np.empty(x.shape)
        for start, rows, inverse in self._blocks(x):
            some = slice(start, start + len(rows))
            mean[some] = self._mean(rows, inverse)
            explained = np.einsum("nij,ji->ni", self.covariance @ inverse, self.covariance)
            deviation[some] = np.sqrt((np.diag(self.covariance) - explained).clip(min=0))
        return mean, np.where(np.isnan(x), deviation, 0.0)

    def residuals(self, x: Values, n_draws: int, draws: np.random.Generator) -> Values:
        """Draw gaps given the known values, minus their conditional mean: (n_draws, n, D).

        A draw of all values, minus what those in known places predict of it: Matheron's rule.
        """
        lower = np.linalg.cholesky(self.covariance)
        residuals = np.empty((n_draws, *x.shape))
        for start, rows, inverse in self._blocks(x):
            joint = draws.standard_normal((n_draws, *rows.shape)) @ lower.T
            expected = np.einsum("nij,snj->sni", inverse, joint) @ self.covariance
            of_gaps = np.where(np.isnan(rows), joint - expected, 0.0)
            residuals[:, start : start + len(rows)] = of_gaps
        return residuals

    def _blocks(self, x: Values) -> Iterator[tuple[int, Values, Values]]:
        """Yield samples (b, D), and the inverse of the covariance of what is known, (b, D, D).

        It is zero in the rows and columns of gaps.
        """
        size = max(1, _BLOCK_VALUES // len(self.mean) ** 2)
        for start in range(0, len(x), size):
            rows = x[start : start + size]
            known = ~np.isnan(rows)
            both = known[:, :, None] & known[:, None, :]
            matrices = np.where(both, self.covariance, np.eye(len(self.mean)))
            yield start, rows, np.where(both, np.linalg.inv(matrices), 0.0)

    def _mean(self, rows: Values, inverse: Values) -> Values:
        """Return samples (b, D) with the conditional mean in their gaps."""
        known = np.nan_to_num(rows - self.mean)
        expected = self.mean + np.einsum("nij,nj->ni", inverse, known) @ self.covariance
        return np.where(np.isnan(rows), expected, rows)
