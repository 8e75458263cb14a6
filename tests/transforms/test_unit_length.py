"""The scaling by one number."""

import numpy as np
import pytest

from utsushi.transforms.scaling import Scaling


def test_the_mean_squared_length_is_one_and_directions_stay():
    rows = np.random.default_rng(0).normal(3, [1.0, 5.0, 0.1], (50, 3))
    scaling = Scaling.learn("unit-length", rows)
    scaled = scaling.forward(rows).astype(np.float64)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(np.square(scaled).sum(axis=1).mean(), 1, rtol=1e-6)
    assert np.ptp(scaling.scale) == 0


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e6])
def test_a_constant_column_has_the_scale_of_the_others(constant):
    rows = np.column_stack([np.full(7, constant), np.arange(7.0)])
    np.testing.assert_allclose(Scaling.learn("unit-length", rows).scale, 2.0)


def test_equal_rows_are_not_divided_by_zero():
    assert (Scaling.learn("unit-length", np.full((4, 2), 0.1)).scale == 1).all()
