"""Rows that are written a block at a time, and what is left where the disk is full."""

import errno
import os

import numpy as np
import pytest
from pyarrow import csv, parquet

from utsushi import load
from utsushi.cli import encode, writers
from utsushi.cli.outputs import write_rows
from utsushi.cli.writers import write_blocks
from utsushi.exceptions import DataError

CODES = np.random.default_rng(0).standard_normal((1000, 2))
NAMES = ["a", "b"]
LABELS = np.array(["one", "two"] * 500)


def blocks_of(n_rows=300):
    """Yield the codes and their labels in blocks."""
    for start in range(0, len(CODES), n_rows):
        block = slice(start, start + n_rows)
        yield CODES[block], {"y": LABELS[block]}


def read(path):
    """Return the codes and the labels of a file of any kind."""
    if path.suffix == ".npy":
        return np.load(path), LABELS
    if path.suffix == ".npz":
        with np.load(path) as arrays:
            return arrays["X"], arrays["y"]
    table = csv.read_csv(path) if path.suffix == ".csv" else parquet.read_table(path)
    return np.column_stack([table["a"], table["b"]]), table["y"].to_numpy()


@pytest.fixture
def no_large_files():
    """Give a function that limits the size of files, as a disk would; it is taken back."""
    resource = pytest.importorskip("resource", reason="Windows has no limit of this kind")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda n_bytes: resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("kind", ["npy", "npz", "csv", "parquet"])
def test_blocks_make_the_file_of_all_rows(tmp_path, kind):
    codes, labels = read(write_blocks(tmp_path / f"codes.{kind}", blocks_of(), NAMES, len(CODES)))
    np.testing.assert_array_equal(codes, CODES)
    np.testing.assert_array_equal(labels, LABELS)


@pytest.mark.parametrize("kind", ["npy", "npz", "csv"])
def test_one_block_makes_the_bytes_of_several(tmp_path, kind):
    several = write_blocks(tmp_path / f"several.{kind}", blocks_of(), NAMES, len(CODES))
    whole = write_rows(str(tmp_path / f"whole.{kind}"), CODES, NAMES, extra={"y": LABELS})
    assert whole.read_bytes() == several.read_bytes()


def test_an_npy_file_is_what_numpy_writes(tmp_path):
    np.save(tmp_path / "numpy.npy", CODES)
    ours = write_blocks(tmp_path / "ours.npy", blocks_of(), NAMES, len(CODES))
    assert ours.read_bytes() == (tmp_path / "numpy.npy").read_bytes()


def test_a_parquet_file_takes_no_more_than_what_is_in_it(tmp_path):
    path = write_blocks(tmp_path / "codes.parquet", blocks_of(), NAMES, len(CODES))
    assert path.read_bytes()[-4:] == b"PAR1"
    assert path.stat().st_blocks * 512 < path.stat().st_size + 2**14


def test_a_full_disk_keeps_the_row_groups_that_are_complete(tmp_path, no_large_files):
    path = tmp_path / "codes.parquet"
    no_large_files(29_000)
    with pytest.raises(
        OSError, match=r"the first 600 of 1000 rows are readable in '.*part"
    ) as full:
        write_blocks(path, blocks_of(), NAMES, len(CODES))
    assert full.value.errno == errno.EFBIG
    assert [found.name for found in tmp_path.iterdir()] == ["codes.part.parquet"]
    codes, labels = read(tmp_path / "codes.part.parquet")
    np.testing.assert_array_equal(codes, CODES[:600])
    np.testing.assert_array_equal(labels, LABELS[:600])


@pytest.mark.parametrize("kind", ["npy", "npz", "csv", "parquet"])
def test_a_disk_that_is_full_from_the_start_leaves_nothing(tmp_path, no_large_files, kind):
    no_large_files(100)
    with pytest.raises(OSError, match=r"large|space"):
        write_blocks(tmp_path / f"codes.{kind}", blocks_of(), NAMES, len(CODES))
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_fails_keeps_what_was_written(tmp_path):
    def failing():
        yield CODES[:300], {}
        raise DataError("the file has shrunk")

    with pytest.raises(DataError, match="has shrunk; the first 300 of 1000 rows are readable in"):
        write_blocks(tmp_path / "codes.parquet", failing(), NAMES, len(CODES))
    assert parquet.read_table(tmp_path / "codes.part.parquet").num_rows == 300


def test_a_part_takes_the_name_of_no_other_file(tmp_path):
    def failing():
        yield CODES[:300], {}
        raise DataError("the file has shrunk")

    (tmp_path / "codes.part.parquet").write_bytes(b"mine")
    with pytest.raises(DataError, match=r"readable in '.*codes\.part2\.parquet'"):
        write_blocks(tmp_path / "codes.parquet", failing(), NAMES, len(CODES))
    assert (tmp_path / "codes.part.parquet").read_bytes() == b"mine"


def test_the_command_encodes_in_blocks(utsushi, ae_run, tmp_path, monkeypatch):
    X = np.random.default_rng(1).random((50, 64), dtype=np.float32)
    np.save(tmp_path / "x.npy", X)
    monkeypatch.setattr(encode, "ROW_GROUP_ROWS", 20)
    out = tmp_path / "codes.parquet"
    assert utsushi("encode", ae_run, "--data", tmp_path / "x.npy", "--out", out).status == 0
    assert parquet.ParquetFile(out).num_row_groups == 3
    codes = np.column_stack(parquet.read_table(out).columns)
    np.testing.assert_array_equal(codes, load(ae_run / "model.safetensors").transform(X))


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="nothing can be reserved here")
def test_the_command_says_what_a_full_disk_has_left(utsushi, ae_run, tmp_path, monkeypatch):
    reserve, calls = os.posix_fallocate, []

    def full(*arguments):
        calls.append(arguments)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        reserve(*arguments)

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.setattr(encode, "ROW_GROUP_ROWS", 500)
    call = utsushi("encode", ae_run, "--out", tmp_path / "codes.parquet")
    assert call.status == 1
    assert "No space left on device; the first 1000 of 1797 rows are readable in" in call.error


def test_a_terminal_sees_how_long_it_will_take(utsushi, ae_run, tmp_path, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    call = utsushi("encode", ae_run, "--out", tmp_path / "codes.npy")
    assert "encoding" in call.err
    assert "rows" in call.err
    assert "0:00:0" in call.err
    assert call.out == ""


def test_writers_know_every_ending_of_the_command():
    assert set(writers._WRITERS) == {".npy", ".npz", ".csv", ".parquet"}
