"""The evaluation context: a fitted model, its samples, and PCA of the same size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.lazy_rows import LazyRows, as_guarded
from utsushi._utils.validation import has_missing
from utsushi.estimators import BaseAutoencoder
from utsushi.estimators.capabilities import has_posterior, has_sparse_codes
from utsushi.evaluation.estimate import Estimate
from utsushi.evaluation.extractor import Extractor
from utsushi.evaluation.frames import native_frame
from utsushi.evaluation.pca import PCABaseline
from utsushi.evaluation.rows import (
    SCORED_VALUES,
    affordable_rows,
    chosen_rows,
    measurable_rows,
)
from utsushi.transforms.scaling import column_moments

__all__ = ["EvaluationContext", "with_baseline"]

#: The most rows of a table whose score is measured.
MOST_SCORED_ROWS = 10_000

Rows = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class EvaluationContext:
    """Hold a fitted model and its samples; compute values that several metrics need once, on use.

    Attributes
    ----------
    model : fitted autoencoder
    X : ndarray of shape (n, D)
        The samples to measure on; of a table model the features of ``frame``.
    X_train : ndarray of shape (m, D) or None
        The training samples.
    y, y_train : ndarray of shape (n,) and (m,), or None
        Their labels.
    seed : int
        Seed of all random choices, except for the model's own draws.
    n_importance_samples : tuple of int
        The numbers of draws of the importance-weighted bounds.
    extractor : callable or None
        Returns the features that compare generated samples with real ones.
    anomalies : ndarray of shape (k, D) or None
        Samples that the model should separate from ``X``.
    similarity : bool
        Whether to compute SSIM.
    frame, frame_train : data frame or None
        Of a table model, the rows to measure on, and the training rows, of the same columns.
    target : str or None
        Of a table model, the column that a classifier predicts.
    """

    model: BaseAutoencoder
    X: Rows
    X_train: Rows | None = None
    y: NDArray[Any] | None = None
    y_train: NDArray[Any] | None = None
    seed: int = 0
    n_importance_samples: tuple[int, ...] = ()
    extractor: Extractor | None = None
    anomalies: Rows | None = None
    similarity: bool = True
    frame: Any = None
    frame_train: Any = None
    target: str | None = None

    def __post_init__(self) -> None:
        """Read lazy samples into memory: metrics need arrays."""
        if self.frame is not None:
            return
        self._read("X", "y")
        self._read("X_train", "y_train")
        self._read("anomalies")

    def _read(self, X_name: str, y_name: str | None = None) -> None:
        """Read lazy samples and their labels into memory: all, or a random subset of many."""
        X = as_guarded(getattr(self, X_name))
        if not isinstance(X, LazyRows):
            return
        y = None if y_name is None else getattr(self, y_name)
        in_memory, y = measurable_rows("the data", X, y, self.seed)
        object.__setattr__(self, X_name, in_memory)
        if y_name is not None:
            object.__setattr__(self, y_name, y)

    @cached_property
    def pca(self) -> PCABaseline | None:
        """PCA of the model's size on equally scaled columns; None without training samples.

        The size of a sparse code is its mean number of active components.
        """
        if self.X_train is None:
            return None
        scale, size = self.model.scaling_.scale, self.model.n_components_
        if has_sparse_codes(self.model):
            size = max(1, round(float(self.n_active.mean())))
        return PCABaseline(self.filled(self.X_train), size, None if np.ptp(scale) == 0 else scale)

    def filled(self, rows: Rows) -> Rows:
        """Return samples with missing values replaced by the column's mean, as input of PCA."""
        if not has_missing(rows):
            return rows
        means = np.nanmean(self.X if self.X_train is None else self.X_train, axis=0)
        return np.where(np.isnan(rows), means.astype(rows.dtype), rows)

    @cached_property
    def has_gaps(self) -> bool:
        """Whether a value of the measured or of the training samples is missing."""
        return has_missing(self.X) or has_missing(self.X_train)

    @cached_property
    def standard_deviations(self) -> Rows | None:
        """The standard deviation (D,) of each feature of a table; None for other data.

        Columns of a table have different units, so their errors are divided by these. A constant
        feature has 1.
        """
        if not hasattr(self.model, "columns_") or self.model.image_shape is not None:
            return None
        standard_deviations = np.sqrt(
            column_moments(self.X if self.X_train is None else self.X_train).var_
        )
        return np.where(standard_deviations > 0, standard_deviations, 1.0)

    @cached_property
    def codes(self) -> Rows:
        """The codes (n, H) of the samples, as input of the decoder."""
        return self.model._vectors(self.X)

    @cached_property
    def n_active(self) -> NDArray[np.int64]:
        """The active components (n,) of each code."""
        active: NDArray[np.int64] = np.asarray((self.codes > 0).sum(axis=1)).ravel()
        return active

    @cached_property
    def reconstructions(self) -> Rows:
        """The reconstructions (n, D) through the mean codes."""
        return self.model.reconstruct(self.X, self.y)

    @cached_property
    def scored(self) -> NDArray[np.intp]:
        """The indices of the samples that are scored: a subset of many for a variational model."""
        if self.frame is not None:
            return chosen_rows(len(self.X), MOST_SCORED_ROWS, self.seed)
        if not has_posterior(self.model):
            return np.arange(len(self.X))
        return affordable_rows(self.X, SCORED_VALUES, self.seed)

    @cached_property
    def scores(self) -> NDArray[np.floating[Any]]:
        """The result of ``score_samples`` for the samples ``scored``."""
        if self.frame is not None:
            frame = native_frame(self.frame, "X")
            return self.model.score_samples(frame[self.scored].to_native())
        return self.model.score_samples(self.X[self.scored], self.labels_of(self.scored))

    def labels_of(self, rows: NDArray[np.intp]) -> NDArray[Any] | None:
        """Return the labels of some of the measured samples, or None without labels."""
        return None if self.y is None else self.y[rows]

    @cached_property
    def is_training_data(self) -> bool:
        """Whether the measured samples are the training samples."""
        if self.frame is not None:
            return self.frame_train is self.frame
        return self.X_train is not None and (
            self.X_train is self.X or np.array_equal(self.X_train, self.X, equal_nan=True)
        )


def with_baseline(model: Estimate, pca: Estimate | None = None) -> dict[str, Any]:
    """Return a metric ready for JSON: the model's values, and under ``"pca"`` those of PCA.

    Examples
    --------
    >>> with_baseline(Estimate.over([1.0, 3.0]), Estimate.over([2.0, 4.0]))["pca"]["value"]
    3.0
    """
    return {**model.to_json(), "pca": None if pca is None else pca.to_json()}
