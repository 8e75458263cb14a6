"""The affine map of the columns."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from utsushi.transforms.scaling import SCALINGS, Scaling

NAMES = [*SCALINGS, None]
ROWS = arrays(
    np.float64,
    st.tuples(st.integers(2, 8), st.integers(1, 4)),
    elements=st.integers(-1000, 1000).map(lambda n: n / 8),
)
by_name = pytest.mark.parametrize("name", NAMES)


@by_name
@settings(deadline=None)
@given(rows=ROWS)
def test_the_inverse_undoes_the_scaling(name, rows):
    scaling = Scaling.learn(name, rows)
    again = scaling.inverse(scaling.forward(rows), np.float64)
    # float32 keeps 24 bits of a scaled value; scaled values are at most a few scales large.
    size = np.abs(rows - scaling.offset).max() + np.abs(rows).max()
    np.testing.assert_allclose(again, rows, rtol=0, atol=4 * 2.0**-24 * size + 1e-12)


@settings(deadline=None)
@given(ROWS)
def test_the_standard_scaling_is_scikit_learns(rows):
    expected = StandardScaler().fit_transform(rows)
    scaled = Scaling.learn("standard", rows).forward(rows)
    np.testing.assert_allclose(scaled, expected, rtol=1e-6, atol=1e-6)


@settings(deadline=None)
@given(ROWS)
def test_the_minmax_scaling_is_scikit_learns(rows):
    expected = MinMaxScaler().fit_transform(rows)
    scaled = Scaling.learn("minmax", rows).forward(rows)
    np.testing.assert_allclose(scaled, expected, rtol=1e-6, atol=1e-6)


@settings(deadline=None)
@given(ROWS)
def test_centering_removes_the_mean_and_nothing_else(rows):
    scaling = Scaling.learn("center", rows)
    np.testing.assert_allclose(scaling.offset, rows.mean(axis=0), atol=1e-9)
    assert (scaling.scale == 1).all()


def test_no_scaling_leaves_the_values_alone():
    rows = np.array([[0.5, -3.0], [1.5, 2.0]])
    np.testing.assert_array_equal(Scaling.learn(None, rows).forward(rows), rows)


# "unit-length" divides all columns by one number.
@pytest.mark.parametrize("name", [name for name in NAMES if name != "unit-length"])
@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6, -1e-300])
def test_a_constant_column_has_the_scale_one(name, constant):
    rows = np.column_stack([np.full(7, constant), np.arange(7.0)])
    scaling = Scaling.learn(name, rows)
    assert scaling.scale[0] == 1.0
    moved = scaling.forward(rows + 1)[:, 0] - scaling.forward(rows)[:, 0]
    np.testing.assert_allclose(moved, 1.0, rtol=1e-6)


@by_name
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scaled_rows_are_float32_and_the_way_back_is_what_was_asked(name, dtype):
    rows = np.arange(6.0).reshape(3, 2).astype(dtype)
    scaling = Scaling.learn(name, rows)
    assert scaling.forward(rows).dtype == np.float32
    assert scaling.inverse(scaling.forward(rows), dtype).dtype == dtype


def test_the_volume_is_what_a_density_loses():
    scaling = Scaling.learn("standard", np.array([[0.0, 0.0], [2.0, 20.0]]))
    assert scaling.log_volume == pytest.approx(np.log(1.0 * 10.0))


def test_scaling_does_not_write_into_the_rows():
    rows = np.arange(6.0, dtype=np.float32).reshape(3, 2)
    for name in NAMES:
        Scaling.learn(name, rows).forward(rows)[:] = -1
    np.testing.assert_array_equal(rows, np.arange(6.0).reshape(3, 2))


def test_roundings_larger_than_one_are_the_unit_of_a_column():
    """Seconds since 1970 as float32 step by 128: nothing within that says anything."""
    seconds = (1.6e9 + np.random.default_rng(0).normal(0, 100, 50)).astype(np.float32)
    scaled = Scaling.learn("standard", seconds[:, None]).forward(seconds[:, None])
    assert np.abs(scaled).max() < 1
