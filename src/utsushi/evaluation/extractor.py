"""Feature extractors, whose features compare sets of samples."""

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

#: Takes samples (n, D), returns their features (n, F).
Extractor = Callable[[Rows], NDArray[np.floating[Any]]]

#: The number of samples in one call of an extractor, so that memory maps stay on the disk.
EXTRACTED_ROWS = 1024


def choose_extractor(
    extractor: Extractor | None, image_shape: tuple[int, ...] | None, reference: Rows
) -> Extractor:
    """Return the caller's extractor, or the bundled one if it fits the samples.

    Parameters
    ----------
    extractor : callable or None
    image_shape : (H, W), (C, H, W) or None
        The shape of an image before flattening; None assumes 28x28 for 784 columns.
    reference : ndarray of shape (n, D)
        Real samples.

    Returns
    -------
    callable

    Raises
    ------
    SettingError
        If there is none, and the samples are not 28x28 images of one channel in [0, 1].
    """
    if extractor is not None:
        return extractor
    shape = tuple(image_shape or ((28, 28) if reference.shape[1] == 784 else ()))
    if shape not in ((28, 28), (1, 28, 28)) or reference.shape[1] != 784:
        size = "x".join(map(str, shape)) or f"{reference.shape[1]} columns"
        raise SettingError(
            f"extractor must be set for samples of {size}: the default needs 28x28 images of one "
            "channel. Pass a function from samples (n, D) to features (n, F)."
        )
    low, high = reference.min(), reference.max()
    if low < 0 or high > 1:
        raise SettingError(
            "the real samples must be pixels in [0, 1] for the digit classifier, got values from "
            f"{low:g} to {high:g}. Divide them by their range, or pass extractor=."
        )
    return DigitClassifier()


def extract(extractor: Extractor, X: Rows) -> NDArray[np.floating[Any]]:
    """Return the features of all samples, computed in blocks.

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
    widths = {block.shape[1] for block in blocks}
    if len(widths) > 1:
        raise SettingError(
            f"the extractor {name_of(extractor)} must return the shape (n, F) with one F for all "
            f"samples, got {' and '.join(map(str, sorted(widths)))} features."
        )
    return np.concatenate(blocks)


def name_of(extractor: Extractor) -> str:
    """Return the name of an extractor: that of a function, or the ``repr`` of an object.

    Examples
    --------
    >>> name_of(DigitClassifier())
    'DigitClassifier(bb5b4e0c)'
    >>> name_of(np.tanh)
    'tanh'
    """
    if hasattr(extractor, "__name__"):
        return str(extractor.__name__)
    # The default repr has the address of the object, which differs between processes.
    representation = " ".join(repr(extractor).split())
    return (
        type(extractor).__name__ if representation == object.__repr__(extractor) else representation
    )


def _checked(extractor: Extractor, rows: Rows) -> NDArray[np.floating[Any]]:
    features = np.asarray(extractor(rows))
    if features.ndim != 2 or len(features) != len(rows) or features.dtype.kind != "f":
        raise SettingError(
            f"the extractor {name_of(extractor)} must return floats of shape ({len(rows)}, F), got "
            f"{features.dtype} of shape {features.shape}. Flatten its output."
        )
    check_finite(features, what="the extractor's output")
    return features
