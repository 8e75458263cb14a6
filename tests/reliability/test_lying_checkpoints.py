"""A checkpoint that lies, with the right checksum, is refused in one line."""

import numpy as np
import pytest

from utsushi import Autoencoder, Recipe
from utsushi._utils.safetensors_io import read_model_file, write_model_file
from utsushi.exceptions import CheckpointError

X = np.random.default_rng(5).random((12, 16), dtype=np.float32)
FEW = {"hidden": (3,), "max_epochs": 2, "recipe": Recipe(batch_size=4), "random_state": 3}

pytestmark = pytest.mark.filterwarnings("ignore:.*is not a checkpoint that a training wrote")


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
        {"best_epoch": -1},
        {"best_objective": {}},
        {"best_objective": "1"},
        {"seconds": "1"},
        {"seconds": None},
        {"seconds": {}},
        {"seconds": -1.0},
        {"step": True},
        {"step": 10**400},
        {"columns": ["epoch", "objective", "learning_rate", 1]},
        {"n_rows": None},
        {"sums": {"objective": 1.0}},
        {"sums": [["objective", None]]},
        {"identity": {"seed": str(2**64)}},
        {"identity": {"seed": "³"}},
        {"compile": True},
    ],
    ids=repr,
)
def test_a_header_that_lies_is_passed_over(lie, lied, refusal):
    _, folder = lied(lie)
    message = refusal(CheckpointError, Autoencoder(2, **FEW).fit, X, checkpoint_dir=folder)
    assert "must hold an undamaged checkpoint, got 1 damaged" in message


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("module.x", np.ones(1), "tensor 'module.x' is unknown, missing or of another shape"),
        ("module.encoder.0.bias", np.ones(2), "tensor 'module.encoder.0.bias' is unknown"),
        ("best.x", np.ones(1), "is unknown, missing or of another shape"),
        ("optimizer.0.step", np.ones(2), "tensor 'optimizer.0.step' is unknown, missing"),
        ("optimizer.0.exp_avg", np.ones((3, 3)), "tensor 'optimizer.0.exp_avg' is unknown"),
        ("optimizer.0.step", np.full((), np.nan), "tensor 'optimizer.0.step' is not finite"),
        ("pending.objective", np.full(4, np.inf), "tensor 'pending.objective' is not finite"),
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
        ({"epoch": 1, "columns": []}, None, "not that of the epochs before epoch 1"),
        ({"columns": []}, None, "not that of the epochs before epoch 2"),
        ({"columns": ["epoch", "objective", "a", "b", "c"]}, None, "not that of the epochs"),
        ({}, np.ones((1, 2)), "not that of the epochs before epoch 2"),
        ({}, np.ones(5), "not that of the epochs before epoch 2"),
        ({}, np.full((1, 5), np.nan), "tensor 'history' is not finite"),
        ({}, np.full((1, 5), 7.0), "not that of the epochs before epoch 2"),
        (
            {"columns": ["epoch", "objective", "os.system", "learning_rate", "seconds"]},
            None,
            "got ['epoch', 'objective', 'os.system', 'learning_rate', 'seconds']",
        ),
        (
            {"columns": ["epoch", "objective", "learning_rate", "seconds", "seconds"]},
            None,
            "got ['epoch', 'objective', 'learning_rate', 'seconds']",
        ),
    ],
)
def test_a_history_that_lies_is_refused(lie, history, said, lied, refusal):
    _, folder = lied(lie, **({} if history is None else {"history": history}))
    message = refusal(CheckpointError, Autoencoder(2, **FEW).fit, X, checkpoint_dir=folder)
    assert said in message


def test_sums_without_the_objective_are_refused(lied, refusal):
    _, folder = lied({})
    (file,) = folder.glob("*.safetensors")
    header, tensors = read_model_file(file)
    others = {name: t for name, t in tensors.items() if not name.startswith("pending.")}
    without = {k: v for k, v in header.items() if k not in ("format", "sha256")}
    write_model_file(file, {**without, "n_rows": 4, "sums": []}, others)
    message = refusal(CheckpointError, Autoencoder(2, **FEW).fit, X, checkpoint_dir=folder)
    assert "the sums of the current epoch lack the objective" in message
