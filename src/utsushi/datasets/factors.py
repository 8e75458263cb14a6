"""Images drawn from known factors, to measure how well a code separates them."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.exceptions import SettingError

__all__ = ["FactorImages", "make_factors"]

#: The values of each factor. Lengths are in units of half an image.
_GRID: dict[str, NDArray[Any]] = {
    "shape": np.arange(3.0),
    "scale": np.linspace(0.5, 1.0, 6),
    "rotation": np.arange(20) * 4.5,
    "horizontal": np.linspace(-0.5, 0.5, 16),
    "vertical": np.linspace(-0.5, 0.5, 16),
}

#: The square root of a shape's area at scale 1, in units of half an image.
_SIDE = 0.55

#: The longer axis of the ellipse over the shorter one.
_ELONGATION = 2.0


@dataclass(frozen=True, eq=False, repr=False)
class FactorImages:
    """Hold drawn images and the factors that they were drawn from.

    Attributes
    ----------
    X : ndarray of shape (n_samples, size * size), float32
        Grey values in [0, 1].
    factors : ndarray of shape (n_samples, 5), float64
        The value of each factor.
    names : tuple of str
        The names of the factors, in the order of the columns.
    categorical : tuple of int
        The columns of ``factors`` whose values are numbers of classes.
    image_shape : (size, size)
        The shape of a row of ``X``.
    """

    X: NDArray[np.float32]
    factors: NDArray[np.float64]
    names: tuple[str, ...]
    categorical: tuple[int, ...]
    image_shape: tuple[int, int]

    def __repr__(self) -> str:
        height, width = self.image_shape
        return f"FactorImages({len(self.X)} {height}x{width} images of {', '.join(self.names)})"


def make_factors(
    n_samples: int = 5_000,
    *,
    size: int = 32,
    random_state: int | np.random.RandomState | None = None,
) -> FactorImages:
    """Draw white shapes on black, each from five independent factors.

    ========== ================= ===============================================================
    factor     number of values  meaning
    ========== ================= ===============================================================
    shape      3                 0 square, 1 ellipse, 2 triangle, of equal areas
    scale      6                 0.5 to 1, a factor of lengths
    rotation   20                0 to 85.5 degrees, within which no shape repeats itself
    horizontal 16                -0.5 to 0.5: the centre, in halves of an image, to the right
    vertical   16                -0.5 to 0.5: the same, downwards
    ========== ================= ===============================================================

    Each sample takes one of the 92,160 combinations at random, with replacement. Edges are smooth:
    the grey value of a pixel is about the fraction of it that the shape covers.

    Parameters
    ----------
    n_samples : int >= 1, default=5000
        The number of images.
    size : int >= 8, default=32
        The height and the width of an image in pixels. The factors of a ``random_state`` are the
        same for every size.
    random_state : int, RandomState or None, default=None
        Seed of the factors. None takes entropy from the system.

    Returns
    -------
    FactorImages
        ``X`` of shape (n_samples, size * size), float32 in [0, 1], and ``factors`` of shape
        (n_samples, 5), float64.

    Raises
    ------
    SettingError
        If ``n_samples``, ``size`` or ``random_state`` is out of range.

    References
    ----------
    Similar to dSprites: Matthey, Higgins, Hassabis and Lerchner 2017, *dSprites:
    Disentanglement testing Sprites dataset*, https://github.com/google-deepmind/dsprites-dataset

    Examples
    --------
    >>> images = make_factors(100, random_state=0)
    >>> images
    FactorImages(100 32x32 images of shape, scale, rotation, horizontal, vertical)
    >>> images.X.shape, images.factors.shape
    ((100, 1024), (100, 5))
    """
    from utsushi._utils.seeds import Purpose, numpy_generator, seed_from

    _check_at_least("n_samples", n_samples, 1)
    _check_at_least("size", size, 8)
    generator = numpy_generator(seed_from(random_state), Purpose.FACTORS)
    factors = np.stack([generator.choice(values, n_samples) for values in _GRID.values()], axis=1)
    return FactorImages(
        X=_images_of(factors, size),
        factors=factors,
        names=tuple(_GRID),
        categorical=(0,),
        image_shape=(size, size),
    )


def _check_at_least(name: str, value: Any, least: int) -> None:
    if not isinstance(value, Integral) or value < least:
        raise SettingError(f"{name} must be an integer of at least {least}, got {value!r}.")


def _images_of(factors: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """Return the images of factors (n, 5), shape (n, size * size)."""
    pixels = ((np.arange(size) + 0.5) / size * 2 - 1).astype(np.float32)
    y, x = (axis.ravel() for axis in np.meshgrid(pixels, pixels, indexing="ij"))
    images = np.empty((len(factors), size * size), dtype=np.float32)
    for shape, inside in enumerate(_SHAPES):
        rows = factors[:, 0] == shape
        scale, degrees, right, down = factors[rows, 1:, None].astype(np.float32).swapaxes(0, 1)
        angle, length = np.deg2rad(degrees), _SIDE * scale
        across, along = (x - right) / length, (y - down) / length
        u = np.cos(angle) * across + np.sin(angle) * along
        v = np.cos(angle) * along - np.sin(angle) * across
        # A pixel is 2 / size wide, and white from half a pixel inside of the edge.
        images[rows] = (inside(u, v) * length * (size / 2) + 0.5).clip(0, 1)
    return images


# Each function returns the distance of points from the edge of a shape of area 1 around the origin,
# positive inside.


def _in_square(u: Any, v: Any) -> Any:
    return 0.5 - np.maximum(np.abs(u), np.abs(v))


def _in_ellipse(u: Any, v: Any) -> Any:
    # To first order: the level of the ellipse over the length of its gradient.
    long, short = np.sqrt(_ELONGATION / np.pi), np.sqrt(1 / (_ELONGATION * np.pi))
    slope = 2 * np.hypot(u / long**2, v / short**2)
    return (1 - (u / long) ** 2 - (v / short) ** 2) / np.maximum(slope, 1e-6)


def _in_triangle(u: Any, v: Any) -> Any:
    inradius = (3 * np.sqrt(3)) ** -0.5
    slanted = np.abs(u) * np.sqrt(0.75) - v / 2
    return inradius - np.maximum(v, slanted)


_SHAPES = (_in_square, _in_ellipse, _in_triangle)
