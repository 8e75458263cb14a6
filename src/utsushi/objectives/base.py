"""What every objective takes, and what it gives."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from utsushi.networks import EncoderDecoder

__all__ = ["Batch", "Objective", "Source", "Terms", "random_order", "with_condition"]


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

    def order(self, draws: Generator) -> Tensor:
        """Return the numbers of all rows, shuffled; on the device that `__getitem__` likes best."""


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

    def order(self, draws: Generator) -> Tensor:
        """Return the numbers of all rows, shuffled, where the rows are."""
        return random_order(len(self), draws).to(self.device)

    def decoder_input(self, z: Tensor) -> Tensor:
        """Return codes (..., B, H) with what the decoder is told of their rows beside them."""
        return with_condition(z, self.condition)


def random_order(
    n_rows: int, draws: Generator, starts: NDArray[np.int64] | None = None, window_rows: int = 1
) -> Tensor:
    """Return the numbers of rows, shuffled.

    Rows that are stored in groups, which are read whole, cannot be taken one by one from anywhere.
    There the groups are shuffled, as many as make up a window stand together, and the rows of each
    window are shuffled among one another.

    Parameters
    ----------
    n_rows : int
    draws : Generator
        The only source of random numbers.
    starts : ndarray of int64, optional
        The number of each group's first row, from 0 up; None for rows that any order suits.
    window_rows : int
        With groups: about how many rows make up a window; it has one group at least.

    Returns
    -------
    Tensor of shape (n_rows,), int64

    Examples
    --------
    >>> draws = torch.Generator().manual_seed(0)
    >>> random_order(6, draws, np.array([0, 2, 4]), window_rows=2).tolist()
    [5, 4, 0, 1, 3, 2]
    """
    if starts is None:
        return torch.randperm(n_rows, generator=draws)
    groups = torch.randperm(len(starts), generator=draws).tolist()
    ends = [*starts[1:].tolist(), n_rows]
    order, window, n_held = [], [], 0
    for place, group in enumerate(groups):
        window.append(torch.arange(int(starts[group]), ends[group]))
        n_held += len(window[-1])
        if n_held >= window_rows or place == len(groups) - 1:
            rows = torch.cat(window)
            order.append(rows[torch.randperm(len(rows), generator=draws)])
            window, n_held = [], 0
    return torch.cat(order)


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


class Objective(Protocol):
    """What the training loop minimizes: the terms of a batch, a value per row."""

    @property
    def is_rotation_invariant(self) -> bool:
        """Whether it stays the same when rows and reconstructions are rotated alike."""

    def __call__(self, module: EncoderDecoder, batch: Batch, generator: Generator) -> Terms:
        """Return the terms of a batch, drawing noise from ``generator`` alone."""

    def of_turned_rows(self, n_features: int) -> Objective:
        """Return the objective for projected rows of ``n_features`` columns.

        Only called if it is rotation invariant: projected rows keep their squared distances.
        """

    def calibrated(self, module: EncoderDecoder, known: Source, generator: Generator) -> Objective:
        """Return the objective with its noise scale fitted to the training data."""
