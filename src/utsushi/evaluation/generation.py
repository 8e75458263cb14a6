"""The quality of generated samples, compared with real ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.seeds import Purpose, numpy_generator, seed_from
from utsushi._utils.validation import check_finite
from utsushi.evaluation.estimate import Estimate
from utsushi.evaluation.extractor import Extractor, choose_extractor, extract, name_of
from utsushi.evaluation.two_samples import (
    frechet_distance,
    jackknife_error,
    kernel_distance,
    memorization,
    precision_recall,
)
from utsushi.exceptions import DataError

__all__ = [
    "FEWEST_TO_COMPARE",
    "evaluate_generation",
    "frechet_distance",
    "kernel_distance",
    "memorization",
    "precision_recall",
]

#: The fewest generated or real samples to compare.
FEWEST_TO_COMPARE = 20

Rows = NDArray[np.floating[Any]]


def evaluate_generation(
    generated: Rows,
    reference: Rows,
    train: Rows | None = None,
    *,
    extractor: Extractor | None = None,
    image_shape: tuple[int, ...] | None = None,
    random_state: int | np.random.RandomState | None = 0,
) -> dict[str, Any]:
    """Compare generated samples with real ones that the model has not seen.

    Parameters
    ----------
    generated : ndarray of shape (n, D), n >= 20
        Samples from a model, ideally as many as there are real ones.
    reference : ndarray of shape (m, D), m >= 20
        Held-out real samples.
    train : ndarray of shape (k, D), k >= 20, optional
        All training samples. With them, each metric is reported next to its reachable floor, and
        memorized training samples are counted.
    extractor : callable, optional
        Maps samples (b, D) to features (b, F). The default is the bundled digit classifier, for
        28x28 images of one channel in [0, 1].
    image_shape : (H, W) or (C, H, W), optional
        The shape of an image before flattening; None assumes 28x28 for 784 columns.
    random_state : int, RandomState or None, default=0
        Seed of the subsets, of the groups of the jackknife and of the samples of the floor.

    Returns
    -------
    dict
        Ready for JSON; every metric is an `Estimate` as a dict, computed from features:
        ``frechet_distance``, ``kernel_distance``, ``precision`` and ``recall``; with ``train`` also
        the result of `memorization`, and the four metrics under the prefix ``real_``, where n
        training samples (or all, if there are fewer) replace the generated ones: the floor that a
        model reaches without memorization. ``n_generated``, ``n_reference``, ``seed``, the name of
        the ``extractor`` and a ``note`` on what the metrics can be compared with.

    Raises
    ------
    DataError
        If samples are too few, not finite, or have different numbers of features.
    SettingError
        If no extractor fits the samples, or the one passed does not return features.

    Examples
    --------
    >>> rows = np.random.default_rng(0).random((120, 3))
    >>> figures = evaluate_generation(rows[:40], rows[40:80], rows[80:], extractor=np.tanh)
    >>> 0 <= figures["precision"]["value"] <= 1
    True
    >>> figures["extractor"]
    'tanh'
    """
    _check_rows(generated, reference, train)
    seed = seed_from(random_state)
    extractor = choose_extractor(extractor, image_shape, reference)
    generated_features, real_features = extract(extractor, generated), extract(extractor, reference)
    figures = compare(generated_features, real_features, seed)
    if train is not None:
        train_features = extract(extractor, train)
        chosen = numpy_generator(seed, Purpose.SPLIT).permutation(len(train_features))[
            : len(generated_features)
        ]
        real_figures = compare(train_features[np.sort(chosen)], real_features, seed)
        figures |= {f"real_{name}": figure for name, figure in real_figures.items()}
        figures |= memorization(
            generated_features, real_features, train_features, random_state=seed
        )
    return {name: figure.to_json() for name, figure in figures.items()} | {
        "n_generated": len(generated_features),
        "n_reference": len(real_features),
        "seed": seed,
        "extractor": name_of(extractor),
        "note": (
            f"Metrics of features of {name_of(extractor)}. Compare them only between models with "
            "the same features and the same numbers of samples; they are not comparable with "
            "distances of Inception features (FID, KID)."
        ),
    }


def compare(generated: Rows, real: Rows, seed: int) -> dict[str, Estimate]:
    """Return the four metrics of generated features compared with real ones."""
    precision, recall = precision_recall(generated, real)
    return {
        "frechet_distance": Estimate(
            frechet_distance(generated, real),
            jackknife_error(frechet_distance, generated, real, random_state=seed),
            len(generated),
        ),
        "kernel_distance": kernel_distance(generated, real, random_state=seed),
        "precision": precision,
        "recall": recall,
    }


def _check_rows(generated: Rows, reference: Rows, train: Rows | None) -> None:
    """Raise an error for samples that cannot be compared."""
    for what, rows in (("generated", generated), ("real", reference), ("training", train)):
        if rows is None:
            continue
        if rows.ndim != 2 or len(rows) < FEWEST_TO_COMPARE:
            raise DataError(
                f"the {what} samples must have the shape (n, D) with n at least "
                f"{FEWEST_TO_COMPARE}, got {rows.shape}."
            )
        if rows.shape[1] != reference.shape[1]:
            raise DataError(
                f"the {what} samples must have {reference.shape[1]} features, as the real samples "
                f"have, got {rows.shape[1]}."
            )
        check_finite(rows, what=f"the {what} data")
