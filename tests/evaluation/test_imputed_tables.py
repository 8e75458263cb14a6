"""What is measured of imputed values, on tables for which it is known."""

import json
import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import norm, t

from utsushi.evaluation import evaluate_imputation
from utsushi.exceptions import DataError, SettingError


def gaussian(n=4000, seed=0):
    """A standard normal column with half of the values hidden, and draws of what it is."""
    draws = np.random.default_rng(seed)
    x = draws.normal(size=n)
    hidden = np.arange(n) % 2 == 0
    gaps = np.where(hidden, np.nan, x)
    return draws, x, hidden, gaps


def table(x, **more):
    return pd.DataFrame({"a": x, **more})


def filled(gaps, values):
    return np.where(np.isnan(gaps), values, gaps)


# --- errors of values -----------------------------------------------------------------------------


def test_errors_by_hand():
    original = pd.DataFrame(
        {"a": [0.0, 2.0, 4.0, 6.0, np.nan], "b": ["x", "y", "x", None, "y"], "c": [True] * 5}
    )
    with_gaps = pd.DataFrame(
        {
            "a": [0.0, np.nan, np.nan, 6.0, np.nan],
            "b": [None, "y", "x", None, None],
            "c": [True] * 5,
        }
    )
    imputed = pd.DataFrame(
        {"a": [0.0, 3.0, 6.0, 6.0, 9.0], "b": ["y", "y", "x", "x", "y"], "c": [True] * 5}
    )
    found = evaluate_imputation(original, with_gaps, imputed)
    deviation = math.sqrt(5)
    assert found["nrmse"]["value"] == pytest.approx(math.sqrt((1 + 4) / 2) / deviation)
    # The mean of what is known is 3.
    assert found["nrmse"]["baseline"]["value"] == pytest.approx(1 / deviation)
    assert found["accuracy"]["value"] == 0.5
    assert found["accuracy"]["baseline"]["value"] == 0.5
    assert set(found["columns"]) == {"a", "b"}
    assert found["n_hidden"] == 4
    assert (found["level"], found["n_draws"]) == (None, 0)
    assert "coverage" not in found


def test_exact_values_have_no_error():
    _, x, _, gaps = gaussian()
    found = evaluate_imputation(table(x), table(gaps), table(x))
    assert found["nrmse"]["value"] == 0
    assert found["nrmse"]["standard_error"] == 0
    json.dumps(found, allow_nan=False)


def test_the_mean_has_an_error_of_one():
    _, x, _, gaps = gaussian()
    found = evaluate_imputation(table(x), table(gaps), table(filled(gaps, np.nanmean(gaps))))
    assert found["nrmse"]["value"] == found["nrmse"]["baseline"]["value"]
    assert found["nrmse"]["value"] == pytest.approx(1, abs=0.05)


def test_units_and_dates_change_nothing():
    draws, x, _, gaps = gaussian(400)
    guess = filled(gaps, draws.normal(size=400))

    def dates(values):
        return pd.Timestamp("2024-01-01") + pd.to_timedelta(values * 86_400, "s").round("us")

    plain = evaluate_imputation(table(x), table(gaps), table(guess))
    other = evaluate_imputation(*(table(dates(v)) for v in (x, gaps, guess)))
    assert other["nrmse"]["value"] == pytest.approx(plain["nrmse"]["value"])


def test_the_standard_error_is_that_of_repetitions():
    errors, values = [], []
    for seed in range(200):
        draws, x, _, gaps = gaussian(200, seed)
        guess = filled(gaps, 0.5 * x + 0.5 * draws.normal(size=200))
        figure = evaluate_imputation(table(x), table(gaps), table(guess))["nrmse"]
        values.append(figure["value"])
        errors.append(figure["standard_error"])
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.25)


def test_the_values_of_a_row_are_counted_once():
    """Ten equal columns say no more than one: the standard error is the same."""
    draws, x, _, gaps = gaussian(400)
    guess = filled(gaps, draws.normal(size=400))
    once = evaluate_imputation(table(x), table(gaps), table(guess))["nrmse"]
    frames = [pd.DataFrame({f"c{i}": v for i in range(10)}) for v in (x, gaps, guess)]
    often = evaluate_imputation(*frames)["nrmse"]
    assert often["standard_error"] == pytest.approx(once["standard_error"])
    assert often["n_rows"] == once["n_rows"] == 200


# --- draws ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_draws", "level"), [(19, 0.9), (20, 0.9), (50, 0.9), (40, 0.5)])
def test_draws_from_the_distribution_itself_cover_what_they_should(n_draws, level):
    draws, x, _, gaps = gaussian()
    frames = [table(filled(gaps, draws.normal(size=len(x)))) for _ in range(n_draws)]
    found = evaluate_imputation(table(x), table(gaps), frames[0], frames, level=level)
    coverage = found["coverage"]
    assert coverage["standard_error"] == pytest.approx(
        math.sqrt(level * (1 - level) / 2000), rel=0.2
    )
    assert abs(coverage["value"] - level) < 4 * coverage["standard_error"]
    assert found["n_draws"] == n_draws


def test_the_width_and_the_density_are_those_of_the_normal_distribution():
    draws, x, _, gaps = gaussian()
    n_draws = 400
    frames = [table(filled(gaps, draws.normal(size=len(x)))) for _ in range(n_draws)]
    found = evaluate_imputation(table(x), table(gaps), frames[0], frames)
    width = 2 * norm.ppf(0.95) / x.std()
    assert found["width"]["value"] == pytest.approx(width, rel=0.02)
    hidden = x[np.isnan(gaps)]
    expected = norm.logpdf(hidden).mean() + math.log(x.std())  # of the standardized value
    assert found["log_density"]["value"] == pytest.approx(expected, abs=0.02)


def test_the_log_density_is_students():
    draws, x, hidden, gaps = gaussian(40)
    frames = [table(filled(gaps, draws.normal(size=40))) for _ in range(20)]
    found = evaluate_imputation(table(x), table(gaps), frames[0], frames)
    values = np.stack([frame["a"][hidden] for frame in frames])
    scale = values.std(axis=0, ddof=1) * math.sqrt(1 + 1 / 20)
    expected = t.logpdf((x[hidden] - values.mean(axis=0)) / scale, 19) - np.log(scale / x.std())
    assert found["log_density"]["value"] == pytest.approx(expected.mean())


def test_draws_that_are_too_sure_cover_too_little():
    draws, x, _, gaps = gaussian()
    frames = [table(filled(gaps, 0.1 * draws.normal(size=len(x)))) for _ in range(20)]
    found = evaluate_imputation(table(x), table(gaps), frames[0], frames)
    assert found["coverage"]["value"] < 0.2
    assert found["log_density"]["value"] < -3


def test_equal_draws_have_no_density():
    _, x, _, gaps = gaussian(40)
    frames = [table(filled(gaps, 0.0))] * 19
    found = evaluate_imputation(table(x), table(gaps), frames[0], frames)
    assert "log_density" not in found
    assert found["coverage"]["value"] == 0


# --- the library of the frame, and errors ---------------------------------------------------------


def test_pandas_and_polars_have_the_same_numbers():
    draws, x, hidden, gaps = gaussian(200)
    town = draws.choice(["Bonn", "Kobe"], 200).astype(object)
    frames = [
        table(x, town=town),
        table(gaps, town=np.where(hidden, None, town)),
        table(filled(gaps, 0.0), town="Kobe"),
    ]
    several = [table(filled(gaps, draws.normal(size=200)), town="Bonn") for _ in range(19)]
    one = evaluate_imputation(*frames, several)
    two = evaluate_imputation(*map(pl.from_pandas, frames), [*map(pl.from_pandas, several)])
    assert json.dumps(one, allow_nan=False) == json.dumps(two, allow_nan=False)
    assert one["accuracy"]["value"] == np.mean(town[hidden] == "Kobe")


def test_tables_that_do_not_belong_together_are_named(refusal):
    _, x, _, gaps = gaussian(40)
    full, hollow, guess = table(x), table(gaps), table(filled(gaps, 0.0))

    def message(*tables, error=DataError, **options):
        return refusal(error, evaluate_imputation, *tables, **options)

    assert "got 39" in message(full, hollow, guess[:39])
    assert "got none" in message(full, full, guess)
    assert "row 0, column 'a'" in message(full, hollow[::-1], guess)
    assert "imputed must have a value" in message(full, hollow, hollow)
    assert "draws[1] must have a value" in message(full, hollow, guess, [guess, hollow] * 10)
    assert "got 18" in message(full, hollow, guess, [guess] * 18, error=SettingError)
    assert "level" in message(full, hollow, guess, error=SettingError, level=90)
    assert "imputed must be" in message(full, hollow, None)
