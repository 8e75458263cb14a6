"""The interface of objectives: their data, and the terms that they return."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor

from utsushi.networks import EncoderDecoder

__all__ = [
    "Batch",
    "MappedSource",
    "Objective",
    "Source",
    "Terms",
    "random_order",
    "with_condition",
]


class Source(Protocol):
    """All samples of a training, from which batches are taken; a `Batch` is one."""

    @property
    def device(self) -> torch.device:
        """The device of the batches."""

    @property
    def n_features(self) -> int:
        """The number of columns."""

    def __len__(self) -> int:
        """Return the number of samples."""

    def __getitem__(self, rows: slice | Tensor) -> Batch:
        """Return some of the samples."""

    def blocks(self, n_rows: int) -> Iterator[Batch]:
        """Yield the samples in order, at most ``n_rows`` at a time."""

    def order(self, draws: Generator) -> Tensor:
        """Return the indices of all samples, shuffled, on the best device for `__getitem__`."""


@dataclass(frozen=True)
class Batch:
    """Samples to train on or to evaluate, with their conditions and missing values.

    Attributes
    ----------
    x : Tensor of shape (B, D), float32
        Scaled samples.
    condition : Tensor of shape (B, C), float32, optional
        The condition of each sample, which the decoder of a conditional model takes.
    epochs : float >= 0, default=inf
        The epochs of training that are done, in fractions, for weights that grow in training.
        Outside of training it is infinity.
    mask : Tensor of shape (B, D), bool, optional
        True for values that are not missing; missing values are zero in ``x``, and in no loss.
    """

    x: Tensor
    condition: Tensor | None = None
    epochs: float = math.inf
    mask: Tensor | None = None

    @property
    def device(self) -> torch.device:
        """The device of the samples."""
        return self.x.device

    @property
    def n_features(self) -> int:
        """The number of columns."""
        return self.x.shape[1]

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.x)

    def __getitem__(self, rows: slice | Tensor) -> Batch:
        """Return some of the samples; those of a tensor of indices are gathered in one call."""

        def some(values: Tensor) -> Tensor:
            return values[rows] if isinstance(rows, slice) else values.index_select(0, rows)

        condition = None if self.condition is None else some(self.condition)
        mask = None if self.mask is None else some(self.mask)
        return Batch(some(self.x), condition, self.epochs, mask)

    def blocks(self, n_rows: int) -> Iterator[Batch]:
        """Yield the samples in order, at most ``n_rows`` at a time."""
        for start in range(0, len(self.x), n_rows):
            yield self[start : start + n_rows]

    def order(self, draws: Generator) -> Tensor:
        """Return the indices of all samples, shuffled, on their device."""
        return random_order(len(self), draws).to(self.device)

    def decoder_input(self, z: Tensor) -> Tensor:
        """Return codes (..., B, H) with their conditions, if any, as (..., B, H + C)."""
        return with_condition(z, self.condition)


@dataclass(frozen=True)
class MappedSource:
    """A `Source` whose batches are changed as they are taken.

    Attributes
    ----------
    data : Source
    change : callable
        Takes a `Batch`; returns one of as many samples.
    n_features : int
        The columns of the changed batches.
    """

    data: Source
    change: Callable[[Batch], Batch]
    n_features: int

    @property
    def device(self) -> torch.device:
        """The device of the batches."""
        return self.data.device

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.data)

    def __getitem__(self, rows: slice | Tensor) -> Batch:
        """Return some of the samples, changed."""
        return self.change(self.data[rows])

    def blocks(self, n_rows: int) -> Iterator[Batch]:
        """Yield the samples in their order, changed, at most ``n_rows`` at a time."""
        return (self.change(block) for block in self.data.blocks(n_rows))

    def order(self, draws: Generator) -> Tensor:
        """Return the indices of all samples, shuffled."""
        return self.data.order(draws)


def random_order(
    n_rows: int, draws: Generator, starts: NDArray[np.int64] | None = None, window_rows: int = 1
) -> Tensor:
    """Return the indices of rows, shuffled.

    If rows are stored in groups, single rows cannot be read from anywhere. Then the groups are
    shuffled, and the rows are shuffled within windows of several groups.

    Parameters
    ----------
    n_rows : int
    draws : Generator
        The only source of random numbers.
    starts : ndarray of int64, optional
        The index of each group's first row, from 0 up; None for rows without groups.
    window_rows : int
        With groups: about how many rows a window has; it has at least one group.

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
    order, window, n_rows_in_window = [], [], 0
    for position, group in enumerate(groups):
        window.append(torch.arange(int(starts[group]), ends[group]))
        n_rows_in_window += len(window[-1])
        if n_rows_in_window >= window_rows or position == len(groups) - 1:
            rows = torch.cat(window)
            order.append(rows[torch.randperm(len(rows), generator=draws)])
            window, n_rows_in_window = [], 0
    return torch.cat(order)


def with_condition(z: Tensor, condition: Tensor | None) -> Tensor:
    """Return codes (..., B, H) and their conditions (B, C), if any, as (..., B, H + C)."""
    if condition is None:
        return z
    return torch.cat([z, condition.expand(*z.shape[:-1], -1)], dim=-1)


@dataclass(frozen=True)
class Terms:
    """The objective of a batch and its parts, a value per sample; the training loop reduces them.

    Attributes
    ----------
    objective : Tensor of shape (B,)
        The values to minimize.
    parts : dict of str to Tensor of shape (B,)
        The terms of the objective, by name, each before any weight.
    """

    objective: Tensor
    parts: dict[str, Tensor]


class Objective(Protocol):
    """The function that the training loop minimizes: from a batch to a value per sample."""

    @property
    def is_rotation_invariant(self) -> bool:
        """Whether it stays the same when samples and reconstructions are rotated alike."""

    def __call__(self, module: EncoderDecoder, batch: Batch, generator: Generator) -> Terms:
        """Return the terms of a batch, drawing noise from ``generator`` alone."""

    def for_projected_samples(self, n_features: int) -> Objective:
        """Return the objective for projected samples of ``n_features`` columns.

        Only called if it is rotation invariant: projected samples keep their squared distances.
        """

    def decoder_inputs(
        self, module: EncoderDecoder, batch: Batch, generator: Generator
    ) -> Tensor | None:
        """Return what the decoder takes for a batch, (K, B, H + C), with K draws of each code.

        Only called if it is rotation invariant. None means that the decoder with the least squared
        error for these inputs is not the best one.
        """

    def calibrated(self, module: EncoderDecoder, data: Source, generator: Generator) -> Objective:
        """Return the objective with its noise scale fitted to the training data."""
