"""The objective of an autoencoder: reconstruction error and penalty."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Generator, Tensor

from utsushi.distributions.likelihoods import squared_error
from utsushi.networks import EncoderDecoder
from utsushi.objectives.base import Batch, Source, Terms
from utsushi.objectives.penalties import PenaltyFunction

__all__ = ["ReconstructionObjective"]


@dataclass(frozen=True)
class ReconstructionObjective:
    """The squared error of each sample, in scaled units, plus a penalty.

    Parameters
    ----------
    corrupt : callable, optional
        Takes scaled samples (B, D) and a generator and returns corrupted samples for the encoder;
        the clean samples remain the target.
    penalty : Penalty or callable, optional
        Added to the error of a sample, times its ``strength`` (1 for a callable); see
        `utsushi.objectives.penalties`.
    """

    corrupt: Callable[[Tensor, Generator], Tensor] | None = None
    penalty: PenaltyFunction | None = None

    @property
    def is_rotation_invariant(self) -> bool:
        """Whether it stays the same when samples and reconstructions are rotated alike."""
        return self.corrupt is None and self.penalty is None

    def for_projected_samples(self, n_features: int) -> Self:
        """Return itself, because a sum of squares does not depend on the number of columns."""
        return self

    def decoder_inputs(
        self, module: EncoderDecoder, batch: Batch, generator: Generator
    ) -> Tensor | None:
        """Return the codes (1, B, H)."""
        return module.codes(batch.x, generator)[0][None]

    def calibrated(self, module: EncoderDecoder, data: Source, generator: Generator) -> Self:
        """Return itself, because a squared error has no noise scale."""
        return self

    def __call__(self, module: EncoderDecoder, batch: Batch, generator: Generator) -> Terms:
        """Return the terms of a batch; ``corrupt``, bottleneck and ``penalty`` may draw noise."""
        inputs = batch.x if self.corrupt is None else self.corrupt(batch.x, generator)
        if batch.mask is not None:  # a corrupted missing value is still missing
            inputs = torch.where(batch.mask, inputs, 0.0)
        codes, of_bottleneck = module.codes(inputs, generator)
        error = squared_error(batch.x, module.decoder(codes), batch.mask)
        objective, parts = error, {"reconstruction": error, **of_bottleneck}
        if "bottleneck" in parts:
            objective = objective + parts["bottleneck"]
        if self.penalty is not None:
            penalty = self.penalty(module, inputs, codes, generator)
            objective = objective + getattr(self.penalty, "strength", 1.0) * penalty
            parts["penalty"] = penalty
        return Terms(objective, parts)
