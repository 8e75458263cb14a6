"""Normal scores: monotone, exact where values repeat, and a density's change of variables."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from utsushi.transforms.normal_scores import NormalScores

COLUMNS = st.lists(st.integers(-50, 50) | st.floats(-1e6, 1e6), min_size=1, max_size=400)


@given(COLUMNS)
def test_training_values_come_back(column):
    column = np.unique(np.round(np.array(column, dtype=float), 3))[:200]
    scores = NormalScores.learn(np.repeat(column, 2))
    np.testing.assert_allclose(scores.inverse(scores.forward(column)), column, rtol=1e-9)


@given(COLUMNS)
def test_the_transform_rises(column):
    column = np.array(column, dtype=float)
    scores = NormalScores.learn(column)
    grid = np.linspace(column.min() - 1, column.max() + 1, 500)
    assert (np.diff(scores.forward(grid)) >= 0).all()
    assert (np.diff(scores.inverse(np.linspace(-5, 5, 500))) >= 0).all()
    assert scores.inverse(np.array([-9.0, 9.0])).tolist() == [column.min(), column.max()]


def test_scores_of_any_column_are_normal_and_normal_draws_are_the_column():
    rng = np.random.default_rng(0)
    column = np.exp(2 * rng.standard_normal(20_000))
    scores = NormalScores.learn(column)
    assert stats.kstest(scores.forward(column), "norm").statistic < 0.01
    drawn = scores.inverse(rng.standard_normal(20_000))
    assert stats.ks_2samp(drawn, column).statistic < 0.02


def test_a_repeated_value_is_drawn_as_often_as_it_is_there():
    rng = np.random.default_rng(0)
    column = np.where(rng.random(20_000) < 0.6, 0.0, rng.exponential(100, 20_000))
    drawn = NormalScores.learn(column).inverse(rng.standard_normal(20_000))
    assert (drawn == 0).mean() == pytest.approx((column == 0).mean(), abs=0.01)


def test_the_slope_makes_a_density_of_one():
    """A normal density of scores, times the slope, integrates to one over the values."""
    rng = np.random.default_rng(0)
    scores = NormalScores.learn(rng.exponential(3, 500))
    grid = np.linspace(-20, 200, 400_001)
    density = stats.norm.pdf(scores.forward(grid)) * np.exp(scores.log_slope(grid))
    assert np.trapezoid(density, grid) == pytest.approx(1, abs=5e-3)


def test_missing_values_stay_missing():
    scores = NormalScores.learn(np.array([1.0, 2.0]))
    assert np.isnan(scores.forward(np.array([np.nan]))).all()
    assert np.isnan(scores.inverse(np.array([np.nan]))).all()
    assert scores.log_slope(np.array([np.nan])).tolist() == [0.0]


@pytest.mark.parametrize("change", [lambda a: a[:, ::-1], lambda a: a * np.nan, lambda a: 2 * a])
def test_arrays_of_a_file_are_checked(change):
    array = NormalScores.learn(np.arange(5.0)).to_array()
    with pytest.raises(ValueError, match="normal scores"):
        NormalScores.from_array(change(array))
