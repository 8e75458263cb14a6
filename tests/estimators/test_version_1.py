"""Headers of version 0.1, whose estimators had the parameters that objects have now."""

import pytest

from utsushi import Autoencoder, Recipe, VariationalAutoencoder
from utsushi.estimators.model_file import from_version_1, unfitted
from utsushi.networks import Conv, Dense
from utsushi.objectives import ELBO, MMD, ImportanceWeighted
from utsushi.training import fast_settings

#: What a header of version 0.1 holds: all parameters, with their defaults.
DEFAULTS = {
    "network": "dense",
    "recipe": "fast",
    "batch_size": None,
    "learning_rate": None,
    "weight_decay": None,
    "validation_fraction": 0.0,
    "early_stopping": None,
    "precision": "float32",
}
OF_AUTOENCODER = {**DEFAULTS, "regularizer": None, "regularization": 0.0}
OF_VARIATIONAL = {
    **DEFAULTS,
    "n_samples": 1,
    "n_importance_samples": 1,
    "importance_gradient": "standard",
    "free_bits": 0.0,
    "kl_warmup_epochs": 0.0,
}
RELU, RELU_CONV = Dense(activation="relu"), Conv(activation="relu")


def read(estimator, header=(), **parameters):
    """Return the estimator that a header of version 0.1 describes, as it is shown."""
    defaults = OF_AUTOENCODER if estimator is Autoencoder else OF_VARIATIONAL
    header = {"class": estimator.__name__, "parameters": {**defaults, **parameters}, **dict(header)}
    return unfitted(header)


def object_of(cls, **parameters):
    return {"class": cls.__name__, "parameters": parameters}


AUTOENCODERS = [
    ({}, {}),
    ({"batch_size": 50}, {"recipe": Recipe(batch_size=50)}),
    ({"learning_rate": 0.1}, {"recipe": Recipe(learning_rate=0.1)}),
    ({"weight_decay": 0.0}, {"recipe": Recipe(weight_decay=0.0)}),
    (
        {"validation_fraction": 0.2, "early_stopping": 3},
        {"recipe": Recipe(validation_fraction=0.2, early_stopping=3)},
    ),
    ({"precision": "bfloat16"}, {"recipe": Recipe(precision="bfloat16")}),
    ({"precision": "auto"}, {}),
    ({"recipe": "lecture"}, {"recipe": "lecture"}),
    (
        {"recipe": "lecture", "batch_size": 50, "max_epochs": 3},
        {"recipe": Recipe("lecture", batch_size=50), "max_epochs": 3},
    ),
    ({"regularizer": "mmd", "regularization": 2.5}, {"penalty": MMD(2.5)}),
    ({"regularizer": "sparse", "regularization": 0.1}, {"penalty": "sparse"}),
    ({"regularizer": "sparse", "regularization": 0.0}, {}),  # half a setting was none
    ({"regularization": 0.3}, {}),
    ({"network": "conv", "channels": None}, {"network": RELU_CONV}),
    (
        {"network": "conv", "channels": [4, 8]},
        {"network": Conv(channels=(4, 8), activation="relu")},
    ),
    ({"channels": [4, 8]}, {}),  # of a dense network they had no effect
]
VARIATIONAL = [
    ({}, {}),
    ({"n_samples": 3}, {"objective": ELBO(n_samples=3)}),
    ({"free_bits": 0.1}, {"objective": ELBO(free_bits=0.1)}),
    ({"kl_warmup_epochs": 4}, {"objective": ELBO(kl_warmup_epochs=4)}),
    ({"n_importance_samples": 5}, {"objective": "importance-weighted"}),
    (
        {
            "n_importance_samples": 8,
            "n_samples": 2,
            "importance_gradient": "doubly-reparameterized",
            "kl_warmup_epochs": 4.0,
        },
        {
            "objective": ImportanceWeighted(
                n_samples=8, n_estimates=2, gradient="doubly-reparameterized", kl_warmup_epochs=4.0
            )
        },
    ),
]


@pytest.mark.parametrize(
    ("estimator", "old", "new"),
    [(Autoencoder, *case) for case in AUTOENCODERS]
    + [(VariationalAutoencoder, *case) for case in VARIATIONAL],
    ids=str,
)
def test_an_old_parameter_is_one_of_its_object(estimator, old, new):
    assert repr(read(estimator, **old)) == repr(estimator(**{"network": RELU, **new}))


def test_the_networks_own_settings_precede_those_of_the_estimator():
    own = object_of(Conv, channels=[4], hidden=None, activation=None)
    model = read(Autoencoder, network=own, channels=[9], activation="tanh")
    assert repr(model.network) == repr(Conv(channels=(4,), activation="tanh"))


def test_the_estimators_settings_precede_those_of_the_recipe():
    own = object_of(Recipe, max_epochs=7, batch_size=100, learning_rate=1e-3)
    recipe = read(Autoencoder, recipe=own, batch_size=50).recipe
    assert (recipe.max_epochs, recipe.batch_size, recipe.learning_rate) == (7, 50, 1e-3)


@pytest.mark.parametrize("shape", [(784, 16_000), (20, 500)], ids=str)
def test_what_an_old_recipe_left_out_was_as_in_the_lecture(shape):
    old = read(Autoencoder, recipe=object_of(Recipe, max_epochs=7)).recipe
    completed = old.completed(fast_settings(*shape)).get_params()
    assert completed == Recipe("lecture", max_epochs=7).completed({}).get_params()


def test_epochs_of_the_estimator_are_exact_with_an_old_recipe():
    own = object_of(Recipe, max_epochs=7, min_steps=500, batch_size=100)
    model = read(Autoencoder, recipe=own, max_epochs=2)
    assert model.resolved_recipe(64, 300).n_epochs(300) == 2


def test_a_header_after_version_1_has_an_activation_of_its_own():
    """It holds the parameters that were changed, and the network with every size."""
    described = {"network": object_of(Dense, hidden=[3], activation="gelu")}
    assert repr(read(Autoencoder, described, batch_size=50)) == repr(
        Autoencoder(recipe=Recipe(batch_size=50))
    )


@pytest.mark.parametrize("activation", [{}, {"activation": None}], ids=str)
def test_new_parameters_are_read_as_they_are(activation):
    """Those of a training that has not finished have no network besides them."""
    model = Autoencoder(3, recipe=Recipe(batch_size=5), penalty="sparse")
    parameters = {"n_components": 3, "network": "dense", "recipe": "fast", "penalty": "sparse"}
    header = {"class": "Autoencoder", "parameters": {**parameters, **activation}}
    assert repr(unfitted(header)) == repr(model.set_params(recipe="fast"))


def test_what_no_version_had_is_refused():
    with pytest.raises(ValueError, match="backdoor"):
        read(Autoencoder, backdoor=1)
    with pytest.raises(ValueError, match="objective"):
        read(Autoencoder, free_bits=1.0)


def test_reading_does_not_change_the_header():
    parameters = {**OF_AUTOENCODER, "batch_size": 50, "recipe": object_of(Recipe, max_epochs=7)}
    before = repr(parameters)
    from_version_1(parameters, relu=True)
    assert repr(parameters) == before


@pytest.mark.parametrize(("old", "new"), [("refuse", "raise"), ("mask", "mask")])
def test_what_missing_values_are(old, new):
    assert read(Autoencoder, missing=old).missing == new
