"""Torch's tensors and map-style data sets, without importing torch for anybody else."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.datasets.arrays import as_array, dataset_from_arrays
from utsushi.datasets.dataset import Dataset
from utsushi.exceptions import DataError

__all__ = ["from_torch_dataset", "is_torch_dataset"]


def is_torch_dataset(source: Any) -> bool:
    """Tell whether ``source`` is a data set of torch; it can only be if torch was imported."""
    data = sys.modules.get("torch.utils.data")
    return data is not None and isinstance(source, data.Dataset)


def from_torch_dataset(source: Any) -> Dataset:
    """Take all rows of a map-style torch ``Dataset``.

    Parameters
    ----------
    source : torch.utils.data.Dataset
        Of a known length. An item is a row, or an image of shape (H, W) or (C, H, W), as a tensor,
        an array or a Pillow image; or a pair of that and a label.

    Returns
    -------
    Dataset
        Of the items in their order. uint8 counts as pixels, and is divided by 255.

    Raises
    ------
    DataError
        If it has no length or cannot be indexed, or its items are not alike.

    Examples
    --------
    >>> import torch
    >>> from torch.utils.data import TensorDataset
    >>> from_torch_dataset(TensorDataset(torch.zeros(3, 2, 2), torch.tensor([1, 0, 1])))
    Dataset('TensorDataset': 3 rows, 4 features, 2x2 images, float32, labelled)
    """
    name = type(source).__name__
    from torch.utils.data import IterableDataset

    if isinstance(source, IterableDataset) or not hasattr(source, "__len__"):
        what = "cannot be indexed" if hasattr(source, "__len__") else "has no length"
        raise DataError(
            f"{name} {what}: expected a map-style data set, with __len__ and __getitem__; "
            "give list(source) as an array"
        )
    if not len(source):
        raise DataError(f"{name} has no items: expected one or more; add some")
    rows: list[NDArray[Any]] = []
    labels: list[Any] = []
    for index in range(len(source)):
        row, label = _parts(source[index], name, index)
        rows.append(row)
        labels.append(label)
        if row.shape != rows[0].shape or (label is None) != (labels[0] is None):
            raise DataError(
                f"item {index} of {name} has shape {row.shape} and label {label!r}: expected "
                f"{rows[0].shape} and {labels[0]!r} or its like, as item 0; give all items one "
                "shape"
            )
    y = None if labels[0] is None else np.asarray(labels)
    return dataset_from_arrays(name, np.stack(rows), y_train=y)


def _parts(item: Any, name: str, index: int) -> tuple[NDArray[Any], Any]:
    """Return the row of an item, and its label or None."""
    pair = item if isinstance(item, tuple | list) else (item,)
    if not 1 <= len(pair) <= 2:
        raise DataError(
            f"item {index} of {name} has {len(pair)} parts: expected a row, or a row and a label; "
            "leave the others out"
        )
    row = as_array(pair[0])
    if not row.ndim:
        raise DataError(
            f"item {index} of {name} is a {type(pair[0]).__name__}: expected a row or an image, as "
            "a tensor or an array; make it one in __getitem__"
        )
    if row.ndim == 3 and not hasattr(pair[0], "dtype"):  # a Pillow image has its channels last
        row = row.transpose(2, 0, 1)
    if len(pair) == 1:
        return row, None
    label = as_array(pair[1])
    if label.ndim:
        raise DataError(
            f"item {index} of {name} has a label of shape {label.shape}: expected one number or "
            "text; leave it out, or give its class"
        )
    return row, label.item()
