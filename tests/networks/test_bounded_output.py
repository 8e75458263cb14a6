"""A decoder that ends with a sigmoid: values from 0 to 1, for rows of such values."""

import numpy as np
import pytest
import torch

from utsushi import Autoencoder, VariationalAutoencoder, load
from utsushi.exceptions import SettingError
from utsushi.networks import Conv, Dense

SETTINGS = {"hidden": (16,), "image_shape": (6, 6), "random_state": 0, "max_epochs": 3}
NETWORKS = [Dense((16,), output="sigmoid"), Conv((4,), (16,), output="sigmoid")]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).random((60, 36), np.float32)


@pytest.mark.parametrize("network", NETWORKS, ids=["dense", "conv"])
def test_copies_and_samples_lie_between_0_and_1(network, images):
    model = Autoencoder(2, network=network, scaling=None, **SETTINGS).fit(images)
    for rows in (model.reconstruct(images), model.inverse_transform(1e4 * np.ones((2, 2)))):
        assert rows.min() >= 0
        assert rows.max() <= 1
    linear = Autoencoder(2, network=type(network)(), scaling=None, **SETTINGS).fit(images)
    assert np.abs(linear.inverse_transform(1e4 * np.ones((2, 2)))).max() > 1


def test_minmax_brings_any_table_into_the_range(images):
    model = Autoencoder(2, network=NETWORKS[0], scaling="minmax", **SETTINGS).fit(50 * images - 7)
    copies = model.reconstruct(50 * images - 7)
    assert copies.min() >= -7 - 1e-3
    assert 1 < copies.max() <= 43 + 1e-3


@pytest.mark.parametrize(("scaling", "scale"), [("center", 1), ("standard", 1), (None, 2)])
def test_rows_outside_of_the_range_are_refused_with_the_fix(scaling, scale, images):
    model = Autoencoder(2, network=NETWORKS[0], scaling=scaling, **SETTINGS)
    with pytest.raises(SettingError, match=r"between 0 and 1 .*, got .* scaling='minmax'"):
        model.fit(scale * images)


@pytest.mark.parametrize("likelihood", ["bernoulli", "continuous-bernoulli"])
def test_a_likelihood_of_logits_is_refused_a_bounded_output(likelihood, images):
    model = VariationalAutoencoder(
        2, network=NETWORKS[0], scaling=None, likelihood=likelihood, **SETTINGS
    )
    with pytest.raises(SettingError, match=r"output must be 'linear' .*, got network="):
        model.fit(images)


def test_an_unknown_output_is_named(images):
    with pytest.raises(ValueError, match="'output' parameter of Dense must be a str among"):
        Autoencoder(2, network=Dense(output="tanh"), **SETTINGS).fit(images)


@pytest.mark.parametrize("network", NETWORKS, ids=["dense", "conv"])
def test_the_model_survives_its_file_and_ignores_the_place_of_a_row(network, images, tmp_path):
    model = VariationalAutoencoder(2, network=network, scaling=None, **SETTINGS).fit(images)
    copies = model.reconstruct(images)
    again = load(model.save(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(again.reconstruct(images), copies)
    np.testing.assert_array_equal(model.reconstruct(images[7:20]), copies[7:20])


def test_training_in_bfloat16_ends_in_float32():
    """0.9999 is no bfloat16: rounded to 1 it would have no gradient."""
    pair = Dense((4,), output="sigmoid").build(3, 1, 1)
    with torch.autocast("cpu", torch.bfloat16):
        output = pair.decoder(torch.zeros(2, 1))
        logit = torch.full((1,), 9.0, dtype=torch.bfloat16)
        assert output.dtype == torch.float32
        assert pair.decoder[-1](logit) < 1
