"""What every network is: an encoder and a decoder, described before they are built."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from numbers import Integral
from typing import Any, ClassVar

import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from torch import Generator, Tensor, nn

from utsushi.choices import Names

__all__ = [
    "OUTPUT",
    "SIZES",
    "EncoderDecoder",
    "Network",
    "Sigmoid",
    "as_sizes",
    "initialize",
    "is_size",
    "output_layers",
]

#: scikit-learn's parameter constraints of the sizes of layers: several, or one.
SIZES: list[Any] = ["array-like", Interval(Integral, 1, None, closed="left")]

#: scikit-learn's parameter constraints of what a decoder ends with.
OUTPUT: list[Any] = [Names({"linear", "sigmoid"})]


class EncoderDecoder(nn.Module):
    """A pair of modules: rows to codes, and back.

    Parameters
    ----------
    encoder : Module, (B, D) to (B, H), or to (B, 2H) for a variational model
    decoder : Module, (B, H) to (B, D)
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder

    def forward(self, x: Tensor) -> Tensor:
        """Return the encoder's output; decoding is a step of its own."""
        output: Tensor = self.encoder(x)
        return output

    def arrange_for_inference(self) -> EncoderDecoder:
        """Lay the weights out as inference likes them, and return the pair.

        A decoder of transposed convolutions is about 1.4 times as fast (x86, blocks of 512 rows)
        with the channels last; training gains nothing.
        """
        for parameter in self.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        return self


class Network(BaseEstimator, ABC):
    """The base of all network descriptions: parameters now, modules when the sizes are known.

    Attributes
    ----------
    output : {"linear", "sigmoid"}
        The range of what the decoder gives: any number, or 0 to 1.
    """

    output: str = "linear"

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    @abstractmethod
    def build(
        self,
        n_features: int,
        n_codes: int,
        n_outputs: int,
        hidden: int | tuple[int, ...],
        *,
        channels: int | tuple[int, ...] = (),
        image_shape: tuple[int, ...] | None = None,
    ) -> EncoderDecoder:
        """Build the pair for rows of ``n_features`` and codes of ``n_codes``.

        Parameters
        ----------
        n_features : int
            D, the width of a row.
        n_codes : int
            H, what the decoder takes.
        n_outputs : int
            What the encoder gives: H, or 2H for a variational model.
        hidden : int or tuple of int
            The estimator's widths, used where the description has none of its own.
        channels : int or tuple of int
            The estimator's channels, for networks that have some.
        image_shape : (H, W) or (C, H, W), optional
            What a row was flattened from, for networks that need to know.

        Returns
        -------
        EncoderDecoder
            With parameters that `initialize` has still to fill.
        """


class Sigmoid(nn.Module):
    """The logistic function in float32, also where the products run in bfloat16.

    In half the bits, values near 1 are rounded to 1, and a gradient with them to 0.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return values from 0 to 1."""
        return torch.sigmoid(x.float())


def output_layers(output: str) -> list[nn.Module]:
    """Return what a decoder ends with, by the name of its ``output``.

    Examples
    --------
    >>> output_layers("linear")
    []
    >>> output_layers("sigmoid")
    [Sigmoid()]
    """
    return [Sigmoid()] if output == "sigmoid" else []


def initialize(module: nn.Module, generator: Generator) -> None:
    r"""Fill all weights and biases as torch's layers do by default, but from ``generator``.

    Both are uniform within :math:`\pm 1 / \sqrt{\mathrm{fan\ in}}`. The layers' own initialization
    draws from torch's global generator, which belongs to the caller.

    Parameters
    ----------
    module : Module
        Changed in place; its layers keep their order, so the same generator gives the same weights.
    generator : Generator
        On the device of the module.

    Raises
    ------
    TypeError
        If a layer has parameters that this function does not know how to fill.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            bound = 1 / math.sqrt(layer.weight[0].numel())
            nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
            if layer.bias is not None:
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
        elif next(layer.parameters(recurse=False), None) is not None:
            raise TypeError(f"no initialization is known for the parameters of {layer}")


def as_sizes(value: Any) -> tuple[Any, ...]:
    """Return the sizes of layers as a tuple; one number stands for one layer.

    Examples
    --------
    >>> as_sizes(64), as_sizes([500, 250])
    ((64,), (500, 250))
    """
    return (value,) if isinstance(value, Integral) else tuple(value)


def is_size(value: Any) -> bool:
    """Tell whether a value can be a width or a height: a positive integer, and no truth value."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) > 0
