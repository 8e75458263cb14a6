"""Scores of samples by what was not learned from them: held-out parts, and cross-fitting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone

from utsushi._utils.lazy_rows import AnyRows, row_blocks
from utsushi._utils.seeds import Purpose, numpy_generator
from utsushi.estimators.anomaly_scores import RowScore
from utsushi.estimators.neighbors import row_keys
from utsushi.estimators.rows import Labelled, Rows, n_to_hold_out
from utsushi.exceptions import SettingError

__all__ = ["cross_fitted", "split_for_rate"]

Places = NDArray[np.intp]

#: An autoencoder is fitted to each half of the rows to score the other half.
N_FOLDS = 2


def split_for_rate(
    rate: float, n_rows: int, *, share: float | None, n_parts: int, seed: int
) -> tuple[Places, Places, Places]:
    """Return the places of the rows to learn from, to calibrate on, and to decide by.

    What decides must be as new to all that was learned as the rows to come will be.

    Parameters
    ----------
    rate : float in (0, 1)
        The false-positive rate to hold.
    n_rows : int
    share : float in (0, 1), optional
        Of the rows to hold out. None holds all out, where nothing is to be learned.
    n_parts : int
        Of the score; several are calibrated on one half of the held-out rows.
    seed : int

    Raises
    ------
    SettingError
        If too few rows can be held out.
    """
    held_share = 1.0 if share is None else share
    n_held_out = n_to_hold_out(n_rows, held_share)
    jobs = 1 if n_parts == 1 else 2
    n_deciding = n_held_out // jobs
    needed = math.ceil(1 / rate - 1e-9) - 1
    if n_deciding < needed:
        raise SettingError(
            f"max_false_positive_rate={rate} needs {needed} held-out rows for the threshold, but "
            f"of {n_rows} rows {n_deciding} can be held out for it; give "
            f"{math.ceil(jobs * needed / held_share)} rows or more, or a larger rate"
            + ("" if share is None else " or holdout_fraction")
        )
    order = numpy_generator(seed, Purpose.SPLIT, 1).permutation(n_rows)
    held_out, others = order[:n_held_out], np.sort(order[n_held_out:])
    return others, held_out[n_deciding:], held_out[:n_deciding]


def cross_fitted(
    score: RowScore, unfitted: BaseEstimator, rows: Rows
) -> NDArray[np.float64] | None:
    """Return each part's score of each row by an autoencoder that has not seen the row.

    Parameters
    ----------
    score : RowScore
    unfitted : estimator
        The autoencoder to clone and fit.
    rows : ndarray of shape (n, D)

    Returns
    -------
    ndarray of shape (n, parts), or None where too few rows are left to train an autoencoder
    """
    # Equal rows are in one fold, or the autoencoder would know each by the other.
    fold = np.unique(row_keys(rows), return_inverse=True)[1] % N_FOLDS
    by_part = np.empty((len(rows), len(score.parts)))
    for number in range(N_FOLDS):
        to_learn, to_score = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        learned: Any = Labelled(rows, None).only(to_learn).rows
        if len(to_score) == 0 or len(to_learn) < 2 or not _has_all_columns(learned):
            return None
        model: Any = clone(unfitted).fit(learned)
        part = RowScore.learn(score.parts, model, learned, learned, score.neighbors)
        scored = rows[to_score]
        by_part[to_score] = part.of_parts(model, scored, scored)
    return by_part


def _has_all_columns(rows: AnyRows) -> bool:
    """Tell whether every column of rows has a value."""
    seen = np.zeros(rows.shape[1], dtype=bool)
    for block in row_blocks(rows):
        seen |= ~np.isnan(block).all(axis=0)
    return bool(seen.all())
