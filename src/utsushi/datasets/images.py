"""A folder of images as rows of pixels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from utsushi.datasets.bounds import LARGEST_IMAGE
from utsushi.datasets.dataset import Dataset
from utsushi.datasets.problems import unreadable
from utsushi.datasets.reading import Reading
from utsushi.exceptions import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["formats", "read_images", "survey_images"]

#: Of Pillow's formats, one for which it calls a program (EPS) and one in which another file may
#: stand that it opens without asking which (IPTC); and those that it knows, and cannot read.
_REFUSED = frozenset({"EPS", "IPTC", "BUFR", "GRIB", "HDF5", "MPEG", "WMF", "FPX", "MIC"})

#: More than 8 bits a pixel, which Pillow's own conversions would clip.
_DEEP_MODES = frozenset({"F", "I", "I;16", "I;16B", "I;16L"})
_GREY_MODES = frozenset({"1", "L", "LA", "La"}) | _DEEP_MODES
_PALETTE_MODES = frozenset({"P", "PA"})


@cache
def formats() -> dict[str, str]:
    """Return Pillow's formats that are read, by the endings of their files, in small letters."""
    from PIL import Image

    known = Image.registered_extensions()  # which loads all of its readers
    return {e: f for e, f in sorted(known.items()) if f in Image.OPEN and f not in _REFUSED}


def read_images(folder: Path, reading: Reading = Reading()) -> Dataset:  # noqa: B008 (frozen)
    """Read all images of a folder, in the order of their names.

    Parameters
    ----------
    folder : Path
        Holds the images, or holds one sub-folder a class, and these the images. Hidden files and
        files with other endings are left alone.
    reading : Reading
        Its ``image_size``, ``color`` and ``skip_bad``.

    Returns
    -------
    Dataset
        float32 in [0, 1], without transparency, turned as their EXIF says. ``image_shape`` is
        (H, W) if all images are grey; if one has colour, all become RGB: (3, H, W). ``y_train`` is
        each image's sub-folder, if there are sub-folders.

    Raises
    ------
    DataError
        If there are no images, their sizes differ, some are in sub-folders and some are not, or
        one cannot be read.
    """
    paths = _find_images(folder)
    labels = _labels(folder, paths)
    skipped: dict[Path, str] = {}
    kept, grey, (height, width) = _survey(paths, reading, skipped)
    shape = (height, width) if grey else (3, height, width)
    X = np.empty((len(kept), *shape), dtype=np.float32)
    n_read = 0
    for path in kept:
        with _skipping(path, reading, skipped):
            X[n_read] = _read_pixels(path, reading.image_size, grey=grey)
            n_read += 1
    if not n_read:
        raise _nothing_left(folder, skipped)
    if labels is not None:
        good = [path not in skipped for path in paths]
        labels = labels[good]
    return Dataset(
        folder.resolve().name,
        X[:n_read].reshape(n_read, -1),
        y_train=labels,
        image_shape=shape,
        skipped=tuple(skipped.values()),
        pixels=True,
    )


def survey_images(folder: Path) -> tuple[list[tuple[int, int]], list[str]]:
    """Look at the headers of all images of a folder, whatever their sizes.

    Returns
    -------
    sizes : list of (height, width)
        Of the images that can be read.
    unreadable : list of str
        Of the others, the reason.
    """
    sizes: list[tuple[int, int]] = []
    skipped: dict[Path, str] = {}
    for path in _find_images(folder):
        with _skipping(path, Reading(skip_bad=True), skipped), _opened(path) as image:
            _check_size(path, image)
            width, height = _turned_size(image)
            sizes.append((height, width))
    return sizes, list(skipped.values())


@contextmanager
def _skipping(path: Path, reading: Reading, skipped: dict[Path, str]) -> Iterator[None]:
    """Note an image that cannot be read, if that is asked for."""
    try:
        yield
    except _BadImageError as error:
        if not reading.skip_bad:
            raise DataError(f"{error}, or leave all such out with skip_bad=True") from error
        skipped[path] = str(error).split(": expected")[0]


def _nothing_left(folder: Path, skipped: dict[Path, str]) -> DataError:
    return DataError(
        f"{folder} has no image that can be read ({len(skipped)} left out, the first: "
        f"{next(iter(skipped.values()))}): expected one at least; repair some"
    )


def _find_images(folder: Path) -> list[Path]:
    """List the images in and under a folder, by name."""
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in formats() and path.is_file() and not _is_hidden(path, folder)
    )
    if not paths:
        raise DataError(
            f"{folder} has no images in it: expected files ending in .png, .jpg, .tif or another "
            "of Pillow's; name the folder that holds them"
        )
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


def _survey(
    paths: list[Path], reading: Reading, skipped: dict[Path, str]
) -> tuple[list[Path], bool, tuple[int, int]]:
    """Look at every image's header: which can be read, are all grey, what is their (H, W)?"""
    kept: list[Path] = []
    grey, first = reading.color != "rgb", None
    for path in paths:
        with _skipping(path, reading, skipped), _opened(path) as image:
            _check_size(path, image)
            grey = grey and (reading.color == "grey" or _is_grey(image))
            width, height = _turned_size(image)
            first = first or (height, width)
            kept.append(path)
            if (height, width) != first and reading.image_size is None:
                raise DataError(
                    f"{kept[0]} is {first[1]}x{first[0]} and {path} is {width}x{height}: expected "
                    "images of one size; say what to bring them to with image_size=(height, width)"
                )
    if first is None:
        raise _nothing_left(paths[0].parent, skipped)
    return kept, grey, reading.image_size or first


def _turned_size(image: Image) -> tuple[int, int]:
    """Return the (width, height) that an image has when it is turned as its EXIF says."""
    from PIL.ExifTags import Base

    width, height = image.size
    lies = image.getexif().get(Base.Orientation, 1) in (5, 6, 7, 8)
    return (height, width) if lies else (width, height)


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


def _read_pixels(path: Path, size: tuple[int, int] | None, *, grey: bool) -> NDArray[np.float32]:
    """Read one image: float32 in [0, 1], of shape (H, W), or (3, H, W) if not ``grey``."""
    from PIL.ImageOps import exif_transpose

    with _opened(path) as stored:
        image = exif_transpose(stored)
        if image.mode in _DEEP_MODES:
            pixels = _fitted_deep(_read_deep(path, image), size)
            return pixels if grey else np.stack([pixels] * 3)
        image = _fitted(image.convert("L" if grey else "RGB"), size)
        pixels = np.asarray(image, dtype=np.float32) / np.float32(255)
        return pixels if grey else pixels.transpose(2, 0, 1)


def _fitted(image: Image, size: tuple[int, int] | None) -> Image:
    """Return an image at (height, width): made smaller or larger, and its longer side cut."""
    from PIL.Image import Resampling
    from PIL.ImageOps import fit

    if size is None or image.size == size[::-1]:
        return image
    return fit(image, size[::-1], Resampling.BICUBIC)


def _fitted_deep(pixels: NDArray[np.float32], size: tuple[int, int] | None) -> NDArray[np.float32]:
    """Do the same to grey values from 0 to 1."""
    from PIL import Image

    return np.asarray(_fitted(Image.fromarray(pixels), size)).clip(0, 1)


def _read_deep(path: Path, image: Image) -> NDArray[np.float32]:
    """Read a grey image of 16 bits a pixel, which some formats deliver in 32."""
    values: NDArray[Any] = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise _BadImageError(
            f"{path} has 32-bit pixels, whose range is unknown: expected 8 or 16 bits; "
            "save it as PNG, or give the values as .npy"
        )
    return (values / 65535).astype(np.float32)


class _BadImageError(DataError):
    """An image that cannot be read, and may be left out."""


@contextmanager
def _opened(path: Path) -> Iterator[Image]:
    """Open an image, and turn any failure inside of the block into one that names the file."""
    from PIL import Image

    try:
        with Image.open(path, formats=sorted(set(formats().values()))) as image:
            yield image
    except DataError:
        raise
    except Exception as error:  # Each format's reader raises what its own parser raised.
        text = str(unreadable(path, "an image", error, "repair or remove it"))
        raise _BadImageError(text) from error
