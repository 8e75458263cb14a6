r"""Bernoulli likelihoods of values from 0 to 1, in the input's own units.

The decoder's output is the logit :math:`\eta`, any real number, so that no probability is ever
rounded to 0 or 1 before its logarithm is taken.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Generator, Tensor
from torch.nn import functional

from utsushi._utils.lazy_rows import AnyRows, row_blocks
from utsushi.distributions.likelihoods.base import Likelihood, sum_of_known
from utsushi.exceptions import DataError

__all__ = [
    "Bernoulli",
    "ContinuousBernoulli",
    "bernoulli_log_prob",
    "continuous_bernoulli_log_prob",
]

#: Below this half logit, a series is more accurate in float32 than the closed form.
SERIES_BELOW = 0.5


def bernoulli_log_prob(x: Tensor, logit: Tensor, mask: Tensor | None = None) -> Tensor:
    r"""Return the log probability of each sample under independent Bernoullis, in nats.

    .. math::
        \log p(x) = \sum_d x_d \eta_d - \log(1 + e^{\eta_d})

    Parameters
    ----------
    x : Tensor of shape (..., D)
        Zeros and ones. A value between, such as a grey pixel, is taken for the probability of a
        one; the result is then the expected log probability.
    logit : Tensor of shape (..., D)
        :math:`\eta = \log \frac{p}{1 - p}`; the leading axes broadcast.
    mask : Tensor of shape (..., D), bool, optional
        The features that count; all without a mask.

    Returns
    -------
    Tensor of shape (...)
        Nats per sample, at most 0.

    Examples
    --------
    >>> bernoulli_log_prob(torch.tensor([1.0, 0.0]), torch.zeros(2))  # -2 log 2
    tensor(-1.3863)
    """
    return sum_of_known(x * logit - functional.softplus(logit), mask)


def continuous_bernoulli_log_prob(x: Tensor, logit: Tensor, mask: Tensor | None = None) -> Tensor:
    r"""Return the log density of each sample under independent continuous Bernoullis, in nats.

    The density on [0, 1] is proportional to :math:`\lambda^x (1 - \lambda)^{1 - x}`. As a function
    of the logit :math:`\eta` of :math:`\lambda`:

    .. math::
        \log p(x) = \sum_d \eta_d \left( x_d - \tfrac12 \right)
            - \log \frac{\sinh(\eta_d / 2)}{\eta_d / 2}

    where the last term is smooth at :math:`\eta = 0`, that is :math:`\lambda = \frac12`.

    Parameters
    ----------
    x : Tensor of shape (..., D)
        Values in [0, 1].
    logit : Tensor of shape (..., D)
        :math:`\eta`; the leading axes broadcast.
    mask : Tensor of shape (..., D), bool, optional
        The features that count; all without a mask.

    Returns
    -------
    Tensor of shape (...)
        Nats per sample.

    References
    ----------
    Loaiza-Ganem and Cunningham 2019, *The Continuous Bernoulli*,
    https://arxiv.org/abs/1907.06845

    Examples
    --------
    >>> continuous_bernoulli_log_prob(torch.tensor([0.2, 0.9]), torch.zeros(2))  # uniform
    tensor(0.)
    """
    return sum_of_known(logit * (x - 0.5) - _log_sinhc(0.5 * logit), mask)


class _ZeroToOne(Likelihood):
    """The base of both Bernoullis: samples from 0 to 1 in the input's units, and logits."""

    of_scaled_rows: ClassVar[bool] = False

    def check(self, rows: AnyRows) -> None:
        """Raise a `DataError` if a value is not from 0 to 1."""
        low = np.fmin.reduce([np.fmin.reduce(b, axis=None) for b in row_blocks(rows)])
        high = np.fmax.reduce([np.fmax.reduce(b, axis=None) for b in row_blocks(rows)])
        if low < 0 or high > 1:
            raise DataError(
                f"X must have values from 0 to 1 for likelihood={self.name!r}, got "
                f"{low if low < 0 else high:.6g}. Divide by the largest value, or set "
                "likelihood='gaussian'."
            )


class Bernoulli(_ZeroToOne):
    r"""Independent Bernoullis, for zeros and ones.

    Values between 0 and 1 are taken for probabilities of a one; the bound is then on an expected
    log probability, and not on a log density.

    Examples
    --------
    >>> Bernoulli().mean(torch.zeros(1, 2))
    tensor([[0.5000, 0.5000]])
    """

    name: ClassVar[str] = "bernoulli"
    is_density: ClassVar[bool] = False

    def advice(self, rows: AnyRows) -> str | None:
        """Return "continuous-bernoulli" if a value lies between 0 and 1."""
        grey = (((block > 0) & (block < 1)).any() for block in row_blocks(rows))
        return "continuous-bernoulli" if any(grey) else None

    def log_prob(self, x: Tensor, output: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the log probability in nats; see `bernoulli_log_prob`."""
        return bernoulli_log_prob(x, output, mask)

    def mean(self, output: Tensor) -> Tensor:
        r"""Return the probability of a one, :math:`1 / (1 + e^{-\eta})`."""
        return torch.sigmoid(output)

    def draw(self, output: Tensor, generator: Generator) -> Tensor:
        """Draw zeros and ones."""
        return (_uniform_like(output, generator) < torch.sigmoid(output)).to(output.dtype)


class ContinuousBernoulli(_ZeroToOne):
    r"""Independent continuous Bernoullis, for values that fill [0, 1], such as grey pixels.

    Examples
    --------
    >>> ContinuousBernoulli().mean(torch.tensor([[0.0, 100.0]]))
    tensor([[0.5000, 0.9900]])
    """

    name: ClassVar[str] = "continuous-bernoulli"

    def log_prob(self, x: Tensor, output: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the log density in nats; see `continuous_bernoulli_log_prob`."""
        return continuous_bernoulli_log_prob(x, output, mask)

    def mean(self, output: Tensor) -> Tensor:
        r"""Return :math:`\frac12 + \frac12 (\coth u - \frac1u)` with :math:`u = \eta / 2`."""
        half = 0.5 * output
        small = half.abs() < SERIES_BELOW
        u = torch.where(small, torch.ones_like(half), half)
        squared = half.square()
        series = half * (1 / 3 - squared * (1 / 45 - squared * (2 / 945 - squared / 4725)))
        return 0.5 + 0.5 * torch.where(small, series, 1 / torch.tanh(u) - 1 / u)

    def draw(self, output: Tensor, generator: Generator) -> Tensor:
        r"""Draw by the inverse of the distribution function, :math:`\log(1 + u(e^\eta - 1))/\eta`.

        It is computed for :math:`-|\eta|`, where nothing overflows, and mirrored.
        """
        uniform = _uniform_like(output, generator)
        flat = output.abs() < 1e-3
        slope = torch.where(flat, torch.ones_like(output), output.abs())
        # Below this slope the density is uniform to within a thousandth.
        steep = -torch.log1p(uniform * torch.expm1(-slope)) / slope
        below_half = torch.where(flat, uniform, steep).clamp(0.0, 1.0)
        return torch.where(output > 0, 1 - below_half, below_half)


def _log_sinhc(u: Tensor) -> Tensor:
    r"""Return :math:`\log(\sinh(u) / u)`, accurate near 0 and without overflow."""
    size = u.abs()
    small = size < SERIES_BELOW
    squared = u.square()
    series = squared * (1 / 6 - squared * (1 / 180 - squared * (1 / 2835 - squared / 37800)))
    # Each branch gets valid values everywhere, because the gradient of a branch not taken must be
    # finite.
    large = torch.where(small, torch.ones_like(size), size)
    closed = large + torch.log(-torch.expm1(-2 * large)) - torch.log(2 * large)
    return torch.where(small, series, closed)


def _uniform_like(x: Tensor, generator: Generator) -> Tensor:
    """Draw uniform numbers in [0, 1) of the shape and dtype of ``x``, on its device."""
    noise = torch.rand(x.shape, generator=generator, dtype=x.dtype, device=generator.device)
    return noise.to(x.device)
