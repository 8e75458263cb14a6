"""Augmentation: what it does to images, and that only training rows see it."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage

from utsushi import Autoencoder, Recipe, VariationalAutoencoder, datasets, load
from utsushi.exceptions import DataError, SettingError
from utsushi.transforms.augmentation import Affine, Binarize

DIGITS = datasets.load_digits8x8()
SMALL = {"n_components": 3, "hidden": (16,), "max_epochs": 2, "random_state": 0}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def smooth_images(n=20, height=24, width=32):
    noise = np.random.default_rng(0).random((n, height, width))
    return ndimage.gaussian_filter(noise, (0, 2, 2)).astype(np.float32)


def test_without_moves_images_stay_as_they_are():
    images = smooth_images()
    rows = torch.from_numpy(images.reshape(20, -1))
    still = Affine(rotation=0, scale=0, shift=0, probability=1)(rows, (24, 32), seeded())
    np.testing.assert_allclose(still, rows, atol=1e-6)


def test_the_probability_is_that_of_a_row_being_moved():
    rows = torch.from_numpy(smooth_images(400).reshape(400, -1))
    moved = (Affine(probability=0.25)(rows, (24, 32), seeded()) != rows).any(dim=1)
    assert 0.17 < moved.float().mean() < 0.33
    assert torch.equal(Affine(probability=0)(rows, (24, 32), seeded()), rows)


@pytest.mark.parametrize("shape", [(24, 32), (3, 8, 32)])
def test_an_image_keeps_its_shape_and_its_channels_move_alike(shape):
    rows = torch.from_numpy(smooth_images().reshape(20, -1))
    if len(shape) == 3:
        rows = rows.view(20, 3, -1)[:, :1].expand(20, 3, 256).reshape(20, -1)
    moved = Affine(probability=1)(rows, shape, seeded())
    assert moved.shape == rows.shape
    if len(shape) == 3:
        channels = moved.view(20, 3, -1)
        assert torch.equal(channels[:, 0], channels[:, 2])


def test_a_rotation_is_one_of_pixels_and_not_of_the_unit_square():
    """In an oblong image too, by an angle within the bound: against scipy's rotation."""
    image = smooth_images(1)[0]
    affine = Affine(rotation=30, scale=0, shift=0, probability=1)
    moved = affine(torch.from_numpy(image.reshape(1, -1)), (24, 32), seeded(3))[0].view(24, 32)
    angle = (2 * torch.rand((1, 5), generator=seeded(3))[0, 1].item() - 1) * 30
    turned = min(
        (
            ndimage.rotate(image, sign * angle, reshape=False, order=1, mode="nearest")
            for sign in (1, -1)
        ),
        key=lambda candidate: np.abs(candidate - moved.numpy()).max(),
    )
    assert abs(angle) > 3
    np.testing.assert_allclose(moved[4:-4, 4:-4], turned[4:-4, 4:-4], atol=0.01)


def test_a_shift_is_at_most_so_many_pixels():
    ramp = torch.arange(32.0).expand(500, 24, 32).reshape(500, -1)
    moved = Affine(rotation=0, scale=0, shift=0.5, probability=1)(ramp, (24, 32), seeded())
    by = (moved - ramp).view(500, 24, 32)[:, 5, 10]
    assert 0.45 < by.abs().max() <= 0.5 + 1e-4


def test_zeros_and_ones_have_the_greys_as_probabilities():
    greys = torch.tensor([0.0, 0.2, 0.9, 1.0]).expand(20_000, 4)
    drawn = Binarize()(greys, None, seeded())
    assert set(drawn.unique().tolist()) == {0.0, 1.0}
    np.testing.assert_allclose(drawn.mean(dim=0), greys[0], atol=0.02)


def test_training_sees_other_rows_at_each_step_and_the_same_by_seed():
    models = [
        Autoencoder(**SMALL, augment=augment, image_shape=(8, 8)).fit(DIGITS.X_train)
        for augment in ("affine", Affine(), None)
    ]
    codes = [model.transform(DIGITS.X_test) for model in models]
    np.testing.assert_array_equal(codes[0], codes[1])
    assert not np.array_equal(codes[0], codes[2])


def test_held_out_rows_are_not_augmented():
    recipe = Recipe(learning_rate=1e-12)
    settings = {**SMALL, "max_epochs": 1, "recipe": recipe, "image_shape": (8, 8)}
    plain, augmented = (
        Autoencoder(**settings, augment=augment)
        .fit(DIGITS.X_train, validation_data=DIGITS.X_test)
        .history_[0]
        for augment in (None, Affine(rotation=90, probability=1))
    )
    name = "validation_objective"
    assert augmented[name] == pytest.approx(plain[name], rel=1e-5)
    assert augmented["objective"] != pytest.approx(plain["objective"], rel=1e-2)


def test_an_augmentation_is_kept_in_the_model_file(tmp_path):
    model = VariationalAutoencoder(
        **SMALL, augment=Affine(rotation=3), image_shape=(8, 8), scaling="standard"
    ).fit(DIGITS.X_train)
    again = load(model.save(tmp_path / "model.safetensors"))
    assert again.augment.get_params() == model.augment.get_params()


def test_rows_that_are_no_images_cannot_be_moved():
    with pytest.raises(SettingError, match=r"image_shape must be set .*got None"):
        Autoencoder(**SMALL, augment="affine").fit(DIGITS.X_train)


@pytest.mark.parametrize("setting", [{"rotation": -1}, {"scale": 1.0}, {"probability": 2}])
def test_moves_out_of_range_are_refused(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        Autoencoder(**SMALL, augment=Affine(**setting), image_shape=(8, 8)).fit(DIGITS.X_train)


def test_angles_are_in_degrees():
    maps = Affine(rotation=90, scale=0, shift=0)._maps(torch.tensor([[1.0, 0, 0, 0]]), 8, 8)
    np.testing.assert_allclose(maps[0, 1, 0], math.sin(math.pi / 2), atol=1e-6)


def test_the_moves_do_not_depend_on_the_callers_default_dtype():
    rows = torch.rand(50, 64, generator=seeded())
    expected = Affine()(rows, (8, 8), seeded(1))
    torch.set_default_dtype(torch.float64)
    try:
        assert torch.equal(Affine()(rows, (8, 8), seeded(1)), expected)
    finally:
        torch.set_default_dtype(torch.float32)


def test_only_probabilities_are_binarized():
    with pytest.raises(DataError, match="probabilities from 0 to 1"):
        Autoencoder(**SMALL, augment="binarize").fit(DIGITS.X_train * 16)
