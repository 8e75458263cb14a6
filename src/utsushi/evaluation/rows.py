"""Rows chosen by chance, where all of them would take too long."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.seeds import Purpose, numpy_generator

__all__ = ["chosen_rows", "halves"]

# The second steps of the paths: different choices of one seed are independent.
_CHOSEN, _HALVES = 0, 1


def chosen_rows(n_rows: int, at_most: int, seed: int) -> NDArray[np.intp]:
    """Return the numbers of at most so many rows, in their order; all of them where they are few.

    Examples
    --------
    >>> chosen_rows(3, 5, seed=0), len(chosen_rows(100, 5, seed=0))
    (array([0, 1, 2]), 5)
    """
    if n_rows <= at_most:
        return np.arange(n_rows)
    generator = numpy_generator(seed, Purpose.EVALUATION, _CHOSEN)
    return np.sort(generator.permutation(n_rows)[:at_most])


def halves(n_rows: int, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the numbers of the rows in two halves, dealt by chance.

    Examples
    --------
    >>> first, second = halves(5, seed=0)
    >>> sorted([*first.tolist(), *second.tolist()])
    [0, 1, 2, 3, 4]
    """
    order = numpy_generator(seed, Purpose.EVALUATION, _HALVES).permutation(n_rows)
    return np.sort(order[: n_rows // 2]), np.sort(order[n_rows // 2 :])
