"""How alike two sets of rows are."""

import numpy as np
import pytest
from scipy.linalg import sqrtm
from sklearn.metrics.pairwise import polynomial_kernel

from utsushi.evaluation import frechet_distance, kernel_distance, memorization, precision_recall
from utsushi.evaluation.two_samples import _shuffled, jackknife_error
from utsushi.exceptions import DataError


def normal(n, n_columns, seed=0):
    return np.random.default_rng(seed).standard_normal((n, n_columns))


def with_moments(mean, covariance, n=200):
    """Rows whose mean and covariance are these, up to rounding."""
    rows = normal(n, len(mean))
    rows -= rows.mean(axis=0)
    whitened = rows @ np.linalg.inv(np.linalg.cholesky(np.cov(rows, rowvar=False))).T
    return whitened @ np.linalg.cholesky(covariance).T + mean


# --- the Fréchet distance ---------------------------------------------------------------------


def test_the_frechet_distance_of_gaussians_along_the_same_axes_is_the_closed_form():
    # |mean|^2 + the sum of (sigma_a - sigma_b)^2, by hand: 3^2 + 4^2 + (1 - 2)^2 + (3 - 1)^2
    a = with_moments([0.0, 0.0], np.diag([1.0, 9.0]))
    b = with_moments([3.0, -4.0], np.diag([4.0, 1.0]))
    assert frechet_distance(a, b) == pytest.approx(30, abs=1e-9)


def test_the_frechet_distance_of_slanted_gaussians_is_what_a_matrix_root_gives():
    a, b = normal(90, 5) @ normal(5, 5, 1), normal(80, 5, 2) @ normal(5, 5, 3) + 1
    covariance_a, covariance_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = sqrtm(covariance_a @ covariance_b).real
    shift = np.square(a.mean(axis=0) - b.mean(axis=0)).sum()
    expected = shift + np.trace(covariance_a + covariance_b - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-9)


def test_the_frechet_distance_of_a_set_to_itself_is_zero():
    assert frechet_distance(normal(50, 8), normal(50, 8)) < 1e-12


@pytest.mark.parametrize("n", [5, 2])
def test_the_frechet_distance_bears_fewer_rows_than_features_and_constant_features(n):
    a = np.hstack([normal(n, 10), np.ones((n, 3))])
    assert frechet_distance(a, a + 2) == pytest.approx(4 * 13, rel=1e-9)


def test_the_frechet_distance_is_the_same_both_ways():
    a, b = normal(30, 4), 2 * normal(40, 4, 1)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-12)


# --- the kernel distance ----------------------------------------------------------------------


def test_the_kernel_distance_is_the_mean_over_disjoint_subsets():
    a, b = normal(40, 3), normal(40, 3, 1) + 0.5

    def unbiased(x, y):
        size = len(x)
        total = -2 * polynomial_kernel(x, y, degree=3).mean()
        for rows in (x, y):
            kernel = polynomial_kernel(rows, degree=3)
            total += (kernel.sum() - kernel.trace()) / (size * (size - 1))
        return total

    shuffles = [_shuffled(40, 0, which).reshape(10, 4) for which in (0, 1)]
    values = [unbiased(a[i], b[j]) for i, j in zip(*shuffles, strict=True)]
    estimate = kernel_distance(a, b)
    assert estimate.value == pytest.approx(np.mean(values))
    assert estimate.standard_error == pytest.approx(np.std(values, ddof=1) / np.sqrt(10))
    assert estimate.n_rows == 40


def test_the_kernel_distance_of_one_distribution_is_zero_within_its_error():
    estimate = kernel_distance(normal(2000, 5), normal(2000, 5, 1))
    assert abs(estimate.value) < 4 * estimate.standard_error


def test_the_standard_error_of_the_kernel_distance_is_its_spread_over_draws():
    estimates = [
        kernel_distance(normal(300, 4, seed), normal(300, 4, seed + 100) + 0.4)
        for seed in range(60)
    ]
    spread = np.std([e.value for e in estimates], ddof=1)
    # Ten subsets give the error of one estimate to a quarter; sixty estimates to a tenth.
    stated = np.sqrt(np.mean([e.standard_error**2 for e in estimates]))
    assert 0.7 < stated / spread < 1.4


def test_the_kernel_distance_tells_sets_with_the_same_two_moments_apart():
    a = normal(4000, 2)
    b = np.random.default_rng(1).exponential(size=(4000, 2)) - 1
    estimate = kernel_distance(a, b)
    assert estimate.value > 4 * estimate.standard_error


def test_the_subsets_are_a_function_of_the_seed():
    a, b = normal(100, 3), normal(100, 3, 1)
    assert kernel_distance(a, b, random_state=1) == kernel_distance(a, b, random_state=1)
    assert kernel_distance(a, b, random_state=1) != kernel_distance(a, b, random_state=2)


def test_rows_beyond_the_smaller_set_are_not_counted():
    assert kernel_distance(normal(45, 3), normal(300, 3, 1)).n_rows == 44
    assert kernel_distance(normal(45, 3), normal(300, 3, 1), subset_size=2).n_rows == 44


# --- precision and recall ---------------------------------------------------------------------


def test_equal_sets_have_full_precision_and_recall():
    rows = normal(60, 4)
    assert [share.value for share in precision_recall(rows, rows)] == [1, 1]


def test_equal_rows_far_from_the_origin_are_in_their_own_region():
    rows = np.repeat(normal(10, 4), 5, axis=0) + 1000
    assert [share.value for share in precision_recall(rows, rows)] == [1, 1]


def test_sets_far_from_each_other_have_neither():
    assert [share.value for share in precision_recall(normal(60, 4), normal(60, 4) + 50)] == [0, 0]


def test_one_of_two_clusters_has_full_precision_and_half_the_recall():
    real = np.vstack([normal(100, 3), normal(100, 3, 1) + 50])
    precision, recall = precision_recall(real[:100], real)
    assert (precision.value, recall.value) == (1, 0.5)
    assert (precision.n_rows, recall.n_rows) == (100, 200)


def test_precision_and_recall_are_what_all_distances_say():
    made, real = normal(40, 2), normal(50, 2, 1) + 2

    def share(rows, others):
        between = np.linalg.norm(rows[:, None] - others[None], axis=2)
        within = np.sort(np.linalg.norm(others[:, None] - others[None], axis=2), axis=1)
        return (between <= within[:, 3]).any(axis=1).mean()  # the 0th is the row itself

    precision, recall = precision_recall(made, real)
    assert (precision.value, recall.value) == (share(made, real), share(real, made))
    assert 0.2 < precision.value < 1  # so that the comparison says something


# --- copies of the training rows --------------------------------------------------------------


def test_copies_of_training_rows_are_flagged():
    train, held_out = normal(300, 5), normal(100, 5, 1)
    figures = memorization(train[:80], held_out, train)
    assert figures["share_memorized"].value == 1
    assert figures["nearest_training_row_ratio"].value == 0


def test_near_copies_of_training_rows_are_flagged():
    train, held_out = normal(300, 5), normal(100, 5, 1)
    figures = memorization(train[:80] + 1e-3 * normal(80, 5, 2), held_out, train)
    assert figures["share_memorized"].value == 1


def test_new_rows_are_not_flagged():
    figures = memorization(normal(1000, 5, 2), normal(1000, 5, 1), normal(1000, 5))
    ratio = figures["nearest_training_row_ratio"]
    assert abs(ratio.value - 1) < 4 * ratio.standard_error < 0.2
    assert figures["share_memorized"].value < 0.03


def test_copies_are_flagged_where_held_out_rows_are_copies_too():
    train = np.repeat(normal(100, 3), 3, axis=0) + 100
    figures = memorization(train[:50], train[50:100], train)
    assert figures["share_memorized"].value == 1
    assert "nearest_training_row_ratio" not in figures


def test_the_distances_are_medians_in_units_of_the_rows():
    train = np.zeros((1, 2))
    figures = memorization(np.full((20, 2), [3.0, 4.0]), np.full((20, 2), [6.0, 8.0]), train)
    assert figures["nearest_training_row"].value == pytest.approx(5)
    assert figures["nearest_training_row_held_out"].value == pytest.approx(10)
    assert figures["nearest_training_row_ratio"].value == pytest.approx(0.5)


# --- the jackknife ----------------------------------------------------------------------------


def test_the_jackknife_gives_the_spread_of_the_frechet_distance_over_draws():
    def draw(seed):
        return normal(400, 3, seed), 1.3 * normal(400, 3, seed + 1000) + 0.5

    spread = np.std([frechet_distance(*draw(seed)) for seed in range(200)], ddof=1)
    stated = [jackknife_error(frechet_distance, *draw(seed)) for seed in range(20)]
    assert 0.8 < np.sqrt(np.mean(np.square(stated))) / spread < 1.25


# --- what is refused --------------------------------------------------------------------------

FIGURES = [
    frechet_distance,
    kernel_distance,
    precision_recall,
    lambda a, b: memorization(a, b, b),
]


@pytest.mark.parametrize("figure", FIGURES)
def test_sets_of_different_columns_are_refused(figure, refusal):
    assert "got 3 and 4" in refusal(DataError, figure, normal(50, 3), normal(50, 4))


@pytest.mark.parametrize("figure", FIGURES)
def test_too_few_rows_are_refused(figure, refusal):
    assert "got (1, 3)" in refusal(DataError, figure, normal(50, 3), normal(1, 3))


def test_training_rows_of_other_columns_are_refused(refusal):
    message = refusal(DataError, memorization, normal(50, 3), normal(50, 3), normal(50, 4))
    assert "got 3 and 4" in message
