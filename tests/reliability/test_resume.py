"""A training that was stopped anywhere goes on, and ends bit for bit where it would have."""

import errno
import os
import re
import signal
import subprocess
import sys
from itertools import count
from pathlib import Path

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_limits

from utsushi import Autoencoder, Recipe
from utsushi.exceptions import CheckpointError, SettingError, UtsushiWarning
from utsushi.training.checkpoint import Checkpoints, Interval

IMAGES = np.random.default_rng(5).random((22, 64), dtype=np.float32)
FEW = {"hidden": (8,), "max_epochs": 3, "recipe": Recipe(batch_size=8), "random_state": 3}


class Killed(BaseException):
    """What no code of ours catches."""


def killed_at(monkeypatch, step, *, write):
    """Stop the next training after so many steps and ends of epochs, having written or not."""
    seen = iter(range(step))
    is_due = Checkpoints.is_due

    def count(self, **how):
        due = is_due(self, **how)
        if next(seen, None) is None:
            raise Killed
        return due and write

    monkeypatch.setattr(Checkpoints, "is_due", count)


@pytest.mark.parametrize("every", ["1steps", "1epochs"])
def test_a_training_stopped_at_any_step_ends_where_it_would_have(
    case, every, content, tmp_path, monkeypatch
):
    name, make, X, y = case
    whole = content(make().fit(X, y))
    for step in count():
        folder = tmp_path / str(step)
        with monkeypatch.context() as patch:
            killed_at(patch, step, write=True)
            try:
                make().fit(X, y, checkpoint_dir=folder, checkpoint_every=every)
                break  # there are no more steps
            except Killed:
                pass
        resumed = make().fit(X, y, checkpoint_dir=folder, checkpoint_every=every)
        assert content(resumed) == whole, f"{name}, stopped after {step}"
    assert step >= 6


def test_the_checkpoints_do_not_change_what_is_learned(case, content, tmp_path):
    _, make, X, y = case
    model = make().fit(X, y, checkpoint_dir=tmp_path / "c", checkpoint_every="1steps")
    assert content(model) == content(make().fit(X, y))


def test_a_training_that_came_to_its_end_is_only_read(content, tmp_path, monkeypatch):
    first = Autoencoder(3, **FEW).fit(IMAGES, checkpoint_dir=tmp_path / "c")
    killed_at(monkeypatch, 0, write=False)  # a step would be the end of this test
    again = Autoencoder(3, **FEW).fit(IMAGES, checkpoint_dir=tmp_path / "c")
    assert content(again) == content(first)


def test_a_training_without_a_seed_keeps_the_one_that_it_drew(content, tmp_path, monkeypatch):
    model = Autoencoder(3, **{**FEW, "random_state": None})
    with monkeypatch.context() as patch:
        killed_at(patch, 6, write=True)
        with pytest.raises(Killed):
            model.fit(IMAGES, checkpoint_dir=tmp_path / "c", checkpoint_every="1steps")
    drawn = model.seed_
    model.fit(IMAGES, checkpoint_dir=tmp_path / "c")
    assert model.seed_ == drawn


def test_the_last_two_checkpoints_are_kept(tmp_path):
    Autoencoder(3, **FEW).fit(IMAGES, checkpoint_dir=tmp_path, checkpoint_every="1steps")
    names = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert names == [
        "checkpoint-000003-00000003.safetensors",
        "checkpoint-000004-00000000.safetensors",
    ]


def test_the_history_in_the_folder_is_the_models(content, tmp_path):
    import json

    model = Autoencoder(3, **FEW).fit(IMAGES, checkpoint_dir=tmp_path / "c")
    lines = (tmp_path / "c" / "history.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == model.history_


# --- when ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("every", "n_written"),
    [("1steps", 9), ("2steps", 5), ("1epochs", 3), ("2epochs", 2), ("60s", 1)],
)
def test_a_checkpoint_is_written_as_often_as_is_asked_and_at_the_end(
    every, n_written, tmp_path, monkeypatch
):
    written = []
    write = Checkpoints.write
    monkeypatch.setattr(
        Checkpoints, "write", lambda self, *what: (written.append(what), write(self, *what))
    )
    Autoencoder(3, **FEW).fit(IMAGES, checkpoint_dir=tmp_path, checkpoint_every=every)
    # After the last step of all, the end of the epoch is one more.
    assert len(written) == n_written + (every == "1steps")


@pytest.mark.parametrize(
    "text", ["0s", "-1s", "s", "60", "1.5s", "1 hour", "steps", "1e3steps", ""]
)
def test_an_interval_that_is_none_is_refused(text, tmp_path, refusal):
    message = refusal(SettingError, Interval.parse, text)
    assert message.startswith("checkpoint_every must be a positive integer with one of the units ")
    assert f", got {text!r}. " in message
    refusal(
        SettingError, Autoencoder(3).fit, IMAGES, checkpoint_dir=tmp_path, checkpoint_every=text
    )


# --- what is not the same -----------------------------------------------------------------------


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """Give the folder of a training that was stopped in its second epoch."""
    with monkeypatch.context() as patch:
        killed_at(patch, 6, write=True)
        with pytest.raises(Killed):
            Autoencoder(3, **FEW).fit(
                IMAGES, checkpoint_dir=tmp_path / "c", checkpoint_every="1steps"
            )
    return tmp_path / "c"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"hidden": (9,)}, "hidden was (8,), is (9,)"),
        ({"random_state": 4}, "seed was 3, is 4"),
        ({"max_epochs": 4}, "max_epochs was 3, is 4"),
        ({"recipe": Recipe(batch_size=9)}, "recipe__batch_size was 8, is 9"),
    ],
)
def test_other_parameters_are_refused_before_the_training(stopped, changes, said, refusal):
    model = Autoencoder(3, **{**FEW, **changes})
    message = refusal(CheckpointError, model.fit, IMAGES, checkpoint_dir=stopped)
    assert message.startswith(f"{str(stopped)!r} must hold a checkpoint of the same training, got ")
    assert f" another: {said}. " in message


def test_other_data_are_refused_before_the_training(stopped, refusal):
    other = IMAGES.copy()
    other[3, 4] = np.nextafter(other[3, 4], 2)
    message = refusal(CheckpointError, Autoencoder(3, **FEW).fit, other, checkpoint_dir=stopped)
    assert "the data was" in message


def test_another_number_of_threads_is_refused_before_the_training(stopped, refusal):
    before = torch.get_num_threads()
    other = 1 if before > 1 else 2
    try:
        torch.set_num_threads(other)
        message = refusal(
            CheckpointError, Autoencoder(3, **FEW).fit, IMAGES, checkpoint_dir=stopped
        )
    finally:
        torch.set_num_threads(before)
    assert f"threads was {before}, is {other}" in message


def test_what_has_no_effect_may_change(stopped, content):
    resumed = Autoencoder(3, verbose=1, **FEW).fit(IMAGES, checkpoint_dir=stopped)
    assert content(resumed.set_params(verbose=0)) == content(Autoencoder(3, **FEW).fit(IMAGES))


# --- damage -------------------------------------------------------------------------------------


def test_a_damaged_newest_checkpoint_is_named_and_the_one_before_is_used(stopped, content):
    _, newest = sorted(stopped.glob("*.safetensors"))
    damaged = bytearray(newest.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    newest.write_bytes(damaged)
    with pytest.warns(UtsushiWarning, match=f"{newest.name}.*The checkpoint before it is used"):
        resumed = Autoencoder(3, **FEW).fit(IMAGES, checkpoint_dir=stopped)
    assert content(resumed) == content(Autoencoder(3, **FEW).fit(IMAGES))


@pytest.mark.filterwarnings("ignore:.*The checkpoint before it is used")
def test_a_folder_of_damaged_checkpoints_is_refused(stopped, refusal):
    for file in stopped.glob("*.safetensors"):
        file.write_bytes(file.read_bytes()[:-1])
    message = refusal(CheckpointError, Autoencoder(3, **FEW).fit, IMAGES, checkpoint_dir=stopped)
    assert message.startswith(f"{str(stopped)!r} must hold an undamaged checkpoint, got 2 damaged")


@pytest.mark.filterwarnings("ignore:.*The checkpoint before it is used")
def test_a_model_in_the_place_of_a_checkpoint_is_passed_over(stopped, content):
    whole = Autoencoder(3, **FEW).fit(IMAGES)
    whole.save(stopped / "checkpoint-000009-00000009.safetensors")
    resumed = Autoencoder(3, **FEW).fit(IMAGES, checkpoint_dir=stopped)
    assert content(resumed) == content(whole)


def test_a_checkpoint_of_another_network_is_refused(stopped, refusal, monkeypatch):
    """Its header lies: the parameters are the same, the tensors are not."""
    monkeypatch.setattr(Checkpoints, "identify", lambda self, identity: None)
    model = Autoencoder(3, **{**FEW, "hidden": (9,)})
    message = refusal(CheckpointError, model.fit, IMAGES, checkpoint_dir=stopped)
    assert "does not fit the network" in message
    assert message.endswith(". Choose another checkpoint_dir.")


# --- places -------------------------------------------------------------------------------------


def test_a_second_training_in_the_same_folder_is_refused(tmp_path, refusal):
    with Checkpoints(tmp_path / "c"):
        message = refusal(
            CheckpointError, Autoencoder(3, **FEW).fit, IMAGES, checkpoint_dir=tmp_path / "c"
        )
    assert message.startswith(f"{str(tmp_path / 'c')!r} is in use by another training. ")
    Autoencoder(3, **FEW).fit(IMAGES, checkpoint_dir=tmp_path / "c")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_the_lock_dies_with_its_owner(tmp_path):
    code = (
        "import os, signal, sys; from utsushi.training.checkpoint import Checkpoints\n"
        "with Checkpoints(sys.argv[1]): os.kill(os.getpid(), signal.SIGKILL)"
    )
    owner = subprocess.run([sys.executable, "-c", code, str(tmp_path / "c")], check=False)
    assert owner.returncode == -signal.SIGKILL
    with Checkpoints(tmp_path / "c"):
        pass


def test_a_folder_that_vanishes_ends_the_training_in_one_line(tmp_path, refusal, monkeypatch):
    import shutil

    is_due = Checkpoints.is_due

    def vanish(self, **how):
        shutil.rmtree(tmp_path / "c", ignore_errors=True)
        return is_due(self, **how)

    monkeypatch.setattr(Checkpoints, "is_due", vanish)
    model = Autoencoder(3, **FEW)
    message = refusal(
        CheckpointError, model.fit, IMAGES, checkpoint_dir=tmp_path / "c", checkpoint_every="1steps"
    )
    assert message.startswith(f"{str(tmp_path / 'c')!r} must be a folder with space ")
    assert "got an error: the folder is gone. The last checkpoint is none. " in message
    assert not (tmp_path / "c").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of this kind")
def test_a_full_disk_ends_the_training_and_keeps_the_checkpoint_before(stopped, content, refusal):
    import resource

    before = {path: path.read_bytes() for path in stopped.glob("*.safetensors")}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    too_small = min(map(len, before.values())) // 2
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (too_small, hard))
        message = refusal(
            CheckpointError,
            Autoencoder(3, **FEW).fit,
            IMAGES,
            checkpoint_dir=stopped,
            checkpoint_every="1steps",
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    newest = max(before)
    assert f"got an error: File too large. The last checkpoint is {newest}. " in message
    assert {path: path.read_bytes() for path in stopped.glob("*.safetensors")} == before
    assert not list(stopped.glob(".*.part"))
    resumed = Autoencoder(3, **FEW).fit(IMAGES, checkpoint_dir=stopped)
    assert content(resumed) == content(Autoencoder(3, **FEW).fit(IMAGES))


@pytest.mark.skipif(not Path("/sys/kernel").is_dir(), reason="Linux alone has this folder")
def test_a_folder_that_cannot_be_made_is_refused_before_the_training(refusal):
    place = "/sys/kernel/utsushi"  # where root too may not
    message = refusal(CheckpointError, Autoencoder(3, **FEW).fit, IMAGES, checkpoint_dir=place)
    assert re.fullmatch(
        rf"'{place}' must be a folder with space for checkpoints, got an error: .*\. "
        r"Choose another folder\.",
        message,
    )


def test_a_file_in_the_place_of_the_folder_is_refused_before_the_training(tmp_path, refusal):
    (tmp_path / "c").write_text("years of work")
    message = refusal(
        CheckpointError, Autoencoder(3, **FEW).fit, IMAGES, checkpoint_dir=tmp_path / "c"
    )
    assert "got an error: File exists." in message
    assert (tmp_path / "c").read_text() == "years of work"


@pytest.mark.parametrize("after", [0, 1, 2])
def test_a_folder_that_becomes_read_only_ends_the_training_and_keeps_its_checkpoint(
    after, stopped, content, refusal, monkeypatch
):
    """The tests may run as root, whom no permission stops: the system's answer is put in."""
    before = {path: path.read_bytes() for path in stopped.glob("*.safetensors")}
    genuine, calls = os.replace, iter(range(after))

    def replace(*paths):
        if next(calls, None) is None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        genuine(*paths)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        message = refusal(
            CheckpointError,
            Autoencoder(3, **FEW).fit,
            IMAGES,
            checkpoint_dir=stopped,
            checkpoint_every="1steps",
        )
    assert message.startswith(f"{str(stopped)!r} must be a folder with space ")
    assert "got an error: Permission denied." in message
    kept = sorted(stopped.glob("*.safetensors"))
    assert f"The last checkpoint is {kept[-1]}. Free some space" in message
    assert after == 2 or {path: path.read_bytes() for path in kept} == before
    assert not list(stopped.glob(".*.part"))
    resumed = Autoencoder(3, **FEW).fit(IMAGES, checkpoint_dir=stopped)
    assert content(resumed) == content(Autoencoder(3, **FEW).fit(IMAGES))


# --- kill -9 ------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="it forks processes that have loaded torch")
def test_kill_minus_nine_at_any_instant(soak, tmp_path):
    """See `killing.py`: half of the instants are drawn, half are inside of a write."""
    script = Path(__file__).with_name("killing.py")
    n_kills = 50 if soak else 6
    with threadpool_limits(1):
        done = subprocess.run(
            [sys.executable, script, str(n_kills), tmp_path],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=3600,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == f"{n_kills} killed, {n_kills} the same to the byte"
