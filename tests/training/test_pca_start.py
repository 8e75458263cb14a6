"""A network that starts as PCA: scikit-learn's codes and copies, before the first step."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from utsushi import Autoencoder, Recipe, VariationalAutoencoder
from utsushi._utils.seeds import generator
from utsushi.evaluation.pca import PCABaseline
from utsushi.networks import Dense, initialize
from utsushi.training import fast_settings
from utsushi.training.pca_start import fill_with_pca

N, D, H = 60, 9, 3
RATE = fast_settings(300, 300)["learning_rate"]  # of a start at random
ROWS = np.random.default_rng(0).normal(size=(N, D)) @ np.diag(np.arange(1, D + 1)) + 5


def filled(activation="relu", hidden=(16,), n_outputs=H):
    pair = Dense(hidden, activation).build(D, H, n_outputs)
    initialize(pair, generator(0))
    pair = pair.double()
    return pair, fill_with_pca(pair, torch.tensor(ROWS), n_codes=H, n_features=D)


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu"])
def test_copies_are_those_of_pca(activation):
    pair, done = filled(activation)
    pca = PCA(H).fit(ROWS)
    with torch.no_grad():
        copies = pair.decoder(pair.encoder(torch.tensor(ROWS))).numpy()
    assert done
    np.testing.assert_allclose(copies, pca.inverse_transform(pca.transform(ROWS)), atol=1e-8)


def test_a_variational_posterior_is_that_of_probabilistic_pca():
    pair, _ = filled(n_outputs=2 * H)
    with torch.no_grad():
        mean, log_variance = pair.encoder(torch.tensor(ROWS)).chunk(2, dim=1)
    centred = ROWS - ROWS.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred / N)
    noise = variances[:-H].mean()
    W = directions[:, -H:] * np.sqrt(variances[-H:] - noise)
    M = W.T @ W + noise * np.eye(H)
    oracle = centred @ W @ np.linalg.inv(M)
    # A direction may be turned round, and the order of the components is the other.
    np.testing.assert_allclose(np.abs(mean.numpy()), np.abs(oracle[:, ::-1]), atol=1e-8)
    expected = np.log(np.diag(noise * np.linalg.inv(M)))[::-1]
    np.testing.assert_allclose(log_variance.numpy(), np.tile(expected, (N, 1)), atol=1e-8)


@pytest.mark.parametrize(
    ("activation", "hidden"), [("tanh", (16,)), ("relu", (5,)), ("relu", (16, 16)), ("relu", ())]
)
def test_a_network_that_cannot_be_pca_stays_as_it_is(activation, hidden):
    pair = Dense(hidden, activation).build(D, H, H)
    initialize(pair, generator(0))
    before = {name: value.clone() for name, value in pair.state_dict().items()}
    assert not fill_with_pca(pair, torch.tensor(ROWS).float(), n_codes=H, n_features=D)
    assert all(torch.equal(before[name], value) for name, value in pair.state_dict().items())


def wide(n_rows=100, n_features=300):
    rng = np.random.default_rng(1)
    low = rng.normal(size=(n_rows, 8)) @ rng.normal(size=(8, n_features))
    return (low + 0.1 * rng.normal(size=(n_rows, n_features))).astype(np.float32)


def test_before_it_has_learned_an_estimator_reconstructs_as_pca_does():
    X = wide()
    recipe = Recipe(start="principal", learning_rate=1e-12, max_epochs=1, last_layer_ridge=0)
    model = Autoencoder(4, recipe=recipe, random_state=0).fit(X)
    oracle = PCABaseline(X, 4).reconstruct(X)
    assert np.square(model.reconstruct(X) - oracle).mean() < 1e-4 * X.var()


@pytest.mark.parametrize("estimator", [Autoencoder, VariationalAutoencoder])
def test_by_default_few_rows_are_reconstructed_no_worse_than_by_pca(estimator):
    X, X_new = np.split(wide(200), 2)
    model = estimator(4, random_state=0).fit(X)
    pca = PCABaseline(X, 4)
    assert model.recipe_.start == "principal"
    error = np.square(model.reconstruct(X_new) - X_new).mean()
    assert error < 1.02 * np.square(pca.reconstruct(X_new) - X_new).mean()


@pytest.mark.parametrize(
    "settings",
    [
        {"hidden": 7},  # too narrow for four components
        {"hidden": (16, 16)},
        {"penalty": "sparse"},
        {"missing": "mask"},
    ],
)
def test_a_training_that_cannot_start_from_pca_has_the_usual_rate(settings):
    X = wide()
    if "missing" in settings:
        X[0, 0] = np.nan
    model = Autoencoder(4, max_epochs=1, random_state=0, **settings).fit(X)
    assert (model.recipe_.start, model.recipe_.learning_rate) == ("random", RATE)


def test_rows_that_are_alike_in_all_directions_have_no_subspace_and_start_at_random():
    X = np.linalg.qr(np.random.default_rng(2).normal(size=(300, 290)))[0].T.astype(np.float32)
    model = Autoencoder(4, max_epochs=1, random_state=0).fit(X)
    assert (model.recipe_.start, model.recipe_.learning_rate) == ("random", RATE)


def test_a_rate_that_is_asked_for_is_that_of_a_start_from_pca_too():
    model = Autoencoder(4, recipe=Recipe(learning_rate=3e-3), max_epochs=1, random_state=0).fit(
        wide()
    )
    assert (model.recipe_.start, model.recipe_.learning_rate) == ("principal", 3e-3)


@pytest.mark.parametrize("n_rows", [100, 150, 200, 250, 299])
def test_matrices_of_less_than_full_rank_are_no_trouble(n_rows):
    X = np.zeros((n_rows, 300), dtype=np.float32)
    X[:, :90] = np.random.default_rng(0).random((n_rows, 90))
    assert np.isfinite(Autoencoder(4, max_epochs=1, random_state=0).fit(X).reconstruct(X)).all()
