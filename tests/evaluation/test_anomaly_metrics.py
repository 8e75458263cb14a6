"""Figures of merit of scores: exact on cases that fit in the hand."""

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from utsushi.evaluation import anomalies as anomalies_module
from utsushi.evaluation.anomalies import (
    average_precision,
    benjamini_hochberg,
    evaluate_scores,
    false_positive_rate,
    roc_auc,
)
from utsushi.exceptions import DataError, NonFiniteDataError, SettingError

METRICS = pytest.mark.parametrize("metric", [roc_auc, average_precision, false_positive_rate])


@pytest.mark.parametrize(
    ("normal", "anomalies", "auc", "precision", "rate"),
    [
        ([3, 4], [1, 2], 1.0, 1.0, 0.0),
        ([1, 2], [3, 4], 0.0, (1 / 3 + 2 / 4) / 2, 1.0),
        ([3, 2], [1, 2.5], 0.75, (1 + 2 / 3) / 2, 0.5),
        ([1, 1], [1, 1], 0.5, 0.5, 1.0),
        (
            [5, 6, 7, 2],
            [1, 2, 3],
            (4 + 3.5 + 3) / 12,
            (1 + 2 / 3 + 3 / 4) / 3,
            1 / 4,
        ),
    ],
)
def test_the_figures_of_a_few_rows_are_what_the_hand_counts(
    normal, anomalies, auc, precision, rate
):
    assert roc_auc(normal, anomalies).value == pytest.approx(auc)
    assert average_precision(normal, anomalies).value == pytest.approx(precision)
    assert false_positive_rate(normal, anomalies).value == pytest.approx(rate)


def test_the_recall_is_reached_and_no_more():
    anomalies = np.arange(20.0)
    normal = np.array([17.5, 18.5, 19.5, 99.0])
    # 19 of 20 anomalies are at or below 18, and one normal row is.
    assert false_positive_rate(normal, anomalies, recall=0.95).value == 0.25
    assert false_positive_rate(normal, anomalies, recall=0.951).value == 0.5
    assert false_positive_rate(normal, anomalies, recall=0.05).value == 0.0


def test_hanley_and_mcneils_error_is_that_of_their_formula():
    # A = 3/4, m = n = 2: Q1 = 3/5, Q2 = 9/14.
    spread = 3 / 16 + (3 / 5 - 9 / 16) + (9 / 14 - 9 / 16)
    assert roc_auc([3, 2], [1, 2.5]).standard_error == pytest.approx(np.sqrt(spread / 4))


@METRICS
def test_the_standard_error_is_the_spread_over_samples(metric, monkeypatch):
    rng = np.random.default_rng(0)
    samples = [(rng.normal(1.5, 1, 150), rng.normal(0, 1, 100)) for _ in range(100)]
    claimed = np.mean([metric(*sample).standard_error for sample in samples[:3]])
    monkeypatch.setattr(anomalies_module, "BOOTSTRAP_DRAWS", 2)  # only the values count now
    spread = np.std([metric(*sample).value for sample in samples], ddof=1)
    assert claimed == pytest.approx(spread, rel=0.35)


@METRICS
def test_only_the_order_of_the_scores_counts(metric):
    rng = np.random.default_rng(0)
    normal, anomalies = rng.normal(1, 1, 50), rng.normal(0, 1, 30)
    assert metric(np.exp(normal), np.exp(anomalies)) == metric(normal, anomalies)


@METRICS
def test_the_same_scores_give_the_same_estimate(metric):
    assert metric([3, 2, 5], [1, 2.5]) == metric([3, 2, 5], [1, 2.5])


@METRICS
@pytest.mark.parametrize("bad", [[], [[1.0]], 3.0])
def test_what_are_no_scores_of_rows_is_refused(metric, bad):
    with pytest.raises(DataError, match="anomalies must hold one score per sample"):
        metric([1.0], bad)


@METRICS
def test_a_score_that_is_not_finite_is_located(metric):
    with pytest.raises(
        NonFiniteDataError, match="the score of normal must be finite, got NaN at row 1"
    ):
        metric([1.0, np.nan], [0.0])


@pytest.mark.parametrize("recall", [0.0, 1.5])
def test_a_recall_that_is_no_part_is_refused(recall):
    with pytest.raises(SettingError, match=f"recall must be .*, got {recall}"):
        false_positive_rate([1.0], [0.0], recall=recall)


def test_all_figures_come_with_their_counts():
    results = evaluate_scores([3, 2, 5], [1, 2.5])
    assert (results["n_normal"], results["n_anomalies"]) == (3, 2)
    assert results["roc_auc"] == roc_auc([3, 2, 5], [1, 2.5]).to_json()
    assert results["false_positive_rate_at_95_recall"]["n_rows"] == 5


# --- many tests -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("n", [1, 7, 200])
def test_the_selected_samples_are_those_of_scipy(n, rate):
    rng = np.random.default_rng(n)
    p_values = rng.random(n) ** rng.choice([1, 4], n)
    expected = false_discovery_control(p_values) <= rate
    found = benjamini_hochberg(p_values, false_discovery_rate=rate)
    np.testing.assert_array_equal(found, expected)


def test_no_p_values_select_nothing():
    assert benjamini_hochberg([]).shape == (0,)


@pytest.mark.parametrize("p_values", [[[0.1]], [-0.1], [1.1, 0.5], [np.nan]])
def test_what_is_no_p_value_is_refused(p_values, refusal):
    message = refusal(DataError, benjamini_hochberg, p_values)
    assert message.startswith("p_values must be of shape (n_samples,) and within 0 to 1, got")


def test_a_rate_that_is_none_is_refused(refusal):
    message = refusal(SettingError, benjamini_hochberg, [0.1], false_discovery_rate=1.0)
    assert message.startswith("false_discovery_rate must be between 0 and 1, got 1.0")
