"""A checkpoint that lies, with the right checksum, is refused in one line."""

import numpy as np
import pytest
import torch

from utsushi import Autoencoder
from utsushi._utils.safetensors_io import read_model_file, write_model_file
from utsushi.exceptions import CheckpointError

X = np.random.default_rng(5).random((12, 16), dtype=np.float32)
FEW = {"hidden": (3,), "max_epochs": 2, "batch_size": 4, "random_state": 3}

pytestmark = pytest.mark.filterwarnings("ignore:.*says what no checkpoint does")


@pytest.fixture
def lied(tmp_path):
    """Give a way to put a lie into the checkpoint of a training, which stands in the folder."""
    folder = tmp_path / "c"
    Autoencoder(2, **FEW).fit(X, checkpoint_dir=folder, checkpoint_every="1steps")
    file, other = sorted(folder.glob("*.safetensors"))
    other.unlink()
    header, tensors = read_model_file(file)
    header = {key: value for key, value in header.items() if key not in ("format", "sha256")}

    def lie(changes, **of_tensors):
        write_model_file(file, {**header, **changes}, {**tensors, **of_tensors})
        return header, folder

    return lie


@pytest.mark.parametrize(
    "lie",
    [
        {"best": {"epoch": 1, "objective": None}},
        {"best": {"epoch": 1, "objective": {}}},
        {"best": {"epoch": 9, "objective": 1.0}},
        {"seconds": "1"},
        {"seconds": None},
        {"seconds": {}},
        {"seconds": -1.0},
        {"step": True},
        {"step": 10**400},
        {"columns": []},
        {"columns": ["epoch", "objective", "learning_rate", "seconds", "seconds"]},
        {"columns": ["epoch", "objective", "learning_rate", 1]},
        {"columns": ["epoch", "objective"]},
        {"means": {"n_rows": None, "sums": []}},
        {"means": {"n_rows": 4, "sums": {"objective": 1.0}}},
        {"arithmetic": ["float32"]},
        {"identity": {"seed": str(2**64)}},
        {"identity": {"seed": "³"}},
        {"extra": 1},
    ],
    ids=repr,
)
def test_a_header_that_lies_is_passed_over(lie, lied, refusal):
    _, folder = lied(lie)
    message = refusal(CheckpointError, Autoencoder(2, **FEW).fit, X, checkpoint_dir=folder)
    assert "holds 1 checkpoints, but none is whole" in message


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("module.x", np.ones(1), "tensor 'module.x' is unknown or missing"),
        ("best.x", np.ones(1), "is unknown or missing"),
        ("optimizer.0.step", np.ones(2), "has the shape (2,), not ()"),
        ("optimizer.0.exp_avg", np.ones((3, 3)), "has the shape (3, 3), not (3, 16)"),
        ("waiting.objective", np.ones((2, 2)), "has the shape (2, 2), not (4,)"),
        ("optimizer.0.step", np.full((), np.nan), "is not of finite float32 numbers"),
    ],
)
def test_tensors_that_lie_are_refused(name, values, said, lied, refusal):
    _, folder = lied({}, **{name: values.astype(np.float32)})
    message = refusal(CheckpointError, Autoencoder(2, **FEW).fit, X, checkpoint_dir=folder)
    assert "does not fit the network" in message
    assert said in message


@pytest.mark.parametrize(
    ("lie", "history", "said"),
    [
        ({"epoch": 3}, None, "not that of the epochs before epoch 3"),
        ({"epoch": 2**31}, None, "not that of the epochs before epoch 2147483648"),
        ({"epoch": 1, "columns": [], "best": {"epoch": 0}}, None, "not that of the epochs before"),
        ({}, np.ones((1, 2)), "has the shape (1, 2)"),
        ({}, np.ones((1, 5), np.float32), "is not of finite float64 numbers"),
        ({}, np.full((1, 5), np.nan), "is not of finite float64 numbers"),
        ({}, np.full((1, 5), 7.0), "not that of the epochs before epoch 2"),
        (
            {"columns": ["epoch", "objective", "os.system", "learning_rate", "seconds"]},
            None,
            "'objective', 'os.system', 'learning_rate', 'seconds'], expected",
        ),
    ],
)
def test_a_history_that_lies_is_refused(lie, history, said, lied, refusal):
    _, folder = lied(lie, **({} if history is None else {"history": history}))
    message = refusal(CheckpointError, Autoencoder(2, **FEW).fit, X, checkpoint_dir=folder)
    assert said in message


@pytest.mark.parametrize("arithmetic", [["float32", True], ["bfloat16", False], ["os.system", 1]])
def test_a_checkpoint_chooses_no_arithmetic_that_was_not_asked_for(
    arithmetic, lied, refusal, monkeypatch
):
    def compile(_):
        raise AssertionError("a stranger's file made the model compile")

    monkeypatch.setattr(torch, "compile", compile)
    _, folder = lied({"arithmetic": arithmetic})
    refusal(CheckpointError, Autoencoder(2, **FEW).fit, X, checkpoint_dir=folder)


def test_sums_without_the_objective_are_refused(lied, refusal):
    _, folder = lied({})
    (file,) = folder.glob("*.safetensors")
    header, tensors = read_model_file(file)
    others = {name: t for name, t in tensors.items() if not name.startswith("waiting.")}
    without = {k: v for k, v in header.items() if k not in ("format", "sha256")}
    write_model_file(file, {**without, "means": {"n_rows": 4, "sums": []}}, others)
    message = refusal(CheckpointError, Autoencoder(2, **FEW).fit, X, checkpoint_dir=folder)
    assert "the sums of the epoch under way lack the objective" in message
