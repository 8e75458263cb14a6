"""The closed forms against torch.distributions, Monte Carlo and float64 autograd."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from torch.distributions import Normal, kl_divergence

from utsushi.distributions.divergences import kl_diagonal_gaussians, kl_standard_normal

EPS32 = 2.0**-24  # half a unit in the last place, relative


def vectors(bound):
    return arrays(np.float64, 3, elements=st.floats(-bound, bound)).map(torch.from_numpy)


MEANS, LOG_VARIANCES = vectors(100), vectors(10)


def normal(mean, log_variance):
    return Normal(mean, torch.exp(0.5 * log_variance))


@settings(deadline=None)
@given(MEANS, LOG_VARIANCES, MEANS, LOG_VARIANCES)
def test_the_divergence_of_any_two_gaussians_is_that_of_torch_distributions(m_a, v_a, m_b, v_b):
    expected = kl_divergence(normal(m_a, v_a), normal(m_b, v_b))
    # torch subtracts 1 from the variance ratio, so its own rounding is absolute.
    torch.testing.assert_close(
        kl_diagonal_gaussians(m_a, v_a, m_b, v_b), expected, rtol=1e-10, atol=1e-12
    )


@settings(deadline=None)
@given(MEANS, LOG_VARIANCES)
def test_the_special_case_equals_the_general_one_against_the_standard_normal(mean, log_variance):
    zero = torch.zeros(3, dtype=torch.float64)
    general = kl_diagonal_gaussians(mean, log_variance, zero, zero)
    torch.testing.assert_close(kl_standard_normal(mean, log_variance), general, rtol=0, atol=0)


@settings(deadline=None)
@given(MEANS, LOG_VARIANCES, MEANS, LOG_VARIANCES)
def test_the_divergence_is_never_negative(m_a, v_a, m_b, v_b):
    # expm1(r) - r is rounded once in expm1 and once in the difference.
    rounding = 4 * 2.0**-53 * (v_a - v_b).abs()
    assert (kl_diagonal_gaussians(m_a, v_a, m_b, v_b) >= -rounding).all()


@settings(deadline=None)
@given(MEANS, LOG_VARIANCES)
def test_the_divergence_of_a_gaussian_from_itself_is_exactly_zero(mean, log_variance):
    assert (kl_diagonal_gaussians(mean, log_variance, mean, log_variance) == 0).all()


@settings(deadline=None)
@given(st.floats(1e-3, 10), st.sampled_from(["mean", "log_variance"]), st.sampled_from([-1, 1]))
def test_the_divergence_of_different_gaussians_is_positive(distance, which, sign):
    zero = torch.zeros(1, dtype=torch.float64)
    shift = zero + sign * distance
    mean, log_variance = (shift, zero) if which == "mean" else (zero, shift)
    assert kl_standard_normal(mean, log_variance) > 0


def test_the_divergence_is_the_expected_log_ratio_within_its_monte_carlo_error():
    generator = torch.Generator().manual_seed(0)
    parameters = torch.randn(4, 3, generator=generator, dtype=torch.float64)
    m_a, v_a, m_b, v_b = parameters
    noise = torch.randn(100_000, 3, generator=generator, dtype=torch.float64)
    draws = m_a + torch.exp(0.5 * v_a) * noise
    log_ratio = normal(m_a, v_a).log_prob(draws) - normal(m_b, v_b).log_prob(draws)
    standard_error = log_ratio.std(dim=0) / math.sqrt(len(draws))
    error = (kl_diagonal_gaussians(m_a, v_a, m_b, v_b) - log_ratio.mean(dim=0)).abs()
    assert (error < 4 * standard_error).all()


def test_the_gradients_are_the_derivatives():
    generator = torch.Generator().manual_seed(1)
    parameters = [
        torch.randn(2, 3, generator=generator, dtype=torch.float64, requires_grad=True)
        for _ in range(4)
    ]
    assert torch.autograd.gradcheck(kl_diagonal_gaussians, parameters)
    assert torch.autograd.gradcheck(kl_standard_normal, parameters[:2])


@pytest.mark.parametrize("log_ratio", [-1e-1, -1e-3, -1e-5, 1e-6, 1e-4, 1e-2])
def test_nearly_equal_variances_cost_float32_its_last_digits_only(log_ratio):
    # The terms cancel down to r**2 / 2. Each is of size |r|, not of size 1, so what is left is
    # wrong by a few roundings of |r|; 1 + r - exp(r) would be wrong by roundings of 1.
    small = torch.tensor([log_ratio], dtype=torch.float32)
    exact = kl_standard_normal(torch.zeros(1, dtype=torch.float64), small.double())
    found = kl_standard_normal(torch.zeros(1), small)
    assert (found.double() - exact).abs() <= 4 * EPS32 * abs(log_ratio)


def test_the_divergence_keeps_the_leading_axes():
    mean = torch.zeros(5, 4, 3)
    assert kl_standard_normal(mean, mean).shape == (5, 4, 3)
