"""Colour images drawn from a few random numbers each: a sky, ground, a disc and a box.

    python benchmarks/images/procedural.py FOLDER [--n 3000] [--size 64] [--seed 0]

writes them as PNG files, for the command line. ``procedural_images`` returns them as an array.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

__all__ = ["procedural_images"]


def procedural_images(n_samples: int, size: int, seed: int = 0) -> NDArray[np.float32]:
    """Return images of shape (n_samples, 3 * size * size), channels first, values in [0, 1].

    A sky whose colour changes with height, ground below a horizon, a disc and a tilted box with
    soft edges, each of random colour, size and place, under light from one side.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:size, 0:size] / (size - 1) - 0.5
    images = np.empty((n_samples, 3, size, size), dtype=np.float32)
    for image in images:
        image[:] = _mix(_colour(rng), _colour(rng), y + 0.5)
        horizon = y - rng.uniform(-0.1, 0.3) - rng.uniform(-0.4, 0.4) * x
        _paint(image, _colour(rng), horizon, size)
        centre = rng.uniform(-0.3, 0.3, size=2)
        disc = rng.uniform(0.08, 0.22) - np.hypot(y - centre[0], x - centre[1])
        _paint(image, _colour(rng), disc, size)
        angle, centre, half = (
            rng.uniform(0, np.pi),
            rng.uniform(-0.3, 0.3, 2),
            rng.uniform(0.06, 0.2, 2),
        )
        along = np.cos(angle) * (x - centre[1]) + np.sin(angle) * (y - centre[0])
        across = np.cos(angle) * (y - centre[0]) - np.sin(angle) * (x - centre[1])
        box = np.minimum(half[0] - np.abs(along), half[1] - np.abs(across))
        _paint(image, _colour(rng), box, size)
        image[:] *= (1 + rng.uniform(-0.3, 0.3) * x).astype(np.float32)
    return images.clip(0, 1).reshape(n_samples, -1)


def _colour(rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a colour, not far from grey."""
    return (rng.uniform(0.25, 0.75) + rng.uniform(-0.2, 0.2, size=3))[:, None, None]


def _mix(first: NDArray[np.float64], second: NDArray[np.float64], share: NDArray[np.float64]):
    return first + (second - first) * share


def _paint(image, colour, inside: NDArray[np.float64], size: int) -> None:
    """Paint where ``inside`` is positive, with an edge of a pixel."""
    image[:] = _mix(image, colour, (inside * size + 0.5).clip(0, 1))


def main() -> None:
    """Write the images as PNG files."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--n", type=int, default=3000)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    images = procedural_images(arguments.n, arguments.size, arguments.seed)
    pixels = (255 * images.reshape(-1, 3, arguments.size, arguments.size)).round().astype(np.uint8)
    for number, image in enumerate(pixels.transpose(0, 2, 3, 1)):
        Image.fromarray(image).save(arguments.folder / f"{number:05}.png")


if __name__ == "__main__":
    main()
