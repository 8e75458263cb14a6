"""A folder of images as rows of pixels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from utsushi.datasets.bounds import LARGEST_IMAGE
from utsushi.datasets.dataset import Dataset
from utsushi.datasets.problems import unreadable
from utsushi.exceptions import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["SUFFIXES", "read_images"]

#: The endings of the files that count as images, in small letters.
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm"})

#: What may stand behind these endings. Of its other formats, Pillow would call a program for one.
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")

#: More than 8 bits a pixel, which Pillow's own conversions would clip.
_DEEP_MODES = frozenset({"F", "I", "I;16", "I;16B", "I;16L"})
_GREY_MODES = frozenset({"1", "L", "LA", "La"}) | _DEEP_MODES
_PALETTE_MODES = frozenset({"P", "PA"})


def read_images(folder: Path) -> Dataset:
    """Read all images of a folder, in the order of their names.

    Parameters
    ----------
    folder : Path
        Holds the images, or holds one sub-folder a class, and these the images. Hidden files and
        files with other endings are left alone.

    Returns
    -------
    Dataset
        float32 in [0, 1], without transparency. ``image_shape`` is (H, W) if all images are grey;
        if one has colour, all become RGB: (3, H, W). ``y_train`` is each image's sub-folder, if
        there are sub-folders.

    Raises
    ------
    DataError
        If there are no images, their sizes differ, some are in sub-folders and some are not, or
        one cannot be read.
    """
    paths = _find_images(folder)
    labels = _labels(folder, paths)
    grey, (width, height) = _survey(paths)
    shape = (height, width) if grey else (3, height, width)
    X = np.empty((len(paths), *shape), dtype=np.float32)
    for i, path in enumerate(paths):
        X[i] = _read_pixels(path, grey=grey)
    return Dataset(folder.resolve().name, X.reshape(len(X), -1), y_train=labels, image_shape=shape)


def _find_images(folder: Path) -> list[Path]:
    """List the images in and under a folder, by name."""
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and path.is_file() and not _is_hidden(path, folder)
    )
    if not paths:
        endings = ", ".join(sorted(SUFFIXES))
        raise DataError(f"{folder} has no images in it: expected files ending in {endings}")
    return paths


def _is_hidden(path: Path, folder: Path) -> bool:
    """Tell whether a name between ``folder`` and the file, or the file's own, begins with a dot."""
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _labels(folder: Path, paths: list[Path]) -> NDArray[np.str_] | None:
    """Name each image's sub-folder; None if the images are in the folder itself."""
    places = [path.relative_to(folder).parts for path in paths]
    loose = [path for path, parts in zip(paths, places, strict=True) if len(parts) == 1]
    if len(loose) == len(paths):
        return None
    if loose:
        nested = next(path for path in paths if path.parent != folder)
        raise DataError(
            f"{folder} has images in itself ({loose[0].name}) and in sub-folders "
            f"({nested.relative_to(folder)}): expected one or the other; "
            "move the loose images into a sub-folder"
        )
    return np.array([parts[0] for parts in places])


def _survey(paths: list[Path]) -> tuple[bool, tuple[int, int]]:
    """Look at every image's header: are all grey, and what is their one size (width, height)?"""
    grey, size = True, None
    for path in paths:
        with _opened(path) as image:
            _check_size(path, image)
            grey = grey and _is_grey(image)
            size = size or image.size
            if image.size != size:
                raise DataError(
                    f"{paths[0]} is {size[0]}x{size[1]} and {path} is "
                    f"{image.size[0]}x{image.size[1]}: expected images of one size; "
                    "resize or crop them first"
                )
    assert size is not None  # There is at least one path.
    return grey, size


def _check_size(path: Path, image: Image) -> None:
    """Refuse an image whose header names more pixels than anybody would learn from."""
    width, height = image.size
    if width * height > LARGEST_IMAGE:
        raise DataError(
            f"{path} is {width}x{height}: expected at most {LARGEST_IMAGE} pixels; resize or crop "
            "it first"
        )


def _is_grey(image: Image) -> bool:
    """Tell whether an image has no colour by its mode, or by its pixels if it has a palette."""
    if image.mode in _PALETTE_MODES:
        red, green, blue = image.convert("RGB").split()
        return red.tobytes() == green.tobytes() == blue.tobytes()
    return image.mode in _GREY_MODES


def _read_pixels(path: Path, *, grey: bool) -> NDArray[np.float32]:
    """Read one image: float32 in [0, 1], of shape (H, W), or (3, H, W) if not ``grey``."""
    with _opened(path) as image:
        if image.mode in _DEEP_MODES:
            pixels = _read_deep(path, image)
            return pixels if grey else np.stack([pixels] * 3)
        bytes_ = np.asarray(image.convert("L" if grey else "RGB"), dtype=np.float32)
        pixels = bytes_ / np.float32(255)
        return pixels if grey else pixels.transpose(2, 0, 1)


def _read_deep(path: Path, image: Image) -> NDArray[np.float32]:
    """Read a grey image of 16 bits a pixel, which some formats deliver in 32."""
    values: NDArray[Any] = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise DataError(
            f"{path} has 32-bit pixels, whose range is unknown: expected 8 or 16 bits; "
            "save it as PNG, or give the values as .npy"
        )
    return (values / 65535).astype(np.float32)


@contextmanager
def _opened(path: Path) -> Iterator[Image]:
    """Open an image, and turn any failure inside of the block into one that names the file."""
    from PIL import Image

    try:
        with Image.open(path, formats=_FORMATS) as image:
            yield image
    except DataError:
        raise
    except Exception as error:  # Each format's reader raises what its own parser raised.
        raise unreadable(path, "an image", error, "repair or remove it") from error
