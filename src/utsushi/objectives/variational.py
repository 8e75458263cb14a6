"""The objective of a variational autoencoder, and the calibration of its likelihood."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Generator, Tensor

from utsushi.distributions.likelihoods import Likelihood, squared_error
from utsushi.distributions.posteriors import PosteriorDistribution
from utsushi.networks import EncoderDecoder
from utsushi.objectives.base import Batch, Source, Terms
from utsushi.objectives.bounds import log_weights
from utsushi.objectives.critics import frozen
from utsushi.objectives.elbo import ELBO, Bound, Draws
from utsushi.transforms.corruption import HideColumns

__all__ = ["VariationalObjective", "decoded"]

#: Samples per block when a likelihood is calibrated on all of them.
CALIBRATION_BLOCK_ROWS = 1000

#: Codes of a sample for which the last layer is solved. With one, it overfits their noise.
DECODER_DRAWS = 2

#: Samples and steps of the fixed-point iteration that calibrates a likelihood for the
#: importance-weighted bound.
WEIGHTED_ROWS, FIXED_POINT_STEPS = 500, 20


@dataclass(frozen=True)
class VariationalObjective:
    r"""The objective of a variational autoencoder: the negative of a bound, in nats.

    Parameters
    ----------
    likelihood : Likelihood
        :math:`p(x \mid z)`.
    bound : Bound
        The bound to maximize, with its number of codes.
    beta : float or callable, default=1.0
        Weight of the divergence; 1 gives the bound. A callable takes the epochs that are done, in
        fractions, and returns the weight.
    target : callable, optional
        Returns samples as the likelihood takes them from scaled samples; None leaves them scaled.
    hide : HideColumns, optional
        Hides random columns of some samples from the encoder, which then learns their posteriors,
        too: see ``masking`` of `utsushi.objectives.Bound`.
    images : callable, optional
        Returns images (B, C, H, W) in the units of the input from samples (B, D) as the likelihood
        takes them; None leaves them as they are.
    """

    likelihood: Likelihood
    bound: Bound = field(default_factory=ELBO)
    beta: float | Callable[[float], float] = 1.0
    target: Callable[[Tensor], Tensor] | None = None
    hide: HideColumns | None = None
    images: Callable[[Tensor], Tensor] | None = None

    @property
    def is_rotation_invariant(self) -> bool:
        """Whether it stays the same when samples and reconstructions are rotated alike."""
        parts = (self.likelihood, self.bound)
        whole = self.target is None and self.hide is None
        return whole and all(part.is_rotation_invariant for part in parts)

    def for_projected_samples(self, n_features: int) -> Self:
        """Return the objective for projected samples of ``n_features`` columns."""
        return replace(self, likelihood=self.likelihood.for_projected_samples(n_features))

    def decoder_inputs(
        self, module: EncoderDecoder, batch: Batch, generator: Generator
    ) -> Tensor | None:
        """Return codes drawn anew (2, B, H + C); None if the bound weighs its draws."""
        if self.bound.n_importance_samples > 1:
            return None
        return batch.decoder_input(self._draw(module, batch, DECODER_DRAWS, generator)[1])

    def __call__(self, module: EncoderDecoder, batch: Batch, generator: Generator) -> Terms:
        """Return the terms of a batch, with codes drawn anew."""
        target, z, posterior = self._draw(module, batch, self.bound.n_draws, generator)
        decoder = frozen(module.decoder) if self.bound.fixes_decoder else module.decoder
        output = decoded(decoder, batch.decoder_input(z))
        divergence = module.divergence(posterior, z)
        if divergence.dim() > 2:  # estimated from each draw
            divergence = divergence.mean(dim=0)

        def reconstruct() -> Tensor:
            mean = self.likelihood.mean(output if z.dim() == 2 else output[0])
            return mean if batch.mask is None else torch.where(batch.mask, mean, target)

        draws = Draws(
            module,
            posterior,
            z,
            log_likelihood=self.likelihood.log_prob(target, output, batch.mask),
            divergence=divergence,
            target=target,
            reconstruct=reconstruct,
            log_likelihood_of=lambda codes, decoder: self.likelihood.log_prob(
                target, decoded(decoder, batch.decoder_input(codes)), batch.mask
            ),
            generator=generator,
            epochs=batch.epochs,
            images=self.images or (lambda x: x),
        )
        bound = self.bound(draws, self._beta(batch.epochs))
        parts = {
            "reconstruction": -draws.expected_log_likelihood.detach(),
            "kl": divergence.sum(dim=-1),
        }
        objective = -bound
        if self.hide is not None:
            objective = objective + _of_hidden(self.hide, module, batch.x, draws.one, generator)
        return Terms(objective, parts=parts | draws.parts)

    @torch.no_grad()
    def calibrated(self, module: EncoderDecoder, data: Source, generator: Generator) -> Self:
        """Return the objective with its likelihood calibrated on the training samples.

        During training, a calibrated likelihood is fitted to each batch, so its density differs
        from batch to batch.

        Parameters
        ----------
        module : EncoderDecoder
        known : Source
            The training samples, all of which are used, with one drawn code each.
        generator : Generator
            The only source of random numbers.
        """
        if not self.likelihood.is_calibrated:
            return self
        likelihood = copy(self.likelihood)
        total, n_values = 0.0, 0.0
        for block in data.blocks(CALIBRATION_BLOCK_ROWS):
            target, z, _ = self._draw(module, block, 1, generator)
            outputs = decoded(module.decoder, block.decoder_input(z))
            total += squared_error(target, likelihood.mean(outputs), block.mask).sum().item()
            n_values += len(target) * likelihood.width(target, block.mask)
        likelihood.calibrate(total / n_values)
        if self.bound.n_importance_samples > 1:
            self._calibrate_by_weights(likelihood, module, data, generator)
        return replace(self, likelihood=likelihood)

    def _calibrate_by_weights(
        self, likelihood: Likelihood, module: EncoderDecoder, data: Source, generator: Generator
    ) -> None:
        r"""Calibrate for the importance-weighted bound, with the errors of draws weighted.

        A fixed point of :math:`\sigma^2 = \sum_k \tilde w_k (x - \hat x_k)^2 / D`, averaged over
        samples, with normalized weights :math:`\tilde w` that depend on :math:`\sigma` themselves.
        """
        # A random choice, because samples may be sorted by class.
        chosen = torch.randperm(len(data), generator=generator)[:WEIGHTED_ROWS]
        subset = data[chosen.to(data.device)]
        n_draws = self.bound.n_importance_samples
        target, z, posterior = self._draw(module, subset, n_draws, generator)
        outputs = decoded(module.decoder, subset.decoder_input(z))
        log_prior, log_posterior = module.log_prior(z), posterior.log_prob(z)
        errors = squared_error(target, likelihood.mean(outputs), subset.mask)
        for _ in range(FIXED_POINT_STEPS):
            log_likelihood = likelihood.log_prob(target, outputs, subset.mask)
            log_w = log_weights(log_likelihood, log_prior, log_posterior)
            weighted = (torch.softmax(log_w, dim=0) * errors).sum(dim=0)
            likelihood.calibrate(weighted.mean().item() / likelihood.width(target, subset.mask))

    def _draw(
        self, module: EncoderDecoder, batch: Batch, n_draws: int, generator: Generator
    ) -> tuple[Tensor, Tensor, PosteriorDistribution]:
        """Return target (B, D), codes (K, B, H), and the posteriors that they are drawn from.

        For one draw the dimension of the draws is left out, which saves a tenth of a small step.
        """
        posterior: PosteriorDistribution = module.posterior_of(batch.x)
        shape = posterior.like.shape if n_draws == 1 else (n_draws, *posterior.like.shape)
        noise = torch.randn(
            shape, generator=generator, dtype=torch.float32, device=generator.device
        )
        z = posterior.rsample(noise.to(posterior.like))
        target = batch.x if self.target is None else self.target(batch.x)
        return target, z, posterior

    def _beta(self, epochs: float) -> float:
        """Return the weight of the divergence when so many epochs are done."""
        beta = self.beta(epochs) if callable(self.beta) else self.beta
        if not self.bound.kl_warmup_epochs:
            return beta
        return beta * min(1.0, epochs / self.bound.kl_warmup_epochs)


def _of_hidden(
    hide: HideColumns, module: EncoderDecoder, x: Tensor, z: Tensor, generator: Generator
) -> Tensor:
    r"""Return :math:`-\log q(z \mid \tilde x)` of codes (B, H), with a part of each sample hidden.

    The codes are fixed draws of the posterior of the whole sample, so that the posterior of a part
    covers those of all samples that share the part; zero for samples of which nothing is hidden.
    """
    part = hide(x, generator)
    posterior: PosteriorDistribution = module.posterior_of(part)
    cost = -posterior.log_prob(z[: len(part)].detach())
    return torch.nn.functional.pad(cost, (0, len(x) - len(part)))


def decoded(decoder: Callable[[Tensor], Tensor], codes: Tensor) -> Tensor:
    """Return the outputs (..., B, D) of codes (..., B, H), in one call."""
    if codes.dim() == 2:
        return decoder(codes)
    output: Tensor = decoder(codes.flatten(0, -2)).unflatten(0, codes.shape[:-1])
    return output
