"""Between scaled rows and the units of the input, on tensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import torch
from torch import Generator, Tensor

from utsushi.transforms.scaling import Scaling

__all__ = ["Units"]

#: Takes rows (B, D) and a generator; returns other rows.
Change = Callable[[Tensor, Generator], Tensor]


@dataclass(frozen=True)
class Units:
    """A fitted scaling on the device and in the precision of training.

    Attributes
    ----------
    offset, scale : Tensor of shape (D,)
    """

    offset: Tensor
    scale: Tensor

    @classmethod
    def of(cls, scaling: Scaling, device: torch.device) -> Self:
        """Return the units of ``scaling`` for float32 tensors on a device."""
        offset, scale = (
            torch.tensor(values, dtype=torch.float32, device=device)
            for values in (scaling.offset, scaling.scale)
        )
        return cls(offset, scale)

    def restore(self, scaled: Tensor) -> Tensor:
        """Return scaled rows (B, D) in the units of the input."""
        return scaled * self.scale + self.offset

    def scaled(self, rows: Tensor) -> Tensor:
        """Return rows (B, D) in the units of the input as the network sees them."""
        return (rows - self.offset) / self.scale

    def wrap(self, change: Change) -> Change:
        """Return what ``change`` does to rows in the units of the input, done to scaled rows."""
        return lambda scaled, generator: self.scaled(change(self.restore(scaled), generator))
