"""How often explanations name the column that is broken, on synthetic tables.

    python benchmarks/anomalies/explanations.py

Each table has 1,500 normal samples, and 400 others in each of which one column is broken: shifted
by 3 or 5 standard deviations, or replaced by the value of another sample, which only the other
columns tell. Counted are the samples that the detector calls outliers at a false-positive rate of
0.02; settings with fewer than 40 of them are left out. Compared are the contributions of
`explain`, the squared differences to the nearest samples (`anomaly_map`), and the distance from
the expected value in its standard deviations.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi import AnomalyDetector

Rows = NDArray[np.float64]

N_NORMAL, N_BROKEN, FEWEST = 1500, 400, 40


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


def main() -> None:
    """Print a line for each setting, and the means."""
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
