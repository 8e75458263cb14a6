"""Where new codes come from."""

import numpy as np
import pytest
from sklearn.base import clone

from utsushi.samplers import SAMPLERS, Gaussian, Mixture, Prior

by_sampler = pytest.mark.parametrize("sampler", [cls() for cls in SAMPLERS.values()])
N = 40_000


def rng(seed=0):
    return np.random.default_rng(seed)


def two_clusters(n=400):
    """Codes around (-5, 0) and (5, 0), with a slanted spread."""
    noise = rng().standard_normal((n, 2)) @ np.array([[0.5, 0.4], [0.0, 0.3]])
    return noise + np.where(np.arange(n) < n // 4, -5.0, 5.0)[:, None] * [1.0, 0.0]


def assert_moments(draws, mean, covariance):
    """Hold the two moments of n draws against theory, within five standard errors."""
    variances = np.diag(covariance)
    error = np.abs(draws.mean(axis=0) - mean)
    assert (error < 5 * np.sqrt(variances / len(draws))).all()
    centred = draws - draws.mean(axis=0)
    products = centred[:, :, None] * centred[:, None, :]
    standard_error = products.std(axis=0) / np.sqrt(len(draws))
    assert (np.abs(products.mean(axis=0) - covariance) < 5 * standard_error + 1e-12).all()


def test_the_prior_is_the_standard_normal_whatever_the_codes():
    sampler = Prior().fit(two_clusters(), rng())
    assert_moments(sampler.sample(N, rng(1)), np.zeros(2), np.eye(2))


def test_the_gaussian_has_the_moments_of_the_codes():
    codes = two_clusters()
    draws = Gaussian().fit(codes, rng()).sample(N, rng(1))
    assert_moments(draws, codes.mean(axis=0), np.cov(codes, rowvar=False))


def test_the_mixture_has_the_moments_of_its_parts():
    sampler = Mixture(n_components=2).fit(two_clusters(), rng())
    weights = sampler.weights_ / sampler.weights_.sum()
    mean = weights @ sampler.means_
    inner = sampler.factors_ @ sampler.factors_.transpose(0, 2, 1)
    shift = sampler.means_ - mean
    covariance = np.einsum("k,kij->ij", weights, inner + shift[:, :, None] * shift[:, None, :])
    assert_moments(sampler.sample(N, rng(1)), mean, covariance)


def test_the_mixture_finds_clusters_and_leaves_the_space_between_empty():
    codes = two_clusters()
    draws = Mixture(n_components=2).fit(codes, rng()).sample(2000, rng(1))
    assert not (np.abs(draws[:, 0]) < 1).any()
    # A quarter of the codes are on the left; the error of 2000 draws is 0.01.
    assert abs((draws[:, 0] < 0).mean() - 0.25) < 0.04


def test_the_mixture_means_the_same_for_codes_of_any_size():
    draws = {}
    for unit in (1.0, 2.0**20, 2.0**-20):
        draws[unit] = Mixture(n_components=2).fit(two_clusters() * unit, rng()).sample(50, rng(1))
        np.testing.assert_allclose(draws[unit] / unit, draws[1.0], rtol=1e-6, atol=1e-9)


def test_a_mixture_of_more_parts_than_half_the_codes_takes_fewer():
    assert len(Mixture(n_components=10).fit(two_clusters(8), rng()).weights_) == 4


def test_two_codes_are_enough_for_every_sampler():
    codes = np.array([[0.0, 1.0], [2.0, 3.0]])
    for cls in SAMPLERS.values():
        assert np.isfinite(cls().fit(codes, rng()).sample(5, rng(1))).all()


@by_sampler
def test_a_component_that_never_moves_does_not_break_a_sampler(sampler):
    codes = two_clusters()
    codes[:, 1] = 3.0
    draws = clone(sampler).fit(codes, rng()).sample(20, rng(1))
    assert np.isfinite(draws).all()
    if not isinstance(sampler, Prior):
        np.testing.assert_allclose(draws[:, 1], 3.0, atol=0.1)


def test_the_gaussian_of_equal_codes_gives_that_code():
    codes = np.full((20, 3), 0.7)
    draws = Gaussian().fit(codes, rng()).sample(5, rng(1))
    np.testing.assert_allclose(draws, 0.7, atol=1e-6)


def test_the_mixture_of_equal_codes_stays_near_that_code_without_a_warning():
    draws = Mixture().fit(np.full((40, 3), 0.7), rng()).sample(5, rng(1))
    np.testing.assert_allclose(draws, 0.7, atol=0.1)


@by_sampler
@pytest.mark.parametrize("n_codes", [1, 3])
def test_draws_have_one_row_a_code_in_float64(sampler, n_codes):
    codes = rng().standard_normal((100, n_codes))
    draws = clone(sampler).fit(codes, rng()).sample(7, rng(1))
    assert (draws.shape, draws.dtype) == ((7, n_codes), np.float64)


@by_sampler
def test_draws_are_a_function_of_the_generator(sampler):
    fitted = clone(sampler).fit(two_clusters(), rng())
    np.testing.assert_array_equal(fitted.sample(5, rng(1)), fitted.sample(5, rng(1)))
    assert not np.array_equal(fitted.sample(5, rng(1)), fitted.sample(5, rng(2)))


@by_sampler
def test_the_state_makes_the_round_trip(sampler):
    fitted = clone(sampler).fit(two_clusters(), rng())
    again = clone(sampler).restore(fitted.state())
    np.testing.assert_array_equal(again.sample(5, rng(1)), fitted.sample(5, rng(1)))


@by_sampler
@pytest.mark.parametrize("n_codes", [1, 2, 5])
def test_the_state_has_the_shapes_that_it_says(sampler, n_codes):
    fitted = clone(sampler).fit(rng().standard_normal((60, n_codes)), rng())
    expected = fitted.expected_state(n_codes)
    assert set(fitted.state()) == set(expected)
    for name, value in fitted.state().items():
        assert value.dtype == np.float64
        assert all(b in (a, None) for a, b in zip(value.shape, expected[name], strict=True))


@by_sampler
def test_fitting_leaves_numpys_global_state_alone(sampler):
    before = np.random.get_state()[2]  # noqa: NPY002 - the caller's state is what is looked at
    clone(sampler).fit(two_clusters(), rng())
    assert np.random.get_state()[2] == before  # noqa: NPY002


def test_a_mixture_of_no_parts_is_refused():
    with pytest.raises(ValueError, match="'n_components' parameter of Mixture"):
        Mixture(n_components=0).fit(two_clusters(), rng())
