"""TableAutoencoder: from data frame to data frame."""

import datetime
import json

import numpy as np
import pandas
import polars
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from utsushi import TableAutoencoder, load
from utsushi.estimators.model_file import parameters_to_json, unfitted
from utsushi.exceptions import DataError, ModelFileError, SettingError
from utsushi.training import Recipe

N_ROWS = 1500


def table(seed=0, n_rows=N_ROWS):
    """Return a table of every kind of column; ``town`` decides the others but ``age``."""
    rng = np.random.default_rng(seed)
    town = rng.integers(0, 3, n_rows)
    frame = pandas.DataFrame(
        {
            "age": rng.integers(18, 90, n_rows),
            "income": np.where(
                rng.random(n_rows) < 0.4, 0, np.exp(town + rng.normal(0, 0.5, n_rows))
            ),
            "town": np.array(["Kobe", "Oslo", "Rome"])[town],
            "member": rng.random(n_rows) < (town + 1) / 4,
            "rooms": rng.integers(1, 4, n_rows) + town,
            "since": pandas.Timestamp("2020-01-01") + pandas.to_timedelta(100 * town, "D"),
            "id": np.arange(n_rows) + 1000,
            "same": "x",
        }
    )
    frame["price"] = np.round(10.0 * town + rng.normal(0, 1, n_rows), 2)
    frame.loc[rng.random(n_rows) < 0.1, "town"] = None
    frame.loc[rng.random(n_rows) < 0.2, "price"] = np.nan
    return frame


FRAME = table()


@pytest.fixture(scope="module")
def model():
    return TableAutoencoder(random_state=0).fit(FRAME)


def test_the_schema_is_found_and_printed(model):
    assert str(model.codec_).splitlines() == [
        "age: number, integers",
        "income: number",
        "town: category of 3 values, with gaps",
        "member: truth",
        "rooms: category of 5 values",
        "since: datetime",
        "id: identifier, left out",
        "same: constant, left out",
        "price: number, with gaps",
    ]


def test_each_choice_can_be_overridden():
    kinds = {"rooms": "count", "age": "category", "id": "number", "same": "identifier"}
    fitted = TableAutoencoder(2, kinds=kinds, max_epochs=1, random_state=0).fit(FRAME)
    found = {column.name: column.kind for column in fitted.codec_.columns}
    assert found["rooms"] == "count"
    assert found["age"] == "category"
    assert found["id"] == "number"
    sampled = fitted.sample(50, random_state=0)
    assert (sampled["rooms"] >= 0).all()
    # A mean count is rounded, not cut off.
    where = next(w for c, w in fitted.codec_.slices() if c.name == "rooms")
    means = fitted.autoencoder_.reconstruct(fitted._encode(FRAME))[:, where.start]
    assert (means % 1 > 0.5).any()
    np.testing.assert_array_equal(fitted.reconstruct(FRAME)["rooms"], np.rint(means))
    assert set(sampled["age"]) <= set(FRAME["age"])


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        ({"nothing": "number"}, "kinds must name columns among .*, got 'nothing'"),
        ({"age": "integer"}, "the kind of column 'age' must be one of .*, got 'integer'"),
        ({"town": "number"}, "the kind of column 'town' must be 'category' .*, got 'number'"),
    ],
)
def test_impossible_kinds_are_refused(kinds, message):
    with pytest.raises(SettingError, match=message):
        TableAutoencoder(kinds=kinds).fit(FRAME)


def test_samples_keep_dtypes_values_and_ranges(model):
    sampled = model.sample(N_ROWS, random_state=0)
    assert list(sampled.columns) == [c for c in FRAME.columns if c != "id"]
    for name in ("age", "rooms", "member", "income", "price"):
        assert sampled[name].dtype == FRAME[name].dtype
    assert set(sampled["town"].dropna()) <= {"Kobe", "Oslo", "Rome"}
    assert sampled["age"].between(18, 89).all()
    assert sampled["price"].dropna().between(FRAME["price"].min(), FRAME["price"].max()).all()
    np.testing.assert_array_equal(sampled["price"], sampled["price"].round(2))
    assert (sampled["same"] == "x").all()


def test_each_column_of_samples_is_distributed_as_the_training_data(model):
    sampled, other = model.sample(N_ROWS, random_state=1), table(seed=1)
    for name in ("age", "income", "price"):
        distance = stats.ks_2samp(sampled[name].dropna(), other[name].dropna()).statistic
        assert distance < 0.07
    for name in ("town", "member", "rooms"):
        shares = [frame[name].value_counts(normalize=True) for frame in (sampled, other)]
        assert shares[0].sub(shares[1], fill_value=0).abs().sum() < 0.12
    gaps = sampled.isna().mean()
    assert gaps["town"] == pytest.approx(0.1, abs=0.04)
    assert gaps["price"] == pytest.approx(0.2, abs=0.05)


def test_columns_of_samples_depend_on_each_other(model):
    sampled = model.sample(N_ROWS, random_state=2)
    means = sampled.groupby("town")["price"].mean()
    assert (means["Kobe"], means["Oslo"], means["Rome"]) == pytest.approx((0, 10, 20), abs=2)


def test_samples_with_given_values_follow_from_them(model):
    given = model.sample(300, given={"town": "Rome"}, random_state=0)
    assert (given["town"] == "Rome").all()
    assert given["price"].mean() == pytest.approx(20, abs=2)
    back = model.sample(300, given={"price": 0.0, "since": datetime.date(2020, 1, 1)})
    assert (back["town"].dropna() == "Kobe").mean() > 0.9
    with pytest.raises(SettingError, match=r"given\['town'\] must be one of .*, got 'Bern'"):
        model.sample(given={"town": "Bern"})
    with pytest.raises(SettingError, match=r"given must name columns among .*, got 'id'"):
        model.sample(given={"id": 3})


def test_gaps_are_filled_by_what_the_other_columns_say(model):
    whole = table(seed=3, n_rows=400)
    whole = whole.dropna().reset_index(drop=True)
    damaged = whole.copy()
    damaged.loc[::2, "price"] = np.nan
    damaged.loc[1::2, "town"] = None
    filled = model.impute(damaged)
    assert not filled.isna().any().any()
    assert filled["price"][1::2].equals(whole["price"][1::2])
    assert (filled["price"][::2] - whole["price"][::2]).abs().mean() < 1.5
    assert (filled["town"][1::2] == whole["town"][1::2]).mean() > 0.9
    assert model.impute(damaged.set_axis(damaged.index + 7)).index[0] == 7
    several = model.impute_many(damaged, 5, random_state=0)
    spread = np.std([one["price"][::2] for one in several], axis=0).mean()
    assert 0.4 < spread < 4


def factors(n_rows, seed):
    """Return seven numbers and a category that two factors decide, with noise."""
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(n_rows, 2))
    numbers = hidden @ np.random.default_rng(5).normal(size=(2, 7))
    frame = pandas.DataFrame(numbers + 0.3 * rng.normal(size=(n_rows, 7)), columns=list("abcdefg"))
    return frame.assign(kind=np.where(hidden[:, 0] > 0, "high", "low"))


def test_the_oddest_value_is_the_broken_one():
    train, rows = factors(2000, seed=0), factors(200, seed=1)
    fitted = TableAutoencoder(random_state=0).fit(train)
    rng = np.random.default_rng(2)
    broken, columns = rows.copy(), rng.integers(0, 7, len(rows))
    for row, column in enumerate(columns):
        broken.iloc[row, column] += rng.choice([-2.5, 2.5]) * train.iloc[:, column].std()
    first = fitted.explain(broken, n_columns=1)
    assert list(first["sample"]) == list(range(len(rows)))
    assert (first["column"].to_numpy() == np.array(list("abcdefg"))[columns]).mean() > 0.95
    assert fitted.score(rows) > fitted.score(broken) + 5
    # What is expected is the value before, within the noise of the factors.
    before = rows.to_numpy()[np.arange(len(rows)), columns].astype(float)
    assert np.std(first["expected"].astype(float).to_numpy() - before) < 0.6
    assert len(fitted.explain(rows)) == rows.size


def test_polars_frames_and_arrays_work_as_pandas_frames():
    frame = polars.from_pandas(FRAME)
    model = TableAutoencoder(max_epochs=2, random_state=0).fit(FRAME)
    other = TableAutoencoder(max_epochs=2, random_state=0).fit(frame)
    np.testing.assert_array_equal(model.transform(FRAME), other.transform(frame))
    sampled = other.sample(5, random_state=0)
    assert isinstance(sampled, polars.DataFrame)
    assert sampled.schema == frame.drop("id").schema
    assert other.impute(frame)["town"].null_count() == 0
    numbers = FRAME[["age", "price"]].to_numpy()
    of_array = TableAutoencoder(2, max_epochs=2, random_state=0).fit(numbers)
    assert isinstance(of_array.sample(4), np.ndarray)
    assert np.isfinite(of_array.impute(numbers)).all()


def test_its_file_says_the_same(model, tmp_path):
    again = load(model.save(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(again.transform(FRAME), model.transform(FRAME))
    np.testing.assert_array_equal(again.score_samples(FRAME), model.score_samples(FRAME))
    pandas.testing.assert_frame_equal(
        again.sample(20, random_state=0), model.sample(20, random_state=0)
    )
    pandas.testing.assert_frame_equal(again.impute(FRAME), model.impute(FRAME))
    assert again.get_params() == model.get_params()
    assert (
        again.save(tmp_path / "again").read_bytes() == (tmp_path / "model.safetensors").read_bytes()
    )


def test_a_file_without_scores_is_refused(model, tmp_path, monkeypatch):
    monkeypatch.setattr(model, "_quantiles", model._quantiles[:, :1])
    path = model.save(tmp_path / "model.safetensors")
    with pytest.raises(ModelFileError, match="quantiles"):
        load(path)


def test_it_works_in_a_pipeline_before_a_classifier():
    rows = FRAME.drop(columns="member")
    pipeline = make_pipeline(
        TableAutoencoder(4, max_epochs=40, random_state=0), LogisticRegression()
    )
    pipeline.fit(rows, FRAME["rooms"] > 3)
    assert pipeline.score(rows, FRAME["rooms"] > 3) > 0.8


def test_rows_do_not_depend_on_their_neighbours(model):
    some = FRAME.iloc[40:45].reset_index(drop=True)
    np.testing.assert_array_equal(model.transform(FRAME)[40:45], model.transform(some))
    np.testing.assert_array_equal(model.score_samples(FRAME)[40:45], model.score_samples(some))
    of_all = model.impute(FRAME).iloc[40:45].reset_index(drop=True)
    pandas.testing.assert_frame_equal(of_all, model.impute(some))


def test_unseen_rare_and_many_categories():
    rng = np.random.default_rng(0)
    names = np.array([f"c{i}" for i in range(150)])
    often = np.where(rng.random(2000) < 0.5, "c0", rng.choice(names, 2000))
    frame = pandas.DataFrame({"a": often, "b": rng.random(2000)})
    fitted = TableAutoencoder(2, max_epochs=2, random_state=0).fit(frame)
    assert str(fitted.codec_).startswith("a: category of 99 values and ")
    assert set(fitted.sample(500, random_state=0)["a"]) <= set(names)
    new = pandas.DataFrame({"a": ["never seen"], "b": [0.5]})
    assert np.isfinite(fitted.transform(new)).all()
    assert np.isfinite(fitted.score_samples(new)).all()
    many = pandas.DataFrame({"a": [f"t{i}" for i in range(2000)], "b": rng.random(2000)})
    left = TableAutoencoder(2, max_epochs=1, random_state=0).fit(many)
    assert "a: identifier, left out" in str(left.codec_)
    assert list(left.sample(3).columns) == ["b"]


def test_tables_that_cannot_be_learned_are_one_clear_error():
    twice = pandas.DataFrame(np.random.default_rng(0).random((5, 2)), columns=["a", "a"])
    with pytest.raises(DataError, match="columns of different names, got 'a' twice"):
        TableAutoencoder().fit(twice)
    with pytest.raises(DataError, match=r"a column with two different values .*, got none"):
        TableAutoencoder().fit(pandas.DataFrame({"a": ["x"] * 30, "b": [None] * 30}))
    with pytest.raises(DataError, match="finite numbers, got infinity in column 'a'"):
        TableAutoencoder().fit(pandas.DataFrame({"a": [1.0, np.inf, 2.0]}))


def test_columns_of_a_new_table_are_checked(model):
    with pytest.raises(
        DataError, match=r"column 'price' must have numbers, .*, got 'dear' at row 0"
    ):
        model.transform(FRAME.head(3).assign(price="dear"))
    with pytest.raises(ValueError, match="feature names should match"):
        model.transform(FRAME.drop(columns="price"))


# --- parameters -----------------------------------------------------------------------------------


def test_a_parameter_inside_of_the_recipe_is_set_by_name_and_the_rest_stays():
    model = TableAutoencoder(random_state=0).set_params(recipe__batch_size=64)
    assert model.recipe.batch_size == 64
    default = TableAutoencoder(random_state=0)._recipe(1000)
    assert model._recipe(1000).min_steps == default.min_steps == 500
    assert TableAutoencoder(recipe=Recipe(max_epochs=3))._recipe(1000).min_steps is None
    assert TableAutoencoder(recipe=Recipe(min_steps=7))._recipe(1000).min_steps == 7


def test_what_is_inside_of_an_object_is_checked():
    model = TableAutoencoder().set_params(recipe__batch_size=0)
    with pytest.raises(ValueError, match="batch_size"):
        model.check_parameters()


def test_the_training_is_that_of_the_autoencoder(model):
    assert model.history_ == model.autoencoder_.history_
    assert (model.n_epochs_, model.seed_) == (len(model.history_), 0)


def test_parameters_as_json_hold_the_kinds():
    model = TableAutoencoder(kinds={"age": "category"}, hidden=(8, 4))
    described = {"class": "TableAutoencoder", "parameters": parameters_to_json(model)}
    again = unfitted(json.loads(json.dumps(described)))
    assert again.get_params() == model.get_params()
