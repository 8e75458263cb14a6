"""MNIST's own file format, IDX: a magic number, the sizes, then bytes.

The header is big-endian: two zero bytes, the type (8: unsigned byte), the number of dimensions,
then one 32-bit size a dimension.
"""

from __future__ import annotations

import re
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.datasets.arrays import dataset_from_arrays, to_floats
from utsushi.datasets.bounds import unpack_gzip
from utsushi.datasets.dataset import Dataset
from utsushi.datasets.problems import unreadable
from utsushi.exceptions import DataError

__all__ = [
    "CHECKSUMS",
    "decode_idx",
    "encode_idx",
    "find_idx",
    "has_idx_files",
    "is_idx",
    "load_mnist",
    "read_content",
    "read_idx",
]

#: MNIST's four files, uncompressed, and their SHA-256.
CHECKSUMS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

_UNSIGNED_BYTE = 8

#: The types of the format, by their codes.
_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}

#: What a file of this format is called, without ``.gz``.
_NAME = re.compile(r"[-.]idx\d?(-\w+)?$", re.IGNORECASE)


def load_mnist(folder: str | Path) -> Dataset:
    """Load MNIST, or a data set in its format, from its four original files.

    Parameters
    ----------
    folder : str or Path
        Where ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte``
        and ``t10k-labels-idx1-ubyte`` are, each plain or with ``.gz`` at the end of its name.

    Returns
    -------
    Dataset
        For MNIST ``X_train`` of shape (60000, 784) and ``X_test`` of shape (10000, 784), float32
        in [0, 1]; the labels as int64; ``image_shape`` (28, 28), or what the files' headers say.

    Raises
    ------
    DataError
        If a file is missing or damaged, or the files do not belong together.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for part, n in [("train", 3), ("t10k", 2)]:
    ...         images = encode_idx(np.zeros((n, 28, 28), dtype=np.uint8))
    ...         labels = encode_idx(np.zeros(n, dtype=np.uint8))
    ...         _ = Path(folder, f"{part}-images-idx3-ubyte").write_bytes(images)
    ...         _ = Path(folder, f"{part}-labels-idx1-ubyte").write_bytes(labels)
    ...     load_mnist(folder)
    Dataset('mnist': 3 training and 2 test rows, 784 features, 28x28 images, float32, labelled)
    """
    folder = Path(folder)
    train_images, train_labels = _load_part(folder, "train")
    test_images, test_labels = _load_part(folder, "t10k")
    if not len(train_images) or not len(test_images):
        raise DataError(
            f"{folder} has {len(train_images)} training and {len(test_images)} test images, "
            "expected one or more of both; fetch the files again"
        )
    if train_images.shape[1:] != test_images.shape[1:]:
        raise DataError(
            f"{folder} has training images of {train_images.shape[1:]} and test images of "
            f"{test_images.shape[1:]}: expected one size; put files of one data set there"
        )
    return Dataset(
        name="mnist",
        X_train=to_floats(train_images.reshape(len(train_images), -1)),
        X_test=to_floats(test_images.reshape(len(test_images), -1)),
        y_train=train_labels.astype(np.int64),
        y_test=test_labels.astype(np.int64),
        image_shape=train_images.shape[1:],
        pixels=train_images.dtype == np.uint8,
    )


def is_idx(path: Path) -> bool:
    """Tell by its name whether a file is of the IDX format, plain or gzipped.

    Examples
    --------
    >>> is_idx(Path("train-images-idx3-ubyte.gz")), is_idx(Path("rows.idx")), is_idx(Path("a.gz"))
    (True, True, False)
    """
    return _NAME.search(path.name.removesuffix(".gz")) is not None


def read_idx(path: Path) -> Dataset:
    """Read one IDX file of rows or images, of any of its types; plain or gzipped.

    Labels are taken from the file beside it that is called ``labels-idx1`` where it is called
    ``images-idx3``, if there is one.

    Raises
    ------
    DataError
        If the file is damaged, or its labels are not as many as its images.
    """
    array = _decode_any(read_content(path), path)
    name = path.name.removesuffix(".gz")
    beside = find_idx(path.parent, name.replace("images-idx3", "labels-idx1"))
    if "images-idx3" not in name or beside is None:
        return dataset_from_arrays(path.name, array)
    labels = decode_idx(read_content(beside), 1, beside).astype(np.int64)
    return dataset_from_arrays(path.name, array, y_train=labels)


def _decode_any(content: bytes, path: Path) -> NDArray[Any]:
    """Read an array of any type and number of dimensions."""
    if content[:2] != b"\0\0" or len(content) < 4 or content[2] not in _TYPES:
        codes = ", ".join(f"{code:02x}" for code in _TYPES)
        raise DataError(
            f"{path} begins with {content[:4].hex(' ') or 'nothing'}: expected 00 00, a type "
            f"({codes}) and the number of dimensions, as in an IDX file; fetch it again"
        )
    kind, start = np.dtype(_TYPES[content[2]]), 4 + 4 * content[3]
    shape = tuple(int(size) for size in np.frombuffer(content[4:start][: 4 * content[3]], ">u4"))
    expected = start + prod(shape) * kind.itemsize
    if len(shape) < content[3] or len(content) != expected:
        raise DataError(
            f"{path} has {len(content)} bytes: expected {expected} for the shape {shape} in its "
            "header; fetch it again"
        )
    return np.frombuffer(content, kind, offset=start).reshape(shape)


def has_idx_files(folder: Path) -> bool:
    """Tell whether at least one of MNIST's files is in the folder, plain or gzipped."""
    return any(find_idx(folder, name) is not None for name in CHECKSUMS)


def find_idx(folder: Path, name: str) -> Path | None:
    """Find one of MNIST's files, plain or gzipped; None if it is not there."""
    for path in (folder / name, folder / f"{name}.gz"):
        if path.is_file():
            return path
    return None


def read_content(path: Path) -> bytes:
    """Read a file whole, unpacked if its name ends in ``.gz``; `DataError` if that fails."""
    try:
        return unpack_gzip(path) if path.suffix == ".gz" else path.read_bytes()
    except DataError:
        raise
    except Exception as error:  # A damaged gzip file raises one of four unrelated classes.
        raise unreadable(path, "an IDX file", error, "fetch it again") from error


def encode_idx(array: NDArray[np.uint8]) -> bytes:
    """Write an array of bytes, of any shape, in the IDX format.

    Examples
    --------
    >>> import numpy as np
    >>> encode_idx(np.array([7, 9], dtype=np.uint8)).hex(" ")
    '00 00 08 01 00 00 00 02 07 09'
    """
    sizes = np.array(array.shape, dtype=">u4").tobytes()
    return bytes([0, 0, _UNSIGNED_BYTE, array.ndim]) + sizes + array.tobytes()


def decode_idx(content: bytes, n_dimensions: int, path: str | Path) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes.

    Parameters
    ----------
    content : bytes
        The whole file, uncompressed.
    n_dimensions : int
        How many dimensions the array has to have: 3 for images, 1 for labels.
    path : str or Path
        What errors call the file.

    Returns
    -------
    ndarray of n_dimensions dimensions, uint8, read-only

    Raises
    ------
    DataError
        If the magic number or the length is wrong.

    Examples
    --------
    >>> import numpy as np
    >>> decode_idx(encode_idx(np.array([7, 9], dtype=np.uint8)), 1, "labels")
    array([7, 9], dtype=uint8)
    """
    magic = bytes([0, 0, _UNSIGNED_BYTE, n_dimensions])
    start = 4 + 4 * n_dimensions
    if content[:4] != magic or len(content) < start:
        raise DataError(
            f"{path} begins with {content[:4].hex(' ') or 'nothing'}: expected {magic.hex(' ')} "
            f"and then {n_dimensions} of 32 bits for the shape, as in an IDX file of bytes; "
            "fetch it again"
        )
    shape = tuple(int(size) for size in np.frombuffer(content[4:start], ">u4"))
    if len(content) != start + prod(shape):
        raise DataError(
            f"{path} has {len(content)} bytes: expected {start + prod(shape)} for the shape "
            f"{shape} in its header; fetch it again"
        )
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _load_part(folder: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read the images, of shape (n, H, W), and the labels of ``part``: "train" or "t10k"."""
    images = _load_file(folder, f"{part}-images-idx3-ubyte", 3)
    labels = _load_file(folder, f"{part}-labels-idx1-ubyte", 1)
    if len(images) != len(labels):
        raise DataError(
            f"{folder} has {len(images)} {part} images and {len(labels)} labels: expected one "
            "label an image; put files of one data set there"
        )
    return images, labels


def _load_file(folder: Path, name: str, n_dimensions: int) -> NDArray[np.uint8]:
    """Read one of the four files."""
    path = find_idx(folder, name)
    if path is None:
        raise DataError(
            f"{folder} has no {name} or {name}.gz: expected MNIST's four files; "
            f"get them with 'utsushi data fetch' or datasets.fetch_mnist({str(folder)!r})"
        )
    return decode_idx(read_content(path), n_dimensions, path)
