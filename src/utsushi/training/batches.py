"""In which order the rows are seen."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from utsushi.seeds import Purpose, generator

__all__ = ["shuffled_batches"]


def shuffled_batches(x: Tensor, batch_size: int, seed: int, epoch: int) -> Iterator[Tensor]:
    """Yield each row of ``x`` once, in an order that is a function of (seed, epoch).

    Parameters
    ----------
    x : Tensor of shape (n, D)
        All rows, on any device.
    batch_size : int
        Rows per batch; the last may have fewer.
    seed, epoch : int
        What the order depends on.

    Yields
    ------
    Tensor of shape (at most batch_size, D)
        Gathered from ``x`` in one call: no Python runs per row.

    Examples
    --------
    >>> rows = torch.arange(5.0).reshape(5, 1)
    >>> [len(batch) for batch in shuffled_batches(rows, 2, seed=0, epoch=1)]
    [2, 2, 1]
    """
    order = torch.randperm(len(x), generator=generator(seed, Purpose.ORDER, epoch)).to(x.device)
    for indices in order.split(batch_size):
        yield x.index_select(0, indices)
