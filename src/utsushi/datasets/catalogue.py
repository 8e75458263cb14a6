"""The data sets that come with the package, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from utsushi.datasets.dataset import Dataset
from utsushi.datasets.digits import load_digits8x8, load_mnist20k

__all__ = ["Entry", "catalogue", "names"]


@dataclass(frozen=True)
class Entry:
    """A data set that can be opened by its name, without a network.

    Parameters
    ----------
    name : str
        The name that `utsushi.datasets.open` takes.
    description : str
        One line.
    rows, features : int
        Its size; the rows are those for training and those for testing together.
    licence : str
        What its authors allow.
    load : callable
        Gives the `Dataset`.
    """

    name: str
    description: str
    rows: int
    features: int
    licence: str
    load: Callable[[], Dataset]


_ENTRIES = (
    Entry(
        name="mnist20k",
        description="the first 20,000 MNIST digits, 28x28 grey, split as in the lecture",
        rows=20_000,
        features=784,
        licence="CC BY-SA 3.0",
        load=load_mnist20k,
    ),
    Entry(
        name="digits8x8",
        description="scikit-learn's handwritten digits, 8x8 grey",
        rows=1_797,
        features=64,
        licence="CC BY 4.0",
        load=load_digits8x8,
    ),
)


def catalogue() -> tuple[Entry, ...]:
    """List the bundled data sets with what there is to know before loading one.

    Examples
    --------
    >>> for entry in catalogue():
    ...     print(entry.name, entry.rows, entry.features, entry.licence)
    mnist20k 20000 784 CC BY-SA 3.0
    digits8x8 1797 64 CC BY 4.0
    """
    return _ENTRIES


def names() -> tuple[str, ...]:
    """List the names of the bundled data sets.

    Examples
    --------
    >>> names()
    ('mnist20k', 'digits8x8')
    """
    return tuple(entry.name for entry in _ENTRIES)
