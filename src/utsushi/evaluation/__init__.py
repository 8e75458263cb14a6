"""What a model is worth: each figure with its sample count and standard error, PCA beside it."""

from utsushi.evaluation.anomalies import (
    average_precision,
    evaluate_scores,
    false_positive_rate,
    roc_auc,
)
from utsushi.evaluation.divergence import divergence_per_component
from utsushi.evaluation.estimate import Estimate
from utsushi.evaluation.model import evaluate, lecture_loss
from utsushi.evaluation.reconstruction import pca_errors, reconstruction_error

__all__ = [
    "Estimate",
    "average_precision",
    "divergence_per_component",
    "evaluate",
    "evaluate_scores",
    "false_positive_rate",
    "lecture_loss",
    "pca_errors",
    "reconstruction_error",
    "roc_auc",
]
