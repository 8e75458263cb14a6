"""``utsushi train --tensorboard``."""

from utsushi.cli.main import run

TRAIN = ["train", "ae", "--data", "digits8x8", "--hidden", "4", "--random-state", "0"]
TRAIN += ["--verbose", "0", "--max-epochs", "3", "--checkpoint-every", "1epochs", "--tensorboard"]


def epochs_of(run_folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(str(run_folder / "tensorboard" / "train")).Reload()
    return [event.step for event in log.Scalars("objective")]


def test_a_run_that_went_on_has_each_epoch_once(utsushi, tmp_path, interrupted_after_two_epochs):
    with interrupted_after_two_epochs():
        assert run([*TRAIN, "--out", str(tmp_path / "run")]) == 130
    assert (tmp_path / "run" / "checkpoints" / "tensorboard").is_dir()
    assert utsushi("train", "--resume", tmp_path / "run").status == 0
    assert epochs_of(tmp_path / "run") == [1, 2, 3]
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_a_run_has_no_log_that_was_not_asked_for(ae_run):
    assert not (ae_run / "tensorboard").exists()


def test_a_run_is_not_begun_where_tensorboard_is_missing(utsushi, tmp_path, monkeypatch):
    monkeypatch.setattr("utsushi._utils.optional_dependencies.find_spec", lambda name: None)
    call = utsushi(*TRAIN, "--out", tmp_path / "run")
    assert (call.status, list(tmp_path.iterdir())) == (2, [])
    assert "utsushi[tensorboard]" in call.error
