"""Which rows a page carries, and that they come back."""

import numpy as np
import pytest

from utsushi.report.embedded_samples import Sample, samples_of, stored

RNG = np.random.default_rng(0)


def sample(n_rows, n_features=4):
    rows = np.arange(n_rows * n_features, dtype=np.float32).reshape(n_rows, n_features)
    return Sample.of(rows, rows, rows[:, 0])


@pytest.mark.parametrize("divisor", [255, 1, 16])
def test_whole_numbers_over_a_divisor_take_a_byte_and_come_back_bit_for_bit(divisor):
    whole = np.arange(256).reshape(16, 16)
    rows = (whole / np.float32(divisor)).astype(np.float32)
    values, found = stored(rows, images=True)
    assert (values.dtype, found) == (np.uint8, divisor)
    np.testing.assert_array_equal(values / np.float32(found), rows)


@pytest.mark.parametrize("rows", [[[0.1, 0.2]], [[-1.0, 1.0]], [[1.0, 256.0]], [[0.5, 300.0]]])
def test_other_rows_of_a_table_keep_their_digits(rows):
    values, divisor = stored(np.array(rows), images=False)
    assert divisor is None
    np.testing.assert_array_equal(values, np.array(rows, np.float32))


def test_other_pixels_are_halves_unless_these_end_too_early():
    assert stored(np.array([[0.1, 0.7]]), images=True)[0].dtype == np.float16
    assert stored(np.array([[0.1, 1e5]]), images=True)[0].dtype == np.float32


def test_many_rows_are_a_sample_in_their_order_with_their_labels():
    test, train = samples_of(sample(3000), sample(9000), images=False)
    assert (len(test.rows), len(train.rows)) == (1000, 4000)
    assert (test.n_total, train.n_total) == (3000, 9000)
    assert (np.diff(test.rows[:, 0]) > 0).all()
    np.testing.assert_array_equal(test.labels, test.rows[:, 0])


def test_few_rows_are_all_carried():
    rows = sample(7)
    np.testing.assert_array_equal(samples_of(rows, None, images=False)[0].rows, rows.rows)


@pytest.mark.parametrize(
    ("budget", "sizes"), [(20_000, (1000, 1000)), (12_000, (500, 500)), (1, (200, 500))]
)
def test_large_rows_are_fewer_training_rows_first(budget, sizes):
    rows = RNG.integers(0, 256, (6000, 8)) / np.float32(255)
    some = Sample.of(rows, rows, None)
    test, train = samples_of(some, some, images=True, budget=budget)
    assert (len(test.rows), len(train.rows)) == sizes


def test_fewer_rows_are_some_of_the_more():
    few, more = sample(1000).draw(10), sample(1000).draw(20)
    assert set(few.rows[:, 0]) < set(more.rows[:, 0])
