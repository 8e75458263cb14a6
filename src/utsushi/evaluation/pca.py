"""PCA with as many components as the code, the baseline of every metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.lazy_rows import in_memory
from utsushi.distributions.likelihoods import LOG_2PI
from utsushi.evaluation.estimate import Estimate

__all__ = ["PCABaseline", "pca_errors"]

#: Rows a feature from which on the eigenvectors of the covariance are taken: several times faster
#: than a decomposition of all rows, and in float64 the same to nine digits.
_TALL = 10

#: Of more rows and more features than this, few components are found by random projections: an
#: exact decomposition takes as long as the training.
_LARGE = 1_000

#: Of the first component's variance: what is left beside the components must be more than this,
#: or it is rounding and no noise.
_NOISE_FLOOR = 1e-9

Rows = NDArray[np.floating[Any]]


class PCABaseline:
    """PCA that is decomposed once, for any number of components.

    Parameters
    ----------
    X_train : ndarray of shape (m, D)
        Rows to fit to.
    n_components : int >= 1
        The largest number of components; values beyond min(m, D) are reduced to it.
    scale : ndarray of shape (D,), optional
        What the columns are divided by: for a neighbour of a model that scales them, which counts
        its errors in units of their own.

    Attributes
    ----------
    n_components : int
        The size that it has.

    Notes
    -----
    The decomposition is exact up to 1,000 rows or 1,000 features, from 10 rows a feature on, and
    for more components than a tenth of the rows or of the features. Otherwise it is scikit-learn's
    randomized one, with 7 power iterations and a fixed seed.

    Examples
    --------
    >>> X = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    >>> pca = PCABaseline(X, 1)
    >>> bool(np.allclose(pca.reconstruct(X), X))
    True
    """

    def __init__(
        self, X_train: Rows, n_components: int, scale: NDArray[np.float64] | None = None
    ) -> None:
        from sklearn.decomposition import PCA

        n_rows, self.n_features = X_train.shape
        self.n_components = min(n_components, n_rows, self.n_features)
        solver = _solver(n_rows, self.n_features, self.n_components)
        self.scale = np.ones(self.n_features) if scale is None else scale
        rows = X_train.astype(np.float64, copy=False)
        if scale is not None:
            rows = rows / scale
        with np.errstate(invalid="ignore"):  # constant rows have no variance to take a share of
            pca = PCA(self.n_components, svd_solver=solver, random_state=0).fit(rows)
        self.mean = pca.mean_
        self.components = pca.components_
        self.variances = pca.explained_variance_
        n_left = self.n_features - self.n_components
        rest = rows.var(axis=0, ddof=1).sum() - self.variances.sum()
        self.noise_variance = float(rest / n_left) if n_left else 0.0

    def transform(self, X: Rows, n_components: int | None = None) -> NDArray[np.float64]:
        """Return the codes (n, H) of rows (n, D)."""
        codes: NDArray[np.float64] = (X / self.scale - self.mean) @ self.components[:n_components].T
        return codes

    def reconstruct(self, X: Rows, n_components: int | None = None) -> NDArray[np.float64]:
        """Return the rows (n, D) that come back from the codes of ``X``."""
        codes = self.transform(X, n_components)
        scaled: NDArray[np.float64] = codes @ self.components[:n_components] + self.mean
        return scaled * self.scale

    def errors(self, X: Rows, n_components: Sequence[int]) -> dict[int, Estimate]:
        """Return the mean squared error over the features of ``X`` for each size of the code."""
        return {
            size: Estimate.over(np.square(self.reconstruct(X, size) - X).mean(axis=1))
            for size in n_components
        }

    def log_likelihood(self, X: Rows) -> NDArray[np.float64] | None:
        r"""Return the log density of each row under probabilistic PCA, in nats.

        PCA as a generative model, :math:`x = W z + \mu + \epsilon` with
        :math:`z \sim N(0, I)`: what an exact linear variational model would come to.

        .. math::
            \log p(x) = -\frac12 \left( D \log 2\pi + \sum_h \log \lambda_h + (D - H) \log s
            + \sum_h \frac{c_h^2}{\lambda_h} + \frac{\Vert x - \hat x \Vert^2}{s} \right)

        with the variances :math:`\lambda_h` of the codes :math:`c`, and :math:`s` the mean of the
        others.

        Returns
        -------
        ndarray of shape (n,), or None
            None where the components leave no noise, and the density has no bound.

        References
        ----------
        Tipping and Bishop 1999, *Probabilistic Principal Component Analysis*
        """
        if self.noise_variance <= _NOISE_FLOOR * self.variances[0]:
            return None
        codes = self.transform(X)
        residual = np.square((self.reconstruct(X) - X) / self.scale).sum(axis=1)
        n_left = self.n_features - self.n_components
        log_volume = np.log(self.variances).sum() + n_left * np.log(self.noise_variance)
        distance = (codes**2 / self.variances).sum(axis=1) + residual / self.noise_variance
        log_volume += 2 * np.log(self.scale).sum()  # scaled densities are larger than the input's
        density: NDArray[np.float64] = -0.5 * (self.n_features * LOG_2PI + log_volume + distance)
        return density


def _solver(n_rows: int, n_features: int, n_components: int) -> str:
    """Return scikit-learn's name of the decomposition; see the notes of `PCABaseline`."""
    if n_rows >= _TALL * n_features:
        return "covariance_eigh"
    smaller = min(n_rows, n_features)
    return "randomized" if smaller > max(_LARGE, 10 * n_components) else "full"


def pca_errors(X_train: Rows, X: Rows, n_components: Sequence[int]) -> dict[int, Estimate]:
    """Mean squared error of PCA's reconstructions, for each number of components.

    Parameters
    ----------
    X_train : ndarray of shape (m, D)
        Rows to fit PCA on; to ask of several sets of rows, keep a `PCABaseline`.
    X : ndarray of shape (n, D)
        Rows to reconstruct.
    n_components : sequence of int
        Sizes of the code; those beyond min(m, D) are taken as that.

    Returns
    -------
    dict of int to Estimate
        In the input's units, as `reconstruction_error`.

    Examples
    --------
    >>> X = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    >>> pca_errors(X, X, [1])[1].value < 1e-12
    True
    """
    baseline = PCABaseline(in_memory(X_train), max(n_components))
    return baseline.errors(in_memory(X), n_components)
