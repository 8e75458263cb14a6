"""The condition of a conditional model: the class of each sample, one-hot."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from utsushi._utils.seeds import Purpose, numpy_generator
from utsushi.exceptions import DataError, SettingError
from utsushi.samplers import Codes, Sampler

__all__ = ["Classes", "as_labels", "codes_by_class", "samplers_by_class"]

#: The sampler of a class with fewer samples is fitted to the codes of all classes.
FEWEST_OF_A_CLASS = 10


@dataclass(frozen=True)
class Classes:
    """The classes of the training data.

    Attributes
    ----------
    labels : ndarray of shape (C,)
        Sorted; integers, or strings.
    shares : ndarray of shape (C,), float64
        The share of each in the training data.
    n_samples : float or None, default=None
        In a stream, the number of samples that the shares are of; else they stay as they are.
    """

    labels: NDArray[Any]
    shares: NDArray[np.float64]
    n_samples: float | None = None

    @classmethod
    def learn(cls, y: ArrayLike | None, n_rows: int) -> Self:
        """Learn the classes from the labels of the training samples.

        Raises
        ------
        DataError
            If there are no labels, or they are not one integer or string for each sample.
        """
        labels, counts = np.unique(as_labels(y, n_rows), return_counts=True)
        return cls(labels, counts / n_rows)

    @classmethod
    def of_stream(cls, labels: NDArray[Any], classes: ArrayLike | None) -> Self:
        """Return the classes of a stream, before the shares of its first samples are counted.

        Parameters
        ----------
        labels : ndarray of shape (n,)
            The labels of the first samples.
        classes : array-like of shape (C,), optional
            All classes of the stream. Each counts as if it had been seen once, because a class that
            has not been seen yet has no share of zero. None means those of ``labels``.
        """
        if classes is not None:
            labels = as_labels(classes, len(np.asarray(classes)))
        labels = np.unique(labels)
        shares = np.full(len(labels), 1 / len(labels))
        return cls(labels, shares, 0.0 if classes is None else float(len(labels)))

    def check_equal(self, classes: ArrayLike) -> None:
        """Raise a `SettingError` if these are not the classes."""
        given = np.unique(as_labels(classes, len(np.asarray(classes))))
        if not np.array_equal(given, self.labels):
            raise SettingError(
                "classes must be those of the first call of partial_fit, "
                f"{self.labels.tolist()!r}, got {given.tolist()!r}. Leave classes out."
            )

    def with_samples(self, condition: NDArray[np.float32]) -> Self:
        """Return the classes of a stream with the one-hot classes (n, C) of more samples."""
        n_new = condition.sum(axis=0, dtype=np.float64)
        if self.n_samples is None or not n_new.any():
            return self
        n_samples = self.n_samples + n_new.sum()
        shares = (self.n_samples * self.shares + n_new) / n_samples
        return type(self)(self.labels, shares, n_samples)

    def to_json(self) -> dict[str, Any]:
        """Return the classes for the header of a model file."""
        return {"labels": self.labels.tolist(), "shares": self.shares.tolist()}

    @classmethod
    def from_json(cls, described: dict[str, Any]) -> Self:
        """Restore what `to_json` returned, or raise a ``ValueError``."""
        labels = as_labels(described["labels"], len(described["labels"]))
        shares = np.asarray(described["shares"], dtype=np.float64)
        if not len(labels) or not np.array_equal(labels, np.unique(labels)):
            raise ValueError("the classes are not sorted, or not different")
        if shares.shape != labels.shape or not (shares > 0).all() or not shares.sum() < 2:
            raise ValueError("the shares of the classes do not fit them")
        return cls(labels, shares)

    def one_hot(self, y: ArrayLike | None, n_rows: int) -> NDArray[np.float32]:
        """Return the condition of each sample.

        Parameters
        ----------
        y : a label, or array-like of shape (n_rows,)
            One label is the label of all.
        n_rows : int

        Returns
        -------
        ndarray of shape (n_rows, C), float32
            A one in the column of the sample's class.

        Raises
        ------
        DataError
            If a label is missing or unknown.
        """
        if y is not None and np.ndim(y) == 0:
            y = np.repeat(np.asarray(y), n_rows)
        labels = as_labels(y, n_rows)
        comparable = labels.dtype.kind == self.labels.dtype.kind
        positions = np.searchsorted(self.labels, labels) if comparable else np.zeros(n_rows, int)
        positions = positions.clip(max=len(self.labels) - 1)
        unknown = self.labels[positions] != labels
        if unknown.any():
            raise DataError(
                "y must hold labels that the model was trained with "
                f"({', '.join(map(repr, self.labels.tolist()))}), got "
                f"{labels[unknown][0].item()!r}."
            )
        condition = np.zeros((n_rows, len(self.labels)), dtype=np.float32)
        condition[np.arange(n_rows), positions] = 1.0
        return condition

    def draw(self, n_rows: int, generator: np.random.Generator) -> NDArray[Any]:
        """Draw labels by their shares of the training data, shape (n_rows,)."""
        labels: NDArray[Any] = generator.choice(
            self.labels, size=n_rows, p=self.shares / self.shares.sum()
        )
        return labels


def samplers_by_class(
    make: Callable[[], Sampler], codes: Codes, condition: NDArray[np.float32], seed: int
) -> list[Sampler]:
    r"""Fit :math:`p(z \mid y)`: a sampler for the codes of each class.

    The encoder sees x alone, so a code depends on the class: one drawn from the codes of all
    classes would contradict the condition y.

    Parameters
    ----------
    make : callable
        Returns an unfitted sampler.
    codes : ndarray of shape (n, H), float64
    condition : ndarray of shape (n, C)
        The one-hot classes.
    seed : int

    Returns
    -------
    list of C fitted Sampler
    """
    samplers = []
    for index in range(condition.shape[1]):
        class_codes = codes[condition[:, index] == 1]
        draws = numpy_generator(seed, Purpose.SAMPLER, index)
        samplers.append(
            make().fit(codes if len(class_codes) < FEWEST_OF_A_CLASS else class_codes, draws)
        )
    return samplers


def codes_by_class(
    samplers: Sequence[Sampler], condition: NDArray[np.float32], n_components: int, seed: int
) -> Codes:
    """Draw a code for each one-hot class (n, C), from the sampler of the class, shape (n, H)."""
    codes = np.empty((len(condition), n_components))
    for index, sampler in enumerate(samplers):
        rows = np.flatnonzero(condition[:, index])
        if len(rows):
            draws = numpy_generator(seed, Purpose.SAMPLE, index)
            codes[rows] = sampler.sample(len(rows), draws)
    return codes


def as_labels(y: ArrayLike | None, n_rows: int) -> NDArray[Any]:
    """Return labels as an array of integers or of strings, one for each sample."""
    if y is None:
        # The second sentence is that of scikit-learn, whose checks look for it.
        raise DataError(
            "y must be the class of each sample for a conditional model. Expected array-like "
            "(array or non-string sequence), got None. Pass y (on the command line, name its "
            "column by --label), or set conditional=False; a semi-supervised model needs y, with "
            "-1 for each sample whose class is unknown."
        )
    labels = np.asarray(y)
    if labels.shape != (n_rows,):
        raise DataError(
            f"y must have the shape ({n_rows},), one label for each sample, got {labels.shape}."
        )
    if labels.dtype.kind == "O":
        if all(isinstance(label, str) for label in labels):
            labels = labels.astype(np.str_)
        elif all(
            isinstance(label, Integral) and -(2**63) <= int(label) < 2**63 for label in labels
        ):
            labels = labels.astype(np.int64)
    if labels.dtype.kind == "f" and (np.abs(labels) < 2**63).all():  # NaN is not
        labels = labels.astype(np.int64) if (labels == labels.round()).all() else labels
    if labels.dtype.kind not in "biuU":
        raise DataError(
            f"y must hold integers or strings, got {labels.dtype.name} values. Give the names of "
            "the classes as strings."
        )
    return labels if labels.dtype.kind == "U" else labels.astype(np.int64)
