"""In which order the rows are seen."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch

from utsushi.objectives import Batch
from utsushi.seeds import Purpose, generator

__all__ = ["shuffled_batches"]


def shuffled_batches(data: Batch, batch_size: int, seed: int, epoch: int) -> Iterator[Batch]:
    """Yield each row of ``data`` once, in an order that is a function of (seed, epoch).

    Parameters
    ----------
    data : Batch
        All rows, on any device.
    batch_size : int
        Rows per batch; the last may have fewer.
    seed, epoch : int
        What the order depends on.

    Yields
    ------
    Batch of at most batch_size rows
        Gathered in one call: no Python runs per row.

    Examples
    --------
    >>> rows = Batch(torch.arange(5.0).reshape(5, 1))
    >>> [len(batch) for batch in shuffled_batches(rows, 2, seed=0, epoch=1)]
    [2, 2, 1]
    """
    x, condition = data.x, data.condition
    order = torch.randperm(len(x), generator=generator(seed, Purpose.ORDER, epoch)).to(x.device)
    n_steps = math.ceil(len(x) / batch_size)
    for step, indices in enumerate(order.split(batch_size)):
        yield Batch(
            x.index_select(0, indices),
            None if condition is None else condition.index_select(0, indices),
            epochs=epoch - 1 + step / n_steps,
        )
