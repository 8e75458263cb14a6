"""The bounds that a variational autoencoder maximizes, term by term."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from utsushi.distributions.divergences import kl_standard_normal
from utsushi.distributions.likelihoods import squared_error

__all__ = [
    "elbo",
    "free_bits_kl",
    "importance_weighted_bound",
    "lecture_loss",
    "log_weights",
]


def elbo(log_likelihood: Tensor, kl: Tensor, beta: float = 1.0) -> Tensor:
    r"""Return the evidence lower bound on :math:`\log p(x)`: :math:`J_1 - \beta J_2`.

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
        Weight of the divergence. With 1 it is the evidence lower bound; above 1 the bound is
        looser, below 1 it is not a bound.

    Returns
    -------
    Tensor of shape (B,)
        Nats per sample.

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
    r"""Return the lecture's loss of each sample: :math:`-2\,\mathrm{ELBO}` without its constant.

    .. math::
        E(x) = \Vert x - \hat x \Vert^2
            - \sum_{h=1}^{H} \left( 1 + \log \sigma_h^2 - \mu_h^2 - \sigma_h^2 \right)

    With the unit-Gaussian likelihood and one draw,
    :math:`\mathrm{ELBO} = -\frac12 E - \frac D2 \log 2\pi`.

    Parameters
    ----------
    x, x_hat : Tensor of shape (B, D)
        Samples and their reconstructions from one drawn code each.
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
    r"""Return the divergence per component, at least :math:`\lambda` on average over the batch.

    .. math::
        \sum_h \max\left( \lambda,
            \frac1B \sum_b D_{KL}(q(z_h \mid x_b) \Vert p(z_h)) \right)

    is the mean of the samples' sums: a component whose average is below :math:`\lambda` counts as
    :math:`\lambda` in every sample, and has no gradient.

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
    r"""Return the log importance weights of codes drawn from the posterior.

    .. math::
        \log w = \log p(x \mid z) + \beta\,(\log p(z) - \log q(z \mid x))

    Parameters
    ----------
    log_likelihood, log_prior, log_posterior : Tensor of shape (..., B)
        The three log densities in nats.
    beta : float, default=1.0
        Weight of the divergence; only with 1 does the mean weight estimate :math:`p(x)`.

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
    r"""Return the bound on :math:`\log p(x)` with K draws; it rises to :math:`\log p(x)` with K.

    .. math::
        L_K(x) = \log \frac1K \sum_{k=1}^{K} w_k

    Parameters
    ----------
    log_weights : Tensor of shape (K, ...)
        :math:`\log w_k` in nats.

    Returns
    -------
    Tensor of shape (...)
        Nats per sample. With K = 1 it estimates the evidence lower bound from one draw.

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
