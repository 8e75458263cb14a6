"""What turns rows into the features between which sets of rows are compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.validation import check_finite
from utsushi.evaluation.classifier import DigitClassifier
from utsushi.exceptions import SettingError

__all__ = ["Extractor", "choose_extractor", "extract", "name_of"]

Rows = NDArray[np.floating[Any]]

#: Takes rows (n, D), returns their features (n, F).
Extractor = Callable[[Rows], NDArray[np.floating[Any]]]

#: Rows that are given to an extractor at once, so that memory maps stay on the disk.
EXTRACTED_ROWS = 1024


def choose_extractor(
    extractor: Extractor | None, image_shape: tuple[int, ...] | None, reference: Rows
) -> Extractor:
    """Return the caller's extractor, or the shipped one where it fits the rows.

    Parameters
    ----------
    extractor : callable or None
    image_shape : (H, W), (C, H, W) or None
        What a row was flattened from; None takes rows of 784 columns for 28x28 images.
    reference : ndarray of shape (n, D)
        Real rows.

    Returns
    -------
    callable

    Raises
    ------
    SettingError
        If there is none, and the rows are not 28x28 images of one channel in [0, 1].
    """
    if extractor is not None:
        return extractor
    shape = tuple(image_shape or ((28, 28) if reference.shape[1] == 784 else ()))
    if shape not in ((28, 28), (1, 28, 28)) or reference.shape[1] != 784:
        size = "x".join(map(str, shape)) or f"{reference.shape[1]} columns"
        raise SettingError(
            f"there is no feature extractor for rows of {size}, expected 28x28 images of one "
            "channel; pass extractor=, a function from rows (n, D) to features (n, F)"
        )
    low, high = reference.min(), reference.max()
    if low < 0 or high > 1:
        raise SettingError(
            f"the real rows reach from {low:g} to {high:g}, expected pixels in [0, 1] as the digit "
            "classifier learned them; divide them by their range, or pass extractor="
        )
    return DigitClassifier()


def extract(extractor: Extractor, X: Rows) -> NDArray[np.floating[Any]]:
    """Return the features of all rows, block by block.

    Parameters
    ----------
    extractor : callable, (b, D) to (b, F)
    X : ndarray of shape (n, D), n >= 1

    Returns
    -------
    ndarray of shape (n, F), float32 or float64

    Raises
    ------
    SettingError
        If the extractor returns something else.
    NonFiniteDataError
        If a feature is not finite.

    Examples
    --------
    >>> extract(lambda rows: rows[:, :2], np.ones((3, 5))).shape
    (3, 2)
    """
    blocks = [
        _checked(extractor, X[start : start + EXTRACTED_ROWS])
        for start in range(0, len(X), EXTRACTED_ROWS)
    ]
    if len({block.shape[1] for block in blocks}) > 1:
        raise SettingError(
            f"the extractor {name_of(extractor)} gave blocks of different widths, expected (n, F) "
            "with one F for all rows; look at what it does with a block"
        )
    return np.concatenate(blocks)


def name_of(extractor: Extractor) -> str:
    """Return a name for a result: a function's own, or what an object says of itself.

    Examples
    --------
    >>> name_of(DigitClassifier())
    'DigitClassifier(bb5b4e0c)'
    >>> name_of(np.tanh)
    'tanh'
    """
    if hasattr(extractor, "__name__"):
        return str(extractor.__name__)
    # What Python itself says of an object holds its address, which is another one each time.
    said = " ".join(repr(extractor).split())
    return type(extractor).__name__ if said == object.__repr__(extractor) else said


def _checked(extractor: Extractor, rows: Rows) -> NDArray[np.floating[Any]]:
    features = np.asarray(extractor(rows))
    if features.ndim != 2 or len(features) != len(rows) or features.dtype.kind != "f":
        raise SettingError(
            f"the extractor {name_of(extractor)} gave {features.dtype} of shape {features.shape} "
            f"for {len(rows)} rows, expected floats of shape ({len(rows)}, F); "
            "flatten what it gives"
        )
    check_finite(features, what="the extractor's output")
    return features
