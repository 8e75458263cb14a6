r"""Priors :math:`p(z)`: fixed, or learned with the network.

A prior is described before its sizes are known (`Prior`), and then is a module (`PriorModule`), the
``prior`` of the estimator's ``module_``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from torch import Generator, Tensor, nn

from utsushi._utils.optional_dependencies import import_flows
from utsushi.distributions.divergences import (
    kl_diagonal_gaussians,
    kl_full_covariance,
    kl_standard_normal,
)
from utsushi.distributions.likelihoods import LOG_2PI
from utsushi.distributions.posteriors import (
    DiagonalGaussian,
    FullCovarianceGaussian,
    PosteriorDistribution,
    posterior_parameters,
)
from utsushi.networks.base import SIZES, as_sizes, initialize

__all__ = [
    "Encode",
    "FlowPrior",
    "MixtureModule",
    "MixtureOfGaussians",
    "Prior",
    "PriorModule",
    "StandardNormal",
    "VampPrior",
    "flow_log_prob",
]

#: Takes scaled samples (B, D); returns their posteriors.
Encode = Callable[[Tensor], PosteriorDistribution]


class PriorModule(nn.Module, ABC):
    """A prior as a part of a network.

    Every method takes ``encode``, the network's map from samples to posteriors, of which a prior
    such as `VampPrior` is made.

    Attributes
    ----------
    sees_samples : bool
        Whether it calls ``encode``, so that the encoder must take whole samples.
    is_standard_normal : bool
        Whether it is N(0, I), so that the divergence is a sum over the components of the code.
    """

    sees_samples: ClassVar[bool] = False
    is_standard_normal: ClassVar[bool] = False

    @abstractmethod
    def log_prob(self, z: Tensor, encode: Encode) -> Tensor:
        r"""Return :math:`\log p(z)` in nats, shape (...), of codes (..., H)."""

    @abstractmethod
    def sample(
        self,
        n_samples: int,
        encode: Encode,
        generator: np.random.Generator,
        temperature: float = 1.0,
    ) -> NDArray[np.float64]:
        """Draw codes, ndarray of shape (n_samples, H), from ``generator`` alone.

        The standard normal noise that they are made of is multiplied by the temperature; see
        `utsushi.samplers.Sampler`.
        """

    def has_closed_form(self, posterior: PosteriorDistribution) -> bool:
        """Tell whether `divergence` depends on the posterior alone, and not on codes."""
        return False

    def divergence(self, posterior: PosteriorDistribution, z: Tensor, encode: Encode) -> Tensor:
        r"""Return :math:`D_{KL}(q(z \mid x) \Vert p(z))` in terms that add up to it.

        By default one term, :math:`\log q(z \mid x) - \log p(z)` of a drawn code, whose mean over
        codes is the divergence. A prior with a closed form returns a term for each component.

        Parameters
        ----------
        posterior : PosteriorDistribution of B samples
        z : Tensor of shape (..., B, H)
            Codes drawn from it.
        encode : callable

        Returns
        -------
        Tensor of shape (..., B, 1) or (B, H)
            Nats.
        """
        return (posterior.log_prob(z) - self.log_prob(z, encode)).unsqueeze(-1)

    def divergence_without_draws(self, posterior: PosteriorDistribution, encode: Encode) -> Tensor:
        r"""Return the divergence of B samples, (B,), or its estimate without a random number.

        By default `divergence` at the mean code. That is exact if `divergence` has a closed form;
        otherwise it is mostly too large, by up to half a nat for each component, because no code of
        the posterior is more probable than the mean.
        """
        return self.divergence(posterior, posterior.mean, encode).sum(dim=-1)


class Prior(BaseEstimator, ABC):
    """The base of all priors: parameters, from which `build` makes the module.

    Attributes
    ----------
    is_built_with_memory : bool
        Whether the module has buffers that its constructor fills.
    """

    is_built_with_memory: ClassVar[bool] = False

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    @abstractmethod
    def build(self, n_features: int, n_components: int) -> PriorModule:
        """Return the module for samples of D features and codes of H components.

        Its ``initialize(generator)`` draws its parameters, if it has any.
        """


class StandardNormal(Prior):
    r""":math:`N(0, I)`, the lecture's prior.

    Examples
    --------
    >>> prior = StandardNormal().build(n_features=784, n_components=2)
    >>> prior.log_prob(torch.zeros(1, 2), encode=None)  # -log 2 pi
    tensor([-1.8379])
    """

    def build(self, n_features: int, n_components: int) -> PriorModule:
        """See `Prior.build`."""
        return _StandardNormal(n_components)


class _StandardNormal(PriorModule):
    is_standard_normal = True

    def __init__(self, n_components: int) -> None:
        super().__init__()
        self.n_components = n_components

    def log_prob(self, z: Tensor, encode: Encode) -> Tensor:
        return -0.5 * (z.square() + LOG_2PI).sum(dim=-1)

    def sample(
        self,
        n_samples: int,
        encode: Encode,
        generator: np.random.Generator,
        temperature: float = 1.0,
    ) -> NDArray[np.float64]:
        return temperature * generator.standard_normal((n_samples, self.n_components))

    def has_closed_form(self, posterior: PosteriorDistribution) -> bool:
        return isinstance(posterior, DiagonalGaussian | FullCovarianceGaussian)

    def divergence(self, posterior: PosteriorDistribution, z: Tensor, encode: Encode) -> Tensor:
        if isinstance(posterior, DiagonalGaussian):
            return kl_standard_normal(posterior.mean, posterior.log_variance)
        if isinstance(posterior, FullCovarianceGaussian):
            return kl_full_covariance(posterior.mean, posterior.factor)
        return super().divergence(posterior, z, encode)


class VampPrior(Prior):
    r"""The mean of the posteriors of K pseudo-inputs, which are learned with the network.

    .. math::
        p(z) = \frac1K \sum_{k=1}^{K} q(z \mid u_k)

    A code far from those of all samples is improbable under it, so samples drawn from it look like
    data, and it does not pull all posteriors to one point.

    Parameters
    ----------
    n_pseudo_inputs : int >= 1, default=50
        K.

    References
    ----------
    Tomczak and Welling 2018, *VAE with a VampPrior*, https://arxiv.org/abs/1705.07120

    Examples
    --------
    >>> prior = VampPrior(n_pseudo_inputs=3).build(n_features=4, n_components=2)
    >>> prior.initialize(torch.Generator().manual_seed(0))
    >>> encode = lambda u: DiagonalGaussian(u[:, :2], torch.zeros(len(u), 2))
    >>> prior.log_prob(torch.zeros(5, 2), encode).shape
    torch.Size([5])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_pseudo_inputs": [Interval(Integral, 1, None, closed="left")]
    }

    def __init__(self, n_pseudo_inputs: int = 50) -> None:
        self.n_pseudo_inputs = n_pseudo_inputs

    def build(self, n_features: int, n_components: int) -> PriorModule:
        """See `Prior.build`."""
        self._validate_params()
        return _VampPrior(self.n_pseudo_inputs, n_features)


class MixtureModule(PriorModule):
    """A prior that is a mixture of K distributions."""

    @abstractmethod
    def components(self, encode: Encode) -> PosteriorDistribution:
        """Return the K distributions."""

    @abstractmethod
    def log_weights(self) -> Tensor:
        """Return the log probabilities of the K distributions, (K,)."""

    def log_prob(self, z: Tensor, encode: Encode) -> Tensor:
        """See `PriorModule.log_prob`."""
        each = self.components(encode).log_prob(z.unsqueeze(-2))  # (..., K)
        return torch.logsumexp(each + self.log_weights(), dim=-1)

    def divergence_without_draws(self, posterior: PosteriorDistribution, encode: Encode) -> Tensor:
        r"""Return an upper bound in closed form, :math:`-\log \sum_k \pi_k e^{-D_k}`.

        :math:`D_k` is the divergence from component k. Hershey and Olsen 2007, *Approximating the
        Kullback Leibler Divergence Between Gaussian Mixture Models*,
        https://doi.org/10.1109/ICASSP.2007.366913, equation 20.
        """
        components = self.components(encode)
        if not (
            isinstance(posterior, DiagonalGaussian) and isinstance(components, DiagonalGaussian)
        ):
            return super().divergence_without_draws(posterior, encode)
        each = kl_diagonal_gaussians(
            posterior.mean.unsqueeze(-2),
            posterior.log_variance.unsqueeze(-2),
            components.mean,
            components.log_variance,
        ).sum(dim=-1)
        return -torch.logsumexp(self.log_weights() - each, dim=-1)


class _VampPrior(MixtureModule):
    sees_samples = True

    def __init__(self, n_pseudo_inputs: int, n_features: int) -> None:
        super().__init__()
        self.pseudo_inputs = nn.Parameter(torch.empty(n_pseudo_inputs, n_features))

    def initialize(self, generator: Generator) -> None:
        nn.init.normal_(self.pseudo_inputs, std=0.1, generator=generator)

    def components(self, encode: Encode) -> PosteriorDistribution:
        """Return the K distributions whose mean is the prior."""
        return encode(self.pseudo_inputs)

    def log_weights(self) -> Tensor:
        n = len(self.pseudo_inputs)
        return self.pseudo_inputs.new_full((n,), -math.log(n))

    def sample(
        self,
        n_samples: int,
        encode: Encode,
        generator: np.random.Generator,
        temperature: float = 1.0,
    ) -> NDArray[np.float64]:
        chosen = generator.integers(len(self.pseudo_inputs), size=n_samples)
        with torch.inference_mode():
            posterior = encode(self.pseudo_inputs[chosen])
            noise = torch.tensor(temperature * generator.standard_normal(posterior.mean.shape))
            codes = posterior.rsample(noise.to(posterior.mean))
        return np.asarray(codes.cpu().numpy(), dtype=np.float64)


class MixtureOfGaussians(Prior):
    r"""A mixture of K diagonal Gaussians, learned with the network.

    .. math::
        p(z) = \sum_{k=1}^{K} \pi_k\, N(z; \mu_k, \mathrm{diag}(\sigma_k^2))

    Parameters
    ----------
    n_mixture : int >= 1, default=50
        K.

    References
    ----------
    Dilokthanakul et al. 2016, *Deep Unsupervised Clustering with Gaussian Mixture Variational
    Autoencoders*, https://arxiv.org/abs/1611.02648

    Examples
    --------
    >>> prior = MixtureOfGaussians(n_mixture=3).build(n_features=4, n_components=2)
    >>> prior.initialize(torch.Generator().manual_seed(0))
    >>> prior.log_prob(torch.zeros(5, 2), encode=None).shape
    torch.Size([5])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_mixture": [Interval(Integral, 1, None, closed="left")]
    }

    def __init__(self, n_mixture: int = 50) -> None:
        self.n_mixture = n_mixture

    def build(self, n_features: int, n_components: int) -> PriorModule:
        """See `Prior.build`."""
        self._validate_params()
        return _MixtureOfGaussians(self.n_mixture, n_components)


class _MixtureOfGaussians(MixtureModule):
    def __init__(self, n_mixture: int, n_components: int) -> None:
        super().__init__()
        self.logits = nn.Parameter(torch.empty(n_mixture))
        self.means = nn.Parameter(torch.empty(n_mixture, n_components))
        self.log_variances = nn.Parameter(torch.empty(n_mixture, n_components))

    def initialize(self, generator: Generator) -> None:
        nn.init.zeros_(self.logits)
        nn.init.normal_(self.means, generator=generator)
        nn.init.zeros_(self.log_variances)

    def components(self, encode: Encode) -> DiagonalGaussian:
        """Return the K Gaussians."""
        _, log_variances = posterior_parameters(torch.cat([self.means, self.log_variances], dim=1))
        return DiagonalGaussian(self.means, log_variances)

    def log_weights(self) -> Tensor:
        return torch.log_softmax(self.logits, dim=0)

    def sample(
        self,
        n_samples: int,
        encode: Encode,
        generator: np.random.Generator,
        temperature: float = 1.0,
    ) -> NDArray[np.float64]:
        with torch.inference_mode():
            shares = torch.softmax(self.logits.double(), dim=0).cpu().numpy()
            chosen = generator.choice(len(shares), size=n_samples, p=shares / shares.sum())
            components = self.components(encode)
            noise = temperature * generator.standard_normal((n_samples, self.means.shape[1]))
            scale = torch.exp(0.5 * components.log_variance).cpu().numpy()
            codes = self.means.cpu().numpy()[chosen] + scale[chosen] * noise
        return np.asarray(codes, dtype=np.float64)


def flow_log_prob(flow: nn.Module, z: Tensor) -> Tensor:
    r"""Return the log density of codes under an invertible map f from them to N(0, I).

    .. math::
        \log p(z) = \log N(f(z); 0, I) + \log \left| \det \frac{\partial f}{\partial z} \right|

    Parameters
    ----------
    flow : Module
        A lazy transform of `zuko`: called, it gives f.
    z : Tensor of shape (..., H)

    Returns
    -------
    Tensor of shape (...)
        Nats.
    """
    u, log_volume = flow().call_and_ladj(z)
    log_prob: Tensor = log_volume - 0.5 * (u.square().sum(dim=-1) + z.shape[-1] * LOG_2PI)
    return log_prob


class FlowPrior(Prior):
    r"""A neural spline flow, learned with the network: an invertible map f from codes to N(0, I).

    .. math::
        \log p(z) = \log N(f(z); 0, I) + \log \left| \det \frac{\partial f}{\partial z} \right|

    Parameters
    ----------
    n_transforms : int >= 1, default=3
        The number of maps that f is composed of, in alternating order of the components.
    n_bins : int >= 2, default=8
        The number of pieces of a spline.
    hidden : int or tuple of int, default=(64, 64)
        Widths of the masked network of each map.

    References
    ----------
    Chen, Kingma, Salimans, Duan, Dhariwal, Schulman, Sutskever and Abbeel 2017, *Variational Lossy
    Autoencoder*, https://arxiv.org/abs/1611.02731, for the prior; Durkan et al. 2019, *Neural
    Spline Flows*, https://arxiv.org/abs/1906.04032, for the map, which is that of zuko

    Examples
    --------
    >>> prior = FlowPrior(n_transforms=1, hidden=(8,)).build(n_features=4, n_components=2)
    >>> prior.log_prob(torch.zeros(5, 2), encode=None).shape
    torch.Size([5])
    """

    is_built_with_memory = True
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_transforms": [Interval(Integral, 1, None, closed="left")],
        "n_bins": [Interval(Integral, 2, None, closed="left")],
        "hidden": SIZES,
    }

    def __init__(
        self, n_transforms: int = 3, n_bins: int = 8, hidden: int | tuple[int, ...] = (64, 64)
    ) -> None:
        self.n_transforms = n_transforms
        self.n_bins = n_bins
        self.hidden = hidden

    def build(self, n_features: int, n_components: int) -> PriorModule:
        """See `Prior.build`."""
        self._validate_params()
        flows = import_flows("prior='flow'", "use prior='mixture'")
        flow = flows.NSF(
            n_components,
            transforms=self.n_transforms,
            bins=self.n_bins,
            hidden_features=as_sizes(self.hidden),
        )
        return _FlowPrior(n_components, flow.transform)


class _FlowPrior(PriorModule):
    def __init__(self, n_components: int, flow: nn.Module) -> None:
        super().__init__()
        self.n_components = n_components
        self.flow = flow

    def initialize(self, generator: Generator) -> None:
        initialize(self.flow, generator)

    def log_prob(self, z: Tensor, encode: Encode) -> Tensor:
        return flow_log_prob(self.flow, z)

    def sample(
        self,
        n_samples: int,
        encode: Encode,
        generator: np.random.Generator,
        temperature: float = 1.0,
    ) -> NDArray[np.float64]:
        u = torch.tensor(temperature * generator.standard_normal((n_samples, self.n_components)))
        parameter = next(self.flow.parameters())
        with torch.inference_mode():
            codes = self.flow().inv(u.to(parameter))
        return np.asarray(codes.cpu().numpy(), dtype=np.float64)
