"""Autoencoders with the manners of scikit-learn, on PyTorch.

The public names are imported when they are first used: ``import utsushi`` itself loads neither
torch nor scikit-learn.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from utsushi import (
        augmentation,
        classroom,
        datasets,
        evaluation,
        exceptions,
        lecture,
        likelihoods,
        networks,
        onnx,
        ray,
        report,
        samplers,
        search,
        tracking,
    )
    from utsushi.estimators import (
        AnomalyDetector,
        Autoencoder,
        DenoisingAutoencoder,
        VariationalAutoencoder,
        load,
    )
    from utsushi.training import Recipe

__version__ = "0.1.0"

__all__ = [
    "AnomalyDetector",
    "Autoencoder",
    "DenoisingAutoencoder",
    "Recipe",
    "VariationalAutoencoder",
    "augmentation",
    "classroom",
    "datasets",
    "evaluation",
    "exceptions",
    "lecture",
    "likelihoods",
    "load",
    "networks",
    "onnx",
    "ray",
    "report",
    "samplers",
    "search",
    "tracking",
]

#: Where each public name lives; a name that is missing here is a module of the package.
_HOMES = {
    "AnomalyDetector": "utsushi.estimators",
    "Autoencoder": "utsushi.estimators",
    "DenoisingAutoencoder": "utsushi.estimators",
    "Recipe": "utsushi.training",
    "VariationalAutoencoder": "utsushi.estimators",
    "load": "utsushi.estimators",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'utsushi' has no attribute {name!r}")
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
    else:
        value = import_module(f"utsushi.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
