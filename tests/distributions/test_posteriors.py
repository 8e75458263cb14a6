"""The densities of posteriors, against torch.distributions and by integration."""

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from utsushi.distributions import (
    DiagonalGaussian,
    FullCovarianceGaussian,
    FullCovariancePosterior,
    HierarchicalPosterior,
    InverseAutoregressiveFlowPosterior,
    kl_full_covariance,
)
from utsushi.distributions.hierarchical import layer_sizes
from utsushi.exceptions import SettingError
from utsushi.networks import initialize


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed))


def built(posterior, n_components):
    read = posterior.build(n_components)
    initialize(read, generator())
    return read


@pytest.fixture
def full():
    return built(FullCovariancePosterior(), 3)(random(5, 9))


def test_a_full_covariance_has_the_density_of_a_multivariate_normal(full):
    z = random(7, 5, 3, seed=1)
    expected = MultivariateNormal(full.mean, scale_tril=full.factor)
    torch.testing.assert_close(full.log_prob(z), expected.log_prob(z))
    torch.testing.assert_close(full.log_variance.exp(), expected.variance)


def test_the_draws_of_a_full_covariance_have_its_moments(full):
    z = full.rsample(random(200_000, 5, 3, seed=2))
    torch.testing.assert_close(z.mean(dim=0), full.mean, atol=0.03, rtol=0)
    covariance = torch.stack([torch.cov(z[:, i].T) for i in range(5)])
    expected = full.factor @ full.factor.mT
    torch.testing.assert_close(covariance, expected, atol=0.05, rtol=0.05)


def test_the_divergence_of_a_full_covariance_is_that_of_torch(full):
    standard = MultivariateNormal(torch.zeros(3), torch.eye(3))
    expected = kl_divergence(MultivariateNormal(full.mean, scale_tril=full.factor), standard)
    terms = kl_full_covariance(full.mean, full.factor)
    torch.testing.assert_close(terms.sum(dim=-1), expected)
    assert (terms >= 0).all()


def test_a_full_covariance_without_correlations_is_diagonal():
    mean, log_variance = random(5, 3), random(5, 3, seed=1)
    q = FullCovarianceGaussian(mean, torch.diag_embed(torch.exp(0.5 * log_variance)))
    z = random(5, 3, seed=2)
    torch.testing.assert_close(q.log_prob(z), DiagonalGaussian(mean, log_variance).log_prob(z))


@pytest.mark.parametrize(
    "posterior",
    [
        FullCovariancePosterior(),
        InverseAutoregressiveFlowPosterior(hidden=(16,), n_context=3),
        HierarchicalPosterior(hidden=(16,), n_context=3),
    ],
    ids=lambda posterior: type(posterior).__name__,
)
class TestOfTwoComponents:
    """Each posterior of a code with two components, whose density a grid can integrate."""

    def one(self, posterior):
        head = 0.5 * random(1, posterior.n_outputs(2))
        return built(posterior, 2)(head)

    def test_the_density_integrates_to_one(self, posterior):
        axis = torch.linspace(-12, 12, 601)
        grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1).reshape(-1, 1, 2)
        with torch.no_grad():
            total = self.one(posterior).log_prob(grid).exp().sum() * (axis[1] - axis[0]) ** 2
        assert total.item() == pytest.approx(1, abs=1e-3)

    def test_draws_have_the_moments_of_the_density(self, posterior):
        axis = torch.linspace(-12, 12, 601)
        grid = torch.stack(torch.meshgrid(axis, axis, indexing="ij"), dim=-1).reshape(-1, 1, 2)
        q = self.one(posterior)
        with torch.no_grad():
            weights = q.log_prob(grid).exp() * (axis[1] - axis[0]) ** 2
            mean = (weights[..., None] * grid).sum(dim=0)[0]
            z = q.rsample(random(100_000, 1, 2, seed=3))
        torch.testing.assert_close(z.mean(dim=0)[0], mean, atol=0.03, rtol=0)

    def test_drawn_codes_have_the_density_that_other_codes_have(self, posterior):
        q = self.one(posterior)
        z = q.rsample(random(4, 1, 2, seed=4))
        torch.testing.assert_close(q.log_prob(z), q.log_prob(z.clone()), atol=1e-4, rtol=1e-4)

    def test_no_gradient_reaches_the_parameters_of_a_detached_one(self, posterior):
        head = (0.5 * random(1, posterior.n_outputs(2))).requires_grad_()
        read = built(posterior, 2)
        z = random(1, 2, seed=5).requires_grad_()
        read(head).detach().log_prob(z).sum().backward()
        assert head.grad is None
        assert all(parameter.grad is None for parameter in read.parameters())
        assert z.grad.abs().sum() > 0


def test_a_hierarchy_is_the_product_of_its_layers():
    read = built(HierarchicalPosterior(n_layers=3, hidden=(8,), n_context=2), 5)
    q, z = read(random(4, 6)), random(4, 5, seed=1)
    layers = q.layers(z)
    parts = z.split([2, 2, 1], dim=-1)
    expected = sum(
        Normal(layer.mean, torch.exp(0.5 * layer.log_variance)).log_prob(part).sum(dim=-1)
        for layer, part in zip(layers, parts, strict=True)
    )
    torch.testing.assert_close(q.log_prob(z), expected)


def test_a_later_layer_depends_on_those_before_it():
    q = built(HierarchicalPosterior(hidden=(8,), n_context=2), 4)(random(1, 6))
    before, after = (q.layers(z)[1].mean for z in (torch.zeros(1, 4), torch.ones(1, 4)))
    assert not torch.allclose(before, after)


def test_more_layers_than_components_are_refused():
    assert layer_sizes(3, 3) == [1, 1, 1]
    with pytest.raises(SettingError, match=r"n_layers must be at most n_components=3, got 4"):
        layer_sizes(3, 4)


@pytest.mark.parametrize("n", [1, 2, 7])
def test_the_numbers_of_a_full_covariance(n):
    assert FullCovariancePosterior().n_outputs(n) == n + np.arange(n + 1).sum()
