"""Validate the input of estimators, and hold it for training."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_array
from sklearn.utils.validation import validate_data
from torch import Generator, Tensor

from utsushi._utils.lazy_rows import (
    AnyRows,
    ConvertedRows,
    LazyRows,
    SelectedRows,
    SparseRows,
    as_guarded,
)
from utsushi._utils.seeds import Purpose, numpy_generator
from utsushi._utils.validation import check_finite, check_kind, check_within_float32
from utsushi.estimators.missing import check_rows, without_gaps
from utsushi.exceptions import DataError, SettingError, UtsushiWarning
from utsushi.objectives import Batch, Source, random_order
from utsushi.transforms.scaling import Scaling
from utsushi.transforms.table_schema import TableSchema

__all__ = [
    "Rows",
    "ScaledRows",
    "TrainingData",
    "check_width",
    "checked_codes",
    "checked_rows",
    "n_to_hold_out",
    "scanned",
    "warn_of_unlike_columns",
]

Rows = NDArray[np.floating[Any]]

#: Samples per block, and the most values, when all of them are looked at.
SCANNED_ROWS, SCANNED_VALUES = 10_000, 2**24

#: Samples of at most so many bytes are copied into memory, where they are read faster.
COPIED_BYTES = 2**26

#: Samples of at most so many bytes are kept in the memory of an accelerator.
DEVICE_BYTES = 2**32

#: A sampler is fitted to at most so many codes, chosen by the seed: fewer are enough, and fitting
#: takes several times their memory.
SAMPLER_ROWS = 2**17

#: From this multiple of the median spread on, a column dominates the squared error.
_UNLIKE = 100


@dataclass(frozen=True)
class TrainingData:
    """Validated samples, with the condition of each in a conditional model.

    Attributes
    ----------
    rows : ndarray or LazyRows of shape (n, D)
    condition : ndarray of shape (n, C), float32, or None
    may_miss : bool, default=False
        Whether a value may be missing (NaN). False saves the search for one.
    """

    rows: AnyRows
    condition: NDArray[np.float32] | None = None
    may_miss: bool = False

    def __getitem__(self, indices: slice | NDArray[np.integer[Any]]) -> TrainingData:
        """Return some of the samples, read into memory."""
        return self._of(self.rows[indices], indices)

    def only(self, numbers: NDArray[np.integer[Any]]) -> TrainingData:
        """Return the samples of these indices, without copying large data."""
        if isinstance(self.rows, LazyRows) and self.rows.starts is not None:
            numbers = np.sort(numbers)  # the order in which `SelectedRows` returns them
        elif not isinstance(self.rows, LazyRows) and self.rows.nbytes <= COPIED_BYTES:
            return self[numbers]
        return self._of(SelectedRows(self.rows, numbers), numbers)

    def _of(self, rows: AnyRows, indices: slice | NDArray[np.integer[Any]]) -> TrainingData:
        """Return some samples with their conditions."""
        condition = None if self.condition is None else self.condition[indices]
        return TrainingData(rows, condition, self.may_miss)

    def for_sampler(self, seed: int) -> TrainingData:
        """Return the samples whose codes a sampler is fitted to: at most `SAMPLER_ROWS`."""
        if len(self.rows) <= SAMPLER_ROWS:
            return self
        draws = numpy_generator(seed, Purpose.SPLIT, 2)
        return self.only(np.sort(draws.choice(len(self.rows), SAMPLER_ROWS, replace=False)))

    def split(self, fraction: float, seed: int) -> tuple[TrainingData, TrainingData | None]:
        """Return the samples to train on and the ``fraction`` of them to hold out, if any.

        Raises
        ------
        SettingError
            If fewer than two samples are left to train on.
        """
        n_rows = len(self.rows)
        n_held_out = n_to_hold_out(n_rows, fraction)
        if not n_held_out:
            return self, None
        if n_rows - n_held_out < 2:
            raise SettingError(
                "validation_fraction must leave at least 2 samples to train on, got "
                f"{fraction}, which leaves {n_rows - n_held_out} of {n_rows}. Make it smaller."
            )
        order = numpy_generator(seed, Purpose.SPLIT).permutation(n_rows)
        return self.only(order[n_held_out:]), self.only(order[:n_held_out])


@dataclass(frozen=True)
class ScaledRows:
    """A `Source` that scales its samples one batch at a time.

    A scaled copy of all samples would double the memory.

    Attributes
    ----------
    data : TrainingData
    scaling : Scaling
    device : torch.device
    has_gaps : bool, default=False
        Whether a value is missing (NaN): batches then have a mask.
    """

    data: TrainingData
    scaling: Scaling
    device: torch.device
    has_gaps: bool = False

    @property
    def n_features(self) -> int:
        """The number of columns."""
        return int(self.data.rows.shape[1])

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.data.rows)

    def __getitem__(self, rows: slice | Tensor) -> Batch:
        """Return some of the samples, scaled."""
        index = rows if isinstance(rows, slice) else rows.cpu().numpy()
        samples = self.data.rows[index]
        scaled, mask = self.scaling.forward(samples), None
        if self.has_gaps:
            mask = torch.from_numpy(~np.isnan(samples)).to(self.device)
            scaled = without_gaps(scaled)
        x = torch.from_numpy(scaled).to(self.device)
        if self.data.condition is None:
            return Batch(x, mask=mask)
        return Batch(x, torch.from_numpy(self.data.condition[index]).to(self.device), mask=mask)

    def blocks(self, n_rows: int) -> Iterator[Batch]:
        """Yield the samples in order, at most ``n_rows`` at a time."""
        for start in range(0, len(self), n_rows):
            yield self[start : start + n_rows]

    def order(self, draws: Generator) -> Tensor:
        """Return the indices of all samples, shuffled as far as they can be read in that order."""
        rows = self.data.rows
        if not isinstance(rows, LazyRows):
            return random_order(len(rows), draws)
        order = random_order(len(rows), draws, rows.starts, rows.window_rows)
        rows.expect(order.numpy())
        return order


def scanned(data: Source) -> Iterator[Batch]:
    """Yield all samples in blocks of a limited size."""
    return data.blocks(max(1, min(SCANNED_ROWS, SCANNED_VALUES // data.n_features)))


def n_to_hold_out(n_rows: int, fraction: float) -> int:
    """Return how many of ``n_rows`` samples a ``validation_fraction`` holds out: rounded down.

    A rounding error, as of 0.29 * 100 = 28.999…, is not rounded down.

    Examples
    --------
    >>> n_to_hold_out(100, 0.29)
    29
    """
    return int(fraction * n_rows + 1e-9)


def checked_rows(
    estimator: BaseEstimator,
    X: ArrayLike,
    *,
    reset: bool = False,
    at_least: int = 1,
    allow_missing: bool = False,
    accept_sparse: bool = False,
) -> Rows:
    """Return samples as a finite float32 or float64 array with the estimator's columns.

    Parameters
    ----------
    estimator : BaseEstimator
        The owner of ``n_features_in_`` and ``feature_names_in_``.
    X : array-like or LazyRows of shape (n_samples, n_features)
    reset : bool, default=False
        Learn the columns from ``X``, as ``fit`` does, instead of comparing them.
    at_least : int, default=1
        The fewest samples; `fit` needs two in any case.
    allow_missing : bool, default=False
        Allow NaN for a missing value, but not a sample of nothing else.
    accept_sparse : bool, default=False
        Whether a sparse matrix becomes `LazyRows`, of which a batch at a time is dense.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        float32 stays; every other dtype becomes float64. `LazyRows` stay `LazyRows`, and a large
        memory map becomes `LazyRows`.

    Raises
    ------
    DataError
        If the shape, the columns or a value cannot be used, or a mapped file has shrunk.
    """
    check_kind(X)
    _check_axes(X)
    X = SparseRows(X) if accept_sparse and issparse(X) else _guarded(_from_torch(X))
    is_lazy = isinstance(X, LazyRows)
    try:
        rows: Rows = validate_data(
            estimator,
            X,
            dtype=[np.float64, np.float32],
            ensure_all_finite=False,
            ensure_min_samples=2 if reset else at_least,
            reset=reset,
            skip_check_array=is_lazy,
        )
    except ValueError as error:
        if str(error).startswith("could not convert string to float"):
            raise _of_text(X, reset=reset) from error
        raise DataError(_with_fix(str(error), reset=reset or at_least > 1)) from error
    names = getattr(estimator, "feature_names_in_", None)
    if is_lazy and len(rows) < (2 if reset else at_least):
        raise DataError(f"X must have at least 2 samples, got {len(rows)}. Give more samples.")
    check_finite(rows, feature_names=names, allow_missing=allow_missing)
    check_within_float32(rows)
    if allow_missing:
        check_rows(rows)
    return rows


def checked_codes(Z: ArrayLike, n_components: int, *, accept_sparse: bool = False) -> Rows:
    """Return codes as a finite float32 or float64 array with a column for each component.

    Parameters
    ----------
    Z : array-like of shape (n, H)
    n_components : int
        H.
    accept_sparse : bool, default=False
        Whether a sparse matrix is returned as one of scipy's CSR format, and not refused.

    Raises
    ------
    DataError
        If the shape or a value cannot be used.
    """
    check_kind(Z, what="the codes")
    try:
        codes: Rows = check_array(
            Z,
            dtype=[np.float64, np.float32],
            ensure_all_finite=False,
            accept_sparse="csr" if accept_sparse else False,
        )
    except (TypeError, ValueError) as error:
        raise DataError(_with_fix(str(error))) from error
    values = codes if isinstance(codes, np.ndarray) else codes.data[:, None]
    check_finite(values, what="the codes")
    check_within_float32(values, what="the codes")
    if codes.shape[1] != n_components:
        raise DataError(
            f"the codes must have {n_components} columns, the model's n_components, got "
            f"{codes.shape[1]}. Give codes as transform returns them."
        )
    return codes


def _from_torch(X: ArrayLike) -> ArrayLike:
    """Return a tensor of any device as an array of its dtype, and anything else as it is."""
    if not isinstance(X, Tensor):
        return X
    try:
        array: NDArray[Any] = X.numpy(force=True)
    except TypeError:
        raise DataError(
            f"X must have a dtype that NumPy supports, got a tensor of {X.dtype}. Give X.float()."
        ) from None
    return array


def _guarded(X: Any) -> Any:
    """Return a memory map such that a read past the end of a file that shrank is an error.

    Without this, such a read ends the process. A small memory map is copied. A large one is left on
    the disk, and its file is checked before each read; integers become floats when they are read.
    """
    if not isinstance(X, np.ndarray) or X.ndim != 2 or not X.size or X.dtype.kind not in "biuf":
        return X
    rows = as_guarded(X)
    if not isinstance(rows, LazyRows):
        return X
    if 8 * X.size <= COPIED_BYTES:
        return np.array(rows[:])
    if X.dtype in (np.float32, np.float64):
        return rows
    return ConvertedRows(rows, lambda some: some.astype(np.float64))


def _check_axes(X: ArrayLike) -> None:
    """Refuse arrays that are not two-dimensional, and say how to reshape them."""
    shape = getattr(X, "shape", None)
    if not isinstance(shape, tuple) or len(shape) in (0, 2):
        return
    if len(shape) == 1:
        raise DataError(
            f"X must have the shape (n_samples, n_features), got {shape}. Reshape your data by "
            "X.reshape(1, -1) if it is one sample, by X.reshape(-1, 1) if it is one column."
        )
    flat, image_shape = "X.reshape(len(X), -1)", tuple(shape[1:])
    if len(shape) == 4 and shape[3] in (1, 3, 4) and min(shape[1:3]) > 4:
        channels_first = "permute" if isinstance(X, Tensor) else "transpose"
        flat = f"X.{channels_first}(0, 3, 1, 2).reshape(len(X), -1)"
        image_shape = (shape[3], *shape[1:3])
    if str(getattr(X, "dtype", "")) in ("uint8", "torch.uint8"):
        flat += " / 255"
    images = f", and set image_shape={image_shape} if they are images" if len(shape) < 5 else ""
    raise DataError(
        f"X must have the shape (n_samples, n_features), got {tuple(shape)}. Flatten the samples "
        f"by {flat}{images}."
    )


def _of_text(X: Any, *, reset: bool) -> DataError:
    """Make the error for data with text; of a data frame it names the first column."""
    names = [str(name) for name in getattr(X, "columns", ()) if not _are_numbers(X[name])]
    where = f" in column {names[0]!r}" if names else ""
    where += f" and {len(names) - 1} more" if len(names) > 1 else ""
    fix = "data = datasets.open(df, label=…, drop=…); fit(data.X_train, columns=data.columns)"
    if not reset:
        fix = "datasets.open(df, columns=model.columns_).X_train"
    return DataError(f"X must hold numbers, got text{where}. Convert a table by {fix}.")


def _are_numbers(column: Any) -> bool:
    """Tell whether a column of a data frame can become floats."""
    try:
        np.asarray(column, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    return True


def _with_fix(message: str, *, reset: bool = False) -> str:
    """Add the fix to scikit-learn's error, which names the requirement and the value."""
    if message.startswith("Complex data"):  # the rest of it is the whole array
        message = "Complex data not supported: X must hold real numbers"
    if message.startswith("The feature names"):  # a list of names, one on each line
        return message
    fix = "Give at least two samples" if reset else "Give samples like those of the training data"
    return f"{' '.join(message.split()).rstrip('.')}. {fix}."


def check_width(columns: TableSchema | None, X: Any) -> None:
    """Refuse a table schema whose number of features is not that of ``X``."""
    if columns is None:
        return
    shape = getattr(X, "shape", None) or np.shape(X)
    if len(shape) == 2 and shape[1] != columns.n_features:
        raise SettingError(
            f"columns must describe {shape[1]} features, as X has, got {columns.n_features}. Give "
            "the columns of the dataset that X is from."
        )


def warn_of_unlike_columns(variances: NDArray[np.float64]) -> None:
    """Warn if the spread of one column is so large that the squared error ignores the others."""
    deviations = np.sqrt(variances)
    deviations = deviations[deviations > 0]
    if len(deviations) and deviations.max() > _UNLIKE * np.median(deviations):
        warnings.warn(
            f"the largest standard deviation of a column is {deviations.max():.3g}, the median "
            f"{np.median(deviations):.3g}, so the squared error nearly ignores the other columns. "
            "Set scaling='standard' to weight all columns equally.",
            UtsushiWarning,
            stacklevel=4,  # the caller of fit
        )
