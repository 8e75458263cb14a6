"""Distances between two unpaired sets of samples.

Pure functions of features, ndarrays of shape (n, F), in a few lines of numpy and scikit-learn each.
torchmetrics is not used: its kernel distance draws subsets from torch's global generator and raises
where a subset is larger than the set, its metrics have no standard errors, and precision and recall
are missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.seeds import Purpose, numpy_generator, seed_from
from utsushi.evaluation.estimate import Estimate
from utsushi.exceptions import DataError

__all__ = [
    "frechet_distance",
    "jackknife_error",
    "kernel_distance",
    "memorization",
    "nearest_distances",
    "precision_recall",
]

Features = NDArray[np.floating[Any]]
RandomState = int | np.random.RandomState | None

#: The number of groups of the jackknife, and the fewest subsets of the kernel distance.
N_GROUPS = 20
N_SUBSETS = 10

#: The percentile of held-out distances below which a generated sample counts as memorized.
NEAR_PERCENTILE = 1.0

#: Memory of a block of distances, MiB.
_BLOCK_MEMORY = 32


def frechet_distance(features_a: Features, features_b: Features) -> float:
    r"""Compute the squared Fréchet distance between Gaussians with the moments of the two sets.

    .. math:: \Vert \mu_a - \mu_b \Vert^2
        + \mathrm{tr}\bigl(\Sigma_a + \Sigma_b - 2 (\Sigma_a \Sigma_b)^{1/2}\bigr)

    Its estimate from n samples has a positive bias of order 1/n: compare only values of the same n,
    and compare them with the value of two sets of real samples.

    Parameters
    ----------
    features_a : ndarray of shape (n, F), n >= 2
    features_b : ndarray of shape (m, F), m >= 2

    Returns
    -------
    float
        In squared units of the features; 0 for equal moments.

    Raises
    ------
    DataError
        If a set has too few samples, or the sets have different numbers of features.

    References
    ----------
    Heusel et al. 2017, *GANs Trained by a Two Time-Scale Update Rule*,
    https://arxiv.org/abs/1706.08500

    Examples
    --------
    >>> a = np.array([[0.0], [2.0]])
    >>> round(frechet_distance(a, a + 3), 6)
    9.0
    """
    _check_pair(features_a, features_b, 2)
    mean_a, root_a = _moments(features_a)
    mean_b, root_b = _moments(features_b)
    # The trace of (AB)^(1/2) is the sum of the singular values of the product of the symmetric
    # roots. A root of the asymmetric AB could be complex.
    cross = np.linalg.svd(root_a @ root_b.T, compute_uv=False).sum()
    distance = (
        np.square(mean_a - mean_b).sum() + np.square(root_a).sum() + np.square(root_b).sum()
    ) - 2 * cross
    return max(0.0, float(distance))


def _moments(features: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and a root R of the covariance, with R'R = covariance."""
    rows = features.astype(np.float64)
    values, vectors = np.linalg.eigh(np.atleast_2d(np.cov(rows, rowvar=False)))
    # Rounding leaves small negative values where the features are dependent.
    return rows.mean(axis=0), np.sqrt(values.clip(0))[:, None] * vectors.T


def kernel_distance(
    features_a: Features,
    features_b: Features,
    *,
    subset_size: int = 1000,
    random_state: RandomState = 0,
) -> Estimate:
    r"""Compute the unbiased squared maximum mean discrepancy under the cubic kernel.

    .. math:: \frac{\sum_{i \ne j} k(a_i, a_j) + \sum_{i \ne j} k(b_i, b_j)}{s (s - 1)}
        - \frac{2}{s^2} \sum_{i, j} k(a_i, b_j), \quad k(a, b) = (a^\top b / F + 1)^3,

    averaged over random pairs of subsets of s samples. The subsets are disjoint, so that the
    standard error over them is that of independent values.

    Parameters
    ----------
    features_a : ndarray of shape (n, F), n >= 20
    features_b : ndarray of shape (m, F), m >= 20
    subset_size : int >= 2, default=1000
        The largest s. There are at least ten subsets, smaller ones if samples are few; both sets
        are cut to the size of the smaller one.
    random_state : int, RandomState or None, default=0
        Seed of the subsets.

    Returns
    -------
    Estimate
        Zero in expectation for two sets of one distribution, so it can be negative. ``n_rows`` is
        the number of samples used of each set.

    References
    ----------
    Bińkowski et al. 2018, *Demystifying MMD GANs*, https://arxiv.org/abs/1801.01401

    Examples
    --------
    >>> a = np.random.default_rng(0).standard_normal((400, 3))
    >>> kernel_distance(a[:200], a[200:] + 1).value > 0.5
    True
    """
    _check_pair(features_a, features_b, 2 * N_SUBSETS)
    fewest = min(len(features_a), len(features_b))
    size = min(subset_size, fewest // N_SUBSETS)
    seed = seed_from(random_state)
    subsets_a, subsets_b = (
        _shuffled(len(features), seed, which)[: fewest // size * size].reshape(-1, size)
        for which, features in enumerate((features_a, features_b))
    )
    values = [
        _discrepancy(features_a[a].astype(np.float64), features_b[b].astype(np.float64))
        for a, b in zip(subsets_a, subsets_b, strict=True)
    ]
    estimate = Estimate.over(values)
    return Estimate(estimate.value, estimate.standard_error, subsets_a.size)


def _discrepancy(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Return the unbiased squared discrepancy of two sets of equal size."""
    size, n_features = a.shape

    def kernel(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        values: NDArray[np.float64] = (x @ y.T / n_features + 1) ** 3
        return values

    within = sum(k.sum() - np.trace(k) for k in (kernel(a, a), kernel(b, b)))
    return float(within / (size * (size - 1)) - 2 * kernel(a, b).mean())


def precision_recall(
    generated: Features, reference: Features, *, n_neighbors: int = 3
) -> tuple[Estimate, Estimate]:
    """Measure the precision and recall of generated samples.

    The region of a set is the union of balls around its samples; the radius is the distance to the
    sample's third nearest neighbour in the set. Precision, a measure of quality, is the share of
    generated samples in the region of the real ones. Recall, a measure of diversity, is the share
    of real samples in the region of the generated ones.

    Parameters
    ----------
    generated : ndarray of shape (n, F), n > n_neighbors
    reference : ndarray of shape (m, F), m > n_neighbors
        Real samples.
    n_neighbors : int >= 1, default=3

    Returns
    -------
    precision, recall : Estimate
        Shares in [0, 1]; the standard errors are over the counted samples, with fixed regions.

    References
    ----------
    Kynkäänniemi et al. 2019, *Improved Precision and Recall Metric for Assessing Generative
    Models*, https://arxiv.org/abs/1904.06991

    Examples
    --------
    >>> real = np.random.default_rng(0).standard_normal((50, 3))
    >>> [share.value for share in precision_recall(real + 100, real)]
    [0.0, 0.0]
    """
    _check_pair(generated, reference, n_neighbors + 1)
    # Distances are computed from products, which lose digits far from the origin.
    centre = reference.mean(axis=0, dtype=np.float64)
    generated, reference = generated - centre, reference - centre
    precision = Estimate.over(_in_region(generated, reference, n_neighbors))
    return precision, Estimate.over(_in_region(reference, generated, n_neighbors))


def _in_region(rows: Features, others: Features, n_neighbors: int) -> NDArray[np.bool_]:
    """Return whether each row is in the region of the others."""
    from sklearn.metrics import pairwise_distances_chunked
    from sklearn.neighbors import NearestNeighbors

    # Without an argument, kneighbors excludes each row from its own neighbours.
    radii = NearestNeighbors(n_neighbors=n_neighbors).fit(others).kneighbors()[0][:, -1]
    radii += _rounding(others)
    blocks = pairwise_distances_chunked(
        rows,
        others,
        reduce_func=lambda distances, _: (distances <= radii).any(axis=1),
        working_memory=_BLOCK_MEMORY,
    )
    return np.concatenate(list(blocks))


def memorization(
    generated: Features, held_out: Features, train: Features, *, random_state: RandomState = 0
) -> dict[str, Estimate]:
    """Compare the distances of generated and of held-out samples to the training samples.

    Samples of a model that generalizes are about as far from the training samples as held-out
    samples are; those of a model that has memorized them are much nearer. Blurred samples are
    nearer, too, in pixels more than in features.

    Parameters
    ----------
    generated : ndarray of shape (n, F), n >= 20
    held_out : ndarray of shape (m, F), m >= 20
        Real samples that were not trained on.
    train : ndarray of shape (k, F), k >= 1
        All training samples.
    random_state : int, RandomState or None, default=0
        Seed of the groups of the jackknife.

    Returns
    -------
    dict of str to Estimate
        ``nearest_training_row`` and ``nearest_training_row_held_out``: the median Euclidean
        distance of generated and of held-out samples to the nearest training sample, in units of
        the features. ``nearest_training_row_ratio``: the first over the second, about 1 where
        nothing is memorized; left out where the second is 0. ``share_memorized``: the share of
        generated samples that are as near as the nearest 1 % of the held-out samples; about 0.01
        where nothing is memorized, 1 for duplicates of training samples.

    Examples
    --------
    >>> rows = np.random.default_rng(0).standard_normal((300, 3))
    >>> figures = memorization(rows[:100], rows[200:], rows[:200])
    >>> figures["share_memorized"].value
    1.0
    """
    _check_pair(generated, held_out, N_GROUPS)
    _check_pair(held_out, train, 1)
    generated_distances, held_out_distances = (
        nearest_distances(rows, train) for rows in (generated, held_out)
    )

    def ratio(a: Features, b: Features) -> float:
        below = float(np.median(b))
        return float(np.median(a)) / below if below else math.nan

    def share(a: Features, b: Features) -> float:
        return float((a <= np.percentile(b, NEAR_PERCENTILE)).mean())

    figures: dict[str, tuple[Callable[[Features, Features], float], Features]] = {
        "nearest_training_row": (lambda a, _: float(np.median(a)), generated_distances),
        "nearest_training_row_held_out": (lambda _, b: float(np.median(b)), held_out_distances),
        "nearest_training_row_ratio": (ratio, generated_distances),
        "share_memorized": (share, generated_distances),
    }
    if not np.median(held_out_distances):
        del figures["nearest_training_row_ratio"]
    return {
        name: Estimate(
            figure(generated_distances, held_out_distances),
            jackknife_error(
                figure, generated_distances, held_out_distances, random_state=random_state
            ),
            len(counted),
        )
        for name, (figure, counted) in figures.items()
    }


def nearest_distances(rows: Features, train: Features) -> NDArray[np.float64]:
    """Return the Euclidean distance from each row to the nearest training row.

    Examples
    --------
    >>> nearest_distances(np.array([[0.0, 3.0]]), np.array([[4.0, 0.0], [0.0, 1.0]]))
    array([2.])
    """
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=1).fit(train)
    distances: NDArray[Any] = index.kneighbors(rows.astype(train.dtype, copy=False))[0][:, 0]
    return np.where(distances > _rounding(train), distances, 0.0)


def _rounding(rows: Features) -> float:
    """Return the largest rounding error of the distance between equal rows.

    Distances are roots of differences of squares, which are as large as the rows' norms.
    """
    return 1e-7 * float(np.linalg.norm(rows, axis=1).max())


def jackknife_error(
    statistic: Callable[[Any, Any], float],
    rows_a: NDArray[Any],
    rows_b: NDArray[Any],
    *,
    random_state: RandomState = 0,
) -> float:
    r"""Compute the standard error of a statistic of two sets by the delete-a-group jackknife.

    .. math:: \sqrt{\frac{G - 1}{G} \sum_g (t_g - \bar t)^2}, \quad G = 20,

    with :math:`t_g` the statistic without the g-th random group of both sets. It overestimates the
    error of a distance near its smallest value.

    Parameters
    ----------
    statistic : callable
        Maps the remaining samples of both sets to a number.
    rows_a, rows_b : ndarray of n and m rows, n and m >= 20
    random_state : int, RandomState or None, default=0
        Seed of the groups.

    Returns
    -------
    float

    References
    ----------
    Shao and Tu 1995, *The Jackknife and Bootstrap*, https://doi.org/10.1007/978-1-4612-0795-5

    Examples
    --------
    >>> rows = np.random.default_rng(0).standard_normal(2000)
    >>> error = jackknife_error(lambda a, b: a.mean() - b.mean(), rows[:1000], rows[1000:])
    >>> abs(error - (2 / 1000) ** 0.5) < 0.02
    True
    """
    seed = seed_from(random_state)
    group_a, group_b = (
        _shuffled(len(rows), seed, which) % N_GROUPS for which, rows in enumerate((rows_a, rows_b))
    )
    values = [
        statistic(rows_a[group_a != group], rows_b[group_b != group]) for group in range(N_GROUPS)
    ]
    return math.sqrt((N_GROUPS - 1) * float(np.var(values)))


def _shuffled(n: int, seed: int, which: int) -> NDArray[np.int64]:
    """Return a permutation of n numbers that depends on the seed and on the set."""
    return numpy_generator(seed, Purpose.SPLIT, which).permutation(n)


def _check_pair(a: Features, b: Features, fewest: int) -> None:
    """Raise an error for sets with too few samples or different numbers of features."""
    for rows in (a, b):
        if rows.ndim != 2 or len(rows) < fewest:
            raise DataError(
                f"a set of samples must have the shape (n, F) with n at least {fewest}, got "
                f"{rows.shape}."
            )
    if a.shape[1] != b.shape[1]:
        raise DataError(
            f"both sets of samples must have the same number of features, got {a.shape[1]} and "
            f"{b.shape[1]}."
        )
