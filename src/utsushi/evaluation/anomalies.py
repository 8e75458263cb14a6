"""Metrics of how well scores separate anomalies from normal samples, and tests of many samples.

Every metric takes the scores of normal samples and of anomalies, as
`AnomalyDetector.score_samples` returns them: a higher score means more normal. Anomalies are the
positive class.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from utsushi._utils.validation import check_finite
from utsushi.evaluation.estimate import Estimate
from utsushi.exceptions import DataError, SettingError

__all__ = [
    "average_precision",
    "benjamini_hochberg",
    "evaluate_scores",
    "false_positive_rate",
    "roc_auc",
]

#: Resamples of the bootstrap: enough for two digits of a standard error.
BOOTSTRAP_DRAWS = 200

Scores = NDArray[np.float64]


def roc_auc(normal: ArrayLike, anomalies: ArrayLike) -> Estimate:
    r"""Compute the area under the ROC curve: how often a normal sample scores above an anomaly.

    .. math::
        A = P(s_{\mathrm{normal}} > s_{\mathrm{anomaly}}) + \tfrac12 P(\text{equal})

    The standard error is Hanley and McNeil's,
    :math:`\sqrt{(A(1-A) + (m-1)(Q_1 - A^2) + (n-1)(Q_2 - A^2)) / mn}` for m anomalies and n
    normal samples, with :math:`Q_1 = A / (2-A)` and :math:`Q_2 = 2A^2 / (1+A)`.

    Parameters
    ----------
    normal : array-like of shape (n,)
        Scores of normal samples.
    anomalies : array-like of shape (m,)
        Scores of anomalies.

    Returns
    -------
    Estimate
        In [0, 1]: 0.5 is chance, 1 is perfect separation. ``n_rows`` is n + m.

    Raises
    ------
    DataError
        If one of the arrays is empty, or a score is not finite.

    References
    ----------
    Hanley and McNeil 1982, *The Meaning and Use of the Area under a Receiver Operating
    Characteristic (ROC) Curve*, https://doi.org/10.1148/radiology.143.1.7063747

    Examples
    --------
    >>> roc_auc(normal=[3.0, 2.0], anomalies=[1.0, 2.5]).value  # three of four pairs in order
    0.75
    """
    from sklearn.metrics import roc_auc_score

    is_anomaly, outlying = _labelled(normal, anomalies)
    area = float(roc_auc_score(is_anomaly, outlying))
    m, n = int(is_anomaly.sum()), int((~is_anomaly).sum())
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (m - 1) * (q1 - area**2) + (n - 1) * (q2 - area**2)
    return Estimate(area, math.sqrt(max(variance, 0.0) / (m * n)), m + n)


def average_precision(
    normal: ArrayLike, anomalies: ArrayLike, *, random_state: int = 0
) -> Estimate:
    r"""Compute the average precision of the anomalies, ranked by ascending score.

    :math:`\sum_k (R_k - R_{k-1}) P_k`, with precision :math:`P_k` and recall :math:`R_k` of the
    anomalies at each threshold, as scikit-learn's ``average_precision_score`` defines it. Its
    value for random scores is the share of anomalies. The standard error is that of 200 bootstrap
    resamples, drawn separately from the normal samples and from the anomalies (Efron and Tibshirani
    1993, *An Introduction to the Bootstrap*).

    Parameters
    ----------
    normal, anomalies : array-like of shape (n,) and (m,)
        Scores.
    random_state : int, default=0
        Seed of the bootstrap.

    Returns
    -------
    Estimate
        In [0, 1]; ``n_rows`` is n + m.

    Examples
    --------
    >>> average_precision(normal=[3.0, 2.0], anomalies=[1.0, 2.5]).value  # (1 + 2/3) / 2
    0.833...
    """
    from sklearn.metrics import average_precision_score

    return _bootstrapped(average_precision_score, normal, anomalies, random_state)


def false_positive_rate(
    normal: ArrayLike, anomalies: ArrayLike, *, recall: float = 0.95, random_state: int = 0
) -> Estimate:
    """Compute the false positive rate at the threshold that reaches a recall of the anomalies.

    The threshold is the lowest one at which at least ``recall`` of the anomalies score at or below
    it, without interpolation. The standard error is that of 200 bootstrap resamples, as for
    `average_precision`.

    Parameters
    ----------
    normal, anomalies : array-like of shape (n,) and (m,)
        Scores.
    recall : float in (0, 1], default=0.95
        The share of the anomalies to detect.
    random_state : int, default=0
        Seed of the bootstrap.

    Returns
    -------
    Estimate
        In [0, 1], lower is better; ``n_rows`` is n + m.

    Examples
    --------
    >>> false_positive_rate(normal=[3.0, 2.0], anomalies=[1.0, 2.5]).value
    0.5
    """
    if not 0 < recall <= 1:
        raise SettingError(f"recall must be above 0 and at most 1, got {recall!r}.")

    def rate(is_anomaly: NDArray[np.bool_], outlying: Scores) -> float:
        from sklearn.metrics import roc_curve

        false, true, _ = roc_curve(is_anomaly, outlying, drop_intermediate=False)
        return float(false[np.argmax(true >= recall - 1e-12)])

    return _bootstrapped(rate, normal, anomalies, random_state)


def evaluate_scores(
    normal: ArrayLike, anomalies: ArrayLike, *, random_state: int = 0
) -> dict[str, Any]:
    """Compute all metrics of anomaly scores.

    Parameters
    ----------
    normal, anomalies : array-like of shape (n,) and (m,)
        Scores.
    random_state : int, default=0
        Seed of the bootstrap.

    Returns
    -------
    dict
        Ready for JSON: ``roc_auc``, ``average_precision`` and
        ``false_positive_rate_at_95_recall``, each an `Estimate` as a dict, and the counts
        ``n_normal`` and ``n_anomalies``.

    Examples
    --------
    >>> results = evaluate_scores(normal=[3.0, 2.0], anomalies=[1.0, 2.5])
    >>> results["n_normal"], results["roc_auc"]["value"]
    (2, 0.75)
    """
    return {
        "roc_auc": roc_auc(normal, anomalies).to_json(),
        "average_precision": average_precision(
            normal, anomalies, random_state=random_state
        ).to_json(),
        "false_positive_rate_at_95_recall": false_positive_rate(
            normal, anomalies, random_state=random_state
        ).to_json(),
        "n_normal": len(np.asarray(normal)),
        "n_anomalies": len(np.asarray(anomalies)),
    }


def benjamini_hochberg(
    p_values: ArrayLike, *, false_discovery_rate: float = 0.1
) -> NDArray[np.bool_]:
    r"""Select outliers of a batch so that the expected share of normal samples among them is small.

    Selects the samples with the k smallest p-values, the largest k with
    :math:`p_{(k)} \le \mathrm{rate}\, k / m` of m samples. With conformal p-values, which
    `AnomalyDetector.p_values` returns, the expected share of normal samples among the selected ones
    is at most the rate times the share of normal samples in the batch (Bates et al. 2023).

    Parameters
    ----------
    p_values : array-like of shape (m,), in [0, 1]
    false_discovery_rate : float in (0, 1), default=0.1

    Returns
    -------
    ndarray of shape (m,), bool
        Which samples are outliers.

    References
    ----------
    Benjamini and Hochberg 1995, *Controlling the False Discovery Rate*,
    https://doi.org/10.1111/j.2517-6161.1995.tb02031.x; Bates, Candès, Lei, Romano and Sesia 2023,
    *Testing for Outliers with Conformal p-Values*, https://doi.org/10.1214/22-AOS2244

    Examples
    --------
    >>> benjamini_hochberg([0.001, 0.6, 0.03, 0.04], false_discovery_rate=0.1).tolist()
    [True, False, True, True]
    """
    if not 0 < false_discovery_rate < 1:
        raise SettingError(
            f"false_discovery_rate must be between 0 and 1, got {false_discovery_rate!r}."
        )
    values = np.asarray(p_values, dtype=np.float64)
    if values.ndim != 1 or not ((values >= 0) & (values <= 1)).all():
        got = (
            f"the shape {values.shape}" if values.ndim != 1 else f"{values.min()} to {values.max()}"
        )
        raise DataError(f"p_values must be of shape (n_samples,) and within 0 to 1, got {got}.")
    n = len(values)
    ordered = np.sort(values)
    passing = np.flatnonzero(ordered <= false_discovery_rate * np.arange(1, n + 1) / n)
    if not len(passing):
        return np.zeros(n, dtype=bool)
    selected: NDArray[np.bool_] = values <= ordered[passing[-1]]
    return selected


def _labelled(normal: ArrayLike, anomalies: ArrayLike) -> tuple[NDArray[np.bool_], Scores]:
    """Return for all samples whether each is an anomaly, and its outlyingness, minus the score."""
    kinds = {"normal": normal, "anomalies": anomalies}
    scores = {name: np.asarray(values, dtype=np.float64) for name, values in kinds.items()}
    for name, values in scores.items():
        if values.ndim != 1 or not len(values):
            raise DataError(
                f"{name} must hold one score per sample, for at least one sample, got the shape "
                f"{values.shape}."
            )
        check_finite(values[:, None], what=f"the score of {name}")
    is_anomaly = np.repeat([False, True], [len(values) for values in scores.values()])
    return is_anomaly, -np.concatenate(list(scores.values()))


def _bootstrapped(
    metric: Callable[[NDArray[np.bool_], Scores], float],
    normal: ArrayLike,
    anomalies: ArrayLike,
    seed: int,
) -> Estimate:
    """Return a metric with its bootstrap error; both classes are resampled separately."""
    is_anomaly, outlying = _labelled(normal, anomalies)
    generator = np.random.default_rng(seed)
    n = int((~is_anomaly).sum())
    values = []
    for _ in range(BOOTSTRAP_DRAWS):
        resample = np.concatenate(
            [
                generator.integers(0, n, n),
                generator.integers(n, len(is_anomaly), len(is_anomaly) - n),
            ]
        )
        values.append(float(metric(is_anomaly, outlying[resample])))
    return Estimate(
        float(metric(is_anomaly, outlying)), float(np.std(values, ddof=1)), len(is_anomaly), seed
    )
