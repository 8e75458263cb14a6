"""Bottlenecks: what the codes of an autoencoder pass through on their way to the decoder.

A bottleneck is described before the size of the code is known (`Bottleneck`), and then is a module:
``forward(codes, generator)`` takes the encoder's output (B, H) and returns the codes that the
decoder gets, and values of each sample (B,) by name: ``bottleneck`` is added to the objective, all
are shown by the history. The generator is None at inference.

One with discrete codes builds a `Quantizer`, which has ``n_positions``, ``n_symbols``, and the
methods ``indices`` and ``lookup`` between an encoder's outputs, symbols and codes.
"""

from utsushi.networks.bottlenecks.base import Bottleneck, Identity, Parts, Quantizer, perplexity
from utsushi.networks.bottlenecks.scalar import FiniteScalarQuantization, FiniteScalarQuantizer
from utsushi.networks.bottlenecks.vector import (
    ResidualVectorQuantization,
    ResidualVectorQuantizer,
    VectorQuantization,
    VectorQuantizer,
)

__all__ = [
    "BOTTLENECKS",
    "Bottleneck",
    "FiniteScalarQuantization",
    "FiniteScalarQuantizer",
    "Identity",
    "Parts",
    "Quantizer",
    "ResidualVectorQuantization",
    "ResidualVectorQuantizer",
    "VectorQuantization",
    "VectorQuantizer",
    "perplexity",
]

#: The names that the ``bottleneck`` parameter takes.
BOTTLENECKS: dict[str, type[Bottleneck]] = {
    "identity": Identity,
    "vector-quantization": VectorQuantization,
    "residual-vector-quantization": ResidualVectorQuantization,
    "finite-scalar-quantization": FiniteScalarQuantization,
}
