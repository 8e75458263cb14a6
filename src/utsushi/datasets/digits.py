"""The bundled data sets: handwritten digits that need no download."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.datasets.arrays import read_archive, to_floats
from utsushi.datasets.dataset import Dataset
from utsushi.exceptions import SettingError

__all__ = ["Entry", "catalogue", "load_digits8x8", "load_mnist20k", "names"]

#: The split of the lecture, whose results are comparable on the same samples only.
_LECTURE_TEST_SIZE = 4_000
_LECTURE_SEED = 4649

_DIGITS_SEED = 0


def load_mnist20k() -> Dataset:
    """Load the first 20,000 training images of MNIST, with the lecture's split.

    The split is scikit-learn's ``train_test_split`` with ``test_size=4000``,
    ``random_state=4649`` and ``stratify=y``.

    Returns
    -------
    Dataset
        ``X_train`` of shape (16000, 784) and ``X_test`` of shape (4000, 784), float32 in [0, 1];
        the labels 0 to 9 as int64; ``image_shape`` (28, 28).

    Raises
    ------
    DataError
        If the file inside the package is damaged.

    Notes
    -----
    MNIST is by Yann LeCun, Corinna Cortes and Christopher J. C. Burges, under CC BY-SA 3.0.

    Examples
    --------
    >>> load_mnist20k()
    Dataset('mnist20k': 16000 training and 4000 test samples, 784 features, 28x28 images, float32,
    labelled)
    """
    pixels, labels = _read_bundle()
    train, test = _split(labels, _LECTURE_TEST_SIZE, _LECTURE_SEED)
    return Dataset(
        name="mnist20k",
        X_train=to_floats(pixels[train]),
        X_test=to_floats(pixels[test]),
        y_train=labels[train],
        y_test=labels[test],
        image_shape=(28, 28),
        pixels=True,
    )


def load_digits8x8(test_size: float = 0.2) -> Dataset:
    """Load scikit-learn's digits: small enough for tests and first steps.

    Parameters
    ----------
    test_size : float in (0, 1), or int >= 1, default=0.2
        The fraction or the number of test samples. The split is stratified and always the same
        (``random_state=0``).

    Returns
    -------
    Dataset
        1,797 samples of 64 features in total, float32 in [0, 1] (originally 0 to 16, divided by
        16); the labels 0 to 9 as int64; ``image_shape`` (8, 8).

    Raises
    ------
    SettingError
        If one part has too few samples to contain every class.

    Examples
    --------
    >>> load_digits8x8()
    Dataset('digits8x8': 1437 training and 360 test samples, 64 features, 8x8 images, float32,
    labelled)
    """
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    pixels, labels = (X / 16).astype(np.float32), y.astype(np.int64)
    try:
        train, test = _split(labels, test_size, _DIGITS_SEED)
    except ValueError as error:
        raise SettingError(
            f"test_size must be between 0 and 1, or from 10 to {len(labels) - 10} samples, got "
            f"{test_size!r}."
        ) from error
    return Dataset(
        name="digits8x8",
        X_train=pixels[train],
        X_test=pixels[test],
        y_train=labels[train],
        y_test=labels[test],
        image_shape=(8, 8),
    )


def _read_bundle() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read the bundled digits: pixels of shape (20000, 784) in 0…255, and their labels."""
    resource = files("utsushi.datasets") / "bundled" / "mnist20k.npz"
    with as_file(resource) as path:
        arrays = read_archive(path, fix="Reinstall utsushi")
    return arrays["pixels"], arrays["labels"].astype(np.int64)


def _split(labels: NDArray[Any], test_size: float, seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the indices of a stratified split into training and test samples."""
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(labels))
    train, test = train_test_split(rows, test_size=test_size, random_state=seed, stratify=labels)
    return train, test


@dataclass(frozen=True)
class Entry:
    """Describe a data set that is opened by its name, without a network.

    Parameters
    ----------
    name : str
        The name for `utsushi.datasets.open`.
    description : str
        One line.
    rows, features : int
        The number of samples, for training and testing together, and of features.
    licence : str
    load : callable
        Returns the `Dataset`.
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
    """List the bundled data sets with their descriptions, sizes and licences.

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
