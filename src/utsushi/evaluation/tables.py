"""The quality of synthetic tables and of imputed values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.seeds import Purpose, numpy_generator, seed_from
from utsushi.evaluation.anomalies import roc_auc
from utsushi.evaluation.copula import GaussianCopula, gather
from utsushi.evaluation.estimate import Estimate
from utsushi.evaluation.frames import Field, Matrix, native_frame, read_tables
from utsushi.evaluation.rows import chosen_rows
from utsushi.evaluation.two_samples import NEAR_PERCENTILE, jackknife_error, nearest_distances
from utsushi.exceptions import DataError, SettingError

__all__ = [
    "associations",
    "evaluate_imputation",
    "evaluate_synthetic",
    "independent_columns",
]

#: The fewest rows of each table.
FEWEST_ROWS = 20

#: The most rows of each table that are compared, and that a classifier learns from.
MOST_ROWS = 10_000

#: The most rows of each table whose distances to all training rows are taken.
MOST_DISTANT_ROWS = 2_000

#: The most columns whose pairs are compared.
MOST_PAIRED_COLUMNS = 60

#: The most categories of a column in a pair; rarer ones are taken together.
MOST_PAIRED_CATEGORIES = 20

#: The most categories that gradient boosting and distances tell apart; rarer ones are taken
#: together. scikit-learn's gradient boosting takes 255.
MOST_CATEGORIES = 254

#: The most classes of a target.
MOST_CLASSES = 50

#: Folds of the classifier that tells real from synthetic rows, and trees of gradient boosting.
N_FOLDS, N_TREES = 5, 100

# Steps of the paths of random numbers; see `utsushi.evaluation.rows`.
_INDEPENDENT, _LEARNERS, _PAIRED = 11, 12, 13

RandomState = int | np.random.RandomState | None
Split = tuple[Matrix, Matrix]


# --- synthetic tables ---------------------------------------------------------------------------


def evaluate_synthetic(
    synthetic: Any,
    train: Any,
    test: Any = None,
    *,
    target: str | None = None,
    random_state: RandomState = 0,
) -> dict[str, Any]:
    r"""Compare a synthetic table with real rows.

    **Columns.** The error of a number is the larger of the Kolmogorov-Smirnov distance between the
    present values and the difference between the shares of gaps; that of a category is the total
    variation, with the gap as one more category:

    .. math::
        \mathrm{KS} = \max_x |F_s(x) - F_r(x)|, \qquad
        \mathrm{TV} = \tfrac12 \sum_c |p_s(c) - p_r(c)|.

    **Pairs.** The error of two numbers is the absolute difference :math:`|\rho_s - \rho_r|` of
    their Spearman correlations. That of a number and a category compares the mean rank of the
    number in each category, a vector form of the difference of two correlation ratios:

    .. math:: \sqrt{\sum_c \frac{p_s(c) + p_r(c)}{2} \left( m_s(c) - m_r(c) \right)^2},

    with the share p(c) of a category and the mean m(c) of the ranks in it, ranks being standardized
    to mean 0 and variance 1. Where one table has no dependence, it is the correlation ratio of
    the other. Both are taken over the rows in which the numbers are present. The error of two
    categories is the total variation of their contingency table; it includes the errors of the two
    columns. Gaps of categories are a category.

    **Real or synthetic.** Gradient boosting learns to tell synthetic rows from real ones, in five
    folds. Its ROC-AUC is 0.5 if it cannot, and 1 if it always can.

    **Train on synthetic, test on real.** Gradient boosting learns the target from synthetic rows,
    and predicts it for ``test``: ROC-AUC of a category or of a number with two values (the mean of
    one class against all others, where there are more), :math:`R^2` of other numbers.

    **Privacy.** The distance of two rows is Euclidean: numbers in standard deviations of the
    training rows, plus one for each category that differs, and for each value that only one row
    has. Measured is the distance of a synthetic row to the closest training row, for at most 2,000
    rows.

    Each figure has that of three other tables with as many rows, measured in the same way:
    ``floor``, training rows, which differ from ``test`` by chance alone (for privacy: rows of
    ``test``); ``copula``, a `GaussianCopula` of the training rows; ``independent``, training rows
    with each column shuffled.

    Parameters
    ----------
    synthetic : DataFrame of pandas or polars, of n >= 20 rows
    train : DataFrame, of at least 20 rows and with the same columns
        The rows that the model was fitted to, all of them. Its columns decide what is a number:
        numbers and dates are, booleans, strings and categoricals are categories. Values may be
        missing anywhere.
    test : DataFrame, of at least 20 rows, optional
        Real rows that the model has not seen. Without it, synthetic rows are compared with
        ``train``, and there is no floor.
    target : str, optional
        The column to predict; it needs ``test``.
    random_state : int, RandomState or None, default=0
        Decides the baselines, the folds, and which rows are compared if there are more than 10,000.

    Returns
    -------
    dict
        Ready for JSON. Figures are an `Estimate` as a dict, with the baselines under ``"floor"``,
        ``"copula"`` and ``"independent"``, each an `Estimate` as a dict, or None:

        ``column_error``, ``pair_error``
            The means over columns, in [0, 1], and over pairs (of at most 60 columns), in [0, 2]; 0
            is best.
        ``real_or_synthetic``
            The ROC-AUC of the classifier; 0.5 is best. Below 0.5 if synthetic rows repeat the rows
            that they are compared with.
        ``target_roc_auc`` or ``target_r2``
            Higher is better; the floor is training on real rows.
        ``nearest_training_row``
            The median distance. Clearly below the floor if training rows are memorized.
        ``share_near_training_row``
            With ``test``, the share of rows as close to a training row as the closest 1 % of
            ``test``: about 0.01 where nothing is memorized. Where 1 % of ``test`` are copies
            themselves, it is the share of copies.
        ``copied_rows``
            The share of rows that are equal to a training row, to the last bit.
        ``columns``
            By name: ``metric`` ("ks" or "total_variation"), its ``value``, the difference
            ``missing`` between the shares of gaps, and the values of the baselines.
        ``pairs``
            A list: the two ``columns``, ``metric`` ("spearman", "mean_rank" or "total_variation"),
            ``value``, and the values of the baselines.

        ``n_synthetic``, ``n_train``, ``n_test``, ``n_compared`` (the synthetic rows that are
        compared), ``target`` and ``seed``.

    Raises
    ------
    DataError
        If an argument is not a data frame, has too few rows or other columns than ``train``, or
        holds infinity or lists.
    SettingError
        If ``target`` is no column, has fewer than two or more than 50 classes, or if ``test`` is
        missing.

    References
    ----------
    Errors of columns, of two numbers and of two categories are those of SDMetrics,
    https://docs.sdv.dev/sdmetrics, whose scores are one minus the error; it halves the difference
    of correlations, and puts the number of a mixed pair into bins. The correlation ratio: Fisher
    1925, *Statistical Methods for Research Workers*. Lopez-Paz and Oquab
    2017, *Revisiting Classifier Two-Sample Tests*, https://arxiv.org/abs/1610.06545; Esteban,
    Hyland and Rätsch 2017, *Real-valued (Medical) Time Series Generation with Recurrent
    Conditional GANs*, https://arxiv.org/abs/1706.02633 (train on synthetic, test on real)

    Examples
    --------
    >>> import pandas as pd
    >>> X = np.random.default_rng(0).normal(size=(300, 2)) @ [[1, 2], [0, 1]]
    >>> real = pd.DataFrame(X, columns=["a", "b"])
    >>> found = evaluate_synthetic(real[:100], real[100:200], real[200:])
    >>> found["column_error"]["value"] < 0.2 < found["pair_error"]["independent"]["value"]
    True
    """
    seed = seed_from(random_state)
    frames = {"train": train, "synthetic": synthetic} | ({} if test is None else {"test": test})
    fields, tables = read_tables(frames)
    for what, rows in tables.items():
        if len(rows) < FEWEST_ROWS:
            raise DataError(f"{what} must have at least {FEWEST_ROWS} rows, got {len(rows)}.")
    X_train, X_test = tables["train"], tables.get("test")
    predicted = None if target is None else _Target.of(target, fields, X_train, X_test)
    real = X_train if X_test is None else X_test
    real = real[chosen_rows(len(real), MOST_ROWS, seed)]
    n = min(len(tables["synthetic"]), len(X_train), MOST_ROWS)
    candidates = {
        "synthetic": tables["synthetic"][chosen_rows(len(tables["synthetic"]), n, seed)],
        "copula": _taken(X_train, GaussianCopula().fit_matrix(X_train).sample_rows(n, seed)),
        "independent": _taken(X_train, _independent_rows(len(X_train), len(fields), n, seed)),
    }
    if X_test is not None:
        candidates["floor"] = X_train[chosen_rows(len(X_train), n, seed)]

    comparison = _Comparison(fields, X_train, real, seed)
    measured: dict[str, dict[str, Estimate]] = {}
    for name, rows in candidates.items():
        measured[name] = {
            **comparison.errors(rows),
            "real_or_synthetic": comparison.real_or_synthetic(rows),
        }
    if predicted is not None and X_test is not None:
        figure = "target_roc_auc" if predicted.has_classes else "target_r2"
        for name, score in _target_scores(comparison, candidates, X_test, predicted).items():
            measured[name][figure] = score
    private = {**candidates, "floor": real} if X_test is not None else candidates
    for name, close in _privacy(comparison, private, has_test=X_test is not None).items():
        measured[name] |= close

    return {
        **{
            name: estimate.to_json() | _baselines(measured, name)
            for name, estimate in measured["synthetic"].items()
        },
        "columns": comparison.by_column(candidates),
        "pairs": comparison.by_pair(candidates),
        "n_synthetic": len(tables["synthetic"]),
        "n_train": len(X_train),
        "n_test": None if X_test is None else len(X_test),
        "n_compared": n,
        "target": target,
        "seed": seed,
    }


def _baselines(measured: Mapping[str, Mapping[str, Estimate]], name: str) -> dict[str, Any]:
    """Return a figure of the baselines, ready for JSON."""
    return {
        baseline: measured[baseline][name].to_json() if baseline in measured else None
        for baseline in ("floor", "copula", "independent")
    }


def independent_columns(df: Any, n: int, random_state: RandomState = 0) -> Any:
    """Draw rows whose columns are shuffled values of a table, so that no column depends on another.

    Parameters
    ----------
    df : DataFrame of pandas or polars
    n : int >= 1
        How many rows. Up to the number of rows of ``df``, each value is taken at most once.
    random_state : int, RandomState or None, default=0

    Returns
    -------
    DataFrame
        Of the library, the columns and the types of ``df``.

    Examples
    --------
    >>> import pandas as pd
    >>> drawn = independent_columns(pd.DataFrame({"a": [1, 2, 3], "b": [4, 5, 6]}), 3)
    >>> sorted(drawn["a"]), sorted(drawn["b"])
    ([1, 2, 3], [4, 5, 6])
    """
    frame = native_frame(df, "df")
    if not isinstance(n, int | np.integer) or n < 1 or not len(frame):
        raise SettingError(f"n must be a positive integer and df have rows, got {n!r}.")
    rows = _independent_rows(len(frame), len(frame.columns), int(n), seed_from(random_state))
    return gather(frame, rows)


def _independent_rows(n_rows: int, n_columns: int, n: int, seed: int) -> NDArray[np.intp]:
    """Return the rows (n, D) from which the columns take their values."""
    generator = numpy_generator(seed, Purpose.EVALUATION, _INDEPENDENT)
    orders = [
        np.concatenate([generator.permutation(n_rows) for _ in range(-(-n // n_rows))])[:n]
        for _ in range(n_columns)
    ]
    return np.column_stack(orders)


def _taken(X: Matrix, rows: NDArray[np.intp]) -> Matrix:
    """Return the rows whose columns are those of X at the rows (n, D)."""
    return np.take_along_axis(X, rows, axis=0)


class _Comparison:
    """What all comparisons with one set of real rows share: ranks of categories and units.

    Attributes
    ----------
    fields : list of D Field
    train : ndarray of shape (k, D)
        The training rows, which decide ranks of categories and standard deviations.
    real : ndarray of shape (m, D)
        The rows to compare with.
    seed : int
    """

    def __init__(self, fields: list[Field], train: Matrix, real: Matrix, seed: int) -> None:
        self.fields, self.train, self.real, self.seed = fields, train, real, seed
        self.is_number = np.array([field.is_number for field in fields])
        generator = numpy_generator(seed, Purpose.EVALUATION, _PAIRED)
        some = generator.permutation(len(fields))[:MOST_PAIRED_COLUMNS]
        self.paired = np.sort(some)
        #: Of each category, how many are more frequent among the training rows.
        self.ranks = [
            None if field.categories is None else _ranks(train[:, j], len(field.categories))
            for j, field in enumerate(fields)
        ]

    def pooled(self, X: Matrix, most: int) -> Matrix:
        """Return rows with categories numbered by their frequency, the rarest as one."""
        X = X.copy()
        for j, ranks in enumerate(self.ranks):
            if ranks is not None:
                present = ~np.isnan(X[:, j])
                X[present, j] = np.minimum(ranks[X[present, j].astype(np.intp)], most - 1)
        return X

    # --- columns and pairs ---

    def errors(self, rows: Matrix) -> dict[str, Estimate]:
        """Return the mean error of the columns and of the pairs, with that of the jackknife."""
        a, b = _Rows(self, rows), _Rows(self, self.real)
        upper = np.triu_indices(len(self.paired), 1)

        def column_error(i: NDArray[Any], j: NDArray[Any]) -> float:
            return float(_column_errors(self.fields, rows[i], self.real[j])[0].mean())

        def pair_error(i: NDArray[Any], j: NDArray[Any]) -> float:
            return float(_pair_errors(a, b, i, j)[upper].mean())

        each = np.arange(len(rows)), np.arange(len(self.real))
        statistics = {"column_error": column_error}
        if len(self.fields) > 1:
            statistics["pair_error"] = pair_error
        return {
            name: Estimate(
                statistic(*each),
                jackknife_error(statistic, *each, random_state=self.seed),
                len(rows),
                self.seed,
            )
            for name, statistic in statistics.items()
        }

    def by_column(self, candidates: Mapping[str, Matrix]) -> dict[str, Any]:
        """Return the error of each column, and those of the baselines."""
        errors = {
            name: _column_errors(self.fields, rows, self.real) for name, rows in candidates.items()
        }
        values, missing = errors["synthetic"]
        return {
            field.name: {
                "metric": "ks" if field.is_number else "total_variation",
                "value": float(values[j]),
                "missing": float(missing[j]),
                **{name: float(errors[name][0][j]) for name in errors if name != "synthetic"},
            }
            for j, field in enumerate(self.fields)
        }

    def by_pair(self, candidates: Mapping[str, Matrix]) -> list[dict[str, Any]]:
        """Return the error of each pair, and those of the baselines."""
        metrics = ("total_variation", "mean_rank", "spearman")
        b = _Rows(self, self.real)
        each = np.arange(len(self.real))
        errors = {
            name: _pair_errors(_Rows(self, rows), b, np.arange(len(rows)), each)
            for name, rows in candidates.items()
        }
        fields = [self.fields[j] for j in self.paired]
        return [
            {
                "columns": [fields[i].name, fields[j].name],
                "metric": metrics[int(fields[i].is_number) + int(fields[j].is_number)],
                "value": float(errors["synthetic"][i, j]),
                **{name: float(errors[name][i, j]) for name in errors if name != "synthetic"},
            }
            for i, j in zip(*np.triu_indices(len(fields), 1), strict=True)
        ]

    # --- learners ---

    def real_or_synthetic(self, rows: Matrix) -> Estimate:
        """Return how well gradient boosting tells rows from real ones, over folds."""
        from sklearn.model_selection import StratifiedKFold

        n = min(len(rows), len(self.real))  # as many of both
        parts = [part[chosen_rows(len(part), n, self.seed)] for part in (rows, self.real)]
        X = self.pooled(np.concatenate(parts), MOST_CATEGORIES)
        is_real = np.repeat([False, True], n)
        seed = self.learner_seed
        folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed).split(X, is_real)
        areas = []
        for train, test in folds:
            learner = _GradientBoosting(seed, self.is_number, classes=True)
            scores = learner.fit(X[train], is_real[train]).predict_proba(X[test])[:, 1]
            real = is_real[test]
            areas.append(roc_auc(scores[real], scores[~real]))
        return Estimate(
            float(np.mean([area.value for area in areas])),
            math.sqrt(sum(area.standard_error**2 for area in areas)) / N_FOLDS,
            2 * n,
            self.seed,
        )

    @property
    def learner_seed(self) -> int:
        """The seed of scikit-learn's learners."""
        return int(numpy_generator(self.seed, Purpose.EVALUATION, _LEARNERS).integers(2**31))

    # --- distances ---

    def embedded(self, X: Matrix) -> NDArray[np.float32]:
        """Return points whose Euclidean distances are those of the rows."""
        X, train = (self.pooled(rows, MOST_CATEGORIES) for rows in (X, self.train))
        features: list[Matrix] = []
        for j, field in enumerate(self.fields):
            column, present = X[:, j], train[~np.isnan(train[:, j]), j]
            if field.categories is None:
                spread = present.std() if len(present) else 0.0
                centre = present.mean() if len(present) else 0.0
                standardized = (column - centre) / (spread or 1.0)
                features.append(np.nan_to_num(standardized))
                features.append(np.isnan(column).astype(np.float64))
            else:
                n_codes = min(len(field.categories), MOST_CATEGORIES)
                codes = np.where(np.isnan(column), n_codes, column)
                # Two rows that differ have a distance of one.
                features += list((codes == np.arange(n_codes + 1)[:, None]) / math.sqrt(2))
        points: NDArray[np.float32] = np.column_stack(features).astype(np.float32)
        return points


def _ranks(codes: Matrix, n_codes: int) -> NDArray[np.intp]:
    """Return the rank (n_codes,) of each code by its frequency; 0 is the most frequent."""
    counts = np.bincount(codes[~np.isnan(codes)].astype(np.intp), minlength=n_codes)
    ranks = np.empty(n_codes, np.intp)
    ranks[np.argsort(-counts, kind="stable")] = np.arange(n_codes)
    return ranks


# --- errors of columns and pairs ----------------------------------------------------------------


def _column_errors(fields: Sequence[Field], a: Matrix, b: Matrix) -> tuple[Matrix, Matrix]:
    """Return the error (D,) of each column, and the difference (D,) of the shares of gaps."""
    missing = np.abs(np.isnan(a).mean(axis=0) - np.isnan(b).mean(axis=0))
    errors = np.empty(len(fields))
    for j, field in enumerate(fields):
        if field.categories is None:
            distance = _kolmogorov_smirnov(a[:, j], b[:, j])
            errors[j] = max(distance, missing[j])
        else:
            codes = [np.nan_to_num(rows[:, j], nan=len(field.categories)) for rows in (a, b)]
            errors[j] = _total_variation(*(code.astype(np.intp) for code in codes))
    return errors, missing


def _kolmogorov_smirnov(a: Matrix, b: Matrix) -> float:
    """Return the largest difference of the distributions of the present values."""
    a, b = (np.sort(column[~np.isnan(column)]) for column in (a, b))
    if not len(a) or not len(b):
        return float(len(a) != len(b))
    at = np.concatenate([a, b])
    below = [np.searchsorted(column, at, side="right") / len(column) for column in (a, b)]
    return float(np.abs(below[0] - below[1]).max())


def _total_variation(a: NDArray[np.intp], b: NDArray[np.intp]) -> float:
    """Return half the sum of the differences of the shares of each code."""
    n_codes = int(max(a.max(), b.max())) + 1
    shares = [np.bincount(codes, minlength=n_codes) / len(codes) for codes in (a, b)]
    return float(np.abs(shares[0] - shares[1]).sum() / 2)


class _Rows:
    """Rows as the comparison of pairs needs them.

    Attributes
    ----------
    is_number : ndarray of shape (D,)
        Of the paired columns.
    numbers : ndarray of shape (n, number of paired numbers)
    indicators : ndarray of shape (n, W)
        One for the category of the row, for each paired category and its gap.
    starts : ndarray of int
        The first column of ``indicators`` of each paired category.
    """

    def __init__(self, comparison: _Comparison, X: Matrix) -> None:
        self.is_number = comparison.is_number[comparison.paired]
        codes = comparison.pooled(X, MOST_PAIRED_CATEGORIES)[:, comparison.paired]
        self.numbers = codes[:, self.is_number]
        codes = codes[:, ~self.is_number]
        widths = [
            min(len(categories), MOST_PAIRED_CATEGORIES) + 1
            for categories in (comparison.fields[j].categories for j in comparison.paired)
            if categories is not None
        ]
        ends = np.cumsum([0, *widths])
        self.starts = ends[:-1]
        columns = np.where(np.isnan(codes), ends[1:] - 1, codes + self.starts).astype(np.intp)
        self.indicators = np.zeros((len(X), ends[-1]))
        self.indicators[np.arange(len(X))[:, None], columns] = 1


def _pair_errors(a: _Rows, b: _Rows, of_a: NDArray[Any], of_b: NDArray[Any]) -> Matrix:
    """Return the error (D, D) of each pair between some rows of both."""
    both = ((a, of_a), (b, of_b))
    ranks = [_standardized_ranks(rows.numbers[some]) for rows, some in both]
    present = [(~np.isnan(rows.numbers[some])).astype(np.float64) for rows, some in both]
    cells = [rows.indicators[some] for rows, some in both]
    numbers, categories = np.flatnonzero(a.is_number), np.flatnonzero(~a.is_number)
    errors = np.zeros((len(a.is_number), len(a.is_number)))

    rho = [_correlations(*one) for one in zip(ranks, present, strict=True)]
    errors[np.ix_(numbers, numbers)] = np.abs(rho[0] - rho[1])
    if not len(categories):
        return errors
    tables = [one.T @ one / len(one) for one in cells]
    differences = np.abs(tables[0] - tables[1]) / 2
    errors[np.ix_(categories, categories)] = np.add.reduceat(
        np.add.reduceat(differences, a.starts, axis=0), a.starts, axis=1
    )
    counts = [one.T @ cell for one, cell in zip(present, cells, strict=True)]
    means = [
        one.T @ cell / np.maximum(count, 1)
        for one, cell, count in zip(ranks, cells, counts, strict=True)
    ]
    shares = [
        count / np.maximum(one.sum(axis=0), 1)[:, None]
        for count, one in zip(counts, present, strict=True)
    ]
    squares = (shares[0] + shares[1]) / 2 * np.square(means[0] - means[1])
    mixed = np.sqrt(np.add.reduceat(squares, a.starts, axis=1))
    errors[np.ix_(numbers, categories)] = mixed
    errors[np.ix_(categories, numbers)] = mixed.T
    return errors


def _standardized_ranks(X: Matrix) -> Matrix:
    """Return the ranks of the present values with mean 0 and variance 1, and 0 for gaps.

    Those of a constant column are 0.
    """
    from scipy.stats import rankdata

    if not X.size:
        return X
    ranks = rankdata(X, axis=0, nan_policy="omit")
    present = ~np.isnan(X)
    counts = np.maximum(present.sum(axis=0), 1)
    ranks = np.where(present, ranks - (counts + 1) / 2, 0.0)
    deviations = np.sqrt(np.square(ranks).sum(axis=0) / counts)
    return np.asarray(ranks / np.where(deviations > 0, deviations, 1.0))


def _correlations(ranks: Matrix, present: Matrix) -> Matrix:
    """Return the correlations (D, D) over the rows in which both are present; 0 if constant."""
    counts = np.maximum(present.T @ present, 1)
    sums, squares = ranks.T @ present / counts, np.square(ranks).T @ present / counts
    covariance = ranks.T @ ranks / counts - sums * sums.T
    variance = squares - np.square(sums)
    scale = np.sqrt((variance * variance.T).clip(0))
    varies = scale > 1e-9
    return np.asarray(np.where(varies, covariance / np.where(varies, scale, 1.0), 0.0))


def _spearman(X: Matrix) -> Matrix:
    """Return the Spearman correlations (D, D), with ranks among all present values of a column."""
    return _correlations(_standardized_ranks(X), (~np.isnan(X)).astype(np.float64))


def associations(df: Any) -> Matrix:
    r"""Measure how strongly each pair of columns of a table depends on each other.

    Two numbers: Spearman's correlation :math:`\rho`, in [-1, 1]. A number and a category: the
    correlation ratio of the ranks r of the number,

    .. math:: \eta = \sqrt{\frac{\sum_c n_c (\bar r_c - \bar r)^2}{\sum_i (r_i - \bar r)^2}}.

    Two categories: Cramér's V,

    .. math:: V = \sqrt{\frac{\chi^2 / n}{\min(k, l) - 1}},

    of a contingency table of k and l categories. Both are in [0, 1], and of n rows of independent
    columns not 0 but about :math:`1/\sqrt n` times the root of the number of categories. All are
    taken over the rows in which both columns are present.

    Parameters
    ----------
    df : DataFrame of pandas or polars, of D columns

    Returns
    -------
    ndarray of shape (D, D)
        Symmetric, with ones on the diagonal; 0 where a column is constant.

    References
    ----------
    Cramér 1946, *Mathematical Methods of Statistics*

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"a": [1, 2, 3, 4], "b": [8, 4, 2, 1], "c": ["x", "x", "y", "y"]})
    >>> associations(frame).round(3)
    array([[ 1.   , -1.   ,  0.894],
           [-1.   ,  1.   ,  0.894],
           [ 0.894,  0.894,  1.   ]])
    """
    fields, tables = read_tables({"df": df})
    X = tables["df"]
    matrix = np.eye(len(fields))
    for i, a in enumerate(fields):
        for j, b in enumerate(fields[:i]):
            both = ~np.isnan(X[:, [i, j]]).any(axis=1)
            x, y = X[both, i], X[both, j]
            if a.is_number and b.is_number:
                value = _spearman(np.column_stack([x, y]))[0, 1]
            elif a.is_number or b.is_number:
                value = _correlation_ratio(*((x, y) if a.is_number else (y, x)))
            else:
                value = _cramers_v(x, y)
            matrix[i, j] = matrix[j, i] = value
    return matrix


def _correlation_ratio(numbers: Matrix, codes: Matrix) -> float:
    """Return the root of the part of the variance of the ranks that is between categories."""
    from scipy.stats import rankdata

    if not len(numbers) or np.ptp(numbers) == 0:
        return 0.0
    ranks = rankdata(numbers)
    ranks -= ranks.mean()
    _, of = np.unique(codes, return_inverse=True)
    between = (np.bincount(of, ranks) ** 2 / np.bincount(of)).sum()
    return math.sqrt(min(between / (ranks @ ranks), 1.0))


def _cramers_v(a: Matrix, b: Matrix) -> float:
    """Return Cramér's V of two columns of codes."""
    from scipy.stats.contingency import association, crosstab

    if not len(a) or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(association(crosstab(a, b).count, method="cramer"))


# --- learners -----------------------------------------------------------------------------------


class _GradientBoosting:
    """Gradient boosting that knows which columns are categories, and accepts empty columns."""

    def __init__(self, seed: int, is_number: NDArray[np.bool_], *, classes: bool) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        kind = HistGradientBoostingClassifier if classes else HistGradientBoostingRegressor
        self.model = kind(categorical_features=~is_number, max_iter=N_TREES, random_state=seed)

    def fit(self, X: Matrix, y: NDArray[Any]) -> _GradientBoosting:
        """Learn from rows, in which NaN is a value of its own."""
        self.model.fit(np.where(np.isnan(X).all(axis=0), 0.0, X), y)
        return self

    def predict_proba(self, X: Matrix) -> Matrix:
        """Return the probabilities (n, C) of the classes."""
        return np.asarray(self.model.predict_proba(X))

    def predict(self, X: Matrix) -> Matrix:
        """Return the predicted numbers (n,)."""
        return np.asarray(self.model.predict(X))


@dataclass(frozen=True)
class _Target:
    """The column to predict.

    Attributes
    ----------
    place : int
    threshold : float or None
        Of a number with two values, the middle between them.
    has_classes : bool
    """

    place: int
    threshold: float | None
    has_classes: bool

    @classmethod
    def of(
        cls, target: str, fields: Sequence[Field], train: Matrix, test: Matrix | None
    ) -> _Target:
        """Find the column, or raise an error if it cannot be predicted."""
        names = [field.name for field in fields]
        if target not in names:
            raise SettingError(f"target must be a column, one of {names}, got {target!r}.")
        if test is None:
            raise SettingError(
                f"target={target!r} must come with test, the rows to predict it for, got none. "
                "Hold some rows out of the training."
            )
        if len(names) == 1:
            raise SettingError(
                f"target must be predicted from other columns, got {target!r} alone."
            )
        place = names.index(target)
        levels, of_test = (np.unique(X[~np.isnan(X[:, place]), place]) for X in (train, test))
        is_number = fields[place].is_number
        has_classes = not is_number or len(levels) == 2
        if len(levels) < 2 or (has_classes and len(levels) > MOST_CLASSES):
            raise SettingError(
                f"target must have 2 to {MOST_CLASSES} classes, or be a number that varies, got "
                f"{target!r} with {len(levels)} values in train."
            )
        if len(of_test) < 2:
            raise DataError(
                f"test must hold at least two values of {target!r}, got {len(of_test)}."
            )
        threshold = float(levels.mean()) if is_number and has_classes else None
        return cls(place, threshold, has_classes)

    def split(self, rows: Matrix) -> tuple[Matrix, Matrix]:
        """Return the other columns (n, D - 1) and the target (n,) of the rows that have one."""
        rows = rows[~np.isnan(rows[:, self.place])]
        y = rows[:, self.place]
        if self.threshold is not None:
            y = (y > self.threshold).astype(np.float64)
        return np.delete(rows, self.place, axis=1), y


def _target_scores(
    comparison: _Comparison, candidates: Mapping[str, Matrix], test: Matrix, target: _Target
) -> dict[str, Estimate]:
    """Return by table how well gradient boosting that it trained predicts the target of others."""
    held_out = target.split(comparison.pooled(test, MOST_CATEGORIES))
    is_number = np.delete(comparison.is_number, target.place)
    measure = _area if target.has_classes else _r2
    return {
        name: replace(
            measure(
                target.split(comparison.pooled(rows, MOST_CATEGORIES)),
                held_out,
                _GradientBoosting(comparison.learner_seed, is_number, classes=target.has_classes),
            ),
            seed=comparison.seed,
        )
        for name, rows in candidates.items()
    }


def _area(train: Split, test: Split, learner: _GradientBoosting) -> Estimate:
    """Return the ROC-AUC for test rows, the mean of one class against the others if there are more.

    Of several classes no standard error is known.
    """
    (X, y), (X_test, y_test) = train, test
    levels = np.unique(y)
    probabilities = np.ones((len(X_test), len(levels)))
    if len(levels) > 1:  # else it predicts this one class
        probabilities = learner.fit(X, y).predict_proba(X_test)
    classes = np.unique(y_test)
    areas = []
    for level in classes[-1:] if len(classes) == 2 else classes:
        of_level = probabilities @ (levels == level)  # 0 for a class that was never seen
        areas.append(roc_auc(of_level[y_test == level], of_level[y_test != level]))
    if len(areas) == 1:
        return areas[0]
    return Estimate(float(np.mean([area.value for area in areas])), math.nan, len(y_test))


def _r2(train: Split, test: Split, learner: _GradientBoosting) -> Estimate:
    """Return the coefficient of determination for test rows, over these rows."""
    (X, y), (X_test, y_test) = train, test
    # From rows without a target nothing can be learned: the best constant.
    predicted = learner.fit(X, y).predict(X_test) if len(y) else np.full(len(y_test), y_test.mean())
    return Estimate.over(np.square(predicted - y_test)).scaled(-1 / float(y_test.var()), 1.0)


# --- privacy ------------------------------------------------------------------------------------


def _privacy(
    comparison: _Comparison, candidates: Mapping[str, Matrix], *, has_test: bool
) -> dict[str, dict[str, Estimate]]:
    """Return by table how close its rows are to the training rows."""
    train = comparison.embedded(comparison.train)
    seed = comparison.seed
    distances = {}
    for name, rows in candidates.items():
        some = rows[chosen_rows(len(rows), MOST_DISTANT_ROWS, seed)]
        distances[name] = nearest_distances(comparison.embedded(some), train)
    whole = {row.tobytes() for row in _comparable(comparison.train)}
    figures: dict[str, dict[str, Estimate]] = {}
    for name, near in distances.items():
        copied = [row.tobytes() in whole for row in _comparable(candidates[name])]
        figures[name] = {
            "nearest_training_row": Estimate(
                float(np.median(near)),
                jackknife_error(lambda a, _: float(np.median(a)), near, near, random_state=seed),
                len(near),
                seed,
            ),
            "copied_rows": Estimate.over(copied, seed),
        }
        if has_test:
            far = distances["floor"]
            figures[name]["share_near_training_row"] = Estimate(
                _share_near(near, far),
                jackknife_error(_share_near, near, far, random_state=seed),
                len(near),
                seed,
            )
    return figures


def _share_near(near: Matrix, far: Matrix) -> float:
    """Return the share of distances that are at most the first percentile of others."""
    return float((near <= np.percentile(far, NEAR_PERCENTILE)).mean())


def _comparable(X: Matrix) -> Matrix:
    """Return rows of which equal ones have equal bytes: one NaN, and no negative zero."""
    return np.ascontiguousarray(np.where(np.isnan(X), np.nan, X + 0.0))


# --- imputation ---------------------------------------------------------------------------------


def evaluate_imputation(
    original: Any,
    with_gaps: Any,
    imputed: Any,
    draws: Sequence[Any] | None = None,
    *,
    level: float = 0.9,
) -> dict[str, Any]:
    r"""Compare imputed values with those that were hidden.

    A value was hidden if it is missing in ``with_gaps`` and not in ``original``. For numbers and
    dates the measure is the root mean squared error over the standard deviation
    :math:`\sigma_j` of the original column,

    .. math:: \mathrm{NRMSE}_j = \frac{1}{\sigma_j} \sqrt{\mathrm{mean} (\hat x_{ij} - x_{ij})^2}
        \quad \text{over the hidden values of column } j,

    which is about 1 for the column's mean; for categories it is the share of right values.

    With M draws, the central interval of a value runs between the :math:`(1 - c) / 2` and the
    :math:`(1 + c) / 2` quantiles of its draws, the k-th smallest draw being the quantile
    :math:`k / (M + 1)`. So draws from the true distribution have the coverage c for any M; the
    intervals of ``numpy.quantile``'s default are too narrow (82 % in the place of 90 % with 20
    normal draws). The log density is that of Student's t,

    .. math:: \log t_{M-1}\!\left(\frac{x - \bar x}{s \sqrt{1 + 1/M}}\right)
        - \log \frac{s \sqrt{1 + 1/M}}{\sigma_j},

    with the mean and the standard deviation s of the draws: what M draws from a normal distribution
    say about one more. It is in nats per value, of the standardized value.

    Parameters
    ----------
    original : DataFrame of pandas or polars
        The table before values were hidden. Its columns decide what is a number, as in
        `evaluate_synthetic`. Values that it lacks are not measured.
    with_gaps : DataFrame of the same columns and rows
        The same without the hidden values.
    imputed : DataFrame of the same columns and rows
        The same with a value in each hidden place.
    draws : sequence of M DataFrame, optional
        Tables with values drawn from the distribution of the missing ones, as of
        ``sample_posterior=True``.
    level : float in (0, 1), default=0.9
        The probability c of the intervals. It needs at least 2 / (1 - c) - 1 draws, 19 for 90 %.

    Returns
    -------
    dict
        Ready for JSON. Figures are an `Estimate` as a dict; ``baseline`` holds that of the mean
        (of a category: the most frequent value) of the values that ``with_gaps`` has.

        ``nrmse``, ``accuracy``
            Over all hidden numbers and all hidden categories, with ``baseline``.
        ``coverage``, ``width``, ``log_density``
            With ``draws``: the share of hidden numbers within their intervals, the mean width of
            the intervals in standard deviations, and the mean log density; the last is left out
            where all draws of a value are equal.
        ``columns``
            By name, the same figures of one column.

        ``level``, ``n_draws``, and ``n_hidden``, the number of hidden values. Standard errors are
        over rows, which are independent; the values of one row are not.

    Raises
    ------
    DataError
        If the tables differ in columns or rows, nothing was hidden, values differ that were not
        hidden, or a hidden place is still empty in ``imputed`` or ``draws``.
    SettingError
        If ``level`` is not in (0, 1), or there are too few draws for it.

    References
    ----------
    van Buuren 2018, *Flexible Imputation of Missing Data*, https://stefvanbuuren.name/fimd, section
    2.5; Gelman et al. 2013, *Bayesian Data Analysis*, section 3.2 (the predictive distribution)

    Examples
    --------
    >>> import pandas as pd
    >>> original = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": ["x", "y", "x", "x"]})
    >>> with_gaps = pd.DataFrame({"a": [1.0, 2.0, 3.0, None], "b": [None, "y", "x", "x"]})
    >>> imputed = pd.DataFrame({"a": [1.0, 2.0, 3.0, 3.0], "b": ["x", "y", "x", "x"]})
    >>> found = evaluate_imputation(original, with_gaps, imputed)
    >>> round(found["nrmse"]["value"], 3), found["accuracy"]["value"]
    (0.894, 1.0)
    """
    drawn = {f"draws[{i}]": draw for i, draw in enumerate(() if draws is None else draws)}
    _check_level(level, len(drawn), has_draws=draws is not None)
    fields, tables = read_tables(
        {"original": original, "with_gaps": with_gaps, "imputed": imputed, **drawn}
    )
    truth, gaps = tables["original"], tables["with_gaps"]
    hidden = _hidden(fields, truth, gaps, tables)
    deviations = np.array([_deviation(truth[:, j]) for j in range(len(fields))])
    samples = np.stack([tables[what] for what in drawn]) if drawn else None

    columns: dict[str, Any] = {}
    values: dict[str, list[tuple[NDArray[np.intp], Matrix]]] = {}
    for j, field in enumerate(fields):
        rows = np.flatnonzero(hidden[:, j])
        if not len(rows):
            continue
        x, x_hat, column = truth[rows, j], tables["imputed"][rows, j], gaps[:, j]
        measured = {}
        if field.is_number:
            unit = deviations[j]
            measured["nrmse"] = np.square((x_hat - x) / unit)
            measured["baseline_nrmse"] = np.square((_mean(column) - x) / unit)
            if samples is not None:
                measured |= _of_draws(x / unit, samples[:, rows, j] / unit, level)
        else:
            measured["accuracy"] = (x_hat == x).astype(np.float64)
            measured["baseline_accuracy"] = (x == _mode(column)).astype(np.float64)
        columns[field.name] = _figures({name: [(rows, value)] for name, value in measured.items()})
        for name, value in measured.items():
            values.setdefault(name, []).append((rows, value))
    if len(values.get("log_density", [])) < len(values.get("nrmse", [])):
        values.pop("log_density", None)  # it would be that of some columns
    return {
        **_figures(values),
        "columns": columns,
        "level": level if drawn else None,
        "n_draws": len(drawn),
        "n_hidden": int(hidden.sum()),
    }


def _check_level(level: float, n_draws: int, *, has_draws: bool) -> None:
    if not 0 < level < 1:
        raise SettingError(f"level must be between 0 and 1, got {level!r}.")
    fewest = math.ceil(2 / (1 - level) - 1 - 1e-9)
    if has_draws and n_draws < max(fewest, 2):
        raise SettingError(
            f"draws must hold at least {max(fewest, 2)} tables for intervals of {level:.0%}, got "
            f"{n_draws}. Draw more, or set a lower level."
        )


def _hidden(
    fields: Sequence[Field], truth: Matrix, gaps: Matrix, tables: Mapping[str, Matrix]
) -> NDArray[np.bool_]:
    """Return which values were hidden, after a check that the tables belong together."""
    for what, X in tables.items():
        if len(X) != len(truth):
            raise DataError(f"{what} must have {len(truth)} rows, as original, got {len(X)}.")
    names = [field.name for field in fields]
    differs = ~np.isnan(gaps) & (gaps != truth)
    if differs.any():
        row, column = np.argwhere(differs)[0]
        raise DataError(
            "with_gaps must equal original where it has a value, but differs at row "
            f"{row}, column {names[column]!r} (counting from 0). Pass the rows in the same order."
        )
    hidden: NDArray[np.bool_] = np.isnan(gaps) & ~np.isnan(truth)
    if not hidden.any():
        raise DataError("with_gaps must lack values that original has, got none.")
    for what, X in tables.items():
        if what not in ("original", "with_gaps") and np.isnan(X[hidden]).any():
            row, column = np.argwhere(hidden & np.isnan(X))[0]
            raise DataError(
                f"{what} must have a value in each hidden place, got none at row {row}, column "
                f"{names[column]!r} (counting from 0)."
            )
    return hidden


def _deviation(column: Matrix) -> float:
    """Return the standard deviation of the present values; 1 if they are equal."""
    present = column[~np.isnan(column)]
    return (float(present.std()) if len(present) else 0.0) or 1.0


def _mean(column: Matrix) -> float:
    """Return the mean of the present values, or 0 if there is none."""
    present = column[~np.isnan(column)]
    return float(present.mean()) if len(present) else 0.0


def _mode(codes: Matrix) -> float:
    """Return the most frequent code, or -1 if there is none."""
    present = codes[~np.isnan(codes)].astype(np.intp)
    return float(np.bincount(present).argmax()) if len(present) else -1.0


def _of_draws(x: Matrix, draws: Matrix, level: float) -> dict[str, Matrix]:
    """Return what draws (M, n) say of n values: coverage, width and log density."""
    from scipy.stats import t

    ends = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(draws, ends, axis=0, method="weibull")
    measured = {"coverage": ((low <= x) & (x <= high)).astype(np.float64), "width": high - low}
    n_draws, spread = len(draws), draws.std(axis=0, ddof=1)
    if (spread > 0).all():
        scale = spread * math.sqrt(1 + 1 / n_draws)
        measured["log_density"] = t.logpdf(x, n_draws - 1, loc=draws.mean(axis=0), scale=scale)
    return measured


def _figures(values: Mapping[str, Sequence[tuple[NDArray[np.intp], Matrix]]]) -> dict[str, Any]:
    """Return figures ready for JSON from values and their rows, a pair for each column."""
    estimates = {
        name: _over_rows(
            np.concatenate([rows for rows, _ in parts]),
            np.concatenate([value for _, value in parts]),
        )
        for name, parts in values.items()
    }
    for name in ("nrmse", "baseline_nrmse"):
        if name in estimates:
            estimates[name] = _root(estimates[name])
    figures: dict[str, Any] = {}
    for name, estimate in estimates.items():
        if name.startswith("baseline_"):
            figures[name.removeprefix("baseline_")]["baseline"] = estimate.to_json()
        else:
            figures[name] = estimate.to_json()
    return figures


def _over_rows(rows: NDArray[np.intp], values: Matrix) -> Estimate:
    """Return the mean of values, with the standard error over the rows that they are of."""
    _, of = np.unique(rows, return_inverse=True)
    sums, counts = np.bincount(of, values), np.bincount(of)
    mean, n = float(values.mean()), len(counts)
    error = math.nan
    if n > 1:
        residuals = sums - mean * counts
        error = math.sqrt(n / (n - 1) * float(residuals @ residuals)) / len(values)
    return Estimate(mean, error, n)


def _root(estimate: Estimate) -> Estimate:
    """Return the estimate of the root, by the derivative."""
    value = math.sqrt(estimate.value)
    error = estimate.standard_error / (2 * value) if value else estimate.standard_error
    return replace(estimate, value=value, standard_error=error)
