"""Copies: errors that are known beforehand, and PCA as scikit-learn knows it."""

import sys

import numpy as np
import pytest
from sklearn.decomposition import PCA

from utsushi import Autoencoder
from utsushi.evaluation import Estimate, PCABaseline, evaluate, pca_errors, psnr, ssim
from utsushi.evaluation import pca as pca_module
from utsushi.evaluation.reconstruction import MAX_PSNR, data_range_of, squared_errors
from utsushi.exceptions import SettingError


@pytest.fixture(scope="module")
def rows():
    """Rows of six columns, far from zero and of unlike variances."""
    generator = np.random.default_rng(0)
    return generator.standard_normal((200, 6)) * [5, 3, 2, 1, 0.5, 0.1] + 100


def test_the_squared_error_of_a_row_is_summed_over_its_features():
    X = np.zeros((2, 3))
    np.testing.assert_allclose(squared_errors(X, X + np.array([[1], [2]])), [3, 12])


@pytest.mark.parametrize(("data_range", "decibels"), [(1.0, 20.0), (10.0, 40.0)])
def test_an_error_of_a_tenth_has_a_known_ratio(data_range, decibels):
    X = np.random.default_rng(0).random((3, 4))
    np.testing.assert_allclose(psnr(X, X - 0.1, data_range), decibels)


def test_the_ratio_of_an_exact_copy_is_where_float32_ends():
    X = np.random.default_rng(0).random((3, 4))
    np.testing.assert_allclose(psnr(X, X, 7.0), MAX_PSNR)


def test_ratios_are_averaged_over_rows_and_not_taken_of_the_average():
    X = np.zeros((2, 4))
    copies = X + np.array([[0.1], [0.001]])
    assert Estimate.over(psnr(X, copies)).value == pytest.approx((20 + 60) / 2)


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, 1), (0.3, 0.5, 1), (-1, 1, 2), (0, 255, 255), (0, 1.5, 1.5)],
)
def test_the_range_is_one_within_zero_and_one_and_else_measured(low, high, expected):
    assert data_range_of(np.array([[low, high]], dtype=float)) == expected


@pytest.mark.parametrize("shape", [(3, 3), (8, 8), (3, 8, 8), (28, 28), (2, 5, 40)])
def test_an_image_is_as_similar_as_can_be_to_itself(shape):
    X = np.random.default_rng(0).random((3, int(np.prod(shape))))
    np.testing.assert_allclose(ssim(X, X, shape), 1, rtol=1e-6)


def test_flat_images_have_the_similarity_of_their_means():
    # Without variance only the first factor of Wang et al.'s equation 13 is left.
    a, b, c1 = 0.5, 0.25, 0.01**2
    expected = (2 * a * b + c1) / (a**2 + b**2 + c1)
    found = ssim(np.full((1, 64), a), np.full((1, 64), b), (8, 8))
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_similarity_does_not_depend_on_the_unit():
    generator = np.random.default_rng(0)
    X, copies = generator.random((2, 3, 64))
    unit, bytes_ = ssim(X, copies, (8, 8)), ssim(255 * X, 255 * copies, (8, 8), 255.0)
    np.testing.assert_allclose(unit, bytes_, rtol=1e-4)
    X[0, :2] = 0, 1  # so that the lowest value is known
    unit = ssim(X, copies, (8, 8))
    np.testing.assert_allclose(ssim(2 * X - 1, 2 * copies - 1, (8, 8), 2.0), unit, rtol=1e-4)
    np.testing.assert_allclose(ssim(X + 5, copies + 5, (8, 8), 1.0), unit, rtol=1e-3)


def test_channels_are_compared_apart_and_averaged():
    generator = np.random.default_rng(0)
    X, copies = generator.random((2, 4, 2 * 64))
    apart = [ssim(X[:, part], copies[:, part], (8, 8)) for part in (slice(64), slice(64, None))]
    np.testing.assert_allclose(ssim(X, copies, (2, 8, 8)), np.mean(apart, axis=0), rtol=1e-5)


def test_many_images_give_what_each_gives_alone():
    X, copies = np.random.default_rng(0).random((2, 260, 64))
    together = ssim(X, copies, (8, 8))
    alone = [ssim(X[i : i + 1], copies[i : i + 1], (8, 8))[0] for i in (0, 249, 250, 259)]
    np.testing.assert_allclose(together[[0, 249, 250, 259]], alone, rtol=1e-5)


def test_images_without_a_window_are_refused():
    with pytest.raises(SettingError, match="3 pixels"):
        ssim(np.zeros((1, 4)), np.zeros((1, 4)), (2, 2))


def test_without_torchmetrics_similarity_is_left_out_and_a_remark_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics", None)
    X = np.random.default_rng(0).random((20, 16))
    model = Autoencoder(2, hidden=(4,), image_shape=(4, 4), max_epochs=1, random_state=0).fit(X)
    group = evaluate(model, X, groups=["reconstruction"])["reconstruction"]
    assert "ssim" not in group
    assert "psnr" in group
    assert any("utsushi[metrics]" in diagnostic["text"] for diagnostic in group["diagnostics"])


# --- PCA ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_rows", [200, 40])
def test_pca_is_scikit_learns_whichever_way_it_is_decomposed(rows, n_rows):
    X = rows[:n_rows]  # ten rows a feature or more are decomposed by their covariance
    pca, ours = PCA(2, svd_solver="full").fit(X), PCABaseline(X, 2)
    copies = pca.inverse_transform(pca.transform(rows))
    np.testing.assert_allclose(ours.reconstruct(rows), copies, rtol=1e-10)
    np.testing.assert_allclose(np.abs(ours.transform(rows)), np.abs(pca.transform(rows)), rtol=1e-8)


@pytest.mark.parametrize(
    ("shape", "n_components", "solver"),
    [
        ((16_000, 784), 10, "covariance_eigh"),  # the bundled digits
        ((5_000, 784), 32, "full"),
        ((500, 12_288), 32, "full"),
        ((3_000, 12_288), 32, "randomized"),
        ((3_000, 12_288), 300, "full"),
    ],
)
def test_large_rows_of_few_components_are_decomposed_with_random_projections(
    shape, n_components, solver
):
    assert pca_module._solver(*shape, n_components) == solver


def test_random_projections_come_near_to_the_exact_components_and_to_the_same_ones_each_time(
    monkeypatch,
):
    generator = np.random.default_rng(0)
    spread = np.geomspace(10, 0.01, 80)
    X = (generator.standard_normal((60, 80)) * spread) @ generator.standard_normal((80, 80))
    exact = PCABaseline(X, 5)
    monkeypatch.setattr(pca_module, "_LARGE", 20)
    first, second = PCABaseline(X, 5), PCABaseline(X, 5)
    assert not np.array_equal(first.components, exact.components)
    np.testing.assert_array_equal(first.components, second.components)
    errors = [pca.errors(X, [5])[5].value for pca in (first, exact)]
    assert errors[0] == pytest.approx(errors[1], rel=1e-3)
    np.testing.assert_allclose(first.log_likelihood(X), exact.log_likelihood(X), rtol=1e-2)


def test_the_likelihood_of_pca_is_scikit_learns(rows):
    expected = PCA(2).fit(rows).score_samples(rows)
    np.testing.assert_allclose(PCABaseline(rows, 2).log_likelihood(rows), expected, rtol=1e-9)


def test_scaled_columns_are_decomposed_in_units_of_their_own(rows):
    scale = np.array([1.0, 10.0, 0.1, 3.0, 1.0, 7.0])
    ours, pca = PCABaseline(rows * scale, 2, scale), PCABaseline(rows, 2)
    np.testing.assert_allclose(ours.reconstruct(rows * scale), pca.reconstruct(rows) * scale)
    np.testing.assert_allclose(
        ours.log_likelihood(rows * scale), pca.log_likelihood(rows) - np.log(scale).sum()
    )


@pytest.mark.parametrize("scaling", ["standard", "center"])
def test_a_models_neighbour_scales_the_columns_as_it_does(rows, scaling):
    X = rows * np.array([1.0, 10.0, 1.0, 1.0, 1.0, 1.0])
    model = Autoencoder(2, hidden=(4,), scaling=scaling, max_epochs=1, random_state=0).fit(X)
    found = evaluate(model, X, X, groups=["reconstruction"])["reconstruction"]["mse"]["pca"]
    scale = X.std(axis=0) if scaling == "standard" else np.ones(6)
    expected = np.square(PCABaseline(X, 2, scale).reconstruct(X) - X).mean()
    assert found["value"] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("n_components", [6, 9])
def test_components_that_leave_no_noise_have_no_density(rows, n_components):
    assert PCABaseline(rows, n_components).log_likelihood(rows) is None


def test_rows_on_a_plane_leave_no_noise(rows):
    flat = rows[:, :2] @ np.ones((2, 6)) + rows[:, 2:3]
    assert PCABaseline(flat, 2).log_likelihood(flat) is None


def test_one_decomposition_serves_all_smaller_sizes(rows):
    sizes = [1, 3, 6]
    together = pca_errors(rows, rows, sizes)
    assert [pca_errors(rows, rows, [size])[size].value for size in sizes] == pytest.approx(
        [together[size].value for size in sizes]
    )


def test_constant_rows_are_reconstructed_without_a_warning():
    X = np.full((20, 2), 3.0)
    assert pca_errors(X, X, [1])[1].value == 0


# --- estimates ----------------------------------------------------------------------------------


def test_the_standard_error_is_the_scatter_of_the_mean():
    generator = np.random.default_rng(0)
    found = [Estimate.over(generator.exponential(size=50)) for _ in range(2000)]
    scatter = np.std([estimate.value for estimate in found])
    # 2,000 means tell their scatter to 1 / sqrt(4000) = 1.6 %, an exponential's tails to twice it.
    assert np.mean([e.standard_error**2 for e in found]) ** 0.5 == pytest.approx(scatter, rel=0.08)


def test_one_row_has_no_standard_error():
    assert Estimate.over([3.0]).to_json()["standard_error"] is None


def test_a_scaled_estimate_keeps_its_rows_and_its_seed():
    assert Estimate(2.0, 0.5, 9, seed=4).scaled(-2, 1) == Estimate(-3.0, 1.0, 9, seed=4)
