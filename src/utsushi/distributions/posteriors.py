r"""Posteriors :math:`q(z \mid x)`, whose parameters are the output of a variational encoder."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from dataclasses import dataclass
from numbers import Integral
from typing import Any, ClassVar, Self

import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from torch import Generator, Tensor, nn

from utsushi._utils.optional_dependencies import import_flows
from utsushi.distributions.likelihoods import LOG_2PI
from utsushi.networks.base import SIZES, as_sizes, initialize

__all__ = [
    "LOG_VARIANCE_BEND",
    "DiagonalGaussian",
    "DiagonalGaussianPosterior",
    "FullCovarianceGaussian",
    "FullCovariancePosterior",
    "InverseAutoregressiveFlowPosterior",
    "Posterior",
    "PosteriorDistribution",
    "TransformedGaussian",
    "diagonal_gaussian_log_prob",
    "posterior_parameters",
    "reparameterize",
]

#: Log-variances beyond this magnitude are compressed smoothly, to at most twice the magnitude.
LOG_VARIANCE_BEND = 10.0


class PosteriorDistribution(ABC):
    r""":math:`q(z \mid x)` of a batch of samples.

    Attributes
    ----------
    mean : Tensor of shape (..., H)
        The code that `transform` returns.
    log_variance : Tensor of shape (..., H)
        The log-variance of each component.
    """

    mean: Tensor
    log_variance: Tensor

    @property
    def like(self) -> Tensor:
        """A tensor of the shape, dtype and device of the codes, at no cost."""
        return self.mean

    @abstractmethod
    def rsample(self, noise: Tensor) -> Tensor:
        """Return codes, differentiably, for standard normal noise (S, ..., H) or (..., H)."""

    @abstractmethod
    def log_prob(self, z: Tensor) -> Tensor:
        r"""Return :math:`\log q(z \mid x)` in nats, shape (...), of codes (..., H)."""

    @abstractmethod
    def detach(self) -> Self:
        """Return the same distribution, with parameters detached from the graph."""


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
        """Return the same distribution, with parameters detached from the graph."""
        return type(self)(self.mean.detach(), self.log_variance.detach())


class Posterior(BaseEstimator, ABC):
    """The base of all posteriors: parameters, from which `build` makes the module.

    Attributes
    ----------
    is_built_with_memory : bool
        Whether the module has buffers that its constructor fills.
    gives_mean : bool
        Whether the first H outputs of the encoder are the mean.
    """

    is_built_with_memory: ClassVar[bool] = False
    gives_mean: ClassVar[bool] = True

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    def n_outputs(self, n_components: int) -> int:
        """Return the size of the encoder's output for a code of H components; by default 2 H."""
        return 2 * n_components

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

    def build(self, n_components: int) -> nn.Module:
        """See `Posterior.build`."""
        return _ReadDiagonalGaussian()


class _ReadDiagonalGaussian(nn.Module):
    """An encoder's output (..., 2H) as a `DiagonalGaussian`."""

    def forward(self, head: Tensor) -> DiagonalGaussian:
        return DiagonalGaussian(*posterior_parameters(head))


@dataclass(frozen=True)
class FullCovarianceGaussian(PosteriorDistribution):
    r""":math:`N(\mu, L L^\top)`.

    Parameters
    ----------
    mean : Tensor of shape (..., H)
        :math:`\mu`.
    factor : Tensor of shape (..., H, H)
        L, lower triangular with a positive diagonal.
    """

    mean: Tensor
    factor: Tensor

    @property
    def log_variance(self) -> Tensor:  # type: ignore[override]
        """The log-variance of each component, (..., H)."""
        return self.factor.square().sum(dim=-1).log()

    def rsample(self, noise: Tensor) -> Tensor:
        r"""Return :math:`\mu + L \varepsilon`."""
        codes: Tensor = self.mean + (self.factor @ noise.unsqueeze(-1)).squeeze(-1)
        return codes

    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log density of codes; see `PosteriorDistribution.log_prob`."""
        distance = (z - self.mean).unsqueeze(-1)
        noise = torch.linalg.solve_triangular(self.factor, distance, upper=False).squeeze(-1)
        log_volume = self.factor.diagonal(dim1=-2, dim2=-1).log().sum(dim=-1)
        log_prob: Tensor = -0.5 * (noise.square() + LOG_2PI).sum(dim=-1) - log_volume
        return log_prob

    def detach(self) -> Self:
        """Return the same distribution, with parameters detached from the graph."""
        return type(self)(self.mean.detach(), self.factor.detach())


class FullCovariancePosterior(Posterior):
    r"""One Gaussian with correlated components: :math:`N(\mu, L L^\top)`.

    The encoder gives :math:`\mu`, the logarithms of the squared diagonal of L, and what is below
    it: H (H + 3) / 2 numbers.

    References
    ----------
    Kingma and Welling 2019, *An Introduction to Variational Autoencoders*, section 2.5.1,
    https://arxiv.org/abs/1906.02691

    Examples
    --------
    >>> read = FullCovariancePosterior().build(2)
    >>> q = read(torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.5]]))
    >>> q.factor
    tensor([[[1.0000, 0.0000],
             [0.5000, 1.0000]]])
    """

    def n_outputs(self, n_components: int) -> int:
        """See `Posterior.n_outputs`."""
        return n_components * (n_components + 3) // 2

    def build(self, n_components: int) -> nn.Module:
        """See `Posterior.build`."""
        return _ReadFullCovariance(n_components)


class _ReadFullCovariance(nn.Module):
    """An encoder's output (..., H (H + 3) / 2) as a `FullCovarianceGaussian`."""

    def __init__(self, n_components: int) -> None:
        super().__init__()
        self.n_components = n_components

    def forward(self, head: Tensor) -> FullCovarianceGaussian:
        n = self.n_components
        mean, log_variance = posterior_parameters(head[..., : 2 * n])
        factor = torch.diag_embed(torch.exp(0.5 * log_variance))
        row, column = torch.tril_indices(n, n, offset=-1, device=head.device)
        factor[..., row, column] = head[..., 2 * n :]
        return FullCovarianceGaussian(mean, factor)


class TransformedGaussian(PosteriorDistribution):
    r"""Codes :math:`z = f(z_0)` of an invertible map f, with :math:`z_0` from a diagonal Gaussian.

    .. math::
        \log q(z \mid x) = \log N(z_0; \mu, \sigma^2)
            - \log \left| \det \frac{\partial f}{\partial z_0} \right|

    `log_prob` of the codes that were drawn last needs no inverse of f.

    Parameters
    ----------
    base : DiagonalGaussian
    flow : Module
        From the context to f, a transform of `torch.distributions`.
    context : Tensor of shape (..., C)
        The context that f depends on.

    Attributes
    ----------
    mean : Tensor of shape (..., H)
        :math:`f(\mu)`, the code of the base's mean.
    log_variance : Tensor of shape (..., H)
        The log-variance of the base.
    """

    def __init__(self, base: DiagonalGaussian, flow: nn.Module, context: Tensor) -> None:
        self.base, self.flow, self.context = base, flow, context
        self.log_variance = base.log_variance
        self._last_sample: tuple[Tensor, Tensor] | None = None

    @property
    def mean(self) -> Tensor:  # type: ignore[override]
        """The code of the base's mean."""
        code: Tensor = self.flow(self.context)(self.base.mean)
        return code

    @property
    def like(self) -> Tensor:
        """See `PosteriorDistribution.like`."""
        return self.base.mean

    def rsample(self, noise: Tensor) -> Tensor:
        """Return f of a draw from the base."""
        start = self.base.rsample(noise)
        z, log_volume = self.flow(self.context).call_and_ladj(start)
        self._last_sample = z, self.base.log_prob(start) - log_volume
        codes: Tensor = z
        return codes

    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log density of codes; H passes unless they were drawn last."""
        if self._last_sample is not None and z is self._last_sample[0]:
            return self._last_sample[1]
        start, log_volume = self.flow(self.context).inv.call_and_ladj(z)
        density: Tensor = self.base.log_prob(start) + log_volume
        return density

    def detach(self) -> Self:
        """Return the same distribution, with parameters detached from the graph."""
        flow = copy.deepcopy(self.flow).requires_grad_(False)
        return type(self)(self.base.detach(), flow, self.context.detach())


class InverseAutoregressiveFlowPosterior(Posterior):
    """A diagonal Gaussian, transformed by autoregressive maps that depend on the sample.

    Parameters
    ----------
    n_transforms : int >= 1, default=2
        The number of maps, in alternating order of the components.
    hidden : int or tuple of int, default=(64,)
        Widths of the masked network of each map.
    n_context : int >= 1, default=16
        The number of additional encoder outputs, which the maps are conditioned on.

    References
    ----------
    Kingma, Salimans, Jozefowicz, Chen, Sutskever and Welling 2016, *Improved Variational Inference
    with Inverse Autoregressive Flow*, https://arxiv.org/abs/1606.04934. The maps are those of zuko.

    Examples
    --------
    >>> read = InverseAutoregressiveFlowPosterior(n_context=1).build(2)
    >>> q = read(torch.zeros(3, 5))
    >>> z = q.rsample(torch.zeros(3, 2))
    >>> z.shape, q.log_prob(z).shape
    (torch.Size([3, 2]), torch.Size([3]))
    """

    is_built_with_memory = True
    gives_mean = False
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_transforms": [Interval(Integral, 1, None, closed="left")],
        "hidden": SIZES,
        "n_context": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self, n_transforms: int = 2, hidden: int | tuple[int, ...] = (64,), n_context: int = 16
    ) -> None:
        self.n_transforms = n_transforms
        self.hidden = hidden
        self.n_context = n_context

    def n_outputs(self, n_components: int) -> int:
        """See `Posterior.n_outputs`."""
        return 2 * n_components + self.n_context

    def build(self, n_components: int) -> nn.Module:
        """See `Posterior.build`."""
        self._validate_params()
        flows = import_flows(
            "posterior='inverse-autoregressive-flow'", "use posterior='diagonal-gaussian'"
        )
        maf = flows.MAF(
            n_components,
            context=self.n_context,
            transforms=self.n_transforms,
            hidden_features=as_sizes(self.hidden),
        )
        return _ReadInverseAutoregressiveFlow(n_components, maf.transform)


class _ReadInverseAutoregressiveFlow(nn.Module):
    """An encoder's output (..., 2H + C) as a `TransformedGaussian`."""

    def __init__(self, n_components: int, flow: nn.Module) -> None:
        super().__init__()
        self.n_components = n_components
        self.flow = flow

    def initialize(self, generator: Generator) -> None:
        """Draw the weights of the masked networks; initially the maps are near the identity."""
        initialize(self.flow, generator)

    def forward(self, head: Tensor) -> TransformedGaussian:
        base = DiagonalGaussian(*posterior_parameters(head[..., : 2 * self.n_components]))
        return TransformedGaussian(base, self.flow, head[..., 2 * self.n_components :])


def posterior_parameters(head: Tensor) -> tuple[Tensor, Tensor]:
    r"""Split an encoder's output into the mean and the log-variance of :math:`q(z \mid x)`.

    A log-variance may be any real number, so :math:`\sigma = \exp(\frac12 \log \sigma^2)` is
    positive without a constraint. Within ±10 it is unchanged, bit for bit; beyond, it is compressed
    smoothly to within ±20, where the exponential is still finite.

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
    # The compression takes a fifth of a small step's time and is rarely needed; on an accelerator
    # the check would take longer, as it waits for the device.
    if raw.device.type == "cpu" and _largest(raw) <= LOG_VARIANCE_BEND:
        return mean, raw
    inner = raw.clamp(-LOG_VARIANCE_BEND, LOG_VARIANCE_BEND)
    return mean, inner + LOG_VARIANCE_BEND * torch.tanh((raw - inner) / LOG_VARIANCE_BEND)


def _largest(values: Tensor) -> float:
    """Return the largest magnitude, or 0 if there are no values, as in an empty part of a batch."""
    return values.detach().abs().max().item() if values.numel() else 0.0


def reparameterize(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    r"""Return a draw from the posterior for given noise: :math:`z = \mu + \sigma\varepsilon`.

    The draw :math:`z_h` has mean :math:`\mu_h` and standard deviation :math:`\sigma_h`, and is
    differentiable with respect to both, unlike a direct draw.

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
    r"""Return the log density of codes under :math:`N(\mu, \mathrm{diag}(\sigma^2))`.

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
