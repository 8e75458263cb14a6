"""What a training came to, beside the mean and PCA: `fit` warns where it came to little."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.training import Recipe

__all__ = ["Fit", "pca_error", "troubles"]

#: At most so many training rows are reconstructed, and PCA is fitted to as many others.
SOME_ROWS = 500

#: The part of the variance from which on a reconstruction is as good as the mean.
AS_GOOD_AS_THE_MEAN = 0.95

#: A variance up to which the rows are the same but for rounding: nothing is to be learned.
ROUNDING = 1e-12

#: The part of what was learned that a training may lose again before it counts as unstable.
LOST = 0.25

#: The part of PCA's error on other rows under which so few rows were probably learned by heart,
#: and times the training error from which on the error of held-out rows says so.
BY_HEART, FEW_ROWS, TIMES_TRAINING = 0.02, 1000, 3.0

#: Fewer steps of the optimizer are few.
FEW_STEPS = 400

Rows = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Fit:
    """What is to be known of a training that is over.

    Attributes
    ----------
    error : float
        Mean squared error of training rows, summed over the features, in scaled units.
    variance : float
        The same of the mean row.
    pca : float or None
        The same of PCA with as many components, fitted to other training rows; None where it
        would be no fair comparison.
    n_components : int
    n_rows : int
        All training rows.
    history : list of dict
        ``history_`` of the estimator.
    recipe : Recipe
    rises : bool
        Whether the objective may rise while a model learns, as with weights that grow.
    fix : str or None
        A setting of the model that is the first to try, such as ``"likelihood='gaussian'"``.
    """

    error: float
    variance: float
    pca: float | None
    n_components: int
    n_rows: int
    history: Sequence[dict[str, Any]]
    recipe: Recipe
    rises: bool = False
    fix: str | None = None

    @property
    def n_steps(self) -> int:
        """The steps that were made."""
        return len(self.history) * self.recipe.steps_per_epoch(self.n_rows)


def troubles(fit: Fit) -> list[str]:
    """Return what is to be said of a training: a sentence each, with figures and advice.

    Examples
    --------
    >>> lecture = Recipe("lecture").completed({})
    >>> history = [{"objective": 9.0}, {"objective": 8.0}]
    >>> fit = Fit(8.0, 9.0, 3.0, n_components=2, n_rows=90, history=history, recipe=lecture)
    >>> print(*troubles(fit))
    the model leaves 88.9 % of the variance ... it made 2 steps, which are few: try max_epochs=400
    """
    if not fit.variance > ROUNDING:
        return []
    lost = None if fit.rises else _lost(fit)
    found = []
    left = f"the model leaves {_percent(fit.error / fit.variance)} of the variance of its training"
    of_pca = ""
    if fit.pca is not None:
        of_pca = f"PCA with {fit.n_components} components leaves {_percent(fit.pca / fit.variance)}"
    if not fit.error < AS_GOOD_AS_THE_MEAN * fit.variance:
        found.append(
            f"{left} rows and has learned nothing"
            + (f", where {of_pca}" if of_pca else "")
            + f"; {_advice(fit, lost)}"
        )
    elif fit.pca is not None and fit.error > fit.pca:
        found.append(f"{left} rows, and {of_pca}; {_advice(fit, lost)}")
    elif lost is not None:
        found.append(f"the training was unstable: {lost}; try {_lower_rate(fit)}")
    return found + _by_heart(fit)


def _percent(part: float) -> str:
    return f"{100 * part:.3g} %"


def _lost(fit: Fit) -> str | None:
    """Return how far the objective rose again, if a good part of what was learned was lost."""
    objectives = [row["objective"] for row in fit.history]
    best = int(np.argmin(objectives))
    last, least, first = objectives[-1], objectives[best], objectives[0]
    if not last - least > LOST * max(first - least, 0) or math.isclose(last, least, rel_tol=1e-3):
        return None
    return f"its objective was {least:.4g} in epoch {best + 1} and {last:.4g} at the end"


def _lower_rate(fit: Fit) -> str:
    rate = fit.recipe.learning_rate
    return f"recipe__learning_rate={rate / 3:.1g} in place of {rate:.3g}, or scaling='standard'"


def _advice(fit: Fit, lost: str | None) -> str:
    """Return what usually helps."""
    if fit.fix is not None:
        return f"try {fit.fix}"
    if lost is not None:
        return f"{lost}: the training was unstable; try {_lower_rate(fit)}"
    if fit.n_steps < FEW_STEPS:
        epochs = math.ceil(FEW_STEPS / fit.recipe.steps_per_epoch(fit.n_rows))
        return f"it made {fit.n_steps} steps, which are few: try max_epochs={epochs}"
    return f"try max_epochs={2 * len(fit.history)}, or {_lower_rate(fit)}"


def _by_heart(fit: Fit) -> list[str]:
    """Tell of rows that were learned by heart, as held-out rows or a tiny error say."""
    last = fit.history[-1]
    training, held_out = last.get("reconstruction"), last.get("validation_reconstruction")
    advice = "give more rows, or try fewer components, a narrower network or recipe__weight_decay=1"
    if held_out is not None:
        if training is None or not 0 < TIMES_TRAINING * training < held_out:
            return []
        return [
            "the model learned its rows by heart: the error of held-out rows is "
            f"{min(held_out / training, 1000):.3g} times that of the training rows, or more; "
            f"{advice}"
        ]
    if fit.pca is None or fit.n_rows > FEW_ROWS or not fit.error < BY_HEART * fit.pca:
        return []
    return [
        f"the model leaves {_percent(fit.error / fit.variance)} of the variance of "
        f"{fit.n_rows} training rows, and may have learned them by heart; hold some out to see, "
        f"with recipe__validation_fraction=0.2, and if so, {advice}"
    ]


def pca_error(rows: Rows, others: Rows, n_components: int) -> float | None:
    """Return the mean squared error of rows under PCA that was fitted to others.

    Parameters
    ----------
    rows : ndarray of shape (n, D)
    others : ndarray of shape (m, D)
    n_components : int

    Returns
    -------
    float or None
        Summed over the features. None where there are less than two other rows for each component,
        or no fewer components than features.

    Examples
    --------
    >>> line = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]])
    >>> error = pca_error(line + [0.0, 0.2], line, n_components=1)
    >>> print(f"{error:.2f}")  # half of the square of 0.2 lies across the line
    0.02
    """
    n, n_features = others.shape
    if n_components >= n_features or n < 2 * n_components:
        return None
    mean = others.mean(axis=0)
    centred = others - mean
    if n < n_features:
        variances, weights = np.linalg.eigh(centred @ centred.T)
        weights = weights[:, -n_components:]
        lengths = np.sqrt(np.maximum(variances[-n_components:], np.finfo(np.float32).tiny))
        directions = centred.T @ weights / lengths
    else:
        directions = np.linalg.eigh(centred.T @ centred)[1][:, -n_components:]
    rest = rows - mean
    rest = rest - rest @ directions @ directions.T
    return float(np.square(rest).sum(axis=1).mean())
