"""Images of known factors: what is drawn is what the factors say."""

import numpy as np
import pytest

from utsushi.datasets import make_factors
from utsushi.exceptions import SettingError

SHAPE, SCALE, ROTATION, HORIZONTAL, VERTICAL = range(5)


@pytest.fixture(scope="module")
def drawn():
    return make_factors(3000, random_state=0)


def moments(X, size=32):
    """Return the area and the centre of each image, lengths in halves of an image."""
    pixel = (np.arange(size) + 0.5) / size * 2 - 1
    images = X.reshape(-1, size, size).astype(np.float64)
    mass = images.sum(axis=(1, 2))
    right = images.sum(axis=1) @ pixel / mass
    down = images.sum(axis=2) @ pixel / mass
    return mass * (2 / size) ** 2, right, down


def test_the_images_have_the_documented_shapes_types_and_range(drawn):
    assert (drawn.X.shape, drawn.X.dtype) == ((3000, 1024), np.float32)
    assert (drawn.factors.shape, drawn.factors.dtype) == ((3000, 5), np.float64)
    assert (drawn.X.min(), drawn.X.max()) == (0, 1)
    assert drawn.image_shape == (32, 32)
    assert drawn.names == ("shape", "scale", "rotation", "horizontal", "vertical")
    assert drawn.categorical == (SHAPE,)


def test_each_factor_takes_as_many_values_as_documented(drawn):
    assert [len(np.unique(column)) for column in drawn.factors.T] == [3, 6, 20, 16, 16]


def test_the_factors_are_independent(drawn):
    correlation = np.corrcoef(drawn.factors.T) - np.eye(5)
    assert np.abs(correlation).max() < 4 / np.sqrt(3000)


def test_the_centre_of_an_image_is_its_position(drawn):
    _, right, down = moments(drawn.X)
    np.testing.assert_allclose(right, drawn.factors[:, HORIZONTAL], atol=0.01)
    np.testing.assert_allclose(down, drawn.factors[:, VERTICAL], atol=0.01)


def test_the_area_of_an_image_is_its_scale_whatever_the_shape(drawn):
    area, _, _ = moments(drawn.X)
    for shape in range(3):
        rows = drawn.factors[:, SHAPE] == shape
        np.testing.assert_allclose(
            area[rows], (0.55 * drawn.factors[rows, SCALE]) ** 2, rtol=0.06, atol=0
        )


def test_an_ellipse_is_turned_by_its_rotation():
    ellipses = make_factors(2000, size=64, random_state=1)
    rows = ellipses.factors[:, SHAPE] == 1
    images = ellipses.X[rows].reshape(-1, 64, 64).astype(np.float64)
    pixel = (np.arange(64) + 0.5) / 32 - 1
    x, y = np.meshgrid(pixel, pixel)
    _, right, down = moments(ellipses.X[rows], 64)
    dx, dy = x - right[:, None, None], y - down[:, None, None]
    xx, xy, yy = ((images * a * b).sum(axis=(1, 2)) for a, b in ((dx, dx), (dx, dy), (dy, dy)))
    turned = np.rad2deg(0.5 * np.arctan2(2 * xy, xx - yy))
    np.testing.assert_allclose(turned, ellipses.factors[rows, ROTATION], atol=1.5)


def test_every_shape_is_whole(drawn):
    images = drawn.X.reshape(-1, 32, 32)
    assert max(images[:, 0].max(), images[:, -1].max()) < 0.6
    assert max(images[..., 0].max(), images[..., -1].max()) < 0.6


def test_different_factors_give_different_images(drawn):
    _, first = np.unique(drawn.factors, axis=0, return_index=True)
    assert len(np.unique(drawn.X[first], axis=0)) == len(first)


def test_edges_are_smooth(drawn):
    grey = (drawn.X > 0) & (drawn.X < 1)
    assert grey.any(axis=1).mean() > 0.95


def test_a_seed_decides_the_images():
    first, again, other = (make_factors(50, random_state=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.X, again.X)
    assert (first.factors != other.factors).any()


def test_the_size_does_not_change_the_factors():
    small, large = (make_factors(50, size=size, random_state=0) for size in (16, 48))
    assert large.X.shape == (50, 48 * 48)
    np.testing.assert_array_equal(small.factors, large.factors)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"n_samples": 0}, ("n_samples", "0")),
        ({"n_samples": 2.5}, ("n_samples", "2.5")),
        ({"size": 7}, ("size", "7")),
        ({"random_state": -1}, ("random_state", "-1")),
    ],
)
def test_an_impossible_setting_is_named(settings, named, refusal):
    message = refusal(SettingError, make_factors, **settings)
    assert message.startswith(named[0])
    assert named[1] in message
