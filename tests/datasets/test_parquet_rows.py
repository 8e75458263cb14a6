"""Parquet files that stay on the disk, read by row groups in an order that is the seed's."""

import os

import numpy as np
import pyarrow as pa
import pytest
import torch
from pyarrow import parquet as pq

from utsushi import Autoencoder, Recipe, datasets
from utsushi._utils.lazy_rows import LazyRows, SelectedRows
from utsushi.datasets import parquet
from utsushi.datasets.parquet import ParquetRows
from utsushi.estimators import base
from utsushi.estimators.rows import ScaledRows, TrainingData
from utsushi.exceptions import DataError, NonFiniteDataError
from utsushi.objectives import Batch, random_order
from utsushi.training.loop import shuffled_batches
from utsushi.transforms.scaling import Scaling

X = np.random.default_rng(0).random((100, 6), dtype=np.float32)
FEW = {
    "n_components": 2,
    "hidden": (8,),
    "max_epochs": 2,
    "recipe": Recipe(batch_size=8),
    "random_state": 1,
}


def write(path, rows=X, row_group_size=10, **more):
    """Write rows with the columns c0, c1, …, and others."""
    columns = {f"c{index}": column for index, column in enumerate(rows.T)}
    pq.write_table(pa.table({**columns, **more}), path, row_group_size=row_group_size)
    return path


@pytest.fixture
def all_are_large(monkeypatch):
    """Leave each file on the disk, in windows of 25 rows or a few more."""
    monkeypatch.setattr(parquet, "IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(parquet, "WINDOW_BYTES", 25 * X[:1].nbytes)
    monkeypatch.setattr(base, "COPIED_BYTES", 0)


def opened(path, readers=2):
    """Return the rows of a file, to be read by so many threads."""
    n_features = pq.read_schema(path).names
    return ParquetRows(
        [path], n_features, lambda table: np.column_stack(table.columns), readers=readers
    )


@pytest.mark.parametrize("which", [slice(None), slice(7, 63, 9), np.array([99, 0, 41, 41])])
def test_rows_are_those_of_the_file(tmp_path, all_are_large, which):
    rows = datasets.open(write(tmp_path / "x.parquet")).X_train
    assert isinstance(rows, ParquetRows)
    np.testing.assert_array_equal(rows[which], X[which])


def test_labels_and_names_come_with_them(tmp_path, all_are_large):
    path = write(tmp_path / "x.parquet", kind=["a", "b"] * 50)
    dataset = datasets.open(path, label="kind")
    assert dataset.y_train.tolist() == ["a", "b"] * 50
    assert dataset.feature_names == tuple(f"c{index}" for index in range(6))


def test_a_missing_value_is_found_where_it_is(tmp_path, all_are_large):
    rows = X.copy()
    rows[73, 4] = np.nan
    found = datasets.open(write(tmp_path / "x.parquet", rows)).X_train
    assert found.has_missing
    with pytest.raises(NonFiniteDataError, match="NaN at row 73, column 4"):
        Autoencoder(**FEW).fit(found)


def test_categories_are_refused_by_the_name_of_their_column(tmp_path, all_are_large):
    with pytest.raises(DataError, match=r"column .kind. .*too large.* got categories"):
        datasets.open(write(tmp_path / "x.parquet", kind=["a", "b"] * 50))


@pytest.mark.parametrize("window_rows", [1, 25, 1000])
def test_an_order_has_every_row_once(window_rows):
    draws = torch.Generator().manual_seed(3)
    order = random_order(100, draws, np.arange(0, 100, 7), window_rows)
    assert sorted(order.tolist()) == list(range(100))


def test_an_order_stays_within_its_windows():
    draws = torch.Generator().manual_seed(3)
    order = random_order(100, draws, np.arange(0, 100, 10), window_rows=30).numpy()
    assert [len(set((order[start : start + 30] // 10).tolist())) for start in (0, 30, 60)] == [
        3
    ] * 3
    assert not (np.diff(order) == 1).all()


def batches_of(path, readers, epoch=1):
    """Return the batches of an epoch as arrays."""
    source = ScaledRows(
        TrainingData(opened(path, readers)),
        Scaling(np.zeros(6), np.ones(6)),
        torch.device("cpu"),
    )
    return [batch.x.numpy() for batch in shuffled_batches(source, 8, seed=5, epoch=epoch)]


def test_the_order_does_not_depend_on_the_number_of_readers(tmp_path, all_are_large):
    path = write(tmp_path / "x.parquet")
    one, three = batches_of(path, 1), batches_of(path, 3)
    np.testing.assert_array_equal(np.concatenate(one), np.concatenate(three))


def test_each_epoch_has_an_order_of_its_own(tmp_path, all_are_large):
    path = write(tmp_path / "x.parquet")
    first, second = np.concatenate(batches_of(path, 2)), np.concatenate(batches_of(path, 2, 2))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(np.unique(first, axis=0), np.unique(second, axis=0))


def test_an_epoch_reads_each_row_group_once(tmp_path, all_are_large, monkeypatch):
    rows = opened(write(tmp_path / "x.parquet"))
    read, seen = rows._read, []
    monkeypatch.setattr(rows, "_read", lambda group: seen.append(group.number) or read(group))
    order = random_order(100, torch.Generator().manual_seed(0), rows.starts, rows.window_rows)
    rows.expect(order.numpy())
    for batch in order.split(8):
        np.testing.assert_array_equal(rows[batch.numpy()], X[batch])
    assert sorted(seen) == list(range(10))


def test_no_more_than_a_few_windows_are_held(tmp_path, all_are_large):
    rows = opened(write(tmp_path / "x.parquet", row_group_size=5))
    for start in range(0, 100, 5):
        np.testing.assert_array_equal(rows[start : start + 5], X[start : start + 5])
        assert 5 * len(rows._loaded) <= 2 * (rows.window_rows + 5)


def test_held_out_rows_stay_in_the_order_of_the_file(tmp_path, all_are_large):
    rows = opened(write(tmp_path / "x.parquet"))
    numbers = np.random.default_rng(0).permutation(100)[:40]
    some = SelectedRows(rows, numbers)
    np.testing.assert_array_equal(some[:], X[np.sort(numbers)])
    assert (some[some.starts] == X[np.sort(numbers)[some.starts]]).all()


def test_a_training_is_the_same_each_time(tmp_path, all_are_large):
    path = write(tmp_path / "x.parquet")
    recipe = Recipe(batch_size=8, validation_fraction=0.2)
    fit = lambda: Autoencoder(**FEW | {"recipe": recipe}).fit(datasets.open(path).X_train)  # noqa: E731
    first, second = fit(), fit()
    assert isinstance(datasets.open(path).X_train, LazyRows)
    assert first.save(tmp_path / "1").read_bytes() == second.save(tmp_path / "2").read_bytes()


def test_the_scaling_is_that_of_the_rows_in_memory(tmp_path, all_are_large):
    lazy = Autoencoder(scaling="standard", **FEW).fit(
        datasets.open(write(tmp_path / "x.parquet")).X_train
    )
    whole = Autoencoder(scaling="standard", **FEW).fit(X)
    np.testing.assert_array_equal(lazy.scaling_.scale, whole.scaling_.scale)


def test_a_file_that_changes_while_training_is_a_clear_error(tmp_path, all_are_large):
    path = write(tmp_path / "x.parquet")
    rows = datasets.open(path).X_train
    os.truncate(path, 500)
    with pytest.raises(DataError, match=r"x\.parquet changed while it was being read"):
        Autoencoder(**FEW).fit(rows)


def test_files_of_another_schema_are_named(tmp_path):
    first = write(tmp_path / "first.parquet")
    second = write(tmp_path / "second.parquet", X.astype(np.float64))
    with pytest.raises(
        DataError, match=r"column 'c0' of .*second\.parquet must hold float .*first.*, got double"
    ):
        parquet.large_parquet([first, second], "both")


def test_a_folder_of_large_files_is_one_matrix(tmp_path, all_are_large):
    for name, part in {"1": X[:30], "2": X[30:]}.items():
        write(tmp_path / f"{name}.parquet", part)
    rows = datasets.open(tmp_path).X_train
    assert isinstance(rows, ParquetRows)
    np.testing.assert_array_equal(rows[:], X)


def test_several_files_are_one_matrix(tmp_path):
    paths = [write(tmp_path / "1.parquet", X[:30]), write(tmp_path / "2.parquet", X[30:])]
    np.testing.assert_array_equal(parquet.large_parquet(paths, "both").X_train[:], X)


def test_rows_in_memory_have_todays_order():
    rows = Batch(torch.arange(9.0)[:, None])
    order = rows.order(torch.Generator().manual_seed(1))
    assert torch.equal(order, torch.randperm(9, generator=torch.Generator().manual_seed(1)))


def test_known_columns_are_not_divided_in_a_large_file(tmp_path, all_are_large):
    known = datasets.open(pa.table({"c0": [3, 200], "c1": [4, 5]})).columns
    path = write(tmp_path / "x.parquet", np.array([[3, 4], [200, 5]], np.uint8))
    assert datasets.open(path, columns=known).X_train[:].tolist() == [[3, 4], [200, 5]]


@pytest.mark.parametrize("write_statistics", [True, False])
def test_one_missing_value_changes_no_other_row_group(tmp_path, all_are_large, write_statistics):
    column = pa.array([3, 200, None, 5], pa.uint8())
    path = tmp_path / "x.parquet"
    pq.write_table(
        pa.table({"c": column}), path, row_group_size=2, write_statistics=write_statistics
    )
    found = datasets.open(path).X_train[:]
    np.testing.assert_array_equal(found, [[3], [200], [np.nan], [5]])


def test_columns_of_a_large_file_are_described_as_those_of_a_small_one(tmp_path, monkeypatch):
    path = write(tmp_path / "x.parquet", np.where(X < 0.1, np.nan, X).astype(np.float64))
    small = datasets.open(path)
    monkeypatch.setattr(parquet, "IN_MEMORY_BYTES", 0)
    large = datasets.open(path)
    assert datasets.describe_columns(large) == datasets.describe_columns(small)
    assert datasets.suggest(large) == datasets.suggest(small)


KINDS = [pa.list_(pa.float32()), pa.list_(pa.float32(), 6)]


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_a_large_column_of_lists_is_read_as_it_is_asked_for(tmp_path, all_are_large, kind):
    table = pa.table({"x": pa.array(X.tolist(), kind), "y": [0, 1] * 50})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=10)
    data = datasets.open(tmp_path / "x.parquet", label="y")
    assert isinstance(data.X_train, ParquetRows)
    np.testing.assert_array_equal(data.X_train[:], X)
    assert data.y_train.tolist() == [0, 1] * 50


def test_large_lists_of_lists_are_images(tmp_path, all_are_large):
    images = pa.array((255 * X).astype(np.uint8).reshape(100, 2, 3).tolist())
    table = pa.table({"x": images.cast(pa.list_(pa.list_(pa.uint8())))})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=10)
    data = datasets.open(tmp_path / "x.parquet")
    assert data.image_shape == (2, 3)
    assert data.X_train[:].tolist() == datasets.open(table).X_train.tolist()


def test_a_row_group_with_lists_of_another_length_is_refused(
    tmp_path, all_are_large, monkeypatch, refusal
):
    table = pa.table({"x": [[1.0, 2.0]] * 4 + [[1.0]] * 4})
    pq.write_table(table, tmp_path / "x.parquet", row_group_size=4)
    monkeypatch.setattr(parquet, "FIRST_ROWS", 4)
    message = refusal(DataError, datasets.open, tmp_path / "x.parquet")
    assert (
        "the lists of x.parquet must have the shape (2,) as in the first row group, got (1,)"
        in message
    )


def test_the_values_in_lists_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "IN_MEMORY_BYTES", X.size)  # more than a number a row
    pq.write_table(pa.table({"x": X.tolist()}), tmp_path / "x.parquet")
    assert isinstance(datasets.open(tmp_path / "x.parquet").X_train, ParquetRows)


def test_labels_of_another_type_are_refused_by_their_file(tmp_path, all_are_large, refusal):
    write(tmp_path / "1.parquet", kind=["a"] * 100)
    write(tmp_path / "2.parquet", kind=[1] * 100)
    message = refusal(DataError, datasets.open, tmp_path, label="kind")
    assert "2.parquet must hold string" in message
    assert "got int64" in message


def test_labels_that_cannot_be_read_are_refused_by_their_file(tmp_path, all_are_large, refusal):
    path = write(
        tmp_path / "x.parquet", np.zeros((100, 0)), 100, kind=["a", "b"] * 50, c=range(100)
    )
    content = path.read_bytes()
    path.write_bytes(content[:4] + bytes(40) + content[44:])
    message = refusal(DataError, datasets.open, path, label="kind")
    assert "x.parquet cannot be read" in message
