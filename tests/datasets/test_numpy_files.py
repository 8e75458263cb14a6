import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from utsushi import datasets
from utsushi._utils.lazy_rows import LazyRows
from utsushi.exceptions import DataError, NonFiniteDataError


@given(
    hnp.arrays(
        st.sampled_from([np.float32, np.float64]),
        hnp.array_shapes(min_dims=2, max_dims=4, max_side=4),
        elements=st.floats(-100, 100, width=32),
    )
)
def test_an_array_of_any_shape_comes_back_from_its_file(tmp_path_factory, array):
    path = tmp_path_factory.getbasetemp() / "any.npy"
    np.save(path, array)
    data = datasets.open(path)
    assert data.X.dtype == array.dtype
    np.testing.assert_array_equal(data.X.reshape(array.shape), array)


def test_a_float_file_stays_on_the_disk(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((3, 2), dtype=np.float32))
    assert isinstance(datasets.open(tmp_path / "a.npy").X_train, np.memmap)


def test_a_file_of_bytes_holds_pixels(tmp_path):
    np.save(tmp_path / "a.npy", np.full((2, 5, 5), 255, dtype=np.uint8))
    data = datasets.open(tmp_path / "a.npy")
    assert (data.X.max(), data.image_shape) == (1.0, (5, 5))


@pytest.mark.parametrize(
    "content", [b"", b"not an array", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x01\x00\x05\x00{{{{{"]
)
@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_a_file_of_something_else_is_named(tmp_path, name, content, refusal):
    (tmp_path / name).write_bytes(content)
    assert f"{name} cannot be read" in refusal(DataError, datasets.open, tmp_path / name)


def test_an_array_cut_short_is_named(tmp_path, refusal):
    path = tmp_path / "a.npy"
    np.save(path, np.ones((50, 50)))
    path.write_bytes(path.read_bytes()[:-8])
    assert "a.npy cannot be read" in refusal(DataError, datasets.open, path)


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_pickled_objects_are_never_loaded(tmp_path, name, refusal):
    objects = np.array([[{}]], dtype=object)
    save = np.save if name == "a.npy" else np.savez
    save(tmp_path / name, objects)
    assert f"{name} cannot be read" in refusal(DataError, datasets.open, tmp_path / name)


def test_an_archive_of_X_and_y_has_labels(tmp_path):
    np.savez(tmp_path / "a.npz", X=np.ones((2, 3)), y=np.array(["no", "yes"]))
    assert datasets.open(tmp_path / "a.npz").y.tolist() == ["no", "yes"]


@pytest.mark.parametrize("letter", ["X", "x"])
def test_an_archive_of_four_parts_keeps_its_split(tmp_path, letter):
    parts = {f"{letter}_train": np.ones((3, 2)), f"{letter}_test": np.zeros((1, 2))}
    np.savez(tmp_path / "a.npz", **parts, y_train=np.arange(3), y_test=np.arange(1))
    data = datasets.open(tmp_path / "a.npz")
    assert (len(data.X_train), len(data.X_test), data.y.tolist()) == (3, 1, [0, 1, 2, 0])


def test_an_archive_of_one_array_may_call_it_anything(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", whatever=np.ones((2, 3)))
    assert datasets.open(tmp_path / "a.npz").X.shape == (2, 3)


def test_an_archive_of_other_names_is_refused_with_them(tmp_path, refusal):
    np.savez(tmp_path / "a.npz", left=np.ones((2, 3)), right=np.ones((2, 3)))
    assert "got left, right" in refusal(DataError, datasets.open, tmp_path / "a.npz")


def test_a_byte_changed_in_an_archive_is_noticed(tmp_path, refusal):
    path = tmp_path / "a.npz"
    np.savez(path, X=np.ones((50, 50)))
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.write_bytes(content)
    assert "a.npz cannot be read" in refusal(DataError, datasets.open, path)


def test_parts_of_different_image_shapes_are_refused(tmp_path, refusal):
    np.savez(tmp_path / "a.npz", X_train=np.ones((3, 2, 6)), X_test=np.ones((3, 3, 4)))
    assert "got (2, 6) and (3, 4)" in refusal(DataError, datasets.open, tmp_path / "a.npz")


def test_the_part_with_the_missing_value_is_named(tmp_path, refusal):
    np.savez(tmp_path / "a.npz", X_train=np.ones((3, 2)), X_test=np.full((1, 2), np.nan))
    message = refusal(NonFiniteDataError, datasets.open, tmp_path / "a.npz")
    assert message.startswith("the test part of a.npz must be finite, got NaN at row 0")


def test_labels_that_are_missing_are_refused(tmp_path, refusal):
    np.savez(tmp_path / "a.npz", X=np.ones((2, 2)), y=np.array([0.0, np.nan]))
    message = refusal(NonFiniteDataError, datasets.open, tmp_path / "a.npz")
    assert "the label column of a.npz must be finite, got NaN at row 1" in message


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float16])
def test_large_files_of_other_numbers_become_floats_as_they_are_read(tmp_path, monkeypatch, dtype):
    images = np.random.default_rng(0).integers(0, 255, (20, 4, 5)).astype(dtype)
    np.save(tmp_path / "x.npy", images)
    whole = datasets.open(tmp_path / "x.npy")
    monkeypatch.setattr("utsushi.datasets.arrays.LARGE_SIZE", 0)
    lazy = datasets.open(tmp_path / "x.npy")
    assert isinstance(lazy.X_train, LazyRows)
    assert lazy.X_train.dtype == whole.X_train.dtype
    np.testing.assert_array_equal(lazy.X_train[3:9], whole.X_train[3:9])
    assert datasets.describe(lazy) == datasets.describe(whole)
