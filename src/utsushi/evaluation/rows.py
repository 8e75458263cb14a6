"""Random subsets of samples, where all of them would take too much time or memory."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.lazy_rows import LazyRows, as_guarded, in_memory
from utsushi._utils.seeds import Purpose, numpy_generator
from utsushi.datasets import Dataset
from utsushi.exceptions import UtsushiWarning

__all__ = [
    "COSTLY_VALUES",
    "SCORED_VALUES",
    "affordable_rows",
    "chosen_rows",
    "halves",
    "measurable",
    "measurable_rows",
]

#: The largest number of values, samples times features, of a metric that costs much more than a
#: reconstruction: SSIM, importance-weighted bounds, generation.
COSTLY_VALUES = 2**22

#: The same for a variational model's score, which costs about 16 reconstructions.
SCORED_VALUES = 2**24

#: The fewest samples that are measured, however many features they have: with fewer, standard
#: errors are of little use.
FEWEST_MEASURED = 100

#: Of samples with more bytes than the first, a subset of about the second is measured.
MEASURED_WHOLE_BYTES, MEASURED_BYTES = 2**28, 2**26

# Seed paths, so that different choices with one seed are independent.
_CHOSEN, _HALVES = 0, 1


def chosen_rows(n_rows: int, at_most: int, seed: int) -> NDArray[np.intp]:
    """Return at most ``at_most`` random row indices in ascending order, or all of them.

    Examples
    --------
    >>> chosen_rows(3, 5, seed=0), len(chosen_rows(100, 5, seed=0))
    (array([0, 1, 2]), 5)
    """
    if n_rows <= at_most:
        return np.arange(n_rows)
    generator = numpy_generator(seed, Purpose.EVALUATION, _CHOSEN)
    return np.sort(generator.permutation(n_rows)[:at_most])


def affordable_rows(X: Any, values: int, seed: int) -> NDArray[np.intp]:
    """Return the indices of the rows of ``X`` to measure, in ascending order.

    Parameters
    ----------
    X : array of shape (n, D)
    values : int
        The number of values to measure: ``values // D`` rows, and at least 100.
    seed : int
        Chooses the rows; a smaller choice is part of a larger one.

    Examples
    --------
    >>> len(affordable_rows(np.zeros((4000, 784)), COSTLY_VALUES, seed=0))
    4000
    >>> len(affordable_rows(np.zeros((500, 64 * 64 * 3)), COSTLY_VALUES, seed=0))
    341
    """
    return chosen_rows(len(X), max(values // X.shape[1], FEWEST_MEASURED), seed)


def halves(n_rows: int, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the row indices of a random split into two halves.

    Examples
    --------
    >>> first, second = halves(5, seed=0)
    >>> sorted([*first.tolist(), *second.tolist()])
    [0, 1, 2, 3, 4]
    """
    order = numpy_generator(seed, Purpose.EVALUATION, _HALVES).permutation(n_rows)
    return np.sort(order[: n_rows // 2]), np.sort(order[n_rows // 2 :])


def measurable(dataset: Dataset, seed: int = 0) -> Dataset:
    """Return a dataset that can be measured in memory, with a random subset of large parts.

    Metrics need several arrays of the size of the data. A warning gives the size of the subset.
    Lazy samples are read.

    Examples
    --------
    >>> tiny = Dataset("tiny", np.zeros((3, 4)))
    >>> measurable(tiny) is tiny
    True
    """
    parts = [as_guarded(X) for X, _ in dataset.parts]
    if not any(isinstance(X, LazyRows) or X.nbytes > MEASURED_WHOLE_BYTES for X in parts):
        return dataset
    (X_train, y_train), (X_test, y_test) = (
        measurable_rows(dataset.name, X, y, seed) for X, y in [*dataset.parts, (None, None)][:2]
    )
    return replace(dataset, X_train=X_train, y_train=y_train, X_test=X_test, y_test=y_test)


def measurable_rows(
    name: str, X: Any, y: NDArray[Any] | None, seed: int
) -> tuple[Any, NDArray[Any] | None]:
    """Return samples in memory and their labels: all, or a random subset of many."""
    if X is None or X.nbytes <= MEASURED_WHOLE_BYTES:
        return None if X is None else in_memory(X), y
    n_rows = max(MEASURED_BYTES * len(X) // X.nbytes, 1)
    chosen = chosen_rows(len(X), n_rows, seed)
    warnings.warn(
        f"{name} has {len(X)} samples, too many to measure: a random subset of {n_rows} is used.",
        UtsushiWarning,
        stacklevel=4,
    )
    return np.asarray(as_guarded(X)[chosen]), None if y is None else y[chosen]
