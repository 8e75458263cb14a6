"""What a model is worth: each figure with its sample count and standard error, PCA beside it."""

from utsushi.evaluation.divergence import divergence_per_component
from utsushi.evaluation.estimate import Estimate
from utsushi.evaluation.generation import (
    evaluate_generation,
    frechet_distance,
    kernel_distance,
    memorization,
    precision_recall,
)
from utsushi.evaluation.model import evaluate, lecture_loss
from utsushi.evaluation.reconstruction import pca_errors, reconstruction_error

__all__ = [
    "Estimate",
    "divergence_per_component",
    "evaluate",
    "evaluate_generation",
    "frechet_distance",
    "kernel_distance",
    "lecture_loss",
    "memorization",
    "pca_errors",
    "precision_recall",
    "reconstruction_error",
]
