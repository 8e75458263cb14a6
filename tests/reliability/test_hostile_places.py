"""What a stranger's file names stays within its folder, and what is no file is not waited for."""

import json
import os

import numpy as np
import pytest

from utsushi import AnomalyDetector, Autoencoder, datasets, load
from utsushi.exceptions import DataError, ModelFileError, RunError, SettingError
from utsushi.runs import open_run, resume_run, write_models

X = np.random.default_rng(5).random((12, 16), dtype=np.float32)
FEW = {"hidden": (3,), "max_epochs": 1, "random_state": 3}
OUTSIDE = ["../../evil", "/evil", "..", "", "a/b", "a\\b", "a\0b"]


@pytest.fixture
def stranger(tmp_path):
    """Give a way to write a run's configuration that names a model."""

    def written(name):
        config = {"command": "train", "data": "digits8x8", "models": {name: {}}, "versions": {}}
        folder = tmp_path / "one" / "run"
        folder.mkdir(parents=True)
        (folder / "config.json").write_text(json.dumps(config))
        return folder

    return written


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_run_whose_configuration_names_a_model_outside_of_it_is_refused(name, stranger, refusal):
    folder = stranger(name)
    Autoencoder(2, **FEW).fit(X).save(folder.parents[1] / "evil.safetensors")
    message = refusal(RunError, open_run, folder)
    assert "must be a valid file name, got" in message


def test_an_export_writes_nothing_outside_of_the_run(stranger, capsys):
    from utsushi.cli.main import run

    folder = stranger("../../evil")
    Autoencoder(2, **FEW).fit(X).save(folder.parents[1] / "evil.safetensors")
    before = sorted(folder.parents[1].rglob("*"))
    assert run(["export", str(folder), "--to", "html"]) == 2
    assert sorted(folder.parents[1].rglob("*")) == before
    assert "must be a valid file name" in capsys.readouterr().err


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_model_is_written_outside_of_its_folder(name, tmp_path, refusal):
    folder = tmp_path / "one" / "run"
    folder.mkdir(parents=True)
    model = Autoencoder(2, **FEW).fit(X)
    refusal(RunError, write_models, folder, {name: model}, command="compare", data="digits8x8")
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_configuration_with_a_line_break_is_refused_in_one_line(tmp_path, refusal):
    (tmp_path / "config.json").write_text('{"a\\nb": 1}')
    refusal(RunError, open_run, tmp_path)


# --- pipes: to open one waits for a writer, who may never come -----------------------------------


@pytest.fixture
def pipe(tmp_path):
    """Give a way to make a named pipe."""

    def made(name):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        os.mkfifo(path)
        return path

    return made


on_unix = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no such files")


@on_unix
@pytest.mark.parametrize("name", ["rows.npy", "rows.npz", "rows.csv", "rows.parquet", "rows"])
def test_a_pipe_in_the_place_of_data_is_refused(name, pipe, refusal):
    path = pipe(name)
    message = refusal(DataError, datasets.open, path)
    assert message.startswith(f"{path} must be a regular file or a folder, got a pipe")
    assert "Write its content to a file" in message


@on_unix
@pytest.mark.parametrize(
    ("name", "read", "error"),
    [
        ("model.safetensors", load, ModelFileError),
        ("config.json", lambda path: open_run(path.parent), RunError),
        (
            "checkpoints/run.json",
            lambda path: resume_run(path.parent.parent).__enter__(),
            RunError,
        ),
    ],
)
def test_a_pipe_in_the_place_of_another_file_is_refused(name, read, error, pipe, refusal):
    assert "not a regular file" in refusal(error, read, pipe(name))


# --- what is no path ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [5, None, b"model.safetensors", X], ids=lambda p: type(p).__name__)
def test_what_is_no_path_is_not_loaded(path, refusal):
    message = refusal(ModelFileError, load, path)
    assert message.startswith("path must be that of a model file or of a run folder, got ")


@pytest.mark.parametrize("path", [5, None, b"model.safetensors", "a\0b"], ids=repr)
def test_a_model_is_not_saved_to_what_is_no_path(path, refusal):
    message = refusal(SettingError, Autoencoder(2, **FEW).fit(X).save, path)
    assert message.startswith(f"path must be the name of a file to write, got {path!r}. ")


def test_a_model_is_not_saved_to_a_folder(tmp_path, refusal):
    for model in (Autoencoder(2, **FEW).fit(X), AnomalyDetector(Autoencoder(2, **FEW)).fit(X)):
        message = refusal(SettingError, model.save, tmp_path)
        assert message.startswith("path must be the name of a file")
        assert f"got the folder {tmp_path!r}" in message
    assert not list(tmp_path.iterdir())
