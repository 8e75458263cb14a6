"""Priors and posteriors as parts of a network, against torch's own distributions."""

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal, kl_divergence

from utsushi.distributions import (
    POSTERIORS,
    PRIORS,
    DiagonalGaussian,
    StandardNormal,
    VampPrior,
    diagonal_gaussian_log_prob,
)
from utsushi.networks import initialize

D, H, N = 5, 3, 4


def random(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).normal(size=shape))


def as_torch(q):
    return Independent(Normal(q.mean, torch.exp(0.5 * q.log_variance)), 1)


def encode(x):
    """A fixed encoder."""
    head = x.double() @ random(D, 2 * H, seed=7)
    return DiagonalGaussian(*head.chunk(2, dim=-1))


def filled(prior):
    module = prior.build(D, H).double()
    if hasattr(module, "initialize"):
        module.initialize(torch.Generator().manual_seed(0))
    return module


def oracle_of(name, module):
    if name == "standard-normal":
        return Independent(Normal(torch.zeros(H).double(), torch.ones(H).double()), 1)
    parts = as_torch(encode(module.pseudo_inputs))
    return MixtureSameFamily(Categorical(torch.ones(len(module.pseudo_inputs))), parts)


#: Those whose density torch has; the others are integrated in test_learned_priors.py.
WITH_ORACLE = ["standard-normal", "vamp"]

POSTERIOR = DiagonalGaussian(random(N, H, seed=1), random(N, H, seed=2))


def test_the_density_of_a_posterior_is_torchs():
    z = random(6, N, H, seed=3)
    torch.testing.assert_close(POSTERIOR.log_prob(z), as_torch(POSTERIOR).log_prob(z))


def test_codes_drawn_from_a_posterior_have_its_moments():
    z = POSTERIOR.rsample(random(20_000, N, H, seed=4))
    torch.testing.assert_close(z.mean(dim=0), POSTERIOR.mean, atol=0.05, rtol=0)
    torch.testing.assert_close(
        z.std(dim=0), torch.exp(0.5 * POSTERIOR.log_variance), atol=0.05, rtol=0.02
    )


def test_no_gradient_reaches_a_detached_posterior():
    mean = torch.zeros(N, H, requires_grad=True)
    q = DiagonalGaussian(mean, torch.zeros(N, H)).detach()
    assert not q.log_prob(torch.ones(N, H)).requires_grad


@pytest.mark.parametrize("name", WITH_ORACLE)
def test_the_density_of_a_prior_is_torchs(name):
    module = filled(PRIORS[name]())
    z = random(6, N, H, seed=3)
    found = module.log_prob(z, encode)
    torch.testing.assert_close(found, oracle_of(name, module).log_prob(z))


@pytest.mark.parametrize("name", WITH_ORACLE)
def test_the_divergence_from_a_prior_is_the_mean_of_log_q_less_log_p(name):
    module = filled(PRIORS[name]())
    z = POSTERIOR.rsample(random(50_000, N, H, seed=5))
    terms = module.divergence(POSTERIOR, z, encode)
    found = terms.mean(dim=0).sum(dim=-1) if terms.dim() > 2 else terms.sum(dim=-1)
    oracle = as_torch(POSTERIOR).log_prob(z) - oracle_of(name, module).log_prob(z)
    error = 5 * oracle.std(dim=0) / len(z) ** 0.5
    assert ((found - oracle.mean(dim=0)).abs() < error).all()


def test_the_divergence_from_a_standard_normal_is_in_closed_form_per_component():
    module = filled(StandardNormal())
    found = module.divergence(POSTERIOR, POSTERIOR.mean, encode)
    q = Normal(POSTERIOR.mean, torch.exp(0.5 * POSTERIOR.log_variance))
    torch.testing.assert_close(found, kl_divergence(q, Normal(0.0, 1.0)))


@pytest.mark.parametrize("name", WITH_ORACLE)
def test_a_divergence_without_draws_is_no_smaller_than_the_mean_over_draws(name):
    module = filled(PRIORS[name]())
    z = POSTERIOR.rsample(random(50_000, N, H, seed=5))
    drawn = as_torch(POSTERIOR).log_prob(z) - oracle_of(name, module).log_prob(z)
    found = module.divergence_without_draws(POSTERIOR, encode)
    assert (found > drawn.mean(dim=0) - 5 * drawn.std(dim=0) / len(z) ** 0.5).all()


def test_a_divergence_without_draws_is_exact_where_all_pseudo_inputs_are_one():
    module = filled(VampPrior(n_pseudo_inputs=3))
    module.pseudo_inputs.data[:] = module.pseudo_inputs[0].clone()
    oracle = kl_divergence(as_torch(POSTERIOR), as_torch(encode(module.pseudo_inputs[:1])))
    found = module.divergence_without_draws(POSTERIOR, encode)
    torch.testing.assert_close(found, oracle)


def test_a_divergence_without_draws_is_exact_where_the_gaussians_of_a_prior_lie_far_apart():
    module = filled(VampPrior(n_pseudo_inputs=N))
    means = POSTERIOR.mean + 100 * torch.arange(N)[:, None]
    apart = DiagonalGaussian(means, POSTERIOR.log_variance)
    found = module.divergence_without_draws(apart, lambda _: apart)
    torch.testing.assert_close(found, torch.full((N,), np.log(N)).double())


@pytest.mark.parametrize("name", WITH_ORACLE)
def test_codes_drawn_from_a_prior_have_its_moments(name):
    module = filled(PRIORS[name]())
    codes = module.sample(50_000, encode, np.random.default_rng(0))
    oracle = oracle_of(name, module)
    assert codes.dtype == np.float64
    np.testing.assert_allclose(codes.mean(axis=0), oracle.mean.detach(), atol=0.05)
    np.testing.assert_allclose(codes.std(axis=0), oracle.stddev.detach(), atol=0.05, rtol=0.02)


def test_the_pseudo_inputs_of_a_vamp_prior_are_learned():
    module = filled(VampPrior(n_pseudo_inputs=2))
    module.log_prob(random(N, H), encode).sum().backward()
    assert (module.pseudo_inputs.grad != 0).all()


def test_a_prior_of_no_pseudo_input_is_refused():
    with pytest.raises(ValueError, match="n_pseudo_inputs"):
        VampPrior(n_pseudo_inputs=0).build(D, H)


@pytest.mark.parametrize("name", POSTERIORS)
def test_a_posterior_reads_so_many_outputs_as_it_says(name):
    posterior = POSTERIORS[name]()
    read = posterior.build(H)
    initialize(read, torch.Generator().manual_seed(0))
    q = read(random(N, posterior.n_outputs(H)).float())
    assert q.rsample(random(2, N, H).float()).shape == (2, N, H)
    assert q.log_prob(q.mean).shape == (N,)
    assert q.log_variance.shape == (N, H)


def test_a_density_broadcasts_over_components_of_a_mixture():
    z, mean = random(N, 1, H), random(7, H, seed=1)
    assert diagonal_gaussian_log_prob(z, mean, torch.zeros(7, H)).shape == (N, 7)
