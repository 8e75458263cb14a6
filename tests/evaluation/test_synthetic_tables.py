"""What is measured of a synthetic table, on tables for which it is known."""

import json
import math
from datetime import date

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.stats import ks_2samp, spearmanr

from utsushi.evaluation import associations, evaluate_synthetic, independent_columns, roc_auc
from utsushi.evaluation import tables as module
from utsushi.evaluation.frames import Field, read_tables
from utsushi.exceptions import DataError, NonFiniteDataError, SettingError


def people(n, seed):
    """Rows whose columns depend on each other, with gaps in numbers and categories."""
    draws = np.random.default_rng(seed)
    age = draws.uniform(18, 80, n)
    town = np.where(draws.random(n) < age / 100, "Kobe", "Oslo").astype(object)
    income = np.exp(draws.normal(8 + age / 40, 0.4))
    frame = pd.DataFrame(
        {
            "age": age,
            "income": income,
            "joined": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.rint(age) * 5, "D"),
            "town": town,
            "rich": income > 12_000,
        }
    )
    frame.loc[draws.random(n) < 0.1, "income"] = np.nan
    frame.loc[draws.random(n) < 0.1, "town"] = None
    return frame


@pytest.fixture(scope="module", autouse=True)
def few_trees():
    """Small forests and few folds: what they learn is not what is tested here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "N_TREES", 25)
        patch.setattr(module, "N_FOLDS", 3)
        yield


@pytest.fixture(scope="module")
def train():
    return people(500, 0)


@pytest.fixture(scope="module")
def test():
    return people(400, 1)


@pytest.fixture(scope="module")
def found(train, test):
    return evaluate_synthetic(people(500, 2), train, test, target="rich")


# --- the floor ------------------------------------------------------------------------------------


def test_training_rows_as_synthetic_rows_have_the_floor(train, test):
    figures = evaluate_synthetic(train, train, test, target="rich")
    for name in ("column_error", "pair_error", "real_or_synthetic", "target_roc_auc"):
        assert figures[name]["value"] == figures[name]["floor"]["value"]
    for column in figures["columns"].values():
        assert column["value"] == column["floor"]
    for pair in figures["pairs"]:
        assert pair["value"] == pair["floor"]


def test_a_table_has_no_distance_to_itself(train):
    figures = evaluate_synthetic(train, train)
    assert figures["column_error"]["value"] == figures["pair_error"]["value"] == 0
    assert figures["column_error"]["floor"] is None
    assert figures["n_test"] is None
    assert "share_near_training_row" not in figures
    assert figures["copied_rows"]["value"] == 1


def test_other_rows_of_the_same_kind_are_near_the_floor(found):
    for name in ("column_error", "pair_error", "real_or_synthetic", "target_roc_auc"):
        figure = found[name]
        error = math.hypot(figure["standard_error"], figure["floor"]["standard_error"])
        assert abs(figure["value"] - figure["floor"]["value"]) < 4 * error
    assert found["copied_rows"]["value"] == 0
    assert found["share_near_training_row"]["value"] < 0.05


def test_shuffled_columns_are_right_alone_and_wrong_in_pairs(train, test):
    figures = evaluate_synthetic(independent_columns(train, len(train)), train, test)
    assert figures["column_error"]["value"] == pytest.approx(
        figures["column_error"]["floor"]["value"]
    )
    pairs = figures["pair_error"]
    assert pairs["value"] == pytest.approx(pairs["independent"]["value"], rel=0.1)
    assert pairs["value"] > 3 * pairs["floor"]["value"]
    assert figures["real_or_synthetic"]["value"] > 0.9


def test_the_copula_is_between_independence_and_the_floor(found):
    pairs = found["pair_error"]
    assert pairs["floor"]["value"] < 1.5 * pairs["copula"]["value"]
    assert pairs["copula"]["value"] < 0.5 * pairs["independent"]["value"]
    areas = found["real_or_synthetic"]
    assert areas["copula"]["value"] < areas["independent"]["value"]
    targets = found["target_roc_auc"]
    assert targets["floor"]["value"] > targets["copula"]["value"] > 0.7
    assert targets["independent"]["value"] < 0.7


# --- columns and pairs ----------------------------------------------------------------------------


def test_the_error_of_a_number_is_scipys_ks_distance(found, test):
    synthetic = people(500, 2)
    for name in ("age", "income"):
        a, b = (frame[name].dropna() for frame in (synthetic, test))
        assert found["columns"][name]["value"] == pytest.approx(ks_2samp(a, b).statistic)
        assert found["columns"][name]["metric"] == "ks"
    missing = abs(synthetic["income"].isna().mean() - test["income"].isna().mean())
    assert found["columns"]["income"]["missing"] == pytest.approx(missing)


def test_the_error_of_a_category_is_its_total_variation(found, test):
    counts = [
        frame["town"].fillna("-").value_counts(normalize=True) for frame in (people(500, 2), test)
    ]
    expected = counts[0].sub(counts[1], fill_value=0).abs().sum() / 2
    assert found["columns"]["town"]["value"] == pytest.approx(expected)
    assert found["columns"]["town"]["metric"] == "total_variation"


def test_total_variation_by_hand():
    real = pd.DataFrame({"a": ["x"] * 10 + ["y"] * 6 + [None] * 4})
    made = pd.DataFrame({"a": ["x"] * 5 + ["y"] * 6 + [None] * 4 + ["new"] * 5})
    figures = evaluate_synthetic(made, real)
    assert figures["columns"]["a"]["value"] == pytest.approx(0.25)
    assert "pair_error" not in figures
    assert figures["pairs"] == []


def test_gaps_of_numbers_count():
    values = np.arange(20.0)
    half = np.where(values % 2 == 0, np.nan, values)
    figures = evaluate_synthetic(pd.DataFrame({"a": half}), pd.DataFrame({"a": values}))
    assert figures["columns"]["a"]["value"] == figures["columns"]["a"]["missing"] == 0.5
    empty = pd.DataFrame({"a": np.full(20, np.nan)})
    assert evaluate_synthetic(empty, pd.DataFrame({"a": values}))["columns"]["a"]["value"] == 1
    assert evaluate_synthetic(empty, empty)["columns"]["a"]["value"] == 0


def test_the_error_of_two_numbers_is_that_of_spearmans_correlation(found, test):
    synthetic = people(500, 2)
    pair = next(pair for pair in found["pairs"] if pair["columns"] == ["age", "joined"])
    rho = [spearmanr(f["age"], f["joined"].astype("int64")).statistic for f in (synthetic, test)]
    assert pair["value"] == pytest.approx(abs(rho[0] - rho[1]))
    assert pair["metric"] == "spearman"


def test_spearmans_correlation_of_columns_with_gaps_is_over_rows_with_both():
    X = np.random.default_rng(0).normal(size=(400, 3)) @ np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1]])
    np.testing.assert_allclose(module._spearman(X), spearmanr(X).statistic)
    X[:50, 0] = np.nan
    X[30:100, 1] = np.nan
    kept = ~np.isnan(X[:, :2]).any(axis=1)
    # Ranks among all present values differ a little from those among the common rows.
    expected = spearmanr(X[kept, 0], X[kept, 1]).statistic
    assert module._spearman(X)[0, 1] == pytest.approx(expected, abs=0.02)
    assert module._spearman(np.column_stack([X[:, 2], np.ones(400)]))[0, 1] == 0


def test_the_error_of_two_categories_is_that_of_their_contingency_table():
    real = pd.DataFrame({"a": [False] * 10 + [True] * 10, "b": ["x"] * 10 + ["y"] * 10})
    made = pd.DataFrame({"a": [False, True] * 10, "b": ["x"] * 10 + ["y"] * 10})
    (pair,) = evaluate_synthetic(made, real)["pairs"]
    # Two cells of 1/2 each against four cells of 1/4 each.
    assert pair["value"] == pytest.approx(0.5)
    assert pair["metric"] == "total_variation"


def test_the_error_of_a_number_and_a_category_is_that_of_the_mean_ranks():
    real = pd.DataFrame({"a": [0.0] * 10 + [1.0] * 10, "b": ["x"] * 10 + ["y"] * 10})
    made = pd.DataFrame({"a": [0.0, 1.0] * 10, "b": ["x"] * 10 + ["y"] * 10})
    reverse = real.assign(a=1 - real["a"])
    # Standardized ranks are -1 and 1: mean ranks -1 and 1 against 0 and 0, and against 1 and -1.
    for synthetic, expected in ((real, 0), (made, 1), (reverse, 2)):
        (pair,) = evaluate_synthetic(synthetic, real)["pairs"]
        assert pair["value"] == pytest.approx(expected, abs=1e-12)
        assert pair["metric"] == "mean_rank"


def test_without_a_dependence_the_error_is_the_correlation_ratio():
    draws = np.random.default_rng(0)
    town = draws.choice(["Bonn", "Kobe", "Oslo"], 3000)
    income = draws.normal(size=3000) + (town == "Bonn")
    real = pd.DataFrame({"income": income, "town": town})
    figures = evaluate_synthetic(independent_columns(real, 3000), real)
    assert figures["pairs"][0]["value"] == pytest.approx(associations(real)[0, 1], abs=0.03)


def test_many_categories_are_paired_in_part():
    """The rarest are one, so that a table of one row per category has no error by chance alone."""
    names = [f"n{i}" for i in range(40)]
    real = pd.DataFrame({"a": np.repeat(names, 10), "b": np.tile(["x", "y"], 200)})
    other = real.assign(a=real["a"].replace("n39", "n38"))
    (pair,) = evaluate_synthetic(other, real)["pairs"]
    assert pair["value"] == 0
    assert evaluate_synthetic(other, real)["columns"]["a"]["value"] == pytest.approx(1 / 40)


def test_many_columns_are_paired_in_part():
    draws = np.random.default_rng(0)
    names = [f"c{i}" for i in range(module.MOST_PAIRED_COLUMNS + 5)]
    frames = [pd.DataFrame(draws.normal(size=(25, len(names))), columns=names) for _ in range(2)]
    figures = evaluate_synthetic(*frames)
    n = module.MOST_PAIRED_COLUMNS
    assert len(figures["pairs"]) == n * (n - 1) // 2
    assert len(figures["columns"]) == len(names)


# --- learners -------------------------------------------------------------------------------------


def test_tables_without_a_common_value_are_told_apart(train, test):
    other = train.assign(age=train["age"] + 1000)
    assert evaluate_synthetic(other, train, test)["real_or_synthetic"]["value"] == 1


def test_a_number_as_target_has_r2(train, test):
    figure = evaluate_synthetic(train, train, test, target="joined")["target_r2"]
    # A function of the age, but for the steps of trees.
    assert figure["floor"]["value"] > 0.95
    assert figure["independent"]["value"] < 0.1


def test_from_rows_without_a_target_nothing_is_learned(train, test):
    number = evaluate_synthetic(train.assign(age=np.nan), train, test, target="age")
    assert number["target_r2"]["value"] == pytest.approx(0)
    category = evaluate_synthetic(train.assign(rich=None), train, test, target="rich")
    assert category["target_roc_auc"]["value"] == 0.5


def test_a_number_with_two_values_is_a_class(train, test, found):
    frames = [f.assign(rich=f["rich"].astype(int)) for f in (people(500, 2), train, test)]
    figure = evaluate_synthetic(*frames, target="rich")["target_roc_auc"]
    assert figure["value"] == pytest.approx(found["target_roc_auc"]["value"])


def test_several_classes_have_the_mean_of_one_against_the_others():
    draws = np.random.default_rng(0)
    X = draws.normal(size=(400, 2))
    frame = pd.DataFrame(X, columns=["a", "b"]).assign(
        y=np.select([X[:, 0] > 0.5, X[:, 1] > 0.5], ["p", "q"], "r")
    )
    without = frame[:200][frame[:200]["y"] != "p"]
    figure = evaluate_synthetic(without, frame[:200], frame[200:], target="y")["target_roc_auc"]
    assert figure["standard_error"] is None
    assert figure["floor"]["value"] > 0.95
    assert figure["value"] < 0.9  # of p it can only guess
    one = frame[:200].assign(y="r")
    constant = evaluate_synthetic(one, frame[:200], frame[200:], target="y")["target_roc_auc"]
    assert constant["value"] == 0.5


def test_more_categories_than_gradient_boosting_takes_are_measured():
    draws = np.random.default_rng(0)
    frames = [
        pd.DataFrame({"a": draws.integers(600, size=900).astype(str), "b": draws.random(900)})
        for _ in range(2)
    ]
    figures = evaluate_synthetic(*frames)
    assert figures["real_or_synthetic"]["value"] == pytest.approx(0.5, abs=0.1)


# --- privacy --------------------------------------------------------------------------------------


def test_copies_of_training_rows_are_found(train, test):
    some = pd.concat([train[:100], people(300, 2)], ignore_index=True)
    figures = evaluate_synthetic(some, train, test)
    assert figures["copied_rows"]["value"] == 0.25
    assert figures["copied_rows"]["floor"]["value"] == 0
    assert figures["share_near_training_row"]["value"] >= 0.25
    copies = evaluate_synthetic(train, train, test)
    assert copies["nearest_training_row"]["value"] == 0
    assert copies["nearest_training_row"]["floor"]["value"] > 0
    assert copies["share_near_training_row"]["value"] == 1


def test_rows_with_a_little_noise_are_near_and_no_copies(train, test):
    noisy = train.assign(income=train["income"] * 1.0001, age=train["age"] + 1e-3)
    figures = evaluate_synthetic(noisy, train, test)
    assert figures["copied_rows"]["value"] == 0
    assert figures["share_near_training_row"]["value"] > 0.9
    nearest = figures["nearest_training_row"]
    assert nearest["value"] < 0.1 * nearest["floor"]["value"]


def test_distances_by_hand():
    known = np.array([[0.0, 0], [2, 0], [0, 1], [2, np.nan]])
    comparison = module._Comparison([Field("a"), Field("b", ("x", "y"))], known, known, 0)
    points = comparison.embedded(np.array([[0.0, 0], [2, 1], [np.nan, 0], [1, np.nan]]))

    def distance(i, j):
        return np.linalg.norm(points[i] - points[j])

    # The standard deviation is 1, the mean 1.
    assert distance(0, 1) == pytest.approx(math.sqrt(2**2 + 1))
    assert distance(0, 2) == pytest.approx(math.sqrt(1**2 + 1))  # a gap is at the mean, plus one
    assert distance(1, 3) == pytest.approx(math.sqrt(1**2 + 1))


# --- the library of the frame ---------------------------------------------------------------------


def test_pandas_and_polars_have_the_same_numbers(train, test, found):
    frames = [pl.from_pandas(frame) for frame in (people(500, 2), train, test)]
    assert json.dumps(evaluate_synthetic(*frames, target="rich")) == json.dumps(found)
    mixed = evaluate_synthetic(frames[0], train, frames[2], target="rich")
    assert json.dumps(mixed) == json.dumps(found)
    np.testing.assert_allclose(associations(frames[0]), associations(people(500, 2)))


def test_the_order_of_the_columns_changes_nothing(train, test, found):
    other = people(500, 2)[["town", "rich", "income", "joined", "age"]]
    assert json.dumps(evaluate_synthetic(other, train, test, target="rich")) == json.dumps(found)


def test_a_seed_decides_everything(train, test, found):
    again = evaluate_synthetic(people(500, 2), train, test, target="rich")
    assert json.dumps(again) == json.dumps(found)
    other = evaluate_synthetic(people(500, 2), train, test, target="rich", random_state=1)
    assert other["column_error"]["value"] == found["column_error"]["value"]
    assert other["real_or_synthetic"]["value"] != found["real_or_synthetic"]["value"]


def test_more_rows_than_can_be_compared_are_chosen(monkeypatch, train, test):
    monkeypatch.setattr(module, "MOST_ROWS", 100)
    monkeypatch.setattr(module, "MOST_DISTANT_ROWS", 50)
    figures = evaluate_synthetic(train, train, test)
    assert figures["nearest_training_row"]["n_rows"] == 50
    assert figures["nearest_training_row"]["floor"]["n_rows"] == 50
    assert figures["n_compared"] == figures["column_error"]["n_rows"] == 100
    assert figures["n_synthetic"] == 500


# --- reading --------------------------------------------------------------------------------------


def test_every_kind_of_column_is_a_number_or_a_category():
    frame = pd.DataFrame(
        {
            "integer": pd.array([1, None, 3], dtype="Int64"),
            "float": [0.5, np.nan, -1.0],
            "day": [date(1970, 1, 3), None, date(1970, 1, 1)],
            "time": pd.to_datetime(["1970-01-01 12:00", None, "1970-01-02 00:00"], utc=True),
            "took": pd.to_timedelta([1.5, None, 0], "D"),
            "truth": [True, None, False],
            "boolean": [False, True, False],
            "text": ["b", None, "a"],
            "code": pd.Categorical([7, None, 5]),
            "size": pd.Categorical(["L", None, "S"], categories=["S", "M", "L"], ordered=True),
            "empty": [None] * 3,
        }
    )
    expected = {
        "integer": [1, np.nan, 3],
        "float": [0.5, np.nan, -1],
        "day": [2, np.nan, 0],
        "time": [0.5, np.nan, 1],
        "took": [1.5, np.nan, 0],
        "truth": [1, np.nan, 0],
        "boolean": [0, 1, 0],
        "text": [1, np.nan, 0],
        "code": [1, np.nan, 0],
        "size": [2, np.nan, 0],
        "empty": [np.nan] * 3,
    }
    sizes = pl.Enum(["S", "M", "L"])
    other = pl.from_pandas(frame.drop(columns="code")).with_columns(pl.col("size").cast(sizes))
    for table in (frame, other):
        fields, matrices = read_tables({"train": table})
        for field, column in zip(fields, matrices["train"].T, strict=True):
            np.testing.assert_array_equal(column, expected[field.name], err_msg=field.name)
        categories = {field.name for field in fields if not field.is_number}
        assert categories - {"code"} == {"empty", "truth", "boolean", "text", "size"}


def test_categories_are_those_of_all_tables():
    fields, matrices = read_tables(
        {"train": pd.DataFrame({"a": ["y", "x"]}), "synthetic": pd.DataFrame({"a": ["z", None]})}
    )
    assert fields == [Field("a", ("x", "y", "z"))]
    np.testing.assert_array_equal(matrices["synthetic"][:, 0], [2, np.nan])


def test_a_boolean_may_come_back_as_a_number():
    tables = {"train": pd.DataFrame({"a": [True, False]}), "made": pl.DataFrame({"a": [1, 0]})}
    fields, matrices = read_tables(tables)
    assert fields[0].categories == (False, True)
    np.testing.assert_array_equal(matrices["made"], matrices["train"])


# --- associations ---------------------------------------------------------------------------------


def test_associations_by_hand():
    frame = pd.DataFrame(
        {
            "number": [1.0, 2, 3, 4],
            "reverse": [4.0, 3, 2, 1],
            "half": ["a", "a", "b", "b"],
            "same": ["p", "p", "q", "q"],
            "other": ["a", "b", "a", "b"],
            "constant": ["c"] * 4,
        }
    )
    matrix = pd.DataFrame(associations(frame), index=frame.columns, columns=frame.columns)
    assert (np.diag(matrix) == 1).all()
    assert matrix.loc["number", "reverse"] == pytest.approx(-1)
    # Means of ranks 1.5 and 3.5: 4 of a variance of 5.
    assert matrix.loc["number", "half"] == pytest.approx(math.sqrt(4 / 5))
    assert matrix.loc["half", "same"] == pytest.approx(1)
    assert matrix.loc["half", "other"] == pytest.approx(0)
    assert (matrix.loc["constant"].drop("constant") == 0).all()


# --- errors ---------------------------------------------------------------------------------------


def test_tables_that_do_not_fit_are_named(train, test, refusal):
    def message(error, *tables, **options):
        return refusal(error, evaluate_synthetic, *tables, **options)

    assert "synthetic must be a DataFrame" in message(DataError, np.ones((30, 2)), train)
    assert "got NoneType" in message(DataError, train, None)
    assert "collect" in message(DataError, pl.from_pandas(train).lazy(), train)
    less = message(DataError, train.drop(columns="age"), train)
    assert "synthetic" in less
    assert "'age'" in less
    assert "Did you mean its column 'ages'" in message(
        DataError, train.rename(columns={"age": "ages"}), train
    )
    assert "'more'" in message(DataError, train, train, test.assign(more=1))
    assert "got 19" in message(DataError, train[:19], train)
    text = message(DataError, train.assign(age="old"), train)
    assert "column 'age' of synthetic" in text
    lists = message(DataError, train, train.assign(age=[[1]] * len(train)))
    assert "column 'age' of train" in lists
    assert "inf" in message(NonFiniteDataError, train.assign(age=np.inf), train)
    twice = train.set_axis(["a", "a", "b", "c", "d"], axis=1)
    assert "'a' twice" in message(DataError, twice, twice)


def test_targets_that_cannot_be_predicted_are_named(train, test, refusal):
    def message(error, *tables, target):
        return refusal(error, evaluate_synthetic, *tables, target=target)

    assert "'ag'" in message(SettingError, train, train, test, target="ag")
    assert "test" in message(SettingError, train, train, target="rich")
    constant = train.assign(rich=True)
    assert "'rich' with 1" in message(SettingError, constant, constant, constant, target="rich")
    assert "test must hold" in message(
        DataError, train, train, test.assign(rich=True), target="rich"
    )
    alone = [frame[["rich"]] for frame in (train, train, test)]
    assert "alone" in message(SettingError, *alone, target="rich")


def test_the_area_of_a_pair_is_that_of_scores(found):
    """The classifier's figure is a mean of areas under the ROC curve, with their errors."""
    area = roc_auc(np.arange(133), np.arange(133))  # of a third of 400 rows
    error = found["real_or_synthetic"]["standard_error"]
    assert error == pytest.approx(area.standard_error / math.sqrt(3), rel=0.05)
