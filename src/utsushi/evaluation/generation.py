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
        Rows that a model drew; best as many as there are real ones.
    reference : ndarray of shape (m, D), m >= 20
        Held-out real rows.
    train : ndarray of shape (k, D), k >= 20, optional
        The training rows, all of them. With them the floor stands beside each figure, and the
        copies of training rows are counted.
    extractor : callable, optional
        Turns rows (b, D) into features (b, F). The default is the classifier of digits that ships
        with the package, for 28x28 images of one channel in [0, 1].
    image_shape : (H, W) or (C, H, W), optional
        What a row was flattened from; None takes rows of 784 columns for 28x28 images.
    random_state : int, RandomState or None, default=0
        Decides the subsets, the groups of the jackknife and the rows of the floor.

    Returns
    -------
    dict
        Ready for JSON; every figure is an `Estimate` as a dict, taken between features:
        ``frechet_distance``, ``kernel_distance``, ``precision`` and ``recall``, and the same with
        ``real_`` before it, of n training rows in the place of the generated ones (all of them
        where there are fewer): no honest model does better but by chance. With ``train`` also what
        `memorization` gives. ``n_generated``, ``n_reference``, ``seed``, the name of the
        ``extractor`` and a ``note`` on what the figures can be compared with.

    Raises
    ------
    DataError
        If rows are too few, not finite, or of different columns.
    SettingError
        If no extractor fits the rows, or the given one does not return features.

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
    made, real = extract(extractor, generated), extract(extractor, reference)
    figures = compare(made, real, seed)
    if train is not None:
        known = extract(extractor, train)
        chosen = numpy_generator(seed, Purpose.SPLIT).permutation(len(known))[: len(made)]
        floor = compare(known[np.sort(chosen)], real, seed)
        figures |= {f"real_{name}": figure for name, figure in floor.items()}
        figures |= memorization(made, real, known, random_state=seed)
    return {name: figure.to_json() for name, figure in figures.items()} | {
        "n_generated": len(made),
        "n_reference": len(real),
        "seed": seed,
        "extractor": name_of(extractor),
        "note": (
            f"Figures between features of {name_of(extractor)}. They compare models under these "
            "features and these row counts only, and are not comparable with distances between "
            "Inception features (the FID and KID of the literature)."
        ),
    }


def compare(made: Rows, real: Rows, seed: int) -> dict[str, Estimate]:
    """Return the four metrics of one set of features against another."""
    precision, recall = precision_recall(made, real)
    return {
        "frechet_distance": Estimate(
            frechet_distance(made, real),
            jackknife_error(frechet_distance, made, real, random_state=seed),
            len(made),
        ),
        "kernel_distance": kernel_distance(made, real, random_state=seed),
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
