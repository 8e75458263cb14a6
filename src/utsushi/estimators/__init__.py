"""The estimators, and how they are saved and loaded."""

from utsushi.estimators.anomaly import AnomalyDetector
from utsushi.estimators.autoencoder import Autoencoder
from utsushi.estimators.base import BaseAutoencoder, autoencoder_of
from utsushi.estimators.denoising import DenoisingAutoencoder
from utsushi.estimators.model_file import load
from utsushi.estimators.variational import VariationalAutoencoder

__all__ = [
    "AnomalyDetector",
    "Autoencoder",
    "BaseAutoencoder",
    "DenoisingAutoencoder",
    "VariationalAutoencoder",
    "autoencoder_of",
    "load",
]
