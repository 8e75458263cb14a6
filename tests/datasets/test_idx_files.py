import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from utsushi import datasets
from utsushi.datasets.mnist import decode_idx, encode_idx
from utsushi.exceptions import DataError


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path, images):
    for part, rows in [("train", slice(0, 3)), ("t10k", slice(3, 5))]:
        (tmp_path / f"{part}-images-idx3-ubyte").write_bytes(encode_idx(images[rows]))
        labels = np.arange(5, dtype=np.uint8)[rows]
        (tmp_path / f"{part}-labels-idx1-ubyte").write_bytes(encode_idx(labels))
    return tmp_path


@given(hnp.arrays(np.uint8, hnp.array_shapes(max_dims=4)))
def test_what_was_encoded_is_decoded_again(array):
    decoded = decode_idx(encode_idx(array), "here")
    np.testing.assert_array_equal(decoded, array)


def test_the_images_are_rows_scaled_to_one(folder, images):
    rows = images.reshape(5, 12).astype(np.float32) / np.float32(255)
    np.testing.assert_array_equal(datasets.load_mnist(folder).X, rows)


def test_the_labels_are_int64_in_the_files_order(folder):
    y = datasets.load_mnist(folder).y
    assert (y.dtype, y.tolist()) == (np.int64, [0, 1, 2, 3, 4])


def test_the_image_shape_is_the_headers(folder):
    assert datasets.load_mnist(folder).image_shape == (4, 3)


def test_gzipped_files_give_the_same_data(folder, images):
    expected = datasets.load_mnist(folder).X
    for path in list(folder.iterdir()):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    np.testing.assert_array_equal(datasets.load_mnist(folder).X, expected)


def test_open_recognizes_the_folder(folder):
    assert datasets.open(str(folder)).name == "mnist"


def test_a_missing_file_is_named_with_the_way_to_get_it(folder, refusal):
    (folder / "t10k-labels-idx1-ubyte").unlink()
    message = refusal(DataError, datasets.load_mnist, folder)
    assert "no t10k-labels-idx1-ubyte" in message
    assert "utsushi data fetch" in message


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: b"", "got nothing"),
        (lambda content: content[:6], "got 00 00 08 03"),
        (lambda content: b"\x00\x00\x08\x01" + content[4:], "begin with 00 00 08 03"),
        (lambda content: content[:-1], "must have 52 bytes"),
        (lambda content: content + b"\x00", "got 53"),
    ],
    ids=["empty", "short header", "wrong magic", "cut short", "too long"],
)
def test_a_damaged_file_is_named_with_what_is_wrong(folder, damage, message, refusal):
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(damage(path.read_bytes()))
    refused = refusal(DataError, datasets.load_mnist, folder)
    assert str(path) in refused
    assert message in refused


def test_a_damaged_gzip_file_is_named(folder, refusal):
    path = folder / "train-images-idx3-ubyte"
    packed = path.with_name(f"{path.name}.gz")
    packed.write_bytes(gzip.compress(path.read_bytes())[:-10])
    path.unlink()
    assert f"{packed} cannot be read" in refusal(DataError, datasets.load_mnist, folder)


def test_a_label_too_many_is_refused(folder, refusal):
    (folder / "train-labels-idx1-ubyte").write_bytes(encode_idx(np.zeros(4, np.uint8)))
    assert "per train image, got 3 images and 4 labels" in refusal(
        DataError, datasets.load_mnist, folder
    )


def test_parts_of_two_image_sizes_are_refused(folder, refusal):
    (folder / "t10k-images-idx3-ubyte").write_bytes(encode_idx(np.zeros((2, 4, 4), np.uint8)))
    assert "images of one size" in refusal(DataError, datasets.load_mnist, folder)


def idx(array, code):
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.tobytes()


TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


@pytest.mark.parametrize("code", TYPES)
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_one_file_of_any_type_is_rows(tmp_path, code, packed):
    content = idx(np.array([[0, 1], [2, 3]], TYPES[code]), code)
    path = tmp_path / ("rows.idx.gz" if packed else "rows.idx")
    path.write_bytes(gzip.compress(content) if packed else content)
    scale = np.float32(255) if code == 8 else 1
    np.testing.assert_allclose(datasets.open(path).X * scale, [[0, 1], [2, 3]], rtol=1e-6)


def test_one_file_of_images_has_the_labels_beside_it(tmp_path):
    images = encode_idx(np.zeros((2, 3, 4), np.uint8))
    (tmp_path / "some-images-idx3-ubyte").write_bytes(images)
    labels = encode_idx(np.array([7, 5], np.uint8))
    (tmp_path / "some-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    data = datasets.open(tmp_path / "some-images-idx3-ubyte")
    assert (data.image_shape, data.y.tolist()) == ((3, 4), [7, 5])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "got nothing"),
        (b"\0\0\x0a\x01\0\0\0\0", "got 00 00 0a 01"),
        (b"\0\0\x08\x02\0\0\0\x02", "got 00 00 08 02"),
        (
            idx(np.ones((2, 2), ">u1"), 8)[:-1],
            "16 bytes for the shape (2, 2) in its header, got 15",
        ),
    ],
)
def test_one_damaged_file_is_named(tmp_path, content, message, refusal):
    (tmp_path / "rows.idx").write_bytes(content)
    assert message in refusal(DataError, datasets.open, tmp_path / "rows.idx")
