"""The Gaussian copula on tables whose dependence is known, and what its samples keep."""

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import norm

from utsushi.evaluation import GaussianCopula, independent_columns
from utsushi.evaluation.frames import read_tables
from utsushi.exceptions import DataError, SettingError

RNG = np.random.default_rng(0)


def latent(correlation, n=20_000, seed=0):
    return np.random.default_rng(seed).multivariate_normal(
        np.zeros(len(correlation)), correlation, n
    )


CORRELATION = np.array([[1.0, 0.7, -0.4], [0.7, 1.0, 0.1], [-0.4, 0.1, 1.0]])


def mixed(n=300, seed=0):
    draws = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": draws.integers(18, 80, n),
            "income": np.exp(draws.normal(10, 1, n)),
            "joined": pd.Timestamp("2024-01-01") + pd.to_timedelta(draws.integers(0, 400, n), "D"),
            "town": draws.choice(["Bonn", "Kobe", "Oslo"], n),
            "married": draws.random(n) < 0.4,
            "size": pd.Categorical(
                draws.choice(["S", "M", "L"], n), categories=["S", "M", "L"], ordered=True
            ),
        }
    )
    frame.loc[frame["age"] > 60, "income"] = np.nan
    frame.loc[::7, "town"] = None
    return frame


def test_columns_of_a_gaussian_copula_have_its_correlations_again():
    z = latent(CORRELATION)
    table = pd.DataFrame({"a": np.exp(z[:, 0]), "b": z[:, 1] ** 3, "c": norm.cdf(z[:, 2])})
    copula = GaussianCopula().fit(table)
    # Four standard errors of a correlation of 20,000 rows.
    np.testing.assert_allclose(copula.correlation_, CORRELATION, atol=4 / math.sqrt(20_000))
    drawn = copula.sample(20_000, random_state=1)
    given, found = (frame.corr("spearman").to_numpy() for frame in (table, drawn))
    np.testing.assert_allclose(found, given, atol=0.03)


@pytest.mark.parametrize("rho", [-0.9, -0.3, 0.0, 0.5, 0.9])
def test_the_correlation_behind_categories_is_not_attenuated(rho):
    """Thresholds of correlated normal numbers: their tetrachoric correlation is known."""
    z = latent(np.array([[1, rho], [rho, 1]]), n=50_000)
    table = pd.DataFrame({"a": z[:, 0] > 1.0, "b": np.where(z[:, 1] > -0.3, "y", "n")})
    assert GaussianCopula().fit(table).correlation_[0, 1] == pytest.approx(rho, abs=0.04)
    half = pd.DataFrame({"a": z[:, 0], "b": z[:, 1] > 0.5})
    assert GaussianCopula().fit(half).correlation_[0, 1] == pytest.approx(rho, abs=0.03)


def test_the_scores_of_a_median_split_are_those_of_the_half_normal_distribution():
    copula = GaussianCopula().fit(pd.DataFrame({"a": [False, True] * 50}))
    (steps,) = copula._columns
    expected = math.sqrt(2 / math.pi)  # E |Z|
    np.testing.assert_allclose(np.unique(steps.scores), [-expected, expected])
    assert steps.coefficients[0] == pytest.approx(2 / math.pi)
    # By the parity of sign(Z), and E[sign(Z) (Z^3 - 3Z)] = -sqrt(2 / pi).
    np.testing.assert_allclose(steps.coefficients[[1, 3]], 0, atol=1e-12)
    assert steps.coefficients[2] == pytest.approx(-2 / math.pi / math.sqrt(6))


def test_samples_keep_the_types_and_the_shares_of_each_column():
    table = mixed(2000)
    drawn = GaussianCopula().fit(table).sample(2000, random_state=0)
    assert (drawn.dtypes == table.dtypes).all()
    assert list(drawn.index) == list(range(2000))
    assert drawn["size"].cat.ordered
    for name in table:
        assert set(drawn[name].dropna()) <= set(table[name].dropna())
        assert drawn[name].isna().mean() == pytest.approx(table[name].isna().mean(), abs=0.04)
    for name in ("town", "size", "married"):
        given, found = (frame[name].value_counts(normalize=True) for frame in (table, drawn))
        np.testing.assert_allclose(found.reindex(given.index), given, atol=0.04)


def test_gaps_depend_on_other_columns_as_in_the_table():
    table = mixed(3000)  # whose income is missing above 60
    drawn = GaussianCopula().fit(table).sample(3000, random_state=0)
    shares = drawn["income"].isna().groupby(drawn["age"] > 60).mean()
    assert shares[True] > 0.8
    assert shares[False] < 0.1


def test_gaps_that_depend_on_the_other_column_make_no_correlation():
    """Of two independent columns, each is missing where the other is positive."""
    a, b = np.random.default_rng(0).normal(size=(2, 20_000))
    table = pd.DataFrame({"a": np.where(b > 0, np.nan, a), "b": np.where(a > 0, np.nan, b)})
    assert GaussianCopula().fit(table).correlation_[0, 1] == pytest.approx(0, abs=0.05)


def test_pandas_and_polars_have_the_same_samples():
    table = mixed().drop(columns="size")
    one = GaussianCopula().fit(table).sample(50, random_state=3)
    two = GaussianCopula().fit(pl.from_pandas(table)).sample(50, random_state=3)
    assert isinstance(two, pl.DataFrame)
    _, read = read_tables({"one": one, "two": two})
    np.testing.assert_array_equal(read["one"], read["two"])


def test_a_seed_decides_the_samples():
    copula = GaussianCopula().fit(mixed())
    first, again, other = (copula.sample(20, random_state=seed) for seed in (0, 0, 1))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_constant_and_empty_columns_are_drawn_as_they_are():
    table = pd.DataFrame({"a": [1.0] * 5, "b": [None] * 5, "c": [1.0, 2.0, 3.0, 4.0, 5.0]})
    drawn = GaussianCopula().fit(table).sample(8)
    assert (drawn["a"] == 1).all()
    assert drawn["b"].isna().all()
    assert set(drawn["c"]) <= set(table["c"])


def test_dependent_columns_more_than_rows_have_a_correlation_matrix():
    table = pd.DataFrame(RNG.normal(size=(6, 12)), columns=[f"c{i}" for i in range(12)])
    values = np.linalg.eigvalsh(GaussianCopula().fit(table).correlation_)
    assert values.min() > -1e-9


def test_independent_columns_are_the_columns_in_other_orders():
    table = mixed(200)
    drawn = independent_columns(table, 200, random_state=0)
    assert (drawn.dtypes == table.dtypes).all()
    for name in table:
        assert sorted(map(str, drawn[name])) == sorted(map(str, table[name]))
    assert not drawn["age"].equals(table["age"])
    assert len(independent_columns(pl.from_pandas(table), 500)) == 500


def test_what_cannot_be_drawn_is_named(refusal):
    copula = GaussianCopula().fit(mixed())
    assert "n must be" in refusal(SettingError, copula.sample, 0)
    assert "at least one row" in refusal(DataError, GaussianCopula().fit, mixed().iloc[:0])
    assert "ndarray" in refusal(DataError, GaussianCopula().fit, np.ones((3, 2)))
