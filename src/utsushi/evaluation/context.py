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
from utsushi.evaluation.pca import PCABaseline
from utsushi.evaluation.rows import SCORED_VALUES, affordable_rows, measurable_rows
from utsushi.transforms.scaling import column_moments

__all__ = ["EvaluationContext", "with_baseline"]

Rows = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class EvaluationContext:
    """The evaluation context. Values that several metrics need are computed once, on first use.

    Attributes
    ----------
    model : fitted autoencoder
    X : ndarray of shape (n, D)
        The rows to measure on.
    X_train : ndarray of shape (m, D) or None
        The training rows.
    y, y_train : ndarray of shape (n,) and (m,), or None
        Their labels.
    seed : int
        Decides what is chosen by chance, but for the model's own draws.
    n_importance_samples : tuple of int
        The importance-weighted bounds to take.
    extractor : callable or None
        The features between which generated rows are measured.
    anomalies : ndarray of shape (k, D) or None
        Rows that the model should tell from ``X``.
    similarity : bool
        Whether to take SSIM.
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

    def __post_init__(self) -> None:
        """Read lazy samples into memory: metrics need arrays."""
        self._read("X", "y")
        self._read("X_train", "y_train")
        self._read("anomalies")

    def _read(self, rows: str, labels: str | None = None) -> None:
        """Take rows that are no array into memory, with their labels: all, or some of many."""
        given = as_guarded(getattr(self, rows))
        if not isinstance(given, LazyRows):
            return
        known = None if labels is None else getattr(self, labels)
        read, known = measurable_rows("the data", given, known, self.seed)
        object.__setattr__(self, rows, read)
        if labels is not None:
            object.__setattr__(self, labels, known)

    @cached_property
    def pca(self) -> PCABaseline | None:
        """PCA of the model's size, on columns scaled as its own; None without training rows.

        A sparse code has the size of its active components.
        """
        if self.X_train is None:
            return None
        scale, size = self.model.scaling_.scale, self.model.n_components_
        if has_sparse_codes(self.model):
            size = max(1, round(float(self.n_active.mean())))
        return PCABaseline(self.filled(self.X_train), size, None if np.ptp(scale) == 0 else scale)

    def filled(self, rows: Rows) -> Rows:
        """Return rows with the column's mean in the place of what is missing: what PCA can see."""
        if not has_missing(rows):
            return rows
        means = np.nanmean(self.X if self.X_train is None else self.X_train, axis=0)
        return np.where(np.isnan(rows), means.astype(rows.dtype), rows)

    @cached_property
    def has_gaps(self) -> bool:
        """Whether a value of the rows is missing, of those to measure on or of the others."""
        return has_missing(self.X) or has_missing(self.X_train)

    @cached_property
    def spreads(self) -> Rows | None:
        """The standard deviation (D,) of each feature of a table; None for all other rows.

        Columns of a table have different units, so their errors are taken in these. A feature that
        is constant keeps its unit.
        """
        if not hasattr(self.model, "columns_") or self.model.image_shape is not None:
            return None
        spreads = np.sqrt(column_moments(self.X if self.X_train is None else self.X_train).var_)
        return np.where(spreads > 0, spreads, 1.0)

    @cached_property
    def codes(self) -> Rows:
        """The codes (n, H) of the rows, as the decoder takes them."""
        return self.model._vectors(self.X)

    @cached_property
    def n_active(self) -> NDArray[np.int64]:
        """The active components (n,) of each code."""
        active: NDArray[np.int64] = np.asarray((self.codes > 0).sum(axis=1)).ravel()
        return active

    @cached_property
    def copies(self) -> Rows:
        """The reconstructions (n, D) through the mean codes."""
        return self.model.reconstruct(self.X, self.y)

    @cached_property
    def scored(self) -> NDArray[np.intp]:
        """The numbers of the rows that ``scores`` are of: of a variational model, some of many."""
        if not has_posterior(self.model):
            return np.arange(len(self.X))
        return affordable_rows(self.X, SCORED_VALUES, self.seed)

    @cached_property
    def scores(self) -> NDArray[np.floating[Any]]:
        """What ``score_samples`` gives for the rows ``scored``."""
        return self.model.score_samples(self.X[self.scored], self.labels_of(self.scored))

    def labels_of(self, rows: NDArray[np.intp]) -> NDArray[Any] | None:
        """Return the labels of some of the rows to measure on, where there are labels."""
        return None if self.y is None else self.y[rows]

    @cached_property
    def has_seen_its_rows(self) -> bool:
        """Whether the rows to measure on are the training rows."""
        return self.X_train is not None and (
            self.X_train is self.X or np.array_equal(self.X_train, self.X, equal_nan=True)
        )


def with_baseline(model: Estimate, pca: Estimate | None = None) -> dict[str, Any]:
    """Return a figure ready for JSON: the model's numbers, and under ``"pca"`` those of PCA.

    Examples
    --------
    >>> with_baseline(Estimate.over([1.0, 3.0]), Estimate.over([2.0, 4.0]))["pca"]["value"]
    3.0
    """
    return {**model.to_json(), "pca": None if pca is None else pca.to_json()}
