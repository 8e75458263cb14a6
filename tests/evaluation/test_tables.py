"""What is measured of a table: its columns have units of their own."""

import numpy as np
import pandas as pd
import pytest

from utsushi import Autoencoder, DenoisingAutoencoder, VariationalAutoencoder, datasets
from utsushi.evaluation import evaluate
from utsushi.evaluation.context import EvaluationContext
from utsushi.runs import comparison_tables, tables_of
from utsushi.runs.tables import MOST_COLUMNS

SMALL = {"hidden": (8,), "max_epochs": 3, "random_state": 0, "scaling": "standard"}


@pytest.fixture(scope="module")
def people():
    draws = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "income": np.exp(draws.normal(10, 1, 80)).round(),
            "mse": draws.normal(size=80),
            "joined": np.datetime64("2024-01-01") + draws.integers(0, 400, 80),
            "town": draws.choice(["Bonn", "Kobe", "Oslo"], 80),
            "diagnostics": draws.random(80) < 0.5,
            "same": 1.0,
        }
    )
    frame.loc[3, "income"] = None
    frame.loc[4, "town"] = None
    return datasets.open(frame, dates=["joined"])


@pytest.fixture(scope="module")
def model(people):
    model = Autoencoder(2, missing="mask", **SMALL)
    return model.fit(people.X_train, columns=people.columns)


def test_each_column_has_an_error_without_a_unit(people, model):
    X = people.X_train
    errors = evaluate(model, X, X, groups=["columns"])["columns"]["errors"]
    assert list(errors) == ["income", "mse", "joined", "town", "diagnostics", "same"]
    copies, variances = model.reconstruct(X), np.nanvar(X, axis=0)
    for column, place in (("income", 0), ("mse", 1), ("joined", 2)):
        expected = np.nanmean((X[:, place] - copies[:, place]) ** 2) / variances[place]
        assert errors[column]["value"] == pytest.approx(expected)
    given, found = people.columns.decode(X), people.columns.decode(copies)
    known = [town is not None for town in given["town"]]
    assert errors["town"]["value"] == np.mean(given["town"][known] != found["town"][known])
    assert errors["diagnostics"]["value"] == np.mean(given["diagnostics"] != found["diagnostics"])
    assert (errors["income"]["n_rows"], errors["town"]["n_rows"]) == (79, 79)
    assert 0 < errors["joined"]["pca"]["value"] < 1.01


def test_units_change_nothing(people, model):
    """A table in other units, and its model, have the same errors."""
    factors = np.array([1000, 0.01, 7, 1, 1, 1, 1, 3])
    X = people.X_train
    other = Autoencoder(2, missing="mask", **SMALL).fit(X * factors, columns=people.columns)
    for groups in (["reconstruction"], ["columns"]):
        one, two = (
            evaluate(model, X, X, groups=groups),
            evaluate(other, X * factors, X * factors, groups=groups),
        )
        one, two = one[groups[0]], two[groups[0]]
        one, two = one.get("errors", one), two.get("errors", two)
        for name in set(one) - {"diagnostics", "same"}:
            assert two[name]["value"] == pytest.approx(one[name]["value"], rel=1e-3)


def test_a_table_has_no_psnr_and_no_error_in_mixed_units(people, model):
    found = evaluate(model, people.X_train, people.X_train)["reconstruction"]
    assert set(found) == {"standardized_mse", "diagnostics"}
    spreads = np.nanstd(people.X_train, axis=0)
    spreads[spreads == 0] = 1
    residuals = (model.reconstruct(people.X_train) - people.X_train) / spreads
    assert found["standardized_mse"]["value"] == pytest.approx(
        np.nanmean(residuals**2, axis=1).mean()
    )


def test_the_means_of_the_columns_have_an_error_of_one(people, model):
    context = EvaluationContext(model, people.X_train)
    varying = context.standard_deviations[:-1] ** 2
    np.testing.assert_allclose(varying, np.nanvar(people.X_train, axis=0)[:-1])
    assert context.standard_deviations[-1] == 1


def test_what_is_no_table_is_measured_as_before(people):
    X = np.random.default_rng(0).random((40, 16))
    found = evaluate(Autoencoder(2, **SMALL).fit(X), X)
    assert "columns" not in found
    assert {"mse", "squared_error", "psnr"} < set(found["reconstruction"])
    table = pd.DataFrame(X, columns=[f"p{i}" for i in range(16)])
    data = datasets.open(table)
    images = Autoencoder(2, image_shape=(4, 4), **SMALL).fit(data.X_train, columns=data.columns)
    assert "psnr" in evaluate(images, X)["reconstruction"]


def test_damage_of_a_table_is_measured_without_units(people):
    X = np.nan_to_num(people.X_train)
    model = DenoisingAutoencoder(2, **SMALL).fit(X, columns=people.columns)
    found = evaluate(model, X, X, groups=["denoising"])["denoising"]
    spreads = np.where(X.std(axis=0) > 0, X.std(axis=0), 1)
    damaged = model.corrupt(X, random_state=0)
    for name, rows in (("damaged", damaged), ("repaired", model.reconstruct(damaged))):
        expected = np.mean(((rows - X) / spreads) ** 2)
        assert found[f"mse_{name}"]["value"] == pytest.approx(expected)


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_columns_have_a_table_of_their_own(people, model, language):
    X = people.X_train
    vae = VariationalAutoencoder(2, missing="mask", **SMALL).fit(X, columns=people.columns)
    results = {name: evaluate(m, X, X) for name, m in (("a", model), ("b", vae))}
    for tables in (
        tables_of(results["a"], language),
        comparison_tables(results, {"a": model, "b": vae}, language),
    ):
        rows = [row[0] for row in tables[1].rows]
        assert rows == ["income", "mse", "joined", "town", "diagnostics", "same"]
        assert tables[1].note


def test_of_many_columns_the_worst_are_shown():
    X = np.random.default_rng(0).random((40, 30))
    data = datasets.open(pd.DataFrame(X, columns=[f"c{i}" for i in range(30)]))
    model = Autoencoder(2, **SMALL).fit(X, columns=data.columns)
    results = evaluate(model, X, X, groups=["columns"])
    errors = {name: error["value"] for name, error in results["columns"]["errors"].items()}
    (table,) = tables_of(results)
    shown = [row[0] for row in table.rows]
    assert len(errors) == 30
    assert set(shown) == set(sorted(errors, key=errors.get)[-MOST_COLUMNS:])
    assert shown == [name for name in errors if name in shown]
    assert table.note.startswith("The 20 of 30 columns with the largest errors.")
