"""Disentanglement metrics: whether each factor of the samples has its own component."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from utsushi._utils.seeds import Purpose, numpy_generator
from utsushi._utils.validation import check_finite
from utsushi.evaluation.rows import halves
from utsushi.exceptions import DataError, SettingError

__all__ = ["DCI", "dci", "mig", "sap"]

#: Trees of each forest of `dci`, and the fewest samples in a leaf.
N_TREES, FEWEST_IN_LEAF = 20, 5

_FORESTS = 3  # the seed path of the forests; see `utsushi.evaluation.rows`

Matrix = NDArray[np.float64]


def mig(codes: ArrayLike, factors: ArrayLike, *, n_bins: int = 20) -> float:
    r"""Return the mutual information gap: how far one component leads for each factor.

    .. math::
        \mathrm{MIG} = \frac1K \sum_k \frac{I(z_{h_k}; v_k) - \max_{h \ne h_k} I(z_h; v_k)}
        {H(v_k)}, \qquad h_k = \arg\max_h I(z_h; v_k)

    with the mutual information I of a component and a factor, and the entropy H of the factor, both
    estimated by histograms.

    Parameters
    ----------
    codes : array-like of shape (n, H)
        Posterior means, or codes drawn from the posteriors. The reference draws codes, so that
        noise of the posterior counts.
    factors : array-like of shape (n, K)
        The factors that the samples were made from.
    n_bins : int >= 2, default=20
        Columns with more distinct values are divided into this many bins of equal width.

    Returns
    -------
    float
        In [0, 1]: 1 if each factor is a function of one component, independent of the others; 0 if
        two components are equally informative. Histograms of n samples overestimate each mutual
        information by about (bins - 1) (values - 1) / 2n nats.

    Raises
    ------
    DataError
        If the arrays do not match, hold no finite numbers, or if a factor has only one value.

    References
    ----------
    Chen, Li, Grosse and Duvenaud 2018, *Isolating Sources of Disentanglement in Variational
    Autoencoders*, https://arxiv.org/abs/1802.04942, equation 6

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(4, size=(1000, 2))
    >>> mig(factors, factors) > 0.99
    True
    """
    from sklearn.metrics import mutual_info_score

    if n_bins < 2:
        raise SettingError(f"n_bins must be an integer of at least 2, got {n_bins!r}.")
    codes, factors = _checked(codes, factors)
    z, v = (np.stack([_binned(column, n_bins) for column in array.T]) for array in (codes, factors))
    information = np.array([[mutual_info_score(factor, code) for factor in v] for code in z])
    entropy = np.array([mutual_info_score(factor, factor) for factor in v])
    return float(_lead(information / entropy))


def sap(codes: ArrayLike, factors: ArrayLike, *, categorical: Sequence[int] = ()) -> float:
    r"""Return the separated attribute predictability: the gap of the two best predictors.

    .. math::
        \mathrm{SAP} = \frac1K \sum_k \left( S_{h_k k} - \max_{h \ne h_k} S_{hk} \right), \qquad
        h_k = \arg\max_h S_{hk}

    :math:`S_{hk}` measures how well component h alone predicts factor k: the squared correlation
    for numbers; for classes the balanced accuracy of thresholds, scaled so that chance is 0.

    Parameters
    ----------
    codes : array-like of shape (n, H)
        Posterior means, as a rule.
    factors : array-like of shape (n, K)
        The factors that the samples were made from.
    categorical : sequence of int, default=()
        The columns of ``factors`` that are classes.

    Returns
    -------
    float
        In [0, 1]: 1 if each factor is a linear function of one component (or thresholds of it give
        the class), and no other component predicts it.

    Raises
    ------
    DataError
        If the arrays do not match, hold no finite numbers, or if a factor has only one value.
    SettingError
        If ``categorical`` names a column that does not exist.

    Notes
    -----
    The reference leaves the accuracy unscaled, so that its best value for V classes is 1 - 1/V.

    References
    ----------
    Kumar, Sattigeri and Balakrishnan 2018, *Variational Inference of Disentangled Latent Concepts
    from Unlabeled Observations*, https://arxiv.org/abs/1711.00848

    Examples
    --------
    >>> factors = np.random.default_rng(0).random((1000, 2))
    >>> sap(factors, factors) > 0.98
    True
    """
    codes, factors = _checked(codes, factors)
    factors, is_class = _with_classes(factors, categorical)
    scores = np.empty((codes.shape[1], factors.shape[1]))
    for k, factor in enumerate(factors.T):
        for h, code in enumerate(codes.T):
            score = _accuracy_of_thresholds if is_class[k] else _squared_correlation
            scores[h, k] = score(code, factor)
    return float(_lead(scores))


@dataclass(frozen=True, eq=False)
class DCI:
    """Hold disentanglement, completeness and informativeness of codes; see `dci`.

    Attributes
    ----------
    disentanglement, completeness, informativeness : float
        Each in [0, 1], higher is better.
    importance : ndarray of shape (H, K)
        The importance of each component for each factor; the columns add up to 1.
    """

    disentanglement: float
    completeness: float
    informativeness: float
    importance: Matrix


def dci(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    categorical: Sequence[int] = (),
    random_state: int = 0,
) -> DCI:
    r"""Measure disentanglement, completeness and informativeness by random forests.

    A forest learns each factor from the codes of one half of the samples. With the importance
    :math:`R_{hk}` of component h for factor k:

    .. math::
        D = \sum_h \frac{\sum_k R_{hk}}{\sum_{hk} R_{hk}}
            \left( 1 - H_K\!\left( \frac{R_{h \cdot}}{\sum_k R_{hk}} \right) \right), \qquad
        C = \frac1K \sum_k
            \left( 1 - H_H\!\left( \frac{R_{\cdot k}}{\sum_h R_{hk}} \right) \right)

    with the entropy :math:`H_N` to the base N. D is 1 if each component that is used serves one
    factor, C if each factor uses one component. The informativeness is the mean over the factors of
    one minus the forest's error in the other half, over the error of the best constant: squared
    errors of numbers, wrong answers of classes.

    Parameters
    ----------
    codes : array-like of shape (n, H), H >= 2
        Posterior means, as a rule.
    factors : array-like of shape (n, K), K >= 2
        The factors that the samples were made from.
    categorical : sequence of int, default=()
        The columns of ``factors`` that are classes.
    random_state : int >= 0, default=0
        Seed of the halves and of the forests.

    Returns
    -------
    DCI
        The three values, and the matrix of importances.

    Raises
    ------
    DataError
        If the arrays do not match, have fewer than two columns or ten rows, hold no finite numbers,
        or if a factor has only one value.
    SettingError
        If ``categorical`` names a column that does not exist.

    References
    ----------
    Eastwood and Williams 2018, *A Framework for the Quantitative Evaluation of Disentangled
    Representations*, https://openreview.net/forum?id=By-7dz-AZ

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(4, size=(1000, 2))
    >>> result = dci(factors, factors)
    >>> round(result.disentanglement, 6), round(result.completeness, 6), result.informativeness
    (1.0, 1.0, 1.0)
    """
    codes, factors = _checked(codes, factors)
    if min(codes.shape[1], factors.shape[1]) < 2 or len(codes) < 2 * FEWEST_IN_LEAF:
        raise DataError(
            f"codes and factors must have at least {2 * FEWEST_IN_LEAF} rows and two columns, got "
            f"the shapes {codes.shape} and {factors.shape}."
        )
    factors, is_class = _with_classes(factors, categorical)
    seeds = numpy_generator(random_state, Purpose.EVALUATION, _FORESTS)
    split = halves(len(codes), random_state)
    results = [
        _forest(codes, factor, split, classes, int(seeds.integers(2**31)))
        for factor, classes in zip(factors.T, is_class, strict=True)
    ]
    importance = np.stack([column for column, _ in results], axis=1)
    used = importance.sum(axis=1) > 0
    shares = importance[used].sum(axis=1) / importance.sum()
    serves = 1 - _relative_entropy(importance[used], axis=1)
    uses = 1 - _relative_entropy(importance, axis=0)
    return DCI(
        disentanglement=float(shares @ serves),
        completeness=float(uses.mean()),
        informativeness=float(np.mean([score for _, score in results])),
        importance=importance,
    )


def _checked(codes: ArrayLike, factors: ArrayLike) -> tuple[Matrix, Matrix]:
    """Return codes and factors as finite matrices with the same number of samples."""
    arrays = []
    for name, value in (("codes", codes), ("factors", factors)):
        array = np.asarray(value, dtype=np.float64)
        if array.ndim != 2 or 0 in array.shape:
            raise DataError(f"{name} must have the shape (samples, columns), got {array.shape}.")
        check_finite(array, name)
        arrays.append(array)
    z, v = arrays
    if len(z) != len(v):
        raise DataError(
            f"codes and factors must have one row per sample, got {len(z)} and {len(v)} rows."
        )
    constant = np.flatnonzero(np.ptp(v, axis=0) == 0)
    if len(constant):
        raise DataError(
            f"factors must have at least two values in each column, got one in column "
            f"{constant[0]} (counting from 0). Leave this column out."
        )
    return z, v


def _with_classes(factors: Matrix, categorical: Sequence[int]) -> tuple[Matrix, NDArray[np.bool_]]:
    """Return the factors with numbered classes, and which of them are classes, shape (K,)."""
    n_factors = factors.shape[1]
    if not set(categorical) <= set(range(n_factors)):
        raise SettingError(
            f"categorical must hold columns of factors, 0 to {n_factors - 1}, got {categorical!r}."
        )
    factors = factors.copy()
    for k in categorical:
        factors[:, k] = np.unique(factors[:, k], return_inverse=True)[1]
    return factors, np.isin(np.arange(n_factors), list(categorical))


def _binned(column: Matrix, n_bins: int) -> NDArray[np.intp]:
    """Number the values of a column, or its bins where there are more values than bins."""
    values, numbers = np.unique(column, return_inverse=True)
    if len(values) <= n_bins:
        return numbers
    edges = np.histogram_bin_edges(column, n_bins)
    return np.digitize(column, edges[1:-1])


def _lead(scores: Matrix) -> Any:
    """Return the mean over columns of the gap between the largest and second largest value."""
    ordered = np.sort(scores, axis=0)[::-1]
    second = ordered[1] if len(ordered) > 1 else 0.0
    return np.mean(ordered[0] - second)


def _relative_entropy(weights: Matrix, axis: int) -> Matrix:
    """Return the entropy of weights >= 0 along an axis, relative to that of equal weights."""
    p = weights / weights.sum(axis=axis, keepdims=True)
    nats = -(p * np.log(np.where(p > 0, p, 1))).sum(axis=axis)
    relative: Matrix = nats / np.log(p.shape[axis])
    return relative


def _squared_correlation(code: Matrix, factor: Matrix) -> float:
    """Return R² of the linear regression from one component."""
    if np.ptp(code) == 0:
        return 0.0
    return float(np.corrcoef(code, factor)[0, 1] ** 2)


def _accuracy_of_thresholds(code: Matrix, factor: Matrix) -> float:
    """Return the balanced accuracy of one interval per class, scaled so that chance is 0."""
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.tree import DecisionTreeClassifier

    n_classes = len(np.unique(factor))
    tree = DecisionTreeClassifier(max_leaf_nodes=n_classes, class_weight="balanced", random_state=0)
    predicted = tree.fit(code[:, None], factor).predict(code[:, None])
    return float(balanced_accuracy_score(factor, predicted, adjusted=True))


def _forest(
    codes: Matrix,
    factor: Matrix,
    split: tuple[NDArray[Any], NDArray[Any]],
    classes: bool,
    seed: int,
) -> tuple[Matrix, float]:
    """Return the importances (H,) of the components for one factor, and its informativeness."""
    from sklearn.dummy import DummyClassifier, DummyRegressor
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    train, test = split
    settings = {
        "n_estimators": N_TREES,
        "max_features": None,  # by default a tree may not see the component that decides
        "min_samples_leaf": FEWEST_IN_LEAF,
        "random_state": seed,
    }
    if classes:
        forest = RandomForestClassifier(**settings)
        constant = DummyClassifier(strategy="most_frequent")
    else:
        forest, constant = RandomForestRegressor(**settings), DummyRegressor()

    def error(predictor: Any) -> float:
        predicted = predictor.fit(codes[train], factor[train]).predict(codes[test])
        wrong = predicted != factor[test] if classes else np.square(predicted - factor[test])
        return float(wrong.mean())

    score = 1 - error(forest) / max(error(constant), np.finfo(float).tiny)
    importance = forest.feature_importances_
    if not importance.any():  # constant codes
        importance = np.full_like(importance, 1 / len(importance))
    return importance, max(score, 0.0)
