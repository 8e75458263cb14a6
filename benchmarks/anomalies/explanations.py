"""How often explanations name the column that is broken, on synthetic tables.

    python benchmarks/anomalies/explanations.py [--autoencoders]

Each table has 1,500 normal samples, and 400 others in each of which one column is broken: shifted
by 3 or 5 standard deviations, or replaced by the value of another sample, which only the other
columns tell. Counted are the samples that the detector calls outliers at a false-positive rate of
0.02; settings with fewer than 40 of them are left out. Compared are the contributions of
`explain`, the squared differences to the nearest samples (`anomaly_map`), and the distance from
the expected value in its standard deviations.

``--autoencoders`` does the same for the scores of autoencoders, of a third of the columns'
components, trained on 1,000 of the samples; at most 150 outliers of a setting are explained.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator

from utsushi import AnomalyDetector, Autoencoder, VariationalAutoencoder

Rows = NDArray[np.float64]

N_NORMAL, N_BROKEN, FEWEST, MOST, N_TRAINING = 1500, 400, 40, 150, 1000

#: Whether the autoencoder is variational, and the score.
SCORES = (
    (False, "squared-error"),
    (False, "mahalanobis"),
    (False, "code-density"),
    (False, "combined"),
    (True, "bound"),
    (True, "mahalanobis"),
)


def normal(kind: str, n: int, n_columns: int, rng: np.random.Generator) -> Rows:
    """Return normal samples: independent columns, three factors, or curves of two numbers."""
    shape = np.random.default_rng(5)
    if kind == "independent":
        return rng.normal(size=(n, n_columns))
    if kind == "factors":
        mixing = shape.normal(size=(3, n_columns))
        return rng.normal(size=(n, 3)) @ mixing + 0.3 * rng.normal(size=(n, n_columns))
    place = rng.uniform(-2, 2, (n, 2))
    waves, bends = shape.normal(size=(2, 2, n_columns))
    curves = np.sin(place @ waves) + 0.15 * np.square(place @ bends)
    return curves + 0.1 * rng.normal(size=(n, n_columns))


def settings() -> Iterator[tuple[str, Rows, Rows, NDArray[np.intp]]]:
    """Yield a name, normal samples, broken ones, and which column of each is broken."""
    for kind in ("independent", "factors", "curves"):
        for n_columns in (6, 20):
            for how in ("3 sd", "5 sd", "other value"):
                rng = np.random.default_rng(0)
                X = normal(kind, N_NORMAL, n_columns, rng)
                broken = normal(kind, N_BROKEN, n_columns, rng)
                column = rng.integers(n_columns, size=N_BROKEN)
                each = np.arange(N_BROKEN)
                if how == "other value":
                    broken[each, column] = X[rng.integers(N_NORMAL, size=N_BROKEN), column]
                else:
                    signs = rng.choice([-1, 1], N_BROKEN)
                    broken[each, column] += signs * float(how[0]) * X.std(axis=0)[column]
                yield f"{kind}, {n_columns} columns, {how}", X, broken, column


def measure_autoencoders() -> None:
    """Print a line for each setting and score, and for each score the mean and the lowest share."""
    shares: dict[str, list[float]] = {}
    for name, X, broken, column in settings():
        models = {}
        for is_variational, kind in ((False, Autoencoder), (True, VariationalAutoencoder)):
            size = max(2, X.shape[1] // 3)
            model = kind(n_components=size, scaling="standard", random_state=0)
            models[is_variational] = FrozenEstimator(model.fit(X[:N_TRAINING]))
        for is_variational, score in SCORES:
            detector = AnomalyDetector(
                models[is_variational],
                scoring=score,
                max_false_positive_rate=0.02,
                holdout_fraction=0.5,
            ).fit(X[N_TRAINING:])
            places = np.flatnonzero(detector.predict(broken) == -1)
            if len(places) < FEWEST:
                continue
            places = places[:MOST]
            contributions = detector.explain(broken[places]).contributions
            share = float((contributions.argmax(axis=1) == column[places]).mean())
            title = f"{score}, variational" if is_variational else score
            shares.setdefault(title, []).append(share)
            print(f"{name:36} {len(places):4} outliers  {title:26} {share:.3f}", flush=True)
    for title, values in shares.items():
        summary = f"mean {np.mean(values):.3f}, lowest {min(values):.3f}"
        print(f"{title:26} {summary}, {len(values)} settings")


def main() -> None:
    """Print a line for each setting, and the means."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--autoencoders", action="store_true", help="scores of autoencoders")
    if parser.parse_args().autoencoders:
        measure_autoencoders()
        return
    rows = []
    for name, X, broken, column in settings():
        detector = AnomalyDetector(max_false_positive_rate=0.02).fit(X)
        is_outlier = detector.predict(broken) == -1
        if is_outlier.sum() < FEWEST:
            continue
        found, known = broken[is_outlier], column[is_outlier]
        explanation = detector.explain(found)
        spread = np.maximum(explanation.spread, 1e-9)
        ways: dict[str, Any] = {
            "explain": explanation.contributions,
            "squared differences": detector.anomaly_map(found),
            "distance from the expected": np.abs(found - explanation.expected) / spread,
        }
        shares = {way: (values.argmax(axis=1) == known).mean() for way, values in ways.items()}
        rows.append(list(shares.values()))
        said = "  ".join(f"{way} {share:.3f}" for way, share in shares.items())
        print(f"{name:36} {len(found):4} outliers  {said}", flush=True)
    print("mean  " + "  ".join(f"{value:.3f}" for value in np.mean(rows, axis=0)))


if __name__ == "__main__":
    main()
