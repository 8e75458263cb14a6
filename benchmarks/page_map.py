"""What places of a page's map mean: each test sample is left out, and its place decoded.

    python benchmarks/page_map.py runs/lecture

For the two models of a run of `utsushi lecture`: the share of 1,000 test samples that show their
class, by three nearest neighbors among training samples, and the squared error from what their own
codes are decoded to.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from utsushi import datasets, load
from utsushi.evaluation.rows import chosen_rows
from utsushi.report.layout import layout_of

#: The number of marks of whose codes a place is the weighted mean, as in the page's script.
N_NEIGHBORS = 5


def left_out(codes: NDArray[Any], places: NDArray[Any]) -> NDArray[Any]:
    """Return the code at the place of each sample on the map of the others."""
    search = NearestNeighbors(n_neighbors=N_NEIGHBORS + 1).fit(places)
    distances, nearest = search.kneighbors()
    distances = np.maximum(distances, 1e-12)
    weights = 1 / distances[:, :-1] - 1 / distances[:, -1:]
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-12)
    return np.asarray(np.einsum("nk,nkh->nh", weights, codes[nearest[:, :-1]]))


def dragged(codes: NDArray[Any]) -> NDArray[Any]:
    """Return the code of another sample, dragged to each sample's two principal components."""
    centre = codes.mean(axis=0)
    axes = np.linalg.svd(codes - centre, full_matrices=False)[2][:2]
    others = codes[np.random.default_rng(0).permutation(len(codes))]
    return np.asarray(others + (codes - others) @ axes.T @ axes)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="a folder of `utsushi lecture`")
    folder = parser.parse_args().run
    digits: Any = datasets.load_mnist20k()
    chosen = chosen_rows(len(digits.X_test), 1000, 0)
    X, y = digits.X_test[chosen], digits.y_test[chosen]
    judge = KNeighborsClassifier(3).fit(digits.X_train[:6000], digits.y_train[:6000])
    for name in ("autoencoder", "variational"):
        model: Any = load(folder / f"{name}.safetensors")
        codes = model.transform(X).astype(np.float64)
        start = time.process_time()
        places = layout_of(codes)
        seconds = time.process_time() - start
        if places is None:
            raise SystemExit(f"{name} has too few components for a map of neighbors.")
        print(f"{name}: layout {seconds:.1f} s of processor time")
        own = model.inverse_transform(codes.astype(np.float32))
        for what, Z in (
            ("own code", codes),
            ("place", left_out(codes, places)),
            ("two principal components", dragged(codes)),
        ):
            rows = model.inverse_transform(Z.astype(np.float32))
            share = (judge.predict(rows) == y).mean()
            error = np.square(rows - own).sum(axis=1).mean()
            print(f"  {what}: shows its class {share:.3f}, squared error {error:.1f}")


if __name__ == "__main__":
    main()
