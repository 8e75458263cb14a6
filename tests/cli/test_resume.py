"""Runs that were interrupted, and ``utsushi train --resume``."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time

import pytest

from utsushi import load
from utsushi.exceptions import ModelFileError
from utsushi.report import Film
from utsushi.runs import RunSpec, resume_run
from utsushi.training.checkpoint import Checkpoints

TRAIN = ["train", "ae", "--data", "digits8x8", "--hidden", "16", "--random-state", "0"]
TRAIN += ["--verbose", "0", "--max-epochs", "40"]


def signalled_at(monkeypatch, step, *numbers):
    """Send this process signals at a step."""
    seen = iter(range(step))
    is_due = Checkpoints.is_due

    def send(self, **how):
        if next(seen, None) is None:
            for number in numbers:
                signal.raise_signal(number)
        return is_due(self, **how)

    monkeypatch.setattr(Checkpoints, "is_due", send)


def program(*words, **settings):
    """Start the program in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", "from utsushi.cli import main; main()", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        **settings,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no such signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_program_says_how_to_go_on_and_that_works(number, utsushi, tmp_path):
    run, whole = tmp_path / "a run", tmp_path / "whole"
    train = [*TRAIN, "--no-report"]
    running = program(*train, "--out", run)
    history = run / "checkpoints" / "history.jsonl"
    wait_for(lambda: history.is_file() and len(history.read_text().splitlines()) > 2, running)
    running.send_signal(number)
    err = running.communicate()[1]
    command = f"utsushi train --resume {shlex.quote(str(run))}"
    said = f"{number.name} stopped the training after a checkpoint; continue with {command}"
    assert err.splitlines() == [said]
    assert running.returncode == 128 + number
    assert [path.name for path in run.iterdir()] == ["checkpoints"]

    for words in (shlex.split(command)[1:], [*train, "--out", whole]):
        finished = program(*words)
        assert (finished.communicate()[1].count("the run:"), finished.returncode) == (1, 0)
    assert (run / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert not (run / "checkpoints").exists()


def test_a_resumed_run_has_the_film_of_the_whole_training(
    utsushi, tmp_path, interrupted_after_two_epochs
):
    words = [*TRAIN, "--max-epochs", "4", "--checkpoint-every", "1epochs"]
    with interrupted_after_two_epochs():
        assert utsushi(*words, "--out", tmp_path / "run").status == 130
    assert utsushi("train", "--resume", tmp_path / "run").status == 0
    assert utsushi(*words, "--out", tmp_path / "whole").status == 0
    films = [Film.load(tmp_path / name / "film.safetensors") for name in ("run", "whole")]
    assert films[0].epochs == films[1].epochs == [1, 2, 3, 4]
    assert (films[0].codes == films[1].codes).all()
    assert '"film":{"epochs":[1,2,3,4]' in (tmp_path / "run" / "report.html").read_text("utf-8")


def test_a_new_run_in_the_place_of_an_interrupted_one_has_its_own_film(utsushi, tmp_path):
    words = [*TRAIN, "--max-epochs", "2", "--out", tmp_path / "run"]
    frames = tmp_path / "run" / "checkpoints" / "film"
    frames.mkdir(parents=True)
    (frames / "000000099.safetensors").write_bytes(b"of another training")
    assert utsushi(*words, "--force").status == 0
    film = Film.load(tmp_path / "run" / "film.safetensors")
    assert film.epochs == [1, 2]


def wait_for(condition, running):
    """Wait until a running program has come so far."""
    while not condition():
        assert running.poll() is None, running.communicate()
        time.sleep(0.01)


@pytest.fixture
def unfinished(utsushi, tmp_path, monkeypatch):
    """Give the folder of a run that was interrupted."""
    path = tmp_path / "run"
    with monkeypatch.context() as patch:
        signalled_at(patch, 6, signal.SIGTERM)
        assert utsushi(*TRAIN, "--out", path).status == 128 + signal.SIGTERM
    return path


def test_a_run_that_is_not_finished_is_not_overwritten(utsushi, unfinished):
    call = utsushi(*TRAIN, "--out", unfinished)
    assert call.status == 2
    assert f"{str(unfinished)!r} holds an unfinished training" in call.error
    assert f"utsushi train --resume {unfinished}" in call.error
    assert "--force" in call.error


@pytest.mark.parametrize(
    "command",
    ["evaluate", "report", "compare", "reconstruct", "encode", "detect", "generate", "export"],
)
def test_what_takes_a_run_says_how_to_finish_one(utsushi, unfinished, tmp_path, command):
    more = {
        "evaluate": [],
        "report": [],
        "export": ["--to", "html"],
        "compare": ["--out", tmp_path / "both"],
    }
    words = [unfinished, *more.get(command, ["--out", tmp_path / "out.npz"])]
    call = utsushi(command, *words)
    assert call.status == 2
    assert f"{str(unfinished)!r} holds an unfinished training" in call.error
    assert f"utsushi train --resume {unfinished}" in call.error
    with pytest.raises(ModelFileError, match="utsushi train --resume"):
        load(unfinished)


def test_force_begins_anew(utsushi, unfinished):
    assert utsushi(*TRAIN, "--max-epochs", "1", "--out", unfinished, "--force").status == 0
    assert len((unfinished / "history.jsonl").read_text().splitlines()) == 1


def test_an_interrupted_replacement_leaves_the_old_run(utsushi, tmp_path, monkeypatch):
    path = tmp_path / "run"
    assert utsushi(*TRAIN, "--max-epochs", "1", "--out", path).status == 0
    before = (path / "model.safetensors").read_bytes()
    with monkeypatch.context() as patch:
        signalled_at(patch, 6, signal.SIGTERM)
        assert utsushi(*TRAIN, "--out", path, "--force").status == 128 + signal.SIGTERM
    assert (path / "model.safetensors").read_bytes() == before
    assert utsushi("evaluate", path).status == 0
    assert utsushi("train", "--resume", path).status == 0
    assert (path / "model.safetensors").read_bytes() != before
    assert not (path / "checkpoints").exists()


def test_a_finished_run_has_nothing_to_go_on_with(utsushi, ae_run):
    call = utsushi("train", "--resume", ae_run)
    assert call.status == 2
    assert f"{str(ae_run)!r} holds a finished run" in call.error
    assert "--out" in call.error


def test_no_run_to_go_on_with_is_named(utsushi, tmp_path):
    call = utsushi("train", "--resume", tmp_path / "none")
    assert call.status == 2
    assert "holds no run, and only an interrupted run" in call.error


def test_a_model_beside_resume_is_refused(utsushi, unfinished):
    call = utsushi("train", "--resume", unfinished, "ae", "--out", unfinished)
    assert call.status == 2
    assert "--resume must not be set with a model" in call.error


@pytest.mark.parametrize("content", [b"", b"{}", b'{"estimator": "os.system"}', b"\xff"])
def test_a_damaged_description_is_named(content, utsushi, unfinished):
    (unfinished / "checkpoints" / "run.json").write_bytes(content)
    call = utsushi("train", "--resume", unfinished)
    assert call.status == 2
    assert "run.json' is damaged" in call.error


def test_a_run_that_version_0_1_began_is_resumed(unfinished):
    description = unfinished / "checkpoints" / "run.json"
    spec = json.loads(description.read_text())
    known = {"estimator", "data", "label", "reading", "language", "checkpoint_every"}
    before = {name: spec[name] for name in known} | {"parameters": spec["models"]["model"]}
    description.write_text(json.dumps(before))
    with resume_run(unfinished) as (run, _):
        assert run == RunSpec.model_validate(spec | {"threads": None})


def test_an_interval_that_is_none_is_refused_before_the_training(utsushi, tmp_path):
    call = utsushi(*TRAIN, "--checkpoint-every", "often", "--out", tmp_path / "run")
    assert call.status == 2
    assert call.error.startswith("utsushi: --checkpoint-every must be a positive integer")
    assert not (tmp_path / "run").exists()


def test_a_training_that_fails_at_once_leaves_nothing(utsushi, tmp_path):
    call = utsushi(*TRAIN, "--learning-rate", "1e30", "--out", tmp_path / "run")
    assert call.status == 1
    assert list(tmp_path.iterdir()) == []


def test_a_second_program_is_refused_and_disturbs_nothing(utsushi, unfinished):
    before = {path: path.read_bytes() for path in unfinished.rglob("*.safetensors")}
    with Checkpoints(unfinished / "checkpoints"):
        for words in (["train", "--resume", unfinished], [*TRAIN, "--out", unfinished, "--force"]):
            call = utsushi(*words)
            assert call.status == 2
            assert "is in use by another training" in call.error
    assert {path: path.read_bytes() for path in unfinished.rglob("*.safetensors")} == before
