"""What an autoencoder minimizes: the error of its copy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Generator, Tensor

from utsushi.likelihoods import squared_error
from utsushi.networks import EncoderDecoder
from utsushi.objectives.base import Batch, Terms

__all__ = ["ReconstructionObjective"]


@dataclass(frozen=True)
class ReconstructionObjective:
    """The autoencoder's objective: the squared error of each row, in scaled units.

    Parameters
    ----------
    corrupt : callable, optional
        Takes scaled rows (B, D) and a generator and returns what the encoder sees instead; the
        target stays the clean row.
    """

    corrupt: Callable[[Tensor, Generator], Tensor] | None = None

    def __call__(self, module: EncoderDecoder, batch: Batch, generator: Generator) -> Terms:
        """Return the terms of a batch; only ``corrupt`` draws."""
        seen = batch.x if self.corrupt is None else self.corrupt(batch.x, generator)
        error = squared_error(batch.x, module.decoder(module.encoder(seen)))
        return Terms(error, {"reconstruction": error})
