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

#: Samples per feature from which on PCA decomposes the covariance: several times faster than a
#: decomposition of all samples, and in float64 the same to nine digits.
_TALL = 10

#: With more samples and more features than this, PCA is randomized: an exact decomposition takes as
#: long as the training.
_LARGE = 1_000

#: Residual variance relative to that of the first component, up to which it is rounding, not noise.
_NOISE_FLOOR = 1e-9

Rows = NDArray[np.floating[Any]]


class PCABaseline:
    """Fit PCA once, for any number of components.

    Parameters
    ----------
    X_train : ndarray of shape (m, D)
        Samples to fit.
    n_components : int >= 1
        The largest number of components, limited to min(m, D).
    scale : ndarray of shape (D,), optional
        Divisors of the columns, for the baseline of a model that scales them.

    Attributes
    ----------
    n_components : int
        The number of components after the limit.

    Notes
    -----
    The decomposition is exact up to 1,000 samples or 1,000 features, from 10 samples per feature
    on, and for more components than a tenth of the samples or of the features. Otherwise it is
    scikit-learn's randomized one, with 7 power iterations and a fixed seed.

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
        with np.errstate(invalid="ignore"):  # constant samples: 0 / 0
            pca = PCA(self.n_components, svd_solver=solver, random_state=0).fit(rows)
        self.mean = pca.mean_
        self.components = pca.components_
        self.variances = pca.explained_variance_
        n_left = self.n_features - self.n_components
        residual_variance = rows.var(axis=0, ddof=1).sum() - self.variances.sum()
        self.noise_variance = float(residual_variance / n_left) if n_left else 0.0

    def transform(self, X: Rows, n_components: int | None = None) -> NDArray[np.float64]:
        """Return the codes (n, H) of samples (n, D)."""
        codes: NDArray[np.float64] = (X / self.scale - self.mean) @ self.components[:n_components].T
        return codes

    def reconstruct(self, X: Rows, n_components: int | None = None) -> NDArray[np.float64]:
        """Return the reconstructions (n, D) of ``X``."""
        codes = self.transform(X, n_components)
        scaled: NDArray[np.float64] = codes @ self.components[:n_components] + self.mean
        return scaled * self.scale

    def errors(self, X: Rows, n_components: Sequence[int]) -> dict[int, Estimate]:
        """Return the mean squared error of ``X`` for each number of components."""
        return {
            size: Estimate.over(np.square(self.reconstruct(X, size) - X).mean(axis=1))
            for size in n_components
        }

    def log_likelihood(self, X: Rows) -> NDArray[np.float64] | None:
        r"""Return the log density of each sample under probabilistic PCA, in nats.

        PCA as a generative model, :math:`x = W z + \mu + \epsilon` with
        :math:`z \sim N(0, I)`: the optimum of a linear variational model.

        .. math::
            \log p(x) = -\frac12 \left( D \log 2\pi + \sum_h \log \lambda_h + (D - H) \log s
            + \sum_h \frac{c_h^2}{\lambda_h} + \frac{\Vert x - \hat x \Vert^2}{s} \right)

        with the variances :math:`\lambda_h` of the codes :math:`c`, and :math:`s` the mean of the
        others.

        Returns
        -------
        ndarray of shape (n,), or None
            None where there is no residual variance, so that the density is unbounded.

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
        log_volume += 2 * np.log(self.scale).sum()  # from scaled units to those of the input
        density: NDArray[np.float64] = -0.5 * (self.n_features * LOG_2PI + log_volume + distance)
        return density


def _solver(n_rows: int, n_features: int, n_components: int) -> str:
    """Return scikit-learn's name of the decomposition; see the notes of `PCABaseline`."""
    if n_rows >= _TALL * n_features:
        return "covariance_eigh"
    smaller = min(n_rows, n_features)
    return "randomized" if smaller > max(_LARGE, 10 * n_components) else "full"


def pca_errors(X_train: Rows, X: Rows, n_components: Sequence[int]) -> dict[int, Estimate]:
    """Compute the mean squared error of PCA's reconstructions, for each number of components.

    Parameters
    ----------
    X_train : ndarray of shape (m, D)
        Samples to fit PCA on; for several sets of samples, use one `PCABaseline`.
    X : ndarray of shape (n, D)
        Samples to reconstruct.
    n_components : sequence of int
        Numbers of components, limited to min(m, D).

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
