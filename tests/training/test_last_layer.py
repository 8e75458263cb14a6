"""The last layer, solved in closed form."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from utsushi import Autoencoder, Recipe, VariationalAutoencoder
from utsushi.distributions import (
    Bernoulli,
    DiagonalGaussianPosterior,
    StandardNormal,
    UnitGaussian,
)
from utsushi.networks import Dense, initialize
from utsushi.objectives import (
    Batch,
    ImportanceWeighted,
    ReconstructionObjective,
    VariationalObjective,
)
from utsushi.training.last_layer import solve_last_layer

D, H, M = 30, 2, 12


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def rows():
    return Batch(torch.rand(200, D, generator=rng(1)).square())


def module_of(n_outputs=H):
    module = Dense((M,)).build(D, H, n_outputs)
    initialize(module, rng(3))
    return module.with_parts(
        posterior=DiagonalGaussianPosterior().build(H), prior=StandardNormal().build(D, H)
    )


def solve(module, objective, rows, ridge=0.3, seed=0):
    """Solve the last layer of a module; return the others' output, and its weights before."""
    *others, last = module.decoder
    before = last.weight.detach().clone()
    solve_last_layer(module, objective, rows, module, rows, ridge, seed)
    return torch.nn.Sequential(*others), last, before


def test_it_is_scikit_learns_ridge_regression_of_what_the_trained_weights_leave(rows):
    module, objective = module_of(), ReconstructionObjective()
    hidden, last, before = solve(module, objective, rows)
    with torch.no_grad():
        h = hidden(module.encoder(rows.x)).double().numpy()
    penalty = 0.3 * h.var(axis=0).sum()
    before = before.double().numpy()
    ridge = Ridge(alpha=penalty).fit(h, rows.x.double().numpy() - h @ before.T)
    np.testing.assert_allclose(last.weight.detach(), before + ridge.coef_, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(last.bias.detach(), ridge.intercept_, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("ridge", [0.01, 1.0, 100.0])
def test_the_error_of_the_training_samples_falls(rows, ridge):
    module, objective = module_of(), ReconstructionObjective()
    before = objective(module, rows, rng()).objective.sum()
    solve(module, objective, rows, ridge)
    assert objective(module, rows, rng()).objective.sum() < before


def test_a_variational_model_is_better_for_new_draws_of_its_codes(rows):
    module, objective = module_of(2 * H), VariationalObjective(UnitGaussian())

    def measured(name):
        return objective(module, rows, rng(9)).parts[name].sum()

    before, kl = measured("reconstruction"), measured("kl")
    solve(module, objective, rows)
    assert measured("reconstruction") < before
    torch.testing.assert_close(measured("kl"), kl)


def test_the_seed_decides_the_draws(rows):
    objective = VariationalObjective(UnitGaussian())
    first, again, other = (
        solve(module_of(2 * H), objective, rows, seed=seed)[1].weight for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize(
    ("objective", "ridge"),
    [
        (ReconstructionObjective(), 0.0),
        (VariationalObjective(UnitGaussian(), ImportanceWeighted(n_samples=4)), 0.3),
    ],
    ids=["without a penalty", "weighted draws"],
)
def test_what_it_does_not_suit_stays_as_it_is(rows, objective, ridge):
    module = module_of(2 * H if isinstance(objective, VariationalObjective) else H)
    _, last, before = solve(module, objective, rows, ridge)
    assert torch.equal(last.weight, before)


def test_units_that_are_constant_leave_it_as_it_is(rows):
    module = module_of()
    with torch.no_grad():
        module.decoder[0].weight.zero_()
    _, last, before = solve(module, ReconstructionObjective(), rows)
    assert torch.equal(last.weight, before)


def wide(n_rows=300):
    draws = np.random.default_rng(0)
    X = np.tanh(draws.normal(size=(n_rows, 3)) @ draws.normal(size=(3, 150)))
    return (X + 0.05 * draws.normal(size=X.shape)).astype(np.float32)


@pytest.mark.parametrize("subspace", [0.0, 0.3], ids=["all columns", "subspace"])
@pytest.mark.parametrize("estimator", [Autoencoder, VariationalAutoencoder])
def test_an_estimator_is_better_with_it(estimator, subspace):
    X, new = np.split(wide(), 2)

    def fitted(ridge):
        recipe = Recipe(max_epochs=20, subspace=subspace, last_layer_ridge=ridge)
        return estimator(3, hidden=32, recipe=recipe, random_state=0).fit(X)

    with_it, without = fitted(0.3), fitted(0.0)
    np.testing.assert_array_equal(with_it.transform(new), without.transform(new))
    errors = [np.square(model.reconstruct(new) - new).mean() for model in (with_it, without)]
    assert errors[0] < errors[1]


@pytest.mark.parametrize(
    ("model", "solved"),
    [
        (Autoencoder(2), True),
        (VariationalAutoencoder(2), True),
        (VariationalAutoencoder(2, likelihood=UnitGaussian()), True),
        (VariationalAutoencoder(2, likelihood=Bernoulli()), False),
        (VariationalAutoencoder(2, objective=ImportanceWeighted(n_samples=3)), False),
        (Autoencoder(2, penalty="contractive"), False),
        (Autoencoder(2, network="conv"), False),
        (Autoencoder(2, recipe="lecture"), False),
    ],
    ids=str,
)
def test_by_default_it_is_solved_where_it_has_a_closed_form(model, solved):
    assert bool(model.resolved_recipe(784, 16_000).last_layer_ridge) == solved


def test_few_samples_have_a_larger_penalty():
    ridges = [Autoencoder(2).resolved_recipe(784, n).last_layer_ridge for n in (16_000, 3_000)]
    assert ridges[0] < ridges[1]
    assert Autoencoder(2).resolved_recipe(64, 3_000).last_layer_ridge == 0
