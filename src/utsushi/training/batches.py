"""In which order the rows are seen."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from utsushi._utils.seeds import Purpose, generator
from utsushi.objectives import Batch, Source

__all__ = ["shuffled_batches"]


def shuffled_batches(
    data: Source, batch_size: int, seed: int, epoch: int, *, done: int = 0
) -> Iterator[Batch]:
    """Yield each row of ``data`` once, in an order that is a function of (seed, epoch).

    Parameters
    ----------
    data : Source
        All rows, on any device.
    batch_size : int
        Rows per batch; the last may have fewer.
    seed, epoch : int
        What the order depends on.
    done : int, default=0
        Batches of the epoch that are left out, for they were trained on before.

    Yields
    ------
    Batch of at most batch_size rows
        Gathered in one call: no Python runs per row.

    Examples
    --------
    >>> import torch
    >>> rows = Batch(torch.arange(5.0).reshape(5, 1))
    >>> [len(batch) for batch in shuffled_batches(rows, 2, seed=0, epoch=1)]
    [2, 2, 1]
    """
    order = data.order(generator(seed, Purpose.ORDER, epoch))
    n_steps = math.ceil(len(data) / batch_size)
    for step, indices in enumerate(order.split(batch_size)[done:], start=done):
        batch = data[indices]
        yield replace(batch, epochs=epoch - 1 + step / n_steps)
