"""``utsushi train --no-report`` and ``utsushi report``."""

import json
import shlex
import shutil
import sys

import pytest

from utsushi.cli.main import run
from utsushi.training.checkpoint import Checkpoints

SMALL = ["--data", "digits8x8", "--hidden", "16", "--max-epochs", "2", "--random-state", "0"]
SMALL += ["--verbose", "0"]
FILES = {"config.json", "metrics.json", "film.safetensors", "history.jsonl", "model.safetensors"}


def files_of(path):
    return {str(file.relative_to(path)) for file in path.rglob("*") if file.is_file()}


def metrics_of(path):
    return json.loads((path / "metrics.json").read_text())


@pytest.fixture(scope="module", params=["ae", "vae"])
def bare_and_whole(request, tmp_path_factory):
    """Give two runs of the same training, one without a report."""
    path = tmp_path_factory.mktemp("runs")
    for name, more in (("bare", ["--no-report"]), ("whole", [])):
        words = ["train", request.param, "--out", str(path / name), *SMALL, *more]
        assert run(words) == 0
    return path / "bare", path / "whole"


def test_a_run_without_a_report_has_its_model_and_the_cheap_figures(bare_and_whole):
    bare, whole = bare_and_whole
    assert files_of(bare) == FILES
    for name in ("model.safetensors", "config.json"):
        assert (bare / name).read_bytes() == (whole / name).read_bytes()
    few, all_ = metrics_of(bare), metrics_of(whole)
    assert set(few) == set(all_) - {"collapse"}
    assert set(all_["reconstruction"]) - set(few["reconstruction"]) == {"ssim"}
    for group, figures in few.items():
        for name in figures.keys() - {"diagnostics"}:
            assert figures[name] == all_[group][name]
    assert few["reconstruction"]["mse"]["pca"] is not None


def test_without_a_report_nothing_is_imported_that_only_a_report_needs(
    utsushi, tmp_path, monkeypatch
):
    for name in ("torchmetrics", "matplotlib", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, name, None)
    call = utsushi("train", "ae", "--out", tmp_path / "run", *SMALL, "--no-report")
    assert call.status == 0, call.err


def test_evaluating_a_run_without_a_report_gives_the_metrics_of_one_with_it(
    utsushi, bare_and_whole
):
    bare, whole = bare_and_whole
    measured = json.loads(utsushi("evaluate", bare, "--json").out)
    assert {group: measured[group] for group in metrics_of(whole)} == metrics_of(whole)


@pytest.mark.parametrize(
    "words",
    [
        ["evaluate", "RUN"],
        ["compare", "RUN", "RUN", "--out", "OUT"],
        ["reconstruct", "RUN", "--out", "OUT.npz"],
        ["generate", "RUN", "-n", "3", "--out", "OUT.npz"],
        ["encode", "RUN", "--out", "OUT.npz"],
        ["detect", "RUN", "--out", "OUT.csv"],
        ["export", "RUN", "--to", "html", "--out", "OUT.html", "--data", "digits8x8"],
    ],
    ids=lambda words: words[0],
)
def test_every_command_takes_a_run_without_a_report(utsushi, bare_and_whole, tmp_path, words):
    places = {"RUN": str(bare_and_whole[0])}
    out = str(tmp_path / "out")
    call = utsushi(*(places.get(word, word.replace("OUT", out)) for word in words))
    assert call.status == 0, call.err


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_note_names_the_command_that_makes_the_same_run_whole(
    utsushi, bare_and_whole, tmp_path, language
):
    _, whole = bare_and_whole
    kind = json.loads((whole / "config.json").read_text())["models"]["model"]
    kind = "vae" if "likelihood" in kind else "ae"
    path = tmp_path / "a run"
    call = utsushi("train", kind, "--out", path, *SMALL, "--no-report", "--lang", language)
    (line,) = [line for line in call.err.splitlines() if line.startswith("the run:")]
    command = shlex.split(line.partition("make its report with ")[2].rstrip(")"))
    assert utsushi(*command[1:]).status == 0
    assert files_of(path) == files_of(whole)
    assert metrics_of(path) == metrics_of(whole)
    for file in files_of(whole):
        if file.endswith(".png") or (file == "report.html" and language == "en"):
            assert (path / file).read_bytes() == (whole / file).read_bytes(), file
    assert f'<html lang="{language}"' in (path / "report.html").read_text()


def test_an_interrupted_training_goes_on_without_a_report(utsushi, tmp_path, monkeypatch):
    write = Checkpoints.write

    def fail(self, header, tensors):
        write(self, header, tensors)
        if header["epoch"] == 2:
            raise KeyboardInterrupt

    path = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(Checkpoints, "write", fail)
        words = ["--no-report", "--checkpoint-every", "1epochs"]
        assert utsushi("train", "ae", "--out", path, *SMALL, *words).status == 130
    call = utsushi("train", "--resume", path)
    assert call.status == 0
    assert files_of(path) == FILES
    assert "utsushi report" in call.err


def test_a_run_that_began_before_the_option_existed_goes_on_with_a_report(
    utsushi, tmp_path, monkeypatch
):
    def fail(*_, **__):
        raise KeyboardInterrupt

    path = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr("utsushi.runs.write_run", fail)
        assert utsushi("train", "ae", "--out", path, *SMALL).status == 130
    description = path / "checkpoints" / "run.json"
    said = json.loads(description.read_text())
    assert said.pop("report") is True
    description.write_text(json.dumps(said))
    assert utsushi("train", "--resume", path).status == 0
    assert (path / "report.html").is_file()


def test_a_report_is_made_of_a_run_and_of_nothing_else(utsushi, bare_and_whole, tmp_path):
    bare, _ = bare_and_whole
    call = utsushi("report", bare / "model.safetensors")
    assert call.status == 2
    assert "RUN must be the folder of a run" in call.error
    other = tmp_path / "other"
    shutil.copytree(bare, other)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"command": "compare"}))
    call = utsushi("report", other)
    assert call.status == 2
    assert "RUN must be a run of utsushi train, got one of utsushi compare" in call.error
    assert files_of(other) == FILES
