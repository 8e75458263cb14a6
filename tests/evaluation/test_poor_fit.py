"""What an evaluation diagnostics of a model that came to little, in both languages."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from utsushi import Autoencoder, Recipe, VariationalAutoencoder, datasets
from utsushi.evaluation import evaluate, translate
from utsushi.evaluation.poor_fit import POOR_FIT
from utsushi.evaluation.texts import _SENTENCES
from utsushi.exceptions import SettingError
from utsushi.runs import comparison_tables, tables_of

DIGITS = datasets.load_digits8x8()
TRAIN, TEST = DIGITS.X_train, DIGITS.X_test


def fitted(rows=TRAIN, estimator=Autoencoder, n_components=4, **settings):
    return estimator(n_components, **{"hidden": (64,), "random_state": 0, **settings}).fit(rows)


@pytest.fixture(scope="module")
def short():
    return fitted(max_epochs=2)


@pytest.fixture(scope="module")
def overfitted():
    return fitted(TRAIN[:60], n_components=8, max_epochs=100)


def reconstruction_of(model, X=TEST, X_train=TRAIN, **others):
    return evaluate(model, X, X_train, groups=["reconstruction"], **others)["reconstruction"]


def diagnostics_of(group):
    return {found["key"]: found for found in group["diagnostics"] if found["key"] in POOR_FIT}


# --- nothing to say -------------------------------------------------------------------------------


@pytest.mark.parametrize("estimator", [Autoencoder, VariationalAutoencoder])
def test_a_good_model_has_no_such_remark(estimator):
    assert diagnostics_of(reconstruction_of(fitted(estimator=estimator))) == {}


def test_pca_of_as_many_components_as_columns_is_no_comparison():
    X = np.random.default_rng(0).normal(size=(300, 3))
    found = reconstruction_of(fitted(X, n_components=3), X[:100], X)
    assert found["mse"]["value"] > found["mse"]["pca"]["value"]
    assert diagnostics_of(found) == {}


def test_a_few_rows_are_not_judged(short):
    assert diagnostics_of(reconstruction_of(short)).keys() == {"worse_than_pca"}
    assert diagnostics_of(reconstruction_of(short, TEST[:5])) == {}


def test_a_model_with_unit_variance_is_not_compared_with_pca():
    model = fitted(8 * TRAIN, VariationalAutoencoder, likelihood="unit-gaussian", max_epochs=3)
    found = reconstruction_of(model, 8 * TEST, 8 * TRAIN)
    assert found["mse"]["value"] > found["mse"]["pca"]["value"]
    assert diagnostics_of(found) == {}


# --- worse than PCA -------------------------------------------------------------------------------


def test_a_model_that_is_worse_than_pca_has_both_figures_and_what_to_try(short):
    found = reconstruction_of(short)
    diagnostic = diagnostics_of(found)["worse_than_pca"]
    variance = np.square(TEST - TRAIN.mean(axis=0)).mean()
    assert diagnostic["percent"] == pytest.approx(100 * found["mse"]["value"] / variance, rel=1e-5)
    assert diagnostic["percent_of_pca"] == pytest.approx(
        100 * found["mse"]["pca"]["value"] / variance, rel=1e-5
    )
    assert diagnostic["fixes"] == ["max_epochs=50"]  # 400 steps
    assert f"{diagnostic['percent']:.3g} %" in diagnostic["text"]


def test_a_model_of_many_steps_is_to_try_a_lower_rate_or_more_of_them():
    model = fitted(max_epochs=60, recipe=Recipe("lecture", learning_rate=1e-5))
    found = reconstruction_of(model)
    (diagnostic,) = diagnostics_of(found).values()
    assert diagnostic["fixes"] == ["max_epochs=120", "recipe__learning_rate=3e-06"]


def test_a_fix_inside_of_an_object_is_set_by_set_params_as_the_constructor_says():
    with pytest.raises(SettingError, match=r"set_params\(recipe__weight_decay=…\)"):
        Autoencoder(recipe__weight_decay=1)
    assert Autoencoder().set_params(recipe__weight_decay=1).recipe.weight_decay == 1


def test_without_training_rows_there_is_no_pca_to_be_worse_than(short):
    assert diagnostics_of(reconstruction_of(short, X_train=None)) == {}


def test_a_table_is_compared_in_standard_deviations():
    draws = np.random.default_rng(0)
    line = draws.normal(size=(200, 1)) @ np.ones((1, 6)) + 0.1 * draws.normal(size=(200, 6))
    data = datasets.open(pd.DataFrame(1000.0 ** np.arange(6) * line, columns=list("abcdef")))
    X = data.X_train
    model = Autoencoder(1, hidden=(8,), scaling="standard", max_epochs=20, random_state=0)
    found = reconstruction_of(model.fit(X, columns=data.columns), X, X)
    error = found["standardized_mse"]
    diagnostic = diagnostics_of(found)["worse_than_pca"]
    assert diagnostic["percent"] == pytest.approx(100 * error["value"], rel=1e-4)
    assert diagnostic["percent_of_pca"] == pytest.approx(100 * error["pca"]["value"], rel=1e-4)


# --- no better than the mean ----------------------------------------------------------------------


@pytest.mark.parametrize("X_train", [TRAIN, None], ids=["training rows", "none"])
def test_a_model_that_is_no_better_than_the_mean_says_so(X_train):
    model = fitted(estimator=VariationalAutoencoder, likelihood="unit-gaussian", max_epochs=3)
    (diagnostic,) = diagnostics_of(reconstruction_of(model, X_train=X_train)).values()
    assert diagnostic["key"] == "as_good_as_the_mean"
    assert 95 < diagnostic["percent"] < 110
    assert diagnostic["fixes"] == ["likelihood='gaussian'"]


def test_a_beta_that_silences_the_code_is_named():
    model = fitted(estimator=VariationalAutoencoder, beta=500.0, max_epochs=20)
    (diagnostic,) = diagnostics_of(reconstruction_of(model)).values()
    assert (diagnostic["key"], diagnostic["fixes"]) == ("as_good_as_the_mean", ["beta<500"])


# --- by heart -------------------------------------------------------------------------------------


def test_rows_that_are_known_by_heart_are_told_from_held_out_ones(overfitted):
    known, X = TRAIN[:60], TEST
    diagnostics = diagnostics_of(reconstruction_of(overfitted, X, known))
    errors = [np.square(overfitted.reconstruct(rows) - rows).mean() for rows in (X, known)]
    assert 3 < errors[0] / errors[1] < 900
    assert diagnostics["by_heart"]["times"] == pytest.approx(errors[0] / errors[1], rel=1e-4)
    fixes = diagnostics.get("worse_than_pca", {"fixes": ["recipe__weight_decay=1"]})["fixes"]
    assert "recipe__weight_decay=1" in fixes


def test_training_rows_are_not_compared_with_themselves(overfitted):
    known = TRAIN[:60]
    assert "by_heart" not in diagnostics_of(reconstruction_of(overfitted, known, known.copy()))


def test_a_conditional_model_is_asked_with_the_classes_of_its_training_rows():
    X, y = TRAIN[:60], DIGITS.y_train[:60]
    model = VariationalAutoencoder(
        8, conditional=True, hidden=(64,), max_epochs=300, random_state=0
    ).fit(X, y)
    labels = {"y": DIGITS.y_test, "y_train": y}
    assert "by_heart" in diagnostics_of(reconstruction_of(model, TEST, X, **labels))
    assert "by_heart" not in diagnostics_of(reconstruction_of(model, TEST, X, y=DIGITS.y_test))


# --- where it is shown ----------------------------------------------------------------------------


@pytest.mark.parametrize("key", sorted(POOR_FIT))
def test_both_languages_fill_in_the_same_values(key):
    fields = [set(re.findall(r"{(\w+)", _SENTENCES[language][key])) for language in ("en", "ja")]
    assert fields[0] == fields[1]


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "PCA of the same size reconstructs these samples better"), ("ja", "成分数が同じ PCA")],
)
def test_the_tables_of_one_model_and_of_several_show_it(short, language, sentence):
    results = {"reconstruction": json.loads(json.dumps(reconstruction_of(short)))}
    (table,) = tables_of(results, language)
    assert sentence in table.note
    good = {"reconstruction": reconstruction_of(fitted())}
    models = {"good": fitted(), "short": short}
    (table, *_) = comparison_tables({"good": good, "short": results}, models, language)
    assert f"short: {sentence}" in table.note
    assert f"good: {sentence}" not in table.note


def test_it_is_said_again_in_japanese(overfitted):
    diagnostic = diagnostics_of(reconstruction_of(overfitted, TEST, TRAIN[:60]))["by_heart"]
    assert translate(diagnostic, "en") == diagnostic["text"]
    assert "過学習" in translate(diagnostic, "ja")
