"""The reports of runs are living pages in both languages."""

import json
import re
import sys

import numpy as np
import pandas
import pytest

from utsushi import Autoencoder, TableAutoencoder, VariationalAutoencoder
from utsushi.datasets import Dataset, open_frame
from utsushi.exceptions import UtsushiWarning
from utsushi.lecture import experiment
from utsushi.report.texts import TEXTS as PAGE_TEXTS
from utsushi.runs import write_comparison, write_run
from utsushi.runs.texts import TEXTS

RNG = np.random.default_rng(0)
SMALL = {"n_components": 2, "hidden": (5,), "max_epochs": 1, "random_state": 0}


@pytest.fixture(scope="module")
def images():
    rows = RNG.random((60, 12)).astype(np.float32)
    labels = np.arange(60) % 3
    return Dataset("noise", rows[:40], rows[40:], labels[:40], labels[40:], image_shape=(3, 4))


def header_of(path):
    text = path.read_text("utf-8")
    (header,) = re.findall(r'id="utsushi-header">(.*?)</script>', text, re.DOTALL)
    return json.loads(header)


def unspoken(text, words, keys):
    """Return the keys of fixed texts that a page does not say."""
    return [key for key in keys if words[key].split("{")[0] not in text]


def test_the_report_of_a_run_runs_its_model_and_carries_the_training_rows(tmp_path, images):
    model = VariationalAutoencoder(image_shape=(3, 4), **SMALL).fit(images.X_train)
    write_run(tmp_path / "run", model, images, source="noise", language="ja")
    header = header_of(tmp_path / "run" / "report.html")
    assert [m["name"] for m in header["models"]] == ["VAE"]
    assert (header["test"]["n_total"], header["train"]["n_total"]) == (20, 40)
    assert header["image_shape"] == [1, 3, 4]
    assert header["title"] == "noise で学習した VariationalAutoencoder"


@pytest.mark.parametrize("language", ["en", "ja"])
def test_a_report_says_everything_in_both_languages(tmp_path, images, language):
    model = VariationalAutoencoder(image_shape=(3, 4), **SMALL).fit(images.X_train)
    write_run(tmp_path / "run", model, images, source="noise", language=language)
    text = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert f'<html lang="{language}">' in text
    assert text.count('src="data:image/png;base64,') == 5  # each figure once
    keys = [
        "lead",
        "numbers_lead",
        "learning",
        "learning_alt",
        "samples_vae",
        "codes",
        "components",
    ]
    keys += ["group_collapse", "measure_mse", "measure_active_units"]
    for spoken in ("en", "ja"):
        assert unspoken(text, TEXTS[spoken], keys) == []
        assert unspoken(text, PAGE_TEXTS[spoken], ["skip", "settings", "footer"]) == []


def test_a_comparison_runs_as_many_models_as_a_page_has_room_for(tmp_path, images):
    models = {
        f"m{k}": Autoencoder(image_shape=(3, 4), **SMALL).fit(images.X_train) for k in range(5)
    }
    write_comparison(tmp_path / "run", models, images, source="noise")
    header = header_of(tmp_path / "run" / "report.html")
    assert [m["name"] for m in header["models"]] == ["m0", "m1", "m2", "m3"]
    assert header["title"] == "Comparison of models of noise"


def test_the_lectures_report_runs_both_models(tmp_path, monkeypatch):
    monkeypatch.setattr(experiment, "load_mnist20k", digits_like)
    experiment.run_lecture(tmp_path / "run", max_epochs=1, verbose=0, language="ja")
    header = header_of(tmp_path / "run" / "report.html")
    assert [m["name"] for m in header["models"]] == ["AE", "VAE"]
    assert header["train"]["n_total"] == 60
    text = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert "Two autoencoders and 20,000 digits" in text


def digits_like():
    """Return rows of the size of digits."""
    rows = RNG.random((120, 784)).astype(np.float32)
    labels = np.arange(120) % 3
    return Dataset("digits", rows[:60], rows[60:], labels[:60], labels[60:], image_shape=(28, 28))


def test_a_report_without_room_for_its_model_says_so_and_is_written(tmp_path, images, monkeypatch):
    monkeypatch.setattr("utsushi.report.tensors.MOST_BYTES", 10)
    model = Autoencoder(**SMALL).fit(images.X_train)
    with pytest.warns(UtsushiWarning, match="the report cannot run the model: a page must hold"):
        write_run(tmp_path / "run", model, images, source="noise")
    text = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert 'id="utsushi-header"' not in text
    assert TEXTS["ja"]["learning_alt"] in text


# --- tables ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def table_report(tmp_path_factory):
    """Give the folder of the run of a model of a table, with its figures and its report."""
    from utsushi.evaluation import tables

    path = tmp_path_factory.mktemp("table")
    draws = np.random.default_rng(0)
    rows = [f"{draws.integers(20, 60)},{'ab'[i % 2]},2024-01-{1 + i % 28:02}" for i in range(120)]
    (path / "table.csv").write_text("age,<kind>,day\n" + "\n".join(rows) + "\n")
    dataset = open_frame(path / "table.csv", target="<kind>", test_fraction=None)
    model = TableAutoencoder(2, hidden=8, max_epochs=2, random_state=0).fit(dataset.X_train)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "N_TREES", 5)
        write_run(path / "run", model, dataset, source="table.csv", language="ja")
    return path / "run"


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_report_of_a_table_shows_its_numbers_and_figures_in_both_languages(
    table_report, language
):
    text = (table_report / "report.html").read_text("utf-8")
    keys = ["lead_table", "numbers_lead_table", "group_synthetic", "group_imputation"]
    keys += ["baseline_floor", "baseline_copula", "measure_pair_error", "measure_target_roc_auc"]
    keys += ["measure_synthetic_nearest_training_row", "measure_coverage", "synthetic_columns"]
    keys += ["synthetic_columns_note", "imputation_columns", "histograms_alt", "associations_alt"]
    assert not unspoken(text, TEXTS[language], keys)
    assert text.count('src="data:image/png;base64,') == 4
    assert "&lt;kind&gt;" in text
    assert "<kind>" not in text


def test_the_figures_of_a_table_are_of_held_out_rows_and_as_many_synthetic_ones(monkeypatch):
    module = sys.modules["utsushi.runs.captioned_figures"]  # whose name a function has, too
    seen = {}
    monkeypatch.setattr(
        module, "column_histograms", lambda real, drawn: seen.update(real=real, drawn=drawn)
    )
    frame = pandas.DataFrame(
        {
            "age": np.arange(60.0) ** 2,
            "member": [True, False, None] * 20,
            "day": pandas.date_range("2024-01-01", periods=60),
            "id": [f"p{i}" for i in range(60)],
        }
    )
    model = TableAutoencoder(2, hidden=8, max_epochs=1, random_state=0).fit(frame)
    for figure in module.captioned_table_figures(model, frame):
        assert figure.caption["ja"] != figure.caption["en"]
    assert list(seen["real"]) == list(seen["drawn"]) == ["age", "member", "day"]
    assert seen["real"]["day"].tolist() == frame["day"].dt.to_pydatetime().tolist()
    assert seen["real"]["member"].tolist() == [True, False, None] * 20
    assert all(len(column) == 60 for column in seen["drawn"].values())
