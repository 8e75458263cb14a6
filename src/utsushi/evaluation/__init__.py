"""Evaluation of models: metrics with sample count and standard error, compared with PCA."""

from utsushi.evaluation.anomalies import (
    average_precision,
    benjamini_hochberg,
    evaluate_scores,
    false_positive_rate,
    roc_auc,
)
from utsushi.evaluation.collapse import (
    active_units,
    advice,
    aggregate_divergence_at_least,
    divergence_per_component,
    information,
)
from utsushi.evaluation.copula import GaussianCopula
from utsushi.evaluation.disentanglement import DCI, dci, mig, sap
from utsushi.evaluation.drift import ColumnDrift, drift
from utsushi.evaluation.estimate import Estimate
from utsushi.evaluation.features import (
    clustering,
    evaluate_features,
    linear_probe,
    neighbour_accuracy,
    trustworthiness_of,
)
from utsushi.evaluation.generation import (
    evaluate_generation,
    frechet_distance,
    kernel_distance,
    memorization,
    precision_recall,
)
from utsushi.evaluation.groups import CHEAP, GROUPS, QUICK, evaluate, lecture_loss
from utsushi.evaluation.likelihood import (
    bits_per_dimension,
    exact_log_likelihood,
    likelihood_bounds,
)
from utsushi.evaluation.pca import PCABaseline, pca_errors
from utsushi.evaluation.reconstruction import psnr, reconstruction_error, reconstruction_mse, ssim
from utsushi.evaluation.symbols import symbol_use
from utsushi.evaluation.tables import (
    associations,
    evaluate_imputation,
    evaluate_synthetic,
    independent_columns,
)
from utsushi.evaluation.texts import translate

__all__ = [
    "CHEAP",
    "DCI",
    "GROUPS",
    "QUICK",
    "ColumnDrift",
    "Estimate",
    "GaussianCopula",
    "PCABaseline",
    "active_units",
    "advice",
    "aggregate_divergence_at_least",
    "associations",
    "average_precision",
    "benjamini_hochberg",
    "bits_per_dimension",
    "clustering",
    "dci",
    "divergence_per_component",
    "drift",
    "evaluate",
    "evaluate_features",
    "evaluate_generation",
    "evaluate_imputation",
    "evaluate_scores",
    "evaluate_synthetic",
    "exact_log_likelihood",
    "false_positive_rate",
    "frechet_distance",
    "independent_columns",
    "information",
    "kernel_distance",
    "lecture_loss",
    "likelihood_bounds",
    "linear_probe",
    "memorization",
    "mig",
    "neighbour_accuracy",
    "pca_errors",
    "precision_recall",
    "psnr",
    "reconstruction_error",
    "reconstruction_mse",
    "roc_auc",
    "sap",
    "ssim",
    "symbol_use",
    "translate",
    "trustworthiness_of",
]
