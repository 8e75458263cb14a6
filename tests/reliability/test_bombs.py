"""Files that unpack into more than they are, or that are another kind of file, are refused."""

import gzip
import io
import zipfile

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet, table

from utsushi import datasets, load
from utsushi.exceptions import DataError, ModelFileError

MB = 2**20
X = np.random.default_rng(5).random((12, 16), dtype=np.float32)

pytestmark = pytest.mark.usefixtures("memory_watched")


def npy(array):
    """Give the bytes of an array's file."""
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_a_zip_bomb_is_refused(tmp_path, refusal):
    path = tmp_path / "rows.npz"
    header = npy(np.zeros((0, 784), np.float32)).replace(b"(0, 784)", b"(9, 784)")
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("X.npy", "w") as file,
    ):
        file.write(header)
        for _ in range(300):
            file.write(bytes(MB))
    assert path.stat().st_size < MB
    message = refusal(DataError, datasets.open, path)
    assert "at most 200 times its size" in message
    assert "unpack into 314572928" in message


def test_an_archive_whose_header_names_more_than_it_holds_is_refused(tmp_path, refusal):
    path = tmp_path / "rows.npz"
    header = npy(X).replace(b"(12, 16)", b"(10**9, 16)"[:8])
    huge = npy(X).replace(b"(12, 16), }   ", b"(999999999, 16), }"[:14])
    for content in (header, huge):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("X.npy", content)
        refusal(DataError, datasets.open, path)


def test_a_gzip_bomb_is_refused(tmp_path, refusal):
    sizes = (10_000, 200, 200)  # 400 MB of zeros
    head = bytes([0, 0, 8, 3]) + np.array(sizes, ">u4").tobytes()
    path = tmp_path / "train-images-idx3-ubyte.gz"
    with gzip.open(path, "wb") as file:
        file.write(head)
        for _ in range(400):
            file.write(bytes(10**6))
    message = refusal(DataError, datasets.open, tmp_path)
    assert "at most 200 times its size" in message


@pytest.mark.parametrize("side", [4_097, 20_000])
def test_a_picture_of_too_many_pixels_is_refused(side, tmp_path, refusal):
    Image.new("1", (side, side)).save(tmp_path / "bomb.png")
    assert (tmp_path / "bomb.png").stat().st_size < MB
    message = refusal(DataError, datasets.open, tmp_path)
    said = "exceeds limit" if side > 10_000 else "at most 16777216 pixels, got 4097x4097"
    assert said in message


def test_a_table_of_too_many_rows_is_refused(tmp_path, refusal):
    path = tmp_path / "rows.parquet"
    parquet.write_table(table({"a": np.zeros(40_000_000)}), path, row_group_size=40_000_000)
    assert path.stat().st_size < MB
    assert "bytes that unpack into 320000000" in refusal(DataError, datasets.open, path)


def test_a_program_in_the_place_of_a_picture_is_not_run(tmp_path, refusal):
    """Pillow knows EPS, for which it calls Ghostscript."""
    (tmp_path / "one.png").write_bytes(
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n"
    )
    assert "cannot be read" in refusal(DataError, datasets.open, tmp_path)


def test_an_array_of_objects_is_refused(tmp_path, refusal):
    np.save(tmp_path / "rows.npy", np.array([[print, 1]], dtype=object), allow_pickle=True)
    refusal(DataError, datasets.open, tmp_path / "rows.npy")


def test_a_header_longer_than_any_is_not_parsed(tmp_path, refusal):
    path = tmp_path / "model.safetensors"
    size = 2**24 + 8
    path.write_bytes(size.to_bytes(8, "little") + b"{" + b" " * size)
    refusal(ModelFileError, load, path)
