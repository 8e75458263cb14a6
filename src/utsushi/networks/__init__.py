"""Networks: encoders and decoders as torch modules, for data of any shape."""

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
from utsushi.networks.dictionary import Dictionary
from utsushi.networks.resnet import ResNet
from utsushi.networks.sparse_codes import (
    L1,
    SPARSITIES,
    BatchTopK,
    JumpReLU,
    Sparsity,
    TopK,
)

__all__ = [
    "BOTTLENECKS",
    "L1",
    "NETWORKS",
    "SPARSITIES",
    "BatchTopK",
    "Bottleneck",
    "Conv",
    "Dense",
    "Dictionary",
    "EncoderDecoder",
    "FiniteScalarQuantization",
    "JumpReLU",
    "Network",
    "ResNet",
    "ResidualVectorQuantization",
    "Sparsity",
    "TopK",
    "VectorQuantization",
    "default_channels",
    "default_width",
    "initialize",
]

#: The names that the ``network`` parameter takes.
NETWORKS: dict[str, type[Network]] = {
    "dense": Dense,
    "conv": Conv,
    "resnet": ResNet,
    "dictionary": Dictionary,
}
