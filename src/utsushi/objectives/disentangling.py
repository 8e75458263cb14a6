r"""Objectives that weight parts of the divergence: total correlation, covariances, capacity.

Each is the evidence lower bound less a weighted penalty of the codes of a batch.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from utsushi._utils.str_options import SortedStrOptions
from utsushi.distributions.likelihoods import LOG_2PI
from utsushi.objectives.bounds import elbo
from utsushi.objectives.critics import code_critic, critic_loss, judged
from utsushi.objectives.elbo import ELBO, Draws
from utsushi.objectives.penalties import squared_mmd

__all__ = [
    "BetaTC",
    "CapacityAnnealed",
    "DisentangledInferredPrior",
    "FactorVAE",
    "InfoVAE",
    "PenalizedELBO",
    "permuted",
    "total_correlation",
]

_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")


@dataclass(kw_only=True, eq=False, repr=False)
class PenalizedELBO(ELBO):
    """The base of objectives that are the evidence lower bound less ``strength`` times a penalty.

    The history shows the penalty, before its strength, as ``penalty``.
    """

    strength: float = 1.0

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **ELBO._parameter_constraints,
        "strength": [_NOT_NEGATIVE],
    }

    @abstractmethod
    def penalty(self, draws: Draws) -> Tensor:
        """Return the penalty of each sample in nats, shape (B,)."""

    def __call__(self, draws: Draws, beta: float) -> Tensor:
        """Return the objective of each sample; see `Bound.__call__`."""
        penalty = self.penalty(draws)
        draws.parts["penalty"] = penalty
        return super().__call__(draws, beta) - float(self.strength) * penalty


def total_correlation(z: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    r"""Estimate the total correlation of the codes, sample by sample.

    .. math::
        \log q(z) - \sum_h \log q(z_h), \qquad
        q(z) \approx \frac{1}{B} \sum_{b=1}^{B} q(z \mid x_b)

    over a batch of B samples. The reference's weights for the rest of the data change the value by
    a constant, and no gradient. With posteriors that hardly overlap, the value is mostly too large.

    Parameters
    ----------
    z, mean, log_variance : Tensor of shape (B, H)
        Codes, and the posteriors that they were drawn from.

    Returns
    -------
    Tensor of shape (B,)
        Nats; the mean is the estimate.

    References
    ----------
    Chen, Li, Grosse and Duvenaud 2018, *Isolating Sources of Disentanglement in Variational
    Autoencoders*, https://arxiv.org/abs/1802.04942, equation 4

    Examples
    --------
    >>> z = torch.randn(1000, 1, generator=torch.Generator().manual_seed(0)).expand(-1, 2)
    >>> tiny = torch.full((1000, 2), -4.0)
    >>> bool(total_correlation(z, z, tiny).mean() > 1)  # two equal components
    True
    """
    distance = (z[:, None] - mean).square() * torch.exp(-log_variance)
    each = -0.5 * (distance + log_variance + LOG_2PI)  # (B of z, B of posteriors, H)
    scale = math.log(len(z))
    joint = torch.logsumexp(each.sum(dim=-1), dim=1) - scale
    marginals = torch.logsumexp(each, dim=1) - scale
    return joint - marginals.sum(dim=-1)


@dataclass(kw_only=True, eq=False, repr=False)
class BetaTC(PenalizedELBO):
    r"""Weight the total correlation of the codes by :math:`1 + \mathrm{strength}`.

    The divergence of a variational autoencoder is the sum of the information between sample and
    code, the total correlation of the components, and the divergences of the single components
    from the prior. Only the second is weighted here: components become independent, while the code
    may carry as much as before.

    Parameters
    ----------
    strength : float >= 0, default=5.0
        :math:`\beta - 1` of the reference.
    n_samples, free_bits, kl_warmup_epochs
        See `ELBO`.

    References
    ----------
    Chen, Li, Grosse and Duvenaud 2018, *Isolating Sources of Disentanglement in Variational
    Autoencoders*, https://arxiv.org/abs/1802.04942

    Examples
    --------
    >>> BetaTC(strength=3.0)
    BetaTC(strength=3.0)
    """

    strength: float = 5.0

    needs_diagonal_gaussian: ClassVar[bool] = True

    def penalty(self, draws: Draws) -> Tensor:
        """Return the total correlation; see `total_correlation`."""
        posterior = draws.posterior
        return total_correlation(draws.one, posterior.mean, posterior.log_variance)


def permuted(z: Tensor, generator: torch.Generator) -> Tensor:
    """Shuffle each component of codes (B, H) among the samples, which makes them independent.

    Examples
    --------
    >>> z = torch.arange(6.0).reshape(3, 2)
    >>> permuted(z, torch.Generator().manual_seed(1)).sum(dim=0)
    tensor([6., 9.])
    """
    noise = torch.rand(z.shape, generator=generator, device=generator.device)
    return z.gather(0, noise.argsort(dim=0).to(z.device))


@dataclass(kw_only=True, eq=False, repr=False)
class FactorVAE(PenalizedELBO):
    r"""Weight the total correlation, which a critic estimates.

    The critic D is trained to discriminate codes from codes with shuffled components; its logit
    then estimates the log ratio of their densities, whose mean is the total correlation.

    Parameters
    ----------
    strength : float >= 0, default=10.0
        :math:`\gamma` of the reference.
    n_samples, free_bits, kl_warmup_epochs
        See `ELBO`.

    References
    ----------
    Kim and Mnih 2018, *Disentangling by Factorising*, https://arxiv.org/abs/1802.05983

    Examples
    --------
    >>> FactorVAE(strength=20.0)
    FactorVAE(strength=20.0)
    """

    strength: float = 10.0

    def build_critic(self, n_features: int, n_components: int) -> nn.Module:
        """Return the critic of the codes."""
        return code_critic(n_components)

    def penalty(self, draws: Draws) -> Tensor:
        """Return the critic's estimate of the total correlation; its gradient trains the critic."""
        z, critic = draws.one, draws.module.critic
        loss = critic_loss(critic, z, permuted(z.detach(), draws.generator))
        scale = max(float(self.strength), 1e-6)  # the strength does not scale the critic's gradient
        return judged(critic, z) + loss / scale


@dataclass(kw_only=True, eq=False, repr=False)
class DisentangledInferredPrior(PenalizedELBO):
    r"""Bring the covariance of the codes to the identity (DIP-VAE).

    .. math::
        \sum_{i \ne j} C_{ij}^2 + d \sum_i (C_{ii} - 1)^2

    with the covariance C of the posterior means ("I"), or of the codes ("II").

    Parameters
    ----------
    kind : {"I", "II"}, default="II"
    strength : float >= 0, default=10.0
        The weight of the sum.
    diagonal : float >= 0, default=1.0
        d.
    n_samples, free_bits, kl_warmup_epochs
        See `ELBO`.

    References
    ----------
    Kumar, Sattigeri and Balakrishnan 2018, *Variational Inference of Disentangled Latent Concepts
    from Unlabeled Observations*, https://arxiv.org/abs/1711.00848

    Examples
    --------
    >>> DisentangledInferredPrior(kind="I", diagonal=10.0)
    DisentangledInferredPrior(diagonal=10.0, kind='I')
    """

    strength: float = 10.0
    kind: str = "II"
    diagonal: float = 1.0

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **PenalizedELBO._parameter_constraints,
        "kind": [SortedStrOptions({"I", "II"})],
        "diagonal": [_NOT_NEGATIVE],
    }

    def penalty(self, draws: Draws) -> Tensor:
        """Return the same value for each sample of a batch."""
        mean = draws.posterior.mean
        centred = mean - mean.mean(dim=0)
        covariance = centred.T @ centred / len(mean)
        if self.kind == "II":
            variance = torch.exp(draws.posterior.log_variance).mean(dim=0)
            covariance = covariance + torch.diag(variance)
        diagonal = covariance.diagonal()
        off_diagonal = covariance.square().sum() - diagonal.square().sum()
        value = off_diagonal + float(self.diagonal) * (diagonal - 1).square().sum()
        return value.expand(len(mean))


@dataclass(kw_only=True, eq=False, repr=False)
class InfoVAE(PenalizedELBO):
    r"""Replace a part of the divergence by the discrepancy of all codes from N(0, I).

    .. math::
        E \log p(x \mid z) - (1 - \alpha)\, D_{KL}(q(z \mid x) \Vert p(z))
            - \lambda\, \mathrm{MMD}^2(q(z), N(0, I))

    so that the code can carry information on the sample (through a small weight of the first
    divergence) while the distribution of all codes stays near the prior.

    Parameters
    ----------
    alpha : float in [0, 1], default=0.8
        :math:`\alpha`, the share of the divergence that is removed.
    strength : float >= 0, default=1000.0
        :math:`\lambda`.
    n_samples, free_bits, kl_warmup_epochs
        See `ELBO`.

    References
    ----------
    Zhao, Song and Ermon 2019, *InfoVAE: Balancing Learning and Inference in Variational
    Autoencoders*, https://arxiv.org/abs/1706.02262

    Examples
    --------
    >>> InfoVAE(alpha=0.5)
    InfoVAE(alpha=0.5)
    """

    strength: float = 1000.0
    alpha: float = 0.8

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **PenalizedELBO._parameter_constraints,
        "alpha": [Interval(Real, 0, 1, closed="both")],
    }

    def penalty(self, draws: Draws) -> Tensor:
        """Return each code's part of the squared maximum mean discrepancy."""
        return squared_mmd(draws.one, draws.generator)

    def __call__(self, draws: Draws, beta: float) -> Tensor:
        """Return the objective of each sample; see `Bound.__call__`."""
        return super().__call__(draws, beta * (1 - float(self.alpha)))


@dataclass(kw_only=True, eq=False, repr=False)
class CapacityAnnealed(ELBO):
    r"""Hold the divergence at a capacity that rises with the training.

    .. math::
        E \log p(x \mid z) - \gamma\, \left| D_{KL}(q(z \mid x) \Vert p(z)) - C \right|

    with the mean divergence of a batch, and C rising from zero to ``capacity``, so that the model
    uses one component after the other.

    Parameters
    ----------
    capacity : float >= 0, default=25.0
        The last value of C in nats.
    n_epochs : float > 0, default=8.0
        The epochs in which C rises to it.
    strength : float >= 0, default=10.0
        :math:`\gamma`, which takes the place of ``beta``.
    n_samples, free_bits, kl_warmup_epochs
        See `ELBO`.

    References
    ----------
    Burgess, Higgins, Pal, Matthey, Watters, Desjardins and Lerchner 2018, *Understanding
    Disentangling in β-VAE*, https://arxiv.org/abs/1804.03599

    Examples
    --------
    >>> CapacityAnnealed(capacity=10.0)
    CapacityAnnealed(capacity=10.0)
    """

    capacity: float = 25.0
    n_epochs: float = 8.0
    strength: float = 10.0

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **ELBO._parameter_constraints,
        "capacity": [_NOT_NEGATIVE],
        "n_epochs": [Interval(Real, 0, None, closed="neither")],
        "strength": [_NOT_NEGATIVE],
    }

    def __call__(self, draws: Draws, beta: float) -> Tensor:
        """Return the objective of each sample; see `Bound.__call__`."""
        capacity = float(self.capacity) * min(1.0, draws.epochs / float(self.n_epochs))
        kl = draws.divergence.sum(dim=-1)
        distance = (kl.mean() - capacity).abs().expand(len(kl))
        return elbo(draws.expected_log_likelihood, distance, float(self.strength))
