"""Convolutional networks: sizes come back exactly, and a row depends on itself alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from utsushi import Autoencoder, VariationalAutoencoder, datasets, load
from utsushi._utils.seeds import generator
from utsushi.evaluation import pca_errors, reconstruction_error
from utsushi.exceptions import SettingError
from utsushi.networks import Conv, default_channels, initialize

SHAPES = [(28, 28), (79, 79), (3, 32, 64), (1, 8, 8), (5, 7), (1, 1), (3, 2, 9)]
BOTH = pytest.mark.parametrize("estimator", [Autoencoder, VariationalAutoencoder])
SMALL = {"n_components": 3, "hidden": (16,), "image_shape": (8, 8)}
DIGITS = datasets.load_digits8x8()


def built(image_shape, channels=(4, 8), hidden=(16,), n_outputs=2):
    n_features = int(np.prod(image_shape))
    pair = Conv(channels, hidden).build(n_features, 2, n_outputs, image_shape=image_shape)
    initialize(pair, generator(0))
    return pair


def fitted(estimator, **settings):
    model = estimator(**SMALL, network=Conv((4, 8)), max_epochs=2, random_state=0, **settings)
    return model.fit(DIGITS.X_train)


@pytest.mark.parametrize("image_shape", SHAPES, ids=str)
def test_sizes_come_back_exactly(image_shape):
    pair = built(image_shape)
    rows = torch.rand(2, int(np.prod(image_shape)), generator=generator(1))
    assert pair.decoder(pair.encoder(rows)).shape == rows.shape


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 3), st.integers(1, 4))
def test_sizes_come_back_exactly_whatever_they_are(height, width, n_channels, n_layers):
    pair = built((n_channels, height, width), channels=(2,) * n_layers)
    assert pair.decoder(torch.zeros(1, 2)).shape == (1, n_channels * height * width)


def test_every_parameter_gets_a_gradient():
    pair = built((5, 7))
    pair.decoder(pair.encoder(torch.rand(4, 35, generator=generator(1)))).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in pair.parameters())


def test_without_dense_layers_the_convolutions_lead_to_the_code():
    pair = built((8, 8), hidden=())
    assert pair.encoder(torch.zeros(1, 64)).shape == (1, 2)


def test_a_pixel_is_seen_where_it_stands():
    # The first convolution must see rows as images in C order: (channel, height, width).
    pair = built((2, 3, 4))
    row = torch.zeros(1, 24)
    row[0, 1 * 12 + 2 * 4 + 3] = 1.0
    assert pair.encoder[0](row)[0, 1, 2, 3] == 1.0


@BOTH
def test_a_rows_result_does_not_depend_on_its_place(estimator):
    model, X = fitted(estimator), np.tile(DIGITS.X_test, (2, 1))
    reference = model.score_samples(X)
    np.testing.assert_array_equal(model.score_samples(X[::-1]), reference[::-1])
    for n_rows in (1, 31, 33, 511):
        part = slice(5, 5 + n_rows)
        np.testing.assert_array_equal(model.score_samples(X[part]), reference[part])


@BOTH
def test_a_model_survives_its_file(estimator, tmp_path):
    model = fitted(estimator)
    again, X = load(model.save(tmp_path / "model")), DIGITS.X_test
    np.testing.assert_array_equal(again.score_samples(X), model.score_samples(X))


def test_channels_and_layers_survive_the_models_file(tmp_path):
    network = Conv(channels=(2,), hidden=(5,))
    model = Autoencoder(3, image_shape=(8, 8), network=network, max_epochs=1)
    again = load(model.fit(DIGITS.X_train).save(tmp_path / "model"))
    assert [m.out_channels for m in again.module_.modules() if hasattr(m, "out_channels")] == [2, 1]


def test_one_number_is_one_convolution():
    def channels(pair):
        return [m.out_channels for m in pair.modules() if hasattr(m, "out_channels")]

    assert channels(built((8, 8), channels=3)) == channels(built((8, 8), channels=(3,))) == [3, 1]


def test_convolutions_learn_a_better_code_than_pca():
    settings = SMALL | {"network": Conv((16, 32)), "hidden": (64,)}
    model = Autoencoder(**settings, max_epochs=30, random_state=0)
    model.fit(DIGITS.X_train)
    pca = pca_errors(DIGITS.X_train, DIGITS.X_test, [3])[3]
    assert reconstruction_error(model, DIGITS.X_test).value < 0.8 * pca.value


def test_an_image_shape_is_needed():
    model = Autoencoder(2, network="conv", max_epochs=1)
    with pytest.raises(SettingError, match=r"image_shape must be .* for network='conv', got None"):
        model.fit(DIGITS.X_train)


@pytest.mark.parametrize("channels", [(), (0,), (-3,), (1.5,), ("a",)], ids=str)
def test_channels_that_cannot_be_are_named(channels):
    with pytest.raises(SettingError, match="channels="):
        built((8, 8), channels=channels)


# --- what the shape of the images decides -------------------------------------------------------


@settings(deadline=None)
@given(st.integers(1, 300), st.integers(1, 300))
def test_by_default_no_side_stays_longer_than_seven_pixels(height, width):
    channels = default_channels((3, height, width))
    shapes = Conv(channels).sized(3 * height * width, 10, image_shape=(3, height, width))
    longest = max(height, width)
    for _ in channels:
        longest = (longest + 1) // 2
    assert longest <= 7
    assert shapes.channels == channels
    assert len(channels) == 1 or (max(height, width) - 1) >> (len(channels) - 1) >= 7


@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 64, 64), (3, 128, 128)], ids=str)
def test_a_default_model_takes_less_than_ten_megabytes(shape):
    n_features = int(np.prod(shape))
    pair = (
        Conv()
        .sized(n_features, 3000, image_shape=shape)
        .build(n_features, 32, 64, image_shape=shape)
    )
    assert sum(4 * p.numel() for p in pair.parameters()) < 10e6


def test_what_passes_through_many_layers_keeps_its_size():
    shape = (3, 64, 64)
    network = Conv().sized(12288, 100, image_shape=shape)
    sizes = {}
    for initialization in ("normal", "uniform"):
        pair = network.build(12288, 32, 32, image_shape=shape)
        initialize(pair, generator(0), initialization)
        rows = torch.randn(8, 12288, generator=generator(1))
        with torch.no_grad():
            sizes[initialization] = pair.decoder(pair.encoder(rows)).std().item()
    assert 0.03 < sizes["normal"] < 3
    assert sizes["uniform"] < 0.25 * sizes["normal"]
