"""A training can be watched epoch by epoch, by a callback and by TensorBoard."""

import numpy as np
import pytest

from utsushi import Autoencoder, Recipe, VariationalAutoencoder
from utsushi.exceptions import MissingPackageError
from utsushi.integrations.tensorboard import TensorBoard

X = np.random.default_rng(0).random((20, 6), dtype=np.float32)
FEW = {"hidden": (4,), "max_epochs": 3, "random_state": 0}


def events_of(folder):
    """Give what TensorBoard reads in a folder: by chart, the steps and the values."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = EventAccumulator(str(folder)).Reload()
    return {
        name: [(event.step, event.value) for event in log.Scalars(name)]
        for name in log.Tags()["scalars"]
    }


def test_the_callback_gets_the_history_row_by_row():
    rows = []
    model = Autoencoder(2, **FEW).fit(X, on_epoch=lambda _, row: rows.append(dict(row)))
    assert rows == model.history_


def test_a_training_that_goes_on_tells_what_was_before(tmp_path):
    settings = {"checkpoint_dir": tmp_path, "checkpoint_every": "1epochs"}

    def stop(_, row):
        if row["epoch"] == 2:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        Autoencoder(2, **FEW).fit(X, on_epoch=stop, **settings)
    epochs = []
    Autoencoder(2, **FEW).fit(X, on_epoch=lambda _, row: epochs.append(row["epoch"]), **settings)
    assert epochs == [1, 2, 3]


def test_what_the_callback_raises_leaves_no_fitted_model():
    model = Autoencoder(2, **FEW)

    def stop(_, row):
        raise KeyError("pruned")

    with pytest.raises(KeyError):
        model.fit(X, on_epoch=stop)
    assert not model.__sklearn_is_fitted__()


def test_tensorboard_reads_the_history_with_held_out_rows_beside_the_training_rows(tmp_path):
    model = VariationalAutoencoder(2, recipe=Recipe(validation_fraction=0.2), **FEW)
    with TensorBoard(tmp_path) as board:
        model.fit(X, on_epoch=board)
    train, held_out = events_of(tmp_path / "train"), events_of(tmp_path / "validation")
    assert set(train) == {"objective", "reconstruction", "kl", "learning_rate"}
    assert set(held_out) == {"objective", "reconstruction", "kl"}
    for rows, prefix in ((train, ""), (held_out, "validation_")):
        for name, points in rows.items():
            column = [np.float32(row[prefix + name]) for row in model.history_]
            assert points == list(zip([1, 2, 3], column, strict=True))


def test_a_second_training_replaces_the_events_of_the_first(tmp_path):
    for _ in range(2):
        with TensorBoard(tmp_path) as board:
            Autoencoder(2, **FEW).fit(X, on_epoch=board)
    assert [step for step, _ in events_of(tmp_path / "train")["objective"]] == [1, 2, 3]


def test_other_files_of_the_folder_stay(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "mine.txt").write_text("kept")
    with TensorBoard(tmp_path):
        assert (tmp_path / "train" / "mine.txt").read_text() == "kept"


def test_the_logs_of_others_beside_its_own_stay(tmp_path):
    other = tmp_path / "baseline" / "events.out.tfevents.1.host"
    other.parent.mkdir()
    other.write_bytes(b"theirs")
    with TensorBoard(tmp_path):
        assert other.read_bytes() == b"theirs"


def test_without_tensorboard_the_message_names_the_extra(monkeypatch, refusal, tmp_path):
    monkeypatch.setattr("utsushi._utils.optional_dependencies.find_spec", lambda name: None)
    message = refusal(MissingPackageError, TensorBoard, tmp_path)
    assert "pip install 'utsushi[tensorboard]'" in message
