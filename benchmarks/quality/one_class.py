"""One-class digits: how well a detector that knows one digit tells all others from it.

    python benchmarks/quality/one_class.py [--seeds 0 1 2]     the test, about ten minutes
    python benchmarks/quality/one_class.py --choose            how the setting was chosen, before it

For each of the digits 0, 1, 4 and 8 a detector is trained on the bundled data's training rows of
that digit alone, and ranks all 4,000 test rows, of which that digit's are normal and the rest
anomalies. The figure of merit is the ROC-AUC, averaged over the four digits. PCA's error, the
distance to the fifth neighbour and an isolation forest stand beside it in the same run.

No choice looks at a test row. ``--choose`` makes pseudo-tasks of the training rows: a detector is
trained on four fifths of a digit's rows and ranks the last fifth among 2,000 training rows of other
digits, which serve for this alone; the pair of a model and a score with the best mean over the four
digits, seed 0, is the one setting for all digits. Results are written to ``results/`` beside this
script.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from common import write
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.frozen import FrozenEstimator
from sklearn.neighbors import NearestNeighbors

from utsushi import (
    AnomalyDetector,
    Autoencoder,
    DenoisingAutoencoder,
    VariationalAutoencoder,
    datasets,
)
from utsushi.evaluation import evaluate_scores, roc_auc
from utsushi.networks import Conv

Rows = NDArray[np.float32]
Scorer = Callable[[Rows], NDArray[np.float64]]

DIGITS = (0, 1, 4, 8)
DATA = datasets.load_mnist20k()

#: Shifted, turned and scaled copies of each training row that are added to it.
COPIES = 4
LARGEST_TURN, LARGEST_SCALE, LARGEST_SHIFT = 7.5, 0.05, 0.5  # degrees, part, pixels

DEEP: dict[str, Any] = {"hidden": (500, 250)}
CONV: dict[str, Any] = {
    "network": Conv(channels=(16, 32)),
    "hidden": (256,),
    "image_shape": (28, 28),
}

#: The models to choose from: a class, its parameters, and the copies of each row.
MODELS: dict[str, tuple[type, dict[str, Any], int]] = {
    "ae-10": (Autoencoder, {"n_components": 10, "hidden": (500,)}, 0),
    "dae-16": (
        DenoisingAutoencoder,
        {"n_components": 16, "corruption": "gaussian", "corruption_level": 0.5, "hidden": (500,)},
        0,
    ),
    "vae-16": (VariationalAutoencoder, {"n_components": 16, **DEEP}, 0),
    "vae-16-copies": (
        VariationalAutoencoder,
        {"n_components": 16, "max_epochs": 20, **DEEP},
        COPIES,
    ),
    "vae-24-copies": (
        VariationalAutoencoder,
        {"n_components": 24, "max_epochs": 20, **DEEP},
        COPIES,
    ),
    "conv-vae-16-copies": (
        VariationalAutoencoder,
        {"n_components": 16, "max_epochs": 15, **CONV},
        COPIES,
    ),
}

#: The scores to choose from.
SCORINGS: tuple[str | tuple[str, ...], ...] = (
    "auto",
    "relative-error",
    "combined",
    ("relative-error", "mahalanobis"),
    ("relative-error", "code-density"),
)

#: What ``--choose`` chose.
CHOSEN = ("vae-16-copies", ("relative-error", "code-density"))


def with_copies(X: Rows, n_copies: int, seed: int) -> Rows:
    """Return rows and copies of them, each turned, scaled and shifted a little."""
    rng = np.random.default_rng(seed)
    centre = np.array([13.5, 13.5])
    rows = [X]
    for _ in range(n_copies):
        copies = np.empty_like(X)
        for index, row in enumerate(X):
            turn = math.radians(rng.uniform(-LARGEST_TURN, LARGEST_TURN))
            scale = 1 + rng.uniform(-LARGEST_SCALE, LARGEST_SCALE)
            shift = rng.uniform(-LARGEST_SHIFT, LARGEST_SHIFT, 2)
            cos, sin = math.cos(turn) / scale, math.sin(turn) / scale
            back = np.array([[cos, -sin], [sin, cos]])
            offset = centre - back @ (centre + shift)
            moved = ndimage.affine_transform(row.reshape(28, 28), back, offset, order=1)
            copies[index] = moved.ravel()
        rows.append(copies)
    return np.concatenate(rows)


def fitted(name: str, X: Rows, seed: int) -> tuple[Any, Rows]:
    """Return a fitted model, and the rows that it was fitted to."""
    kind, parameters, n_copies = MODELS[name]
    rows = with_copies(X, n_copies, seed) if n_copies else X
    return kind(**parameters, random_state=seed).fit(rows), rows


def detector_of(model: Any, rows: Rows, scoring: str | tuple[str, ...]) -> AnomalyDetector:
    """Return a detector around a fitted model."""
    return AnomalyDetector(FrozenEstimator(model), scoring=scoring).fit(rows)


# --- the choice ---------------------------------------------------------------------------------


def pseudo_task(digit: int, seed: int) -> tuple[Rows, Rows, Rows]:
    """Return training rows only: those to fit to, normal ones to rank, and anomalies."""
    rng = np.random.default_rng([seed, digit])
    same, other = (DATA.X_train[which] for which in (DATA.y_train == digit, DATA.y_train != digit))
    same, other = rng.permutation(same), rng.permutation(other)[:2000]
    n_held_out = len(same) // 5
    return same[n_held_out:], same[:n_held_out], other


def choose(seed: int = 0) -> None:
    """Print and write the validation ROC-AUC of every model with every score."""
    table: list[dict[str, Any]] = []
    for name in MODELS:
        areas: dict[str, list[float]] = {
            " + ".join([s] if isinstance(s, str) else s): [] for s in SCORINGS
        }
        for digit in DIGITS:
            X, normal, anomalies = pseudo_task(digit, seed)
            model, rows = fitted(name, X, seed)
            for label, scoring in zip(areas, SCORINGS, strict=True):
                score = detector_of(model, rows, scoring).score_samples
                areas[label].append(roc_auc(score(normal), score(anomalies)).value)
        for label, values in areas.items():
            table.append(
                {"model": name, "scoring": label, "digits": values, "mean": np.mean(values)}
            )
            shown = "  ".join(f"{value:.4f}" for value in values)
            print(f"{name:20} {label:34} {np.mean(values):.4f}   {shown}", flush=True)
    best = max(table, key=lambda row: row["mean"])
    print(f"best: {best['model']}, {best['scoring']}")
    write("one_class_choice.json", {"seed": seed, "digits": DIGITS, "validation": table})


# --- the test -----------------------------------------------------------------------------------


def utsushi_scores(X: Rows, seed: int) -> Scorer:
    """Return the chosen detector's scores."""
    model, rows = fitted(CHOSEN[0], X, seed)
    return detector_of(model, rows, CHOSEN[1]).score_samples


def pca_scores(X: Rows, seed: int) -> Scorer:
    """Return minus the squared error of 30 principal components."""
    pca = PCA(30, svd_solver="full").fit(X)
    return lambda rows: -np.square(rows - pca.inverse_transform(pca.transform(rows))).sum(axis=1)


def neighbour_scores(X: Rows, seed: int) -> Scorer:
    """Return minus the distance to the fifth neighbour."""
    neighbours = NearestNeighbors(n_neighbors=5).fit(X)
    return lambda rows: -neighbours.kneighbors(rows)[0][:, -1]


def forest_scores(X: Rows, seed: int) -> Scorer:
    """Return an isolation forest's scores."""
    return IsolationForest(random_state=seed).fit(X).score_samples


METHODS: dict[str, Callable[[Rows, int], Scorer]] = {
    "utsushi": utsushi_scores,
    "PCA-30 error": pca_scores,
    "5th neighbour": neighbour_scores,
    "isolation forest": forest_scores,
}


def measure(seeds: list[int]) -> None:
    """Train and test all methods, print a table, write every run."""
    runs: list[dict[str, Any]] = []
    for seed in seeds:
        for method, prepare in METHODS.items():
            for digit in DIGITS:
                score = prepare(DATA.X_train[DATA.y_train == digit], seed)
                normal = DATA.y_test == digit
                results = evaluate_scores(score(DATA.X_test[normal]), score(DATA.X_test[~normal]))
                runs.append({"method": method, "seed": seed, "digit": digit, **results})
    print(f"{'ROC-AUC':16}  {'mean ± sd':15}  " + "  ".join(f"digit {d}" for d in DIGITS))
    summary = {}
    for method in METHODS:
        areas = np.array(
            [
                [r["roc_auc"]["value"] for r in runs if (r["method"], r["seed"]) == (method, seed)]
                for seed in seeds
            ]
        )
        means = areas.mean(axis=1)
        spread = float(means.std(ddof=1)) if len(seeds) > 1 else None
        summary[method] = {"mean": float(means.mean()), "sd": spread, "seeds": len(seeds)}
        digits = "   ".join(f"{area:.4f}" for area in areas.mean(axis=0))
        shown = "" if spread is None else f" ± {spread:.4f}"
        print(f"{method:16}  {f'{means.mean():.4f}{shown}':15}  {digits}")
    _, parameters, n_copies = MODELS[CHOSEN[0]]
    settings = {"model": CHOSEN[0], "scoring": CHOSEN[1], "copies": n_copies, **parameters}
    write("one_class.json", {"settings": settings, "summary": summary, "runs": runs})


def main() -> None:
    """Choose, or measure what was chosen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--choose", action="store_true")
    arguments = parser.parse_args()
    if arguments.choose:
        choose()
    else:
        measure(arguments.seeds)


if __name__ == "__main__":
    main()
