"""What every objective takes, and what it gives."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["Batch", "Source", "Terms", "with_condition"]


class Source(Protocol):
    """All rows of a training, from which batches are taken: a `Batch`, or what makes some."""

    @property
    def device(self) -> torch.device:
        """Where the batches are."""

    @property
    def n_features(self) -> int:
        """The columns of their rows."""

    def __len__(self) -> int:
        """Return the number of rows."""

    def __getitem__(self, rows: slice | Tensor) -> Batch:
        """Return some of the rows."""

    def blocks(self, n_rows: int) -> Iterator[Batch]:
        """Yield the rows in their order, at most ``n_rows`` at a time."""


@dataclass(frozen=True)
class Batch:
    """Rows to train on or to measure, and what is known of them.

    Attributes
    ----------
    x : Tensor of shape (B, D), float32
        Scaled rows.
    condition : Tensor of shape (B, C), float32, optional
        What the decoder of a conditional model is told of each row.
    epochs : float >= 0, default=inf
        The epochs of training that are done, in fractions: for weights that grow while training.
        Infinity, outside of training, is the end of all growing.
    mask : Tensor of shape (B, D), bool, optional
        Which values are known; the others are zero in ``x``, and no loss counts them.
    """

    x: Tensor
    condition: Tensor | None = None
    epochs: float = math.inf
    mask: Tensor | None = None

    @property
    def device(self) -> torch.device:
        """Where the rows are."""
        return self.x.device

    @property
    def n_features(self) -> int:
        """The columns of the rows."""
        return self.x.shape[1]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.x)

    def __getitem__(self, rows: slice | Tensor) -> Batch:
        """Return some of the rows; those of a tensor of indices are gathered in one call."""

        def some(values: Tensor) -> Tensor:
            return values[rows] if isinstance(rows, slice) else values.index_select(0, rows)

        condition = None if self.condition is None else some(self.condition)
        mask = None if self.mask is None else some(self.mask)
        return Batch(some(self.x), condition, self.epochs, mask)

    def blocks(self, n_rows: int) -> Iterator[Batch]:
        """Yield the rows in their order, at most ``n_rows`` at a time."""
        for start in range(0, len(self.x), n_rows):
            yield self[start : start + n_rows]

    def decoder_input(self, z: Tensor) -> Tensor:
        """Return codes (..., B, H) with what the decoder is told of their rows beside them."""
        return with_condition(z, self.condition)


def with_condition(z: Tensor, condition: Tensor | None) -> Tensor:
    """Return codes (..., B, H) and their conditions (B, C), if any, as (..., B, H + C)."""
    if condition is None:
        return z
    return torch.cat([z, condition.expand(*z.shape[:-1], -1)], dim=-1)


@dataclass(frozen=True)
class Terms:
    """One batch's objective and its parts, a value per row; the loop alone reduces them.

    Attributes
    ----------
    objective : Tensor of shape (B,)
        What is minimized.
    parts : dict of str to Tensor of shape (B,)
        The terms that it is made of, by name, each before any weight.
    """

    objective: Tensor
    parts: dict[str, Tensor]
