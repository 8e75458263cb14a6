"""Choose the samples that an interactive page contains, and encode them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import _safe_indexing

from utsushi.estimators import BaseAutoencoder, TableAutoencoder
from utsushi.estimators.capabilities import takes_tables
from utsushi.evaluation.rows import chosen_rows
from utsushi.report.tensors import holds_in_half

__all__ = ["Sample", "class_name", "samples_of", "stored"]

Rows = NDArray[Any]

#: The most samples of a page, and the fewest for a map, and for nearest neighbors.
MOST_TEST, LEAST_TEST = 1000, 200
MOST_TRAINING, LEAST_TRAINING = 4000, 500

#: The target size of the compressed samples in bytes.
BUDGET = 1_200_000

#: The number of samples that are compressed to estimate the size of all.
_N_COMPRESSED = 200

#: Divisors of integers from 0 to 255: of pixels, of zeros and ones, of scikit-learn's digits.
DIVISORS = (255, 1, 16)

#: float32 holds all integers up to this one.
MOST_INTEGER = 2**24

_SEED = 0


@dataclass(frozen=True)
class Sample:
    """Hold a subset of samples, in order.

    Attributes
    ----------
    rows : ndarray of shape (n, D)
    original : array-like of shape (n, D)
        The same samples as the caller passed them, perhaps with column names.
    labels : ndarray of shape (n,) or None
    n_total : int
        The number of all samples.
    values : ndarray of shape (n, C) or None
        The values of a table's columns; None if the rows are these.
    """

    rows: Rows
    original: ArrayLike
    labels: Rows | None
    n_total: int
    values: Rows | None = None

    @property
    def shown(self) -> Rows:
        """The values that the page holds and shows, shape (n, D) or (n, C)."""
        return self.rows if self.values is None else self.values

    @classmethod
    def of(cls, rows: Rows, original: ArrayLike, labels: Rows | None) -> Sample:
        """Return all samples."""
        return cls(rows, original, labels, len(rows))

    def draw(self, at_most: int) -> Sample:
        """Draw at most ``at_most`` samples; a smaller draw is a subset of a larger one."""
        chosen = chosen_rows(len(self.rows), at_most, _SEED)
        return Sample(
            self.rows[chosen],
            _safe_indexing(self.original, chosen),
            None if self.labels is None else self.labels[chosen],
            self.n_total,
            None if self.values is None else self.values[chosen],
        )

    def as_fitted(self, model: BaseAutoencoder | TableAutoencoder) -> ArrayLike:
        """Return the samples as a model's autoencoder takes them: features of a table, or rows.

        They have column names if the model was fitted with names.
        """
        if takes_tables(model):
            return model._encode(self.original)
        return self.original if hasattr(model, "feature_names_in_") else self.rows


def samples_of(
    test: Sample, train: Sample | None, *, images: bool, budget: int = BUDGET
) -> tuple[Sample, Sample | None]:
    """Draw the samples of a page, as many as the budget allows.

    Parameters
    ----------
    test : Sample
        All samples for the map.
    train : Sample or None
        All training samples, for nearest neighbors.
    images : bool
        See `stored`.
    budget : int
        Target size of the compressed samples in bytes. Training samples are left out first; at
        least 500 of them and 200 others are kept.

    Returns
    -------
    test, train : Sample
        The draws; `Sample.n_total` is the number of all samples.
    """
    n_train_rows = 0 if train is None else len(train.rows)
    n_test, n_train = min(MOST_TEST, len(test.rows)), min(MOST_TRAINING, n_train_rows)
    row_bytes = _compressed_size(test.shown, images=images)
    while (n_test + n_train) * row_bytes > budget:
        if n_train > LEAST_TRAINING:
            n_train = max(n_train // 2, LEAST_TRAINING)
        elif n_test > LEAST_TEST:
            n_test = max(n_test // 2, LEAST_TEST)
        else:
            break
    return test.draw(n_test), None if train is None else train.draw(n_train)


def stored(rows: Rows, *, images: bool) -> tuple[Rows, int | None]:
    """Encode samples for a page; return the values and the divisor that restores them.

    Parameters
    ----------
    rows : ndarray of shape (n, D)
    images : bool
        Whether three digits are enough, as for pixels.

    Returns
    -------
    values : ndarray of shape (n, D)
        uint8 if each value is an integer up to 255 divided by one of `DIVISORS`, to the last bit
        of a float32; otherwise float16 for images, and float32 for tables, or float64 if they have
        numbers beyond float32's integers, such as dates in seconds.
    divisor : int or None

    Examples
    --------
    >>> stored(np.array([[0.0, 0.5, 1.0]]), images=True)
    (array([[ 0,  8, 16]], dtype=uint8), 16)
    >>> values, divisor = stored(np.array([[0.0, 0.3, 0.5]]), images=True)
    >>> values.dtype.name, divisor
    ('float16', None)
    """
    values = rows.astype(np.float32)
    for divisor in DIVISORS:
        integers = np.rint(values * np.float32(divisor))
        if not (integers.min() >= 0 and integers.max() <= 255):  # nor NaN
            continue
        if np.array_equal(integers / np.float32(divisor), values):
            return integers.astype(np.uint8), divisor
    if images:
        return (values.astype(np.float16) if holds_in_half(values) else values), None
    return (values if np.nanmax(np.abs(values), initial=0) <= MOST_INTEGER else rows), None


def class_name(label: Any) -> str:
    """Return a label as text: 3 for 3.0, as CSV files often have integers as floats.

    Examples
    --------
    >>> class_name(np.float64(3)), class_name("three")
    ('3', 'three')
    """
    return f"{label:g}" if isinstance(label, np.floating) else str(label)


def _compressed_size(rows: Rows, *, images: bool) -> float:
    """Estimate the compressed size of a sample in bytes."""
    subset = stored(rows[chosen_rows(len(rows), _N_COMPRESSED, _SEED)], images=images)[0]
    return len(zlib.compress(subset.tobytes())) / len(subset)
