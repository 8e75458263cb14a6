"""What an autoencoder minimizes: the error of its reconstructions, and a penalty."""

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
    """The autoencoder's objective: the squared error of each row, in scaled units, and a penalty.

    Parameters
    ----------
    corrupt : callable, optional
        Takes scaled rows (B, D) and a generator and returns what the encoder sees instead; the
        target stays the clean row.
    penalty : Penalty or callable, optional
        What is added to the error of a row, times its ``strength``, which of a callable is 1; see
        `utsushi.objectives.penalties`.
    """

    corrupt: Callable[[Tensor, Generator], Tensor] | None = None
    penalty: PenaltyFunction | None = None

    @property
    def is_rotation_invariant(self) -> bool:
        """Whether it stays the same when rows and copies are turned alike."""
        return self.corrupt is None and self.penalty is None

    def of_turned_rows(self, n_features: int) -> Self:
        """Return itself: a sum of squares does not ask for the number of columns."""
        return self

    def calibrated(self, module: EncoderDecoder, known: Source, generator: Generator) -> Self:
        """Return itself: a squared error has nothing to calibrate."""
        return self

    def __call__(self, module: EncoderDecoder, batch: Batch, generator: Generator) -> Terms:
        """Return the terms of a batch; only ``corrupt`` and ``penalty`` draw."""
        seen = batch.x if self.corrupt is None else self.corrupt(batch.x, generator)
        if batch.mask is not None:  # the damage is done to what is known
            seen = torch.where(batch.mask, seen, 0.0)
        codes, of_bottleneck = module.codes(seen, generator)
        error = squared_error(batch.x, module.decoder(codes), batch.mask)
        objective, parts = error, {"reconstruction": error, **of_bottleneck}
        if "bottleneck" in parts:
            objective = objective + parts["bottleneck"]
        if self.penalty is not None:
            penalty = self.penalty(module, seen, codes, generator)
            objective = objective + getattr(self.penalty, "strength", 1.0) * penalty
            parts["penalty"] = penalty
        return Terms(objective, parts)
