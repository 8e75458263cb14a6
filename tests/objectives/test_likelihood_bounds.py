"""Bounds on the evidence of models, and the closed form that they are held against."""

import math

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from utsushi import VariationalAutoencoder
from utsushi.evaluation import Estimate
from utsushi.evaluation.likelihood import (
    bits_per_dimension,
    exact_log_likelihood,
    has_exact_likelihood,
    likelihood_bounds,
)
from utsushi.exceptions import SettingError

H, D = 2, 5
GENERATOR = np.random.default_rng(0)
X = GENERATOR.standard_normal((300, H)) @ GENERATOR.standard_normal((H, D)) * 2 + 3
X += 0.7 * GENERATOR.standard_normal(X.shape)
SETTINGS = {"hidden": (), "scaling": "standard", "max_epochs": 30, "random_state": 0}


@pytest.fixture(scope="module", params=["gaussian", "unit-gaussian"])
def linear(request):
    return VariationalAutoencoder(H, **SETTINGS, likelihood=request.param).fit(X)


def dense_gaussian(model):
    """The same density with its whole D × D covariance, in the units of the input."""
    weight = model.module_.decoder[0].weight.detach().double().numpy()
    bias = model.module_.decoder[0].bias.detach().double().numpy()
    variance = getattr(model.likelihood_, "sigma_", 1.0) ** 2
    scale, offset = model.scaling_.scale, model.scaling_.offset
    covariance = (weight @ weight.T + variance * np.eye(D)) * np.outer(scale, scale)
    return multivariate_normal(bias * scale + offset, covariance).logpdf(X)


def test_the_closed_form_is_the_gaussians(linear):
    np.testing.assert_allclose(exact_log_likelihood(linear, X), dense_gaussian(linear), rtol=1e-9)


def test_each_bound_is_closer_and_none_is_above(linear):
    bounds = likelihood_bounds(linear, X, n_importance_samples=[1, 10, 500])
    assert list(bounds) == ["elbo", "K=1", "K=10", "K=500", "exact"]
    values = [bounds[name].value for name in ("K=1", "K=10", "K=500", "exact")]
    assert values[:3] == sorted(values[:3])
    assert abs(values[-1] - values[-2]) < 0.01  # either way: it is an estimate of a bound
    assert all(estimate.n_rows == 300 for estimate in bounds.values())


def test_a_deep_model_has_no_closed_form():
    model = VariationalAutoencoder(H, hidden=(4,), max_epochs=1, random_state=0).fit(X)
    assert not has_exact_likelihood(model)
    assert "exact" not in likelihood_bounds(model, X, n_importance_samples=[1])
    with pytest.raises(
        SettingError, match=r"must have hidden=\(\) .* for an evidence in closed form"
    ):
        exact_log_likelihood(model, X)


def test_bits_are_nats_over_features_and_log_two():
    bits = bits_per_dimension(Estimate(-10 * math.log(2), math.log(2), 7), 5)
    assert (bits.value, bits.standard_error, bits.n_rows) == pytest.approx((2.0, 0.2, 7))
