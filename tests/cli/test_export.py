"""``utsushi export`` and ``compare --to html``: one file that runs the models."""

import json
import re
import shutil

import numpy as np
import pytest
from sklearn.frozen import FrozenEstimator

from utsushi import AnomalyDetector, VariationalAutoencoder, datasets, load
from utsushi.integrations.onnx import largest_difference


def header_of(path):
    text = path.read_text("utf-8")
    (header,) = re.findall(r'id="utsushi-header">(.*?)</script>', text, re.DOTALL)
    return json.loads(header)


def test_a_page_stands_beside_the_model_that_it_runs(utsushi, vae_run, tmp_path):
    run = shutil.copytree(vae_run, tmp_path / "run")
    call = utsushi("export", run, "--to", "html", "--lang", "ja")
    assert (call.status, call.out) == (0, "")
    assert str(run / "model.html") in call.err
    header = header_of(run / "model.html")
    assert header["models"][0]["title"] == "VariationalAutoencoder"
    assert header["image_shape"] == [1, 8, 8]
    assert (header["test"]["n_total"], header["train"]["n_total"]) == (360, 1437)
    assert header["train"]["labels"] is not None
    assert '<html lang="ja">' in (run / "model.html").read_text("utf-8")


def test_a_model_file_of_other_rows_has_learned_none_of_them(utsushi, ae_run, tmp_path):
    np.save(tmp_path / "rows.npy", datasets.load_digits8x8().X_test)
    words = ["--data", tmp_path / "rows.npy", "--out", tmp_path / "page.html"]
    model = ae_run / "model.safetensors"
    assert utsushi("export", model, "--to", "html", *words).status == 0
    header = header_of(tmp_path / "page.html")
    assert (header["test"]["n_total"], header["train"]) == (360, None)


def test_a_model_file_alone_has_its_page_beside_it(utsushi, tmp_path):
    digits = datasets.load_digits8x8()
    model = VariationalAutoencoder(2, hidden=(4,), max_epochs=1, random_state=0)
    file = model.fit(digits.X_train).save(tmp_path / "mine.safetensors")
    assert utsushi("export", file, "--to", "html", "--data", "digits8x8").status == 0
    # The source knows that its rows are images, where the model was not told.
    assert header_of(tmp_path / "mine.html")["image_shape"] == [1, 8, 8]
    assert load(file).image_shape is None


def test_a_table_keeps_its_names_and_labels(utsushi, table_run, tmp_path):
    out = tmp_path / "page.html"
    assert utsushi("export", table_run, "--to", "html", "--out", out).status == 0
    header = header_of(out)
    assert header["features"]["names"] == ["height", "width", "depth"]
    assert header["classes"] == ["a", "b"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--to", "pdf"], "--to must be html or onnx, got 'pdf'"),
        (["--to", "onnx", "--out", "page.html"], "--out must end in .onnx, got 'page.html'"),
        (["--to", "onnx", "--data", "mnist20k"], "--data must not be set with --to onnx"),
        (["--to", "html", "--out", "page.pdf"], "--out must end in .html, got 'page.pdf'"),
        (["--to", "html", "--lang", "fr"], "--lang must be one of en, ja, got 'fr'"),
        (["--to", "html", "--data", "no/such"], "no/such"),
        ([], "--to"),
    ],
)
def test_what_cannot_be_exported_is_named(utsushi, ae_run, words, message):
    call = utsushi("export", ae_run, *words)
    assert call.status == 2
    assert message in call.error


def test_a_graph_stands_beside_the_model_that_it_computes(utsushi, ae_run, tmp_path):
    file = shutil.copy(ae_run / "model.safetensors", tmp_path / "mine.safetensors")
    call = utsushi("export", file, "--to", "onnx")
    assert (call.status, call.out) == (0, "")
    assert f"the graph: {tmp_path / 'mine.onnx'}, " in call.error
    assert largest_difference(load(file), (tmp_path / "mine.onnx").read_bytes()) < 1e-5


def test_the_graph_of_a_detector_has_its_score_if_it_can(utsushi, ae_run, tmp_path, monkeypatch):
    exported = []
    monkeypatch.setattr(
        "utsushi.integrations.onnx.to_onnx", lambda model: exported.append(model) or b""
    )
    monkeypatch.setattr("utsushi.integrations.onnx.largest_difference", lambda *_: 0.0)
    model = FrozenEstimator(load(ae_run / "model.safetensors"))
    rows = datasets.load_digits8x8().X_test
    for scoring in ("squared-error", "mahalanobis"):
        file = AnomalyDetector(model, scoring=scoring).fit(rows).save(tmp_path / scoring)
        call = utsushi("export", file, "--to", "onnx", "--out", tmp_path / "graph.onnx")
        assert call.status == 0
        assert ("the graph has no score" in call.err) == (scoring == "mahalanobis")
    assert [type(model).__name__ for model in exported] == ["AnomalyDetector", "Autoencoder"]


def test_a_comparison_can_be_the_report_alone(utsushi, ae_run, vae_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = [run / "model.safetensors" for run in (ae_run, vae_run)]
    call = utsushi("compare", *files, "--to", "html", "--json")
    assert call.status == 0
    assert [path.name for path in tmp_path.iterdir()] == ["comparison.html"]
    header = header_of(tmp_path / "comparison.html")
    assert [m["name"] for m in header["models"]] == list(json.loads(call.out))
    assert [m["variational"] for m in header["models"]] == [False, True]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--out must name the run folder to create"),
        (["--to", "pdf"], "--to must be html, got 'pdf'"),
        (["--to", "html", "--out", "folder"], "--out must end in .html, got 'folder'"),
    ],
)
def test_a_comparison_says_where_it_can_go(utsushi, ae_run, words, message):
    call = utsushi("compare", ae_run, *words)
    assert call.status == 2
    assert message in call.error
