"""Where new codes come from."""

import pickle

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.stats import multivariate_normal
from sklearn.base import clone

from utsushi import Autoencoder
from utsushi.exceptions import SettingError, TrainingDivergedError
from utsushi.samplers import SAMPLERS, Flow, Gaussian, Mixture, Prior, TwoStage
from utsushi.training import Recipe

#: The samplers with a network, made small enough to be trained in each test.
CYCLE = Recipe("lecture", learning_rate=1e-2, schedule="one-cycle")
BRIEF = CYCLE.with_settings(max_epochs=10, batch_size=50)
SMALL = {
    "flow": Flow(n_transforms=2, n_bins=4, hidden=(16,), recipe=BRIEF),
    "two-stage": TwoStage(hidden=(16,), recipe=BRIEF),
}
#: All but that of symbols, which are no quantities: see test_autoregressive.py.
OF_NUMBERS = [name for name in SAMPLERS if name != "autoregressive"]
by_sampler = pytest.mark.parametrize(
    "sampler", [SMALL.get(name, SAMPLERS[name]()) for name in OF_NUMBERS], ids=OF_NUMBERS
)
by_trained = pytest.mark.parametrize("sampler", SMALL.values(), ids=list(SMALL))
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


# --- the number of Gaussians ------------------------------------------------------------------


def clusters(k, n=600, n_codes=2):
    """Return codes around k points on a circle, eight standard deviations apart."""
    angles = 2 * np.pi * np.arange(k) / k
    centres = np.zeros((k, n_codes))
    centres[:, 0], centres[:, 1] = np.cos(angles), np.sin(angles)
    radius = 4 / np.sin(np.pi / k) if k > 1 else 0.0
    return radius * centres[np.arange(n) % k] + rng().standard_normal((n, n_codes))


@pytest.mark.parametrize("k", [1, 2, 5, 10])
def test_the_mixture_chooses_as_many_parts_as_there_are_clusters(k):
    assert len(Mixture().fit(clusters(k), rng()).weights_) == k


def test_the_mixture_climbs_no_further_than_half_the_codes():
    codes = 1e-3 * rng().standard_normal((12, 2)) + np.repeat(np.eye(6, 2) * 9, 2, axis=0)
    assert len(Mixture().fit(codes, rng()).weights_) <= 6


def test_the_chosen_mixture_goes_on_to_the_likelihood_of_one_of_that_size():
    codes = clusters(5)
    chosen, fixed = (m.fit(codes, rng()) for m in (Mixture(), Mixture(n_components=5)))
    assert mean_log_density(chosen, codes) > mean_log_density(fixed, codes) - 0.01


def test_the_number_is_chosen_on_a_part_of_many_codes(monkeypatch):
    monkeypatch.setattr("utsushi.samplers.mixture.LADDER_ROWS", 300)
    mixture = Mixture().fit(clusters(2, n=2000), rng())
    assert len(mixture.weights_) == 2
    # All codes, not the part alone, have their say on the weights.
    np.testing.assert_allclose(mixture.weights_, 0.5, atol=1e-3)


def test_a_mixture_that_stops_early_does_not_warn():
    codes = rng().standard_normal((3000, 3)) ** 3
    assert np.isfinite(Mixture(n_components=20).fit(codes, rng()).factors_).all()


def mean_log_density(mixture, codes):
    covariances = mixture.factors_ @ mixture.factors_.transpose(0, 2, 1)
    parts = [
        w * multivariate_normal(m, c).pdf(codes)
        for w, m, c in zip(mixture.weights_, mixture.means_, covariances, strict=True)
    ]
    return np.log(np.sum(parts, axis=0)).mean()


# --- the samplers with a network --------------------------------------------------------------

ENOUGH = CYCLE.with_settings(max_epochs=100)
LEARNED = [
    Flow(n_transforms=2, n_bins=8, hidden=(32,), recipe=ENOUGH),
    TwoStage(hidden=(64, 64), recipe=ENOUGH.with_settings(max_epochs=200)),
]


@pytest.mark.parametrize("sampler", LEARNED, ids=["flow", "two-stage"])
def test_a_trained_sampler_learns_two_clusters(sampler):
    codes = two_clusters()
    draws = clone(sampler).fit(codes, rng()).sample(4000, rng(1))
    left, share = draws[:, 0] < 0, 0.25
    assert abs(left.mean() - share) < 0.08
    assert (np.abs(draws[:, 0]) < 2).mean() < 0.1  # one Gaussian has a third of its draws here
    for found, expected in ((draws[left], codes[:100]), (draws[~left], codes[100:])):
        np.testing.assert_allclose(np.median(found, axis=0), expected.mean(axis=0), atol=0.5)
    spread = codes.std(axis=0)
    np.testing.assert_allclose(draws.mean(axis=0), codes.mean(axis=0), atol=0.2 * spread.max())
    np.testing.assert_allclose(draws.std(axis=0), spread, rtol=0.25)


def test_the_density_of_a_flow_integrates_to_one():
    flow = clone(SMALL["flow"]).fit(two_clusters()[:, :1], rng())
    mass, _ = quad(lambda z: np.exp(flow.log_prob(np.array([[z]]))[0]), -60, 60, limit=500)
    assert mass == pytest.approx(1, abs=1e-3)


def test_the_density_of_a_flow_is_that_of_its_draws():
    # E[log p] over draws is minus the entropy; a Gaussian's is known.
    codes = rng().standard_normal((1000, 2)) @ np.array([[3.0, 1.0], [0.0, 0.5]])
    flow = Flow(n_transforms=2, hidden=(32,), recipe=ENOUGH.with_settings(max_epochs=30))
    densities = flow.fit(codes, rng()).log_prob(flow.sample(4000, rng(1)))
    entropy = multivariate_normal(np.zeros(2), np.cov(codes.T)).entropy()
    assert densities.mean() == pytest.approx(-entropy, abs=0.2)


def test_a_flow_without_zuko_names_the_extra(monkeypatch):
    monkeypatch.setattr("utsushi._utils.optional_dependencies.find_spec", lambda name: None)
    with pytest.raises(SettingError, match=r"zuko.*utsushi\[flow\]"):
        Flow().fit(two_clusters(), rng())


def test_a_flow_of_very_large_codes_is_refused():
    with pytest.raises(SettingError, match=r"n_components must be at most 512 .*, got 513"):
        Flow().fit(np.zeros((3, 513)), rng())


def test_a_sampler_that_cannot_be_is_refused_before_the_training(monkeypatch):
    monkeypatch.setattr("utsushi.estimators.base.train_in_subspace", None)
    model = Autoencoder(n_components=513, sampler="flow")
    with pytest.raises(SettingError, match=r"n_components must be at most 512 .*, got 513"):
        model.fit(np.zeros((3, 600), np.float32))


def test_a_flow_leaves_the_checks_of_torchs_distributions_on():
    clone(SMALL["flow"]).fit(two_clusters(), rng())
    with pytest.raises(ValueError, match="scale"):
        torch.distributions.Normal(0.0, -1.0)


@by_trained
def test_a_training_that_diverges_stops(sampler):
    hopeless = clone(sampler).set_params(recipe=BRIEF.with_settings(learning_rate=1e30))
    with pytest.raises(TrainingDivergedError, match="diverged"):
        hopeless.fit(two_clusters(), rng())


@by_trained
def test_a_trained_sampler_is_decided_by_the_generator(sampler):
    draws = [clone(sampler).fit(two_clusters(), rng(s)).sample(5, rng(9)) for s in (0, 0, 1)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


@by_trained
def test_a_trained_sampler_does_not_ask_for_the_callers_settings(sampler):
    expected = clone(sampler).fit(two_clusters(), rng()).sample(5, rng(1))
    torch.set_default_dtype(torch.float64)
    try:
        with torch.no_grad():
            found = clone(sampler).fit(two_clusters(), rng()).sample(5, rng(1))
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(found, expected)


# --- temperature ------------------------------------------------------------------------------


def at_temperatures(sampler, *temperatures):
    """Return draws of one fitted sampler from the same random numbers, for each temperature."""
    return [sampler.set_params(temperature=t).sample(400, rng(1)) for t in temperatures]


def test_a_temperature_draws_the_same_clusters_narrower():
    mixture = Mixture(2).fit(two_clusters(), rng())
    hot, cold, means = at_temperatures(mixture, 1.0, 0.25, 0.0)
    assert len(np.unique(means, axis=0)) == 2
    np.testing.assert_allclose(cold - means, 0.25 * (hot - means), atol=1e-12)


@pytest.mark.parametrize("kind", [Prior, Gaussian])
def test_a_temperature_is_the_factor_of_the_deviation_of_a_gaussian(kind):
    codes = two_clusters()
    mean, covariance = np.zeros(2), np.eye(2)
    if kind is Gaussian:
        mean, covariance = codes.mean(axis=0), np.cov(codes, rowvar=False)
    for temperature in (0.5, 2.0):
        draws = kind(temperature).fit(codes, rng()).sample(N, rng(1))
        assert_moments(draws, mean, temperature**2 * covariance)


def test_the_temperature_of_a_flow_is_the_deviation_in_front_of_its_map():
    flow = clone(SMALL["flow"]).fit(two_clusters(), rng())
    hot, cold = (
        flow._mapped(flow.module_(), flow._scaled(draws))
        for draws in at_temperatures(flow, 1.0, 0.5)
    )
    np.testing.assert_allclose(cold, 0.5 * hot, atol=1e-6)


def test_a_two_stage_sampler_at_temperature_zero_decodes_the_mean_code():
    sampler = clone(SMALL["two-stage"]).fit(two_clusters(), rng())
    draws, zero = at_temperatures(sampler, 0.5, 0.0)
    with torch.no_grad():
        middle = sampler.module_(torch.zeros(1, 2, dtype=torch.float64)).numpy()
    np.testing.assert_allclose(zero, sampler.mean_ + sampler.spread_ * middle.repeat(400, 0))
    assert (draws.std(axis=0) < at_temperatures(sampler, 1.0)[0].std(axis=0)).all()


@by_sampler
def test_temperature_one_is_the_default_and_zero_has_no_noise(sampler):
    fitted = clone(sampler).fit(two_clusters(), rng())
    plain = fitted.sample(400, rng(1))
    one, zero = at_temperatures(fitted, 1.0, 0.0)
    np.testing.assert_array_equal(one, plain)
    assert len(np.unique(zero.round(6), axis=0)) <= len(getattr(fitted, "weights_", [1]))


@pytest.mark.parametrize("name", SAMPLERS)
@pytest.mark.parametrize("temperature", [-0.5, "cold", None])
def test_a_temperature_that_cannot_be_is_refused(name, temperature):
    with pytest.raises(ValueError, match=f"'temperature' parameter .* Got {temperature!r}"):
        SAMPLERS[name](temperature=temperature).check(2)


@by_trained
def test_a_trained_sampler_is_pickled(sampler):
    fitted = clone(sampler).fit(two_clusters(), rng())
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.sample(5, rng(1)), fitted.sample(5, rng(1)))


@by_trained
def test_a_trained_sampler_gives_a_component_that_never_moved_as_it_was(sampler):
    codes = two_clusters()
    codes[:, 1] = 0.1
    draws = clone(sampler).fit(codes, rng()).sample(20, rng(1))
    np.testing.assert_allclose(draws[:, 1], 0.1, rtol=1e-12)


@by_trained
@pytest.mark.parametrize("hidden", [(0,), (4.5,), ("a",)])
def test_widths_that_are_none_are_refused(sampler, hidden):
    with pytest.raises(SettingError, match="hidden="):
        clone(sampler).set_params(hidden=hidden).fit(two_clusters(), rng())


# --- what all have in common ------------------------------------------------------------------


@by_sampler
def test_two_codes_are_enough_for_every_sampler(sampler):
    codes = np.array([[0.0, 1.0], [2.0, 3.0]])
    assert np.isfinite(clone(sampler).fit(codes, rng()).sample(5, rng(1))).all()


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
def test_the_global_generators_are_left_alone(sampler):
    before = np.random.get_state()[2]  # noqa: NPY002 - the caller's state is what is looked at
    torch_before = torch.get_rng_state()
    fitted = clone(sampler).fit(two_clusters(), rng())
    clone(sampler).restore(fitted.state()).sample(5, rng(1))
    assert np.random.get_state()[2] == before  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), torch_before)


def test_a_mixture_of_no_parts_is_refused():
    with pytest.raises(ValueError, match="'n_components' parameter of Mixture"):
        Mixture(n_components=0).fit(two_clusters(), rng())
