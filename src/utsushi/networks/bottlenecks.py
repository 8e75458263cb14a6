"""Bottlenecks: what the codes of an autoencoder pass through on their way to the decoder.

A bottleneck is described before the size of the code is known (`Bottleneck`), and then is a module:
``forward(codes, generator)`` takes the encoder's output (B, H) and returns the codes that the
decoder gets, and values of each sample (B,) by name: ``bottleneck`` is added to the objective, all
are shown by the history. The generator is None at inference.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Integral, Real
from typing import Any, ClassVar

import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from torch import Generator, Tensor, nn

from utsushi.exceptions import SettingError

__all__ = [
    "BOTTLENECKS",
    "Bottleneck",
    "Identity",
    "Parts",
    "VectorQuantization",
    "VectorQuantizer",
]

#: Values of each sample (B,), by name.
Parts = dict[str, Tensor]


class Bottleneck(BaseEstimator, ABC):
    """The base of all bottlenecks: parameters now, a module once the size of the code is known."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    @abstractmethod
    def build(self, n_components: int) -> nn.Module | None:
        """Return the module for codes of H components; None where codes pass as they are."""


class Identity(Bottleneck):
    """Codes pass as they are."""

    def build(self, n_components: int) -> None:
        """See `Bottleneck.build`."""
        return


class VectorQuantization(Bottleneck):
    r"""Each group of ``group_size`` components becomes the nearest vector e of a learned codebook.

    .. math::
        \Vert \mathrm{sg}[z] - e \Vert^2 + \beta\, \Vert z - \mathrm{sg}[e] \Vert^2

    is added to the objective, where sg stops the gradient: the codebook moves to the codes, and the
    codes commit to the codebook. The decoder's gradient goes to the encoder as if nothing had been
    quantized.

    Parameters
    ----------
    codebook_size : int >= 2, default=64
        The number of vectors.
    group_size : int >= 1, default=2
        The components that are quantized together; it divides ``n_components``.
    commitment : float >= 0, default=0.25
        :math:`\beta`.

    References
    ----------
    van den Oord, Vinyals and Kavukcuoglu 2017, *Neural Discrete Representation Learning*,
    https://arxiv.org/abs/1711.00937

    Examples
    --------
    >>> part = VectorQuantization(codebook_size=2, group_size=1).build(2)
    >>> _ = part.codebook.data.copy_(torch.tensor([[0.0], [1.0]]))
    >>> codes, parts = part(torch.tensor([[0.2, 0.9]]))
    >>> codes.tolist(), round(parts["bottleneck"].item(), 4)
    ([[0.0, 1.0]], 0.0625)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "codebook_size": [Interval(Integral, 2, None, closed="left")],
        "group_size": [Interval(Integral, 1, None, closed="left")],
        "commitment": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self, codebook_size: int = 64, group_size: int = 2, commitment: float = 0.25
    ) -> None:
        self.codebook_size = codebook_size
        self.group_size = group_size
        self.commitment = commitment

    def build(self, n_components: int) -> nn.Module:
        """See `Bottleneck.build`."""
        self._validate_params()
        if n_components % self.group_size:
            raise SettingError(
                f"group_size must divide n_components={n_components}, got {self.group_size}."
            )
        return VectorQuantizer(self.codebook_size, self.group_size, self.commitment)


class VectorQuantizer(nn.Module):
    """The module of `VectorQuantization`.

    Attributes
    ----------
    codebook : Parameter of shape (codebook_size, group_size)
    """

    def __init__(self, codebook_size: int, group_size: int, commitment: float) -> None:
        super().__init__()
        self.codebook = nn.Parameter(torch.empty(codebook_size, group_size))
        self.commitment = commitment

    def initialize(self, generator: Generator) -> None:
        """Draw the codebook between -1 and 1."""
        nn.init.uniform_(self.codebook, -1, 1, generator=generator)

    def forward(self, z: Tensor, generator: Generator | None = None) -> tuple[Tensor, Parts]:
        """Return the quantized codes (B, H), and their cost (B,) as ``bottleneck``."""
        groups = z.unflatten(-1, (-1, self.codebook.shape[1])).unsqueeze(-2)  # (B, H / g, 1, g)
        nearest = (groups - self.codebook).square().sum(dim=-1).argmin(dim=-1)
        e = self.codebook[nearest].flatten(-2)
        cost = (e - z.detach()).square() + self.commitment * (e.detach() - z).square()
        # In this order a code is a vector of the codebook to the last bit.
        return e.detach() + (z - z.detach()), {"bottleneck": cost.sum(dim=-1)}


#: The names that the ``bottleneck`` parameter takes.
BOTTLENECKS: dict[str, type[Bottleneck]] = {
    "identity": Identity,
    "vector-quantization": VectorQuantization,
}
