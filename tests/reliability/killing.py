"""Kill trainings with SIGKILL at many instants, go on with them, and compare bytes.

    python tests/reliability/killing.py N_KILLS FOLDER

Every other instant is drawn; the rest are inside of the write of a checkpoint, where the process
kills itself. What takes long to import is imported once: each training is a forked process.
"""

import json
import os
import random
import signal
import stat
import sys
import time
import traceback
from pathlib import Path

import torch._dynamo  # noqa: F401 - the first optimizer imports it, for a second

sys.path.insert(0, str(Path(__file__).parent))

from conftest import MODELS, rows_of

#: After so many seconds a training hangs, on however slow a machine.
HANG = 300

KINDS = ("ae", "vae", "conv")

#: Instants of a write, each told by a function of ``os`` and whether it comes before or after.
INSIDE = [("fsync", "half"), ("fsync", "before"), ("replace", "before"), ("replace", "after")]


def train(kind, folder):
    """Train a model of a kind to its end and save it, with a checkpoint every seventh step."""
    X, y = rows_of(kind)
    model = MODELS[kind]().set_params(max_epochs=60)
    model.fit(X, y, checkpoint_dir=folder / "checkpoints", checkpoint_every="7steps")
    model.save(folder / "model.safetensors")
    history = [{k: v for k, v in row.items() if k != "seconds"} for row in model.history_]
    (folder / "history").write_text(repr(history))


def train_and_count(kind, folder):
    """Train undisturbed, and write down how often each function of ``INSIDE`` is called."""
    calls = dict.fromkeys((function for function, _ in INSIDE), 0)

    def counting(name, genuine):
        def call(*arguments):
            calls[name] += 1
            return genuine(*arguments)

        return call

    for name in calls:
        setattr(os, name, counting(name, getattr(os, name)))
    train(kind, folder)
    (folder / "calls").write_text(json.dumps(calls))


def kill_inside(function, instant, nth):
    """Let this process kill itself at the ``nth`` call of a function of ``os``."""
    genuine, calls = getattr(os, function), iter(range(nth))

    def kill(*arguments):
        if next(calls, None) is not None:
            return genuine(*arguments)
        if instant == "half" and stat.S_ISREG(os.fstat(arguments[0]).st_mode):  # or the folder
            os.ftruncate(arguments[0], os.fstat(arguments[0]).st_size // 2)
        if instant == "after":
            genuine(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(os, function, kill)


def forked(function, *arguments):
    """Start a function in a process of its own, and give its number."""
    process = os.fork()
    if process:
        return process
    status = 1
    signal.alarm(HANG)  # which ends the process, by another signal than the one that is meant
    try:
        function(*arguments)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def was_killed(process):
    """Wait for a process, and tell whether it was killed; it must not have failed otherwise."""
    status = os.waitpid(process, 0)[1]
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL, "a training hung"
        return True
    assert os.WEXITSTATUS(status) == 0, "a training failed"
    return False


def killed_after(kind, folder, seconds):
    """Train, and kill the training after so long; tell whether it was still running."""
    process = forked(train, kind, folder)
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    return was_killed(process)


def killed_at(kind, folder, function, instant, nth):
    """Train, and let the training kill itself inside of a write; tell whether it came to that."""

    def hooked():
        kill_inside(function, instant, nth)
        train(kind, folder)

    return was_killed(forked(hooked))


def killed_once(kind, folder, draw, undisturbed, inside):
    """Begin a training in a new folder and kill it; one that had come to its end is no kill.

    Returns the folder. The number of a call is below that of the undisturbed training's calls, so
    the training always comes to it.
    """
    seconds, calls = undisturbed
    for attempt in range(50):
        place = folder / f"{kind}-{attempt}"
        place.mkdir(parents=True)
        if inside is None:
            killed = killed_after(kind, place, draw.uniform(0, seconds))
        else:
            killed = killed_at(kind, place, *inside, nth=draw.randrange(calls[inside[0]]))
        if killed:
            return place
        assert inside is None, "it did not come to a call that the undisturbed training made"
    raise AssertionError(f"no training was killed in {seconds} seconds")


def main(n_kills, folder):
    """Kill so many trainings and compare each with the undisturbed one."""
    draw = random.Random(20)
    whole, undisturbed = {}, {}
    for kind in KINDS:
        (folder / kind).mkdir(parents=True)
        started = time.monotonic()
        assert not was_killed(forked(train_and_count, kind, folder / kind))
        seconds = time.monotonic() - started
        undisturbed[kind] = seconds, json.loads((folder / kind / "calls").read_text())
        whole[kind] = result_of(folder / kind)
    n_same = 0
    for number in range(n_kills):
        kind = KINDS[number % len(KINDS)]
        inside = INSIDE[number // 2 % len(INSIDE)] if number % 2 else None
        place = killed_once(kind, folder / str(number), draw, undisturbed[kind], inside)
        assert not was_killed(forked(train, kind, place))
        same = result_of(place) == whole[kind]
        n_same += same
        print(kind, inside or "at an instant", "the same" if same else "ANOTHER", flush=True)
    print(f"{n_kills} killed, {n_same} the same to the byte")


def result_of(folder):
    """Give what a training left: the bytes of the model's file, and its history."""
    return (folder / "model.safetensors").read_bytes(), (folder / "history").read_text()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
