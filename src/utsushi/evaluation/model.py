"""All that is measured of one model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.estimators import Autoencoder, BaseAutoencoder, VariationalAutoencoder
from utsushi.evaluation.divergence import divergence_per_component
from utsushi.evaluation.estimate import Estimate
from utsushi.evaluation.reconstruction import pca_errors, reconstruction_error
from utsushi.exceptions import SettingError
from utsushi.likelihoods import LOG_2PI, UnitGaussian

__all__ = ["DEAD_BELOW", "evaluate", "lecture_loss"]

#: Nats below which a component carries nothing worth counting.
DEAD_BELOW = 0.1

Rows = NDArray[np.floating[Any]]


def evaluate(model: BaseAutoencoder, X: Rows, X_train: Rows | None = None) -> dict[str, Any]:
    """Measure a fitted model on rows.

    Parameters
    ----------
    model : fitted autoencoder
    X : ndarray of shape (n, D)
        Rows to measure on, best ones that the model has not seen.
    X_train : ndarray of shape (m, D), optional
        The training rows; with them PCA of the same size stands beside the model.

    Returns
    -------
    dict
        Ready for JSON; every figure is an `Estimate` as a dict. ``reconstruction_error`` and
        ``pca_reconstruction_error`` are mean squared errors in the input's units. An autoencoder
        has ``lecture_loss``. A variational one has ``bound`` (nats a row, in the input's units),
        ``kl`` (nats a row), ``kl_per_component`` (nats, floats), ``dead_components`` (their number
        under 0.1 nats), and ``lecture_loss`` where its likelihood is the lecture's.

    Examples
    --------
    >>> X = np.random.default_rng(0).random((50, 4))
    >>> model = Autoencoder(n_components=2, hidden=(8,), random_state=0).fit(X)
    >>> sorted(evaluate(model, X, X))
    ['lecture_loss', 'pca_reconstruction_error', 'reconstruction_error']
    """
    results: dict[str, Any] = {"reconstruction_error": reconstruction_error(model, X).to_json()}
    if X_train is not None:
        size = min(model.n_components, *X_train.shape)
        results["pca_reconstruction_error"] = pca_errors(X_train, X, [size])[size].to_json()
    scores = model.score_samples(X)
    if isinstance(model, VariationalAutoencoder):
        kl = divergence_per_component(model, X)
        results["bound"] = Estimate.over(scores).to_json()
        results["kl"] = Estimate.over(kl.sum(axis=1)).to_json()
        results["kl_per_component"] = kl.mean(axis=0).tolist()
        results["dead_components"] = int((kl.mean(axis=0) < DEAD_BELOW).sum())
    if _has_lecture_loss(model):
        results["lecture_loss"] = _loss_from_scores(model, scores).to_json()
    return results


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
    >>> X = np.random.default_rng(0).random((50, 4))
    >>> model = Autoencoder(n_components=2, hidden=(8,), random_state=0).fit(X)
    >>> 0 < lecture_loss(model, X).value < 0.1
    True
    """
    if not _has_lecture_loss(model):
        raise SettingError(
            f"{model!r} has no lecture's loss, expected an Autoencoder or "
            "likelihood='unit-gaussian'; look at its score instead"
        )
    return _loss_from_scores(model, model.score_samples(X))


def _has_lecture_loss(model: BaseAutoencoder) -> bool:
    if isinstance(model, VariationalAutoencoder):
        return isinstance(model.likelihood_, UnitGaussian)
    return isinstance(model, Autoencoder)


def _loss_from_scores(model: BaseAutoencoder, scores: Rows) -> Estimate:
    n_features = model.n_features_in_
    if not isinstance(model, VariationalAutoencoder):
        return Estimate.over(scores).scaled(-1 / n_features)
    # The score is a density in the input's units; the loss is one of scaled rows.
    scaled = Estimate.over(scores.astype(np.float64) + model.scaling_.log_volume)
    return scaled.scaled(-2 / n_features, -LOG_2PI)
