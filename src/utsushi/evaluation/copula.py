"""The Gaussian copula of a table: each column as it is, and one correlation for each pair."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.seeds import Purpose, numpy_generator, seed_from
from utsushi.evaluation.frames import Matrix, native_frame, read_tables
from utsushi.exceptions import DataError, SettingError

__all__ = ["GaussianCopula", "gather"]

#: Hermite polynomials of the expansion of a covariance; terms of higher order matter only for
#: two categories whose latent numbers have a correlation near 1.
_ORDER = 30

#: The correlations at which the expansion is evaluated; values between them are interpolated.
_GRID = np.linspace(-0.999, 0.999, 223)

_COPULA = 10  # the step of the draws' path; see `utsushi.evaluation.rows`


@dataclass(frozen=True, eq=False)
class _Steps:
    """A column as a non-decreasing step function of a standard normal number.

    Attributes
    ----------
    rows : ndarray of shape (k,)
        A row of the table with each value, the smallest value first.
    bounds : ndarray of shape (k - 1,)
        The normal numbers at which the value changes.
    scores : ndarray of shape (n,)
        The mean of the normal number given the value of each row; NaN for a gap.
    coefficients : ndarray of shape (_ORDER,)
        Those of the scores in the normalized Hermite polynomials of the order 1, 2, …
    """

    rows: NDArray[np.intp]
    bounds: Matrix
    scores: Matrix
    coefficients: Matrix

    @classmethod
    def of(cls, column: Matrix) -> _Steps:
        """Learn the function of a column with at least one value."""
        from scipy.stats import norm

        present = np.flatnonzero(~np.isnan(column))
        _, first, number, counts = np.unique(
            column[present], return_index=True, return_inverse=True, return_counts=True
        )
        parts = counts / len(present)
        bounds = norm.ppf(np.cumsum(parts)[:-1])
        scores, coefficients = np.empty(0), np.empty(_ORDER)
        # The integral of h_k over a step is the difference of h_(k-1) times the density, by root k.
        before, polynomial = np.zeros_like(bounds), np.ones_like(bounds)
        for k in range(1, _ORDER + 1):
            edges = np.concatenate([[0.0], norm.pdf(bounds) * polynomial, [0.0]])
            integrals = -np.diff(edges) / math.sqrt(k)
            if k == 1:
                scores = integrals / parts
            coefficients[k - 1] = scores @ integrals
            before, polynomial = (
                polynomial,
                (bounds * polynomial - math.sqrt(k - 1) * before) / math.sqrt(k),
            )
        of_rows = np.full(len(column), np.nan)
        of_rows[present] = scores[number]
        return cls(present[first], bounds, of_rows, coefficients)

    def rows_at(self, normal: Matrix) -> NDArray[np.intp]:
        """Return the rows whose values belong to normal numbers."""
        return self.rows[np.searchsorted(self.bounds, normal)]


class GaussianCopula:
    r"""Draw rows whose columns depend on each other as correlated normal numbers do.

    A column is a step function of a latent standard normal number: the q-quantile of the column at
    the q-quantile of the normal distribution. Categories are intervals of the latent number, in the
    order of their names (of an ordered categorical, in its own order). A column with gaps has a
    second latent number, which says where it is missing. So each column has the distribution of the
    training column, and a pair of columns depends on one number, the correlation
    :math:`\rho` of its latent numbers. It is chosen so that the scores
    :math:`s = E[Z \mid x]` of the two columns have the covariance of the training rows,

    .. math:: \mathrm{Cov}(s_i, s_j) = \sum_{k \ge 1} \rho^k a_{ik} a_{jk}, \qquad
        a_{ik} = E[s_i h_k(Z_i)],

    with the normalized Hermite polynomials :math:`h_k`. For two continuous columns that is the
    correlation of their normal scores; for categories it is not attenuated by the width of the
    intervals, as a correlation of scores would be.

    It is a strong baseline for synthetic tables with few rows, and a model should be better: a
    dependence that is not monotone, or that only three columns have together, is lost.

    Attributes
    ----------
    correlation_ : ndarray of shape (L, L)
        The correlations of the latent numbers, those of columns before those of gaps.

    References
    ----------
    Nelsen 2006, *An Introduction to Copulas*, https://doi.org/10.1007/0-387-28678-0; Patki, Wedge
    and Veeramachaneni 2016, *The Synthetic Data Vault*, https://doi.org/10.1109/DSAA.2016.49

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"age": [31, 54, 27, 45], "town": ["Oslo", "Kobe", "Oslo", "Kobe"]})
    >>> drawn = GaussianCopula().fit(frame).sample(100, random_state=0)
    >>> drawn.shape, set(drawn["age"]) <= set(frame["age"])
    ((100, 2), True)
    """

    def fit(self, df: Any) -> GaussianCopula:
        """Learn the columns and the correlations of a table.

        Parameters
        ----------
        df : DataFrame of pandas or polars
            Numbers, dates, booleans, strings and categoricals, with at least one row. It is kept,
            because new rows take their values from it.

        Returns
        -------
        GaussianCopula

        Raises
        ------
        DataError
            If it is no data frame, has no row, or a column of another kind.
        """
        self._frame = native_frame(df, "df")
        return self.fit_matrix(read_tables({"df": df})[1]["df"])

    def fit_matrix(self, X: Matrix) -> GaussianCopula:
        """Learn from a matrix (n, D) in which NaN marks a gap; see `read_tables`."""
        if not len(X):
            raise DataError("df must have at least one row, got none.")
        gaps = np.isnan(X)
        self._columns = [
            None if gaps[:, j].all() else _Steps.of(X[:, j]) for j in range(X.shape[1])
        ]
        some = np.flatnonzero(gaps.any(axis=0) & ~gaps.all(axis=0))
        self._gaps = {int(j): _Steps.of(gaps[:, j].astype(np.float64)) for j in some}
        steps = [*(column for column in self._columns if column is not None), *self._gaps.values()]
        self.correlation_ = _latent_correlation(steps)
        values, vectors = np.linalg.eigh(self.correlation_)
        self._root = vectors * np.sqrt(values.clip(0))
        return self

    def sample(self, n: int, random_state: int | np.random.RandomState | None = 0) -> Any:
        """Draw a table of n rows.

        Parameters
        ----------
        n : int >= 1
        random_state : int, RandomState or None, default=0

        Returns
        -------
        DataFrame
            Of the library, the columns and the types of the table that it was fitted to.

        Raises
        ------
        SettingError
            If n is not a positive integer.
        """
        if not isinstance(n, int | np.integer) or n < 1:
            raise SettingError(f"n must be a positive integer, got {n!r}.")
        return gather(self._frame, self.sample_rows(int(n), seed_from(random_state)))

    def sample_rows(self, n: int, seed: int) -> NDArray[np.intp]:
        """Return, for each new row and each column, the training row that it takes the value of.

        Returns
        -------
        ndarray of shape (n, D)
        """
        generator = numpy_generator(seed, Purpose.EVALUATION, _COPULA)
        latent = iter((generator.standard_normal((n, len(self._root))) @ self._root.T).T)
        rows = np.zeros((n, len(self._columns)), np.intp)
        for j, column in enumerate(self._columns):
            if column is not None:  # else every row has the same gap
                rows[:, j] = column.rows_at(next(latent))
        for j, steps in self._gaps.items():
            at = next(latent)
            is_gap = at > steps.bounds[0]
            rows[is_gap, j] = steps.rows_at(at)[is_gap]
        return rows


def _latent_correlation(steps: list[_Steps]) -> Matrix:
    """Return the correlation matrix of latent numbers, positive semidefinite."""
    if not steps:
        return np.empty((0, 0))
    scores = np.column_stack([step.scores for step in steps])
    present = ~np.isnan(scores)
    scores, present = np.where(present, scores, 0.0), present.astype(np.float64)
    counts = np.maximum(present.T @ present, 1)
    # Over the rows in which both have a value.
    covariance = (
        scores.T @ scores / counts - (scores.T @ present) * (present.T @ scores) / counts**2
    )
    a = np.stack([step.coefficients for step in steps])
    powers = _GRID[:, None] ** np.arange(1, _ORDER + 1)
    correlation = np.eye(len(steps))
    for i in range(len(steps)):
        expected = np.maximum.accumulate((powers * a[i]) @ a[i + 1 :].T, axis=0)
        for j, curve in enumerate(expected.T, start=i + 1):
            if np.ptp(curve) > 0:  # a constant column depends on nothing
                correlation[i, j] = correlation[j, i] = np.interp(covariance[i, j], curve, _GRID)
    values, vectors = np.linalg.eigh(correlation)
    nearest = (vectors * values.clip(0)) @ vectors.T
    deviations = np.sqrt(np.diag(nearest))
    return np.asarray(nearest / np.outer(deviations, deviations))


def gather(frame: Any, rows: NDArray[np.intp]) -> Any:
    """Return the table whose columns are values of a narwhals frame at the rows (n, D)."""
    import narwhals as nw

    columns = [column[at] for column, at in zip(frame.iter_columns(), rows.T, strict=True)]
    return nw.maybe_reset_index(frame[rows[:, 0]]).with_columns(*columns).to_native()
