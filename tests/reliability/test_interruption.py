"""Ctrl-C and SIGTERM: a checkpoint first, and a word on how to go on."""

import signal

import numpy as np
import pytest

from utsushi import Autoencoder, Recipe
from utsushi.exceptions import TrainingInterrupted
from utsushi.training.checkpoint import Checkpoints

IMAGES = np.random.default_rng(5).random((22, 64), dtype=np.float32)
FEW = {"hidden": (8,), "max_epochs": 3, "recipe": Recipe(batch_size=8), "random_state": 3}


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_after_a_checkpoint_and_says_how_to_go_on(
    number, content, tmp_path, monkeypatch
):
    folder = tmp_path / "c"
    with monkeypatch.context() as patch:
        signalled_at(patch, 6, number)
        with pytest.raises(TrainingInterrupted) as caught:
            Autoencoder(3, **FEW).fit(IMAGES, checkpoint_dir=folder)
    assert str(caught.value).startswith(f"{number.name} stopped the training after a checkpoint. ")
    assert f"checkpoint_dir={str(folder)!r}" in str(caught.value)
    (kept,) = folder.glob("*.safetensors")
    assert kept.name == "checkpoint-000002-00000003.safetensors"
    resumed = Autoencoder(3, **FEW).fit(IMAGES, checkpoint_dir=folder)
    assert content(resumed) == content(Autoencoder(3, **FEW).fit(IMAGES))


def signalled_after(monkeypatch, step, number):
    """Send this process a signal between the question for a checkpoint and the next step."""
    seen = iter(range(step))
    is_due = Checkpoints.is_due

    def send(self, **how):
        due = is_due(self, **how)
        if next(seen, None) is None:
            monkeypatch.setattr(Checkpoints, "is_due", is_due)
            signal.raise_signal(number)
        return due

    monkeypatch.setattr(Checkpoints, "is_due", send)


def test_a_signal_between_two_steps_stops_after_the_next_with_a_checkpoint(
    content, tmp_path, monkeypatch
):
    folder = tmp_path / "c"
    with monkeypatch.context() as patch:
        signalled_after(patch, 5, signal.SIGTERM)
        with pytest.raises(TrainingInterrupted):
            Autoencoder(3, **FEW).fit(IMAGES, checkpoint_dir=folder)
    (kept,) = folder.glob("*.safetensors")
    assert kept.name == "checkpoint-000002-00000003.safetensors"
    resumed = Autoencoder(3, **FEW).fit(IMAGES, checkpoint_dir=folder)
    assert content(resumed) == content(Autoencoder(3, **FEW).fit(IMAGES))


def test_a_signal_after_the_last_step_is_the_callers(tmp_path, monkeypatch):
    received = []
    before = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    try:
        with monkeypatch.context() as patch:
            signalled_after(patch, 11, signal.SIGTERM)  # three steps and an end in each epoch
            Autoencoder(3, **FEW).fit(IMAGES, checkpoint_dir=tmp_path)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert received == [signal.SIGTERM]
    assert list(tmp_path.glob("*.safetensors"))


def test_a_second_signal_acts_at_once(tmp_path, monkeypatch):
    signalled_at(monkeypatch, 6, signal.SIGINT, signal.SIGINT)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # runners have their own
    try:
        with pytest.raises(KeyboardInterrupt) as caught:
            Autoencoder(3, **FEW).fit(IMAGES, checkpoint_dir=tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not isinstance(caught.value, TrainingInterrupted)
    assert not list(tmp_path.glob("*.safetensors"))


def test_the_callers_handlers_are_put_back(tmp_path):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    Autoencoder(3, **FEW).fit(IMAGES, checkpoint_dir=tmp_path)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_training_in_another_thread_leaves_signals_alone(tmp_path):
    from threading import Thread

    model = Autoencoder(3, **FEW)
    thread = Thread(target=model.fit, args=(IMAGES,), kwargs={"checkpoint_dir": tmp_path})
    thread.start()
    thread.join()
    assert model.n_epochs_ == 3
