"""The likelihoods against torch.distributions, and the calibration of sigma."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from torch.distributions import Independent, Normal

from utsushi.distributions.likelihoods import (
    Gaussian,
    UnitGaussian,
    gaussian_log_prob,
    squared_error,
)


def rows(n=7, width=5, seed=0, dtype=torch.float64):
    return torch.randn(n, width, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def oracle(x, x_hat, sigma):
    return Independent(Normal(x_hat, torch.as_tensor(sigma, dtype=x.dtype)), 1).log_prob(x)


def batch_maximum(x, x_hat):
    """Log-likelihood of a batch when sigma is a function of it, nothing detached."""
    return oracle(x, x_hat, (x - x_hat).square().mean().sqrt()).sum()


@settings(deadline=None)
@given(st.floats(1e-3, 1e3), st.integers(0, 1000))
def test_the_gaussian_density_is_that_of_torch_distributions(sigma, seed):
    x, x_hat = rows(seed=seed), rows(seed=seed + 1)
    torch.testing.assert_close(gaussian_log_prob(x, x_hat, sigma**2), oracle(x, x_hat, sigma))


def test_the_variance_may_be_a_tensor():
    x, x_hat = rows(), rows(seed=1)
    variance = torch.tensor(0.3, dtype=torch.float64)
    torch.testing.assert_close(
        gaussian_log_prob(x, x_hat, variance), gaussian_log_prob(x, x_hat, 0.3)
    )


def test_draws_on_a_leading_axis_are_scored_each():
    x, x_hat = rows(), torch.stack([rows(seed=1), rows(seed=2)])
    expected = torch.stack([oracle(x, draw, 1.0) for draw in x_hat])
    torch.testing.assert_close(UnitGaussian().log_prob(x, x_hat), expected)


def test_the_squared_error_of_a_row_is_the_squared_norm_of_its_difference():
    x, x_hat = rows(), rows(seed=1)
    torch.testing.assert_close(squared_error(x, x_hat), torch.linalg.norm(x - x_hat, dim=1) ** 2)


def test_the_calibrated_density_after_training_is_that_of_its_sigma():
    x, x_hat = rows(), rows(seed=1)
    likelihood = Gaussian().prepare(x).calibrate(0.49)
    torch.testing.assert_close(likelihood.log_prob(x, x_hat), oracle(x, x_hat, 0.7))


@settings(deadline=None)
@given(st.floats(0.02, 50).filter(lambda factor: abs(factor - 1) > 1e-3), st.integers(0, 100))
def test_no_other_sigma_gives_a_batch_a_higher_likelihood(factor, seed):
    x, x_hat = rows(seed=seed), rows(seed=seed + 1)
    found = Gaussian().prepare(x).log_prob(x, x_hat).sum()
    best = (x - x_hat).square().mean().sqrt()
    assert found > oracle(x, x_hat, best * factor).sum()


@pytest.mark.parametrize("n_draws", [1, 3])
def test_the_gradient_is_that_of_the_likelihood_in_which_sigma_follows_the_output(n_draws):
    x = rows()
    x_hat = torch.stack([rows(seed=s + 1) for s in range(n_draws)]).requires_grad_()
    (found,) = torch.autograd.grad(Gaussian().prepare(x).log_prob(x, x_hat).sum(), x_hat)
    (full,) = torch.autograd.grad(batch_maximum(x, x_hat), x_hat)
    torch.testing.assert_close(found, full)


def test_sigma_does_not_fall_below_the_floor_while_training():
    x = rows()
    likelihood = Gaussian(floor=0.1).prepare(x)
    floor = 0.1 * x.square().mean().sqrt().item()
    torch.testing.assert_close(likelihood.log_prob(x, x.clone()), oracle(x, x.clone(), floor))


def test_sigma_does_not_fall_below_the_floor_when_calibrated():
    likelihood = Gaussian(floor=0.1).prepare(torch.full((4, 3), 2.0))
    assert likelihood.calibrate(1e-9).sigma_ == pytest.approx(0.2)


def test_a_batch_that_is_copied_exactly_has_a_finite_gradient():
    x = rows()
    x_hat = x.clone().requires_grad_()
    Gaussian().prepare(x).log_prob(x, x_hat).sum().backward()
    assert torch.isfinite(x_hat.grad).all()


def test_rows_that_are_all_zero_have_a_finite_density():
    zero = torch.zeros(4, 3)
    likelihood = Gaussian().prepare(zero)
    assert torch.isfinite(likelihood.log_prob(zero, zero)).all()


def test_a_floor_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="'floor' parameter"):
        Gaussian(floor=0.0).prepare(torch.ones(2, 2))


@pytest.mark.parametrize(
    ("likelihood", "sigma"),
    [(UnitGaussian(), 1.0), (Gaussian().prepare(torch.ones(2, 2)).calibrate(0.09), 0.3)],
    ids=["unit", "calibrated"],
)
def test_draws_have_the_mean_and_the_standard_deviation_of_the_density(likelihood, sigma):
    n = 100_000
    output = torch.tensor([[2.0, -1.0]]).expand(n, 2)
    draws = likelihood.draw(output, torch.Generator().manual_seed(0)).double()
    standard_error = sigma / math.sqrt(n)
    assert ((draws.mean(dim=0) - output[0]).abs() < 4 * standard_error).all()
    # The standard error of a standard deviation of n normal draws is sigma / sqrt(2 n).
    assert ((draws.std(dim=0) - sigma).abs() < 4 * standard_error / math.sqrt(2)).all()


def test_a_draw_is_a_function_of_its_generator():
    draws = [UnitGaussian().draw(rows(), torch.Generator().manual_seed(3)) for _ in range(2)]
    assert torch.equal(*draws)


def test_the_learned_state_makes_the_round_trip():
    likelihood = Gaussian().prepare(rows()).calibrate(0.2)
    again = clone(likelihood).restore(likelihood.state())
    assert (
        again.state()
        == likelihood.state()
        == {
            "floor_": likelihood.floor_,
            "sigma_": likelihood.sigma_,
        }
    )


def test_the_mean_of_a_gaussian_is_the_decoders_output():
    output = rows()
    assert UnitGaussian().mean(output) is output
