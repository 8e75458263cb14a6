"""Samples written block by block, and what remains if the disk is full."""

from contextlib import contextmanager

import numpy as np
import pytest
from pyarrow import csv, parquet

from utsushi import load
from utsushi.cli import encode, output
from utsushi.cli.output import as_text, write_blocks, write_rows
from utsushi.exceptions import DataError
from utsushi.report import Table

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


@contextmanager
def no_larger_files_than(n_bytes):
    """Limit the size of files, as a full disk does."""
    resource = pytest.importorskip("resource", reason="Windows has no limit of this kind")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
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


@pytest.mark.parametrize("kind", ["npy", "npz", "csv", "parquet"])
@pytest.mark.parametrize("n_bytes", [100, 5_000])
def test_a_full_disk_leaves_the_file_as_it_was(tmp_path, kind, n_bytes):
    path = tmp_path / f"codes.{kind}"
    path.write_bytes(b"before")
    with no_larger_files_than(n_bytes), pytest.raises(OSError, match=r"large|space"):
        write_blocks(path, blocks_of(), NAMES, len(CODES))
    assert [found.name for found in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"before"


@pytest.mark.parametrize("kind", ["npy", "npz", "csv", "parquet"])
def test_a_source_that_fails_leaves_nothing(tmp_path, kind):
    def failing():
        yield CODES[:300], {"y": LABELS[:300]}
        raise DataError("the file has shrunk")

    with pytest.raises(DataError, match="the file has shrunk"):
        write_blocks(tmp_path / f"codes.{kind}", failing(), NAMES, len(CODES))
    assert list(tmp_path.iterdir()) == []


def test_the_command_encodes_in_blocks(utsushi, ae_run, tmp_path, monkeypatch):
    X = np.random.default_rng(1).random((50, 64), dtype=np.float32)
    np.save(tmp_path / "x.npy", X)
    monkeypatch.setattr(encode, "BLOCK_ROWS", 20)
    out = tmp_path / "codes.parquet"
    assert utsushi("encode", ae_run, "--data", tmp_path / "x.npy", "--out", out).status == 0
    assert parquet.ParquetFile(out).num_row_groups == 3
    codes = np.column_stack(parquet.read_table(out).columns)
    np.testing.assert_array_equal(codes, load(ae_run / "model.safetensors").transform(X))


def test_a_terminal_sees_how_long_it_will_take(utsushi, ae_run, tmp_path, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    call = utsushi("encode", ae_run, "--out", tmp_path / "codes.npy")
    assert "encoding" in call.err
    assert "samples" in call.err
    assert "0:00:0" in call.err
    assert call.out == ""


def test_writers_know_every_ending_of_the_command():
    assert set(output._WRITERS) == {".npy", ".npz", ".csv", ".parquet"}


def test_tables_of_the_same_headings_have_the_same_widths_and_others_their_own():
    def table(name, *heads):
        return Table((name, *heads), ((f"{name} row", *("1" for _ in heads)),), caption="")

    text = as_text([table("a", "x"), table("a longer name", "x"), table("b", "y"), table("c")])
    lines = [line for line in text.splitlines() if line]
    assert lines[0] == "a                  x"
    assert lines[4:6] == ["b      y", "b row  1"]
    assert lines[6:] == ["c", "c row"]
