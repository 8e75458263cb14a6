"""Other rules for neighbors with anomalies among the training samples, on tables of ADBench.

    python benchmarks/anomalies/robust_neighbors.py FOLDER [--seeds 0]

Every sample is ranked, with ``contamination=0.1``, as *contaminated* in detectors.py does. Printed
are the mean ROC-AUC over the tables, the difference from the detector's rule (20 neighbors, twice
the contamination left out) with its standard error over the tables, and in how many tables it is
better and worse by more than 0.001.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from detectors import CONTAMINATION, adbench_task
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from utsushi.estimators import neighbors as module
from utsushi.estimators.neighbors import Neighbors, central_places

Rows = NDArray[Any]
RULE = "20 neighbors, share 2c left out"


def scores(X: Rows, *, n_neighbors: int = 20, multiple: float = 2) -> Rows:
    """Return the outlyingness by so many neighbors, with a multiple of the share left out."""
    module._VIEWS[False, True] = (("range", n_neighbors),)
    module._TRIMMED = multiple
    return Neighbors.learn(X, contamination=CONTAMINATION)(X)


def variants(X: Rows) -> Iterator[tuple[str, Rows]]:
    """Yield the rules and the outlyingness of each sample."""
    local = scores(X)
    yield RULE, local
    for multiple in (1, 3):
        yield f"share {multiple}c left out", scores(X, multiple=multiple)
    for n_neighbors in (10, 40):
        yield f"{n_neighbors} neighbors", scores(X, n_neighbors=n_neighbors)
    module._TRIMMED = 2
    kept = central_places(X, CONTAMINATION)
    central = X[np.sort(np.argsort(local, kind="stable")[: len(kept)])]
    module._TRIMMED = 0
    yield "left out twice, by the score", Neighbors.learn(central, contamination=CONTAMINATION)(X)
    few = X[kept][:: max(1, len(kept) // 200)]  # 20 neighbors are a tenth of 200
    wide = Neighbors.learn(few, contamination=CONTAMINATION)(X)
    yield "the larger of this and of a tenth of the samples", np.maximum(local, wide)


def main() -> None:
    """Print a line for each rule."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="a folder with tables of ADBench")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    arguments = parser.parse_args()
    areas: dict[str, list[float]] = {}
    for seed in arguments.seeds:
        for file in sorted(arguments.folder.glob("*.npz")):
            X, _, is_anomaly = adbench_task(file, seed, contaminated=True)
            for name, values in variants(X):
                areas.setdefault(name, []).append(float(roc_auc_score(is_anomaly, values)))
    for name, values in areas.items():
        gains = np.subtract(values, areas[RULE])
        error = gains.std(ddof=1) / len(gains) ** 0.5
        print(
            f"{name:50} {np.mean(values):.3f}  {gains.mean():+.3f} ± {error:.3f}, better in "
            f"{(gains > 0.001).sum()}, worse in {(gains < -0.001).sum()} of {len(gains)}"
        )


if __name__ == "__main__":
    main()
