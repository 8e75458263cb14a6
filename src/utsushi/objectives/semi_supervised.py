r"""The objective of a semi-supervised variational autoencoder (M2)."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Self

import torch
from torch import Generator, Tensor

from utsushi.distributions.likelihoods import Likelihood, squared_error
from utsushi.networks import EncoderDecoder
from utsushi.objectives.base import Batch, MappedSource, Source, Terms, with_condition
from utsushi.objectives.variational import VariationalObjective, decoded

__all__ = ["SemiSupervisedObjective"]


@dataclass(frozen=True)
class SemiSupervisedObjective(VariationalObjective):
    r"""A bound on :math:`\log p(x, y)` of labelled samples, and on :math:`\log p(x)` of the others.

    .. math::
        L(x, y) = E_{q(z \mid x)} \log p(x \mid y, z) + \log p(y)
            - \beta\, D_{KL}(q(z \mid x) \Vert p(z))

    is maximized together with :math:`\alpha \log q(y \mid x)` where y is known; without y, it is
    :math:`\sum_y q(y \mid x) (L(x, y) - \log q(y \mid x))`. As only labelled samples define the
    classes, each of them counts several times.

    Parameters
    ----------
    log_shares : Tensor of shape (C,)
        :math:`\log p(y)`.
    classification : float, default=1.0
        :math:`\alpha`.
    labelled_weight : float, default=1.0
        The weight of a labelled sample, relative to an unlabelled one.

    References
    ----------
    Kingma, Rezende, Mohamed and Welling 2014, *Semi-Supervised Learning with Deep Generative
    Models*, https://arxiv.org/abs/1406.5298, equations 6 to 9. There the posterior of z also
    depends on y.
    """

    log_shares: Tensor = field(default_factory=lambda: torch.zeros(1))
    classification: float = 1.0
    labelled_weight: float = 1.0

    @property
    def is_rotation_invariant(self) -> bool:
        """False: the classifier takes whole samples."""
        return False

    def __call__(self, module: EncoderDecoder, batch: Batch, generator: Generator) -> Terms:
        """Return the terms of a batch, whose condition is zero where the class is unknown."""
        assert batch.condition is not None
        n_classes = batch.condition.shape[1]
        target, z, posterior = self._draw(module, batch, 1, generator)
        each = torch.eye(n_classes, device=z.device)[:, None].expand(-1, len(z), -1)
        codes = with_condition(z.expand(n_classes, *z.shape), each)
        outputs = decoded(module.decoder, codes)  # (C, B, D)
        log_q = torch.log_softmax(module.classifier(batch.x), dim=-1).T  # (C, B)
        is_labelled = batch.condition.sum(dim=-1) > 0
        weights = torch.where(is_labelled, batch.condition.T, log_q.exp())
        likelihood = self._fixed(target, outputs, weights.detach(), batch.mask)
        log_likelihood = likelihood.log_prob(target, outputs, batch.mask)
        kl = module.divergence(posterior, z).sum(dim=-1)
        log_prior = self.log_shares.to(log_q)[:, None]
        joint = (weights * (log_likelihood + log_prior)).sum(dim=0)
        entropy = torch.where(is_labelled, 0.0, -(log_q.exp() * log_q).sum(dim=0))
        fit = torch.where(is_labelled, (batch.condition.T * log_q).sum(dim=0), 0.0)
        bound = joint - self._beta(batch.epochs) * kl + entropy + self.classification * fit
        reconstruction = -(weights * log_likelihood).sum(dim=0).detach()
        parts = {"reconstruction": reconstruction, "kl": kl, "classification": -fit.detach()}
        weight = torch.where(is_labelled, self.labelled_weight, 1.0)
        return Terms(objective=-weight * bound, parts=parts)

    def calibrated(self, module: EncoderDecoder, data: Source, generator: Generator) -> Self:
        """Return the objective with its likelihood calibrated; see `VariationalObjective`."""
        classified = MappedSource(data, partial(_classified, module), data.n_features)
        return super().calibrated(module, classified, generator)

    def _fixed(
        self, target: Tensor, outputs: Tensor, weights: Tensor, mask: Tensor | None
    ) -> Likelihood:
        """Return the likelihood, its noise fitted to the batch by the weights of the classes."""
        if not self.likelihood.is_calibrated or hasattr(self.likelihood, "sigma_"):
            return self.likelihood
        likelihood = copy(self.likelihood)
        with torch.no_grad():
            errors = squared_error(target, likelihood.mean(outputs), mask)
            total = (weights * errors).sum().item()
        return likelihood.calibrate(total / (len(target) * (likelihood.width(target, mask) or 1)))


def _classified(module: EncoderDecoder, batch: Batch) -> Batch:
    """Return a batch whose samples without a class have the most probable one."""
    assert batch.condition is not None
    best = module.classifier(batch.x).argmax(dim=-1)
    guess = torch.nn.functional.one_hot(best, batch.condition.shape[1]).to(batch.condition)
    is_labelled = batch.condition.sum(dim=-1, keepdim=True) > 0
    return replace(batch, condition=torch.where(is_labelled, batch.condition, guess))
