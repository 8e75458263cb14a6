"""Windows of a series, and means over the windows of a step."""

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from utsushi import AnomalyDetector
from utsushi.datasets import step_means, windows
from utsushi.exceptions import DataError, SettingError

SERIES = np.random.default_rng(0).normal(size=(50, 3))


@pytest.mark.parametrize("stride", [1, 3, 20])
def test_windows_are_those_of_numpy(stride):
    expected = sliding_window_view(SERIES, 7, axis=0)[::stride].transpose(0, 2, 1)
    np.testing.assert_array_equal(
        windows(SERIES, 7, stride=stride), expected.reshape(len(expected), -1)
    )
    assert windows(SERIES[:, 0].astype(np.float32), 7).dtype == np.float32


@pytest.mark.parametrize("stride", [1, 3, 9])
def test_a_step_has_the_mean_of_its_windows(stride):
    values = np.random.default_rng(1).normal(size=(50 - 7) // stride + 1)
    found = step_means(values, 50, 7, stride=stride)
    for step in range(50):
        starts = np.arange(len(values)) * stride
        own = values[(starts <= step) & (step < starts + 7)]
        assert found[step] == pytest.approx(own.mean()) if len(own) else np.isnan(found[step])


def test_an_abnormal_stretch_of_a_series_has_the_lowest_scores():
    steps = np.arange(1200)
    series = np.sin(steps / 8) + 0.1 * np.random.default_rng(0).normal(size=1200)
    series[1000:1020] = series[1000]
    detector = AnomalyDetector().fit(windows(series[:800], 24))
    scores = step_means(detector.score_samples(windows(series[800:], 24)), 400, 24)
    assert 195 <= scores.argmin() < 225


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: windows(SERIES, 51), "length must be at most 50, the number of steps, got 51"),
        (lambda: windows(SERIES, 0), "length must be a positive integer, got 0"),
        (lambda: windows(SERIES, 5, stride=1.5), "stride must be a positive integer, got 1.5"),
        (lambda: windows(SERIES[None], 1), "series must be of shape (n_steps,)"),
        (lambda: step_means([1.0], 50, 7), "values must be of shape (44,)"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(call, message):
    with pytest.raises((SettingError, DataError)) as refused:
        call()
    assert str(refused.value).startswith(message)
