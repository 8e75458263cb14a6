"""How much information each component of a variational code carries."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from utsushi.distributions.divergences import kl_standard_normal
from utsushi.estimators import VariationalAutoencoder

__all__ = ["divergence_of", "divergence_per_component"]


def divergence_per_component(
    model: VariationalAutoencoder, X: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    r"""Divergence of each row's posterior from the prior, component by component.

    Parameters
    ----------
    model : fitted VariationalAutoencoder
    X : ndarray of shape (n, D)

    Returns
    -------
    ndarray of shape (n, H), float64
        Nats. The mean of a column is what that component carries; below 0.1 nats it is dead.

    Examples
    --------
    >>> X = np.random.default_rng(0).random((50, 4))
    >>> model = VariationalAutoencoder(n_components=2, hidden=(8,), random_state=0).fit(X)
    >>> divergence_per_component(model, X).shape
    (50, 2)
    """
    return divergence_of(*model.posterior(X))


def divergence_of(
    mean: NDArray[np.floating[Any]], standard_deviation: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """Return the same, (n, H) in nats, of posteriors that are known by their parameters (n, H)."""
    log_variance = 2 * np.log(standard_deviation.astype(np.float64))
    kl = kl_standard_normal(
        torch.tensor(mean, dtype=torch.float64), torch.tensor(log_variance, dtype=torch.float64)
    )
    return np.asarray(kl.numpy(), dtype=np.float64)
