r"""Posteriors :math:`q(z \mid x)`: what a variational encoder's output means."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn

from utsushi.distributions.likelihoods import LOG_2PI

__all__ = [
    "LOG_VARIANCE_BEND",
    "POSTERIORS",
    "DiagonalGaussian",
    "DiagonalGaussianPosterior",
    "Posterior",
    "PosteriorDistribution",
    "diagonal_gaussian_log_prob",
    "posterior_parameters",
    "reparameterize",
]

#: The magnitude from which a log-variance bends, and the most that the bend adds.
LOG_VARIANCE_BEND = 10.0


class PosteriorDistribution(ABC):
    r""":math:`q(z \mid x)` of a batch of samples.

    Attributes
    ----------
    mean : Tensor of shape (..., H)
        The code that `transform` returns.
    """

    mean: Tensor

    @abstractmethod
    def rsample(self, noise: Tensor) -> Tensor:
        """Turn standard normal noise (S, ..., H) or (..., H) into codes, differentiably."""

    @abstractmethod
    def log_prob(self, z: Tensor) -> Tensor:
        r"""Return :math:`\log q(z \mid x)` in nats, shape (...), of codes (..., H)."""

    @abstractmethod
    def detach(self) -> Self:
        """Return the same distribution, with parameters that no gradient reaches."""


@dataclass(frozen=True)
class DiagonalGaussian(PosteriorDistribution):
    r""":math:`N(\mu, \mathrm{diag}(\sigma^2))`.

    Parameters
    ----------
    mean, log_variance : Tensor of shape (..., H)
        :math:`\mu` and :math:`\log \sigma^2`.

    Examples
    --------
    >>> q = DiagonalGaussian(torch.ones(1, 2), torch.zeros(1, 2))
    >>> q.rsample(torch.tensor([[0.0, -1.0]]))
    tensor([[1., 0.]])
    >>> q.log_prob(torch.ones(1, 2))  # -log 2 pi
    tensor([-1.8379])
    """

    mean: Tensor
    log_variance: Tensor

    def rsample(self, noise: Tensor) -> Tensor:
        r"""Return :math:`\mu + \sigma \varepsilon`; see `reparameterize`."""
        return reparameterize(self.mean, self.log_variance, noise)

    def log_prob(self, z: Tensor) -> Tensor:
        """See `diagonal_gaussian_log_prob`."""
        return diagonal_gaussian_log_prob(z, self.mean, self.log_variance)

    def detach(self) -> Self:
        """Return the same distribution, with parameters that no gradient reaches."""
        return type(self)(self.mean.detach(), self.log_variance.detach())


class Posterior(BaseEstimator, ABC):
    """The base of all posteriors: parameters now, a module once the size of the code is known.

    Attributes
    ----------
    outputs_per_component : int
        The numbers that the encoder gives for each component of the code.
    """

    outputs_per_component: ClassVar[int]

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    @abstractmethod
    def build(self, n_components: int) -> nn.Module:
        """Return a module from the encoder's output (B, outputs) to a `PosteriorDistribution`."""


class DiagonalGaussianPosterior(Posterior):
    """Independent Gaussian components, as in the lecture: the encoder gives mean and log-variance.

    References
    ----------
    Kingma and Welling 2014, *Auto-Encoding Variational Bayes*, https://arxiv.org/abs/1312.6114

    Examples
    --------
    >>> read = DiagonalGaussianPosterior().build(2)
    >>> read(torch.tensor([[0.5, -0.5, 0.0, 0.0]])).mean
    tensor([[ 0.5000, -0.5000]])
    """

    outputs_per_component = 2

    def build(self, n_components: int) -> nn.Module:
        """See `Posterior.build`."""
        return _ReadDiagonalGaussian()


class _ReadDiagonalGaussian(nn.Module):
    """An encoder's output (..., 2H) as a `DiagonalGaussian`."""

    def forward(self, head: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(*posterior_parameters(head))


def posterior_parameters(head: Tensor) -> tuple[Tensor, Tensor]:
    r"""Read an encoder's output as the mean and the log-variance of :math:`q(z \mid x)`.

    A log-variance may be any real number, so :math:`\sigma = \exp(\frac12 \log \sigma^2)` is
    positive without a constraint. Beyond ±10 it bends smoothly, and it never passes ±20, where the
    exponential is still finite; within ±10 it is the identity, bit for bit.

    Parameters
    ----------
    head : Tensor of shape (..., 2H)
        :math:`\mu` in the first H columns, :math:`\log \sigma^2` in the last.

    Returns
    -------
    mean, log_variance : Tensor of shape (..., H)

    Examples
    --------
    >>> posterior_parameters(torch.tensor([[0.5, 1e9]]))
    (tensor([[0.5000]]), tensor([[20.]]))
    """
    mean, raw = head.chunk(2, dim=-1)
    # A fifth of a small step's time, and nearly never needed; but to know that on an accelerator,
    # one would have to wait for it.
    if raw.device.type == "cpu" and _largest(raw) <= LOG_VARIANCE_BEND:
        return mean, raw
    inner = raw.clamp(-LOG_VARIANCE_BEND, LOG_VARIANCE_BEND)
    return mean, inner + LOG_VARIANCE_BEND * torch.tanh((raw - inner) / LOG_VARIANCE_BEND)


def _largest(values: Tensor) -> float:
    """Return the largest magnitude; 0 where there are no values, as in a part of a batch."""
    return values.detach().abs().max().item() if values.numel() else 0.0


def reparameterize(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    r"""Turn noise into a draw from the posterior: :math:`z = \mu + \sigma\varepsilon`.

    The draw :math:`z_h` has mean :math:`\mu_h` and standard deviation :math:`\sigma_h`, and is
    differentiable with respect to both, which a draw made directly is not.

    Parameters
    ----------
    mean, log_variance : Tensor of shape (..., H)
        :math:`\mu` and :math:`\log \sigma^2`.
    noise : Tensor of shape (S, ..., H) or (..., H)
        :math:`\varepsilon`, standard normal.

    Returns
    -------
    Tensor of the shape of ``noise``

    Examples
    --------
    >>> reparameterize(torch.ones(2), torch.zeros(2), torch.tensor([0.0, -1.0]))
    tensor([1., 0.])
    """
    return mean + torch.exp(0.5 * log_variance) * noise


def diagonal_gaussian_log_prob(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    r"""Log density of codes under :math:`N(\mu, \mathrm{diag}(\sigma^2))`.

    .. math::
        \log N(z; \mu, \sigma^2) = -\frac12 \sum_{h=1}^{H} \left(
            \log 2\pi + \log \sigma_h^2 + \frac{(z_h - \mu_h)^2}{\sigma_h^2} \right)

    Parameters
    ----------
    z, mean, log_variance : Tensor of shape (..., H)
        Codes, :math:`\mu` and :math:`\log \sigma^2`; the leading axes broadcast.

    Returns
    -------
    Tensor of shape (...)
        Nats.

    Examples
    --------
    >>> diagonal_gaussian_log_prob(torch.zeros(2), torch.zeros(2), torch.zeros(2))  # -log 2 pi
    tensor(-1.8379)
    """
    distance = (z - mean).square() * torch.exp(-log_variance)
    return -0.5 * (distance + log_variance + LOG_2PI).sum(dim=-1)


#: The names that the ``posterior`` parameter takes.
POSTERIORS: dict[str, type[Posterior]] = {"diagonal-gaussian": DiagonalGaussianPosterior}
