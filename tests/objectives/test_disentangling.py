"""Objectives that weight parts of the divergence: against closed forms, and against the ELBO."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from utsushi import VariationalAutoencoder, datasets
from utsushi.distributions import DiagonalGaussian, Gaussian, StandardNormal
from utsushi.distributions.posteriors import DiagonalGaussianPosterior
from utsushi.exceptions import SettingError
from utsushi.networks import Dense, EncoderDecoder, initialize
from utsushi.objectives import (
    ELBO,
    AdversarialELBO,
    Batch,
    BetaTC,
    CapacityAnnealed,
    CombinedImportanceWeighted,
    DisentangledInferredPrior,
    Draws,
    FactorVAE,
    ImportanceWeighted,
    InfoVAE,
    PartiallyImportanceWeighted,
    VariationalObjective,
)
from utsushi.objectives.critics import critic_loss, frozen
from utsushi.objectives.disentangling import permuted, total_correlation

X = torch.randn(50, 6, generator=torch.Generator().manual_seed(9))


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def network(bound):
    pair = Dense(hidden=(8,)).build(6, 3, 6)
    critic = bound.build_critic(6, 3)
    module = pair.with_parts(
        posterior=DiagonalGaussianPosterior().build(3),
        prior=StandardNormal().build(6, 3),
        **({} if critic is None else {"critic": critic}),
    )
    initialize(module, generator(1))
    return module


def terms_of(bound, *, beta=1.0, epochs=np.inf):
    module = network(bound)
    likelihood = Gaussian().prepare([X]).calibrate(1.0)
    objective = VariationalObjective(likelihood, bound, beta)
    return module, objective(module, Batch(X, epochs=epochs), generator(2))


def gradients(bound, **settings):
    module, terms = terms_of(bound, **settings)
    terms.objective.sum().backward()
    return {name: value.grad for name, value in module.named_parameters()}


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
def test_the_total_correlation_of_a_gaussian_has_a_closed_form(correlation):
    n = 4000
    mean = torch.randn(n, 2, generator=generator())
    mean[:, 1] = correlation * mean[:, 0] + (1 - correlation**2) ** 0.5 * mean[:, 1]
    variance = 0.05
    log_variance = torch.full((n, 2), float(np.log(variance)))
    z = DiagonalGaussian(mean, log_variance).rsample(torch.randn(n, 2, generator=generator(1)))
    of_all = correlation / (1 + variance)  # the codes' own correlation
    expected = -0.5 * np.log(1 - of_all**2)
    found = total_correlation(z, mean, log_variance).mean().item()
    assert found == pytest.approx(expected, abs=0.05)


def test_shuffled_components_keep_their_values():
    z = torch.randn(40, 3, generator=generator())
    shuffled = permuted(z, generator(1))
    torch.testing.assert_close(shuffled.sort(dim=0).values, z.sort(dim=0).values)
    assert not torch.equal(shuffled[:, 0].argsort(), shuffled[:, 1].argsort())


@pytest.mark.parametrize(
    "bound",
    [
        BetaTC(strength=0.0),
        DisentangledInferredPrior(strength=0.0),
        FactorVAE(strength=0.0),
        InfoVAE(alpha=0.0, strength=0.0),
        AdversarialELBO(strength=0.0),
        CombinedImportanceWeighted(elbo_share=1.0, n_samples=1),
    ],
    ids=lambda bound: type(bound).__name__,
)
def test_without_its_penalty_it_is_the_evidence_lower_bound(bound):
    torch.testing.assert_close(terms_of(bound)[1].objective, terms_of(ELBO())[1].objective)


def test_the_penalty_of_covariances():
    mean = torch.randn(30, 2, generator=generator())
    posterior = DiagonalGaussian(mean, torch.full((30, 2), -1.0))
    draws = Draws(None, posterior, mean, None, None, None, None, None, None, 0.0, None)
    for kind, added in (("I", 0.0), ("II", np.exp(-1))):
        covariance = np.cov(mean.numpy().T, bias=True) + added * np.eye(2)
        diagonal = covariance.diagonal()
        expected = 2 * covariance[0, 1] ** 2 + 3 * ((diagonal - 1) ** 2).sum()
        found = DisentangledInferredPrior(kind=kind, diagonal=3.0).penalty(draws)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4)


@pytest.mark.parametrize(("epochs", "capacity"), [(0.0, 0.0), (2.0, 5.0), (9.0, 20.0)])
def test_a_capacity_rises_to_its_end(epochs, capacity):
    bound = CapacityAnnealed(capacity=20.0, n_epochs=8.0, strength=7.0)
    terms = terms_of(bound, epochs=epochs)[1]
    distance = (terms.parts["kl"].mean() - capacity).abs()
    expected = terms.parts["reconstruction"] + 7 * distance
    torch.testing.assert_close(terms.objective, expected)


def test_a_combined_bound_lies_between_its_parts():
    settings = {"n_samples": 4}
    both = terms_of(CombinedImportanceWeighted(elbo_share=0.3, **settings))[1].objective
    weighted = terms_of(ImportanceWeighted(**settings))[1].objective
    plain = terms_of(ELBO(n_samples=4))[1].objective
    torch.testing.assert_close(both, 0.3 * plain + 0.7 * weighted)


def test_the_partially_weighted_bound_has_the_gradients_of_two_bounds():
    found = gradients(PartiallyImportanceWeighted(n_samples=3, n_estimates=2))
    of_encoder = gradients(ImportanceWeighted(n_samples=3, n_estimates=2))
    of_decoder = gradients(ImportanceWeighted(n_samples=6))
    for name, gradient in found.items():
        expected = of_encoder if name.startswith("encoder") else of_decoder
        torch.testing.assert_close(gradient, expected[name], rtol=1e-4, atol=1e-5, msg=name)


def test_a_critics_loss_has_no_value_and_the_gradient_of_the_cross_entropy():
    critic = torch.nn.Linear(3, 1)
    a, b = (torch.randn(5, 3, generator=generator(i)).requires_grad_() for i in range(2))
    loss = critic_loss(critic, a, b)
    assert (loss == 0).all()
    loss.sum().backward()
    found = critic.weight.grad.clone()
    critic.zero_grad()
    logits = torch.cat([critic(a.detach()), critic(b.detach())])
    labels = torch.cat([torch.ones(5, 1), torch.zeros(5, 1)])
    torch.nn.functional.binary_cross_entropy_with_logits(logits, labels, reduction="sum").backward()
    torch.testing.assert_close(found, critic.weight.grad)
    assert a.grad is None
    assert b.grad is None


def test_a_frozen_module_gives_gradients_to_its_input_alone():
    critic, z = torch.nn.Linear(3, 1), torch.zeros(2, 3, requires_grad=True)
    frozen(critic)(z).sum().backward()
    assert critic.weight.grad is None
    torch.testing.assert_close(z.grad, critic.weight.detach().expand(2, -1))


def test_a_critic_estimates_the_total_correlation():
    # Two components with a correlation of 0.9 have 0.83 nats.
    z = torch.randn(2000, 2, generator=generator())
    z[:, 1] = 0.9 * z[:, 0] + 0.19**0.5 * z[:, 1]
    bound = FactorVAE(strength=1.0)
    critic = bound.build_critic(6, 2)
    initialize(critic, generator(1))
    optimizer = torch.optim.Adam(critic.parameters(), lr=1e-3)
    module = EncoderDecoder(torch.nn.Identity(), torch.nn.Identity(), critic=critic)
    draws = Draws(module, None, z, None, None, None, None, None, generator(2), 0.0, None)
    for _ in range(300):
        optimizer.zero_grad()
        bound.penalty(draws).sum().backward()
        optimizer.step()
    estimate = bound.penalty(draws).mean().item()
    assert estimate == pytest.approx(-0.5 * np.log(1 - 0.81), abs=0.15)


@pytest.mark.parametrize("bound", [FactorVAE(), AdversarialELBO()], ids=["factor", "adversarial"])
def test_model_and_critic_both_move(bound):
    found = gradients(bound)
    assert all(gradient.abs().sum() > 0 for gradient in found.values())
    # The model's own gradient has the critic's judgement in it.
    plain = gradients(replace_strength(bound))
    assert not torch.allclose(found["encoder.0.weight"], plain["encoder.0.weight"])


def replace_strength(bound):
    return type(bound)(**{**bound.get_params(), "strength": 1e-9})


def test_a_posterior_without_single_components_is_refused():
    X = datasets.load_digits8x8().X_train[:50]
    model = VariationalAutoencoder(2, objective="beta-tc", posterior="full-covariance")
    with pytest.raises(SettingError, match=r"posterior must be 'diagonal-gaussian'.*got 'full"):
        model.fit(X)


def test_draws_give_one_code_of_each_sample():
    z = torch.arange(12.0).reshape(2, 3, 2)
    draws = Draws(None, None, z, None, None, None, None, None, None, 0.0, None)
    assert torch.equal(draws.one, z[0])
    assert torch.equal(replace(draws, z=z[0]).one, z[0])
