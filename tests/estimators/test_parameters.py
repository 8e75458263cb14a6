"""Parameters are few, are set inside of the objects that they configure, and old names say so."""

import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from utsushi import (
    AnomalyDetector,
    Autoencoder,
    DenoisingAutoencoder,
    Recipe,
    VariationalAutoencoder,
    datasets,
)
from utsushi.estimators.parameters import MOVED
from utsushi.exceptions import SettingError
from utsushi.networks import Conv, Dense
from utsushi.objectives import ELBO, MMD, ImportanceWeighted, Sparse
from utsushi.samplers import Mixture

DIGITS = datasets.load_digits8x8()
SMALL = {"n_components": 2, "hidden": (8,), "max_epochs": 1, "random_state": 0}
ESTIMATORS = [Autoencoder, DenoisingAutoencoder, VariationalAutoencoder]


def parameters(estimator):
    return set(estimator().get_params(deep=False))


def test_there_are_few_parameters():
    assert len(parameters(Autoencoder)) <= 15
    assert len(parameters(VariationalAutoencoder)) <= 19
    corruption = parameters(DenoisingAutoencoder) - parameters(Autoencoder)
    assert corruption == {"corruption", "corruption_level"}


# --- old names ----------------------------------------------------------------------------------

#: What to write in place of each old name.
FIXES = {
    "channels": "Set network=networks.Conv(channels=…), or call set_params(network__channels=…).",
    "activation": "call set_params(network__activation=…).",
    **{
        name: f"Set recipe=Recipe({name}=…), or call set_params(recipe__{name}=…)."
        for name in (
            "batch_size",
            "learning_rate",
            "weight_decay",
            "validation_fraction",
            "early_stopping",
            "precision",
        )
    },
    "regularizer": "Its name is penalty now.",
    "regularization": "Set penalty=objectives.Sparse(strength=…), or call "
    "set_params(penalty__strength=…).",
    "n_samples": "Set objective=objectives.ELBO(n_samples=…), or",
    "free_bits": "Set objective=objectives.ELBO(free_bits=…), or",
    "kl_warmup_epochs": "Set objective=objectives.ELBO(kl_warmup_epochs=…), or",
    "n_importance_samples": "Set objective=objectives.ImportanceWeighted(n_samples=…).",
    "importance_gradient": "Set objective=objectives.ImportanceWeighted(gradient=…).",
}


def test_each_old_name_has_its_fix():
    assert FIXES.keys() == MOVED.keys()


@pytest.mark.parametrize(
    ("estimator", "name"),
    [
        (estimator, name)
        for estimator in ESTIMATORS
        for name, path in MOVED.items()
        if path.partition("__")[0] in parameters(estimator)  # else it never had it
    ],
)
def test_an_old_name_is_an_error_that_says_what_to_write(estimator, name, refusal):
    for call in (estimator, estimator().set_params):
        message = refusal(SettingError, call, **{name: 1})
        assert message.startswith(f"{name} is not a parameter of {estimator.__name__}. ")
        assert FIXES[name] in message


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_name_that_never_was_is_an_error_of_python_or_scikit_learn(estimator):
    with pytest.raises(TypeError, match="depth"):
        estimator(depth=3)
    with pytest.raises(ValueError, match="depth"):
        estimator().set_params(depth=3)


# --- parameters inside of objects ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("estimator", "settings", "expected"),
    [
        (Autoencoder, {"recipe__learning_rate": 0.1}, {"recipe": Recipe(learning_rate=0.1)}),
        (Autoencoder, {"network__activation": "tanh"}, {"network": Dense(activation="tanh")}),
        (
            Autoencoder,
            {"network": "conv", "network__channels": (4, 8)},
            {"network": Conv(channels=(4, 8))},
        ),
        (
            Autoencoder,
            {"recipe__batch_size": 7, "recipe": "lecture"},
            {"recipe": Recipe("lecture", batch_size=7)},
        ),
        (Autoencoder, {"penalty": "sparse", "penalty__strength": 2.0}, {"penalty": Sparse(2.0)}),
        (Autoencoder, {"penalty": MMD(5.0), "penalty__strength": 3.0}, {"penalty": MMD(3.0)}),
        (
            Autoencoder,
            {"sampler__n_components": 5},
            {"sampler": Mixture(n_components=5)},
        ),
        (
            VariationalAutoencoder,
            {"objective__n_samples": 3, "objective__free_bits": 0.5},
            {"objective": ELBO(n_samples=3, free_bits=0.5)},
        ),
        (
            VariationalAutoencoder,
            {"objective": "importance-weighted", "objective__n_samples": 8},
            {"objective": ImportanceWeighted(n_samples=8)},
        ),
    ],
    ids=str,
)
def test_set_params_opens_a_name(estimator, settings, expected):
    model = estimator().set_params(**settings)
    assert repr(model) == repr(estimator(**expected))
    assert repr(clone(model)) == repr(model)


def test_setting_one_parameter_of_an_object_keeps_the_others():
    model = Autoencoder(recipe=Recipe(batch_size=7)).set_params(recipe__learning_rate=0.1)
    assert repr(model.recipe) == repr(Recipe(batch_size=7, learning_rate=0.1))


def test_the_objects_of_a_model_inside_of_another_are_within_reach():
    detector = AnomalyDetector(Autoencoder()).set_params(autoencoder__recipe__batch_size=7)
    assert detector.autoencoder.recipe.batch_size == 7


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        (
            {"network__channels": (8,)},
            [
                "network__channels is not a parameter of network='dense'",
                "Set network='conv', or leave",
            ],
        ),
        (
            {"recipe": Recipe(), "recipe__patience": 3},
            ["recipe__patience is not a parameter of recipe=Recipe()"],
        ),
        (
            {"penalty__strength": 2.0},
            [
                "penalty must be set where penalty__strength is, got penalty=None",
                "penalty='sparse'",
            ],
        ),
        (
            {"penalty": len, "penalty__strength": 2.0},
            ["penalty__strength is not a parameter of penalty=<built-in", "Set penalty='sparse'"],
        ),
        (
            {"recipe": "slow", "recipe__batch_size": 3},
            ["recipe must be 'fast' or 'lecture', got 'slow'"],
        ),
    ],
    ids=str,
)
def test_a_parameter_that_an_object_lacks_is_an_error(settings, parts, refusal):
    message = refusal(SettingError, Autoencoder().set_params, **settings)
    assert all(part in message for part in parts)


def test_a_free_bit_is_no_parameter_of_the_importance_weighted_bound(refusal):
    model = VariationalAutoencoder(objective="importance-weighted")
    message = refusal(SettingError, model.set_params, objective__free_bits=0.1)
    assert "objective__free_bits is not a parameter of objective='importance-weighted'" in message


@pytest.mark.parametrize(
    ("estimator", "name", "values"),
    [
        (Autoencoder, "penalty__strength", [0.01, 10.0]),
        (VariationalAutoencoder, "objective__n_samples", [1, 4]),
        (VariationalAutoencoder, "objective__free_bits", [0.0, 5.0]),
    ],
)
def test_a_grid_search_reaches_into_penalty_and_objective(estimator, name, values):
    model = estimator(**SMALL)
    if name.startswith("penalty"):
        model.set_params(penalty="contractive")
    search = GridSearchCV(model, {name: values}, cv=2).fit(DIGITS.X_train[:200])
    assert set(search.best_params_) == {name}
    assert len(set(search.cv_results_["mean_test_score"])) == 2


def test_an_object_of_the_caller_stays_as_it_was():
    recipe, penalty = Recipe(batch_size=50), Sparse(0.2)
    Autoencoder(**SMALL, recipe=recipe, penalty=penalty).fit(DIGITS.X_train[:100])
    assert repr((recipe, penalty)) == "(Recipe(batch_size=50), Sparse(strength=0.2))"
