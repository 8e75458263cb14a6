r"""Distributions of single features, of which `Mixed` composes a likelihood.

The decoder gives a number :math:`\eta` for each feature; parameters that all samples share are
learned with the network. Everything is in nats.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor
from torch.nn import functional

from utsushi.distributions.likelihoods.gaussian import LOG_2PI

__all__ = [
    "FAMILIES",
    "BernoulliFamily",
    "CategoricalFamily",
    "Family",
    "GaussianFamily",
    "InputFamily",
    "NegativeBinomialFamily",
    "PoissonFamily",
    "ZeroInflatedFamily",
]

#: The largest logarithm of a rate: counts up to 10^8 have a finite likelihood in float32.
_LARGEST_LOG_RATE = 20.0

#: The smallest standard deviation of a Gaussian, in scaled units.
_SMALLEST_SIGMA = 1e-2


class Family(ABC):
    r"""A distribution of F features, by the decoder's numbers for them.

    Attributes
    ----------
    n_shared : int
        Parameters of each feature that all samples share, learned with the network.
    is_scaled : bool
        Whether it is a density of scaled features; all others are of features in their own units.
    is_count : bool
        Whether the values are counts, of which the encoder sees :math:`\log(1 + x)`.
    support : str
        The values that it takes, for errors.
    """

    n_shared: ClassVar[int] = 0
    is_scaled: ClassVar[bool] = False
    is_count: ClassVar[bool] = False
    support: ClassVar[str] = "any number"

    def __init__(self, widths: NDArray[np.int64]) -> None:
        """Take the number of features of each column."""
        self.widths = widths

    @abstractmethod
    def log_prob(self, x: Tensor, eta: Tensor, shared: Tensor) -> Tensor:
        """Return the log density of each feature, (..., F); a categorical's terms add up to it.

        Parameters
        ----------
        x : Tensor of shape (..., F)
        eta : Tensor of shape (..., F)
            The decoder's numbers.
        shared : Tensor of shape (..., n_shared, F)
        """

    @abstractmethod
    def mean(self, eta: Tensor, shared: Tensor) -> Tensor:
        """Return the mean of each feature, (..., F)."""

    @abstractmethod
    def draw(self, eta: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Draw each feature, (..., F)."""

    def holds(self, values: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Return which values, in the units of the input, it can take; NaN is missing."""
        return np.ones(values.shape, dtype=bool)

    def start(self, mean: Tensor) -> Tensor:
        """Return the decoder's numbers (F,) at which training starts, from the features' means."""
        return torch.zeros_like(mean)


class GaussianFamily(Family):
    r""":math:`N(x; \eta, \sigma_d^2)` of scaled features, with one :math:`\sigma_d` a feature."""

    n_shared = 1
    is_scaled = True

    def log_prob(self, x: Tensor, eta: Tensor, shared: Tensor) -> Tensor:
        """Return the log density of each feature."""
        log_sigma = self._log_sigma(shared)
        return -0.5 * (LOG_2PI + ((x - eta) * torch.exp(-log_sigma)).square()) - log_sigma

    def mean(self, eta: Tensor, shared: Tensor) -> Tensor:
        """Return the mean of each feature."""
        return eta

    def draw(self, eta: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Draw each feature."""
        noise = torch.randn(eta.shape, generator=generator, device=generator.device)
        return eta + torch.exp(self._log_sigma(shared)) * noise.to(eta)

    @staticmethod
    def sigma(shared: Tensor) -> Tensor:
        """Return the standard deviation of each feature, (..., F)."""
        return torch.exp(GaussianFamily._log_sigma(shared))

    @staticmethod
    def _log_sigma(shared: Tensor) -> Tensor:
        return shared[..., 0, :].clamp(min=math.log(_SMALLEST_SIGMA))


class BernoulliFamily(Family):
    r"""Zeros and ones with :math:`p(x = 1) = 1 / (1 + e^{-\eta})`."""

    support = "zeros and ones"

    def log_prob(self, x: Tensor, eta: Tensor, shared: Tensor) -> Tensor:
        """Return the log probability of each feature."""
        log_prob: Tensor = x * eta - functional.softplus(eta)
        return log_prob

    def mean(self, eta: Tensor, shared: Tensor) -> Tensor:
        """Return the probability of a one."""
        return torch.sigmoid(eta)

    def draw(self, eta: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Draw zeros and ones."""
        return (_uniform(eta, generator) < torch.sigmoid(eta)).to(eta.dtype)

    def holds(self, values: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Return which values are 0, 1 or between, as a probability of a one."""
        with np.errstate(invalid="ignore"):
            return ~((values < 0) | (values > 1))

    def start(self, mean: Tensor) -> Tensor:
        """Return the logit of the mean."""
        return torch.logit(mean.clamp(1e-3, 1 - 1e-3))


class CategoricalFamily(Family):
    r"""One-hot columns with :math:`p(c) = e^{\eta_c} / \sum_{c'} e^{\eta_{c'}}`.

    A column whose features are all zero, an unknown category, has no term.
    """

    support = "zeros and ones"

    def __init__(self, widths: NDArray[np.int64]) -> None:
        super().__init__(widths)
        # Each column's features in a row of one length; the first fills the rest of the row.
        starts, steps = np.cumsum(widths) - widths, np.arange(widths.max())
        is_own = steps < widths[:, None]
        self._table = torch.from_numpy(starts[:, None] + np.where(is_own, steps, 0))
        self._is_filler = torch.from_numpy(~is_own)
        self._column = torch.from_numpy(np.repeat(np.arange(len(widths)), widths))

    def log_prob(self, x: Tensor, eta: Tensor, shared: Tensor) -> Tensor:
        """Return terms that add up to the log probability of each column's category."""
        return x * self._log_probabilities(eta)

    def mean(self, eta: Tensor, shared: Tensor) -> Tensor:
        """Return the probability of each category."""
        return torch.exp(self._log_probabilities(eta))

    def draw(self, eta: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Draw one category of each column, by the largest logit with Gumbel noise."""
        tiny = torch.finfo(eta.dtype).tiny
        noise = -torch.log(-torch.log(_uniform(eta, generator).clamp(tiny, 1 - 2**-24)))
        noisy = eta + noise
        return (noisy == self._largest(noisy)).to(eta.dtype)

    def holds(self, values: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Return which values are 0 or 1."""
        is_one_hot: NDArray[np.bool_] = (values == 0) | (values == 1)
        is_one_hot |= np.isnan(values)
        return is_one_hot

    def start(self, mean: Tensor) -> Tensor:
        """Return the logarithm of each category's share."""
        return torch.log(mean.clamp(min=1e-4))

    def _log_probabilities(self, eta: Tensor) -> Tensor:
        logits = self._by_column(eta).masked_fill(self._is_filler.to(eta.device), -math.inf)
        return eta - self._of_features(torch.logsumexp(logits, dim=-1))

    def _largest(self, values: Tensor) -> Tensor:
        """Return the largest value of each feature's column, (..., F)."""
        return self._of_features(self._by_column(values).amax(dim=-1))

    def _by_column(self, values: Tensor) -> Tensor:
        """Return the values of features (..., F) as (..., columns, most features)."""
        table = self._table.to(values.device)
        rows: Tensor = values.index_select(-1, table.flatten()).unflatten(-1, table.shape)
        return rows

    def _of_features(self, values: Tensor) -> Tensor:
        """Return the values of columns (..., columns) for each of their features, (..., F)."""
        return values.index_select(-1, self._column.to(values.device))


class PoissonFamily(Family):
    r"""Counts with :math:`\log p(x) = x\eta - e^\eta - \log x!`."""

    is_count = True
    support = "counts (0, 1, 2, …)"

    def log_prob(self, x: Tensor, eta: Tensor, shared: Tensor) -> Tensor:
        """Return the log probability of each count."""
        eta = _log_rate(eta)
        return x * eta - torch.exp(eta) - torch.lgamma(x + 1)

    def mean(self, eta: Tensor, shared: Tensor) -> Tensor:
        """Return the rate."""
        return torch.exp(_log_rate(eta))

    def draw(self, eta: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Draw counts."""
        rate = self.mean(eta, shared).cpu().double().numpy()
        return torch.from_numpy(_numpy(generator).poisson(rate)).to(eta)

    def holds(self, values: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Return which values are integers from 0 up."""
        is_count: NDArray[np.bool_] = (values >= 0) & (values == np.rint(values))
        is_count |= np.isnan(values)
        return is_count

    def start(self, mean: Tensor) -> Tensor:
        """Return the logarithm of the mean count."""
        return torch.log(mean.clamp(min=1e-6))


class NegativeBinomialFamily(PoissonFamily):
    r"""Counts of mean :math:`\mu = e^\eta` and variance :math:`\mu + \mu^2 / \theta_d`.

    .. math::
        p(x) = \frac{\Gamma(x + \theta)}{\Gamma(\theta)\, x!}
            \left(\frac{\theta}{\theta + \mu}\right)^\theta
            \left(\frac{\mu}{\theta + \mu}\right)^x
    """

    n_shared = 1

    def log_prob(self, x: Tensor, eta: Tensor, shared: Tensor) -> Tensor:
        """Return the log probability of each count."""
        eta, log_theta = _log_rate(eta), _log_dispersion(shared)
        theta, log_sum = torch.exp(log_theta), torch.logaddexp(log_theta, eta)
        binomial = torch.lgamma(x + theta) - torch.lgamma(theta) - torch.lgamma(x + 1)
        return binomial + theta * (log_theta - log_sum) + x * (eta - log_sum)

    def draw(self, eta: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Draw counts: a Poisson's, whose rate is drawn from a gamma distribution."""
        rate = torch.exp(_log_rate(eta)).cpu().double().numpy()
        theta = torch.exp(_log_dispersion(shared)).cpu().double().numpy()
        draws = _numpy(generator)
        return torch.from_numpy(draws.poisson(rate * draws.gamma(theta, 1 / theta, rate.shape))).to(
            eta
        )


class ZeroInflatedFamily(NegativeBinomialFamily):
    r"""A negative binomial, and with probability :math:`\pi` a zero in its place.

    :math:`\mathrm{logit}\,\pi = a_d + b_d \eta`: a feature's zeros may depend on its mean.
    """

    n_shared = 3

    def log_prob(self, x: Tensor, eta: Tensor, shared: Tensor) -> Tensor:
        """Return the log probability of each count."""
        counted = super().log_prob(x, eta, shared)
        logit = self._logit(eta, shared)
        log_one_minus = -functional.softplus(logit)
        zero = torch.logaddexp(logit + log_one_minus, counted + log_one_minus)
        return torch.where(x == 0, zero, counted + log_one_minus)

    def mean(self, eta: Tensor, shared: Tensor) -> Tensor:
        """Return the mean count, with its zeros."""
        return torch.sigmoid(-self._logit(eta, shared)) * torch.exp(_log_rate(eta))

    def draw(self, eta: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Draw counts."""
        counts = super().draw(eta, shared, generator)
        is_zero = _uniform(eta, generator) < torch.sigmoid(self._logit(eta, shared))
        return torch.where(is_zero, torch.zeros_like(counts), counts)

    @staticmethod
    def _logit(eta: Tensor, shared: Tensor) -> Tensor:
        # At the start, a zero in eighteen is not one of the negative binomial.
        return shared[..., 1, :] - 3.0 + shared[..., 2, :] * _log_rate(eta)


class InputFamily(Family):
    """Features that the encoder sees and no likelihood has."""

    def log_prob(self, x: Tensor, eta: Tensor, shared: Tensor) -> Tensor:
        """Return zeros."""
        return torch.zeros_like(eta)

    def mean(self, eta: Tensor, shared: Tensor) -> Tensor:
        """Return the decoder's numbers, which nothing has trained."""
        return eta

    def draw(self, eta: Tensor, shared: Tensor, generator: Generator) -> Tensor:
        """Return the decoder's numbers."""
        return eta

    def start(self, mean: Tensor) -> Tensor:
        """Return the mean."""
        return mean


#: By name, the distributions of a column.
FAMILIES: dict[str, type[Family]] = {
    "gaussian": GaussianFamily,
    "bernoulli": BernoulliFamily,
    "categorical": CategoricalFamily,
    "poisson": PoissonFamily,
    "negative-binomial": NegativeBinomialFamily,
    "zero-inflated": ZeroInflatedFamily,
    "input": InputFamily,
}


def _log_rate(eta: Tensor) -> Tensor:
    return eta.clamp(max=_LARGEST_LOG_RATE)


def _log_dispersion(shared: Tensor) -> Tensor:
    return shared[..., 0, :].clamp(-10.0, 10.0)


def _uniform(like: Tensor, generator: Generator) -> Tensor:
    return torch.rand(like.shape, generator=generator, device=generator.device).to(like)


def _numpy(generator: Generator) -> np.random.Generator:
    """Return a generator of numpy that the next draw of torch's decides."""
    seed = torch.randint(2**62, (1,), generator=generator, device=generator.device)
    return np.random.default_rng(int(seed))
