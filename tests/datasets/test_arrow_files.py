import numpy as np
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from utsushi import datasets
from utsushi.exceptions import DataError

TABLE = pa.table({"a": [1.5, 2.5, 3.5], "b": [4, 5, 6]})
ROWS = [[1.5, 4], [2.5, 5], [3.5, 6]]


def test_a_folder_of_parquet_files_is_one_table_in_the_order_of_their_names(tmp_path):
    pq.write_table(TABLE.slice(2), tmp_path / "part-2.parquet")
    pq.write_table(TABLE.slice(0, 2), tmp_path / "part-1.parquet")
    data = datasets.open(tmp_path)
    assert (data.feature_names, data.X.tolist()) == (("a", "b"), ROWS)


def test_hidden_files_of_a_folder_are_left_alone(tmp_path):
    pq.write_table(TABLE, tmp_path / "part.parquet")
    (tmp_path / "_metadata.parquet").write_bytes(b"no table")
    assert datasets.open(tmp_path).X.tolist() == ROWS


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"a": [1.0], "c": [2]}, "must be 'b' as in"),
        ({"a": [1.0]}, "got 'no more'"),
        ({"a": [1.0], "b": [2], "c": [3]}, "got 'c'"),
        ({"a": [1.0], "b": ["x"]}, "must hold int64 as in"),
    ],
)
def test_a_file_with_other_columns_than_the_first_is_named(tmp_path, other, message, refusal):
    pq.write_table(TABLE, tmp_path / "1.parquet")
    pq.write_table(pa.table(other), tmp_path / "2.parquet")
    refused = refusal(DataError, datasets.open, tmp_path)
    assert "2.parquet" in refused
    assert message in refused


def test_a_damaged_file_of_a_folder_is_named(tmp_path, refusal):
    pq.write_table(TABLE, tmp_path / "1.parquet")
    (tmp_path / "2.parquet").write_bytes((tmp_path / "1.parquet").read_bytes()[:-9])
    assert "2.parquet cannot be read" in refusal(DataError, datasets.open, tmp_path)


LISTS = [
    pa.list_(pa.float64()),
    pa.large_list(pa.float32()),
    pa.list_(pa.float64(), 2),
]


@pytest.mark.parametrize("kind", LISTS, ids=str)
def test_a_column_of_lists_holds_rows(tmp_path, kind):
    pq.write_table(pa.table({"x": pa.array(ROWS, kind), "y": [1, 2, 1]}), tmp_path / "a.parquet")
    data = datasets.open(tmp_path / "a.parquet", label="y")
    assert (data.X.tolist(), data.y.tolist()) == (ROWS, [1, 2, 1])


def test_lists_of_lists_are_images():
    kind = pa.list_(pa.list_(pa.uint8()))
    data = datasets.open(pa.table({"x": pa.array([[[0, 255, 51]] * 2] * 4, kind)}))
    assert (data.image_shape, data.X[0].tolist()) == ((2, 3), [0, 1, np.float32(0.2)] * 2)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([[1.0, 2.0], [3.0]], "2 values in the first and 1 at row 1 (counting from 0)"),
        ([[1.0], None], "and None at row 1"),
        ([None, [1.0]], "and None at row 0"),
        ([["a"], ["b"]], "the lists in column 'x' of frame must hold numbers, got string"),
    ],
)
def test_ragged_lists_are_refused_with_their_row(rows, message, refusal):
    assert message in refusal(DataError, datasets.open, pa.table({"x": rows}))


def test_lists_beside_other_columns_are_refused(refusal):
    table = pa.table({"x": ROWS, "age": [1, 2, 3]})
    message = refusal(DataError, datasets.open, table)
    assert "lists in column 'x', got more columns: 'age'" in message


def write_stream(path):
    with pa.ipc.new_stream(path, TABLE.schema) as file:
        file.write_table(TABLE)


WRITERS = {
    "a.feather": lambda path: pa.feather.write_feather(TABLE, path),
    "a.arrow": lambda path: pa.feather.write_feather(TABLE, path, compression="uncompressed"),
    "a.ipc": write_stream,
}


@pytest.mark.parametrize("name", WRITERS)
def test_arrows_own_files_are_tables(tmp_path, name):
    WRITERS[name](str(tmp_path / name))
    data = datasets.open(tmp_path / name)
    assert (data.feature_names, data.X.tolist()) == (("a", "b"), ROWS)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("content", [b"", b"no table", None])
def test_a_damaged_arrow_file_is_named(tmp_path, name, content, refusal):
    WRITERS[name](str(tmp_path / name))
    whole = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2] if content is None else content)
    assert f"{name} cannot be read" in refusal(DataError, datasets.open, tmp_path / name)


def test_rows_of_an_arrow_file_do_not_change_with_the_file(tmp_path):
    path = tmp_path / "a.arrow"
    table = pa.table({"a": [1.5, 2.5, 3.5]})
    pa.feather.write_feather(table, str(path), compression="uncompressed")
    data = datasets.open(path)
    path.write_bytes(bytes(path.stat().st_size))
    assert data.X.tolist() == [[1.5], [2.5], [3.5]]
