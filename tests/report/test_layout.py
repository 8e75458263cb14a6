"""The layout of codes keeps neighbors together."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from utsushi.report.layout import LEAST_CODES, layout_of

RNG = np.random.default_rng(0)


def groups(n, size=6, n_groups=5):
    """Codes in groups that are far apart, and the group of each."""
    labels = np.arange(n) % n_groups
    return 8 * RNG.normal(size=(n_groups, size))[labels] + RNG.normal(size=(n, size)), labels


def test_neighbors_stay_neighbors():
    codes, labels = groups(200)
    places = layout_of(codes)
    assert places.shape == (200, 2)
    assert np.abs(places).max() == pytest.approx(1)
    nearest = NearestNeighbors(n_neighbors=4).fit(places).kneighbors(places)[1][:, 1:]
    assert (labels[nearest] == labels[:, None]).mean() > 0.97


def test_the_layout_is_deterministic_and_leaves_the_global_generator_alone():
    codes, _ = groups(80)
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    np.testing.assert_array_equal(layout_of(codes), layout_of(codes))
    np.testing.assert_array_equal(np.random.get_state()[1], before)  # noqa: NPY002


def test_equal_codes_have_equal_places():
    codes = np.repeat(RNG.normal(size=(30, 4)), 5, axis=0)
    places = layout_of(codes).reshape(30, 5, 2)
    np.testing.assert_array_equal(places, np.broadcast_to(places[:, :1], places.shape))


@pytest.mark.parametrize(
    "codes",
    [
        RNG.normal(size=(100, 1)),
        RNG.normal(size=(100, 2)),
        RNG.normal(size=(LEAST_CODES - 1, 5)),
        np.ones((100, 5)),
        np.repeat(RNG.normal(size=(4, 5)), 30, axis=0),
    ],
)
def test_without_a_layout_the_plane_is_the_map(codes):
    assert layout_of(codes) is None


def test_the_fewest_codes_have_a_layout():
    places = layout_of(RNG.normal(size=(LEAST_CODES, 3)))
    assert np.isfinite(places).all()
    assert len(np.unique(places, axis=0)) == LEAST_CODES
