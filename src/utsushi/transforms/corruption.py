r"""Corruption of samples, for denoising models.

Each function corrupts every value independently, with random numbers from one generator.
Vincent et al. 2010, *Stacked Denoising Autoencoders*,
https://www.jmlr.org/papers/v11/vincent10a.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

__all__ = [
    "CORRUPTIONS",
    "Corruption",
    "HideColumns",
    "gaussian_noise",
    "masking",
    "salt_pepper",
]

#: Takes samples (B, D), a level and a generator; returns corrupted samples.
Corruption = Callable[[Tensor, float, Generator], Tensor]


def gaussian_noise(x: Tensor, level: float, generator: Generator) -> Tensor:
    r"""Add noise: :math:`\tilde x = x + \ell \varepsilon` with :math:`\varepsilon \sim N(0, I)`.

    Parameters
    ----------
    x : Tensor of shape (B, D)
        Rows in the units of the input.
    level : float >= 0
        :math:`\ell`, the standard deviation of the noise, in the same units.
    generator : Generator

    Returns
    -------
    Tensor of shape (B, D)

    Examples
    --------
    >>> gaussian_noise(torch.ones(1, 2), 0.0, torch.Generator())
    tensor([[1., 1.]])
    """
    noise = torch.randn(x.shape, generator=generator, dtype=x.dtype, device=generator.device)
    return x + level * noise.to(x.device)


def masking(x: Tensor, level: float, generator: Generator) -> Tensor:
    """Set each value to zero with probability ``level`` in [0, 1].

    Examples
    --------
    >>> masking(torch.ones(1, 2), 1.0, torch.Generator())
    tensor([[0., 0.]])
    """
    return torch.where(_chance_like(x, generator) < level, torch.zeros_like(x), x)


def salt_pepper(x: Tensor, level: float, generator: Generator) -> Tensor:
    """Set each value to 0 or to 1, at even odds, with probability ``level`` in [0, 1].

    Meant for rows in [0, 1], such as pixels.

    Examples
    --------
    >>> noisy = salt_pepper(torch.full((1, 9), 0.5), 1.0, torch.Generator().manual_seed(0))
    >>> noisy.unique()
    tensor([0., 1.])
    """
    chance = _chance_like(x, generator)
    pepper = torch.where(chance < level / 2, torch.zeros_like(x), x)
    return torch.where((chance >= level / 2) & (chance < level), torch.ones_like(x), pepper)


@dataclass(frozen=True)
class HideColumns:
    """Hide random columns of some samples from an encoder: they become zero.

    Attributes
    ----------
    share : float in [0, 1]
        The share of the samples that are returned; of each, a column is hidden with a probability
        that is drawn from [0, 1].
    groups : Tensor of shape (D,), int64
        Features of equal numbers, 0 to G - 1, are hidden together.

    Examples
    --------
    >>> hide = HideColumns(0.5, torch.tensor([0, 0, 1]))
    >>> hide(torch.ones(4, 3), torch.Generator().manual_seed(1))
    tensor([[0., 0., 0.],
            [0., 0., 1.]])
    """

    share: float
    groups: Tensor

    def __call__(self, x: Tensor, generator: Generator) -> Tensor:
        """Return the first of the samples (B, D), at least one, with zeros where it hides them."""
        x = x[: max(1, round(self.share * len(x)))]
        n_groups, where = int(self.groups.max()) + 1, generator.device
        hidden = torch.rand(len(x), 1, generator=generator, device=where)
        is_shown = torch.rand(len(x), n_groups, generator=generator, device=where) >= hidden
        return x * is_shown.index_select(1, self.groups.to(where)).to(x)


def _chance_like(x: Tensor, generator: Generator) -> Tensor:
    """Draw a number in [0, 1) for each value of ``x``, on its device."""
    chance = torch.rand(x.shape, generator=generator, dtype=x.dtype, device=generator.device)
    return chance.to(x.device)


#: The names that the ``corruption`` parameter takes.
CORRUPTIONS: dict[str, Corruption] = {
    "gaussian": gaussian_noise,
    "masking": masking,
    "salt-pepper": salt_pepper,
}
