"""Posterior collapse: the information in the code of a variational model, and its prior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from utsushi._utils.seeds import Purpose, numpy_generator
from utsushi.distributions.divergences import kl_standard_normal
from utsushi.distributions.likelihoods import LOG_2PI, UnitGaussian
from utsushi.estimators import VariationalAutoencoder
from utsushi.evaluation.estimate import Estimate
from utsushi.evaluation.rows import chosen_rows
from utsushi.evaluation.texts import Diagnostic, diagnostic
from utsushi.samplers import Prior

__all__ = [
    "ACTIVE_ABOVE",
    "DEAD_BELOW",
    "FAR_ABOVE",
    "Information",
    "active_units",
    "advice",
    "aggregate_divergence_at_least",
    "divergence_per_component",
    "information",
]

#: KL divergence in nats below which a component counts as collapsed.
DEAD_BELOW = 0.1

#: Variance of the posterior mean above which Burda et al. call a component active.
ACTIVE_ABOVE = 0.01

#: Divergence of the aggregate posterior in nats above which the prior is a poor sampler.
FAR_ABOVE = 1.0

#: The largest number of samples of which all pairs are compared.
PAIR_ROWS = 2_000

_DRAWS = 3  # the seed path of the draws; see `utsushi.evaluation.rows`

#: The largest number of pairs of samples times components in memory at once.
_BLOCK_VALUES = 2**22

Rows = NDArray[np.floating[Any]]


def active_units(mean: Rows) -> int:
    r"""Count the components whose posterior mean varies with the sample.

    A component is active if :math:`\mathrm{Var}_x(E_{q(z_h \mid x)}[z_h]) > 0.01`.

    Parameters
    ----------
    mean : ndarray of shape (n, H)
        The posterior means.

    References
    ----------
    Burda, Grosse and Salakhutdinov 2016, *Importance Weighted Autoencoders*,
    https://arxiv.org/abs/1509.00519

    Examples
    --------
    >>> active_units(np.array([[0.0, 1.0], [0.01, -1.0]]))
    1
    """
    return int((mean.var(axis=0, dtype=np.float64) > ACTIVE_ABOVE).sum())


@dataclass(frozen=True)
class Information:
    """Hold the mutual information of samples and codes, and the aggregate divergence.

    Attributes
    ----------
    mutual_information : Estimate
        Nats, see `information`.
    aggregate_divergence : Estimate
        Nats: the mean divergence less the mutual information.
    limit : float
        The logarithm of the number of samples, the largest value of the mutual information.
    """

    mutual_information: Estimate
    aggregate_divergence: Estimate
    limit: float

    @property
    def is_at_limit(self) -> bool:
        """Whether the mutual information is within a nat of its limit."""
        return self.mutual_information.value > self.limit - 1


def information(
    mean: Rows,
    standard_deviation: Rows,
    *,
    divergence: Rows | None = None,
    random_state: int = 0,
) -> Information:
    r"""Split the divergence of the code into mutual information and aggregate divergence.

    .. math::
        \underbrace{\frac1n \sum_i D_{KL}(q(z \mid x_i) \Vert p(z))}_{\text{the bound's cost}} =
        \underbrace{I_q(i; z)}_{\text{mutual information}} +
        \underbrace{D_{KL}(q(z) \Vert p(z))}_{\text{aggregate}},
        \qquad q(z) = \frac1n \sum_j q(z \mid x_j)

    The mutual information is the mean of :math:`\log q(z_i \mid x_i) - \log q(z_i)` over one drawn
    code per sample, with all pairs of at most 2,000 samples.

    Parameters
    ----------
    mean, standard_deviation : ndarray of shape (n, H)
        Of the posteriors, as `VariationalAutoencoder.posterior_of` returns them.
    divergence : ndarray of shape (n,), optional
        The divergence of each posterior from the prior; by default from N(0, I).
    random_state : int >= 0, default=0
        Seed of the samples and of their codes.

    Returns
    -------
    Information
        The mutual information of n samples is at most :math:`\log n` nats (7.6 for 2,000 samples).
        Near that limit the posteriors hardly overlap, and more samples would give a larger value:
        it is then a lower bound for the data distribution, and the aggregate divergence an upper
        bound.

    Notes
    -----
    A sample enters its own term and, as a part of the mixture, all others. The standard errors
    count both: the influence of sample i is its own term less
    :math:`\sum_k q(z_k \mid x_i) / \sum_j q(z_k \mid x_j) - 1`.

    References
    ----------
    Hoffman and Johnson 2016, *ELBO surgery: yet another way to carve up the variational evidence
    lower bound*

    Examples
    --------
    >>> prior = information(np.zeros((50, 2)), np.ones((50, 2)))
    >>> abs(prior.mutual_information.value) < 1e-12
    True
    """
    rows = chosen_rows(len(mean), PAIR_ROWS, random_state)
    mu, sigma = (array[rows].astype(np.float64) for array in (mean, standard_deviation))
    draws = numpy_generator(random_state, Purpose.EVALUATION, _DRAWS)
    log_posterior, log_mixture, share = _log_densities(
        mu + sigma * draws.standard_normal(mu.shape), mu, sigma
    )
    gain = log_posterior - log_mixture
    influence = gain - (share - 1)
    if divergence is None:
        kl = kl_standard_normal(torch.from_numpy(mu), torch.from_numpy(2 * np.log(sigma)))
        divergence = kl.sum(dim=1).numpy()
    else:
        divergence = divergence[rows].astype(np.float64)
    return Information(
        _with_influence(gain.mean(), influence, random_state),
        _with_influence((divergence - gain).mean(), divergence - influence, random_state),
        float(np.log(len(rows))),
    )


def _log_densities(
    codes: NDArray[np.float64], mean: NDArray[np.float64], deviation: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return log q(z_i|x_i) and log q(z_i) (n,), and each sample's share (n,) in the mixture."""
    n_rows, n_components = mean.shape
    z, mu, sigma = (torch.from_numpy(array) for array in (codes, mean, deviation))
    constant = -sigma.log().sum(dim=1) - 0.5 * n_components * LOG_2PI
    log_posterior, log_mixture, share = torch.zeros(3, n_rows, dtype=torch.float64)
    for block in torch.arange(n_rows).split(max(1, _BLOCK_VALUES // mean.size)):
        scaled = (z[block, None] - mu) / sigma
        pairs = constant - 0.5 * scaled.square().sum(dim=2)  # log q(z_i|x_j)
        total = pairs.logsumexp(dim=1)
        log_posterior[block] = pairs[torch.arange(len(block)), block]
        log_mixture[block] = total - np.log(n_rows)
        share += (pairs - total[:, None]).exp().sum(dim=0)
    return log_posterior.numpy(), log_mixture.numpy(), share.numpy()


def _with_influence(value: float, influence: NDArray[np.float64], seed: int) -> Estimate:
    """Return an estimate whose standard error is that of the samples' influence on it."""
    error = Estimate.over(influence).standard_error
    return Estimate(float(value), error, len(influence), seed)


def aggregate_divergence_at_least(mean: Rows, standard_deviation: Rows) -> float:
    r"""Return a lower bound on the divergence of the aggregate posterior from the prior, in nats.

    Of all distributions with the mean m and the covariance S of :math:`q(z)`, the Gaussian is the
    nearest to N(0, I):

    .. math::
        D_{KL}(q(z) \Vert p(z)) \ge
        \frac12 \left( \mathrm{tr}\, S + \Vert m \Vert^2 - H - \log \det S \right).

    It needs no pairs of samples and no draws, and holds where `information` is at its limit.

    Parameters
    ----------
    mean, standard_deviation : ndarray of shape (n, H)
        Of the posteriors.

    Returns
    -------
    float
        At least 0. The bias of n samples, about H (H + 3) / 4n, is subtracted.

    Examples
    --------
    >>> aggregate_divergence_at_least(np.zeros((9, 2)), np.ones((9, 2)))
    0.0
    """
    n_rows, n_components = mean.shape
    mean = mean.astype(np.float64)
    centre = mean.mean(axis=0)
    noise = np.square(standard_deviation, dtype=np.float64).mean(axis=0)
    covariance = (mean - centre).T @ (mean - centre) / n_rows + np.diag(noise)
    size = float(np.trace(covariance) + centre @ centre - np.linalg.slogdet(covariance)[1])
    by_chance = n_components * (n_components + 3) / (4 * n_rows)
    return max(0.0, float(0.5 * (size - n_components) - by_chance))


def advice(
    kl_per_component: NDArray[np.float64],
    mutual_information: float,
    aggregate_divergence: float,
    model: VariationalAutoencoder,
) -> list[Diagnostic]:
    """Return diagnostics of the code, with the settings to change.

    Parameters
    ----------
    kl_per_component : ndarray of shape (H,)
        The mean divergence of each component, nats.
    mutual_information : float
        The mutual information of code and sample, nats.
    aggregate_divergence : float
        The result of `aggregate_divergence_at_least`, nats.
    model : fitted VariationalAutoencoder
        Only settings that it does not have yet are advised.

    Returns
    -------
    list of Diagnostic
        One of "all components carry information", "so many of them are dead (under 0.1 nats)",
        "all are: the posterior has collapsed" and "the code carries no information"; and, where
        ``aggregate_divergence`` is over 1 nat and new codes are drawn from the prior, that they
        will lie between the codes of the data.

    Examples
    --------
    >>> X = np.random.default_rng(0).random((50, 4))
    >>> model = VariationalAutoencoder(n_components=2, hidden=(8,), random_state=0).fit(X)
    >>> [message["text"] for message in advice(np.array([2.5, 1.5]), 3.9, 0.0, model)]
    ['All 2 components carry information.']
    """
    n_components = len(kl_per_component)
    n_dead = int((kl_per_component < DEAD_BELOW).sum())
    diagnostics = []
    if n_dead < n_components and mutual_information < DEAD_BELOW * (n_components - n_dead):
        # The posteriors are equal and far from the prior: no sampler can correct that.
        cost = float(kl_per_component.sum())
        return [
            diagnostic(
                "tells_nothing", told=mutual_information, cost=cost, n_epochs=model.n_epochs_
            )
        ]
    if n_dead == 0:
        diagnostics.append(diagnostic("all_alive", n_components=n_components))
    else:
        key = "all_dead" if n_dead == n_components else "some_dead"
        fixes = _fixes(model.get_params(deep=False), model)
        diagnostics.append(diagnostic(key, n_dead=n_dead, n_components=n_components, fixes=fixes))
    if aggregate_divergence > FAR_ABOVE and isinstance(model.sampler_, Prior):
        diagnostics.append(diagnostic("far_from_prior", far_by=aggregate_divergence))
    return diagnostics


def _fixes(settings: Mapping[str, Any], model: VariationalAutoencoder) -> list[str]:
    """Return the settings that could revive a collapsed component, as Python arguments."""
    fixes = []
    if isinstance(model.likelihood_, UnitGaussian):
        fixes.append("likelihood='gaussian'")
    if settings["beta"] > 0:
        fixes.append(f"beta<{settings['beta']:g}")
    objective = model.chosen("objective")
    for name in ("free_bits", "kl_warmup_epochs"):
        if getattr(objective, name, None) == 0:
            fixes.append(f"objective__{name}>0")
    return fixes or [f"max_epochs>{model.n_epochs_}"]


def divergence_per_component(model: VariationalAutoencoder, X: ArrayLike) -> NDArray[np.float64]:
    r"""Compute the divergence of each sample's posterior from the prior, by component.

    Parameters
    ----------
    model : fitted VariationalAutoencoder
    X : ndarray of shape (n, D)

    Returns
    -------
    ndarray of shape (n, H), float64
        Nats. A component whose mean is below 0.1 nats is dead. With a
        prior other than the standard normal, of shape (n, 1): see
        `VariationalAutoencoder.divergence`.

    Examples
    --------
    >>> X = np.random.default_rng(0).random((50, 4))
    >>> model = VariationalAutoencoder(n_components=2, hidden=(8,), random_state=0).fit(X)
    >>> divergence_per_component(model, X).shape
    (50, 2)
    """
    return model.divergence(X).astype(np.float64)
