"""Training in the leading principal components: what it must leave as it is."""

import numpy as np
import pytest
import torch

from utsushi import Autoencoder, DenoisingAutoencoder, VariationalAutoencoder
from utsushi.distributions import (
    DiagonalGaussianPosterior,
    Gaussian,
    StandardNormal,
    UnitGaussian,
)
from utsushi.networks import Conv, Dense, initialize
from utsushi.objectives import (
    Batch,
    ImportanceWeighted,
    ReconstructionObjective,
    VariationalObjective,
)
from utsushi.training import Recipe
from utsushi.training.subspace import Subspace
from utsushi.transforms.augmentation import Affine

N_FEATURES, N_CODES = 40, 3
RECIPE = Recipe("lecture", max_epochs=20, batch_size=50, learning_rate=1e-2, subspace=0.1)


@pytest.fixture(autouse=True)
def _even_for_few_columns(monkeypatch):
    monkeypatch.setattr("utsushi.training.subspace.FEWEST_FEATURES", 1)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def rows():
    """Rows of which eight directions have nearly all of the variance, and a mean."""
    wide = torch.randn(300, 8, generator=rng()) @ torch.randn(8, N_FEATURES, generator=rng(1))
    return wide + 0.05 * torch.randn(300, N_FEATURES, generator=rng(2)) + 0.5


def module_of(n_outputs=N_CODES, hidden=(16,)):
    module = Dense(hidden).build(N_FEATURES, N_CODES, n_outputs)
    initialize(module, rng(3))
    return module.with_parts(
        posterior=DiagonalGaussianPosterior().build(N_CODES),
        prior=StandardNormal().build(N_FEATURES, N_CODES),
    )


def subspace_of(rows, module, tolerance=0.1):
    subspace = Subspace.of(module, Batch(rows), tolerance)
    assert subspace is not None
    return subspace


# --- the mathematics ----------------------------------------------------------------------------


def test_the_variance_outside_is_at_most_the_tolerated_part_of_what_pca_leaves(rows):
    for tolerance in (0.5, 0.1, 0.03):
        basis = subspace_of(rows, module_of(), tolerance).basis
        moments = np.linalg.svd(rows.double().numpy(), compute_uv=False) ** 2
        k = basis.shape[1]
        allowed = tolerance * moments[N_CODES:].sum()
        assert moments[k:].sum() <= allowed * 1.001
        assert moments[k - 1 :].sum() > allowed * 0.999
        torch.testing.assert_close(basis.T @ basis, torch.eye(k), atol=1e-5, rtol=0)


def test_turned_rows_keep_their_lengths_and_their_products(rows):
    subspace = subspace_of(rows, module_of())
    turned = subspace.project(rows)
    assert turned.shape == (300, subspace.basis.shape[1] + 1)
    torch.testing.assert_close(turned.norm(dim=1), rows.norm(dim=1))
    inside = rows @ subspace.basis
    torch.testing.assert_close(turned[:, :-1] @ turned[:, :-1].T, inside @ inside.T)


OBJECTIVES = {
    "autoencoder": (ReconstructionObjective(), N_CODES),
    "unit-gaussian": (VariationalObjective(UnitGaussian()), 2 * N_CODES),
    "gaussian": (VariationalObjective(Gaussian().prepare(torch.ones(1, 1))), 2 * N_CODES),
    "importance": (
        VariationalObjective(UnitGaussian(), ImportanceWeighted(n_samples=4)),
        2 * N_CODES,
    ),
}


@pytest.mark.parametrize("hidden", [(16,), (16, 8), ()])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_objective_is_that_of_the_network_on_all_columns(name, hidden, rows):
    """Written out for the columns, a reduced network has the same terms for the rows themselves."""
    objective, n_outputs = OBJECTIVES[name]
    module = module_of(n_outputs, hidden)
    subspace = subspace_of(rows, module)
    reduced = subspace.reduce(module)
    subspace.expand(reduced, module)
    whole = objective(module, Batch(rows), rng(4))
    inside = objective.for_projected_samples(N_FEATURES)(
        reduced, Batch(subspace.project(rows)), rng(4)
    )
    torch.testing.assert_close(inside.objective, whole.objective, rtol=1e-4, atol=1e-3)
    for part, values in whole.parts.items():
        torch.testing.assert_close(inside.parts[part], values, rtol=1e-4, atol=1e-3)


def test_the_inner_layers_are_shared_and_the_outer_ones_are_not(rows):
    module = module_of(hidden=(16, 8))
    reduced = subspace_of(rows, module).reduce(module)
    assert reduced.encoder[2] is module.encoder[2]
    assert reduced.decoder[0] is module.decoder[0]
    before = module.encoder[0].weight.clone()
    with torch.no_grad():
        reduced.encoder[0].weight.zero_()
    torch.testing.assert_close(module.encoder[0].weight, before)


# --- the estimators -----------------------------------------------------------------------------


def settings(**others):
    return {
        "n_components": N_CODES,
        "hidden": (16,),
        "recipe": RECIPE,
        "random_state": 0,
        **others,
    }


def was_turned(monkeypatch, estimator, X):
    """Fit, and tell whether a subspace was trained in."""
    turned = []
    reduce = Subspace.reduce
    monkeypatch.setattr(
        Subspace, "reduce", lambda self, module: turned.append(1) or reduce(self, module)
    )
    estimator.fit(X)
    return bool(turned)


@pytest.mark.parametrize("estimator", [Autoencoder, VariationalAutoencoder])
def test_the_last_history_row_tells_of_all_columns(estimator, rows, monkeypatch):
    X = rows.numpy()
    recipe = RECIPE.with_settings(learning_rate=1e-9, max_epochs=1)  # nothing moves meanwhile
    model = estimator(**settings(recipe=recipe, sampler="gaussian"))
    model.set_params(**({"likelihood": "unit-gaussian"} if "likelihood" in vars(model) else {}))
    assert was_turned(monkeypatch, model, X)
    assert model.history_[0]["objective"] == pytest.approx(-model.score(X), rel=5e-3)


def test_it_learns_as_well_as_on_all_columns(rows):
    errors = {}
    for subspace in (0.1, 0.0):
        recipe = RECIPE.with_settings(subspace=subspace)
        model = Autoencoder(**settings(recipe=recipe, sampler="gaussian")).fit(rows.numpy())
        errors[subspace] = -model.score(rows.numpy())
    assert errors[0.1] < 1.1 * errors[0.0]


def test_early_stopping_and_held_out_rows_work_inside(rows, monkeypatch):
    recipe = RECIPE.with_settings(validation_fraction=0.2, early_stopping=2)
    model = Autoencoder(**settings(recipe=recipe, sampler="gaussian"))
    assert was_turned(monkeypatch, model, rows.numpy())
    assert np.isfinite([row["validation_objective"] for row in model.history_]).all()


def test_a_conditional_model_is_trained_inside_too(rows, monkeypatch):
    model = VariationalAutoencoder(**settings(conditional=True))
    classes = np.arange(len(rows)) % 2
    monkeypatch.setattr(model, "fit", lambda X: VariationalAutoencoder.fit(model, X, classes))
    assert was_turned(monkeypatch, model, rows.numpy())
    assert model.sample(4, y=1).shape == (4, N_FEATURES)


def images(rows):
    return torch.sigmoid(rows).numpy()


ON_COLUMNS = {
    "recipe": Autoencoder(**settings(recipe=RECIPE.with_settings(subspace=0.0))),
    "penalty": Autoencoder(**settings(penalty="sparse")),
    "augmentation": Autoencoder(**settings(augment=Affine(), image_shape=(8, 5))),
    "corruption": DenoisingAutoencoder(**settings()),
    "likelihood": VariationalAutoencoder(**settings(likelihood="continuous-bernoulli")),
    "sigmoid": Autoencoder(**settings(network=Dense(output="sigmoid"), scaling=None)),
    "convolutions": Autoencoder(**settings(network=Conv((4,)), image_shape=(8, 5))),
}


@pytest.mark.parametrize("reason", ON_COLUMNS)
def test_what_knows_the_columns_is_trained_on_them(reason, rows, monkeypatch):
    model = ON_COLUMNS[reason].set_params(sampler="gaussian")
    assert not was_turned(monkeypatch, model, images(rows))


def test_rows_without_a_smaller_subspace_are_trained_on_as_they_are(monkeypatch):
    noise = np.random.default_rng(0).standard_normal((200, N_FEATURES)).astype(np.float32)
    model = Autoencoder(**settings(sampler="gaussian"))
    assert not was_turned(monkeypatch, model, noise)


def test_few_columns_are_trained_on_as_they_are(rows, monkeypatch):
    monkeypatch.undo()
    assert not was_turned(monkeypatch, Autoencoder(**settings(sampler="gaussian")), rows.numpy())


def test_rows_that_are_all_zero_are_learned(monkeypatch):
    model = Autoencoder(**settings(sampler="gaussian")).fit(np.zeros((20, N_FEATURES)))
    assert np.abs(model.reconstruct(np.zeros((2, N_FEATURES)))).max() < 0.1


def test_the_lectures_recipe_trains_on_the_columns():
    assert Recipe("lecture").completed({}).subspace == 0
