r"""Gaussian likelihoods :math:`p(x \mid z)` of scaled samples."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real
from typing import Any, ClassVar, Self

import torch
from sklearn.utils._param_validation import Interval
from torch import Generator, Tensor
from torch.nn import functional

from utsushi.distributions.likelihoods.base import Likelihood, sum_of_known

__all__ = ["LOG_2PI", "Gaussian", "UnitGaussian", "gaussian_log_prob", "squared_error"]

#: The logarithm of 2 pi, in nats.
LOG_2PI = math.log(2 * math.pi)


def squared_error(x: Tensor, x_hat: Tensor, mask: Tensor | None = None) -> Tensor:
    r"""Return the squared error :math:`\Vert x - \hat x \Vert^2` of each sample.

    Parameters
    ----------
    x, x_hat : Tensor of shape (..., D)
        Samples and their reconstructions; the leading axes broadcast.
    mask : Tensor of shape (..., D), bool, optional
        The features that count; all without a mask.

    Returns
    -------
    Tensor of shape (...)

    Examples
    --------
    >>> squared_error(torch.tensor([1.0, 2.0]), torch.zeros(2))
    tensor(5.)
    >>> squared_error(torch.tensor([1.0, 2.0]), torch.zeros(2), torch.tensor([True, False]))
    tensor(1.)
    """
    if x.shape != x_hat.shape:
        x, x_hat = torch.broadcast_tensors(x, x_hat)
    # mse_loss passes over the memory once forward and once backward; (x - x̂)² does so twice.
    return sum_of_known(functional.mse_loss(x_hat, x, reduction="none"), mask)


def gaussian_log_prob(x: Tensor, x_hat: Tensor, variance: float | Tensor = 1.0) -> Tensor:
    r"""Return the log density of each sample under :math:`N(\hat x, \sigma^2 I)`, in nats.

    .. math::
        \log N(x; \hat x, \sigma^2 I) =
            -\frac{1}{2\sigma^2} \Vert x - \hat x \Vert^2 - \frac{D}{2} \log 2\pi\sigma^2

    Parameters
    ----------
    x, x_hat : Tensor of shape (..., D)
        Samples and the decoder's means; the leading axes broadcast.
    variance : float or Tensor that broadcasts with shape (...)
        :math:`\sigma^2 > 0`, one for all features.

    Returns
    -------
    Tensor of shape (...)
        Nats per sample.

    Examples
    --------
    >>> gaussian_log_prob(torch.zeros(2), torch.zeros(2))  # -log 2 pi
    tensor(-1.8379)
    """
    return _log_density(squared_error(x, x_hat), x.shape[-1], variance)


def _log_density(error: Tensor, n_features: float | Tensor, variance: float | Tensor) -> Tensor:
    """Return the log density of samples at these squared distances from their means."""
    log_variance = torch.log(variance) if isinstance(variance, Tensor) else math.log(variance)
    return error / (-2 * variance) - 0.5 * n_features * (LOG_2PI + log_variance)


class UnitGaussian(Likelihood):
    r""":math:`N(x; \hat x, I)`, the lecture's likelihood: variance one for every scaled feature.

    On pixels in [0, 1] a variance of one is far above any error, so the divergence outweighs the
    reconstruction: the lecture's VAE keeps about 6 nats in its ten components. `Gaussian` fits the
    variance instead.

    Examples
    --------
    >>> UnitGaussian().log_prob(torch.zeros(1, 2), torch.zeros(1, 2))
    tensor([-1.8379])
    """

    is_rotation_invariant: ClassVar[bool] = True

    def log_prob(self, x: Tensor, output: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the log density in nats; see `gaussian_log_prob`."""
        n_present = self.width(x) if mask is None else mask.sum(dim=-1).to(x)
        return _log_density(squared_error(x, output, mask), n_present, 1.0)

    def draw(self, output: Tensor, generator: Generator) -> Tensor:
        r"""Draw :math:`x = \hat x + \varepsilon`, the third step of the generative model."""
        return output + _noise_like(output, generator)


class Gaussian(Likelihood):
    r""":math:`N(x; \hat x, \sigma^2 I)` with one calibrated :math:`\sigma`, the default.

    While training, :math:`\sigma^2` is the maximum-likelihood value of each batch in closed form,
    the mean of :math:`(x - \hat x)^2`: reconstruction and divergence balance without a weight to
    tune. After training it is fitted to all training samples, with one drawn code each, and a
    sample's density does not depend on its batch.

    Parameters
    ----------
    floor : float > 0, default=1e-3
        The smallest :math:`\sigma`, as a fraction of the root mean square of the scaled training
        data: a model with exact reconstructions would otherwise have an infinite density.

    Attributes
    ----------
    floor_ : float
        The smallest :math:`\sigma` in scaled units.
    sigma_ : float
        The calibrated :math:`\sigma` in scaled units.

    References
    ----------
    Rybkin, Daniilidis and Levine 2021, *Simple and Effective VAE Training with Calibrated
    Decoders*, https://arxiv.org/abs/2006.13202

    Examples
    --------
    >>> likelihood = Gaussian().prepare(torch.ones(4, 3)).calibrate(0.25)
    >>> likelihood.sigma_
    0.5
    """

    is_rotation_invariant: ClassVar[bool] = True
    is_calibrated: ClassVar[bool] = True

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "floor": [Interval(Real, 0, None, closed="neither")]
    }
    _learned: ClassVar[tuple[str, ...]] = ("floor_", "sigma_")

    def __init__(self, floor: float = 1e-3) -> None:
        self.floor = floor

    def prepare(self, rows: Iterable[Tensor]) -> Self:
        """Fit the floor to the scaled training samples."""
        super().prepare(rows)
        total, n_values = 0.0, 0
        for block in rows:  # the squares of small numbers are zero in float32
            total += block.cpu().double().square().sum().item()
            n_values += block.numel()
        # If all values are zero, any positive number will do.
        self.floor_ = self.floor * (math.sqrt(total / n_values) or 1.0)
        return self

    def calibrate(self, mean_squared_error: float) -> Self:
        r"""Fix :math:`\sigma` to the root of the mean squared error, or to the floor."""
        self.sigma_ = max(math.sqrt(mean_squared_error), self.floor_)
        return self

    def log_prob(self, x: Tensor, output: Tensor, mask: Tensor | None = None) -> Tensor:
        r"""Return the log density in nats, with :math:`\sigma` of the batch until calibrated."""
        error = squared_error(x, output, mask)
        # All values that are not missing have the same weight; without any, σ has no effect.
        n_features = self.width(x, mask) or 1.0
        n_present = n_features if mask is None else mask.sum(dim=-1).to(error)
        return _log_density(error, n_present, self._variance(error.detach() / n_features))

    def draw(self, output: Tensor, generator: Generator) -> Tensor:
        r"""Draw :math:`x = \hat x + \sigma \varepsilon`."""
        return output + self.sigma_ * _noise_like(output, generator)

    def _variance(self, mean_squares: Tensor) -> float | Tensor:
        if hasattr(self, "sigma_"):
            return float(self.sigma_**2)
        # Detached, because at its maximum the evidence lower bound's derivative by the variance is
        # zero, and that of the importance-weighted bound is near zero.
        batch_variance = mean_squares.mean()
        return batch_variance.clamp(min=torch.tensor(self.floor_**2).to(batch_variance))


def _noise_like(x: Tensor, generator: Generator) -> Tensor:
    """Draw standard normal noise of the shape and dtype of ``x``, on its device."""
    noise = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=generator.device)
    return noise.to(x.device)
