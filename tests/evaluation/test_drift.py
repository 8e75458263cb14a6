"""Drift: Kolmogorov-Smirnov statistics, and which columns have moved."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from utsushi.evaluation import drift
from utsushi.exceptions import DataError


def samples(seed, shift=0.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(300, 4)), rng.normal(size=(200, 4)) + np.array([0, 0, shift, 0])


def test_statistics_are_scipys_and_ordered():
    before, after = samples(0, shift=0.5)
    found = drift(before, after, names=list("abcd"))
    for column in found:
        place = "abcd".index(column.name)
        expected = ks_2samp(before[:, place], after[:, place], method="asymp")
        assert (column.statistic, column.p_value) == (expected.statistic, expected.pvalue)
    assert [c.statistic for c in found] == sorted((c.statistic for c in found), reverse=True)


def test_the_column_that_moved_is_found_and_others_are_not():
    moved = [
        [c.name for c in drift(*samples(seed, shift=1.0)) if c.has_moved] for seed in range(20)
    ]
    assert sum(names == ["x2"] for names in moved) >= 18
    still = [c.has_moved for seed in range(50) for c in drift(*samples(seed))]
    assert np.mean(still) <= 0.02


def test_missing_values_are_left_out_and_scores_are_one_column():
    before, after = samples(0)
    gaps = before.copy()
    gaps[::2, 1] = np.nan
    expected = drift(before[1::2, 1], after[:, 1])[0].statistic
    found = {c.name: c.statistic for c in drift(gaps, after)}
    assert found["x1"] == expected


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"new": np.ones((3, 2))}, "reference and new must have the same columns"),
        ({"names": ["a"]}, "names must name 4 columns, got 1 names"),
        ({"new": np.full((3, 4), np.nan)}, "column 'x0' must have a value"),
    ],
)
def test_samples_that_do_not_compare_are_refused(more, message, refusal):
    said = refusal(DataError, drift, samples(0)[0], **({"new": samples(0)[1]} | more))
    assert said.startswith(message)
