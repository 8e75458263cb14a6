"""Tables with the types of their columns: ``open_frame``."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from utsushi.datasets import open_frame
from utsushi.exceptions import DataError, SettingError

FRAME = pd.DataFrame(
    {
        "age": np.arange(150) % 60,
        "zip": [f"0{n % 7}" for n in range(150)],
        "town": ["Oslo", "Kobe", None] * 50,
        "day": pd.date_range("2024-01-01", periods=150).date,
    }
)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("frames")
    FRAME.to_csv(path / "people.csv", index=False)
    FRAME.to_parquet(path / "people.parquet")
    FRAME.to_feather(path / "people.feather")
    (path / "parts").mkdir()
    FRAME[:100].to_parquet(path / "parts" / "a.parquet")
    FRAME[100:].to_parquet(path / "parts" / "b.parquet")
    return path


@pytest.mark.parametrize("name", ["people.parquet", "people.feather", "parts"])
def test_the_types_of_a_file_are_kept(table, name):
    people = open_frame(table / name)
    assert people.X.to_pandas().equals(FRAME)
    assert people.feature_names == ("age", "zip", "town", "day")


def test_a_csv_has_gaps_dates_and_the_texts_that_are_named(table):
    people = open_frame(table / "people.csv", texts=["zip"])
    assert people.X.column("town").null_count == 50
    assert people.X.schema.field("day").type == pa.date32()
    assert people.X.column("zip").to_pylist() == FRAME["zip"].tolist()
    assert pa.types.is_integer(open_frame(table / "people.csv").X.schema.field("zip").type)


def test_the_same_rows_are_held_out_each_time(table):
    one, two = (open_frame(table / name, test_fraction=0.3) for name in ("people.csv", "parts"))
    assert one.held_out.tolist() == two.held_out.tolist()
    assert (len(one.X_train), len(one.X_test)) == (105, 45)
    kept = np.delete(np.arange(150), one.held_out)
    assert one.X_train.column("age").to_pylist() == FRAME["age"][kept].tolist()
    assert one.measured.column("age").to_pylist() == FRAME["age"][one.held_out].tolist()


def test_a_fifth_of_many_rows_is_held_out_by_default_and_none_of_few(table, tmp_path):
    assert len(open_frame(table / "parts", test_fraction=None).held_out) == 30
    FRAME[:99].to_parquet(tmp_path / "few.parquet")
    few = open_frame(tmp_path / "few.parquet", test_fraction=None)
    assert (few.test_fraction, few.X_test, len(few.measured)) == (0.0, None, 99)


@pytest.mark.parametrize(
    ("source", "options", "error", "said"),
    [
        ("people.csv", {"target": "twon"}, DataError, "'twon' to predict. Did you mean 'town'"),
        ("people.csv", {"drop": ["agee"]}, DataError, "'agee' to drop. Did you mean 'age'"),
        ("peple.csv", {}, DataError, "Did you mean"),
        ("people.csv", {"test_fraction": 1.0}, SettingError, r"test_fraction must be .*got 1.0"),
        ("people.csv", {"drop": list(FRAME)}, DataError, "at least one row and one column"),
    ],
)
def test_what_is_wrong_is_named(table, source, options, error, said):
    with pytest.raises(error, match=said):
        open_frame(table / source, **options)


def test_images_and_arrays_are_no_tables(table):
    with pytest.raises(DataError, match="must be a table, got the images 'digits8x8'"):
        open_frame("digits8x8")
    np.save(table / "rows.npy", np.zeros((3, 4)))
    with pytest.raises(DataError, match=r"must be a file that ends in \.csv, .*got .*rows\.npy"):
        open_frame(table / "rows.npy")
