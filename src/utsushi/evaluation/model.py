"""All that is measured of one model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from utsushi._utils.seeds import seed_from
from utsushi.estimators import BaseAutoencoder
from utsushi.evaluation.estimate import Estimate
from utsushi.evaluation.extractor import Extractor
from utsushi.evaluation.groups import GROUPS, USUAL, has_lecture_loss, loss_from_scores
from utsushi.evaluation.subject import Subject
from utsushi.exceptions import DataError, SettingError

__all__ = ["evaluate", "lecture_loss"]

Rows = NDArray[np.floating[Any]]


def evaluate(
    model: BaseAutoencoder,
    X: Rows,
    X_train: Rows | None = None,
    *,
    y: ArrayLike | None = None,
    y_train: ArrayLike | None = None,
    groups: Iterable[str] | None = None,
    n_importance_samples: Iterable[int] = (),
    extractor: Extractor | None = None,
    anomalies: Rows | None = None,
    similarity: bool = True,
    random_state: int | np.random.RandomState | None = 0,
) -> dict[str, dict[str, Any]]:
    """Measure a fitted model on rows, and PCA of the same size beside it.

    Parameters
    ----------
    model : fitted autoencoder
    X : ndarray of shape (n, D)
        Rows to measure on, best ones that the model has not seen.
    X_train : ndarray of shape (m, D), optional
        The training rows; with them PCA of the same size stands beside the model.
    y, y_train : array-like of shape (n,) and (m,), optional
        Classes of the rows; with them the code is asked for the classes.
    groups : iterable of str, optional
        What to measure: some of ``"reconstruction"``, ``"columns"``, ``"likelihood"``,
        ``"collapse"``, ``"features"``, ``"generation"`` and ``"anomalies"``; all but
        ``"generation"`` when left out.
    n_importance_samples : iterable of int, default=()
        The numbers K of codes a row of importance-weighted bounds, such as ``(100, 5000)``: time
        grows with them, memory does not.
    extractor : callable, optional
        For ``"generation"``, see `evaluate_generation`.
    anomalies : ndarray of shape (k, D), optional
        Rows that are known to be none of ``X``'s kind: how the score tells them apart.
    similarity : bool, default=True
        Take SSIM of images. It takes longer than the other figures of the reconstruction.
    random_state : int, RandomState or None, default=0
        Decides the rows that are taken where all would take too long, and the draws of the groups
        ``"collapse"`` and ``"features"``. Scores draw by the model's own seed.

    Returns
    -------
    dict of str to dict
        Ready for JSON: by group and by name. A figure is a dict of its ``value``,
        ``standard_error`` (None where there is no honest one), ``n_rows``, ``seed`` (None where
        nothing was drawn) and, in ``pca``, the same of PCA (or None). What is certain is a plain
        number. ``remarks`` says in sentences what to know of a group, and what to do. A group that
        the model or the rows have nothing for is left out. Of rows with many features, figures
        that take long are measured on some rows; ``n_rows`` says on how many:
        ``bound`` and what follows from it on rows of 2^24 values together, ``ssim``,
        ``importance_bound_K`` and generation on rows of 2^22, and no figure on fewer than 100.

        - reconstruction: of a table, a model with ``columns_``, ``standardized_mse``, in standard
          deviations of the columns; of all else ``mse`` (over rows and features),
          ``squared_error`` (of a row: summed over its features), ``psnr`` (decibels), ``ssim``
          (images, with torchmetrics; at most 1,000); for an autoencoder ``lecture_loss``; remarks
          where the error is no smaller than PCA's, no smaller than 95 % of the variance, or more
          than three times that of training rows;
        - columns, of a table: under ``errors`` a figure for each column, the squared error over the
          variance for numbers and dates, the share of wrong values for the others;
        - likelihood, variational: ``bound`` (nats a row) beside probabilistic PCA's log density;
          ``importance_bound_K`` for each K, ``exact`` where the evidence is known,
          ``bits_per_dimension`` of the tightest; ``lecture_loss`` where the likelihood is the
          lecture's;
        - collapse, variational: ``kl`` (nats a row), ``kl_per_component``, ``dead_components``
          (under 0.1 nats), ``active_units``, ``mutual_information``, ``aggregate_divergence``
          and ``aggregate_divergence_at_least``, and advice among the remarks;
        - features: ``trustworthiness``; with classes ``linear_probe``, ``neighbours``,
          ``adjusted_rand_index`` and ``normalized_mutual_information``;
        - generation: what `evaluate_generation` gives, of as many generated rows as real ones;
        - anomalies: what `evaluate_scores` gives, beside PCA's squared error.

    Raises
    ------
    DataError
        If the labels are not as many as their rows.
    SettingError
        If a group is unknown.

    Examples
    --------
    >>> from utsushi import Autoencoder
    >>> X = np.random.default_rng(0).random((50, 4))
    >>> model = Autoencoder(n_components=2, hidden=(8,), random_state=0).fit(X)
    >>> results = evaluate(model, X, X)
    >>> sorted(results)
    ['features', 'reconstruction']
    >>> figure = results["reconstruction"]["mse"]
    >>> figure["n_rows"], sorted(figure)
    (50, ['n_rows', 'pca', 'seed', 'standard_error', 'value'])
    """
    names = list(USUAL if groups is None else groups)
    for name in names:
        if name not in GROUPS:
            raise SettingError(f"groups has {name!r}, expected some of {', '.join(GROUPS)}")
    subject = Subject(
        model,
        X,
        X_train,
        _labels(y, X, "y"),
        None if X_train is None else _labels(y_train, X_train, "y_train"),
        seed_from(random_state),
        tuple(n_importance_samples),
        extractor,
        anomalies,
        similarity,
    )
    found = {name: GROUPS[name](subject) for name in names}
    return {name: group for name, group in found.items() if group}


def lecture_loss(model: BaseAutoencoder, X: Rows) -> Estimate:
    r"""The number that the lecture prints: the loss of a row, divided by its D features.

    For an autoencoder :math:`\frac1D \Vert x - \hat x \Vert^2`; for a variational one with the
    unit-Gaussian likelihood :math:`\frac1D E(x) = -\frac2D \mathrm{ELBO}(x) - \log 2\pi`, here over
    16 codes a row and not one. Both in scaled units.

    Parameters
    ----------
    model : fitted autoencoder
    X : ndarray of shape (n, D)

    Returns
    -------
    Estimate

    Raises
    ------
    SettingError
        If the model's likelihood is not the lecture's.

    Examples
    --------
    >>> from utsushi import Autoencoder
    >>> X = np.random.default_rng(0).random((50, 4))
    >>> model = Autoencoder(n_components=2, hidden=(8,), random_state=0).fit(X)
    >>> 0 < lecture_loss(model, X).value < 0.1
    True
    """
    if not has_lecture_loss(model):
        raise SettingError(
            f"{model!r} has no lecture's loss, expected an Autoencoder or "
            "likelihood='unit-gaussian'; look at its score instead"
        )
    return loss_from_scores(model, model.score_samples(X))


def _labels(y: ArrayLike | None, X: Rows, name: str) -> NDArray[Any] | None:
    """Return labels as an array, one a row."""
    if y is None:
        return None
    labels = np.asarray(y)
    if labels.shape != (len(X),):
        raise DataError(
            f"{name} has shape {labels.shape}, expected ({len(X)},); give one label a row"
        )
    return labels
