"""Encoders and decoders for any shape; they know no numpy and no fit."""

from utsushi.networks.base import EncoderDecoder, Network, initialize
from utsushi.networks.bottlenecks import (
    BOTTLENECKS,
    Bottleneck,
    FiniteScalarQuantization,
    ResidualVectorQuantization,
    VectorQuantization,
)
from utsushi.networks.conv import Conv, default_channels
from utsushi.networks.dense import Dense, default_width
from utsushi.networks.resnet import ResNet

__all__ = [
    "BOTTLENECKS",
    "NETWORKS",
    "Bottleneck",
    "Conv",
    "Dense",
    "EncoderDecoder",
    "FiniteScalarQuantization",
    "Network",
    "ResNet",
    "ResidualVectorQuantization",
    "VectorQuantization",
    "default_channels",
    "default_width",
    "initialize",
]

#: The names that the ``network`` parameter takes.
NETWORKS: dict[str, type[Network]] = {"dense": Dense, "conv": Conv, "resnet": ResNet}
