"""What a bottleneck is, and what those with discrete codes have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import torch
from sklearn.base import BaseEstimator
from torch import Generator, Tensor, nn

__all__ = ["Bottleneck", "Identity", "Parts", "Quantizer", "perplexity"]

#: Values of each sample (B,), by name.
Parts = dict[str, Tensor]


class Bottleneck(BaseEstimator, ABC):
    """The base of all bottlenecks: parameters now, a module once the size of the code is known.

    Attributes
    ----------
    is_discrete : bool
        Whether the module is a `Quantizer`, whose codes are symbols.
    """

    is_discrete: ClassVar[bool] = False

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    @abstractmethod
    def build(self, n_components: int) -> nn.Module | None:
        """Return the module for codes of H components; None where codes pass as they are."""


class Identity(Bottleneck):
    """Codes pass as they are."""

    def build(self, n_components: int) -> None:
        """See `Bottleneck.build`."""
        return


class Quantizer(nn.Module, ABC):
    """The base of bottlenecks with discrete codes: P positions with one of K symbols each.

    ``forward(z)`` is ``lookup(indices(z))``, with the gradient of the identity.

    Parameters
    ----------
    n_positions, n_symbols : int
        P and K.
    """

    #: Whether codes of any scale pass; if not, a network must not start from PCA's.
    takes_any_scale: ClassVar[bool] = True

    def __init__(self, n_positions: int, n_symbols: int) -> None:
        super().__init__()
        self.n_positions = n_positions
        self.n_symbols = n_symbols

    @property
    def n_bits(self) -> float:
        """The size of a code, P log2 K."""
        return self.n_positions * float(torch.tensor(self.n_symbols).double().log2())

    @abstractmethod
    def indices(self, z: Tensor) -> Tensor:
        """Return the symbols (B, P), int64, of an encoder's outputs (B, H)."""

    @abstractmethod
    def lookup(self, indices: Tensor) -> Tensor:
        """Return the codes (B, H) that the decoder gets for symbols (B, P)."""

    @abstractmethod
    def forward(self, z: Tensor, generator: Generator | None = None) -> tuple[Tensor, Parts]:
        """Return the quantized codes (B, H), and values of each sample."""


def perplexity(indices: Tensor, n_symbols: int) -> Tensor:
    r"""Return the perplexity of the symbols of a batch, :math:`\exp(-\sum_k p_k \log p_k)`.

    It is K where each of K symbols is as frequent as any other, and 1 where there is one alone.

    Examples
    --------
    >>> perplexity(torch.tensor([[0, 1], [1, 0]]), 4)
    tensor(2.)
    """
    share = torch.bincount(indices.flatten(), minlength=n_symbols) / indices.numel()
    number: Tensor = torch.special.entr(share).sum().exp()
    return number
