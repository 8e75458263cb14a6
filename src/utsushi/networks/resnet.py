"""Residual convolutional networks with group normalization."""

from __future__ import annotations

import math
from itertools import pairwise
from numbers import Integral
from typing import Any, ClassVar

from sklearn.utils._param_validation import Interval
from torch import Generator, Tensor, nn
from torch.nn import functional

from utsushi._utils.str_options import SortedStrOptions
from utsushi.networks.base import (
    OUTPUT,
    SIZES,
    EncoderDecoder,
    Network,
    initialize,
    output_layers,
)
from utsushi.networks.conv import check_channels, default_channels, image_shapes, need_image_shape
from utsushi.networks.dense import ACTIVATIONS

__all__ = ["ResNet", "ResidualBlock"]

#: The most groups of a normalization.
MOST_GROUPS = 8


class ResNet(Network):
    """Residual blocks at each size of an image; the decoder mirrors the encoder.

    A stage is ``n_blocks`` residual blocks, then a convolution with a stride of 2. The last stage
    is followed by a linear layer to the code. The decoder resizes by nearest neighbors.

    Parameters
    ----------
    channels : int, tuple of int or None, default=None
        Channels of each stage, in the encoder's order; each halves height and width. None is
        `default_channels`.
    n_blocks : int >= 1, default=1
        Residual blocks in each stage: normalization, nonlinearity and convolution, twice.
    activation : {"relu", "gelu", "silu", "elu", "tanh"}, default="silu"
    output : {"linear", "sigmoid"}, default="linear"
        The range of the decoder's output; see `Dense`.

    References
    ----------
    He, Zhang, Ren and Sun 2016, *Identity Mappings in Deep Residual Networks*,
    https://arxiv.org/abs/1603.05027; Wu and He 2018, *Group Normalization*,
    https://arxiv.org/abs/1803.08494

    Examples
    --------
    >>> import torch
    >>> pair = ResNet(channels=(8, 16)).build(35, 2, 2, image_shape=(5, 7))
    >>> pair.decoder(pair.encoder(torch.zeros(3, 35))).shape
    torch.Size([3, 35])
    """

    initialization = "normal"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "channels": [*SIZES, None],
        "n_blocks": [Interval(Integral, 1, None, closed="left")],
        "activation": [SortedStrOptions(set(ACTIVATIONS))],
        "output": OUTPUT,
    }

    def __init__(
        self,
        channels: int | tuple[int, ...] | None = None,
        n_blocks: int = 1,
        activation: str = "silu",
        output: str = "linear",
    ) -> None:
        self.channels = channels
        self.n_blocks = n_blocks
        self.activation = activation
        self.output = output

    def _chosen(
        self, n_features: int, n_rows: int, image_shape: tuple[int, ...] | None
    ) -> dict[str, Any]:
        return {"channels": default_channels(need_image_shape(image_shape, "resnet"))}

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
        channels = check_channels(self.channels)
        shapes = image_shapes(need_image_shape(image_shape, "resnet"), channels)
        first, last, flat = channels[0], channels[-1], math.prod(shapes[-1])
        encoder: list[nn.Module] = [
            nn.Unflatten(1, shapes[0]),
            nn.Conv2d(shapes[0][0], first, kernel_size=3, padding=1),
        ]
        for n_inputs, n_outs in pairwise((first, *channels)):
            encoder += self._blocks(n_inputs)
            encoder.append(nn.Conv2d(n_inputs, n_outs, kernel_size=3, stride=2, padding=1))
        encoder += [*self._normalized(last), nn.Flatten(), nn.Linear(flat, n_outputs)]
        decoder: list[nn.Module] = [nn.Linear(n_codes, flat), nn.Unflatten(1, shapes[-1])]
        sizes = [shape[1:] for shape in reversed(shapes[:-1])]
        for (n_inputs, n_outs), size in zip(
            pairwise((*reversed(channels), first)), sizes, strict=True
        ):
            decoder += [Resize(size), nn.Conv2d(n_inputs, n_outs, kernel_size=3, padding=1)]
            decoder += self._blocks(n_outs)
        decoder += [
            *self._normalized(first),
            nn.Conv2d(first, shapes[0][0], kernel_size=3, padding=1),
            nn.Flatten(),
            *output_layers(self.output),
        ]
        return EncoderDecoder(nn.Sequential(*encoder), nn.Sequential(*decoder))

    def _blocks(self, channels: int) -> list[nn.Module]:
        return [ResidualBlock(channels, self.activation) for _ in range(self.n_blocks)]

    def _normalized(self, channels: int) -> list[nn.Module]:
        return [_group_norm(channels), ACTIVATIONS[self.activation]()]


class ResidualBlock(nn.Module):
    """Add the output of two convolutions to an image (B, C, H, W); initially it is zero.

    Parameters
    ----------
    channels : int
    activation : str
        A key of `ACTIVATIONS`.
    """

    def __init__(self, channels: int, activation: str) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            _group_norm(channels),
            ACTIVATIONS[activation](),
            nn.Conv2d(channels, channels, kernel_size=3, padding=1),
            _group_norm(channels),
            ACTIVATIONS[activation](),
            nn.Conv2d(channels, channels, kernel_size=3, padding=1),
        )

    def initialize(self, generator: Generator) -> None:
        """Draw the weights; those of the last convolution are zero."""
        initialize(self.branch, generator, "normal")
        last = self.branch[-1]
        assert isinstance(last, nn.Conv2d)
        nn.init.zeros_(last.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return an image of the same shape."""
        changed: Tensor = self.branch(x)
        return x + changed


class Resize(nn.Module):
    """Repeat pixels of an image (B, C, h, w) to a height and width."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        """Return an image (B, C, *size)."""
        return functional.interpolate(x, size=self.size, mode="nearest")


def _group_norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(math.gcd(channels, MOST_GROUPS), channels)
