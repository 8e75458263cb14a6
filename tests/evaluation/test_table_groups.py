"""What `evaluate` measures of a model of tables: synthetic rows and imputed values."""

import json

import numpy as np
import pandas as pd
import polars as pl
import pytest

from utsushi import Autoencoder, TableAutoencoder
from utsushi.evaluation import evaluate, evaluate_synthetic, tables
from utsushi.evaluation.table_groups import HIDDEN_SHARE
from utsushi.exceptions import SettingError
from utsushi.runs import comparison_tables, tables_of


def people(n, seed):
    draws = np.random.default_rng(seed)
    age = draws.integers(18, 80, n)
    frame = pd.DataFrame(
        {
            "age": age,
            "income": np.exp(draws.normal(8 + age / 40, 0.4)).round(),
            "rooms": draws.integers(1, 5, n),  # a number that the model takes for a category
            "town": np.where(draws.random(n) < age / 100, "Kobe", "Oslo"),
            "id": np.arange(n),
        }
    )
    frame.loc[draws.random(n) < 0.1, "income"] = np.nan
    return frame


@pytest.fixture(scope="module", autouse=True)
def few_trees():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "N_TREES", 10)
        patch.setattr(tables, "N_FOLDS", 2)
        yield


TRAIN, TEST = people(300, 0), people(120, 1)


@pytest.fixture(scope="module")
def model():
    return TableAutoencoder(3, hidden=16, max_epochs=20, random_state=0).fit(TRAIN)


@pytest.fixture(scope="module")
def results(model):
    return evaluate(model, TEST, TRAIN, target="town")


def test_a_model_of_tables_has_groups_of_its_own_ready_for_json(results):
    assert list(results) == ["likelihood", "synthetic", "imputation"]
    assert json.loads(json.dumps(results)) == results


def test_the_bound_is_the_mean_score(model, results):
    bound = results["likelihood"]["row_bound"]
    assert bound["value"] == pytest.approx(model.score_samples(TEST).mean())
    assert bound["n_rows"] == 120


def test_synthetic_rows_are_measured_as_evaluate_synthetic_does(model, results):
    left_out = {"columns": "id"}
    expected = evaluate_synthetic(
        model.sample(300, random_state=0), TRAIN.drop(**left_out), TEST.drop(**left_out),
        target="town",
    )  # fmt: skip
    found = dict(results["synthetic"])
    found.pop("diagnostics")
    assert found == expected


def test_only_columns_of_the_model_are_hidden_and_categories_are_measured_as_such(results):
    found = results["imputation"]
    assert set(found["columns"]) == {"age", "income", "rooms", "town"}
    assert set(found["columns"]["rooms"]) == {"accuracy"}
    assert {"nrmse", "coverage"} <= set(found["columns"]["age"])
    n_values = 4 * 120 - TEST["income"].isna().sum()
    assert found["n_hidden"] == pytest.approx(HIDDEN_SHARE * n_values, rel=0.2)
    assert found["n_draws"] == 20


def test_the_library_of_the_frame_makes_no_difference(model, results):
    other = evaluate(model, pl.from_pandas(TEST), pl.from_pandas(TRAIN), target="town")
    assert other["likelihood"] == results["likelihood"]
    for group, figure in (("synthetic", "pair_error"), ("imputation", "nrmse")):
        assert other[group][figure]["value"] == pytest.approx(results[group][figure]["value"])


def keys(group):
    return [found["key"] for found in group["diagnostics"]]


def test_on_the_training_rows_there_is_no_floor_and_nothing_is_predicted(model):
    found = evaluate(model, TRAIN, TRAIN, target="town", groups=["synthetic"])["synthetic"]
    assert "no_held_out" in keys(found)
    assert found["column_error"]["floor"] is None
    assert "target_roc_auc" not in found


def test_without_training_rows_synthetic_rows_are_not_measured(model):
    found = evaluate(model, TEST, groups=["synthetic", "imputation"])
    assert keys(found["synthetic"]) == ["no_training_rows"]
    assert "nrmse" in found["imputation"]


def test_of_few_rows_synthetic_ones_are_not_measured(model):
    found = evaluate(model, TEST[:19], TRAIN, groups=["synthetic"])["synthetic"]
    assert keys(found) == ["few_rows"]
    assert "19" in found["diagnostics"][0]["text"]


def test_a_column_that_cannot_be_predicted_does_not_stop_the_rest(model):
    test = TEST.assign(town="Oslo")
    found = evaluate(model, test, TRAIN, target="town", groups=["synthetic"])["synthetic"]
    assert "no_target" in keys(found)
    assert "target_roc_auc" not in found
    assert found["pair_error"]["value"] > 0


def test_a_model_that_copies_its_rows_is_named(model, monkeypatch):
    monkeypatch.setattr(model, "sample", lambda n, **_: TRAIN.drop(columns="id")[:n])
    found = evaluate(model, TEST, TRAIN, groups=["synthetic"])["synthetic"]
    assert "near_copies" in keys(found)
    assert "worse_than_copula" not in keys(found)


def test_a_model_that_is_worse_than_a_copula_is_named(model, monkeypatch):
    def constant(n, **_):
        return pd.concat([TRAIN.drop(columns="id")[:1]] * n, ignore_index=True)

    monkeypatch.setattr(model, "sample", constant)
    found = evaluate(model, TEST, TRAIN, groups=["synthetic"])["synthetic"]
    assert "worse_than_copula" in keys(found)


def test_anomalies_are_separated_by_the_score(model):
    odd = TEST.assign(age=79, town="Oslo", income=1.0)
    found = evaluate(model, TEST, TRAIN, anomalies=odd, groups=["anomalies"])["anomalies"]
    assert found["roc_auc"]["value"] > 0.8


def test_a_target_is_for_models_of_tables():
    X = np.random.default_rng(0).random((30, 3))
    model = Autoencoder(2, hidden=(4,), max_epochs=1, random_state=0).fit(X)
    with pytest.raises(SettingError, match="target must be None for a Autoencoder, got 'a'"):
        evaluate(model, X, target="a")
    assert "synthetic" not in evaluate(model, X)


# --- as tables ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("language", "real"), [("en", "Real rows"), ("ja", "実データ")])
def test_the_tables_show_the_baselines(results, language, real):
    shown = tables_of(results, language)
    synthetic = shown[1]
    place = synthetic.columns.index(real)
    floors = [figure["floor"] for figure in results["synthetic"].values()
              if isinstance(figure, dict) and "floor" in figure and "value" in figure]  # fmt: skip
    assert [row[place] for row in synthetic.rows] == [f"{floor['value']:.4g}" for floor in floors]
    assert all(len(row) == len(table.columns) for table in shown for row in table.rows)


def test_the_tables_show_the_largest_errors_first(results):
    columns, pairs = tables_of(results)[2:4]
    worst = max(results["synthetic"]["columns"].items(), key=lambda item: item[1]["value"])
    assert columns.rows[0][:2] == (worst[0], f"{worst[1]['value']:.3g}")
    values = [float(row[1]) for row in pairs.rows]
    assert values == sorted(values, reverse=True)


def test_models_of_tables_are_compared_with_the_baselines_once(model, results):
    shown = comparison_tables({"a": results, "b": results}, {"a": model, "b": model})
    assert shown[1].columns == ("Synthetic rows", "a", "b", "Real rows", "Copula", "Shuffled")
    assert shown[2].columns == ("Imputed values", "a", "b", "Baseline")
