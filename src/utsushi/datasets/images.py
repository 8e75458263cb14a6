"""A folder of images as rows of pixels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.files import one_line
from utsushi.datasets.dataset import Dataset
from utsushi.datasets.file_checks import LARGEST_IMAGE
from utsushi.datasets.reading import Reading
from utsushi.exceptions import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["formats", "read_images", "survey_images"]

#: Formats of Pillow that are unsafe: it starts a program for EPS, and opens any file within IPTC.
#: The others are formats that it recognizes but cannot read.
_REFUSED = frozenset({"EPS", "IPTC", "BUFR", "GRIB", "HDF5", "MPEG", "WMF", "FPX", "MIC"})

#: Modes with more than 8 bits a pixel, which the conversions of Pillow clip.
_DEEP_MODES = frozenset({"F", "I", "I;16", "I;16B", "I;16L"})
_GREY_MODES = frozenset({"1", "L", "LA", "La"}) | _DEEP_MODES
_PALETTE_MODES = frozenset({"P", "PA"})


@cache
def formats() -> dict[str, str]:
    """Map the lower-case file extensions of the supported formats to their names in Pillow."""
    from PIL import Image

    extensions = Image.registered_extensions()  # loads all readers
    return {e: f for e, f in sorted(extensions.items()) if f in Image.OPEN and f not in _REFUSED}


def read_images(folder: Path, reading: Reading = Reading()) -> Dataset:  # noqa: B008 (frozen)
    """Read all images of a folder, in the order of their names.

    Parameters
    ----------
    folder : Path
        Holds the images, or a sub-folder of images for each class. Hidden files and files with
        other extensions are ignored.
    reading : Reading
        Its ``image_size``, ``color`` and ``skip_bad``.

    Returns
    -------
    Dataset
        float32 in [0, 1], without transparency, rotated by their EXIF orientation. ``image_shape``
        is (H, W) if all images are grey; if one has colour, all become RGB: (3, H, W). ``y_train``
        are the names of the sub-folders, if there are any.

    Raises
    ------
    DataError
        If there are no images, their sizes differ, only some are in sub-folders, or one cannot be
        read.
    """
    paths = _find_images(folder)
    labels = _labels(folder, paths)
    skipped: dict[Path, str] = {}
    headers = list(_headers(paths, reading, skipped))
    first, first_size, _ = headers[0] if headers else (folder, (0, 0), True)
    for path, size, _ in headers:
        if size != first_size and reading.image_size is None:
            raise DataError(
                f"images must have one size, got {first} of {first_size[1]}x{first_size[0]} and "
                f"{path} of {size[1]}x{size[0]}. Set image_size=(height, width) to resize them."
            )
    grey = reading.color == "grey" or (
        reading.color is None and all(is_grey for _, _, is_grey in headers)
    )
    height, width = reading.image_size or first_size
    shape = (height, width) if grey else (3, height, width)
    X = np.empty((len(headers), *shape), dtype=np.float32)
    n_read = 0
    for path, _, _ in headers:
        with _skipping(path, reading, skipped):
            X[n_read] = _read_pixels(path, reading.image_size, grey=grey)
            n_read += 1
    if not n_read:
        raise DataError(
            f"{folder} must have at least one image that can be read, got {len(skipped)} that "
            f"cannot, the first: {next(iter(skipped.values()))}."
        )
    if labels is not None:
        labels = labels[[path not in skipped for path in paths]]
    return Dataset(
        folder.resolve().name,
        X[:n_read].reshape(n_read, -1),
        y_train=labels,
        image_shape=shape,
        skipped=tuple(skipped.values()),
        pixels=True,
    )


def survey_images(folder: Path) -> tuple[list[tuple[int, int]], list[str]]:
    """Read the headers of all images of a folder.

    Returns
    -------
    sizes : list of (height, width)
        Of the images that can be read; they may differ.
    unreadable : list of str
        The reasons for the others.
    """
    skipped: dict[Path, str] = {}
    headers = _headers(_find_images(folder), Reading(skip_bad=True), skipped)
    return [size for _, size, _ in headers], list(skipped.values())


def _headers(
    paths: list[Path], reading: Reading, skipped: dict[Path, str]
) -> Iterator[tuple[Path, tuple[int, int], bool]]:
    """Yield the path of each readable image, its (height, width), and whether it is grey."""
    from PIL.ExifTags import Base

    for path in paths:
        with _skipping(path, reading, skipped), _opened(path) as image:
            width, height = image.size
            if width * height > LARGEST_IMAGE:
                raise DataError(
                    f"{path} must have at most {LARGEST_IMAGE} pixels, got {width}x{height}. "
                    "Resize or crop it first."
                )
            is_grey = reading.color is None and _is_grey(image)
            is_turned = image.getexif().get(Base.Orientation, 1) in (5, 6, 7, 8)
            size = (width, height) if is_turned else (height, width)
            yield path, size, is_grey


@contextmanager
def _skipping(path: Path, reading: Reading, skipped: dict[Path, str]) -> Iterator[None]:
    """Record an image that cannot be read in ``skipped``, or raise its error."""
    try:
        yield
    except _BadImageError as error:
        if not reading.skip_bad:
            raise DataError(f"{error} Set skip_bad=True to leave out all such images.") from error
        skipped[path] = error.reason


def _find_images(folder: Path) -> list[Path]:
    """List the images in and under a folder, by name."""
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in formats() and path.is_file() and not _is_hidden(path, folder)
    )
    if not paths:
        raise DataError(
            f"{folder} must hold files ending in .png, .jpg, .tif or another format of Pillow's, "
            "got no images. Name the folder that holds them."
        )
    return paths


def _is_hidden(path: Path, folder: Path) -> bool:
    """Return whether the name of the file or of a folder below ``folder`` begins with a dot."""
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _labels(folder: Path, paths: list[Path]) -> NDArray[np.str_] | None:
    """Return the name of each image's sub-folder; None without sub-folders."""
    path_parts = [path.relative_to(folder).parts for path in paths]
    loose = [path for path, parts in zip(paths, path_parts, strict=True) if len(parts) == 1]
    if len(loose) == len(paths):
        return None
    if loose:
        nested = next(path for path in paths if path.parent != folder)
        raise DataError(
            f"{folder} must have images in itself or in sub-folders, got both ({loose[0].name} and "
            f"{nested.relative_to(folder)}). Move the loose images into a sub-folder."
        )
    return np.array([parts[0] for parts in path_parts])


def _is_grey(image: Image) -> bool:
    """Return whether an image has no colour: by its mode or, with a palette, by its pixels."""
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
    """Resize an image to (height, width), and crop its longer side."""
    from PIL.Image import Resampling
    from PIL.ImageOps import fit

    if size is None or image.size == size[::-1]:
        return image
    return fit(image, size[::-1], Resampling.BICUBIC)


def _fitted_deep(pixels: NDArray[np.float32], size: tuple[int, int] | None) -> NDArray[np.float32]:
    """Resize and crop grey values from 0 to 1."""
    from PIL import Image

    return np.asarray(_fitted(Image.fromarray(pixels), size)).clip(0, 1)


def _read_deep(path: Path, image: Image) -> NDArray[np.float32]:
    """Read a grey image of 16 bits a pixel, which some formats store in 32, as [0, 1]."""
    values: NDArray[Any] = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise _BadImageError(
            f"{path} has 32-bit pixels, whose range is unknown",
            "Save it as PNG with 8 or 16 bits, or give the values as .npy.",
        )
    return (values / 65535).astype(np.float32)


class _BadImageError(DataError):
    """Report an image that cannot be read, and may be skipped."""

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(f"{reason}. {fix}")
        self.reason = reason


@contextmanager
def _opened(path: Path) -> Iterator[Image]:
    """Open an image, and convert any error in the block to one that names the file."""
    from PIL import Image

    try:
        with Image.open(path, formats=sorted(set(formats().values()))) as image:
            yield image
    except DataError:
        raise
    except Exception as error:  # Each format has its own errors.
        reason = f"{path} cannot be read ({one_line(error)})"
        raise _BadImageError(reason, "Repair or remove it.") from error
