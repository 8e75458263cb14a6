"""Large training rows are scaled a batch at a time: the same model, without a copy of them."""

import numpy as np
import pytest
import torch

from utsushi import Autoencoder, DenoisingAutoencoder, Recipe, VariationalAutoencoder
from utsushi.estimators import base, rows
from utsushi.networks import Conv
from utsushi.training import subspace
from utsushi.transforms import scaling

X = np.random.default_rng(2).random((90, 64), dtype=np.float32)
WIDE = X[:, :15] @ np.random.default_rng(3).random((15, 200), dtype=np.float32)
BATCHES = Recipe(max_epochs=2, batch_size=16)
STOPPING = BATCHES.with_settings(validation_fraction=0.3, early_stopping=1)
FEW = {"n_components": 3, "hidden": (8,), "recipe": BATCHES, "random_state": 1}

MODELS = {
    "center": lambda: Autoencoder(**FEW),
    "standard": lambda: Autoencoder(scaling="standard", **FEW),
    "minmax": lambda: Autoencoder(scaling="minmax", **FEW),
    "none": lambda: Autoencoder(scaling=None, **FEW),
    "held out": lambda: Autoencoder(**FEW | {"recipe": STOPPING}),
    "denoising": lambda: DenoisingAutoencoder(corruption="gaussian", **FEW),
    "gaussian": lambda: VariationalAutoencoder(**FEW),
    "bernoulli": lambda: VariationalAutoencoder(likelihood="continuous-bernoulli", **FEW),
    "conditional": lambda: VariationalAutoencoder(conditional=True, **FEW),
    "augmented": lambda: Autoencoder(augment="affine", image_shape=(8, 8), **FEW),
    "conv": lambda: Autoencoder(
        network=Conv((2,), 8, output="sigmoid"),
        scaling=None,
        image_shape=(8, 8),
        **{name: value for name, value in FEW.items() if name != "hidden"},
    ),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, ">f4"])
def test_the_model_is_the_same_to_the_bit(name, dtype, tmp_path, monkeypatch):
    given, classes = X.astype(dtype), np.arange(90) % 3
    given.flags.writeable = False
    copied = MODELS[name]().fit(given, classes).save(tmp_path / "copied.safetensors")
    monkeypatch.setattr(base, "COPIED_BYTES", 0)
    scaled = MODELS[name]().fit(given, classes).save(tmp_path / "scaled.safetensors")
    assert scaled.read_bytes() == copied.read_bytes()


def test_blocks_change_what_is_learned_by_roundings_alone(monkeypatch):
    whole = Autoencoder(scaling="standard", sampler="gaussian", **FEW).fit(WIDE)
    monkeypatch.setattr(base, "COPIED_BYTES", 0)
    monkeypatch.setattr(rows, "SCANNED_ROWS", 7)
    monkeypatch.setattr(scaling, "MOMENTS_BLOCK_BYTES", 7 * WIDE[:1].nbytes)
    monkeypatch.setattr(subspace, "BLOCK_BYTES", 7 * WIDE[:1].nbytes)
    blocks = Autoencoder(scaling="standard", sampler="gaussian", **FEW).fit(WIDE)
    np.testing.assert_allclose(blocks.scaling_.scale, whole.scaling_.scale, rtol=1e-6)
    np.testing.assert_allclose(blocks.reconstruct(WIDE), whole.reconstruct(WIDE), rtol=1e-3)


def test_rows_are_scaled_as_they_are_asked_for():
    data = rows.TrainingData(X, np.eye(90, dtype=np.float32))
    source = rows.ScaledRows(data, scaling.Scaling.learn("center", X), torch.device("cpu"))
    whole = source[:]
    assert (len(source), source.n_features, source.device) == (90, 64, torch.device("cpu"))
    some = source[torch.tensor([4, 80, 4])]
    assert torch.equal(some.x, whole.x[[4, 80, 4]])
    assert torch.equal(some.condition, whole.condition[[4, 80, 4]])
    assert [len(block) for block in source.blocks(40)] == [40, 40, 10]
    assert torch.equal(torch.cat([block.x for block in source.blocks(40)]), whole.x)
