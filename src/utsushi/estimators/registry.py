"""The estimators that a model file may name."""

from __future__ import annotations

from typing import Any, TypeVar

__all__ = ["ESTIMATORS", "persistent"]

T = TypeVar("T")

#: By name, the classes that `persistent` marks. `load` builds no other class.
ESTIMATORS: dict[str, type[Any]] = {}


def persistent(cls: type[T]) -> type[T]:
    """Mark an estimator as one that model files can hold, as a decorator of its class."""
    ESTIMATORS[cls.__name__] = cls
    return cls
