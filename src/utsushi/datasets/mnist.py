"""MNIST: read and write its file format (IDX), load its four files, download them.

The header of an IDX file is big-endian: two zero bytes, the type (8: unsigned byte), the number of
dimensions, then one 32-bit size for each dimension.
"""

from __future__ import annotations

import re
import warnings
from hashlib import sha256
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import HTTPError

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.files import one_line, write_whole
from utsushi.datasets.arrays import dataset_from_arrays, to_floats
from utsushi.datasets.dataset import Dataset
from utsushi.datasets.file_checks import unpack_gzip, unreadable
from utsushi.exceptions import DataError, DownloadError

__all__ = [
    "CHECKSUMS",
    "decode_idx",
    "encode_idx",
    "fetch_mnist",
    "has_mnist_files",
    "is_idx",
    "load_mnist",
    "read_idx",
]

#: MNIST's four files, uncompressed, and their SHA-256.
CHECKSUMS = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

_N_TRAIN = 60_000

_BY_HAND = "Try again later, or put MNIST's four IDX files there yourself"

#: The types of the format, by their codes.
_TYPES = {8: ">u1", 9: ">i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}

_UNSIGNED_BYTE = 8

#: The end of the name of an IDX file, without ``.gz``.
_IDX_NAME = re.compile(r"[-.]idx\d?(-\w+)?$", re.IGNORECASE)


# --- the format ---------------------------------------------------------------------------------


def encode_idx(array: NDArray[np.uint8]) -> bytes:
    """Encode an array of bytes, of any shape, in the IDX format.

    Examples
    --------
    >>> encode_idx(np.array([7, 9], dtype=np.uint8)).hex(" ")
    '00 00 08 01 00 00 00 02 07 09'
    """
    sizes = np.array(array.shape, dtype=">u4").tobytes()
    return bytes([0, 0, _UNSIGNED_BYTE, array.ndim]) + sizes + array.tobytes()


def decode_idx(content: bytes, path: str | Path, n_dimensions: int | None = None) -> NDArray[Any]:
    """Decode the content of an IDX file, uncompressed.

    Parameters
    ----------
    content : bytes
    path : str or Path
        The name of the file in errors.
    n_dimensions : int, optional
        Accept only unsigned bytes with so many dimensions: 3 for images, 1 for labels.

    Returns
    -------
    ndarray of any shape, read-only

    Raises
    ------
    DataError
        If the header or the length is wrong.

    Examples
    --------
    >>> decode_idx(encode_idx(np.array([7, 9], dtype=np.uint8)), "labels")
    array([7, 9], dtype=uint8)
    """
    expected = f"00 00, a type ({', '.join(f'{code:02x}' for code in _TYPES)}), the dimensions"
    is_idx = len(content) >= 4 and content[:2] == b"\0\0" and content[2] in _TYPES
    if n_dimensions is not None:
        magic = bytes([0, 0, _UNSIGNED_BYTE, n_dimensions])
        expected, is_idx = magic.hex(" "), content[:4] == magic
    start = 4 + 4 * content[3] if is_idx else 4
    if not is_idx or len(content) < start:
        raise DataError(
            f"{path} must begin with {expected} and a size for each dimension, as an IDX file, got "
            f"{content[:4].hex(' ') or 'nothing'}. Download it again."
        )
    kind = np.dtype(_TYPES[content[2]])
    shape = tuple(np.frombuffer(content[4:start], ">u4").tolist())
    n_bytes = start + prod(shape) * kind.itemsize
    if len(content) != n_bytes:
        raise DataError(
            f"{path} must have {n_bytes} bytes for the shape {shape} in its header, got "
            f"{len(content)}. Download it again."
        )
    return np.frombuffer(content, kind, offset=start).reshape(shape)


def is_idx(path: Path) -> bool:
    """Recognize an IDX file, plain or gzipped, by its name.

    Examples
    --------
    >>> is_idx(Path("train-images-idx3-ubyte.gz")), is_idx(Path("rows.idx")), is_idx(Path("a.gz"))
    (True, True, False)
    """
    return _IDX_NAME.search(path.name.removesuffix(".gz")) is not None


def read_idx(path: Path) -> Dataset:
    """Read one IDX file of rows or images, of any type, plain or gzipped.

    The labels of a file named ``…images-idx3…`` come from ``…labels-idx1…`` in the same folder, if
    there is one.

    Raises
    ------
    DataError
        If the file is damaged, or the numbers of images and labels differ.
    """
    array = decode_idx(_content_of(path), path)
    name = path.name.removesuffix(".gz")
    labels_path = _find(path.parent, name.replace("images-idx3", "labels-idx1"))
    if "images-idx3" not in name or labels_path is None:
        return dataset_from_arrays(path.name, array)
    labels = decode_idx(_content_of(labels_path), labels_path, 1).astype(np.int64)
    return dataset_from_arrays(path.name, array, y_train=labels)


def _find(folder: Path, name: str) -> Path | None:
    """Return the path of a file, plain or gzipped; None if there is none."""
    paths = (folder / name, folder / f"{name}.gz")
    return next((path for path in paths if path.is_file()), None)


def _content_of(path: Path) -> bytes:
    """Read a whole file, and unpack it if its name ends in ``.gz``."""
    try:
        return unpack_gzip(path) if path.suffix == ".gz" else path.read_bytes()
    except DataError:
        raise
    except Exception as error:  # A damaged gzip file raises one of four unrelated classes.
        raise unreadable(path, "an IDX file", error, "Download it again") from error


# --- the four files -----------------------------------------------------------------------------


def load_mnist(folder: str | Path) -> Dataset:
    """Load MNIST, or a data set in its format, from its four original files.

    Parameters
    ----------
    folder : str or Path
        Holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte``, ``t10k-images-idx3-ubyte``
        and ``t10k-labels-idx1-ubyte``, each plain or gzipped, with ``.gz`` at the end of its name.

    Returns
    -------
    Dataset
        For MNIST ``X_train`` of shape (60000, 784) and ``X_test`` of shape (10000, 784), float32
        in [0, 1]; the labels as int64; ``image_shape`` (28, 28). For other data sets the shapes in
        the headers of the files.

    Raises
    ------
    DataError
        If a file is missing or damaged, or the files do not belong together.

    Examples
    --------
    >>> with TemporaryDirectory() as folder:
    ...     for part, n in [("train", 3), ("t10k", 2)]:
    ...         images = encode_idx(np.zeros((n, 28, 28), dtype=np.uint8))
    ...         labels = encode_idx(np.zeros(n, dtype=np.uint8))
    ...         _ = Path(folder, f"{part}-images-idx3-ubyte").write_bytes(images)
    ...         _ = Path(folder, f"{part}-labels-idx1-ubyte").write_bytes(labels)
    ...     load_mnist(folder)
    Dataset('mnist': 3 training and 2 test samples, 784 features, 28x28 images, float32, labelled)
    """
    folder = Path(folder)
    train_images, train_labels = _load_part(folder, "train")
    test_images, test_labels = _load_part(folder, "t10k")
    if not len(train_images) or not len(test_images):
        raise DataError(
            f"{folder} must have training and test images, got {len(train_images)} and "
            f"{len(test_images)}. Download the files again."
        )
    if train_images.shape[1:] != test_images.shape[1:]:
        raise DataError(
            f"{folder} must have training and test images of one size, got "
            f"{train_images.shape[1:]} and {test_images.shape[1:]}. Use files of one dataset."
        )
    return Dataset(
        name="mnist",
        X_train=to_floats(train_images.reshape(len(train_images), -1)),
        X_test=to_floats(test_images.reshape(len(test_images), -1)),
        y_train=train_labels.astype(np.int64),
        y_test=test_labels.astype(np.int64),
        image_shape=train_images.shape[1:],
        pixels=True,
    )


def has_mnist_files(folder: Path) -> bool:
    """Return whether at least one of MNIST's files is in the folder, plain or gzipped."""
    return any(_find(folder, name) is not None for name in CHECKSUMS)


def _load_part(folder: Path, part: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Read the images, of shape (n, H, W), and the labels of ``part``: "train" or "t10k"."""
    arrays = []
    for name, n_dimensions in ((f"{part}-images-idx3-ubyte", 3), (f"{part}-labels-idx1-ubyte", 1)):
        path = _find(folder, name)
        if path is None:
            raise DataError(
                f"{folder} has no {name} or {name}.gz. Get MNIST's four files with 'utsushi data "
                f"fetch' or datasets.fetch_mnist({str(folder)!r})."
            )
        arrays.append(decode_idx(_content_of(path), path, n_dimensions))
    images, labels = arrays
    if len(images) != len(labels):
        raise DataError(
            f"{folder} must have one label per {part} image, got {len(images)} images and "
            f"{len(labels)} labels. Use files of one dataset."
        )
    return images, labels


# --- the download -------------------------------------------------------------------------------


def fetch_mnist(folder: str | Path) -> Path:
    """Download MNIST into a folder, as its four original files.

    OpenML's ``mnist_784`` holds the 60,000 training images, then the 10,000 test images. Encoded
    in the IDX format, they are the original files bit for bit, which their checksums confirm.
    Undamaged files that already exist are not downloaded again.

    Parameters
    ----------
    folder : str or Path
        The destination, created if it does not exist. `load_mnist` reads it.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DownloadError
        If OpenML cannot be reached, or sends other data. Nothing is written then.
    DataError
        If ``folder`` is a file.

    Examples
    --------
    >>> fetch_mnist("mnist")  # doctest: +SKIP
    PosixPath('mnist')
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} must be a folder, got a file. Choose another name.")
    if all(_is_undamaged(folder, name) for name in CHECKSUMS):
        return folder
    try:
        pixels, labels = _download()
    except Exception as error:  # A bad answer fails in the network, gzip, JSON or ARFF layers.
        if isinstance(error, HTTPError):
            error.close()  # The error holds the connection open.
        raise DownloadError(
            f"mnist_784 could not be downloaded from OpenML ({one_line(error)}), and nothing was "
            f"written to {folder}. {_BY_HAND}."
        ) from error
    files = _as_files(pixels, labels)
    for name, content in files.items():
        checksum = sha256(content).hexdigest()
        if checksum != CHECKSUMS[name]:
            raise DownloadError(
                f"the download of {name} must have the SHA-256 {CHECKSUMS[name]}, got {checksum}; "
                f"nothing was written to {folder}. {_BY_HAND}."
            )
    for name, content in files.items():
        write_whole(folder / name, content)
    return folder


def _is_undamaged(folder: Path, name: str) -> bool:
    path = _find(folder, name)
    try:
        return path is not None and sha256(_content_of(path)).hexdigest() == CHECKSUMS[name]
    except DataError:
        return False


def _download() -> tuple[NDArray[Any], NDArray[Any]]:
    """Download the pixels, of shape (n, 784), and the labels."""
    from sklearn.datasets import fetch_openml

    # scikit-learn's cache would be a second copy. Each retry warns; the last failure is raised.
    with TemporaryDirectory() as cache, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # The pandas parser is faster, but pandas may be absent, and it fails on unquoted labels.
        return fetch_openml(  # type: ignore[no-any-return]
            "mnist_784",
            version=1,
            as_frame=False,
            parser="liac-arff",
            data_home=cache,
            return_X_y=True,
        )


def _as_files(pixels: NDArray[Any], labels: NDArray[Any]) -> dict[str, bytes]:
    """Encode images and labels as MNIST's four files, by name."""
    try:
        with np.errstate(invalid="ignore"):  # Values that are not bytes give a wrong checksum.
            images = pixels.astype(np.uint8).reshape(-1, 28, 28)
            digits = labels.astype(np.uint8)
    except (OverflowError, TypeError, ValueError) as error:
        raise DownloadError(
            "OpenML's mnist_784 must hold 28x28 images with the labels 0 to 9, but it has changed "
            f"({one_line(error)}). {_BY_HAND}."
        ) from error
    return {
        "train-images-idx3-ubyte": encode_idx(images[:_N_TRAIN]),
        "train-labels-idx1-ubyte": encode_idx(digits[:_N_TRAIN]),
        "t10k-images-idx3-ubyte": encode_idx(images[_N_TRAIN:]),
        "t10k-labels-idx1-ubyte": encode_idx(digits[_N_TRAIN:]),
    }
