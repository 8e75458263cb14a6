"""The use of the code: posteriors whose information is known, and the advice that follows."""

import math

import numpy as np
import pytest

from utsushi import VariationalAutoencoder
from utsushi.evaluation import (
    active_units,
    advice,
    aggregate_divergence_at_least,
    divergence_per_component,
    information,
    translate,
)
from utsushi.evaluation.texts import _SENTENCES


def gaussian_codes(n_rows, spread, deviation, seed=0, n_components=2):
    """Posteriors whose means are Gaussian: q(z) is too, and all is known."""
    mean = spread * np.random.default_rng(seed).standard_normal((n_rows, n_components))
    return mean, np.full((n_rows, n_components), deviation)


def fitted(**settings):
    X = np.random.default_rng(0).random((40, 4))
    settings = {"hidden": (8,), "max_epochs": 1, "random_state": 0} | settings
    return VariationalAutoencoder(2, **settings).fit(X)


@pytest.fixture(scope="module")
def model():
    return fitted()


# --- active units -------------------------------------------------------------------------------


def test_a_component_is_active_whose_mean_varies_by_more_than_a_hundredth():
    mean = np.array([[0.0, 0.0, 5.0], [0.21, 0.19, 5.0]])  # variances 0.011, 0.009 and 0
    assert active_units(mean) == 1


# --- information --------------------------------------------------------------------------------


def test_a_posterior_that_is_the_prior_tells_nothing():
    found = information(np.zeros((100, 3)), np.ones((100, 3)))
    assert found.mutual_information.value == pytest.approx(0, abs=1e-12)
    assert found.aggregate_divergence.value == pytest.approx(0, abs=1e-12)


def test_posteriors_that_are_all_alike_tell_nothing_wherever_they_are():
    found = information(np.full((50, 1), 3.0), np.ones((50, 1)))
    assert found.mutual_information.value == pytest.approx(0, abs=1e-12)
    assert found.aggregate_divergence.value == pytest.approx(4.5)


def test_codes_that_lie_apart_tell_which_row_it_was():
    found = information(np.arange(100.0)[:, None] * 100, np.ones((100, 1)))
    assert found.mutual_information.value == pytest.approx(math.log(100))
    assert found.is_at_limit


def test_information_never_passes_its_limit():
    for seed in range(20):
        found = information(*gaussian_codes(30, 30.0, 0.1, seed), random_state=seed)
        assert found.mutual_information.value <= found.limit + 1e-12


@pytest.mark.parametrize("spread", [0.3, 1.0])
def test_information_is_that_of_gaussian_codes(spread):
    # q(z) = N(0, s^2 + v): I = 1/2 log(1 + s^2 / v) a component.
    found = information(*gaussian_codes(2000, spread, 0.5)).mutual_information
    exact = math.log(1 + spread**2 / 0.25)
    # The mixture of the rows themselves is biased by less than 0.02 nats here.
    assert abs(found.value - exact) < 4 * found.standard_error + 0.02


def test_the_divergence_is_the_information_and_the_aggregates_distance():
    mean, deviation = gaussian_codes(300, 0.8, 0.6)
    found = information(mean, deviation)
    kl = 0.5 * (mean**2 + deviation**2 - 1 - 2 * np.log(deviation)).sum(axis=1).mean()
    total = found.mutual_information.value + found.aggregate_divergence.value
    assert total == pytest.approx(kl)


@pytest.mark.parametrize("spread", [0.3, 3.0])
def test_the_standard_errors_are_the_scatter_over_other_rows(spread):
    found = [
        information(*gaussian_codes(100, spread, 0.5, seed), random_state=seed)
        for seed in range(300)
    ]
    for name in ("mutual_information", "aggregate_divergence"):
        estimates = [getattr(information, name) for information in found]
        scatter = np.std([estimate.value for estimate in estimates], ddof=1)
        said = np.mean([estimate.standard_error for estimate in estimates])
        # 300 values tell their scatter to 4 %, and 100 rows their influence to a little more.
        assert said == pytest.approx(scatter, rel=0.2)


def test_information_is_decided_by_its_seed():
    codes = gaussian_codes(50, 1.0, 0.5)
    assert information(*codes, random_state=1) == information(*codes, random_state=1)
    assert information(*codes, random_state=1) != information(*codes, random_state=2)


def test_of_many_rows_some_are_taken():
    found = information(*gaussian_codes(2100, 1.0, 0.5, n_components=1))
    assert found.mutual_information.n_rows == 2000
    assert found.limit == pytest.approx(math.log(2000))


def test_pairs_are_the_same_in_one_block_and_in_many(monkeypatch):
    codes = gaussian_codes(30, 1.0, 0.5)
    whole = information(*codes).mutual_information
    monkeypatch.setattr("utsushi.evaluation.collapse._BLOCK_VALUES", 7 * 60)
    parts = information(*codes).mutual_information
    assert parts.value == pytest.approx(whole.value)
    assert parts.standard_error == pytest.approx(whole.standard_error)


def test_the_bound_on_the_aggregates_distance_is_exact_for_a_gaussian():
    mean, deviation = gaussian_codes(4000, 1.5, 0.5)
    variance, shift = 1.5**2 + 0.25, 2.0
    exact = (variance + shift**2 - 1 - math.log(variance)) / 2 * 2
    assert aggregate_divergence_at_least(mean + shift, deviation) == pytest.approx(exact, rel=0.05)


def test_the_bound_sees_that_components_repeat_each_other():
    mean, deviation = gaussian_codes(4000, 0.9, 0.436, n_components=1)
    twice = aggregate_divergence_at_least(np.repeat(mean, 2, 1), np.repeat(deviation, 2, 1))
    # Unit variances with the covariance 0.81 between them: -1/2 log(1 - 0.81^2).
    assert twice == pytest.approx(-0.5 * math.log(1 - 0.81**2), abs=0.05)


def test_the_bound_of_codes_that_are_the_prior_is_hardly_above_zero():
    found = [aggregate_divergence_at_least(*gaussian_codes(200, 0.8, 0.6, s)) for s in range(50)]
    assert min(found) == 0
    assert np.mean(found) < 0.02


# --- advice -------------------------------------------------------------------------------------


def test_a_code_that_is_used_is_said_to_be(model):
    (found,) = advice(np.array([0.11, 3.0]), 3.0, 0.9, model)
    assert found["text"] == "All 2 components carry information."


def test_dead_components_are_counted(model):
    (found,) = advice(np.array([0.09, 3.0]), 3.0, 0.0, model)
    assert found["text"].startswith("Dead components (under 0.1 nats): 1 of 2. Try ")


def test_a_collapsed_code_is_said_to_be_ignored(model):
    (found,) = advice(np.array([0.0, 0.05]), 0.05, 0.0, model)
    assert "the decoder ignores the code" in found["text"]


def test_a_code_that_costs_and_tells_nothing_is_said_to_be_untrained(model):
    (found,) = advice(np.array([0.5, 0.7]), 0.05, 9.0, model)
    assert "a divergence of 1.20 nats, but carries only 0.05 nats of information" in found["text"]
    assert f"max_epochs>{model.n_epochs_}" in found["text"]


def test_only_what_the_model_does_not_do_is_advised():
    dead = np.zeros(2)
    (gaussian,) = advice(dead, 0.0, 0.0, fitted(likelihood="gaussian", beta=4.0))
    (unit,) = advice(dead, 0.0, 0.0, fitted(likelihood="unit-gaussian"))
    assert "beta<4" in gaussian["fixes"]
    assert "likelihood='gaussian'" not in gaussian["fixes"]
    assert "likelihood='gaussian'" in unit["fixes"]


def test_another_sampler_is_advised_where_samples_come_from_a_prior_far_from_the_codes(model):
    used = np.ones(2)
    prior = fitted(sampler="prior")
    assert [r["key"] for r in advice(used, 3.0, 1.1, prior)] == ["all_alive", "far_from_prior"]
    assert [r["key"] for r in advice(used, 3.0, 1.1, model)] == ["all_alive"]


def test_the_advice_fits_a_model_that_really_collapsed():
    X = np.random.default_rng(0).standard_normal((200, 4))
    model = VariationalAutoencoder(
        3, hidden=(), likelihood="unit-gaussian", beta=100.0, random_state=0
    ).fit(X)
    mean = divergence_per_component(model, X).mean(axis=0)
    assert [r["key"] for r in advice(mean, 0.0, 0.0, model)] == ["all_dead"]


def test_every_sentence_is_there_in_both_languages():
    assert _SENTENCES["en"].keys() == _SENTENCES["ja"].keys()


def test_a_remark_is_said_again_in_japanese(model):
    (found,) = advice(np.array([0.0, 3.0]), 3.0, 0.0, model)
    assert translate(found, "en") == found["text"]
    assert "2 個の潜在変数のうち 1 個" in translate(found, "ja")
    assert " または " in translate({**found, "fixes": ["a", "b"]}, "ja")
