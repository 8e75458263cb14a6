r"""Hierarchical priors :math:`p(z) = p(z_1) \prod_l p(z_l \mid z_{<l})` and posteriors."""

from __future__ import annotations

import copy
from itertools import accumulate
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from utsushi._utils.str_options import SortedStrOptions
from utsushi.distributions.divergences import kl_diagonal_gaussians
from utsushi.distributions.posteriors import (
    DiagonalGaussian,
    Posterior,
    PosteriorDistribution,
    posterior_parameters,
)
from utsushi.distributions.priors import (
    Encode,
    MixtureOfGaussians,
    Prior,
    PriorModule,
    StandardNormal,
    VampPrior,
)
from utsushi.exceptions import SettingError
from utsushi.networks.base import SIZES, as_sizes
from utsushi.networks.dense import dense_layers

__all__ = [
    "HierarchicalGaussian",
    "HierarchicalPosterior",
    "HierarchicalPrior",
    "layer_sizes",
]

_LAYERS = [Interval(Integral, 2, None, closed="left")]

#: The priors of the first layer, by name.
_TOPS: dict[str, type[Prior]] = {
    "standard-normal": StandardNormal,
    "mixture": MixtureOfGaussians,
    "vamp": VampPrior,
}


def layer_sizes(n_components: int, n_layers: int) -> list[int]:
    """Return the components of each layer; the first layers have the remainder.

    Raises
    ------
    SettingError
        If there are more layers than components.

    Examples
    --------
    >>> layer_sizes(10, 3)
    [4, 3, 3]
    """
    if n_layers > n_components:
        raise SettingError(f"n_layers must be at most n_components={n_components}, got {n_layers}.")
    return [len(part) for part in np.array_split(np.arange(n_components), n_layers)]


class _Conditionals(nn.Module):
    """Diagonal Gaussians of each layer but the first, given those before it and a context."""

    def __init__(self, sizes: list[int], n_context: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.sizes = sizes
        self.networks = nn.ModuleList(
            dense_layers([n_context + n_before, *hidden, 2 * size], "silu")
            for n_before, size in zip(accumulate(sizes), sizes[1:], strict=False)
        )

    def forward(self, layer: int, before: Tensor, context: Tensor | None) -> DiagonalGaussian:
        """Return the distribution of a layer, counted from 1, given codes (..., h) before it."""
        if context is not None:
            shape = torch.broadcast_shapes(context.shape[:-1], before.shape[:-1])
            inputs = [part.expand(*shape, part.shape[-1]) for part in (context, before)]
            before = torch.cat(inputs, dim=-1)
        return DiagonalGaussian(*posterior_parameters(self.networks[layer - 1](before)))


class HierarchicalGaussian(PosteriorDistribution):
    r""":math:`q(z_1 \mid x) \prod_l q(z_l \mid z_{<l}, x)`, each a diagonal Gaussian.

    Attributes
    ----------
    first : DiagonalGaussian
        :math:`q(z_1 \mid x)`.
    mean, log_variance : Tensor of shape (..., H)
        Of each layer given the means before it.
    """

    def __init__(
        self, first: DiagonalGaussian, conditionals: _Conditionals, context: Tensor
    ) -> None:
        self.first, self.conditionals, self.context = first, conditionals, context

    @property
    def mean(self) -> Tensor:  # type: ignore[override]
        """The means of the layers, each given those before it."""
        return self.rsample(torch.zeros_like(self.like))

    @property
    def log_variance(self) -> Tensor:  # type: ignore[override]
        """The log-variances of the layers, each given the means before it."""
        return torch.cat([layer.log_variance for layer in self.layers(self.mean)], dim=-1)

    @property
    def like(self) -> Tensor:
        """See `PosteriorDistribution.like`."""
        n_components = sum(self.conditionals.sizes)
        return self.first.mean[..., :1].expand(*self.first.mean.shape[:-1], n_components)

    def layers(self, z: Tensor) -> list[DiagonalGaussian]:
        """Return the distribution of each layer given the codes (..., H) before it."""
        ends = list(accumulate(self.conditionals.sizes))[:-1]
        later = enumerate(ends, start=1)
        later_layers = [self.conditionals(i, z[..., :end], self.context) for i, end in later]
        return [self.first, *later_layers]

    def rsample(self, noise: Tensor) -> Tensor:
        """Draw layer by layer, differentiably."""
        parts = noise.split(self.conditionals.sizes, dim=-1)
        z = self.first.rsample(parts[0])
        for layer, part in enumerate(parts[1:], start=1):
            sample = self.conditionals(layer, z, self.context).rsample(part)
            z = torch.cat([z, sample], dim=-1)
        return z

    def log_prob(self, z: Tensor) -> Tensor:
        """Return the sum of the layers' log densities."""
        parts = z.split(self.conditionals.sizes, dim=-1)
        each = [layer.log_prob(part) for layer, part in zip(self.layers(z), parts, strict=True)]
        return torch.stack(torch.broadcast_tensors(*each)).sum(dim=0)

    def detach(self) -> Self:
        """Return the same distribution, with parameters detached from the graph."""
        conditionals = copy.deepcopy(self.conditionals).requires_grad_(False)
        return type(self)(self.first.detach(), conditionals, self.context.detach())


class HierarchicalPosterior(Posterior):
    r"""Codes in layers, each drawn given the sample and the layers before it.

    Use it with ``prior="hierarchical"``. The components of the code are divided among the layers.

    Parameters
    ----------
    n_layers : int >= 2, default=2
    hidden : int or tuple of int, default=(128,)
        Widths of the network of each layer but the first.
    n_context : int >= 1, default=64
        The number of additional encoder outputs, which these networks are conditioned on.

    References
    ----------
    Sønderby, Raiko, Maaløe, Sønderby and Winther 2016, *Ladder Variational Autoencoders*,
    https://arxiv.org/abs/1602.02282

    Examples
    --------
    >>> read = HierarchicalPosterior(n_context=1, hidden=(8,)).build(4)
    >>> q = read(torch.zeros(3, 5))
    >>> q.mean.shape, q.log_prob(torch.zeros(3, 4)).shape
    (torch.Size([3, 4]), torch.Size([3]))
    """

    gives_mean = False
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_layers": _LAYERS,
        "hidden": SIZES,
        "n_context": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self, n_layers: int = 2, hidden: int | tuple[int, ...] = (128,), n_context: int = 64
    ) -> None:
        self.n_layers = n_layers
        self.hidden = hidden
        self.n_context = n_context

    def n_outputs(self, n_components: int) -> int:
        """See `Posterior.n_outputs`."""
        return 2 * layer_sizes(n_components, self.n_layers)[0] + self.n_context

    def build(self, n_components: int) -> nn.Module:
        """See `Posterior.build`."""
        self._validate_params()
        sizes = layer_sizes(n_components, self.n_layers)
        return _ReadHierarchical(_Conditionals(sizes, self.n_context, as_sizes(self.hidden)))


class _ReadHierarchical(nn.Module):
    def __init__(self, conditionals: _Conditionals) -> None:
        super().__init__()
        self.conditionals = conditionals

    def forward(self, head: Tensor) -> HierarchicalGaussian:
        n_first = 2 * self.conditionals.sizes[0]
        first = DiagonalGaussian(*posterior_parameters(head[..., :n_first]))
        return HierarchicalGaussian(first, self.conditionals, head[..., n_first:])


class HierarchicalPrior(Prior):
    r"""Codes in layers, each a Gaussian given the layers before it, learned with the network.

    .. math::
        p(z) = p(z_1) \prod_{l=2}^{L} N(z_l; \mu_l(z_{<l}), \sigma_l^2(z_{<l}))

    With ``posterior="hierarchical"`` the divergence of each layer given those before it has a
    closed form.

    Parameters
    ----------
    n_layers : int >= 2, default=2
        As in the posterior.
    hidden : int or tuple of int, default=(128,)
        Widths of the network of each layer but the first.
    first : {"standard-normal", "mixture", "vamp"} or Prior, default="standard-normal"
        :math:`p(z_1)`.

    References
    ----------
    Sønderby, Raiko, Maaløe, Sønderby and Winther 2016, *Ladder Variational Autoencoders*,
    https://arxiv.org/abs/1602.02282; Tomczak and Welling 2018, *VAE with a VampPrior*,
    https://arxiv.org/abs/1705.07120, section 3.4, for ``first="vamp"``

    Examples
    --------
    >>> prior = HierarchicalPrior(hidden=(8,)).build(n_features=9, n_components=4)
    >>> prior.sample(5, None, np.random.default_rng(0)).shape
    (5, 4)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_layers": _LAYERS,
        "hidden": SIZES,
        "first": [SortedStrOptions(set(_TOPS)), Prior],
    }

    def __init__(
        self,
        n_layers: int = 2,
        hidden: int | tuple[int, ...] = (128,),
        first: str | Prior = "standard-normal",
    ) -> None:
        self.n_layers = n_layers
        self.hidden = hidden
        self.first = first

    def build(self, n_features: int, n_components: int) -> PriorModule:
        """See `Prior.build`."""
        self._validate_params()
        sizes = layer_sizes(n_components, self.n_layers)
        first = _TOPS[self.first]() if isinstance(self.first, str) else clone(self.first)
        return _HierarchicalPrior(
            first.build(n_features, sizes[0]), _Conditionals(sizes, 0, as_sizes(self.hidden))
        )


class _HierarchicalPrior(PriorModule):
    def __init__(self, first: PriorModule, conditionals: _Conditionals) -> None:
        super().__init__()
        self.first = first
        self.conditionals = conditionals

    @property
    def sees_samples(self) -> bool:  # type: ignore[override]
        return self.first.sees_samples

    def _encode_first(self, encode: Encode) -> Encode:
        """Return the map from samples to the posteriors of the first layer."""

        def of_first(x: Tensor) -> PosteriorDistribution:
            posterior = encode(x)
            if not isinstance(posterior, HierarchicalGaussian):
                raise SettingError(
                    "posterior must be 'hierarchical' for prior=HierarchicalPrior(first='vamp'), "
                    f"got a {type(posterior).__name__}. Set posterior='hierarchical'."
                )
            return posterior.first

        return of_first

    def _later(self, z: Tensor) -> list[DiagonalGaussian]:
        ends = list(accumulate(self.conditionals.sizes))[:-1]
        return [self.conditionals(i, z[..., :end], None) for i, end in enumerate(ends, start=1)]

    def log_prob(self, z: Tensor, encode: Encode) -> Tensor:
        first, *later_codes = z.split(self.conditionals.sizes, dim=-1)
        log_prob = self.first.log_prob(first, self._encode_first(encode))
        for layer, part in zip(self._later(z), later_codes, strict=True):
            log_prob = log_prob + layer.log_prob(part)
        return log_prob

    def divergence(self, posterior: PosteriorDistribution, z: Tensor, encode: Encode) -> Tensor:
        if not isinstance(posterior, HierarchicalGaussian):
            return super().divergence(posterior, z, encode)
        first = z.split(self.conditionals.sizes, dim=-1)[0]
        of_first = self.first.divergence(posterior.first, first, self._encode_first(encode))
        terms = [
            kl_diagonal_gaussians(q.mean, q.log_variance, p.mean, p.log_variance)
            for q, p in zip(posterior.layers(z)[1:], self._later(z), strict=True)
        ]
        shape = terms[0].shape[:-1]
        return torch.cat([of_first.expand(*shape, of_first.shape[-1]), *terms], dim=-1)

    def sample(
        self,
        n_samples: int,
        encode: Encode,
        generator: np.random.Generator,
        temperature: float = 1.0,
    ) -> NDArray[np.float64]:
        first = self.first.sample(n_samples, self._encode_first(encode), generator, temperature)
        like = next(self.parameters())
        z = torch.tensor(first).to(like)
        with torch.inference_mode():
            for layer, size in enumerate(self.conditionals.sizes[1:], start=1):
                noise = torch.tensor(temperature * generator.standard_normal((n_samples, size)))
                codes = self.conditionals(layer, z, None).rsample(noise.to(like))
                z = torch.cat([z, codes], dim=-1)
        return np.asarray(z.cpu().numpy(), dtype=np.float64)
