"""The normal distribution with gaps: against closed forms and scikit-learn."""

import numpy as np
import pytest

from utsushi.estimators.joint_normal import JointNormal

COVARIANCE = np.array([[1.0, 0.8, 0.3], [0.8, 1.0, 0.5], [0.3, 0.5, 1.0]])


def samples(n, share=0.0, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.multivariate_normal(np.zeros(3), COVARIANCE, n)
    return x, np.where(rng.random(x.shape) < share, np.nan, x)


def test_conditional_moments_are_those_of_the_closed_form():
    normal = JointNormal(np.array([1.0, 2.0, 3.0]), COVARIANCE)
    mean, deviation = normal.conditional(np.array([[2.0, np.nan, 5.0], [np.nan] * 3]))
    known = COVARIANCE[np.ix_([0, 2], [0, 2])]
    slopes = np.linalg.solve(known, COVARIANCE[[0, 2], 1])
    assert mean[0] == pytest.approx([2, 2 + slopes @ [1, 2], 5])
    variance = 1 - slopes @ COVARIANCE[[0, 2], 1]
    assert deviation[0] == pytest.approx([0, np.sqrt(variance), 0])
    assert mean[1] == pytest.approx(normal.mean)
    assert deviation[1] == pytest.approx(1)


def test_without_gaps_it_is_the_sample_covariance():
    x, _ = samples(5000)
    normal = JointNormal.learn(x)
    assert normal.mean == pytest.approx(x.mean(axis=0))
    assert normal.covariance == pytest.approx(np.cov(x.T, bias=True), abs=1e-3)


def test_with_gaps_it_finds_the_covariance_that_pairs_of_columns_have():
    _, x = samples(20_000, share=0.4)
    assert JointNormal.learn(x).covariance == pytest.approx(COVARIANCE, abs=0.04)


def test_residuals_have_the_conditional_covariance():
    normal = JointNormal(np.zeros(3), COVARIANCE)
    x = np.array([[0.7, np.nan, np.nan]])
    drawn = normal.residuals(x, 40_000, np.random.default_rng(1))[:, 0]
    assert not drawn[:, 0].any()
    expected = COVARIANCE[1:, 1:] - np.outer(COVARIANCE[1:, 0], COVARIANCE[0, 1:])
    assert np.cov(drawn[:, 1:].T) == pytest.approx(expected, abs=0.02)
    assert drawn.mean(axis=0) == pytest.approx(0, abs=0.02)
