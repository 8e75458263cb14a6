"""Diagnostics of a model that is worse than PCA or the mean, or that overfits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.estimators.capabilities import is_conditional
from utsushi.estimators.diagnosis import (
    AS_GOOD_AS_THE_MEAN,
    FEW_STEPS,
    ROUNDING,
    SOME_ROWS,
    TIMES_TRAINING,
)
from utsushi.evaluation.context import EvaluationContext
from utsushi.evaluation.estimate import Estimate
from utsushi.evaluation.reconstruction import mean_squared_errors
from utsushi.evaluation.texts import Diagnostic, diagnostic

__all__ = ["POOR_FIT", "poor_fit"]

#: The keys of these diagnostics; each concerns one model.
POOR_FIT = frozenset({"as_good_as_the_mean", "worse_than_pca", "by_heart"})

#: The fewest samples whose error is compared.
FEWEST_ROWS = 20

#: The largest ratio of two errors that is shown.
MOST_TIMES = 999

Rows = NDArray[np.floating[Any]]


def poor_fit(
    context: EvaluationContext,
    error_estimate: Estimate,
    of_pca: Estimate | None,
    unit: Rows | float = 1.0,
) -> list[Diagnostic]:
    """Compare the model's error with those of the mean and of PCA, and with its training error.

    Parameters
    ----------
    context : EvaluationContext
    error_estimate : Estimate
        The mean squared error over the measured samples and features.
    of_pca : Estimate or None
        The same of PCA with as many components, or None.
    unit : float or ndarray of shape (D,), default=1.0
        Divisor of each feature's errors.

    Returns
    -------
    list of Diagnostic
        One of ``"as_good_as_the_mean"``, an error of at least 95 % of the variance about the
        training mean, and ``"worse_than_pca"``, where PCA is a fair comparison; and
        ``"by_heart"``, an error of more than three times that of training samples.
    """
    X, X_train, error = context.X, context.X_train, error_estimate.value
    reference = X if X_train is None else X_train
    if len(X) < FEWEST_ROWS:
        return []
    # A column without a value has no mean, and its error does not count.
    mean = np.where(np.isnan(reference).all(axis=0), 0, context.filled(reference).mean(axis=0))
    variance = float(mean_squared_errors(X / unit, mean / unit).mean())
    if not variance > ROUNDING * float(np.nanmean(np.square(X / unit, dtype=np.float64))):
        return []
    times = _times_training(context, error, unit) if error > ROUNDING * variance else 0.0
    fixes = _fixes(context, overfits=times > TIMES_TRAINING)
    diagnostics = []
    if not error < AS_GOOD_AS_THE_MEAN * variance:
        percent = 100 * error / variance
        diagnostics.append(diagnostic("as_good_as_the_mean", percent=percent, fixes=fixes))
    elif of_pca is not None and _compares_with_pca(context) and not error < of_pca.value:
        percent, percent_of_pca = 100 * error / variance, 100 * of_pca.value / variance
        diagnostics.append(
            diagnostic(
                "worse_than_pca", percent=percent, percent_of_pca=percent_of_pca, fixes=fixes
            )
        )
    if times > TIMES_TRAINING:
        diagnostics.append(diagnostic("by_heart", times=min(times, MOST_TIMES)))
    return diagnostics


def _compares_with_pca(context: EvaluationContext) -> bool:
    """Return whether the model is linear like PCA, and PCA cannot overfit the samples."""
    model, X_train = context.model, context.X_train
    n_components = model.n_components_
    enough = X_train is not None and len(X_train) >= 2 * n_components
    return enough and n_components < model.n_features_in_ and model._compares_with_pca


def _times_training(context: EvaluationContext, error: float, unit: Rows | float) -> float:
    """Return the error over that of evenly spaced training samples; 0 if there are no others."""
    model, X, y = context.model, context.X_train, context.y_train
    if X is None or context.is_training_data or (y is None and is_conditional(model)):
        return 0.0
    subset = slice(None, None, -(-len(X) // SOME_ROWS))
    reconstructions = model.reconstruct(X[subset], None if y is None else y[subset])
    of_training = float(mean_squared_errors(X[subset] / unit, reconstructions / unit).mean())
    return error / of_training if of_training > 0 else math.inf


def _fixes(context: EvaluationContext, *, overfits: bool) -> list[str]:
    """Return the settings to try first, as Python arguments."""
    model = context.model
    if model._first_to_try is not None:
        return [model._first_to_try]
    if overfits:
        return [f"n_components<{model.n_components_}", "recipe__weight_decay=1"]
    n_epochs, recipe = len(model.history_), model.recipe_
    if context.X_train is not None:
        steps = recipe.steps_per_epoch(len(context.X_train))
        if n_epochs * steps < FEW_STEPS:
            return [f"max_epochs={math.ceil(FEW_STEPS / steps)}"]
    return [f"max_epochs={2 * n_epochs}", f"recipe__learning_rate={recipe.learning_rate / 3:.1g}"]
