r"""Kullback–Leibler divergences between Gaussians, in closed form.

Every function returns one value per component, shape ``(..., H)``: their sum over the last axis is
the divergence of the whole code, and their mean over the samples is the information that a
component carries.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["kl_diagonal_gaussians", "kl_full_covariance", "kl_standard_normal"]


def kl_diagonal_gaussians(
    mean_a: Tensor, log_variance_a: Tensor, mean_b: Tensor, log_variance_b: Tensor
) -> Tensor:
    r"""Return the divergence of :math:`p_A` from :math:`p_B`, component by component.

    .. math::
        D_{KL}(p_A \Vert p_B) = -\frac12 \sum_{h=1}^{H} \left(
            1 + \log\frac{\sigma_{A,h}^2}{\sigma_{B,h}^2}
            - \frac{(\mu_{A,h} - \mu_{B,h})^2}{\sigma_{B,h}^2}
            - \frac{\sigma_{A,h}^2}{\sigma_{B,h}^2} \right)

    for diagonal Gaussians :math:`p_A = N(\mu_A, \mathrm{diag}(\sigma_A^2))` and :math:`p_B`; the
    function returns the H terms of the sum.

    Parameters
    ----------
    mean_a, log_variance_a : Tensor of shape (..., H)
        :math:`\mu_A` and :math:`\log \sigma_A^2`.
    mean_b, log_variance_b : Tensor of shape (..., H)
        :math:`\mu_B` and :math:`\log \sigma_B^2`.

    Returns
    -------
    Tensor of shape (..., H)
        Nats per component, not below zero except for rounding errors.

    References
    ----------
    Kingma and Welling 2014, *Auto-Encoding Variational Bayes*, appendix B,
    https://arxiv.org/abs/1312.6114

    Examples
    --------
    >>> zero, one = torch.zeros(1), torch.ones(1)
    >>> kl_diagonal_gaussians(one, zero, zero, zero)  # equal variances: half the squared distance
    tensor([0.5000])
    """
    log_ratio = log_variance_a - log_variance_b
    distance = (mean_a - mean_b).square() * torch.exp(-log_variance_b)
    # expm1 keeps digits that exp(log r) - 1 loses when the variances are nearly equal.
    return 0.5 * (torch.expm1(log_ratio) - log_ratio + distance)


def kl_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    r"""Return the divergence of the posterior from the prior N(0, I), component by component.

    .. math::
        J_2 = -\frac12 \sum_{h=1}^{H} \left( 1 + \log \sigma_h^2 - \mu_h^2 - \sigma_h^2 \right)

    Parameters
    ----------
    mean, log_variance : Tensor of shape (..., H)
        :math:`\mu` and :math:`\log \sigma^2` of the posterior.

    Returns
    -------
    Tensor of shape (..., H)
        Nats per component: the H terms of the sum.

    Examples
    --------
    >>> kl_standard_normal(torch.tensor([0.0, 2.0]), torch.zeros(2))
    tensor([0., 2.])
    """
    return 0.5 * (torch.expm1(log_variance) - log_variance + mean.square())


def kl_full_covariance(mean: Tensor, factor: Tensor) -> Tensor:
    r"""Return the divergence of a Gaussian with any covariance from N(0, I), in H terms.

    .. math::
        D_{KL}(N(\mu, L L^\top) \Vert N(0, I)) = \sum_{h=1}^{H} \left(
            \frac12 \left( \Vert L_{h \cdot} \Vert^2 + \mu_h^2 - 1 \right) - \log L_{hh} \right)

    Parameters
    ----------
    mean : Tensor of shape (..., H)
        :math:`\mu`.
    factor : Tensor of shape (..., H, H)
        L, lower triangular with a positive diagonal.

    Returns
    -------
    Tensor of shape (..., H)
        Nats; no term is below zero except for rounding errors.

    Examples
    --------
    >>> kl_full_covariance(torch.ones(1, 2), torch.eye(2)[None])
    tensor([[0.5000, 0.5000]])
    """
    log_diagonal = factor.diagonal(dim1=-2, dim2=-1).log()
    return 0.5 * (factor.square().sum(dim=-1) + mean.square() - 1) - log_diagonal
