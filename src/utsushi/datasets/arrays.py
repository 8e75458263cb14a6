"""Arrays as rows of float32 or float64: numpy's own and its files, tensors, torch's data sets.

Pickled objects are never read.
"""

from __future__ import annotations

import sys
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.files import one_line
from utsushi._utils.lazy_rows import ConvertedRows, LazyRows, MappedRows, as_guarded, row_blocks
from utsushi._utils.validation import check_finite, check_kind
from utsushi.datasets.dataset import Dataset
from utsushi.datasets.file_checks import check_unpacked, unreadable
from utsushi.exceptions import DataError

__all__ = [
    "as_pixels",
    "check_labels",
    "dataset_from_arrays",
    "from_array_like",
    "from_torch_dataset",
    "is_torch_dataset",
    "read_archive",
    "read_npy",
    "read_npz",
    "to_floats",
    "to_rows",
]

#: Larger files of other types are converted to floats as they are read.
LARGE_SIZE = 2**26

_KEYS = "X (and y), X_train (and X_test, y_train, y_test), or one single array"


def to_floats(values: NDArray[Any], what: str = "the data") -> NDArray[Any]:
    """Convert numbers of any type to float32 or float64.

    Parameters
    ----------
    values : ndarray of any shape
        uint8 means pixels, and is divided by 255. float32 is unchanged, float16 becomes float32;
        all other integers, booleans and floats become float64.
    what : str, default="the data"
        The name of ``values`` in errors.

    Returns
    -------
    ndarray of the same shape, float32 or float64, in the machine's byte order
        ``values`` itself if it needs no conversion.

    Raises
    ------
    DataError
        If the values are not real numbers.

    Examples
    --------
    >>> import numpy as np
    >>> to_floats(np.array([0, 51, 255], dtype=np.uint8))
    array([0. , 0.2, 1. ], dtype=float32)
    >>> to_floats(np.array([0, 51, 255]))
    array([  0.,  51., 255.])
    """
    if values.dtype.kind not in "biuf":
        fix = "Convert it to float32 or float64 first"
        if values.dtype.kind in "OUST":
            fix += ", or give a table with text as a data frame"
        raise DataError(f"{what} must hold integers or floats, got dtype {values.dtype}. {fix}.")
    if values.dtype == np.uint8:
        pixels = values.astype(np.float32)
        pixels /= 255
        return pixels
    narrow = values.dtype.kind == "f" and values.dtype.itemsize <= 4
    with np.errstate(over="ignore"):  # A long double that becomes infinite is an error later.
        return values.astype(np.float32 if narrow else np.float64, copy=False)


def to_rows(
    values: NDArray[Any], what: str = "the data"
) -> tuple[NDArray[Any], tuple[int, ...] | None]:
    """Reshape samples to rows of floats.

    Parameters
    ----------
    values : ndarray of shape (n, n_features), (n, H, W) or (n, C, H, W)
        Of any dtype that `to_floats` accepts.
    what : str, default="the data"
        The name of ``values`` in errors.

    Returns
    -------
    rows : ndarray of shape (n, n_features), float32 or float64
        `LazyRows` for a large memory map of other numbers.
    image_shape : (H, W), (C, H, W) or None
        None for two dimensions.

    Raises
    ------
    DataError
        For any other number of dimensions, for images with channels last, or for values that are
        not numbers.

    Examples
    --------
    >>> import numpy as np
    >>> rows, image_shape = to_rows(np.zeros((5, 3, 8, 8), dtype=np.float32))
    >>> rows.shape, image_shape
    ((5, 192), (3, 8, 8))
    """
    if values.ndim not in (2, 3, 4):
        raise DataError(
            f"{what} must have the shape (n, features), (n, H, W) or (n, C, H, W), got "
            f"{values.shape}. Reshape it to one sample per row."
        )
    shape = values.shape[1:]
    if len(shape) == 3 and shape[2] in (1, 3, 4) and min(shape[:2]) > 4:
        raise DataError(
            f"{what} must have the shape (n, C, H, W), got {values.shape}, which looks like "
            "channels last. Use X.transpose(0, 3, 1, 2)."
        )
    if 0 in values.shape:
        raise DataError(
            f"{what} must have at least one sample and one value, got the shape {values.shape}."
        )
    image_shape = shape if len(shape) > 1 else None
    if (
        isinstance(values, np.memmap)
        and values.size > LARGE_SIZE
        and to_floats(values[:1], what).dtype != values.dtype
    ):
        stored: Any = MappedRows(values.reshape(len(values), -1))
        return cast(Any, ConvertedRows(stored, lambda some: to_floats(some, what))), image_shape
    floats = to_floats(values, what)
    return floats.reshape(len(floats), -1), image_shape


def dataset_from_arrays(
    name: str,
    X_train: NDArray[Any],
    X_test: NDArray[Any] | None = None,
    y_train: NDArray[Any] | None = None,
    y_test: NDArray[Any] | None = None,
) -> Dataset:
    """Convert arrays of any supported shape and type to a `Dataset`; see `to_rows`."""
    for y in (y_train, y_test):
        check_labels(name, y)
    rows, image_shape = to_rows(X_train, name)
    test_rows = None
    if X_test is not None:
        test_rows, test_shape = to_rows(X_test, f"the test part of {name}")
        if test_shape != image_shape:
            raise DataError(
                f"{name} must have training and test samples of one shape, got {X_train.shape[1:]} "
                f"and {X_test.shape[1:]}."
            )
        test_rows = test_rows.astype(rows.dtype, copy=False)
    pixels = X_train.dtype == np.uint8
    return Dataset(name, rows, test_rows, y_train, y_test, image_shape, pixels=pixels)


def from_array_like(values: Any, name: str = "array") -> Dataset:
    """Convert an array, or anything that numpy converts to one, to a `Dataset`."""
    check_kind(values)
    try:
        array = _as_array(values)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"the data must be rows of numbers of one length, got a {type(values).__name__} that "
            f"NumPy cannot convert ({one_line(error)})."
        ) from error
    rows, image_shape = to_rows(array)
    return Dataset(name, rows, image_shape=image_shape, pixels=array.dtype == np.uint8)


def as_pixels(dataset: Dataset, pixels: bool | None) -> Dataset:
    """Divide whole numbers from 0 to 255 by 255, or undo that division.

    Parameters
    ----------
    dataset : Dataset
        As read: values of type uint8 are divided, and no others.
    pixels : bool or None
        Whether they should be divided; None leaves the data set unchanged.

    Raises
    ------
    DataError
        If ``pixels`` is true, and the values are neither whole numbers from 0 to 255 nor between 0
        and 1.

    Examples
    --------
    >>> as_pixels(Dataset("digits", np.array([[0.0, 51.0], [255.0, 0.0]])), True).X_train
    array([[0. , 0.2],
           [1. , 0. ]], dtype=float32)
    """
    if pixels is None or dataset.columns is not None or dataset.pixels is pixels:
        return dataset
    if not pixels:
        return dataset if not dataset.pixels else _with_rows(dataset, _times_255, pixels=False)
    if all(_are_within_one(X) for X, _ in dataset.parts):
        return replace(dataset, pixels=True)
    for X, _ in dataset.parts:
        _check_pixels(X, dataset.name)
    return _with_rows(dataset, lambda rows: rows.astype(np.float32) / np.float32(255), pixels=True)


def _with_rows(dataset: Dataset, change: Any, *, pixels: bool) -> Dataset:
    """Apply a function to all rows; to those on the disk when they are read."""

    def changed(X: Any) -> Any:
        X = as_guarded(X)
        return ConvertedRows(X, change) if isinstance(X, LazyRows) else change(X)

    X_test = None if dataset.X_test is None else changed(dataset.X_test)
    return replace(dataset, X_train=changed(dataset.X_train), X_test=X_test, pixels=pixels)


def _times_255(rows: NDArray[Any]) -> NDArray[np.float64]:
    """Undo the division of pixels."""
    integers: NDArray[np.float64] = np.rint(rows.astype(np.float64) * 255)
    return integers


def _are_within_one(X: Any) -> bool:
    """Return whether all values are between 0 and 1."""
    return all(bool((b >= 0).all() and (b <= 1).all()) for b in row_blocks(as_guarded(X)))


def _check_pixels(X: Any, name: str) -> None:
    """Raise `DataError` for values other than whole numbers from 0 to 255."""
    start = 0
    for block in row_blocks(as_guarded(X)):
        wrong = ~((block >= 0) & (block <= 255) & (block == np.rint(block)))
        if wrong.any():
            row, column = np.unravel_index(int(wrong.argmax()), wrong.shape)
            raise DataError(
                f"the pixels of {name} must be whole numbers from 0 to 255, or all from 0 to 1, "
                f"got {block[row, column]:g} at row {start + row}, column {column} (counting from "
                "0). Leave out pixels=True."
            )
        start += len(block)


def check_labels(name: str, y: NDArray[Any] | None) -> None:
    """Raise `DataError` for labels that are neither numbers nor text, or are NaN."""
    if y is None:
        return
    if y.dtype.kind not in "biufU":
        raise DataError(
            f"the labels of {name} must be integers or text, got dtype {y.dtype}. Convert them "
            "first."
        )
    if y.dtype.kind == "f" and y.ndim == 1:
        check_finite(y[:, None], f"the label column of {name}")


# --- numpy's files ------------------------------------------------------------------------------


def read_npy(path: Path) -> Dataset:
    """Read a ``.npy`` file; float32 and float64 stay on the disk, as a memory map."""
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # A damaged header can fail in many ways.
        raise unreadable(path, "an array saved by numpy.save", error, "Save it again") from error
    return dataset_from_arrays(path.name, array)


def read_npz(path: Path) -> Dataset:
    """Read a ``.npz`` file of X and y, of the four parts of a split, or of a single array."""
    # Keras writes x_train.
    arrays = {name.lower(): array for name, array in read_archive(path).items()}
    if "x_train" in arrays:
        return dataset_from_arrays(
            path.name,
            arrays["x_train"],
            arrays.get("x_test"),
            arrays.get("y_train"),
            arrays.get("y_test"),
        )
    if "x" in arrays:
        return dataset_from_arrays(path.name, arrays["x"], y_train=arrays.get("y"))
    if len(arrays) == 1:
        return dataset_from_arrays(path.name, *arrays.values())
    names = ", ".join(arrays) or "nothing"
    raise DataError(f"{path} must hold {_KEYS}, got {names}. Save it again with these names.")


def read_archive(path: Path, fix: str = "Save it again") -> dict[str, NDArray[Any]]:
    """Read all arrays of a ``.npz`` file, by name; ``fix`` ends the error for a damaged one."""
    try:
        # numpy leaves the file open if the archive is damaged, unless we opened it.
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):  # numpy would call it a pickle.
                raise zipfile.BadZipFile("not a zip archive, or cut short")
            file.seek(0)
            with zipfile.ZipFile(file) as packed:
                n_unpacked = sum(member.file_size for member in packed.infolist())
            check_unpacked(path, path.stat().st_size, n_unpacked)
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                return {key: archive[key] for key in archive.files}
    except DataError:
        raise
    except Exception as error:  # zipfile, the decompressors and numpy have their own errors.
        raise unreadable(path, "an archive saved by numpy.savez", error, fix) from error


# --- torch --------------------------------------------------------------------------------------


def _as_array(value: Any) -> NDArray[Any]:
    """Convert a tensor, of any device and dtype, or an array-like to an array."""
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(value, torch.Tensor):
        return np.asarray(value)
    value = value.detach().cpu()
    if value.dtype == torch.bfloat16:  # numpy has no bfloat16
        value = value.float()
    array: NDArray[Any] = value.numpy()
    return array


def is_torch_dataset(source: Any) -> bool:
    """Return whether ``source`` is a ``Dataset`` of torch, without importing torch."""
    data = sys.modules.get("torch.utils.data")
    return data is not None and isinstance(source, data.Dataset)


def from_torch_dataset(source: Any) -> Dataset:
    """Read all items of a map-style torch ``Dataset``.

    Parameters
    ----------
    source : torch.utils.data.Dataset
        Each item is a row, or an image of shape (H, W) or (C, H, W), as a tensor, an array or a
        Pillow image; or a pair of that and a label.

    Returns
    -------
    Dataset
        The items in their order; uint8 counts as pixels, and is divided by 255.

    Raises
    ------
    DataError
        If it has no length or cannot be indexed, or its items differ in shape.

    Examples
    --------
    >>> import torch
    >>> from torch.utils.data import TensorDataset
    >>> from_torch_dataset(TensorDataset(torch.zeros(3, 2, 2), torch.tensor([1, 0, 1])))
    Dataset('TensorDataset': 3 samples, 4 features, 2x2 images, float32, labelled)
    """
    from torch.utils.data import IterableDataset

    name = type(source).__name__
    if isinstance(source, IterableDataset) or not hasattr(source, "__len__"):
        what = "cannot be indexed" if hasattr(source, "__len__") else "has no length"
        raise DataError(
            f"{name} must be a map-style dataset, with __len__ and __getitem__, got one that "
            f"{what}. Give list(source) as an array."
        )
    if not len(source):
        raise DataError(f"{name} must have at least one item, got none.")
    items = [_row_and_label(source[i], f"item {i} of {name}") for i in range(len(source))]
    (first_row, first_label) = items[0]
    for index, (row, label) in enumerate(items):
        if row.shape != first_row.shape or (label is None) != (first_label is None):
            raise DataError(
                f"item {index} of {name} must have the shape {first_row.shape} and a label such as "
                f"{first_label!r}, as item 0, got {row.shape} and {label!r}. Give all items the "
                "same shape."
            )
    rows, labels = zip(*items, strict=True)
    y = None if first_label is None else np.asarray(labels)
    return dataset_from_arrays(name, np.stack(rows), y_train=y)


def _row_and_label(item: Any, what: str) -> tuple[NDArray[Any], Any]:
    """Return the row of an item, and its label or None."""
    pair = item if isinstance(item, tuple | list) else (item,)
    if not 1 <= len(pair) <= 2:
        raise DataError(
            f"{what} must be a sample, or a sample and a label, got {len(pair)} parts. Leave the "
            "others out."
        )
    row, label = _as_array(pair[0]), None if len(pair) == 1 else _as_array(pair[1])
    problem = ""
    if not row.ndim:
        problem = f"a {type(pair[0]).__name__}"
    elif label is not None and label.ndim:
        problem = f"a label of shape {label.shape}"
    if problem:
        raise DataError(
            f"{what} must be a sample or an image, as a tensor or an array, and a number or a text "
            f"as its label, got {problem}. Change __getitem__."
        )
    if row.ndim == 3 and not hasattr(pair[0], "dtype"):  # a Pillow image has its channels last
        row = row.transpose(2, 0, 1)
    return row, None if label is None else label.item()
