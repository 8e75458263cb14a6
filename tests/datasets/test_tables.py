import json

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.preprocessing import OneHotEncoder

from utsushi import datasets
from utsushi.exceptions import DataError, NonFiniteDataError, SettingError
from utsushi.transforms.table_schema import Column, TableSchema


@pytest.fixture
def csv(tmp_path):
    def write(text, encoding="utf-8"):
        path = tmp_path / "table.csv"
        path.write_bytes(text.encode(encoding))
        return path

    return write


@given(
    hnp.arrays(
        np.float64,
        st.tuples(st.integers(1, 4), st.integers(1, 4)),
        elements=st.floats(allow_nan=False, allow_infinity=False),
    )
)
def test_numbers_come_back_from_their_file_bit_for_bit(tmp_path_factory, X):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text("\n".join(",".join(map(repr, row)) for row in X.tolist()))
    np.testing.assert_array_equal(datasets.open(path).X, X)


def test_a_first_row_of_names_is_a_header(csv):
    data = datasets.open(csv("age,height\n31,1.7\n54,1.8\n"))
    assert (data.feature_names, data.X.tolist()) == (("age", "height"), [[31, 1.7], [54, 1.8]])


def test_a_first_row_of_numbers_is_data(csv):
    data = datasets.open(csv("1,2\n3,4\n"))
    assert (data.feature_names, data.X.tolist()) == (None, [[1, 2], [3, 4]])


def test_a_byte_order_mark_is_no_header(csv):
    assert datasets.open(csv("1,2\n3,4\n", "utf-8-sig")).X.shape == (2, 2)


def test_a_blank_first_line_is_passed_over(csv):
    assert datasets.open(csv("\nage,height\n1,2\n")).feature_names == ("age", "height")


def test_a_column_may_turn_from_integers_to_fractions_far_down(csv):
    rows = "1\n" * 1_000_000 + "0.5\n"
    assert datasets.open(csv("a\n" + rows)).X[-1, 0] == 0.5


def test_the_label_column_may_be_text(csv):
    data = datasets.open(csv("age,town\n31,Oslo\n54,Kobe\n"), label="town")
    assert (data.y.tolist(), data.feature_names) == (["Oslo", "Kobe"], ("age",))


def test_the_label_column_keeps_its_integers(csv):
    assert datasets.open(csv("a,y\n0.5,3\n1.5,4\n"), label="y").y.dtype == np.int64


def test_without_a_header_the_label_is_a_columns_number(csv):
    data = datasets.open(csv("0.5,3\n1.5,4\n"), label="1")
    assert (data.y.tolist(), data.X.tolist()) == ([3, 4], [[0.5], [1.5]])


def test_an_unknown_label_is_answered_with_the_near_one(csv, refusal):
    message = refusal(DataError, datasets.open, csv("age,species\n1,2\n"), label="spices")
    assert "Did you mean 'species'?" in message


def test_a_label_that_fits_no_column_is_answered_with_the_columns(csv, refusal):
    message = refusal(DataError, datasets.open, csv("a,b\n1,2\n"), label="target")
    assert "It has 'a', 'b'." in message


def test_a_label_that_names_two_columns_is_refused(csv, refusal):
    assert "must have one column 'y', got 2" in refusal(
        DataError, datasets.open, csv("y,y\n1,2\n"), label="y"
    )


def test_a_missing_label_is_refused_with_its_row(csv, refusal):
    message = refusal(DataError, datasets.open, csv("a,y\n1,2\n3,\n"), label="y")
    assert "column 'y' of table.csv must hold a label" in message
    assert "got none at row 1" in message


def test_numbers_with_text_among_them_are_refused_with_the_first_text(csv, refusal):
    message = refusal(DataError, datasets.open, csv("a,b,c\n1,2,x\n,?,x\n"))
    assert "column 'b' of table.csv must hold either numbers or text" in message
    assert "first '?' at row 1" in message


def test_a_text_with_numbers_among_it_is_a_category_if_it_is_said_to_be(csv):
    data = datasets.open(csv("a,b\n1,A1\n2,7\n"), categorical=["b"])
    assert data.feature_names == ("a", "b=7", "b=A1")


@pytest.mark.parametrize("blank", ["", " ", "NA", "nan"])
def test_a_blank_cell_is_missing(csv, blank):
    data = datasets.open(csv(f"age,town\n1,Oslo\n3,{blank}\n"))
    np.testing.assert_array_equal(data.X, [[1, 1], [3, np.nan]])


def test_a_blank_number_is_missing_without_a_header_too(csv):
    np.testing.assert_array_equal(datasets.open(csv("1,2\n3,\n")).X, [[1, 2], [3, np.nan]])


def test_infinity_in_a_table_is_refused_with_its_row_and_name(csv, refusal):
    message = refusal(NonFiniteDataError, datasets.open, csv("age,height\n1,2\n3,inf\n"))
    assert "table.csv must be finite, got inf at row 1, column 1 'height'" in message


def test_a_column_of_blanks_is_missing_whole(csv):
    assert np.isnan(datasets.open(csv("a,b\n1,\n2,\n")).X[:, 1]).all()


def test_texts_that_differ_in_every_row_are_no_categories(csv, refusal):
    rows = "\n".join(f"{i},person-{i}" for i in range(60))
    message = refusal(DataError, datasets.open, csv(f"age,name\n{rows}\n"))
    assert "column 'name' of table.csv must hold categories, got 60 different texts" in message


def test_a_column_can_be_left_out(csv):
    data = datasets.open(csv("id,a\nx,1\ny,2\n"), drop=["id"])
    assert (data.feature_names, data.X.tolist()) == (("a",), [[1], [2]])


def test_a_misspelled_column_to_drop_is_answered_with_the_near_one(csv, refusal):
    message = refusal(DataError, datasets.open, csv("age,height\n1,2\n"), drop=["hieght"])
    assert "no column 'hieght' to drop. Did you mean 'height'?" in message


def test_whole_numbers_are_categories_if_they_are_said_to_be(csv):
    data = datasets.open(csv("a,k\n1,20\n2,3\n3,20\n"), categorical=["k"])
    assert data.X.tolist() == [[1, 0, 1], [2, 1, 0], [3, 0, 1]]


@pytest.mark.parametrize(
    "values",
    [
        pd.Series([4.0, None, 3.0, 4.0]),
        pd.Series([4, None, 3, 4], dtype="Int64"),
        pl.Series([4.0, None, 3.0, 4.0]),
        pl.Series([4.0, float("nan"), 3.0, 4.0]),
        pl.Series([4, None, 3, 4]),
    ],
    ids=["float64", "Int64", "polars float", "polars NaN", "polars"],
)
def test_whole_numbers_with_gaps_are_categories_in_a_frame_as_in_a_file(csv, values):
    frame = (pd if isinstance(values, pd.Series) else pl).DataFrame(
        {"a": [1, 2, 3, 4], "k": values}
    )
    expected = [[1, 0, 1], [2, np.nan, np.nan], [3, 1, 0], [4, 0, 1]]
    for written in ("4", "4.0"):
        text = f"a,k\n1,{written}\n2,\n3,{written.replace('4', '3')}\n4,{written}\n"
        for first, second in ((frame, csv(text)), (csv(text), frame)):
            known = datasets.open(first, categorical=["k"])
            assert known.columns.columns[1].categories == (3, 4)
            again = datasets.open(second, columns=known.columns)
            np.testing.assert_array_equal(known.X, expected)
            np.testing.assert_array_equal(again.X, expected)


def test_fractions_are_no_categories(refusal):
    frame = pd.DataFrame({"k": [1.0, 2.5, None]})
    message = refusal(DataError, datasets.open, frame, categorical=["k"])
    assert "column 'k' of frame must be whole numbers" in message
    assert "got 2.5 at row 1" in message


def test_dates_are_refused_with_their_column(refusal):
    frame = pl.DataFrame({"a": [1.0], "day": pl.Series(["2026-01-01"]).str.to_date()})
    message = refusal(DataError, datasets.open, frame)
    assert "column 'day' of frame must hold numbers or categories, got dates" in message
    assert "dates=('day',)" in message
    assert "drop=('day',)" in message


def test_two_columns_that_would_have_one_name_are_refused(refusal):
    frame = pl.DataFrame({"a": ["b"], "a=b": [1.0]})
    assert "got 'a=b' twice" in refusal(DataError, datasets.open, frame)


# --- the columns of a fitted model ----------------------------------------------------------------

TRAINED = "age,town,member\n31,Oslo,true\n54,Kobe,false\n"


def test_other_rows_are_read_as_the_known_columns_say(csv):
    columns = datasets.open(csv(TRAINED)).columns
    data = datasets.open(csv("more,town,age,member\n7,Kobe,20,true\n"), columns=columns)
    assert (data.feature_names, data.X.tolist()) == (columns.feature_names, [[20, 1, 0, 1]])


def test_a_category_that_was_not_in_training_is_named(csv, refusal):
    columns = datasets.open(csv(TRAINED)).columns
    new = csv("age,town,member\n1,Kobe,true\n2,Bonn,true\n")
    message = refusal(DataError, datasets.open, new, columns=columns)
    assert "column 'town' of table.csv must hold one of" in message
    assert "got 'Bonn' at row 1" in message
    assert "must hold one of 'Kobe', 'Oslo'" in message


def test_a_category_that_was_not_in_training_can_be_ignored(csv):
    columns = datasets.open(csv(TRAINED)).columns
    new = csv("age,town,member\n1,Kobe,true\n2,Bonn,true\n3,,true\n")
    data = datasets.open(new, columns=columns, handle_unknown="ignore")
    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    expected = encoder.fit([["Oslo"], ["Kobe"]]).transform([["Kobe"], ["Bonn"]])
    np.testing.assert_array_equal(data.X[:2, 1:3], expected)
    assert np.isnan(data.X[2, 1:3]).all()
    assert data.columns.count_unknown(data.X) == {"town": 1}
    assert data.columns.decode(data.X)["town"].tolist() == ["Kobe", None, None]


def test_the_columns_remember_what_to_do_about_an_unknown_category(csv):
    columns = datasets.open(csv(TRAINED), handle_unknown="ignore").columns
    columns = TableSchema.from_json(json.loads(json.dumps(columns.to_json())))
    new = csv("age,town,member\n2,Bonn,true\n")
    assert datasets.open(new, columns=columns).X.tolist() == [[2, 0, 0, 1]]
    with pytest.raises(DataError, match=r"column 'town' .* got 'Bonn'"):
        datasets.open(new, columns=columns, handle_unknown="error")


def test_another_way_to_handle_an_unknown_category_is_refused(refusal):
    frame = pl.DataFrame({"a": ["b"]})
    message = refusal(SettingError, datasets.open, frame, handle_unknown="infrequent")
    assert "handle_unknown must be 'error', 'ignore' or None, got 'infrequent'" in message


def test_text_where_training_had_numbers_is_named(csv, refusal):
    columns = datasets.open(csv(TRAINED)).columns
    message = refusal(
        DataError, datasets.open, csv("age,town,member\nx,Kobe,true\n"), columns=columns
    )
    assert "column 'age' of table.csv must hold numbers" in message
    assert "got 'x' at row 0" in message


def test_a_column_that_is_not_there_is_named(csv, refusal):
    columns = datasets.open(csv(TRAINED)).columns
    message = refusal(DataError, datasets.open, csv("town,member\nKobe,true\n"), columns=columns)
    assert "no column 'age', as in training" in message


def test_a_column_of_blanks_has_no_category(csv):
    columns = datasets.open(csv(TRAINED)).columns
    data = datasets.open(csv("age,town,member\n1,,true\n"), columns=columns)
    np.testing.assert_array_equal(data.X, [[1, np.nan, np.nan, 1]])


@pytest.mark.parametrize(
    ("content", "encoding"),
    [("", "utf-8"), ("a,b\n1,2\n3\n", "utf-8"), ("é,b\n1,2\n", "latin-1")],
    ids=["empty", "ragged", "not UTF-8"],
)
def test_a_damaged_file_is_named(csv, content, encoding, refusal):
    message = refusal(DataError, datasets.open, csv(content, encoding))
    assert "table.csv cannot be read" in message


def test_a_header_without_rows_is_refused(csv, refusal):
    assert "got 0 and 2" in refusal(DataError, datasets.open, csv("a,b\n"))


def test_a_label_without_features_is_refused(csv, refusal):
    assert "got 1 and 0" in refusal(DataError, datasets.open, csv("y\n1\n"), label="y")


def test_a_parquet_file_gives_the_same_as_its_frame(tmp_path):
    frame = pd.DataFrame({"a": [1.5, 2.5], "y": ["p", "q"]})
    frame.to_parquet(tmp_path / "a.parquet")
    data = datasets.open(tmp_path / "a.parquet", label="y")
    assert (data.X.tolist(), data.y.tolist()) == ([[1.5], [2.5]], ["p", "q"])


def test_a_damaged_parquet_file_is_named(tmp_path, refusal):
    pq.write_table(pa.table({"a": [1.0]}), tmp_path / "a.parquet")
    (tmp_path / "a.parquet").write_bytes((tmp_path / "a.parquet").read_bytes()[:-9])
    message = refusal(DataError, datasets.open, tmp_path / "a.parquet")
    assert "a.parquet cannot be read" in message


FRAMES = [pd.DataFrame, pl.DataFrame, pa.table]


@pytest.mark.parametrize("make", FRAMES)
def test_a_frame_gives_its_numbers_names_and_labels(make):
    data = datasets.open(make({"a": [1, 2], "b": [0.5, 1.5], "y": ["p", "q"]}), label="y")
    assert data.X.tolist() == [[1, 0.5], [2, 1.5]]
    assert (data.feature_names, data.y.tolist()) == (("a", "b"), ["p", "q"])


@pytest.mark.parametrize("make", FRAMES)
def test_a_frame_of_float32_stays_float32(make):
    assert datasets.open(make({"a": np.ones(2, np.float32)})).X.dtype == np.float32


@pytest.mark.parametrize("make", FRAMES)
def test_a_missing_number_in_a_frame_is_nan(make):
    np.testing.assert_array_equal(datasets.open(make({"a": [1, None]})).X, [[1], [np.nan]])


@pytest.mark.parametrize("make", FRAMES)
def test_truth_values_are_numbers(make):
    assert datasets.open(make({"a": [True, False]})).X.tolist() == [[1.0], [0.0]]


@pytest.mark.parametrize("make", FRAMES)
def test_text_in_a_frame_becomes_a_column_for_each_category(make):
    data = datasets.open(make({"a": ["x", "y", "x"]}))
    assert (data.feature_names, data.X.tolist()) == (("a=x", "a=y"), [[1, 0], [0, 1], [1, 0]])


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["q", "p"], dtype="category"),
        pd.Series(["q", "p"], dtype=object),
        pl.Series(["q", "p"], dtype=pl.Categorical),
        pl.Series(["q", "p"], dtype=pl.Enum(["q", "p"])),
    ],
    ids=["category", "object", "polars Categorical", "polars Enum"],
)
def test_text_of_any_type_is_a_category(column):
    make = pl.DataFrame if isinstance(column, pl.Series) else pd.DataFrame
    assert datasets.open(make({"a": column})).feature_names == ("a=p", "a=q")


def test_numbers_kept_as_text_are_refused(refusal):
    frame = pl.DataFrame({"a": ["1", "2"]})
    assert "first '1' at row 0" in refusal(DataError, datasets.open, frame)


@pytest.mark.parametrize(
    ("values", "unit"),
    [
        (["12 kg", "3.5kg"], "kg"),
        (["12 m2", "3 m2"], "m2"),
        (["45 %", "7%"], "%"),
        (["$1,200", "$9"], "$"),
        (["−3 °C", "21 °C"], "°C"),
        (["1,200", "3,400"], ","),
    ],
)
def test_numbers_with_one_unit_are_no_categories(refusal, values, unit):
    message = refusal(DataError, datasets.open, pl.DataFrame({"a": values}))
    assert f"got numbers with {unit!r} (such as {values[0]!r})" in message


@pytest.mark.parametrize(
    "values",
    [
        ["1st", "2nd"],
        ["2WD", "4WD"],
        ["18-24", "25-34"],
        ["B1", "B2"],
        ["5 mg", "weekly"],
        ["5 mg"],
        ["01.02.2026", "31.12.2025"],
        ["1.2.3", "2.0.1"],
    ],
)
def test_texts_that_only_have_numbers_in_them_are_categories(values):
    found = datasets.open(pl.DataFrame({"a": values})).feature_names
    assert found == tuple(f"a={value}" for value in sorted(values))


def test_numbers_with_a_unit_are_categories_where_they_are_said_to_be():
    doses = {"a": ["10 mg", "5 mg"]}
    said = datasets.open(pl.DataFrame(doses), categorical=["a"])
    made = datasets.open(pd.DataFrame(doses, dtype="category"))
    assert said.feature_names == made.feature_names == ("a=10 mg", "a=5 mg")


def test_a_pandas_index_is_left_out():
    frame = pd.DataFrame({"a": [1.0, 2.0]}, index=["x", "y"])
    assert datasets.open(frame).X.shape == (2, 1)


def test_categories_can_be_labels():
    frame = pd.DataFrame({"a": [1.0, 2.0], "y": pd.Categorical(["q", "p"])})
    assert datasets.open(frame, label="y").y.tolist() == ["q", "p"]


def test_columns_without_names_give_no_feature_names():
    assert datasets.open(pd.DataFrame(np.ones((2, 2)))).feature_names is None


def test_a_pandas_frame_with_a_name_twice_is_refused(refusal):
    frame = pd.DataFrame(np.ones((2, 2)), columns=["a", "a"])
    assert "each with its own name" in refusal(DataError, datasets.open, frame)


def test_a_column_of_mixed_objects_is_refused(refusal):
    frame = pd.DataFrame({"a": [1, "x", {}]})
    assert "the data frame must have columns of one type" in refusal(
        DataError, datasets.open, frame
    )


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32])
def test_known_columns_mean_the_same_whatever_type_holds_them(kind):
    known = datasets.open(pa.table({"a": [3, 200], "b": [4, 5]})).columns
    table = pa.table({name: np.array([3, 200], kind) for name in "ab"})
    assert datasets.open(table, columns=known).X.tolist() == [[3, 3], [200, 200]]


def test_codes_that_differ_by_a_zero_are_two_categories(csv):
    data = datasets.open(csv("a,zip\n1,01234\n2,1234\n"), categorical=["zip"])
    assert data.feature_names == ("a", "zip=01234", "zip=1234")


@pytest.mark.parametrize("written", ["0123,A12", "0123,123", "20,3"])
def test_a_category_is_read_by_itself_as_it_was_among_others(csv, written):
    first, second = written.split(",")
    known = datasets.open(csv(f"a,k\n1,{first}\n2,{second}\n"), categorical=["k"]).columns
    found = datasets.open(csv(f"a,k\n1,{first}\n"), columns=known)
    is_first = [float(str(category) == first) for category in known.columns[1].categories]
    assert found.X.tolist() == [[1, *is_first]]


def test_a_code_with_a_zero_more_is_not_the_category(csv, refusal):
    known = datasets.open(csv("a,k\n1,20\n2,3\n"), categorical=["k"]).columns
    message = refusal(DataError, datasets.open, csv("a,k\n1,020\n"), columns=known)
    assert "got '020' at row 0" in message


NO_COLUMNS = [
    None,
    3,
    ["a"],
    [{"name": "a"}],
    [{"name": "a", "kind": "number", "categories": 1}],
    [{"name": "a", "kind": "category", "categories": [[1]]}],
    {"columns": []},
    {"columns": 3, "handle_unknown": "error"},
]


@pytest.mark.parametrize("described", NO_COLUMNS, ids=str)
def test_what_no_columns_can_have_given_is_a_value_error(described):
    with pytest.raises(ValueError, match="columns cannot be read"):
        TableSchema.from_json(described)


def test_columns_remember_only_what_can_be_done_about_an_unknown_category():
    with pytest.raises(ValueError, match="handle_unknown"):
        TableSchema.from_json({"columns": [], "handle_unknown": "guess"})


def test_the_columns_of_version_0_1_are_read():
    described = [{"name": "a", "kind": "category", "categories": ["x"]}]
    assert TableSchema.from_json(described) == TableSchema((Column("a", "category", ("x",)),))
