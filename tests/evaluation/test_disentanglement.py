"""MIG, SAP and DCI of codes for which they are known."""

import math

import numpy as np
import pytest

from utsushi.datasets import make_factors
from utsushi.evaluation import dci, mig, sap
from utsushi.exceptions import DataError, SettingError

METRICS = {
    "mig": mig,
    "sap": sap,
    "disentanglement": lambda z, v: dci(z, v).disentanglement,
    "completeness": lambda z, v: dci(z, v).completeness,
    "informativeness": lambda z, v: dci(z, v).informativeness,
}


def grid(n_repeats=10):
    """All combinations of three factors, equally often: exactly independent."""
    values = np.meshgrid(np.arange(4), np.arange(5), np.arange(3), indexing="ij")
    return np.tile(np.stack([v.ravel() for v in values], axis=1), (n_repeats, 1)).astype(float)


def uniform(n_columns, n=4000, seed=0):
    return np.random.default_rng(seed).random((n, n_columns))


@pytest.fixture(params=METRICS)
def metric(request):
    return METRICS[request.param]


# --- perfect and worthless codes ------------------------------------------------------------------


def test_codes_that_are_the_factors_are_perfect(metric):
    assert metric(grid(), grid()) == pytest.approx(1, abs=1e-12)


def test_codes_that_are_the_factors_of_drawn_images_are_perfect():
    images = make_factors(4000, random_state=0)
    v, classes = images.factors, images.categorical
    # No two factors say anything about each other but by chance.
    assert mig(v, v) > 0.98
    assert sap(v, v, categorical=classes) > 0.98
    found = dci(v, v, categorical=classes)
    values = (found.disentanglement, found.completeness, found.informativeness)
    assert values == pytest.approx((1, 1, 1), abs=1e-3)


def test_codes_that_say_nothing_have_no_value(metric):
    codes = uniform(5, seed=1)
    factors = np.floor(uniform(3) * 4)
    assert metric(codes, factors) < 0.05


def test_constant_codes_have_no_value():
    codes = np.ones((600, 3))
    assert mig(codes, grid()) == 0
    assert sap(codes, grid()) == 0
    assert sap(codes, grid(), categorical=(0, 1, 2)) == 0
    found = dci(codes, grid())
    values = (found.disentanglement, found.completeness, found.informativeness)
    assert values == pytest.approx((0, 0, 0), abs=1e-3)
    np.testing.assert_allclose(found.importance, 1 / 3)


# --- codes between --------------------------------------------------------------------------------


def test_two_factors_turned_by_45_degrees_are_not_separated():
    v = uniform(2)
    codes = v @ np.array([[1.0, 1.0], [-1.0, 1.0]])
    assert mig(codes, v) < 0.05
    assert sap(codes, v) < 0.05
    found = dci(codes, v)
    assert max(found.disentanglement, found.completeness) < 0.05
    assert found.informativeness > 0.95


def test_a_component_of_two_factors_says_as_much_as_it_does():
    """Of z = v1 + v2 with v uniform on {0, 1}: I(z; v1) = log(2) / 2."""
    v = np.tile([[0, 0], [0, 1], [1, 0], [1, 1]], (10, 1))
    total = v.sum(axis=1, keepdims=True)
    assert mig(total, v) == pytest.approx(0.5)
    assert sap(total, v) == pytest.approx(0.5)  # the squared correlation
    # The first factor has a component of its own besides.
    assert mig(np.hstack([total, v[:, :1]]), v) == pytest.approx((0.5 + 0.5) / 2)


def test_the_gap_is_that_of_known_channels():
    """Components are copies of a fair bit, inverted with the probabilities 1/10 and 1/4."""
    bit = np.repeat([0, 1], 200)
    codes = np.stack([bit ^ (np.arange(400) % 10 < 1), bit ^ (np.arange(400) % 4 < 1)], axis=1)

    def entropy(p):
        return -(p * math.log2(p) + (1 - p) * math.log2(1 - p))

    exact = (1 - entropy(0.1)) - (1 - entropy(0.25))
    assert mig(codes, bit[:, None]) == pytest.approx(exact)


def test_a_repeated_component_leaves_no_gap():
    v = grid()
    codes = np.hstack([v, v])
    assert mig(codes, v) == pytest.approx(0, abs=1e-12)
    assert sap(codes, v) == pytest.approx(0, abs=1e-12)
    found = dci(codes, v)
    assert found.disentanglement == pytest.approx(1)  # each still serves one factor
    assert found.completeness < 0.8


def test_a_component_more_that_says_nothing_changes_little(metric):
    codes = np.hstack([grid(20), uniform(2, n=1200)])
    assert metric(codes, grid(20)) > 0.95


def test_two_factors_in_one_component_are_complete_but_not_disentangled():
    v = grid()
    codes = np.stack([v[:, 0] * 10 + v[:, 1], v[:, 2]], axis=1)
    found = dci(codes, v)
    assert found.completeness == pytest.approx(1, abs=0.01)
    # The first component serves two factors equally; two of three columns are its.
    mixed = 1 - math.log(2, 3)
    assert found.disentanglement == pytest.approx(2 / 3 * mixed + 1 / 3, abs=0.01)
    np.testing.assert_allclose(found.importance, [[1, 1, 0], [0, 0, 1]], atol=0.01)


def test_classes_need_no_order():
    v = np.tile([[0], [1], [2]], (100, 1))
    codes = np.array([2.0, 0.0, 1.0])[v]
    assert sap(codes, v, categorical=(0,)) == pytest.approx(1)
    assert sap(codes, v) == pytest.approx(0.25)


def test_classes_may_be_any_numbers():
    v = grid()
    other = v.copy()
    other[:, 2] = np.array([0.1, -7.5, 0.2])[v[:, 2].astype(int)]
    assert sap(v, other, categorical=(2,)) == pytest.approx(1)
    assert dci(v, other, categorical=(2,)).informativeness == pytest.approx(1)


def test_the_accuracy_of_a_class_is_scaled_so_that_chance_is_zero():
    """Two classes, of which a tenth each has the other's code: accuracy 0.9, scaled 0.8."""
    v = np.repeat([0, 1], 100)
    code = v ^ (np.arange(200) % 10 < 1)
    assert sap(code[:, None], v[:, None], categorical=(0,)) == pytest.approx(0.8)


def test_noise_lowers_the_informativeness_to_the_part_that_is_explained():
    v = uniform(2, n=8000) * math.sqrt(12)  # variance 1
    noisy = v + 0.5 * np.random.default_rng(1).standard_normal(v.shape)
    found = dci(noisy, v)
    # The best linear prediction explains 1 / 1.25; a forest comes near.
    assert 0.7 < found.informativeness < 0.85
    assert sap(noisy, v) == pytest.approx(0.8, abs=0.02)


# --- invariance -----------------------------------------------------------------------------------


def test_the_order_and_the_scale_of_components_change_nothing(metric):
    v = grid(20)
    codes = np.hstack([v @ [[1.0, 0.3, 0], [0, 1, 0], [0.5, 0, 1]], uniform(1, n=1200)])
    codes += 0.1 * np.random.default_rng(2).standard_normal(codes.shape)
    other = (codes * [8.0, 0.25, 2.0, 4.0])[:, [2, 0, 3, 1]]
    assert metric(other, v) == pytest.approx(metric(codes, v), abs=0.01)


def test_mig_and_sap_change_by_rounding_alone_where_components_are_scaled():
    v = grid(20)
    codes = v + 0.5 * np.random.default_rng(2).standard_normal(v.shape)
    other = codes[:, ::-1] * [-3.0, 0.1, 7.0] + 5
    assert mig(other, v) == pytest.approx(mig(codes, v), abs=1e-9)
    assert sap(other, v) == pytest.approx(sap(codes, v), abs=1e-9)


def test_the_order_of_the_factors_changes_nothing(metric):
    v = grid(20)
    codes = v + 0.5 * np.random.default_rng(2).standard_normal(v.shape)
    assert metric(codes, v[:, [2, 0, 1]]) == pytest.approx(metric(codes, v), abs=0.01)


def test_dci_is_decided_by_its_seed():
    v = np.floor(uniform(2) * 4)
    codes = v + 2 * uniform(2, seed=1)
    first, again, other = (dci(codes, v, random_state=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.importance, again.importance)
    assert (first.importance != other.importance).any()


def test_many_values_are_put_into_bins():
    v = uniform(2)
    assert mig(v, v) > 0.95
    assert mig(v, v, n_bins=5) > 0.95


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [mig, sap, dci])
@pytest.mark.parametrize(
    ("codes", "factors", "named"),
    [
        (np.zeros(9), np.zeros((9, 2)), ("codes", "(9,)")),
        (np.zeros((9, 2)), np.zeros((9, 0)), ("factors", "(9, 0)")),
        (np.zeros((9, 2)), np.eye(8), ("codes and factors", "9 and 8")),
        (np.full((9, 2), np.nan), np.eye(9), ("codes", "NaN")),
        (np.zeros((3, 2)), np.array([[0, 1], [1, 1], [2, 1]]), ("factors", "column 1")),
    ],
)
def test_arrays_that_do_not_fit_are_named(function, codes, factors, named, refusal):
    message = refusal(DataError, function, codes, factors)
    assert message.startswith(named[0])
    assert named[1] in message


def test_impossible_settings_are_named(refusal):
    assert "n_bins" in refusal(SettingError, mig, grid(), grid(), n_bins=1)
    for function in (sap, dci):
        message = refusal(SettingError, function, grid(), grid(), categorical=(3,))
        assert "categorical" in message
        assert "(3,)" in message


def test_dci_needs_two_components(refusal):
    assert "two columns" in refusal(DataError, dci, grid()[:, :1], grid())
