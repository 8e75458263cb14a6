"""What a model can do beyond the common contract, by its methods and not by its class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from utsushi.estimators.anomaly import AnomalyDetector
    from utsushi.estimators.base import BaseAutoencoder
    from utsushi.estimators.denoising import DenoisingAutoencoder
    from utsushi.estimators.sparse import SparseAutoencoder
    from utsushi.estimators.table import TableAutoencoder
    from utsushi.estimators.variational import VariationalAutoencoder
    from utsushi.estimators.vector_quantized import VectorQuantizedAutoencoder

__all__ = [
    "can_corrupt",
    "has_posterior",
    "has_sparse_codes",
    "has_symbols",
    "is_autoencoder",
    "is_conditional",
    "is_detector",
    "takes_tables",
]


def is_autoencoder(model: Any) -> TypeGuard[BaseAutoencoder]:
    """Tell whether a model encodes and reconstructs samples."""
    return hasattr(model, "reconstruct")


def is_detector(model: Any) -> TypeGuard[AnomalyDetector]:
    """Tell whether a model has a threshold for its scores."""
    return hasattr(model, "decision_function")


def has_posterior(model: Any) -> TypeGuard[VariationalAutoencoder]:
    """Tell whether a model encodes a sample as a distribution, and bounds its log density."""
    return hasattr(model, "posterior_of")


def can_corrupt(model: Any) -> TypeGuard[DenoisingAutoencoder]:
    """Tell whether a model is trained to repair what its ``corrupt`` does to samples."""
    return hasattr(model, "corrupt")


def has_symbols(model: Any) -> TypeGuard[VectorQuantizedAutoencoder]:
    """Tell whether a model encodes a sample as symbols, integers that are no quantities."""
    return hasattr(model, "n_symbols_")


def has_sparse_codes(model: Any) -> TypeGuard[SparseAutoencoder]:
    """Tell whether few components of each code are active, of many."""
    return hasattr(model, "feature_examples")


def takes_tables(model: Any) -> TypeGuard[TableAutoencoder]:
    """Tell whether a model takes tables of mixed columns, which it encodes itself."""
    return hasattr(model, "codec_")


def is_conditional(model: Any) -> bool:
    """Tell whether the decoder of a model takes classes."""
    return bool(getattr(model, "conditional", False))
