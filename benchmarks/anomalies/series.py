"""Anomalies in two labelled series, by windows: the default detector and simpler scores.

    pip install --no-deps aeon     # the series are among its files; nothing of it is imported
    python benchmarks/anomalies/series.py

A blood pressure with one anomaly of 12 steps (number 135 of the UCR anomaly archive, Wu and Keogh
2021, https://arxiv.org/abs/2009.13807), and a synthetic electrocardiogram with 300 abnormal steps.
Windows are as long as the period of the training series, the first peak of its autocorrelation
after the first zero. The detectors see windows of the training series; a step has the mean score of
the windows that contain it. The figures are the ROC-AUC over the steps, and whether the step with
the lowest score is within a window's length of an anomaly.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from detectors import PEERS
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from utsushi import AnomalyDetector, Autoencoder
from utsushi.datasets import step_means, windows

Series = NDArray[Any]


def series() -> dict[str, tuple[Series, Series, NDArray[np.bool_]]]:
    """Return training series, test series and which steps of it are abnormal."""
    found = find_spec("aeon")
    if found is None or found.origin is None:
        raise SystemExit("pip install --no-deps aeon")
    folder = Path(found.origin).parent / "datasets" / "data"
    pressure = folder / "KDD-TSAD_135" / "135_UCR_Anomaly_InternalBleeding16"
    heart = folder / "UnitTest" / "ecg-diff-count-3"
    pairs = {
        "blood pressure": (f"{pressure}_TRAIN.csv", f"{pressure}_TEST.csv"),
        "electrocardiogram": (f"{heart}_TRAIN_NA.csv", f"{heart}_TEST.csv"),
    }
    read = {}
    for name, files in pairs.items():
        train, test = (np.loadtxt(file, delimiter=",", skiprows=1) for file in files)
        if np.array_equal(test[: len(train), 1], train[:, 1]):
            test = test[len(train) :]  # the file begins with the training series
        read[name] = train[:, 1], test[:, 1], test[:, 2] == 1
    return read


def period_of(values: Series) -> int:
    """Return the first peak of the autocorrelation after its first zero."""
    centered = values - values.mean()
    correlation = np.correlate(centered, centered, "full")[len(values) - 1 :]
    start = int(np.argmax(correlation < 0))
    return start + int(np.argmax(correlation[start : len(values) // 2]))


def of_default(train: Series, test: Series, seed: int) -> Series:
    """Return the outlyingness of windows by the default detector."""
    return -AnomalyDetector().fit(train).score_samples(test)


def of_autoencoder(train: Series, test: Series, seed: int) -> Series:
    """Return the reconstruction error of windows."""
    return -AnomalyDetector(Autoencoder(random_state=seed)).fit(train).score_samples(test)


def main() -> None:
    """Print a table for each series."""
    methods = {"AnomalyDetector()": of_default, "of an Autoencoder()": of_autoencoder, **PEERS}
    for name, (train, test, is_abnormal) in series().items():
        length = period_of(train)
        print(f"{name}: {len(train)} training steps, {len(test)} steps, windows of {length}")
        pointwise = np.abs(test - np.median(train)) / train.std()
        scores = {"distance from the median, no windows": pointwise}
        for method, score in methods.items():
            of_windows = score(windows(train, length), windows(test, length), 0)
            scores[method] = step_means(of_windows, len(test), length)
        for method, outlyingness in scores.items():
            distance = np.abs(np.flatnonzero(is_abnormal) - outlyingness.argmax()).min()
            area = roc_auc_score(is_abnormal, outlyingness)
            print(f"  {method:38} {area:.3f}  {'found' if distance <= length else 'not found'}")


if __name__ == "__main__":
    main()
