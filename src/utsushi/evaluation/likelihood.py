r"""The likelihood of samples under a variational model: bounds, and the exact evidence."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted
from torch import nn

from utsushi.distributions.likelihoods import LOG_2PI, Gaussian, UnitGaussian
from utsushi.estimators import VariationalAutoencoder
from utsushi.evaluation.estimate import Estimate
from utsushi.exceptions import SettingError

__all__ = [
    "bits_per_dimension",
    "exact_log_likelihood",
    "has_exact_likelihood",
    "likelihood_bounds",
]

Rows = NDArray[np.floating[Any]]


def likelihood_bounds(
    model: VariationalAutoencoder,
    X: Rows,
    y: ArrayLike | None = None,
    *,
    n_importance_samples: Iterable[int] = (1, 100),
) -> dict[str, Estimate]:
    r"""Compute lower bounds on the mean log density of samples, from loose to tight.

    Parameters
    ----------
    model : fitted VariationalAutoencoder
    X : ndarray of shape (n, D)
    y : array-like of shape (n,), optional
        The classes, for a conditional model.
    n_importance_samples : iterable of int, default=(1, 100)
        The numbers K of codes per sample; see `VariationalAutoencoder.log_likelihood`. Time grows
        with K, memory does not; papers commonly report K = 5000.

    Returns
    -------
    dict of str to Estimate
        Nats per sample, in the units of the input: ``elbo`` (the divergence in closed form, 16
        codes per sample), ``K=…`` for each K, and ``exact`` where `has_exact_likelihood`. The
        standard error is that of a mean over samples.

    Examples
    --------
    >>> X = np.random.default_rng(0).random((50, 4))
    >>> model = VariationalAutoencoder(n_components=2, hidden=(), random_state=0).fit(X)
    >>> list(likelihood_bounds(model, X, n_importance_samples=[10]))
    ['elbo', 'K=10', 'exact']
    """
    bounds = importance_bounds(model, X, y, n_importance_samples=n_importance_samples)
    return {
        "elbo": Estimate.over(model.score_samples(X, y), model.seed_),
        **{f"K={n_draws}": bound for n_draws, bound in bounds.items()},
        **exact_likelihood(model, X),
    }


def importance_bounds(
    model: VariationalAutoencoder,
    X: Rows,
    y: ArrayLike | None = None,
    *,
    n_importance_samples: Iterable[int],
) -> dict[int, Estimate]:
    """Return the importance-weighted bound in nats for each number of codes per sample."""
    return {
        n_draws: Estimate.over(
            model.log_likelihood(X, y, n_importance_samples=n_draws), model.seed_
        )
        for n_draws in n_importance_samples
    }


def exact_likelihood(model: VariationalAutoencoder, X: Rows) -> dict[str, Estimate]:
    """Return the mean log density as ``exact`` where `has_exact_likelihood`, else nothing."""
    if not has_exact_likelihood(model):
        return {}
    return {"exact": Estimate.over(exact_log_likelihood(model, X))}


def bits_per_dimension(nats: Estimate, n_features: int) -> Estimate:
    r"""Convert nats per sample to bits per feature, :math:`-\log_2 p(x) / D`; lower is better.

    The density is one in the units of the input: for pixels that were divided by 255, the value
    for 8-bit integers is higher by :math:`\log_2 255`.

    Examples
    --------
    >>> bits_per_dimension(Estimate(-math.log(2) * 8, 0.0, 10), 4).value
    2.0
    """
    return nats.scaled(-1 / (n_features * math.log(2)))


def has_exact_likelihood(model: VariationalAutoencoder) -> bool:
    """Return whether the evidence has a closed form: linear decoder and Gaussian likelihood."""
    linear = sum(isinstance(layer, nn.Linear) for layer in model.module_.decoder.modules()) == 1
    alone = len(list(model.module_.decoder.children())) == 1
    gaussian = isinstance(model.likelihood_, Gaussian | UnitGaussian)
    return linear and alone and gaussian and not model.conditional


def exact_log_likelihood(model: VariationalAutoencoder, X: Rows) -> NDArray[np.float64]:
    r"""Return the exact log density of each sample under a linear Gaussian model.

    With the decoder :math:`\hat x = Wz + b` and the noise :math:`\sigma`,

    .. math::
        p(x) = N(x; b, WW^\top + \sigma^2 I),

    as for probabilistic PCA; Tipping and Bishop 1999, https://doi.org/10.1111/1467-9868.00196. By
    the matrix determinant lemma and Woodbury's identity, only H × H matrices are inverted.

    Parameters
    ----------
    model : fitted VariationalAutoencoder
        A model for which `has_exact_likelihood` is True.
    X : ndarray of shape (n, D)

    Returns
    -------
    ndarray of shape (n,), float64
        Nats, in the units of the input.

    Raises
    ------
    SettingError
        If the evidence of this model has no closed form.

    Examples
    --------
    >>> X = np.random.default_rng(0).random((50, 4))
    >>> model = VariationalAutoencoder(n_components=2, hidden=(), random_state=0).fit(X)
    >>> bool((exact_log_likelihood(model, X).mean() >= model.score(X)))
    True
    """
    check_is_fitted(model)
    if not has_exact_likelihood(model):
        raise SettingError(
            "the model must have hidden=() and a Gaussian likelihood for an evidence in closed "
            f"form, got {model!r}. Use likelihood_bounds."
        )
    (layer,) = (m for m in model.module_.decoder.modules() if isinstance(m, nn.Linear))
    weight, bias = (p.detach().cpu().double().numpy() for p in (layer.weight, layer.bias))
    variance = model.likelihood_.sigma_**2 if isinstance(model.likelihood_, Gaussian) else 1.0
    scaling = model.scaling_
    centred = (np.asarray(X, dtype=np.float64) - scaling.offset) / scaling.scale - bias
    n_features, n_components = weight.shape
    inner = variance * np.eye(n_components) + weight.T @ weight
    along = centred @ weight
    distance = (centred**2).sum(axis=1) - (along @ np.linalg.inv(inner) * along).sum(axis=1)
    log_determinant = np.linalg.slogdet(inner)[1] + (n_features - n_components) * math.log(variance)
    scaled = -0.5 * (n_features * LOG_2PI + log_determinant + distance / variance)
    exact: NDArray[np.float64] = scaled - scaling.log_volume
    return exact
