"""Compare a fitted model with the mean and with PCA, so that `fit` can warn of a poor fit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.training import Recipe

__all__ = ["Fit", "pca_error", "troubles"]

#: At most so many training samples are reconstructed, and PCA is fitted to as many others.
SOME_ROWS = 500

#: From this share of the variance on, a reconstruction counts as no better than the mean.
AS_GOOD_AS_THE_MEAN = 0.95

#: Up to this variance the samples differ by rounding alone, and there is nothing to learn.
ROUNDING = 1e-12

#: The share of its decrease by which the objective may rise again in a stable training.
LOST = 0.25

#: The share of PCA's error below which a model probably overfits, the number of samples up to
#: which that is checked, and the ratio of held-out to training error above which it overfits.
BY_HEART, FEW_ROWS, TIMES_TRAINING = 0.02, 1000, 3.0

#: With fewer steps of the optimizer, more steps are the first advice.
FEW_STEPS = 400

Rows = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Fit:
    """The figures of a finished training that `troubles` compares.

    Attributes
    ----------
    error : float
        Mean squared error of training samples, summed over the features, in scaled units.
    variance : float
        The same of the mean sample.
    pca : float or None
        The same of PCA with as many components, fitted to other training samples; None where the
        comparison would not be fair.
    n_components : int
    n_rows : int
        The number of training samples.
    history : list of dict
        ``history_`` of the estimator.
    recipe : Recipe
    rises : bool
        Whether the objective may rise while a model learns, as with weights that grow.
    is_standardized : bool
        Whether the columns have equal weights already.
    fix : str or None
        The setting to try first, such as ``"likelihood='gaussian'"``.
    """

    error: float
    variance: float
    pca: float | None
    n_components: int
    n_rows: int
    history: Sequence[dict[str, Any]]
    recipe: Recipe
    rises: bool = False
    is_standardized: bool = False
    fix: str | None = None

    @property
    def n_steps(self) -> int:
        """The number of steps of the optimizer."""
        return len(self.history) * self.recipe.steps_per_epoch(self.n_rows)


def troubles(fit: Fit) -> list[str]:
    """Return the warnings of a poor fit, each with figures and advice.

    Examples
    --------
    >>> lecture = Recipe("lecture").completed({})
    >>> history = [{"objective": 9.0}, {"objective": 8.0}]
    >>> fit = Fit(8.0, 9.0, 3.0, n_components=2, n_rows=90, history=history, recipe=lecture)
    >>> print(*troubles(fit))
    the model leaves 88.9 % of the variance ... It made only 2 steps. Try max_epochs=400.
    """
    if not fit.variance > ROUNDING:
        return []
    lost = None if fit.rises else _lost(fit)
    messages = []
    left = f"the model leaves {_percent(fit.error / fit.variance)} of the variance of its training"
    of_pca = ""
    if fit.pca is not None:
        of_pca = f"PCA with {fit.n_components} components leaves {_percent(fit.pca / fit.variance)}"
    if not fit.error < AS_GOOD_AS_THE_MEAN * fit.variance:
        messages.append(
            f"{left} samples and has learned nothing"
            + (f", while {of_pca}" if of_pca else "")
            + f". {_advice(fit, lost)}"
        )
    elif fit.pca is not None and fit.error > fit.pca:
        messages.append(f"{left} samples, and {of_pca}. {_advice(fit, lost)}")
    elif lost is not None:
        messages.append(f"the training was unstable: {lost}. Try {_lower_rate(fit)}.")
    return messages + _by_heart(fit)


def _percent(part: float) -> str:
    return f"{100 * part:.3g} %"


def _lost(fit: Fit) -> str | None:
    """Return how far the objective rose again, if by a large share of its decrease."""
    objectives = [row["objective"] for row in fit.history]
    best = int(np.argmin(objectives))
    last, least, first = objectives[-1], objectives[best], objectives[0]
    if not last - least > LOST * max(first - least, 0) or math.isclose(last, least, rel_tol=1e-3):
        return None
    return f"its objective was {least:.4g} in epoch {best + 1} and {last:.4g} at the end"


def _lower_rate(fit: Fit) -> str:
    rate = fit.recipe.learning_rate
    lower = f"recipe__learning_rate={rate / 3:.1g} in place of {rate:.3g}"
    return lower if fit.is_standardized else f"{lower}, or scaling='standard'"


def _advice(fit: Fit, lost: str | None) -> str:
    """Return what usually helps."""
    if fit.fix is not None:
        return f"Try {fit.fix}."
    if lost is not None:
        return f"The training was unstable: {lost}. Try {_lower_rate(fit)}."
    if fit.n_steps < FEW_STEPS:
        epochs = math.ceil(FEW_STEPS / fit.recipe.steps_per_epoch(fit.n_rows))
        return f"It made only {fit.n_steps} steps. Try max_epochs={epochs}."
    return f"Try max_epochs={2 * len(fit.history)}, or {_lower_rate(fit)}."


def _by_heart(fit: Fit) -> list[str]:
    """Return a warning if held-out samples or a very small training error show overfitting."""
    last = fit.history[-1]
    training, held_out = last.get("reconstruction"), last.get("validation_reconstruction")
    advice = (
        "train on more samples, or try fewer components, a narrower network or "
        "recipe__weight_decay=1."
    )
    if held_out is not None:
        if training is None or not 0 < TIMES_TRAINING * training < held_out:
            return []
        return [
            "the model overfits: the error of held-out samples is at least "
            f"{min(held_out / training, 1000):.3g} times that of the training samples. To reduce "
            f"it, {advice}"
        ]
    if fit.pca is None or fit.n_rows > FEW_ROWS or not fit.error < BY_HEART * fit.pca:
        return []
    return [
        f"the model may overfit: it leaves {_percent(fit.error / fit.variance)} of the variance of "
        f"{fit.n_rows} training samples. Hold some out with recipe__validation_fraction=0.2 to "
        f"check. If it overfits, {advice}"
    ]


def pca_error(rows: Rows, reference: Rows, n_components: int) -> float | None:
    """Return the mean squared error of samples under PCA that is fitted to other samples.

    Parameters
    ----------
    rows : ndarray of shape (n, D)
    reference : ndarray of shape (m, D)
        The samples that PCA is fitted to.
    n_components : int

    Returns
    -------
    float or None
        Summed over the features. None where there are fewer than two other samples for each
        component, or at least as many components as features.

    Examples
    --------
    >>> line = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    >>> error = pca_error(line + [0.0, 0.2], line, n_components=1)
    >>> print(f"{error:.2f}")  # half of the square of 0.2 lies across the line
    0.02
    """
    n, n_features = reference.shape
    if n_components >= n_features or n < 2 * n_components:
        return None
    mean = reference.mean(axis=0)
    centred = reference - mean
    if n < n_features:
        variances, weights = np.linalg.eigh(centred @ centred.T)
        weights = weights[:, -n_components:]
        lengths = np.sqrt(np.maximum(variances[-n_components:], np.finfo(np.float32).tiny))
        directions = centred.T @ weights / lengths
    else:
        directions = np.linalg.eigh(centred.T @ centred)[1][:, -n_components:]
    residuals = rows - mean
    residuals = residuals - residuals @ directions @ directions.T
    return float(np.square(residuals).sum(axis=1).mean())
