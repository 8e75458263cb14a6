"""The objective of a variational autoencoder, and the calibration of its likelihood."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Generator, Tensor

from utsushi.distributions.likelihoods import Likelihood, squared_error
from utsushi.distributions.posteriors import PosteriorDistribution
from utsushi.networks import EncoderDecoder
from utsushi.objectives.base import Batch, Source, Terms
from utsushi.objectives.bounds import (
    elbo,
    free_bits_kl,
    importance_weighted_bound,
    log_weights,
)

__all__ = ["VariationalObjective"]

#: Rows per block when a likelihood is calibrated over all of them.
CALIBRATION_BLOCK_ROWS = 1000

#: Rows and steps of the fixed point by which it is calibrated for the importance-weighted bound.
WEIGHTED_ROWS, FIXED_POINT_STEPS = 500, 20


@dataclass(frozen=True)
class VariationalObjective:
    r"""The variational autoencoder's objective: :math:`-J_1 + \beta J_2`, in nats.

    With K > 1 importance samples it is :math:`-L_K` instead; see `importance_weighted_bound`.

    Parameters
    ----------
    likelihood : Likelihood
        :math:`p(x \mid z)`.
    beta : float or callable, default=1.0
        Weight of the divergence; 1 gives the bound. A callable takes the epochs that are done, in
        fractions, and returns the weight.
    n_samples : int, default=1
        S, the independent estimates of the bound that a row's objective is the mean of.
    n_importance_samples : int, default=1
        K, the codes drawn for each estimate.
    doubly_reparameterized : bool, default=False
        For K > 1, the encoder's gradient of lower variance; Tucker et al. 2019,
        https://arxiv.org/abs/1810.04152
    free_bits : float, default=0.0
        For K = 1, see `free_bits_kl`.
    kl_warmup_epochs : float, default=0.0
        The weight of the divergence rises linearly from zero over so many epochs.
    target : callable, optional
        Makes of scaled rows what the likelihood is a density of; they themselves without it.
    """

    likelihood: Likelihood
    beta: float | Callable[[float], float] = 1.0
    n_samples: int = 1
    n_importance_samples: int = 1
    doubly_reparameterized: bool = False
    free_bits: float = 0.0
    kl_warmup_epochs: float = 0.0
    target: Callable[[Tensor], Tensor] | None = None

    @property
    def is_rotation_invariant(self) -> bool:
        """Whether it stays the same when rows and copies are turned alike."""
        return self.target is None and self.likelihood.is_rotation_invariant

    def of_turned_rows(self, n_features: int) -> Self:
        """Return the objective of rows of ``n_features`` that are told by fewer numbers."""
        return replace(self, likelihood=self.likelihood.of_turned_rows(n_features))

    def __call__(self, module: EncoderDecoder, batch: Batch, generator: Generator) -> Terms:
        """Return the terms of a batch, with S times K codes a row drawn anew."""
        n_draws = self.n_samples * self.n_importance_samples
        target, output, z, posterior = self._drawn(module, batch, n_draws, generator)
        log_likelihood = self.likelihood.log_prob(target, output, batch.mask)
        expected = log_likelihood if n_draws == 1 else log_likelihood.mean(dim=0)
        divergence = module.divergence(posterior, z)
        if divergence.dim() > 2:  # estimated from each draw
            divergence = divergence.mean(dim=0)
        kl = divergence.sum(dim=-1)
        beta = self._beta(batch.epochs)
        if self.n_importance_samples > 1:
            bound = self._importance_weighted(module, log_likelihood, z, posterior, beta)
        elif self.free_bits:
            free = free_bits_kl(divergence, self.free_bits)
            bound = elbo(expected, free.sum(dim=-1), beta)
        else:
            bound = elbo(expected, kl, beta)
        return Terms(objective=-bound, parts={"reconstruction": -expected.detach(), "kl": kl})

    @torch.no_grad()
    def calibrated(self, module: EncoderDecoder, known: Source, generator: Generator) -> Self:
        """Return the objective with its likelihood calibrated over known rows.

        A likelihood that learns as it trains has no fixed density before: each batch has its own.

        Parameters
        ----------
        module : EncoderDecoder
        known : Source
            Training rows; all of them count, with one drawn code each.
        generator : Generator
            The only source of random numbers.
        """
        if not self.likelihood.is_calibrated:
            return self
        likelihood = copy(self.likelihood)
        total, n_values = 0.0, 0.0
        for block in known.blocks(CALIBRATION_BLOCK_ROWS):
            target, outputs, _, _ = self._drawn(module, block, 1, generator)
            total += squared_error(target, likelihood.mean(outputs), block.mask).sum().item()
            n_values += len(target) * likelihood.width(target, block.mask)
        likelihood.calibrate(total / n_values)
        if self.n_importance_samples > 1:
            self._calibrate_by_weights(likelihood, module, known, generator)
        return replace(self, likelihood=likelihood)

    def _calibrate_by_weights(
        self, likelihood: Likelihood, module: EncoderDecoder, known: Source, generator: Generator
    ) -> None:
        r"""Calibrate for the importance-weighted bound, whose draws count by their weights.

        A fixed point of :math:`\sigma^2 = \sum_k \tilde w_k (x - \hat x_k)^2 / D`, averaged over
        rows, with normalized weights :math:`\tilde w` that depend on :math:`\sigma` themselves.
        """
        # Rows of a file may stand in the order of their classes.
        chosen = torch.randperm(len(known), generator=generator)[:WEIGHTED_ROWS]
        some = known[chosen.to(known.device)]
        target, outputs, z, posterior = self._drawn(
            module, some, self.n_importance_samples, generator
        )
        log_prior, log_posterior = module.log_prior(z), posterior.log_prob(z)
        errors = squared_error(target, likelihood.mean(outputs), some.mask)
        for _ in range(FIXED_POINT_STEPS):
            log_likelihood = likelihood.log_prob(target, outputs, some.mask)
            log_w = log_weights(log_likelihood, log_prior, log_posterior)
            weighted = (torch.softmax(log_w, dim=0) * errors).sum(dim=0)
            likelihood.calibrate(weighted.mean().item() / likelihood.width(target, some.mask))

    def _drawn(
        self, module: EncoderDecoder, batch: Batch, n_draws: int, generator: Generator
    ) -> tuple[Tensor, Tensor, Tensor, PosteriorDistribution]:
        """Return target (B, D), outputs (K, B, D), codes (K, B, H), and the posteriors.

        One draw goes without the dimension of the draws, which is a tenth of a small step.
        """
        posterior: PosteriorDistribution = module.posterior_of(batch.x)
        shape = posterior.mean.shape if n_draws == 1 else (n_draws, *posterior.mean.shape)
        noise = torch.randn(
            shape, generator=generator, dtype=torch.float32, device=generator.device
        )
        z = posterior.rsample(noise.to(posterior.mean))
        codes = batch.decoder_input(z)
        if n_draws == 1:
            output = module.decoder(codes)
        else:
            output = module.decoder(codes.flatten(0, 1)).unflatten(0, z.shape[:2])
        target = batch.x if self.target is None else self.target(batch.x)
        return target, output, z, posterior

    def _beta(self, epochs: float) -> float:
        """Return the weight of the divergence when so many epochs are done."""
        beta = self.beta(epochs) if callable(self.beta) else self.beta
        if not self.kl_warmup_epochs:
            return beta
        return beta * min(1.0, epochs / self.kl_warmup_epochs)

    def _importance_weighted(
        self,
        module: EncoderDecoder,
        log_likelihood: Tensor,
        z: Tensor,
        posterior: PosteriorDistribution,
        beta: float,
    ) -> Tensor:
        """Return the mean over S of the bounds with K draws each, shape (B,)."""
        groups = (self.n_samples, self.n_importance_samples)
        log_prior = module.log_prior(z)
        if not (self.doubly_reparameterized and z.requires_grad):
            log_w = log_weights(log_likelihood, log_prior, posterior.log_prob(z), beta)
            log_w = log_w.unflatten(0, groups)
            return importance_weighted_bound(log_w.transpose(0, 1)).mean(dim=0)
        # The posterior's own parameters are held still, so that all of the encoder's gradient
        # comes through z; there each draw counts by the square of its normalized weight, and by
        # the weight itself where beta takes the posterior's density out of it.
        log_posterior = posterior.detach().log_prob(z)
        log_w = log_weights(log_likelihood, log_prior, log_posterior, beta)
        log_w = log_w.unflatten(0, groups)
        shares = torch.softmax(log_w.detach(), dim=1)
        of_path = ((1 - beta) + beta * shares).flatten(0, 1).unsqueeze(-1)
        z.register_hook(lambda gradient: gradient * of_path)
        surrogate = (shares * log_w).sum(dim=1).mean(dim=0)
        bound = importance_weighted_bound(log_w.detach().transpose(0, 1)).mean(dim=0)
        # The value of the bound, with the gradient of the surrogate.
        with_gradient: Tensor = bound + surrogate - surrogate.detach()
        return with_gradient
