"""Every command on a run of ``utsushi train table``."""

import json
import signal
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from utsushi import TableAutoencoder, load
from utsushi.cli import options
from utsushi.cli.main import run
from utsushi.evaluation import tables
from utsushi.training.checkpoint import Checkpoints

SMALL = ["--hidden", "8", "--n-components", "2", "--random-state", "0", "--verbose", "0"]
SMALL += ["--max-epochs", "3"]


def people(n=200, seed=0):
    draws = np.random.default_rng(seed)
    age = draws.integers(18, 80, n)
    frame = pd.DataFrame(
        {
            "age": age,
            "income": np.exp(draws.normal(8 + age / 40, 0.4)).round(2),
            "member": draws.random(n) < 0.4,
            "since": pd.date_range("2024-01-01", periods=n),
            "town": np.where(draws.random(n) < age / 100, "Kobe", "Oslo"),
            "zip": [f"0{code}" for code in draws.integers(1, 4, n)],
            "id": [f"p{number}" for number in range(n)],
            "empty": None,
        }
    )
    frame.loc[draws.random(n) < 0.1, "town"] = None
    frame.loc[draws.random(n) < 0.1, "income"] = np.nan
    return frame


@pytest.fixture(scope="module", autouse=True)
def few_trees():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "N_TREES", 5)
        patch.setattr(tables, "N_FOLDS", 2)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give a folder with a table in two formats, and the run of a model of it."""
    path = tmp_path_factory.mktemp("tables")
    people().to_csv(path / "people.csv", index=False)
    people().to_parquet(path / "people.parquet")
    for kind in ("csv", "parquet"):
        words = ["--data", str(path / f"people.{kind}"), "--target", "town", *SMALL]
        assert run(["train", "table", *words, "--out", str(path / kind)]) == 0
    return path


@pytest.fixture(scope="module")
def made(folder):
    return folder / "parquet"


# --- train ----------------------------------------------------------------------------------------


def test_each_parameter_is_an_option_with_its_default():
    own = {o.name: o.default for o in options.TABLE if "__" not in o.name}
    assert own == TableAutoencoder().get_params(deep=False) | {"verbose": 1}


def test_the_run_has_the_files_of_every_run(made):
    found = {str(path.relative_to(made)) for path in made.rglob("*") if path.is_file()}
    names = ("learning", "columns", "associations", "codes")
    assert found == {
        *("config.json", "metrics.json", "history.jsonl", "model.safetensors", "report.html"),
        *(f"figures/{name}.png" for name in names),
    }
    config = json.loads((made / "config.json").read_text())
    assert config["reading"] == {"target": "town", "test_fraction": 0.2}
    metrics = json.loads((made / "metrics.json").read_text())
    assert metrics["synthetic"]["n_test"] == 40
    assert metrics["synthetic"]["target_roc_auc"]["floor"] is not None


def test_the_model_is_that_of_the_rows_that_are_not_held_out(folder, made):
    metrics = json.loads((made / "metrics.json").read_text())
    assert metrics["synthetic"]["n_train"] == 160
    assert load(made).sample(2, random_state=0).column_names == [*list(people())[:6], "empty"]
    # Of a CSV file, too, a text of digits is the same column.
    assert load(folder / "csv").n_features_in_ == 8


def test_options_reach_the_model(utsushi, folder, tmp_path):
    words = ["--kinds", "age=category,id=identifier", "--drop", "empty", "--batch-size", "50"]
    words += ["--test-fraction", "0", "--masking", "0.5", "--no-report"]
    call = utsushi("train", "table", "--data", folder / "people.csv", "--out", tmp_path / "run",
                   *SMALL, *words)  # fmt: skip
    assert call.status == 0, call.err
    assert "no rows are held out" in call.err
    model = load(tmp_path / "run")
    assert model.kinds == {"age": "category", "id": "identifier"}
    assert (model.masking, model.recipe_.batch_size, model.n_features_in_) == (0.5, 50, 7)
    assert list(json.loads((tmp_path / "run" / "metrics.json").read_text())) == ["likelihood"]
    assert utsushi("report", tmp_path / "run").status == 0
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert "no_held_out" in [d["key"] for d in metrics["synthetic"]["diagnostics"]]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signals")
def test_an_interrupted_training_is_resumed(utsushi, folder, tmp_path, monkeypatch):
    words = ["train", "table", "--data", folder / "people.csv", "--kinds", "age=number", *SMALL]
    words += ["--no-report", "--out"]
    assert utsushi(*words, tmp_path / "whole").status == 0
    steps, is_due = iter(range(2)), Checkpoints.is_due

    def interrupted(self, **how):
        if next(steps, None) is None:
            signal.raise_signal(signal.SIGINT)
        return is_due(self, **how)

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "is_due", interrupted)
        assert utsushi(*words, tmp_path / "cut").status == 130
    call = utsushi("train", "--resume", tmp_path / "cut")
    assert call.status == 0, call.err
    one, two = (tmp_path / name / "model.safetensors" for name in ("whole", "cut"))
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--target", "twon"], "no column 'twon' to predict. Did you mean 'town'"),
        (["--kinds", "age=colour"], "'age' must be one of"),
        (["--kinds", "agee=number"], "--kinds must name columns among"),
        (["--kinds", "age"], "--kinds must be COLUMN=KIND"),
        (["--kinds", "town=number"], "must be 'category' or 'identifier', because it has texts"),
        (["--test-fraction", "1"], "--test-fraction must be a number in [0, 1), got 1.0"),
        (["--masking", "2"], "--masking must be"),
        (["--drop", "agee"], "'agee' to drop. Did you mean 'age'"),
        (["--data", "mnist20k"], "must be a table, got the images 'mnist20k'"),
    ],
)
def test_a_training_that_cannot_be_is_refused_in_one_line(utsushi, folder, tmp_path, words, said):
    given = ["--data", folder / "people.csv", *words]
    call = utsushi("train", "table", "--out", tmp_path / "run", *SMALL, *given)
    assert call.status == 2
    assert said in call.error
    assert not (tmp_path / "run").exists()


def test_a_table_without_anything_to_learn_is_refused(utsushi, tmp_path):
    (tmp_path / "same.csv").write_text("a,b\n" + "1,\n" * 30)
    call = utsushi("train", "table", "--data", tmp_path / "same.csv", "--out", tmp_path / "r")
    assert call.status == 2
    assert "two different values" in call.error


# --- what a run is for ----------------------------------------------------------------------------


def test_evaluate_measures_the_rows_that_were_held_out(utsushi, made):
    call = utsushi("evaluate", made, "--json")
    assert "40 held-out rows" in call.error
    assert json.loads(call.out) == json.loads((made / "metrics.json").read_text())


def test_evaluate_takes_other_rows_and_another_target(utsushi, folder, made):
    people(60, seed=5).assign(more=1).to_parquet(folder / "other.parquet")
    words = ["--data", folder / "other.parquet", "--target", "member", "--json"]
    call = utsushi("evaluate", made, *words)
    assert call.status == 0, call.err
    assert "left out of other.parquet" in call.err
    found = json.loads(call.out)["synthetic"]
    assert (found["n_test"], found["n_train"], found["target"]) == (60, 160, "member")


def test_a_target_that_the_model_has_not_seen_is_refused(utsushi, folder, made):
    people(60, seed=5).assign(more=1).to_parquet(folder / "more.parquet")
    call = utsushi("evaluate", made, "--data", folder / "more.parquet", "--target", "more")
    assert call.status == 2
    assert "--target must name a column that the model was trained on, got 'more'" in call.error


def test_a_model_file_outside_of_a_run_has_no_training_rows(utsushi, folder, made, tmp_path):
    model = tmp_path / "model.safetensors"
    model.write_bytes((made / "model.safetensors").read_bytes())
    call = utsushi("evaluate", model, "--data", folder / "people.parquet", "--json")
    assert call.status == 0, call.err
    found = json.loads(call.out)
    assert [d["key"] for d in found["synthetic"]["diagnostics"]] == ["no_training_rows"]
    assert found["imputation"]["n_hidden"] > 0


def test_a_table_of_other_columns_is_refused(utsushi, folder, made):
    people().rename(columns={"income": "incme"}).to_csv(folder / "renamed.csv", index=False)
    for words in (
        ["evaluate", made, "--data", folder / "renamed.csv"],
        ["encode", made, "--data", folder / "renamed.csv", "--out", folder / "z.csv"],
        ["impute", made, folder / "renamed.csv", "--out", folder / "i.csv"],
    ):
        call = utsushi(*words)
        assert call.status == 2
        assert "no column 'income', as in training. Did you mean 'incme'?" in call.error


def test_a_column_that_is_all_empty_is_filled(utsushi, folder, made):
    people(50).assign(income=None, empty="x").to_csv(folder / "gaps.csv", index=False)
    call = utsushi("impute", made, folder / "gaps.csv", "--out", folder / "filled.csv")
    assert call.status == 0, call.err
    filled = pd.read_csv(folder / "filled.csv")
    assert not filled["income"].isna().any()
    assert (filled["empty"] == "x").all()


def test_generated_rows_have_the_types_and_values_of_the_table(utsushi, folder, made):
    words = ["-n", 30, "--random-state", 0, "--given", "town=Kobe", "--given", "member=true"]
    call = utsushi("generate", made, "--out", folder / "new.parquet", *words)
    assert call.status == 0, call.err
    new = pq.read_table(folder / "new.parquet")
    real = pq.read_table(folder / "people.parquet")
    for name in ("age", "income", "member", "since"):
        assert (
            str(new.schema.field(name).type).partition("[")[0]
            == (str(real.schema.field(name).type).partition("[")[0])
        )
    assert set(new["town"].to_pylist()) == {"Kobe"}
    assert set(new["member"].to_pylist()) == {True}
    assert set(new["zip"].to_pylist()) <= {"01", "02", "03"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("age=old", "--given age must be a number, got 'old'"),
        ("member=maybe", "--given member must be true or false"),
        ("town=Rome", "must be one of ['Kobe', 'Oslo'], got 'Rome'"),
        ("id=7", "one of the columns age"),
        ("town", "must be COLUMN=VALUE"),
    ],
)
def test_a_given_value_that_cannot_be_is_refused(utsushi, made, tmp_path, given, said):
    call = utsushi("generate", made, "--out", tmp_path / "n.csv", "--given", given)
    assert call.status == 2
    assert said in call.error


def test_codes_come_with_the_target(utsushi, folder, made):
    assert utsushi("encode", made, "--out", folder / "z.csv", "--label", "member").status == 0
    codes = pd.read_csv(folder / "z.csv")
    assert codes.columns.tolist() == ["tableautoencoder0", "tableautoencoder1", "member"]
    assert codes["member"].tolist() == people()["member"].tolist()
    expected = load(made).transform(pq.read_table(folder / "people.parquet"))
    np.testing.assert_allclose(codes.to_numpy()[:, :2].astype(float), expected, atol=1e-5)


def test_reconstructions_are_complete_and_filled_rows_keep_their_values(utsushi, folder, made):
    assert utsushi("reconstruct", made, "--out", folder / "r.csv").status == 0
    reconstructed = pd.read_csv(folder / "r.csv")
    assert len(reconstructed) == 40
    assert not reconstructed.drop(columns="empty").isna().any().any()
    words = ["--data", folder / "people.parquet", "--fill", "--out", folder / "f.parquet"]
    assert utsushi("reconstruct", made, *words, "-n", "9").status == 0
    filled = pd.read_parquet(folder / "f.parquet")
    assert filled["income"].notna().all()


def test_odd_rows_are_found_and_explained(utsushi, folder, made):
    odd = people(40, seed=9)
    odd.loc[3, "income"] = 9e5
    odd.to_csv(folder / "odd.csv", index=False)
    words = ["--data", folder / "odd.csv", "--out", folder / "d.csv", "--explain"]
    call = utsushi("detect", made, *words, "--contamination", "0.05", "--worst", "1")
    assert call.status == 0, call.err
    found = pd.read_csv(folder / "d.csv")
    assert found["score"].idxmin() == 3
    assert found["outlier"][3]
    assert found["explanation"][3].startswith("income is 900000, expected ")
    assert "row 3: income is 900000" in call.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["generate", "--out", "x.npy"], "--out must end in .csv, .parquet"),
        (["generate", "--out", "x.csv", "--sampler", "prior"], "Train with --sampler prior"),
        (["generate", "--out", "x.csv", "--noise"], "--noise must not be set"),
        (["generate", "--out", "x.csv", "--class", "a"], "Use --given COLUMN=VALUE"),
        (["encode", "--out", "x", "--engine", "ray"], "Use --engine own"),
        (["encode", "--out", "x.csv", "--label", "twon"], "Did you mean 'town'"),
        (["reconstruct", "--out", "x.png"], "--out must end in .csv, .parquet"),
        (["detect", "--out", "x.csv", "--scoring", "neighbors"], "Its score is the bound"),
        (["detect", "--out", "x.csv", "--contamination", "2"], "--contamination must be in"),
        (["export", "--to", "onnx"], "--to must not be set for a TableAutoencoder, got onnx"),
        (["evaluate", "--label", "town"], "Use --target town"),
        (["evaluate", "--target", "twon"], "Did you mean 'town'"),
        (["evaluate", "--pixels"], "Leave --pixels out"),
        (["evaluate", "--n-importance-samples", "9"], "--n-importance-samples must not be set"),
    ],
)
def test_what_a_table_model_cannot_do_is_refused_in_one_line(utsushi, made, words, said):
    call = utsushi(words[0], made, *words[1:])
    assert call.status == 2
    assert said in call.error


def test_models_of_one_table_are_compared(utsushi, folder, made, tmp_path):
    call = utsushi("compare", made, "table max_epochs=1 hidden=4", "--out", tmp_path / "both")
    assert call.status == 0, call.err
    assert "Real rows" in call.out
    assert (tmp_path / "both" / "report.html").is_file()
    config = json.loads((tmp_path / "both" / "config.json").read_text())
    assert config["reading"] == {"target": "town", "test_fraction": 0.2}
    assert len(config["models"]) == 2


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (["vae max_epochs=1"], "must all be table models or none"),
        (["csv"], "Compare models of the same rows"),
    ],
)
def test_models_of_other_rows_are_not_compared(utsushi, folder, made, tmp_path, models, said):
    others = [folder / model if model == "csv" else model for model in models]
    call = utsushi("compare", made, *others, "--out", tmp_path / "both")
    assert call.status == 2
    assert said in call.error
