"""What a model is worth: each figure with its sample count and standard error, PCA beside it."""

from utsushi.evaluation.divergence import divergence_per_component
from utsushi.evaluation.estimate import Estimate
from utsushi.evaluation.model import evaluate, lecture_loss
from utsushi.evaluation.reconstruction import pca_errors, reconstruction_error

__all__ = [
    "Estimate",
    "divergence_per_component",
    "evaluate",
    "lecture_loss",
    "pca_errors",
    "reconstruction_error",
]
