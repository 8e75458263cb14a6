"""The described layers, run by themselves, are the network."""

import numpy as np
import pytest
import torch
from torch import nn

from utsushi.exceptions import SettingError
from utsushi.networks import Conv, Dense, initialize
from utsushi.report.layers import layers_of
from utsushi.report.tensors import Blob

ACTIVATIONS = ["relu", "gelu", "silu", "elu", "tanh"]


@pytest.fixture(autouse=True)
def _all_weights_are_rounded(monkeypatch):
    monkeypatch.setattr("utsushi.report.tensors.MOST_EXACT_WEIGHTS", 0)


def rows_of(n_rows, n_features):
    return torch.randn(n_rows, n_features, generator=torch.Generator().manual_seed(1))


def described(module, x):
    """Return the layers, the blob, and what torch makes of ``x`` with the rounded weights."""
    blob = Blob()
    layers = layers_of(module, blob)
    encoded = blob.encoded()
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() > 1:
                parameter.copy_(parameter.half().float())
        return layers, encoded, module(x).numpy()


def pair_of(network, n_features, image_shape=None):
    network.set_params(hidden=(12,))
    pair = network.build(n_features, 3, 3, image_shape=image_shape)
    initialize(pair, torch.Generator().manual_seed(0))
    return pair.arrange_for_inference()


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_dense_layers_are_the_network(run_layers, activation, side):
    module = getattr(pair_of(Dense(activation=activation, output="sigmoid"), 20), side)
    x = rows_of(100, 20 if side == "encoder" else 3)
    layers, encoded, expected = described(module, x)
    found = run_layers(layers, encoded, x.double().numpy())
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("image_shape", [(8, 8), (1, 5, 7), (3, 6, 9)])
@pytest.mark.parametrize("side", ["encoder", "decoder"])
def test_convolutions_are_the_network(run_layers, image_shape, side):
    n_features = int(np.prod(image_shape))
    network = Conv(channels=(4, 6), activation="gelu")
    module = getattr(pair_of(network, n_features, image_shape), side)
    x = rows_of(20, n_features if side == "encoder" else 3)
    layers, encoded, expected = described(module, x)
    found = run_layers(layers, encoded, x.double().numpy())
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_convolution_says_its_shapes():
    decoder = pair_of(Conv(channels=(4, 6)), 35, (5, 7)).decoder
    shapes = [(la["input"], la["output"]) for la in layers_of(decoder, Blob()) if "input" in la]
    assert shapes == [([6, 2, 2], [4, 3, 4]), ([4, 3, 4], [1, 5, 7])]


class Doubled(nn.ReLU):
    """No ReLU, although it is one."""


@pytest.mark.parametrize(
    "layer",
    [
        nn.Dropout(),
        Doubled(),
        nn.ELU(alpha=2.0),
        nn.GELU(approximate="tanh"),
        nn.Conv2d(1, 1, 3),  # of rows that are no images
        nn.Sequential(nn.Unflatten(1, (2, 4, 4)), nn.Conv2d(2, 2, 3, groups=2)),
        nn.Sequential(nn.Unflatten(1, (1, 4, 4)), nn.Conv2d(1, 1, (3, 5))),
        nn.Sequential(nn.Unflatten(1, (1, 4, 4)), nn.Linear(4, 4)),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_a_layer_that_a_page_cannot_run_is_named(refusal, layer):
    last = list(layer)[-1] if isinstance(layer, nn.Sequential) else layer
    message = refusal(SettingError, layers_of, nn.Sequential(layer), Blob())
    assert message.startswith("network must be made of Linear, ")
    assert message.endswith(f", got {type(last).__name__}.")
