"""The bound and its parts against plainly written mathematics in float64."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.distributions import Independent, Normal, kl_divergence

from utsushi.distributions import (
    DiagonalGaussianPosterior,
    Gaussian,
    StandardNormal,
    UnitGaussian,
    posterior_parameters,
    reparameterize,
)
from utsushi.networks import Dense, initialize
from utsushi.objectives import (
    ELBO,
    Batch,
    ReconstructionObjective,
    VariationalObjective,
    elbo,
    lecture_loss,
)

D, H, B = 5, 2, 7


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=seeded(seed), dtype=dtype)


def network(n_outputs, seed=0, dtype=torch.float64):
    pair = Dense((4,), "tanh").build(D, H, n_outputs).to(dtype)
    initialize(pair, seeded(seed))
    return pair.with_parts(
        posterior=DiagonalGaussianPosterior().build(H), prior=StandardNormal().build(D, H)
    )


# --- reparameterization -----------------------------------------------------------------------


def test_a_draw_has_the_mean_and_the_standard_deviation_of_the_posterior():
    n = 100_000
    mean, log_variance = normal(H, seed=1), normal(H, seed=2)
    sigma = torch.exp(0.5 * log_variance)
    z = reparameterize(mean, log_variance, normal(n, H, seed=3))
    assert ((z.mean(dim=0) - mean).abs() < 4 * sigma / math.sqrt(n)).all()
    assert ((z.std(dim=0) - sigma).abs() < 4 * sigma / math.sqrt(2 * n)).all()


def test_a_draw_is_differentiable_by_both_parameters():
    parameters = [normal(B, H, seed=s).requires_grad_() for s in (1, 2)]
    noise = normal(B, H, seed=3)
    assert torch.autograd.gradcheck(lambda m, v: reparameterize(m, v, noise), parameters)


# --- the encoder's head -----------------------------------------------------------------------

FLOATS32 = st.floats(width=32, allow_nan=False, allow_infinity=False)


def log_variance_of(*values):
    raw = torch.tensor(values, dtype=torch.float32)
    return posterior_parameters(torch.cat([torch.zeros_like(raw), raw]))[1]


@settings(deadline=None)
@given(st.floats(-10, 10, width=32))
def test_a_log_variance_within_ten_is_kept_bit_for_bit(value):
    assert log_variance_of(value).item() == value


@settings(deadline=None)
@given(FLOATS32)
def test_no_log_variance_passes_twenty(value):
    assert abs(log_variance_of(value).item()) <= 20


@settings(deadline=None)
@given(FLOATS32, FLOATS32)
def test_a_larger_output_never_means_a_smaller_variance(a, b):
    low, high = log_variance_of(min(a, b), max(a, b))
    assert low <= high


def test_the_bend_at_ten_has_no_step():
    near = log_variance_of(10.0, 10.0 + 1e-5, -10.0, -10.0 - 1e-5)
    torch.testing.assert_close(near, torch.tensor([10.0, 10.0, -10.0, -10.0]), atol=2e-5, rtol=0)


@pytest.mark.parametrize("value", [-30.0, -10.0, 0.0, 10.0, 30.0])
def test_every_usual_log_variance_has_a_gradient_that_is_its_derivative(value):
    head = torch.tensor([0.3, value], dtype=torch.float64)
    step = torch.tensor([0.0, 1e-6], dtype=torch.float64)
    (found,) = torch.autograd.grad(
        posterior_parameters(head.requires_grad_())[1].sum(), head, retain_graph=False
    )
    with torch.no_grad():
        higher, lower = (posterior_parameters(head + s * step)[1] for s in (1, -1))
    assert found[1] > 0
    assert found[1].item() == pytest.approx((higher - lower).item() / 2e-6, rel=1e-4)


def test_the_mean_is_the_first_half_of_the_head():
    head = normal(B, 2 * H)
    assert torch.equal(posterior_parameters(head)[0], head[:, :H])


# --- the bound --------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.floats(0, 100))
def test_beta_weighs_the_divergence_alone(beta):
    log_likelihood, kl = normal(B), normal(B, seed=1).square()
    expected = log_likelihood - beta * kl
    torch.testing.assert_close(elbo(log_likelihood, kl, beta), expected)


def test_the_lectures_loss_is_minus_twice_the_bound_without_its_constant():
    x, x_hat = normal(B, D, seed=1), normal(B, D, seed=2)
    mean, log_variance = normal(B, H, seed=3), normal(B, H, seed=4)
    bound = plain_elbo(x, x_hat[None], mean, log_variance)
    expected = -2 * bound - D * math.log(2 * math.pi)
    torch.testing.assert_close(lecture_loss(x, x_hat, mean, log_variance), expected)


def plain_elbo(x, outputs, mean, log_variance, beta=1.0, sigma=1.0):
    """The bound by torch.distributions, sharing no code with the library."""
    posterior = Independent(Normal(mean, torch.exp(0.5 * log_variance)), 1)
    prior = Independent(Normal(torch.zeros_like(mean), torch.ones_like(mean)), 1)
    scale = torch.as_tensor(sigma, dtype=x.dtype)
    density = Independent(Normal(outputs, scale), 1).log_prob(x).mean(dim=0)
    return density - beta * kl_divergence(posterior, prior)


def plain_objective(module, x, beta, n_samples, calibrated, seed):
    mean, log_variance = module.encoder(x).chunk(2, dim=1)
    noise = torch.randn(n_samples, len(x), H, generator=seeded(seed)).to(x.dtype)
    outputs = torch.stack([module.decoder(mean + torch.exp(0.5 * log_variance) * e) for e in noise])
    sigma = (x - outputs).square().mean().sqrt() if calibrated else 1.0
    return -plain_elbo(x, outputs, mean, log_variance, beta, sigma)


@pytest.mark.parametrize("calibrated", [False, True])
@pytest.mark.parametrize(("beta", "n_samples"), [(1.0, 1), (1.0, 3), (0.25, 2)])
def test_the_variational_objective_and_its_gradient_are_the_plainly_written_bounds(
    beta, n_samples, calibrated
):
    x = normal(B, D, seed=5)
    module = network(2 * H)
    likelihood = (Gaussian() if calibrated else UnitGaussian()).prepare(x)
    objective = VariationalObjective(likelihood, ELBO(n_samples=n_samples), beta)
    found = objective(module, Batch(x), seeded(9)).objective
    expected = plain_objective(module, x, beta, n_samples, calibrated, seed=9)
    torch.testing.assert_close(found, expected)
    parameters = list(module.parameters())
    for mine, plain in zip(
        torch.autograd.grad(found.sum(), parameters),
        torch.autograd.grad(expected.sum(), parameters),
        strict=True,
    ):
        torch.testing.assert_close(mine, plain)


def test_the_parts_make_the_objective():
    x = normal(B, D, dtype=torch.float32)
    objective = VariationalObjective(UnitGaussian(), ELBO(n_samples=2), beta=3.0)
    terms = objective(network(2 * H, dtype=torch.float32), Batch(x), seeded(0))
    sum_of_parts = terms.parts["reconstruction"] + 3.0 * terms.parts["kl"]
    torch.testing.assert_close(terms.objective, sum_of_parts)


def test_the_noise_of_different_rows_and_draws_is_different():
    x = torch.zeros(B, D, dtype=torch.float32)
    seen = []
    module = network(2 * H, dtype=torch.float32)
    module.decoder.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    VariationalObjective(UnitGaussian(), ELBO(n_samples=3))(module, Batch(x), seeded(0))
    assert len(torch.unique(seen[0], dim=0)) == 3 * B


def test_the_reconstruction_objective_is_the_squared_error_of_each_row():
    x, module = normal(B, D), network(H)
    expected = ((x - module.decoder(module.encoder(x))) ** 2).sum(dim=1)
    torch.testing.assert_close(
        ReconstructionObjective()(module, Batch(x), seeded(0)).objective, expected
    )


@pytest.mark.parametrize(
    ("objective", "n_outputs"),
    [
        (ReconstructionObjective(), H),
        (VariationalObjective(UnitGaussian()), 2 * H),
        (VariationalObjective(Gaussian().prepare(torch.ones(2, 2))), 2 * H),
    ],
    ids=["reconstruction", "unit-gaussian", "gaussian"],
)
def test_every_parameter_gets_a_gradient(objective, n_outputs):
    module: nn.Module = network(n_outputs, dtype=torch.float32)
    objective(
        module, Batch(normal(B, D, dtype=torch.float32)), seeded(1)
    ).objective.sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().max() > 0, name
