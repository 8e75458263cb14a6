"""A model that came to little says so at the end of fit, with figures and what to change."""

import warnings

import numpy as np
import pytest
from sklearn.decomposition import PCA

from utsushi import Autoencoder, DenoisingAutoencoder, VariationalAutoencoder, datasets
from utsushi.estimators.diagnosis import Fit, pca_error, troubles
from utsushi.exceptions import PoorFitWarning
from utsushi.training import Recipe

X = datasets.load_digits8x8().X_train


def said(model, rows=X, **given):
    """Return what fit warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(rows, **given)
    assert {w.filename for w in caught} <= {__file__}
    return [str(w.message) for w in caught if issubclass(w.category, PoorFitWarning)]


def fit_of(objectives, error=1.0, variance=10.0, pca=2.0, **others):
    history = [{"objective": float(value), **others} for value in objectives]
    recipe = Recipe("lecture").completed({})
    return Fit(error, variance, pca, 2, n_rows=2000, history=history, recipe=recipe)


# --- what is no trouble -------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", [Autoencoder, VariationalAutoencoder, DenoisingAutoencoder])
def test_the_defaults_have_nothing_to_say_of_digits(estimator):
    assert said(estimator(4, hidden=(100,), random_state=0)) == []


@pytest.mark.parametrize("estimator", [Autoencoder, VariationalAutoencoder])
def test_a_linear_network_is_pca_and_is_not_compared_with_it(estimator):
    assert said(estimator(4, hidden=(), random_state=0)) == []


def test_rows_that_are_all_the_same_have_nothing_to_learn():
    assert said(Autoencoder(2, max_epochs=1, random_state=0), np.ones((50, 10))) == []


# --- what is ------------------------------------------------------------------------------------


def test_too_few_steps_are_named_with_the_figures_of_the_model_and_of_pca():
    model = Autoencoder(4, hidden=(100,), max_epochs=2, random_state=0)
    (message,) = said(model)
    assert message.startswith("the model leaves ")
    assert "PCA with 4 components leaves " in message
    assert message.endswith("It made only 16 steps. Try max_epochs=50.")
    left = [float(word) for word in message.split() if word.replace(".", "").isdigit()][:3:2]
    rows = X[:: -(-len(X) // 500)]
    error = ((model.reconstruct(rows) - rows) ** 2).sum(axis=1).mean()
    assert left[0] == pytest.approx(100 * error / rows.var(axis=0).sum(), rel=0.01)


def test_a_rate_that_is_too_high_is_named():
    recipe = Recipe(learning_rate=3.0, weight_decay=0.0)
    model = Autoencoder(4, hidden=(100,), recipe=recipe, random_state=0)
    (message,) = said(model)
    assert "has learned nothing" in message
    assert "recipe__learning_rate=1 in place of 3" in message


def test_unit_noise_that_drowns_small_rows_is_named():
    (message,) = said(VariationalAutoencoder(4, likelihood="unit-gaussian", random_state=0))
    assert "has learned nothing" in message
    assert message.endswith("Try likelihood='gaussian'.")


def test_rows_that_may_be_known_by_heart_are_to_be_checked():
    (message,) = said(Autoencoder(8, random_state=0), X[:60])
    assert message.startswith("the model may overfit: ")
    assert "recipe__validation_fraction=0.2" in message


def test_held_out_rows_show_that_the_others_are_known_by_heart():
    (message,) = said(Autoencoder(8, random_state=0), X[:60], validation_data=X[60:100])
    assert message.startswith("the model overfits: ")


def test_an_objective_that_jumps_and_stays_is_unstable():
    (message,) = troubles(fit_of([10, 4, 9, 8, 8]))
    assert "unstable: its objective was 4 in epoch 2 and 8 at the end" in message
    assert "recipe__learning_rate=0.0003 in place of 0.001" in message


@pytest.mark.parametrize("objectives", [[10, 4, 5, 4.2], [5], [5, 5, 5], [-1, -4, -4.5]])
def test_an_objective_that_comes_back_or_hardly_moves_is_stable(objectives):
    assert troubles(fit_of(objectives)) == []


def test_a_model_between_pca_and_the_mean_is_told_of_pca():
    (message,) = troubles(fit_of(range(30, 0, -1), error=4.0))
    assert message.startswith(
        "the model leaves 40 % of the variance of its training samples, and PCA with 2 components "
        "leaves 20 %"
    )


# --- PCA ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(40, 7), (30, 90)], ids=str)
def test_the_error_of_pca_is_that_of_scikit_learn(shape):
    rng = np.random.default_rng(0)
    rows, others = rng.normal(size=shape), rng.normal(size=shape) * np.arange(1, shape[1] + 1)
    pca = PCA(3).fit(others)
    oracle = np.square(rows - pca.inverse_transform(pca.transform(rows))).sum(axis=1).mean()
    assert pca_error(rows, others, 3) == pytest.approx(oracle)


@pytest.mark.parametrize(("shape", "n_components"), [((40, 3), 3), ((5, 9), 3)], ids=str)
def test_no_error_of_pca_is_taken_where_it_says_nothing(shape, n_components):
    rows = np.random.default_rng(0).normal(size=shape)
    assert pca_error(rows, rows, n_components) is None
