"""Autoencoders with the manners of scikit-learn, on PyTorch.

The public names are imported when they are first used: ``import utsushi`` itself loads neither
torch nor scikit-learn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from utsushi._utils.lazy_imports import imported_late

if TYPE_CHECKING:
    from utsushi import (
        datasets,
        distributions,
        evaluation,
        exceptions,
        integrations,
        lecture,
        networks,
        objectives,
        report,
        samplers,
        search,
        transforms,
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
    "datasets",
    "distributions",
    "evaluation",
    "exceptions",
    "integrations",
    "lecture",
    "load",
    "networks",
    "objectives",
    "report",
    "samplers",
    "search",
    "transforms",
]

#: Where each public name lives; one that is missing here is a module of the package.
_HOMES = {
    "AnomalyDetector": "utsushi.estimators:AnomalyDetector",
    "Autoencoder": "utsushi.estimators:Autoencoder",
    "DenoisingAutoencoder": "utsushi.estimators:DenoisingAutoencoder",
    "Recipe": "utsushi.training:Recipe",
    "VariationalAutoencoder": "utsushi.estimators:VariationalAutoencoder",
    "load": "utsushi.estimators:load",
}

__getattr__ = imported_late(__name__, {name: f"utsushi.{name}:" for name in __all__} | _HOMES)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
