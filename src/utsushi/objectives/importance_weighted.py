"""The importance-weighted bound and its variants as an ``objective``."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor

from utsushi._utils.str_options import SortedStrOptions
from utsushi.objectives.bounds import elbo, importance_weighted_bound, log_weights
from utsushi.objectives.elbo import Bound, Draws

__all__ = ["CombinedImportanceWeighted", "ImportanceWeighted", "PartiallyImportanceWeighted"]


@dataclass(kw_only=True, eq=False, repr=False)
class ImportanceWeighted(Bound):
    r"""The importance-weighted bound :math:`L_K`: `importance_weighted_bound`.

    Parameters
    ----------
    n_samples : int >= 1, default=5
        K, the codes drawn for each estimate of the bound.
    n_estimates : int >= 1, default=1
        The number of independent estimates for each sample and step; the objective is their mean.
    gradient : {"standard", "doubly-reparameterized"}, default="standard"
        The encoder's gradient; the latter has a lower variance. Tucker, Lawson, Gu and Maddison
        2019, https://arxiv.org/abs/1810.04152
    kl_warmup_epochs : float >= 0, default=0.0
        The weight of the divergence rises linearly from 0 over so many epochs, which must be
        fewer than those of the training.

    References
    ----------
    Burda, Grosse and Salakhutdinov 2016, *Importance Weighted Autoencoders*,
    https://arxiv.org/abs/1509.00519

    Examples
    --------
    >>> from utsushi import VariationalAutoencoder
    >>> VariationalAutoencoder(objective=ImportanceWeighted(n_samples=20))
    VariationalAutoencoder(objective=ImportanceWeighted(n_samples=20))
    """

    n_samples: int = 5
    n_estimates: int = 1
    gradient: str = "standard"

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Bound._parameter_constraints,
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "n_estimates": [Interval(Integral, 1, None, closed="left")],
        "gradient": [SortedStrOptions({"standard", "doubly-reparameterized"})],
    }

    @property
    def n_draws(self) -> int:
        """The number of codes to draw for each sample and step."""
        return int(self.n_samples * self.n_estimates)

    @property
    def n_importance_samples(self) -> int:
        """K."""
        return int(self.n_samples)

    def __call__(self, draws: Draws, beta: float) -> Tensor:
        """Return the bound of each sample; see `Bound.__call__`."""
        z, groups = draws.z, (int(self.n_estimates), int(self.n_samples), -1)
        log_prior = draws.module.log_prior(z)
        if self.gradient == "standard" or not z.requires_grad:
            log_posterior = draws.posterior.log_prob(z)
            log_w = log_weights(draws.log_likelihood, log_prior, log_posterior, beta)
            log_w = log_w.reshape(groups)
            return importance_weighted_bound(log_w.transpose(0, 1)).mean(dim=0)
        # The posterior's parameters are detached, so that all of the encoder's gradient comes
        # through z: at beta = 1 weighted by the squares of the normalized weights, at beta = 0,
        # where the weights do not contain the posterior's density, by the weights.
        log_posterior = draws.posterior.detach().log_prob(z)
        log_w = log_weights(draws.log_likelihood, log_prior, log_posterior, beta).reshape(groups)
        shares = torch.softmax(log_w.detach(), dim=1)
        of_path = ((1 - beta) + beta * shares).reshape(*z.shape[:-1], 1)
        z.register_hook(lambda gradient: gradient * of_path)
        surrogate = (shares * log_w).sum(dim=1).mean(dim=0)
        bound = importance_weighted_bound(log_w.detach().transpose(0, 1)).mean(dim=0)
        # The value of the bound, with the gradient of the surrogate.
        with_gradient: Tensor = bound + surrogate - surrogate.detach()
        return with_gradient


@dataclass(kw_only=True, eq=False, repr=False)
class CombinedImportanceWeighted(ImportanceWeighted):
    r"""A weighted mean of both bounds: :math:`\gamma\,\mathrm{ELBO} + (1 - \gamma)\,L_K`.

    The evidence lower bound trains the encoder, the importance-weighted one the decoder.

    Parameters
    ----------
    elbo_share : float in [0, 1], default=0.5
        :math:`\gamma`.
    n_samples, n_estimates, gradient, kl_warmup_epochs
        See `ImportanceWeighted`.

    References
    ----------
    Rainforth, Kosiorek, Le, Maddison, Igl, Wood and Teh 2018, *Tighter Variational Bounds are Not
    Necessarily Better*, https://arxiv.org/abs/1802.04537: CIWAE

    Examples
    --------
    >>> CombinedImportanceWeighted(n_samples=10, elbo_share=0.2)
    CombinedImportanceWeighted(elbo_share=0.2, n_samples=10)
    """

    elbo_share: float = 0.5

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **ImportanceWeighted._parameter_constraints,
        "elbo_share": [Interval(Real, 0, 1, closed="both")],
    }

    def __call__(self, draws: Draws, beta: float) -> Tensor:
        """Return the bound of each sample; see `Bound.__call__`."""
        share = float(self.elbo_share)
        of_one = elbo(draws.expected_log_likelihood, draws.divergence.sum(dim=-1), beta)
        return share * of_one + (1 - share) * super().__call__(draws, beta)


@dataclass(kw_only=True, eq=False, repr=False)
class PartiallyImportanceWeighted(ImportanceWeighted):
    r"""Train the decoder by :math:`L_{MK}`, the encoder by the mean of M estimates of :math:`L_K`.

    A bound of many draws is better for the decoder; the gradient of the encoder has less noise with
    several smaller bounds. Each step takes two passes through the decoder.

    Parameters
    ----------
    n_samples : int >= 1, default=5
        K.
    n_estimates : int >= 1, default=3
        M.
    gradient, kl_warmup_epochs
        See `ImportanceWeighted`.

    References
    ----------
    Rainforth, Kosiorek, Le, Maddison, Igl, Wood and Teh 2018, *Tighter Variational Bounds are Not
    Necessarily Better*, https://arxiv.org/abs/1802.04537: PIWAE

    Examples
    --------
    >>> PartiallyImportanceWeighted(n_estimates=8)
    PartiallyImportanceWeighted(n_estimates=8)
    """

    n_estimates: int = 3

    fixes_decoder: ClassVar[bool] = True

    @property
    def n_importance_samples(self) -> int:
        """M K, the draws of the decoder's bound."""
        return self.n_draws

    def __call__(self, draws: Draws, beta: float) -> Tensor:
        """Return the decoder's bound, with the gradient of both; see `Bound.__call__`."""
        of_encoder = super().__call__(draws, beta)
        z, posterior = draws.z.detach(), draws.posterior.detach()
        log_w = log_weights(
            draws.log_likelihood_of(z, draws.module.decoder),
            draws.module.log_prior(z),
            posterior.log_prob(z).detach(),
            beta,
        )
        of_decoder = importance_weighted_bound(log_w.reshape(self.n_draws, -1))
        with_gradient: Tensor = of_decoder + of_encoder - of_encoder.detach()
        return with_gradient
