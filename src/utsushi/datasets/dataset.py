"""The dataset that each reader returns: training samples, optional test samples and labels."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.exceptions import DataError
from utsushi.transforms.table_schema import TableSchema

__all__ = ["Dataset"]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Hold the samples of a dataset, and describe them.

    Parameters
    ----------
    name : str
        The name of the data in messages and reports.
    X_train : ndarray or LazyRows of shape (n_train, n_features), float32 or float64
        The training samples; large files stay on the disk, as memory maps or `LazyRows`.
    X_test : ndarray or LazyRows of shape (n_test, n_features), default=None
        The test samples, of the same dtype.
    y_train, y_test : ndarray of shape (n_train,) and (n_test,), default=None
        Labels: integers or text.
    image_shape : (H, W) or (C, H, W), default=None
        The shape of a sample that is an image.
    feature_names : tuple of n_features str, default=None
        The names of the features of a table.
    columns : TableSchema, default=None
        The columns of that table; a category has several features.
    skipped : tuple of str, default=()
        The unreadable files that were skipped, each with the reason.
    pixels : bool, default=None
        Whether whole numbers from 0 to 255 were pixels, and divided by 255; None if unknown.

    Raises
    ------
    DataError
        If there are no samples or no features, or the parts do not match.

    Examples
    --------
    >>> import numpy as np
    >>> Dataset("tiny", np.zeros((3, 4)), X_test=np.ones((2, 4)), image_shape=(2, 2))
    Dataset('tiny': 3 training and 2 test samples, 4 features, 2x2 images, float64)
    """

    name: str
    X_train: NDArray[Any]
    X_test: NDArray[Any] | None = None
    y_train: NDArray[Any] | None = None
    y_test: NDArray[Any] | None = None
    image_shape: tuple[int, ...] | None = None
    feature_names: tuple[str, ...] | None = None
    columns: TableSchema | None = None
    skipped: tuple[str, ...] = ()
    pixels: bool | None = None

    def __post_init__(self) -> None:
        _check_rows(self.name, self.X_train, self.y_train)
        _check_test_part(self)
        _check_columns(self)

    @property
    def X(self) -> NDArray[Any]:  # noqa: N802 (the field's name)
        """All samples, training samples first, of shape (n_train + n_test, n_features)."""
        return self.X_train if self.X_test is None else np.concatenate([self.X_train, self.X_test])

    @property
    def y(self) -> NDArray[Any] | None:
        """The labels of `X`, in its order, or None."""
        if self.y_train is None or self.y_test is None:
            return self.y_train
        return np.concatenate([self.y_train, self.y_test])

    @property
    def parts(self) -> list[tuple[NDArray[Any], NDArray[Any] | None]]:
        """The samples of each part and their labels, training first: `X` and `y` without a copy."""
        parts = [(self.X_train, self.y_train)]
        return parts if self.X_test is None else [*parts, (self.X_test, self.y_test)]

    @property
    def measured(self) -> tuple[NDArray[Any], NDArray[Any] | None]:
        """The samples for evaluation and their labels: the test part, or all without one."""
        if self.X_test is None:
            return self.X_train, self.y_train
        return self.X_test, self.y_test

    def __repr__(self) -> str:
        size = f"{len(self.X_train)} samples"
        if self.X_test is not None:
            size = f"{len(self.X_train)} training and {len(self.X_test)} test samples"
        properties = [size, f"{self.X_train.shape[1]} features"]
        if self.image_shape is not None:
            properties.append("x".join(map(str, self.image_shape)) + " images")
        properties.append(str(self.X_train.dtype))
        if self.y_train is not None:
            properties.append("labelled")
        return f"Dataset({self.name!r}: {', '.join(properties)})"


def _check_rows(what: str, X: NDArray[Any], y: NDArray[Any] | None) -> None:
    """Raise `DataError` for an array of another shape than (n, D), or labels of another length."""
    if X.ndim != 2 or 0 in X.shape:
        raise DataError(
            f"{what} must have the shape (samples, features), with at least one of each, got "
            f"{X.shape}."
        )
    if y is not None and y.shape != X.shape[:1]:
        raise DataError(
            f"the labels of {what} must have the shape ({X.shape[0]},), got {y.shape}. Give one "
            "label per sample."
        )


def _check_test_part(data: Dataset) -> None:
    """Raise `DataError` for test samples that do not match the training samples."""
    if data.X_test is None:
        if data.y_test is not None:
            raise DataError(
                f"X_test of {data.name} must be given with y_test, got None. Give both or neither."
            )
        return
    _check_rows(f"the test part of {data.name}", data.X_test, data.y_test)
    if data.X_test.shape[1] != data.X_train.shape[1]:
        raise DataError(
            f"{data.name} must have the same features for training and testing, got "
            f"{data.X_train.shape[1]} and {data.X_test.shape[1]}."
        )
    if (data.y_train is None) != (data.y_test is None):
        raise DataError(
            f"{data.name} must have labels for both parts or for neither, got them for one part "
            "only. Give both y_train and y_test, or neither."
        )


def _check_columns(data: Dataset) -> None:
    """Raise `DataError` for an image shape or names that do not match the features."""
    n_features = data.X_train.shape[1]
    if data.image_shape is not None and prod(data.image_shape) != n_features:
        raise DataError(
            f"image_shape of {data.name} must match its {n_features} features, got "
            f"{data.image_shape}, which has {prod(data.image_shape)}."
        )
    if data.feature_names is not None and len(data.feature_names) != n_features:
        raise DataError(
            f"feature_names of {data.name} must have one name per feature, got "
            f"{len(data.feature_names)} names for {n_features} features."
        )
