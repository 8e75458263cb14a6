"""The one download of this library: all of MNIST, from OpenML, to known checksums."""

from __future__ import annotations

import warnings
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.error import HTTPError

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.files import one_line, write_whole
from utsushi.datasets.idx import CHECKSUMS, encode_idx, find_idx, read_content
from utsushi.exceptions import DataError, DownloadError

__all__ = ["fetch_mnist"]

_N_TRAIN = 60_000
#: For pandas: read as a category, unquoted labels would become numbers, and scikit-learn's parser
#: fails when it looks for quotes around numbers. The labels are the column after the pixels.
_LABELS_AS_TEXT = {"dtype": {28 * 28: str}}
_BY_HAND = "or put MNIST's four IDX files there by hand"


def fetch_mnist(folder: str | Path) -> Path:
    """Download MNIST into a folder, as its four original files.

    OpenML's ``mnist_784`` holds the 60,000 training images, then the 10,000 test images; written
    in the IDX format, they are the original files bit for bit, and so they must have the original
    checksums. Files that are there already and right are not downloaded again.

    Parameters
    ----------
    folder : str or Path
        Where the files go; created if need be. `load_mnist` reads it.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    DownloadError
        If OpenML cannot be reached, or sends something else. Nothing is written then.
    DataError
        If ``folder`` is a file.

    Examples
    --------
    >>> fetch_mnist("mnist")  # doctest: +SKIP
    PosixPath('mnist')
    """
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise DataError(f"{folder} is a file: expected a folder; choose another name")
    if all(_is_there(folder, name) for name in CHECKSUMS):
        return folder
    pixels, labels = _download(folder)
    contents = _as_files(pixels, labels)
    for name, content in contents.items():
        _check_sum(name, content, folder)
    for name, content in contents.items():
        write_whole(folder / name, content)
    return folder


def _is_there(folder: Path, name: str) -> bool:
    """Tell whether a file is in the folder, plain or gzipped, and undamaged."""
    path = find_idx(folder, name)
    if path is None:
        return False
    try:
        return sha256(read_content(path)).hexdigest() == CHECKSUMS[name]
    except DataError:
        return False


def _download(folder: Path) -> tuple[NDArray[Any], NDArray[Any]]:
    """Ask OpenML for the pixels, of shape (n, 784), and the labels."""
    from sklearn.datasets import fetch_openml

    # The other parser is pure Python: slower, but always there.
    parser = "auto" if find_spec("pandas") else "liac-arff"
    try:
        # The cache goes too: what is kept is the checked files, not a second copy.
        with TemporaryDirectory() as cache, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Each retry warns; only the last failure matters.
            bunch = fetch_openml(
                "mnist_784",
                version=1,
                as_frame=False,
                parser=parser,
                data_home=cache,
                read_csv_kwargs=_LABELS_AS_TEXT,
            )
        return np.asarray(bunch.data), np.asarray(bunch.target)
    except Exception as error:  # A bad answer fails in the network, gzip, JSON or ARFF layers.
        if isinstance(error, HTTPError):
            error.close()  # It is the server's answer too, and holds the connection open.
        raise DownloadError(
            f"mnist_784 could not be downloaded from OpenML ({one_line(error)}): "
            f"nothing was written to {folder}; try again later, {_BY_HAND}"
        ) from error


def _as_files(pixels: NDArray[Any], labels: NDArray[Any]) -> dict[str, bytes]:
    """Write images and labels as MNIST's four files, by name."""
    try:
        with np.errstate(invalid="ignore"):  # Values that are no bytes give a wrong checksum.
            images = pixels.astype(np.uint8).reshape(-1, 28, 28)
            digits = np.char.strip(labels.astype(str), "'").astype(np.uint8)
    except (OverflowError, TypeError, ValueError) as error:
        raise DownloadError(
            f"OpenML's mnist_784 is not what it was ({one_line(error)}): expected 28x28 images "
            f"with the labels 0 to 9; try again later, {_BY_HAND}"
        ) from error
    return {
        "train-images-idx3-ubyte": encode_idx(images[:_N_TRAIN]),
        "train-labels-idx1-ubyte": encode_idx(digits[:_N_TRAIN]),
        "t10k-images-idx3-ubyte": encode_idx(images[_N_TRAIN:]),
        "t10k-labels-idx1-ubyte": encode_idx(digits[_N_TRAIN:]),
    }


def _check_sum(name: str, content: bytes, folder: Path) -> None:
    """Refuse content that is not the original's."""
    found = sha256(content).hexdigest()
    if found != CHECKSUMS[name]:
        raise DownloadError(
            f"the download of {name} has SHA-256 {found}: expected {CHECKSUMS[name]}; nothing was "
            f"written to {folder}; try again later, {_BY_HAND}"
        )
