"""What a model is worth: each figure with its sample count and standard error, PCA beside it."""

from utsushi.evaluation.collapse import (
    active_units,
    advice,
    aggregate_divergence_at_least,
    information,
)
from utsushi.evaluation.divergence import divergence_per_component
from utsushi.evaluation.estimate import Estimate
from utsushi.evaluation.features import (
    clustering,
    evaluate_features,
    linear_probe,
    neighbour_accuracy,
    trustworthiness_of,
)
from utsushi.evaluation.model import evaluate, lecture_loss
from utsushi.evaluation.pca import PCABaseline, pca_errors
from utsushi.evaluation.reconstruction import psnr, reconstruction_error, ssim
from utsushi.evaluation.texts import say

__all__ = [
    "Estimate",
    "PCABaseline",
    "active_units",
    "advice",
    "aggregate_divergence_at_least",
    "clustering",
    "divergence_per_component",
    "evaluate",
    "evaluate_features",
    "information",
    "lecture_loss",
    "linear_probe",
    "neighbour_accuracy",
    "pca_errors",
    "psnr",
    "reconstruction_error",
    "say",
    "ssim",
    "trustworthiness_of",
]
