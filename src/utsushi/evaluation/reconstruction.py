"""How much of a row survives the code, beside what PCA keeps with as many numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.estimators import BaseAutoencoder
from utsushi.evaluation.estimate import Estimate

__all__ = ["pca_errors", "reconstruction_error"]

Rows = NDArray[np.floating[Any]]


def reconstruction_error(model: BaseAutoencoder, X: Rows) -> Estimate:
    r"""Mean squared error of the reconstructions, through the mean code, in the input's units.

    .. math:: \frac{1}{nD} \sum_n \Vert x_n - \hat x_n \Vert^2

    Parameters
    ----------
    model : fitted autoencoder
    X : ndarray of shape (n, D)

    Returns
    -------
    Estimate
        Over the rows' mean squared errors.

    Examples
    --------
    >>> from utsushi import Autoencoder
    >>> X = np.random.default_rng(0).random((50, 4))
    >>> model = Autoencoder(n_components=2, hidden=(8,), random_state=0).fit(X)
    >>> reconstruction_error(model, X).n_rows
    50
    """
    return Estimate.over(np.square(model.reconstruct(X) - X, dtype=np.float64).mean(axis=1))


def pca_errors(X_train: Rows, X: Rows, n_components: Sequence[int]) -> dict[int, Estimate]:
    """Mean squared error of PCA's reconstructions, for each number of components.

    Parameters
    ----------
    X_train : ndarray of shape (m, D)
        Rows to fit PCA on.
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
    from sklearn.decomposition import PCA

    largest = min(max(n_components), *X_train.shape)
    # The full decomposition leaves nothing to chance.
    with np.errstate(invalid="ignore"):  # constant rows have no variance to take a share of
        pca = PCA(largest, svd_solver="full").fit(X_train)
    centred = X - pca.mean_
    codes = centred @ pca.components_.T
    errors = {}
    for size in n_components:
        kept = codes[:, :size] @ pca.components_[:size]
        errors[size] = Estimate.over(np.square(centred - kept, dtype=np.float64).mean(axis=1))
    return errors
