"""Describe networks as lists of layers, which a page's script can run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from utsushi.distributions.likelihoods.mixed import LogCounts, SharedParameters
from utsushi.exceptions import SettingError
from utsushi.networks.base import Sigmoid
from utsushi.networks.bottlenecks import (
    FiniteScalarQuantizer,
    ResidualVectorQuantizer,
    VectorQuantizer,
)
from utsushi.networks.linear import Linear
from utsushi.report.tensors import Blob, Reference

__all__ = ["CannotRunError", "Layer", "layers_of"]

#: A layer as plain data, ready for JSON.
Layer = dict[str, Any]

#: By exact type, because a subclass may compute something else.
_ACTIVATIONS: dict[type[nn.Module], str] = {
    nn.ReLU: "relu",
    nn.GELU: "gelu",
    nn.SiLU: "silu",
    nn.ELU: "elu",
    nn.Tanh: "tanh",
    nn.Sigmoid: "sigmoid",
    Sigmoid: "sigmoid",
}

_RUNS = (
    "Linear, Conv2d and ConvTranspose2d (square kernels), Flatten, Unflatten, "
    "ReLU, GELU, SiLU, ELU, Tanh and Sigmoid, one after the other, and quantizers"
)


class CannotRunError(SettingError):
    """Say that a page cannot run a part of a model.

    Attributes
    ----------
    part : {"network", "codes", "posterior", "prior", "likelihood"}
    name : str
        Its class.
    """

    def __init__(self, message: str, part: str, name: str) -> None:
        super().__init__(message)
        self.part, self.name = part, name


def layers_of(module: nn.Module, blob: Blob) -> list[Layer]:
    """Describe a sequence of layers, and add its weights to a blob.

    Flattening and its inverse are left out, because each convolution has the shapes of its input
    and output. Large weights are rounded to float16, small ones and biases are not.

    Parameters
    ----------
    module : Module
        An encoder or a decoder, from and to tensors of shape (B, D).
    blob : Blob
        The weights are added to it.

    Returns
    -------
    list of dict
        The layers in order; each has a ``type``, ``"linear"``, ``"conv"``,
        ``"conv_transpose"``, ``"quantize"``, ``"quantize_residual"``, ``"round"``, ``"shift"``,
        ``"log_counts"`` or the name of an activation function.

    Raises
    ------
    CannotRunError
        If a page cannot run a layer.

    Examples
    --------
    >>> [layer["type"] for layer in layers_of(nn.Sequential(Linear(3, 2), nn.ReLU()), Blob())]
    ['linear', 'relu']
    """
    layers: list[Layer] = []
    shape: tuple[int, ...] | None = None  # of the image between two layers; None if it is flat
    for leaf in _leaves(module):
        kind = type(leaf)
        if kind in _ACTIVATIONS and _is_plain(leaf):
            layers.append({"type": _ACTIVATIONS[kind]})
        elif kind in (nn.Linear, Linear) and shape is None:
            layers.append({"type": "linear", **_parameters(leaf, blob)})
        elif kind is VectorQuantizer and shape is None:
            codebook: Tensor = leaf.codebook  # type: ignore[assignment]
            vectors = blob.add(_numpy(codebook), "float32")
            layers.append({"type": "quantize", "weight": vectors})
        elif kind is ResidualVectorQuantizer and shape is None:
            codebooks = [_numpy(level.codebook) for level in leaf.levels]  # type: ignore[union-attr]
            vectors = blob.add(np.stack(codebooks), "float32")
            layers.append({"type": "quantize_residual", "weight": vectors})
        elif kind is FiniteScalarQuantizer and shape is None:
            layers.append({"type": "round", "levels": list(leaf.levels)})  # type: ignore[arg-type]
        elif kind is SharedParameters and shape is None:
            # The parameters that all samples share are part of the likelihood.
            offset: Tensor = leaf.offset  # type: ignore[assignment]
            layers.append({"type": "shift", "bias": blob.add(_numpy(offset), "float32")})
        elif kind is LogCounts and shape is None:
            is_count: Tensor = leaf._is_count  # type: ignore[assignment]
            layers.append({"type": "log_counts", "where": blob.add(_numpy(is_count), "uint8")})
        elif isinstance(leaf, nn.Unflatten) and leaf.dim == 1 and shape is None:
            shape = tuple(leaf.unflattened_size)
        elif isinstance(leaf, nn.Flatten) and (leaf.start_dim, leaf.end_dim) == (1, -1):
            shape = None
        elif kind in (nn.Conv2d, nn.ConvTranspose2d) and shape is not None and _is_square(leaf):
            layers.append(_convolution(leaf, shape, blob))
            shape = tuple(layers[-1]["output"])
        else:
            name = type(leaf).__name__
            message = f"network must be made of {_RUNS} for a page, got {name}."
            raise CannotRunError(message, "network", name)
    return layers


def _numpy(tensor: Tensor) -> NDArray[Any]:
    return tensor.detach().cpu().numpy()


def _leaves(module: nn.Module) -> Iterator[nn.Module]:
    """Yield the layers of nested sequences in order."""
    if type(module) is not nn.Sequential:
        yield module
        return
    for child in module:
        yield from _leaves(child)


def _is_plain(activation: nn.Module) -> bool:
    """Return whether an activation has the default parameters that its name implies."""
    return (
        getattr(activation, "alpha", 1.0) == 1.0
        and getattr(activation, "approximate", "none") == "none"
    )


def _is_square(layer: Any) -> bool:
    """Return whether `_convolution` can describe a convolution."""
    sizes = (layer.kernel_size, layer.stride, layer.padding)
    return (
        all(isinstance(size, tuple) and len(set(size)) == 1 for size in sizes)
        and set(layer.dilation) == {1}
        and layer.groups == 1
        and layer.padding_mode == "zeros"
    )


def _convolution(layer: Any, shape: tuple[int, ...], blob: Blob) -> Layer:
    """Describe a convolution of images of ``shape`` (C, H, W), or a transposed one."""
    kernel, stride, padding = layer.kernel_size[0], layer.stride[0], layer.padding[0]
    transposed = isinstance(layer, nn.ConvTranspose2d)
    if transposed:
        # Two input sizes have the same output size; the output padding tells them apart.
        sizes = [
            (size - 1) * stride - 2 * padding + kernel + output_padding
            for size, output_padding in zip(shape[1:], layer.output_padding, strict=True)
        ]
    else:
        sizes = [(size + 2 * padding - kernel) // stride + 1 for size in shape[1:]]
    return {
        "type": "conv_transpose" if transposed else "conv",
        **_parameters(layer, blob),
        "stride": stride,
        "padding": padding,
        "input": list(shape),
        "output": [layer.out_channels, *sizes],
    }


def _parameters(layer: Any, blob: Blob) -> dict[str, Reference | None]:
    """Add the weights of a layer to the blob and return the references."""
    weight = blob.add_rounded(layer.weight.detach().cpu().numpy())
    bias = layer.bias
    return {
        "weight": weight,
        "bias": None if bias is None else blob.add(bias.detach().cpu().numpy(), "float32"),
    }
