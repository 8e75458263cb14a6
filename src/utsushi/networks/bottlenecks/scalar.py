"""Finite scalar quantization: each component becomes one of a few fixed numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from utsushi.exceptions import SettingError
from utsushi.networks.base import as_sizes, is_size
from utsushi.networks.bottlenecks.base import Bottleneck, Parts, Quantizer, perplexity

__all__ = ["FiniteScalarQuantization", "FiniteScalarQuantizer"]

#: The most symbols of a position.
MOST_SYMBOLS = 65536


class FiniteScalarQuantization(Bottleneck):
    r"""Each component becomes one of L evenly spaced numbers from -1 to 1; nothing is learned.

    .. math::
        q = \mathrm{round}\bigl((L - 1)\, \sigma(z)\bigr) \in \{0, \dots, L - 1\},
        \qquad e = \frac{2 q}{L - 1} - 1

    with the logistic function :math:`\sigma`. A group of components, as many as ``levels`` has
    numbers, is one position with :math:`K = \prod_i L_i` symbols. The decoder's gradient passes
    the rounding as if it were the identity. Without a codebook no entry can die, and the objective
    has no other term.

    Parameters
    ----------
    levels : int or tuple of int, default=(8, 8)
        L of each component of a group; their number divides ``n_components``.

    References
    ----------
    Mentzer, Minnen, Agustsson and Tschannen 2023, *Finite Scalar Quantization: VQ-VAE Made
    Simple*, https://arxiv.org/abs/2309.15505

    Examples
    --------
    >>> part = FiniteScalarQuantization(levels=(3, 2)).build(2)
    >>> z = torch.tensor([[-5.0, 5.0], [0.0, -5.0]])
    >>> part.indices(z).tolist()
    [[1], [2]]
    >>> part(z)[0].tolist()
    [[-1.0, 1.0], [0.0, -1.0]]
    """

    is_discrete: ClassVar[bool] = True

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"levels": [int, "array-like"]}

    def __init__(self, levels: int | tuple[int, ...] = (8, 8)) -> None:
        self.levels = levels

    def _validate_params(self) -> None:
        super()._validate_params()
        _checked(self.levels)

    def build(self, n_components: int) -> Quantizer:
        """See `Bottleneck.build`."""
        self._validate_params()
        levels = _checked(self.levels)
        if n_components % len(levels):
            raise SettingError(
                f"levels must have a number of levels that divides n_components={n_components}, "
                f"got {len(levels)}: {self.levels!r}."
            )
        return FiniteScalarQuantizer(n_components // len(levels), levels)


def _checked(levels: int | Iterable[Any]) -> tuple[int, ...]:
    """Return levels as integers of 2 and more, for at most `MOST_SYMBOLS` symbols."""
    numbers = as_sizes(levels)
    if (
        not numbers
        or not all(is_size(number) and number >= 2 for number in numbers)
        or math.prod(int(number) for number in numbers) > MOST_SYMBOLS
    ):
        raise SettingError(
            "levels must be integers from 2 on with a product of at most "
            f"{MOST_SYMBOLS}, such as (8, 5, 5), got {levels!r}."
        )
    return tuple(int(number) for number in numbers)


class FiniteScalarQuantizer(Quantizer):
    """The module of `FiniteScalarQuantization`; it has no parameters."""

    takes_any_scale: ClassVar[bool] = False

    def __init__(self, n_positions: int, levels: tuple[int, ...]) -> None:
        super().__init__(n_positions, math.prod(levels))
        self.levels = levels

    def _digits(self, z: Tensor) -> Tensor:
        """Return the unrounded digits (B, P, d) of encoder outputs (B, H), 0 to L - 1."""
        groups = z.unflatten(-1, (-1, len(self.levels)))
        return torch.sigmoid(groups) * (_like(self.levels, z) - 1)

    def indices(self, z: Tensor) -> Tensor:
        """Return the symbols (B, P): the digits of a group, the first one counting the most."""
        return self._symbols(self._digits(z))

    def _symbols(self, digits: Tensor) -> Tensor:
        """Return the symbols (B, P) of unrounded digits."""
        place_values = _like(_place_values(self.levels), digits)
        return (digits.round() * place_values).sum(dim=-1).long()

    def lookup(self, indices: Tensor) -> Tensor:
        """Return the numbers from -1 to 1 of symbols, (B, H)."""
        levels = torch.tensor(self.levels, device=indices.device)
        place_values = torch.tensor(_place_values(self.levels), device=indices.device)
        digits = torch.remainder(
            torch.div(indices[..., None], place_values, rounding_mode="floor"), levels
        )
        return (2 * digits.float() / (levels - 1) - 1).flatten(-2)

    def forward(self, z: Tensor, generator: Generator | None = None) -> tuple[Tensor, Parts]:
        """Return the quantized codes, and ``perplexity``."""
        digits = self._digits(z)
        bounded = (2 * digits / (_like(self.levels, z) - 1) - 1).flatten(-2)
        chosen = self._symbols(digits)
        use = perplexity(chosen, self.n_symbols)
        codes = self.lookup(chosen) + (bounded - bounded.detach())
        return codes, {"perplexity": use.expand(z.shape[0])}


def _place_values(levels: tuple[int, ...]) -> list[int]:
    """Return the place value of each digit.

    Examples
    --------
    >>> _place_values((8, 5, 5))
    [25, 5, 1]
    """
    return [math.prod(levels[place + 1 :]) for place in range(len(levels))]


def _like(numbers: Iterable[int], z: Tensor) -> Tensor:
    return torch.tensor(list(numbers), dtype=torch.float32, device=z.device)
