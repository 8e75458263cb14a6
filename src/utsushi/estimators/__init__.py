"""The estimators, and how they are saved and loaded."""

from utsushi.estimators.anomaly import AnomalyDetector
from utsushi.estimators.autoencoder import Autoencoder
from utsushi.estimators.base import BaseAutoencoder, autoencoder_of
from utsushi.estimators.denoising import DenoisingAutoencoder
from utsushi.estimators.explanation import Explanation
from utsushi.estimators.imputer import AutoencoderImputer
from utsushi.estimators.model_file import load
from utsushi.estimators.semi_supervised import SemiSupervisedVariationalAutoencoder
from utsushi.estimators.sparse import SparseAutoencoder
from utsushi.estimators.table import TableAutoencoder
from utsushi.estimators.variational import VariationalAutoencoder
from utsushi.estimators.vector_quantized import VectorQuantizedAutoencoder

__all__ = [
    "AnomalyDetector",
    "Autoencoder",
    "AutoencoderImputer",
    "BaseAutoencoder",
    "DenoisingAutoencoder",
    "Explanation",
    "SemiSupervisedVariationalAutoencoder",
    "SparseAutoencoder",
    "TableAutoencoder",
    "VariationalAutoencoder",
    "VectorQuantizedAutoencoder",
    "autoencoder_of",
    "load",
]
