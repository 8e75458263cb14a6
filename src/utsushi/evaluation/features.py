"""Metrics of codes as features: neighbours, classes and clusters."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from utsushi._utils.seeds import Purpose, numpy_generator
from utsushi.evaluation.estimate import Estimate
from utsushi.evaluation.rows import chosen_rows
from utsushi.exceptions import DataError

__all__ = [
    "MAX_CLASSES",
    "clustering",
    "evaluate_features",
    "linear_probe",
    "neighbour_accuracy",
    "trustworthiness_of",
]

#: More distinct labels than this are names or measurements, not classes.
MAX_CLASSES = 100

#: The number of neighbours that vote for a class, and for trustworthiness.
N_NEIGHBOURS = 5

#: The largest numbers of samples to train a probe on, to cluster, and to compare all pairs of.
PROBE_ROWS, CLUSTER_ROWS, DISTANCE_ROWS = 20_000, 10_000, 1_000

#: Resamples for the standard error of an index of a clustering.
N_RESAMPLES = 100

_RESAMPLES = 2  # the seed path of the resamples; see `utsushi.evaluation.rows`

Rows = NDArray[np.floating[Any]]
Labels = NDArray[Any]


def evaluate_features(
    codes_train: Rows,
    y_train: Labels,
    codes_test: Rows,
    y_test: Labels,
    *,
    random_state: int = 0,
) -> dict[str, Estimate]:
    """Measure how well a code separates classes.

    Parameters
    ----------
    codes_train, codes_test : ndarray or sparse matrix of shape (m, H) and (n, H)
        Codes to train the classifiers on, and codes to test them on.
    y_train, y_test : ndarray of shape (m,) and (n,)
        Their classes, at least two among ``y_train``.
    random_state : int >= 0, default=0
        Seed of the subset where there are many samples, and of the clustering.

    Returns
    -------
    dict of str to Estimate
        ``linear_probe``, ``neighbours``, ``adjusted_rand_index`` and
        ``normalized_mutual_information``, of `linear_probe`, `neighbour_accuracy` and
        `clustering`.

    Raises
    ------
    DataError
        If ``y_train`` has fewer than two classes, or more than 100.

    Examples
    --------
    >>> codes = np.array([[0.0], [0.1], [5.0], [5.1]])
    >>> metrics = evaluate_features(codes, [0, 0, 1, 1], codes, [0, 0, 1, 1])
    >>> metrics["linear_probe"].value, metrics["adjusted_rand_index"].value
    (1.0, 1.0)
    """
    y_train, y_test = np.asarray(y_train), np.asarray(y_test)
    n_classes = len(np.unique(y_train))
    if not 2 <= n_classes <= MAX_CLASSES:
        raise DataError(
            f"the labels must have 2 to {MAX_CLASSES} classes, got {n_classes}. Leave the labels "
            "out, or choose others."
        )
    rows = chosen_rows(codes_train.shape[0], PROBE_ROWS, random_state)
    index, information = clustering(codes_test, y_test, n_classes, random_state=random_state)
    return {
        "linear_probe": linear_probe(codes_train[rows], y_train[rows], codes_test, y_test),
        "neighbours": neighbour_accuracy(codes_train[rows], y_train[rows], codes_test, y_test),
        "adjusted_rand_index": index,
        "normalized_mutual_information": information,
    }


def linear_probe(codes_train: Rows, y_train: Labels, codes_test: Rows, y_test: Labels) -> Estimate:
    """Measure the accuracy of a logistic regression from standardized codes to classes.

    Parameters
    ----------
    codes_train, codes_test : ndarray of shape (m, H) and (n, H)
    y_train, y_test : ndarray of shape (m,) and (n,)

    Returns
    -------
    Estimate
        The share of right answers among ``y_test``; its standard error is the binomial one.

    References
    ----------
    Alain and Bengio 2016, *Understanding intermediate layers using linear classifier probes*,
    https://arxiv.org/abs/1610.01644

    Examples
    --------
    >>> codes, y = np.array([[0.0], [0.1], [5.0], [5.1]]), np.array([0, 0, 1, 1])
    >>> print(linear_probe(codes, y, codes, y))
    1 ± 0 (n = 4)
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler(with_mean=not issparse(codes_train))
    probe = make_pipeline(scaler, LogisticRegression(max_iter=5000))
    # In double precision, in which the solver converges.
    probe.fit(codes_train.astype(np.float64), y_train)
    return Estimate.over(probe.predict(codes_test.astype(np.float64)) == y_test)


def neighbour_accuracy(
    codes_train: Rows, y_train: Labels, codes_test: Rows, y_test: Labels
) -> Estimate:
    """Measure the accuracy of a classifier by the five nearest training codes.

    Parameters
    ----------
    codes_train, codes_test : ndarray of shape (m, H) and (n, H)
        Codes; their Euclidean distances are computed without scaling.
    y_train, y_test : ndarray of shape (m,) and (n,)

    Returns
    -------
    Estimate
        The share of right answers among ``y_test``; its standard error is the binomial one.

    Examples
    --------
    >>> codes, y = np.array([[0.0], [0.1], [0.2], [5.0], [5.1]]), np.array([0, 0, 0, 1, 1])
    >>> neighbour_accuracy(codes, y, codes, y).value  # of all five, three are of class 0
    0.6
    """
    from sklearn.neighbors import KNeighborsClassifier

    classifier = KNeighborsClassifier(min(N_NEIGHBOURS, codes_train.shape[0]))
    return Estimate.over(classifier.fit(codes_train, y_train).predict(codes_test) == y_test)


def clustering(
    codes: Rows, y: Labels, n_clusters: int, *, random_state: int = 0
) -> tuple[Estimate, Estimate]:
    """Cluster codes without their labels, and compare the clusters with the labels.

    Parameters
    ----------
    codes : ndarray of shape (n, H)
        Codes, of which at most 10,000 are chosen at random.
    y : ndarray of shape (n,)
    n_clusters : int >= 2
        The number of clusters of k-means, at most the number of codes.
    random_state : int >= 0, default=0
        Seed of the subset, the initial centres and the resamples.

    Returns
    -------
    adjusted_rand_index, normalized_mutual_information : Estimate
        1 for clusters that equal the classes. For random clusters the first is 0 on average; the
        second is larger, by 0.2 for a hundred samples, and decreases with their number. The
        standard error is that of 100 resamples of the samples with their clusters: it does not
        include the variation of the clustering itself.

    References
    ----------
    Hubert and Arabie 1985, *Comparing Partitions*

    Examples
    --------
    >>> codes, y = np.array([[0.0], [0.1], [5.0], [5.1]]), np.array([0, 0, 1, 1])
    >>> index, information = clustering(codes, y, 2)
    >>> index.value, round(information.value, 6)
    (1.0, 1.0)
    """
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

    rows = chosen_rows(codes.shape[0], CLUSTER_ROWS, random_state)
    codes, y = codes[rows], np.unique(np.asarray(y)[rows], return_inverse=True)[1]
    seed = int(_resampler(random_state).integers(2**31))
    k_means = KMeans(min(n_clusters, codes.shape[0]), n_init=5, random_state=seed)
    with warnings.catch_warnings():
        # A collapsed code has fewer distinct samples than clusters, which gives a low index.
        warnings.simplefilter("ignore", ConvergenceWarning)
        clusters = k_means.fit_predict(codes)
    draws = _resampler(random_state).integers(len(y), size=(N_RESAMPLES, len(y)))
    estimates = []
    for index in (adjusted_rand_score, normalized_mutual_info_score):
        error = np.std([index(y[draw], clusters[draw]) for draw in draws], ddof=1)
        value = float(index(y, clusters))
        estimates.append(Estimate(value, float(error), len(y), random_state))
    return estimates[0], estimates[1]


def trustworthiness_of(X: Rows, codes: Rows, *, random_state: int = 0) -> Estimate:
    """Measure whether neighbours among the codes are neighbours among the samples.

    Parameters
    ----------
    X : ndarray of shape (n, D), n >= 4
        Samples; distances are Euclidean.
    codes : ndarray of shape (n, H)
        Their codes.
    random_state : int >= 0, default=0
        Seed of the choice of 1,000 samples where there are more.

    Returns
    -------
    Estimate
        In [0, 1]: 1 if the five nearest codes of each sample belong to its five nearest samples.
        The standard error is NaN: each sample's value depends on all others.

    References
    ----------
    Venna and Kaski 2001, *Neighborhood Preservation in Nonlinear Projection Methods*

    Examples
    --------
    >>> X = np.random.default_rng(0).random((50, 3))
    >>> trustworthiness_of(X, X).value
    1.0
    """
    from sklearn.manifold import trustworthiness

    rows = chosen_rows(len(X), DISTANCE_ROWS, random_state)
    n_neighbors = min(N_NEIGHBOURS, (len(rows) - 1) // 2)
    value = float(trustworthiness(X[rows], codes[rows], n_neighbors=n_neighbors))
    seed = random_state if len(rows) < len(X) else None
    return Estimate(value, float("nan"), len(rows), seed)


def _resampler(seed: int) -> np.random.Generator:
    return numpy_generator(seed, Purpose.EVALUATION, _RESAMPLES)
