"""Random augmentation of training samples at each step, against overfitting."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from torch import Generator, Tensor
from torch.nn import functional

from utsushi.exceptions import DataError, SettingError

__all__ = ["AUGMENTATIONS", "Affine", "Augmentation", "Binarize"]


class Augmentation(BaseEstimator, ABC):
    """The base of all augmentations. Only training samples are augmented, never held-out ones."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    def check(self, rows: Tensor, image_shape: tuple[int, ...] | None) -> None:
        """Raise an error if rows (n, D), in the units of the input, cannot be augmented."""
        self._validate_params()

    @abstractmethod
    def __call__(
        self, rows: Tensor, image_shape: tuple[int, ...] | None, generator: Generator
    ) -> Tensor:
        """Return augmented samples.

        Parameters
        ----------
        rows : Tensor of shape (B, D)
            In the units of the input.
        image_shape : (H, W) or (C, H, W), optional
            The shape of a sample before it was flattened.
        generator : Generator
            The only source of random numbers.

        Returns
        -------
        Tensor of shape (B, D)
        """


class Affine(Augmentation):
    """Small random rotations, scales and shifts of images, by bilinear interpolation.

    Pixels that leave the frame are lost; those that enter it repeat the pixels of the edge.

    Parameters
    ----------
    rotation : float in [0, 180], default=7.5
        The largest angle, in degrees, to either side.
    scale : float in [0, 1), default=0.05
        The largest fraction by which an image grows or shrinks.
    shift : float >= 0, default=0.5
        The largest shift along each axis, in pixels.
    probability : float in [0, 1], default=0.5
        The probability that a sample is transformed at all; the others keep their pixels.

    Examples
    --------
    >>> rows = torch.rand(4, 64)
    >>> Affine()(rows, (8, 8), torch.Generator().manual_seed(0)).shape
    torch.Size([4, 64])
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "rotation": [Interval(Real, 0, 180, closed="both")],
        "scale": [Interval(Real, 0, 1, closed="left")],
        "shift": [Interval(Real, 0, None, closed="left")],
        "probability": [Interval(Real, 0, 1, closed="both")],
    }

    def __init__(
        self,
        rotation: float = 7.5,
        scale: float = 0.05,
        shift: float = 0.5,
        probability: float = 0.5,
    ) -> None:
        self.rotation = rotation
        self.scale = scale
        self.shift = shift
        self.probability = probability

    def check(self, rows: Tensor, image_shape: tuple[int, ...] | None) -> None:
        """Raise a `SettingError` if the samples are not images."""
        super().check(rows, image_shape)
        if image_shape is None:
            raise SettingError(
                "image_shape must be set for augment='affine', got None. Set image_shape=(height, "
                "width)."
            )

    def __call__(
        self, rows: Tensor, image_shape: tuple[int, ...] | None, generator: Generator
    ) -> Tensor:
        """Transform each image by its own affine map; see `Augmentation`."""
        if image_shape is None:
            raise SettingError("image_shape must be the shape of the images, got None.")
        height, width = image_shape[-2:]
        # Only the chosen samples are interpolated: the others stay equal bit for bit.
        uniform = _uniform((len(rows), 5), rows, generator)
        moved = (uniform[:, 0] < self.probability).nonzero().flatten()
        maps = self._maps(2 * uniform[moved, 1:] - 1, height, width)
        if not len(moved):
            return rows
        n_channels = math.prod(image_shape[:-2])
        images = rows[moved].view(len(moved), n_channels, height, width)
        grid = functional.affine_grid(maps, list(images.shape), align_corners=False)
        images = functional.grid_sample(images, grid, padding_mode="border", align_corners=False)
        return rows.index_copy(0, moved, images.flatten(1))

    def _maps(self, uniform: Tensor, height: int, width: int) -> Tensor:
        """Return affine maps (B, 2, 3) for numbers (B, 4) in [-1, 1], from target to source."""
        angle = uniform[:, 0] * math.radians(self.rotation)
        zoom = 1 + uniform[:, 1] * self.scale
        # The grid runs from -1 to 1 along both axes, so pixels that are square in the image are
        # not in the grid, and a pixel is 2 / width of it.
        aspect = height / width
        cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
        shift_x = uniform[:, 2] * (2 * self.shift / width)
        shift_y = uniform[:, 3] * (2 * self.shift / height)
        return torch.stack(
            [
                torch.stack([cos, -sin * aspect, shift_x], dim=-1),
                torch.stack([sin / aspect, cos, shift_y], dim=-1),
            ],
            dim=-2,
        )


class Binarize(Augmentation):
    """Stochastic binarization: at each step, a value is the probability of drawing a one.

    Likelihoods of binary images are commonly reported on grey images binarized in this way;
    Burda et al. 2016, https://arxiv.org/abs/1509.00519

    Examples
    --------
    >>> Binarize()(torch.tensor([[0.0, 1.0]]), None, torch.Generator().manual_seed(0))
    tensor([[0., 1.]])
    """

    def check(self, rows: Tensor, image_shape: tuple[int, ...] | None) -> None:
        """Raise a `DataError` if a value is not a probability."""
        super().check(rows, image_shape)
        # The tolerance is for the rounding of samples that were scaled and restored.
        worst = max(-rows.min().item(), rows.max().item() - 1)
        if worst > 1e-4:
            raise DataError(
                "the data must be probabilities from 0 to 1 for augment='binarize', got a value "
                f"that is outside by {worst:.4g}. Divide by the largest value."
            )

    def __call__(
        self, rows: Tensor, image_shape: tuple[int, ...] | None, generator: Generator
    ) -> Tensor:
        """Draw each value; see `Augmentation`."""
        uniform = _uniform(rows.shape, rows, generator)
        return (uniform < rows).to(rows.dtype)


def _uniform(shape: Sequence[int], like: Tensor, generator: Generator) -> Tensor:
    """Draw uniform numbers in [0, 1), whatever torch's default dtype is; on the rows' device."""
    uniform = torch.rand(shape, generator=generator, dtype=torch.float32, device=generator.device)
    return uniform.to(like)


#: The names that the ``augment`` parameter takes.
AUGMENTATIONS: dict[str, type[Augmentation]] = {"affine": Affine, "binarize": Binarize}
