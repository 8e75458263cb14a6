"""``utsushi lecture --all``: the sections that the lecture only names, each with all its parts."""

import dataclasses
import json
import re

import numpy as np
import pytest

from utsushi import load
from utsushi.cli.main import run
from utsushi.datasets import load_mnist20k
from utsushi.estimators import AnomalyDetector, Autoencoder
from utsushi.lecture import experiment
from utsushi.lecture.sections import SECTIONS
from utsushi.lecture.sections.denoising import LEVEL, corrupted

# One run serves most tests here: it must stay in one process.
pytestmark = pytest.mark.xdist_group("lecture-sections")

MODELS = {
    "autoencoder": "Autoencoder",
    "variational": "VariationalAutoencoder",
    "calibrated": "VariationalAutoencoder",
    "convolutional": "Autoencoder",
    "denoising": "DenoisingAutoencoder",
    "detector": "AnomalyDetector",
}


def few_digits():
    """Return the first digits of each part: enough to train on for an epoch."""
    digits = load_mnist20k()
    return dataclasses.replace(
        digits,
        X_train=digits.X_train[:800],
        y_train=digits.y_train[:800],
        X_test=digits.X_test[:200],
        y_test=digits.y_test[:200],
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Run everything for an epoch, in Japanese; give the folder."""
    path = tmp_path_factory.mktemp("lecture") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "load_mnist20k", few_digits)
        words = ["lecture", "--all", "--out", str(path), "--max-epochs", "1", "--lang", "ja"]
        assert run(words) == 0
    return path


@pytest.fixture(scope="module")
def metrics(whole):
    return json.loads((whole / "metrics.json").read_text())


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_a_file_in_the_run(whole, name):
    assert type(load(whole / f"{name}.safetensors")).__name__ == MODELS[name]


def test_the_run_says_what_every_model_was_made_with(whole):
    models = json.loads((whole / "config.json").read_text())["models"]
    assert models.keys() == MODELS.keys()
    assert models["detector"]["autoencoder"]["hidden"] == [1000]


def test_fewer_epochs_shorten_every_model(whole):
    lines = (whole / "history.jsonl").read_text().splitlines()
    epochs = dict.fromkeys(MODELS, 0)
    for row in map(json.loads, lines):
        epochs[row["model"]] += 1
    assert epochs == dict.fromkeys(MODELS, 1) | {"detector": 3}


def test_every_section_has_its_group_of_measurements(metrics):
    assert [s.name for s in SECTIONS] == list(metrics)[-len(SECTIONS) :]


def test_every_figure_is_a_file_and_stands_in_the_report(whole, captioned):
    files = {path.stem for path in (whole / "figures").iterdir()}
    named = {
        *("calibrated-reconstructions", "calibrated-samples", "calibrated-components"),
        *("convolution-reconstructions", "denoising-repairs", "features-codes"),
        *("anomalies-worst", "anomalies-false_alarms", "anomalies-missed"),
    }
    assert named < files
    assert captioned((whole / "report.html").read_text()) == len(files)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_the_report_shows_the_rows_of_every_section(whole, metrics, section):
    html, words = (whole / "report.html").read_text(), section.texts["ja"]
    rows = list(section.rows(metrics[section.name]))
    assert rows
    for key, value in rows:  # the lecture has no number for them, and neither has its code
        name = rf'<th scope="row"><span lang="ja">{re.escape(words[key])}</span>.*?</th>'
        line = rf"{name}<td></td><td></td><td>{value}</td>"
        assert re.search(line, html)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_both_languages_say_the_same_things(section):
    english, japanese = section.texts["en"], section.texts["ja"]
    assert english.keys() == japanese.keys()
    assert [k for k in english if ("{model}" in english[k]) != ("{model}" in japanese[k])] == []


def test_the_detector_learned_from_eights_alone(whole):
    digits, detector = few_digits(), load(whole / "detector.safetensors")
    assert isinstance(detector, AnomalyDetector)
    eights = digits.X_train[digits.y_train == 8]
    np.testing.assert_allclose(detector.autoencoder_.scaling_.offset, eights.mean(0), atol=1e-6)


def test_the_plain_autoencoders_error_is_of_the_very_rows_that_the_denoising_one_repairs(
    whole, metrics
):
    digits, model = few_digits(), load(whole / "autoencoder.safetensors")
    assert isinstance(model, Autoencoder)
    error = np.square(model.reconstruct(corrupted(digits.X_test, 0)) - digits.X_test).mean()
    assert metrics["denoising"]["autoencoder"]["value"] == pytest.approx(error, rel=1e-5)


def test_damage_erases_its_share_and_follows_the_seed():
    rows = np.ones((50, 784), dtype=np.float32)
    assert corrupted(rows, 0).mean() == pytest.approx(1 - LEVEL, abs=0.01)
    np.testing.assert_array_equal(corrupted(rows, 0), corrupted(rows, 0))
    assert (corrupted(rows, 0) != corrupted(rows, 1)).any()
