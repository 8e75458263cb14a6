"""Convolutional networks for images of any size."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, ClassVar

from torch import nn

from utsushi._utils.str_options import SortedStrOptions
from utsushi.exceptions import SettingError
from utsushi.networks.base import (
    INITIALIZATION,
    OUTPUT,
    SIZES,
    EncoderDecoder,
    Network,
    as_sizes,
    is_size,
    output_layers,
)
from utsushi.networks.dense import ACTIVATIONS, check_widths, dense_layers

__all__ = [
    "Conv",
    "check_channels",
    "default_channels",
    "halved",
    "image_shapes",
    "need_image_shape",
]


#: By default an image is halved until its sides are at most so long; channels double each time.
LONGEST_LEFT, FIRST_CHANNELS, MOST_CHANNELS = 7, 32, 256

#: The default width of the dense layer, and the most convolutions that are followed by one.
BEHIND_FEW, FEW = 512, 2


def halved(size: int) -> int:
    """Return the height or width after a strided convolution: half of it, rounded up.

    Examples
    --------
    >>> halved(28), halved(7), halved(1)
    (14, 4, 1)
    """
    return (size + 1) // 2


def check_channels(channels: int | Iterable[Any] | None) -> tuple[int, ...]:
    """Return the channels of convolutional layers as integers; one integer is one layer.

    Raises
    ------
    SettingError
        If there are none, or one of them is not a positive integer.

    Examples
    --------
    >>> check_channels([32, 64])
    (32, 64)
    """
    numbers = as_sizes(channels)
    if not numbers or not all(is_size(number) for number in numbers):
        raise SettingError(
            f"channels must have a positive integer for each layer, got {numbers!r}. Set, for "
            "example, channels=(32, 64)."
        )
    return tuple(int(number) for number in numbers)


def default_channels(image_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the default channels: of as many convolutions as reduce each side to 7 or less.

    The channels double from 32 to 256.

    Parameters
    ----------
    image_shape : (H, W) or (C, H, W)

    Examples
    --------
    >>> default_channels((28, 28)), default_channels((3, 64, 64))
    ((32, 64), (32, 64, 128, 256))
    """
    longest, channels = max(image_shape[-2:]), [FIRST_CHANNELS]
    while (longest := halved(longest)) > LONGEST_LEFT:
        channels.append(min(2 * channels[-1], MOST_CHANNELS))
    return tuple(channels)


class Conv(Network):
    """Strided convolutions, then dense layers; the decoder mirrors both.

    Each convolution has a kernel of 3 × 3 and a stride of 2, so height and width are halved,
    rounded up; the transposed convolution of the decoder restores the exact size.

    Parameters
    ----------
    channels : int, tuple of int or None, default=None
        Channels after each convolution, in the encoder's order. None is `default_channels`.
    hidden : int, tuple of int or None, default=None
        Widths of the dense layers between the convolutions and the code. None takes the
        estimator's; if that is None too, one or two convolutions are followed by one layer of 512
        units. More convolutions need none, because their receptive field is the whole image.
    activation : {"relu", "gelu", "silu", "elu", "tanh"} or None, default=None
        The nonlinearity between the layers. None is "silu".
    output : {"linear", "sigmoid"}, default="linear"
        The range of the decoder's output; see `Dense`.
    initialization : {"uniform", "normal"}, default="normal"
        The initialization of the weights; see `initialize`. With "uniform" the activations shrink
        from layer to layer, and a network of four convolutions hardly trains.
    grid : bool, default=False
        Whether the code keeps the grid of the last convolution, h × w pixels of so many components
        each, which ``n_components`` is a multiple of: a convolution of kernel 1 × 1 takes the place
        of the dense layers. The components of a pixel follow one another, the pixels row by row.

    Examples
    --------
    >>> network = Conv(channels=(8, 16)).sized(35, 100, image_shape=(5, 7))
    >>> network
    Conv(activation='silu', channels=(8, 16), hidden=(512,))
    >>> pair = network.build(35, 2, 2, image_shape=(5, 7))
    >>> import torch
    >>> pair.decoder(pair.encoder(torch.zeros(3, 35))).shape
    torch.Size([3, 35])
    """

    _activation: ClassVar[str] = "silu"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "channels": [*SIZES, None],
        "hidden": [*SIZES, None],
        "activation": [SortedStrOptions(set(ACTIVATIONS)), None],
        "output": OUTPUT,
        "initialization": INITIALIZATION,
        "grid": ["boolean"],
    }

    def __init__(
        self,
        channels: int | tuple[int, ...] | None = None,
        hidden: int | tuple[int, ...] | None = None,
        activation: str | None = None,
        output: str = "linear",
        initialization: str = "normal",
        grid: bool = False,
    ) -> None:
        self.channels = channels
        self.hidden = hidden
        self.activation = activation
        self.output = output
        self.initialization = initialization
        self.grid = grid

    def _chosen(
        self, n_features: int, n_rows: int, image_shape: tuple[int, ...] | None
    ) -> dict[str, Any]:
        channels = default_channels(need_image_shape(image_shape, "conv"))
        sizes = as_sizes(channels if self.channels is None else self.channels)
        hidden = (BEHIND_FEW,) if len(sizes) <= FEW and not self.grid else ()
        return {"channels": channels, "hidden": hidden, "activation": self._activation}

    def build(
        self,
        n_features: int,
        n_codes: int,
        n_outputs: int,
        *,
        image_shape: tuple[int, ...] | None = None,
    ) -> EncoderDecoder:
        """Build the modules; see `Network.build`."""
        self._validate_params()
        widths = check_widths(self.hidden)
        shapes = image_shapes(need_image_shape(image_shape, "conv"), check_channels(self.channels))
        activation = self.activation or self._activation
        flat = math.prod(shapes[-1])
        if self.grid:
            to_code, from_code = _grid_layers(shapes[-1], widths, n_codes, n_outputs)
        else:
            to_code = [nn.Flatten(), *dense_layers([flat, *widths, n_outputs], activation)]
            from_code = [*dense_layers([n_codes, *reversed(widths), flat], activation)]
            from_code += [ACTIVATIONS[activation](), nn.Unflatten(1, shapes[-1])]
        return EncoderDecoder(
            encoder=nn.Sequential(
                nn.Unflatten(1, shapes[0]), *_halving(shapes, activation), *to_code
            ),
            decoder=nn.Sequential(
                *from_code,
                *([ACTIVATIONS[activation]()] if self.grid else []),
                *_doubling(shapes, activation),
                nn.Flatten(),
                *output_layers(self.output),
            ),
        )


def _grid_layers(
    shape: tuple[int, int, int], widths: tuple[int, ...], n_codes: int, n_outputs: int
) -> tuple[list[nn.Module], list[nn.Module]]:
    """Return the layers between the last convolution and a code that keeps its grid, and back.

    Raises
    ------
    SettingError
        If there are dense layers, the code is no multiple of the pixels, or not what the encoder
        gives, as in a variational or conditional model.
    """
    channels, height, width = shape
    n_pixels = height * width
    if widths:
        raise SettingError(f"hidden must be None or () with grid=True, got {widths}.")
    if n_outputs != n_codes:
        raise SettingError(
            "grid must be False where the encoder gives other numbers than the code, as in a "
            "variational or conditional model, got True."
        )
    if n_codes % n_pixels:
        raise SettingError(
            f"n_components must be a multiple of {height} × {width} = {n_pixels}, the pixels of "
            f"the last convolution, with grid=True, got {n_codes}. Set it to {n_pixels}, or change "
            "channels, one for each halving."
        )
    depth = n_codes // n_pixels
    to_code = [nn.Conv2d(channels, depth, 1), nn.Flatten(), *_transposed(depth, n_pixels)]
    from_code = [
        *_transposed(n_pixels, depth),
        nn.Unflatten(1, (depth, height, width)),
        nn.Conv2d(depth, channels, 1),
    ]
    return to_code, from_code


def _transposed(n_rows: int, n_columns: int) -> list[nn.Module]:
    """Return layers of torch that transpose flattened matrices (B, n_rows * n_columns)."""
    size = (n_rows * n_columns, 1, 1)
    return [nn.Unflatten(1, size), nn.ChannelShuffle(n_rows), nn.Flatten()]


def _halving(shapes: list[tuple[int, int, int]], activation: str) -> list[nn.Module]:
    """Return the convolutions, each with its nonlinearity."""
    layers: list[nn.Module] = []
    for (n_inputs, *_), (n_outputs, *_) in pairwise(shapes):
        layers += [
            nn.Conv2d(n_inputs, n_outputs, kernel_size=3, stride=2, padding=1),
            ACTIVATIONS[activation](),
        ]
    return layers


def _doubling(shapes: list[tuple[int, int, int]], activation: str) -> list[nn.Module]:
    """Return the transposed convolutions, with nonlinearities between them."""
    layers: list[nn.Module] = []
    for (n_inputs, *small), (n_outputs, *large) in pairwise(reversed(shapes)):
        # Two sizes are halved to the same one; the padding of the output restores the right one.
        padding = (large[0] - (2 * small[0] - 1), large[1] - (2 * small[1] - 1))
        layers += [
            nn.ConvTranspose2d(n_inputs, n_outputs, 3, stride=2, padding=1, output_padding=padding),
            ACTIVATIONS[activation](),
        ]
    return layers[:-1]


def need_image_shape(image_shape: tuple[int, ...] | None, network: str) -> tuple[int, ...]:
    """Return the shape of the images, which convolutions need.

    Raises
    ------
    SettingError
        If it is None.
    """
    if image_shape is None:
        raise SettingError(
            f"image_shape must be (height, width) or (channels, height, width) for "
            f"network={network!r}, got None. Give the shape that the samples were flattened from."
        )
    return image_shape


def image_shapes(
    image_shape: tuple[int, ...], channels: tuple[int, ...]
) -> list[tuple[int, int, int]]:
    """Return the shape (C, H, W) of the image, and its shape after each strided convolution.

    Examples
    --------
    >>> image_shapes((28, 28), (32, 64))
    [(1, 28, 28), (32, 14, 14), (64, 7, 7)]
    """
    n_channels, height, width = (1, *image_shape) if len(image_shape) == 2 else image_shape
    shapes = [(n_channels, height, width)]
    for number in channels:
        _, height, width = shapes[-1]
        shapes.append((number, halved(height), halved(width)))
    return shapes
