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

from utsushi.distributions.divergences import kl_diagonal_gaussians, kl_standard_normal
from utsushi.distributions.likelihoods import LOG_2PI
from utsushi.distributions.posteriors import DiagonalGaussian, PosteriorDistribution

__all__ = ["PRIORS", "Encode", "Prior", "PriorModule", "StandardNormal", "VampPrior"]

#: Takes scaled samples (B, D); returns their posteriors.
Encode = Callable[[Tensor], PosteriorDistribution]


class PriorModule(nn.Module, ABC):
    """A prior as a part of a network.

    Every method takes ``encode``, the network's own map from samples to posteriors: a prior may be
    made of them.

    Attributes
    ----------
    sees_samples : bool
        Whether it calls ``encode``, so that the encoder has to take whole samples.
    is_standard_normal : bool
        Whether it is N(0, I), from which each component of the code diverges by itself.
    """

    sees_samples: ClassVar[bool] = False
    is_standard_normal: ClassVar[bool] = False

    @abstractmethod
    def log_prob(self, z: Tensor, encode: Encode) -> Tensor:
        r"""Return :math:`\log p(z)` in nats, shape (...), of codes (..., H)."""

    @abstractmethod
    def sample(
        self, n_samples: int, encode: Encode, generator: np.random.Generator
    ) -> NDArray[np.float64]:
        """Draw codes, ndarray of shape (n_samples, H), from ``generator`` alone."""

    def has_closed_form(self, posterior: PosteriorDistribution) -> bool:
        """Tell whether `divergence` depends on the posterior alone, and not on codes."""
        return False

    def divergence(self, posterior: PosteriorDistribution, z: Tensor, encode: Encode) -> Tensor:
        r"""Return :math:`D_{KL}(q(z \mid x) \Vert p(z))` in terms that add up to it.

        Here one term, :math:`\log q(z \mid x) - \log p(z)` of a drawn code, whose mean over codes
        is the divergence. A prior with a closed form gives that instead, a term for each component.

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

        Here `divergence` at the mean code. That is exact where `divergence` has a closed form; else
        it is mostly too large, by up to half a nat for each component: no code of the posterior is
        more probable than the mean.
        """
        return self.divergence(posterior, posterior.mean, encode).sum(dim=-1)


class Prior(BaseEstimator, ABC):
    """The base of all priors: parameters now, a module once the sizes are known."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    @abstractmethod
    def build(self, n_features: int, n_components: int) -> PriorModule:
        """Return the module for samples of D features and codes of H components.

        Its ``initialize(generator)`` fills the parameters that it has.
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
        self, n_samples: int, encode: Encode, generator: np.random.Generator
    ) -> NDArray[np.float64]:
        return generator.standard_normal((n_samples, self.n_components))

    def has_closed_form(self, posterior: PosteriorDistribution) -> bool:
        return isinstance(posterior, DiagonalGaussian)

    def divergence(self, posterior: PosteriorDistribution, z: Tensor, encode: Encode) -> Tensor:
        if isinstance(posterior, DiagonalGaussian):
            return kl_standard_normal(posterior.mean, posterior.log_variance)
        return super().divergence(posterior, z, encode)


class VampPrior(Prior):
    r"""The mean of the posteriors of K pseudo-inputs, which are learned with the network.

    .. math::
        p(z) = \frac1K \sum_{k=1}^{K} q(z \mid u_k)

    A code that no sample has is improbable under it, so samples drawn from it look like data, and
    it does not pull all posteriors to one place.

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


class _VampPrior(PriorModule):
    sees_samples = True

    def __init__(self, n_pseudo_inputs: int, n_features: int) -> None:
        super().__init__()
        self.pseudo_inputs = nn.Parameter(torch.empty(n_pseudo_inputs, n_features))

    def initialize(self, generator: Generator) -> None:
        nn.init.normal_(self.pseudo_inputs, std=0.1, generator=generator)

    def components(self, encode: Encode) -> PosteriorDistribution:
        """Return the K distributions that the prior is the mean of."""
        return encode(self.pseudo_inputs)

    def log_prob(self, z: Tensor, encode: Encode) -> Tensor:
        each = self.components(encode).log_prob(z.unsqueeze(-2))  # (..., K)
        return torch.logsumexp(each, dim=-1) - math.log(len(self.pseudo_inputs))

    def divergence_without_draws(self, posterior: PosteriorDistribution, encode: Encode) -> Tensor:
        r"""Return an upper bound in closed form, :math:`-\log \frac1K \sum_k e^{-D_k}`.

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
        return math.log(len(self.pseudo_inputs)) - torch.logsumexp(-each, dim=-1)

    def sample(
        self, n_samples: int, encode: Encode, generator: np.random.Generator
    ) -> NDArray[np.float64]:
        chosen = generator.integers(len(self.pseudo_inputs), size=n_samples)
        with torch.inference_mode():
            posterior = encode(self.pseudo_inputs[chosen])
            noise = torch.tensor(generator.standard_normal(posterior.mean.shape))
            codes = posterior.rsample(noise.to(posterior.mean))
        return np.asarray(codes.cpu().numpy(), dtype=np.float64)


#: The names that the ``prior`` parameter takes.
PRIORS: dict[str, type[Prior]] = {"standard-normal": StandardNormal, "vamp": VampPrior}
