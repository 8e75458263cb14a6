"""Checks of what a model file holds, before any of it is believed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Expected", "Tensors", "check_tensors", "in_range", "under"]

Tensors = dict[str, NDArray[Any]]

#: A tensor's dtype and shape, where None is any length from one on.
Expected = tuple[str, tuple[int | None, ...]]


def check_tensors(tensors: Tensors, expected: dict[str, Expected]) -> None:
    """Compare names, dtypes, shapes and values with what the parameters imply."""
    if set(tensors) != set(expected):
        names = sorted(set(tensors) ^ set(expected))
        some = ", ".join(map(repr, names[:5])) + (" …" if len(names) > 5 else "")
        raise ValueError(f"{len(names)} tensors are unknown or missing: {some}")
    for name, (dtype, shape) in expected.items():
        found = tensors[name].shape
        if tensors[name].dtype.name != dtype:
            raise ValueError(f"tensor {name!r} is {tensors[name].dtype.name}, not {dtype}")
        fits = len(found) == len(shape) and all(
            a == b or (b is None and a > 0) for a, b in zip(found, shape, strict=True)
        )
        if not fits:
            raise ValueError(f"tensor {name!r} has shape {found}, its parameters imply {shape}")
        if not np.isfinite(tensors[name]).all():
            raise ValueError(f"tensor {name!r} has values that are not finite")


def under(prefix: str, tensors: Tensors) -> Tensors:
    """Return the tensors whose names start with ``prefix``, without it."""
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def in_range(name: str, value: Any, low: int, high: int) -> int:
    """Return an integer of the header, or raise if it cannot be that."""
    if not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}")
    return value
