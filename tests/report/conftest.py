"""What a page's script does with the data, in NumPy."""

import base64
import zlib
from itertools import product

import numpy as np
import pytest
from scipy.special import erf

from utsushi import Autoencoder, VariationalAutoencoder, datasets

ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: 0.5 * x * (1 + erf(x / np.sqrt(2))),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


def read(encoded, reference):
    """Return a tensor by its reference."""
    content = zlib.decompress(base64.b64decode(encoded))
    kind = np.dtype(reference["dtype"]).newbyteorder("<")
    count = int(np.prod(reference["shape"]))
    found = np.frombuffer(content, kind, count, reference["offset"])
    return found.reshape(reference["shape"])


def run(layers, encoded, x):
    """Return what layers make of rows, in float64 with the rounded weights."""
    for layer in layers:
        if layer["type"] in ACTIVATIONS:
            x = ACTIVATIONS[layer["type"]](x)
            continue
        weight = read(encoded, layer["weight"]).astype(float)
        bias = read(encoded, layer["bias"]).astype(float)
        if layer["type"] == "linear":
            x = x @ weight.T + bias
        else:
            image = x.reshape(len(x), *layer["input"])
            convolve = _conv if layer["type"] == "conv" else _conv_transpose
            x = convolve(image, weight, layer) + bias[:, None, None]
            x = x.reshape(len(x), -1)
    return x


def _conv(image, weight, layer):
    stride, padding, size = layer["stride"], layer["padding"], weight.shape[2]
    padded = np.pad(image, [(0, 0), (0, 0), (padding,) * 2, (padding,) * 2])
    out = np.zeros((len(image), *layer["output"]))
    for i, j in product(*map(range, layer["output"][1:])):
        i0, j0 = i * stride, j * stride
        window = padded[:, :, i0 : i0 + size, j0 : j0 + size]
        out[:, :, i, j] = np.einsum("ncij,ocij->no", window, weight)
    return out


def _conv_transpose(image, weight, layer):
    stride, padding, size = layer["stride"], layer["padding"], weight.shape[2]
    channels, *sizes = layer["output"]
    out = np.zeros((len(image), channels, *(n + 2 * padding + size for n in sizes)))
    for i, j in product(*map(range, layer["input"][1:])):
        i0, j0 = i * stride, j * stride
        spread = np.einsum("nc,coij->noij", image[:, :, i, j], weight)
        out[:, :, i0 : i0 + size, j0 : j0 + size] += spread
    return out[:, :, padding : padding + sizes[0], padding : padding + sizes[1]]


@pytest.fixture(name="read")
def read_function():
    return read


@pytest.fixture(name="run_layers")
def run_function():
    return run


@pytest.fixture(scope="session")
def digits():
    return datasets.load_digits8x8()


@pytest.fixture(scope="session")
def ae(digits):
    model = Autoencoder(3, hidden=(24,), image_shape=(8, 8), max_epochs=5, random_state=0)
    return model.fit(digits.X_train)


@pytest.fixture(scope="session")
def vae(digits):
    model = VariationalAutoencoder(
        3, hidden=(24,), image_shape=(8, 8), scaling="standard", max_epochs=5, random_state=0
    )
    return model.fit(digits.X_train)
