"""The bounds that a variational autoencoder maximizes, term by term."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, ClassVar

import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from torch import Tensor

from utsushi._utils.str_options import Names
from utsushi.distributions.divergences import kl_standard_normal
from utsushi.distributions.likelihoods import squared_error
from utsushi.distributions.posteriors import PosteriorDistribution
from utsushi.networks import EncoderDecoder

__all__ = [
    "ELBO",
    "OBJECTIVES",
    "Bound",
    "Draws",
    "ImportanceWeighted",
    "elbo",
    "free_bits_kl",
    "importance_weighted_bound",
    "lecture_loss",
    "log_weights",
]


def elbo(log_likelihood: Tensor, kl: Tensor, beta: float = 1.0) -> Tensor:
    r"""Bound on :math:`\log p(x)`: :math:`J_1 - \beta J_2`.

    .. math::
        \mathrm{ELBO}(x) = J_1 - \beta J_2
            = \mathbb E_{q(z \mid x)} \log p(x \mid z) - \beta\, D_{KL}(q(z \mid x) \Vert p(z))

    Parameters
    ----------
    log_likelihood : Tensor of shape (B,)
        :math:`J_1` in nats, the mean of :math:`\log p(x \mid z)` over drawn codes.
    kl : Tensor of shape (B,)
        :math:`J_2` in nats, the sum of the components' divergences.
    beta : float, default=1.0
        Weight of the divergence. Only 1 gives a bound that is the evidence lower bound; above 1 it
        is looser, below 1 it is none.

    Returns
    -------
    Tensor of shape (B,)
        Nats per row.

    References
    ----------
    Kingma and Welling 2014, https://arxiv.org/abs/1312.6114, equation 7; for beta, Higgins et al.
    2017, https://openreview.net/forum?id=Sy2fzU9gl

    Examples
    --------
    >>> elbo(torch.tensor([-4.0]), torch.tensor([1.0]))
    tensor([-5.])
    """
    return torch.sub(log_likelihood, kl, alpha=beta)


def lecture_loss(x: Tensor, x_hat: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    r"""The lecture's loss of each row: :math:`-2\,\mathrm{ELBO}` without its constant.

    .. math::
        E(x) = \Vert x - \hat x \Vert^2
            - \sum_{h=1}^{H} \left( 1 + \log \sigma_h^2 - \mu_h^2 - \sigma_h^2 \right)

    With the unit-Gaussian likelihood and one draw,
    :math:`\mathrm{ELBO} = -\frac12 E - \frac D2 \log 2\pi`.

    Parameters
    ----------
    x, x_hat : Tensor of shape (B, D)
        Rows and their reconstructions from one drawn code each.
    mean, log_variance : Tensor of shape (B, H)
        :math:`\mu` and :math:`\log \sigma^2` of the posterior.

    Returns
    -------
    Tensor of shape (B,)

    Examples
    --------
    >>> lecture_loss(torch.ones(1, 3), torch.zeros(1, 3), torch.ones(1, 2), torch.zeros(1, 2))
    tensor([5.])
    """
    return squared_error(x, x_hat) + 2 * kl_standard_normal(mean, log_variance).sum(dim=-1)


def free_bits_kl(kl: Tensor, free_bits: float) -> Tensor:
    r"""Divergence per component, no less than :math:`\lambda` on the average of the batch.

    .. math::
        \sum_h \max\left( \lambda,
            \frac1B \sum_b D_{KL}(q(z_h \mid x_b) \Vert p(z_h)) \right)

    is the mean of the rows' sums: a component whose average is below :math:`\lambda` counts as
    :math:`\lambda` in every row, and is not pushed down any further.

    Parameters
    ----------
    kl : Tensor of shape (B, H)
        The divergence per component, in nats.
    free_bits : float >= 0
        :math:`\lambda`, in nats per component.

    Returns
    -------
    Tensor of shape (B, H)

    References
    ----------
    Kingma et al. 2016, *Improved Variational Inference with Inverse Autoregressive Flow*,
    https://arxiv.org/abs/1606.04934, appendix C.8

    Examples
    --------
    >>> free_bits_kl(torch.tensor([[0.1, 1.0], [0.3, 2.0]]), 0.5)
    tensor([[0.5000, 1.0000],
            [0.5000, 2.0000]])
    """
    return torch.where(kl.mean(dim=0) > free_bits, kl, torch.full_like(kl, free_bits))


def log_weights(
    log_likelihood: Tensor, log_prior: Tensor, log_posterior: Tensor, beta: float = 1.0
) -> Tensor:
    r"""Log of the importance weights of codes drawn from the posterior.

    .. math::
        \log w = \log p(x \mid z) + \beta\,(\log p(z) - \log q(z \mid x))

    Parameters
    ----------
    log_likelihood, log_prior, log_posterior : Tensor of shape (..., B)
        The three log densities in nats.
    beta : float, default=1.0
        Only 1 gives weights whose mean estimates :math:`p(x)`.

    Returns
    -------
    Tensor of shape (..., B)

    Examples
    --------
    >>> log_weights(torch.tensor([-4.0]), torch.tensor([-2.0]), torch.tensor([-1.0]))
    tensor([-5.])
    """
    return log_likelihood + beta * (log_prior - log_posterior)


def importance_weighted_bound(log_weights: Tensor) -> Tensor:
    r"""Bound on :math:`\log p(x)` with K draws; it rises to it with K.

    .. math::
        L_K(x) = \log \frac1K \sum_{k=1}^{K} w_k

    Parameters
    ----------
    log_weights : Tensor of shape (K, ...)
        :math:`\log w_k` in nats.

    Returns
    -------
    Tensor of shape (...)
        Nats per row. With K = 1 the evidence lower bound, in one draw.

    References
    ----------
    Burda, Grosse and Salakhutdinov 2016, *Importance Weighted Autoencoders*,
    https://arxiv.org/abs/1509.00519, equation 8

    Examples
    --------
    >>> importance_weighted_bound(torch.tensor([[0.0], [0.0]]))
    tensor([0.])
    """
    return torch.logsumexp(log_weights, dim=0) - math.log(len(log_weights))


# --- as parameters of an estimator --------------------------------------------------------------


@dataclass(frozen=True)
class Draws:
    r"""Codes drawn from the posteriors of a batch, and what a bound is made of.

    Attributes
    ----------
    module : EncoderDecoder
        The network, for its prior.
    posterior : PosteriorDistribution
        :math:`q(z \mid x)` of B samples.
    z : Tensor of shape (S, B, H)
        S codes a sample; of shape (B, H) for one.
    log_likelihood : Tensor of shape (S, B), or (B,)
        :math:`\log p(x \mid z)` of each code in nats.
    divergence : Tensor of shape (B, H), or (B, 1)
        :math:`D_{KL}(q(z \mid x) \Vert p(z))` in nats, in terms that add up to it.
    """

    module: EncoderDecoder
    posterior: PosteriorDistribution
    z: Tensor
    log_likelihood: Tensor
    divergence: Tensor

    @property
    def expected_log_likelihood(self) -> Tensor:
        """The mean of the log-likelihood over the codes of each sample, (B,)."""
        log_likelihood = self.log_likelihood
        return log_likelihood if log_likelihood.dim() == 1 else log_likelihood.mean(dim=0)


@dataclass(kw_only=True, eq=False, repr=False)
class Bound(BaseEstimator, ABC):
    """The base of what a variational autoencoder maximizes: its ``objective`` parameter.

    Parameters
    ----------
    kl_warmup_epochs : float >= 0, default=0.0
        The weight of the divergence rises linearly from 0 over so many epochs, which must be
        fewer than those of the training.
    """

    kl_warmup_epochs: float = 0.0

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "kl_warmup_epochs": [Interval(Real, 0, None, closed="left")]
    }

    @property
    @abstractmethod
    def n_draws(self) -> int:
        """The codes to draw for each sample and step."""

    @property
    def n_importance_samples(self) -> int:
        """The draws that are weighted against each other; the noise scale is fitted by them."""
        return 1

    @abstractmethod
    def __call__(self, draws: Draws, beta: float) -> Tensor:
        """Return the bound of each sample in nats, shape (B,), with a weight of the divergence."""


@dataclass(kw_only=True, eq=False, repr=False)
class ELBO(Bound):
    r"""The evidence lower bound: `elbo`.

    Parameters
    ----------
    n_samples : int >= 1, default=1
        The codes drawn for each sample and step of training.
    free_bits : float >= 0, default=0.0
        Nats per component, on the average of a batch, under which the divergence is not pushed;
        see `free_bits_kl`.
    kl_warmup_epochs : float >= 0, default=0.0
        The weight of the divergence rises linearly from 0 over so many epochs, which must be
        fewer than those of the training.

    Examples
    --------
    >>> from utsushi import VariationalAutoencoder
    >>> VariationalAutoencoder(objective=ELBO(free_bits=0.1, kl_warmup_epochs=4))
    VariationalAutoencoder(objective=ELBO(free_bits=0.1, kl_warmup_epochs=4))
    """

    n_samples: int = 1
    free_bits: float = 0.0

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Bound._parameter_constraints,
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "free_bits": [Interval(Real, 0, None, closed="left")],
    }

    @property
    def n_draws(self) -> int:
        """The codes to draw for each sample and step."""
        return int(self.n_samples)

    def __call__(self, draws: Draws, beta: float) -> Tensor:
        """Return the bound of each sample; see `Bound.__call__`."""
        kl = draws.divergence
        if self.free_bits:
            kl = free_bits_kl(kl, float(self.free_bits))
        return elbo(draws.expected_log_likelihood, kl.sum(dim=-1), beta)


@dataclass(kw_only=True, eq=False, repr=False)
class ImportanceWeighted(Bound):
    r"""The importance-weighted bound :math:`L_K`: `importance_weighted_bound`.

    Parameters
    ----------
    n_samples : int >= 1, default=5
        K, the codes drawn for each estimate of the bound.
    n_estimates : int >= 1, default=1
        The independent estimates for each sample and step of training, of which the mean is taken.
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
        "gradient": [Names({"standard", "doubly-reparameterized"})],
    }

    @property
    def n_draws(self) -> int:
        """The codes to draw for each sample and step."""
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
        # The posterior's own parameters are held still, so that all of the encoder's gradient
        # comes through z; there each draw counts by the square of its normalized weight, and by
        # the weight itself where beta takes the posterior's density out of it.
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


#: The names that the ``objective`` parameter takes.
OBJECTIVES: dict[str, type[Bound]] = {"elbo": ELBO, "importance-weighted": ImportanceWeighted}
