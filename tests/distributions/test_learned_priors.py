"""Priors that are learned: densities by integration, samples by their moments."""

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from utsushi.distributions import (
    DiagonalGaussian,
    FlowPrior,
    HierarchicalPosterior,
    HierarchicalPrior,
    MixtureOfGaussians,
    VampPrior,
)
from utsushi.exceptions import SettingError
from utsushi.networks import initialize

PRIORS = {
    "mixture": MixtureOfGaussians(n_mixture=4),
    "vamp": VampPrior(n_pseudo_inputs=4),
    "flow": FlowPrior(n_transforms=2, hidden=(16,)),
    "hierarchical": HierarchicalPrior(hidden=(16,)),
    "hierarchical with a mixture": HierarchicalPrior(hidden=(16,), first="mixture"),
}


def encode(x):
    return DiagonalGaussian(3 * x[:, :2], torch.zeros(len(x), 2))


@pytest.fixture(params=PRIORS)
def prior(request):
    module = PRIORS[request.param].build(n_features=6, n_components=2)
    initialize(module, torch.Generator().manual_seed(0))
    return module


@torch.no_grad()
def on_a_grid(prior):
    axis = torch.linspace(-12, 12, 601)
    grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1).reshape(-1, 2)
    return grid, prior.log_prob(grid, encode).exp() * (axis[1] - axis[0]) ** 2


def test_the_density_integrates_to_one(prior):
    assert on_a_grid(prior)[1].sum().item() == pytest.approx(1, abs=1e-3)


def test_samples_have_the_moments_of_the_density(prior):
    grid, weights = on_a_grid(prior)
    mean = (weights[:, None] * grid).sum(dim=0).numpy()
    variance = (weights[:, None] * grid.square()).sum(dim=0).numpy() - mean**2
    codes = prior.sample(100_000, encode, np.random.default_rng(0))
    np.testing.assert_allclose(codes.mean(axis=0), mean, atol=0.03)
    np.testing.assert_allclose(codes.var(axis=0), variance, rtol=0.05)


@pytest.mark.parametrize("name", ["mixture", "vamp"])
@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_a_temperature_is_the_factor_of_the_deviations_of_a_mixture(name, temperature):
    prior = PRIORS[name].build(n_features=6, n_components=2)
    initialize(prior, torch.Generator().manual_seed(0))
    with torch.no_grad():
        parts, weights = prior.components(encode), prior.log_weights().exp()
    parts = parts.detach()
    mean = weights @ parts.mean
    inner = temperature**2 * torch.exp(parts.log_variance)
    variance = weights @ (inner + (parts.mean - mean).square())
    codes = prior.sample(100_000, encode, np.random.default_rng(0), temperature)
    np.testing.assert_allclose(codes.mean(axis=0), mean, atol=0.03)
    np.testing.assert_allclose(codes.var(axis=0), variance, rtol=0.05)


def test_the_temperature_of_a_flow_is_the_deviation_in_front_of_its_map():
    prior = PRIORS["flow"].build(n_features=6, n_components=2)
    initialize(prior, torch.Generator().manual_seed(0))
    hot, cold = (
        prior.flow()(torch.tensor(prior.sample(100, encode, np.random.default_rng(0), t)).float())
        for t in (1.0, 0.5)
    )
    torch.testing.assert_close(cold, 0.5 * hot, atol=1e-4, rtol=0)


@pytest.mark.parametrize("first", ["standard-normal", "mixture"])
def test_a_hierarchy_at_temperature_zero_is_the_means_of_its_layers(first):
    prior = HierarchicalPrior(hidden=(16,), first=first).build(n_features=6, n_components=2)
    initialize(prior, torch.Generator().manual_seed(0))
    codes = torch.tensor(prior.sample(50, encode, np.random.default_rng(0), 0.0)).float()
    if first == "standard-normal":
        assert (codes[:, 0] == 0).all()
    with torch.no_grad():
        torch.testing.assert_close(prior._later(codes)[0].mean, codes[:, 1:])


def test_a_mixture_is_that_of_torch():
    module = MixtureOfGaussians(n_mixture=3).build(6, 2)
    initialize(module, torch.Generator().manual_seed(0))
    torch.nn.init.normal_(module.logits, generator=torch.Generator().manual_seed(1))
    scale = torch.exp(0.5 * module.log_variances)
    expected = MixtureSameFamily(
        Categorical(logits=module.logits), Independent(Normal(module.means, scale), 1)
    )
    z = torch.randn(5, 4, 2, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(module.log_prob(z, None), expected.log_prob(z))


@pytest.mark.parametrize("first", ["standard-normal", "mixture"])
def test_the_divergence_of_a_hierarchy_is_the_mean_over_its_draws(first):
    read = HierarchicalPosterior(hidden=(8,), n_context=2).build(4)
    prior = HierarchicalPrior(hidden=(8,), first=first).build(6, 4)
    for module in (read, prior):
        initialize(module, torch.Generator().manual_seed(0))
    q = read(torch.randn(3, 6, generator=torch.Generator().manual_seed(1)))
    z = q.rsample(torch.randn(100_000, 3, 4, generator=torch.Generator().manual_seed(2)))
    with torch.no_grad():
        partly_closed = prior.divergence(q, z, None).sum(dim=-1)
        drawn = q.log_prob(z) - prior.log_prob(z, None)
    error = 4 * drawn.std(dim=0) / 100_000**0.5
    assert ((partly_closed.mean(dim=0) - drawn.mean(dim=0)).abs() < error).all()
    assert (partly_closed.std(dim=0) < drawn.std(dim=0)).all()


def test_a_vamp_prior_of_the_first_layer_asks_for_layers():
    prior = HierarchicalPrior(hidden=(8,), first="vamp").build(6, 2)
    with pytest.raises(SettingError, match="posterior must be 'hierarchical'"):
        prior.log_prob(torch.zeros(1, 2), encode)
