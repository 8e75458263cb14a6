"""A lecture that is stopped keeps the experiments that are done."""

import dataclasses
import json

import pytest

from utsushi import Autoencoder, VariationalAutoencoder, load
from utsushi.cli.main import run
from utsushi.datasets import load_mnist20k
from utsushi.lecture import experiment

# One run serves all tests here: it must stay in one process.
pytestmark = pytest.mark.xdist_group("lecture-interruption")


def few_digits():
    """Return enough digits for one epoch."""
    digits = load_mnist20k()
    return dataclasses.replace(
        digits,
        X_train=digits.X_train[:200],
        y_train=digits.y_train[:200],
        X_test=digits.X_test[:60],
        y_test=digits.y_test[:60],
    )


def stop(*_, **__):
    """Take the place of a training that Ctrl-C ends."""
    raise KeyboardInterrupt


def lecture(path, *words):
    return run(["lecture", "--out", str(path), "--max-epochs", "1", *words])


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """Stop a lecture in its second training; give the folder."""
    path = tmp_path_factory.mktemp("lecture") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(experiment, "load_mnist20k", few_digits)
        patch.setattr(VariationalAutoencoder, "fit", stop)
        assert lecture(path) == 130
    return path


def test_the_model_that_is_done_is_kept_with_its_figures(stopped):
    assert isinstance(load(stopped / "autoencoder.safetensors"), Autoencoder)
    assert (stopped / "figures" / "autoencoder-reconstructions.png").stat().st_size > 0
    assert not list(stopped.glob("variational*"))


def test_the_numbers_say_what_is_done(stopped):
    measured = json.loads((stopped / "metrics.json").read_text())
    assert list(measured) == ["pca_reconstruction_error", "autoencoder"]


def test_the_report_says_what_is_missing_in_both_languages(stopped):
    html = (stopped / "report.html").read_text("utf-8")
    assert "not finished. Missing: Variational autoencoder." in html
    assert "残りは次のとおりです：変分オートエンコーダ（VAE）．" in html


def test_only_a_run_lies_there(stopped):
    assert [path.name for path in stopped.parent.iterdir()] == ["run"]


def test_a_lecture_that_is_stopped_before_any_is_done_leaves_what_stood_there(stopped, monkeypatch):
    before = {p: p.read_bytes() for p in stopped.rglob("*") if p.is_file()}
    monkeypatch.setattr(experiment, "load_mnist20k", few_digits)
    monkeypatch.setattr(Autoencoder, "fit", stop)
    assert lecture(stopped, "--force") == 130
    assert {p: p.read_bytes() for p in stopped.rglob("*") if p.is_file()} == before


def test_the_next_lecture_needs_force_and_finishes_the_report(stopped, monkeypatch, capsys):
    monkeypatch.setattr(experiment, "load_mnist20k", few_digits)
    assert lecture(stopped) == 2
    capsys.readouterr()
    assert lecture(stopped, "--force") == 0
    assert f"variational: done, in {stopped}\n" in capsys.readouterr().err
    assert "not finished" not in (stopped / "report.html").read_text("utf-8")
