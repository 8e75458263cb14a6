"""Fully connected networks of any depth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from utsushi.networks.linear import Linear

__all__ = ["ACTIVATIONS", "NARROWEST", "Dense", "check_widths", "default_width", "dense_layers"]

#: The nonlinearities that a network takes by name.
ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "elu": nn.ELU,
    "tanh": nn.Tanh,
}


#: The limits of the default width of a hidden layer.
NARROWEST, WIDEST = 256, 1000


def dense_layers(widths: Sequence[int], activation: str = "relu") -> nn.Sequential:
    """Stack linear layers with a nonlinearity between each two, and none at the end.

    Parameters
    ----------
    widths : sequence of int
        The widths from input to output, at least two.
    activation : str
        A key of `ACTIVATIONS`.

    Returns
    -------
    Sequential, (B, widths[0]) to (B, widths[-1])

    Examples
    --------
    >>> dense_layers([784, 1000, 10])
    Sequential(
      (0): Linear(in_features=784, out_features=1000, bias=True)
      (1): ReLU()
      (2): Linear(in_features=1000, out_features=10, bias=True)
    )
    """
    layers: list[nn.Module] = []
    for n_inputs, n_outputs in pairwise(widths):
        layers += [Linear(n_inputs, n_outputs), ACTIVATIONS[activation]()]
    return nn.Sequential(*layers[:-1])


def check_widths(hidden: int | Iterable[Any] | None) -> tuple[int, ...]:
    """Return the widths of hidden layers as integers; one integer is one layer.

    Raises
    ------
    SettingError
        If one of them is not a positive integer.

    Examples
    --------
    >>> check_widths([500, 250]), check_widths(64)
    ((500, 250), (64,))
    """
    widths = as_sizes(hidden)
    if not all(is_size(width) for width in widths):
        raise SettingError(
            f"hidden must be positive integers, got {widths!r}. Set, for example, hidden=(1000,) "
            "or hidden=(500, 250)."
        )
    return tuple(int(width) for width in widths)


def default_width(n_rows: int) -> int:
    """Return the default width of a hidden layer: the number of training samples, 256 to 1,000.

    A wide network overfits to few samples.

    Examples
    --------
    >>> default_width(50), default_width(600), default_width(16_000)
    (256, 600, 1000)
    """
    return min(max(n_rows, NARROWEST), WIDEST)


class Dense(Network):
    """Fully connected layers; the decoder mirrors the encoder.

    Parameters
    ----------
    hidden : int, tuple of int or None, default=None
        Widths of the layers before the code, in the encoder's order; ``()`` is a linear map. None
        takes the estimator's ``hidden``; if that is None too, one layer of `default_width`.
    activation : {"relu", "gelu", "silu", "elu", "tanh"} or None, default=None
        The nonlinearity between the layers. None is "relu".
    output : {"linear", "sigmoid"}, default="linear"
        The range of the decoder's output. "sigmoid" gives values from 0 to 1, and needs scaled data
        in that range: ``scaling=None`` for pixels divided by their largest value, else
        ``scaling="minmax"``. It reconstructs such images better than "linear".
    initialization : {"uniform", "normal"}, default="uniform"
        The initialization of the weights; see `initialize`.

    Examples
    --------
    >>> pair = Dense(hidden=(500, 250), activation="relu").build(784, 30, 30)
    >>> [layer.out_features for layer in pair.decoder if hasattr(layer, "out_features")]
    [250, 500, 784]
    """

    _activation: ClassVar[str] = "relu"
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden": [*SIZES, None],
        "activation": [SortedStrOptions(set(ACTIVATIONS)), None],
        "output": OUTPUT,
        "initialization": INITIALIZATION,
    }

    def __init__(
        self,
        hidden: int | tuple[int, ...] | None = None,
        activation: str | None = None,
        output: str = "linear",
        initialization: str = "uniform",
    ) -> None:
        self.hidden = hidden
        self.activation = activation
        self.output = output
        self.initialization = initialization

    def _chosen(
        self, n_features: int, n_rows: int, image_shape: tuple[int, ...] | None
    ) -> dict[str, Any]:
        return {"hidden": (default_width(n_rows),), "activation": self._activation}

    def build(
        self,
        n_features: int,
        n_codes: int,
        n_outputs: int,
        *,
        image_shape: tuple[int, ...] | None = None,
    ) -> EncoderDecoder:
        """Build the modules; see `Network.build`. ``image_shape`` is ignored."""
        self._validate_params()
        widths, activation = check_widths(self.hidden), self.activation or self._activation
        return EncoderDecoder(
            encoder=dense_layers([n_features, *widths, n_outputs], activation),
            decoder=nn.Sequential(
                *dense_layers([n_codes, *reversed(widths), n_features], activation),
                *output_layers(self.output),
            ),
        )
