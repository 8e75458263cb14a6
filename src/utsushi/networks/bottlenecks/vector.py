"""Vector quantization: groups of components become vectors of a codebook."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Generator, Tensor, nn
from torch.nn import functional

from utsushi.exceptions import SettingError
from utsushi.networks.bottlenecks.base import Bottleneck, Parts, Quantizer, perplexity

__all__ = [
    "ResidualVectorQuantization",
    "ResidualVectorQuantizer",
    "VectorQuantization",
    "VectorQuantizer",
]


class VectorQuantization(Bottleneck):
    r"""Each group of ``group_size`` components becomes the nearest vector e of a codebook.

    .. math::
        \beta\, \Vert z - \mathrm{sg}[e] \Vert^2

    is added to the objective, where sg stops the gradient: the codes commit to the codebook. Each
    vector is the moving average of the codes that choose it: in a step in which :math:`n_k` codes
    of the sum :math:`s_k` choose vector k, with the decay :math:`\gamma`,

    .. math::
        N_k \leftarrow \gamma N_k + (1 - \gamma)\, n_k, \qquad
        e_k \leftarrow \frac{\gamma N_k e_k + (1 - \gamma)\, s_k}{\gamma N_k + (1 - \gamma)\, n_k}.

    A vector whose :math:`N_k` falls to ``revival`` times their mean is dead: a code of the batch,
    drawn at random, takes its place. So does one for each vector before the first step. The
    decoder's gradient goes to the encoder as if nothing had been quantized.

    Parameters
    ----------
    codebook_size : int in [2, 65536], default=64
        K, the number of vectors.
    group_size : int >= 1, default=2
        The components that are quantized together; it divides ``n_components``.
    commitment : float >= 0, default=0.25
        :math:`\beta`.
    decay : float in (0, 1) or None, default=0.9
        :math:`\gamma`. With None the codebook is trained by the gradient of
        :math:`\Vert \mathrm{sg}[z] - e \Vert^2`, which is added to the objective, and no vector is
        revived.
    revival : float in [0, 1), default=0.05
        Of the mean use of a vector, what one needs to stay; 0 revives none.

    References
    ----------
    van den Oord, Vinyals and Kavukcuoglu 2017, *Neural Discrete Representation Learning*,
    https://arxiv.org/abs/1711.00937; Dhariwal et al. 2020, *Jukebox: A Generative Model for Music*,
    https://arxiv.org/abs/2005.00341, for the revival

    Examples
    --------
    >>> part = VectorQuantization(codebook_size=2, group_size=1).build(2)
    >>> _ = part.codebook.copy_(torch.tensor([[0.0], [1.0]]))
    >>> codes, parts = part(torch.tensor([[0.2, 0.9]]))
    >>> codes.tolist(), round(parts["bottleneck"].item(), 4)
    ([[0.0, 1.0]], 0.0125)
    >>> part.indices(torch.tensor([[0.2, 0.9]]))
    tensor([[0, 1]])
    """

    is_discrete: ClassVar[bool] = True

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "codebook_size": [Interval(Integral, 2, 65536, closed="both")],
        "group_size": [Interval(Integral, 1, None, closed="left")],
        "commitment": [Interval(Real, 0, None, closed="left")],
        "decay": [Interval(Real, 0, 1, closed="neither"), None],
        "revival": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        codebook_size: int = 64,
        group_size: int = 2,
        commitment: float = 0.25,
        decay: float | None = 0.9,
        revival: float = 0.05,
    ) -> None:
        self.codebook_size = codebook_size
        self.group_size = group_size
        self.commitment = commitment
        self.decay = decay
        self.revival = revival

    def build(self, n_components: int) -> Quantizer:
        """See `Bottleneck.build`."""
        self._validate_params()
        if n_components % self.group_size:
            raise SettingError(
                f"group_size must divide n_components={n_components}, got {self.group_size}."
            )
        return self._module(n_components)

    def _module(self, n_components: int) -> Quantizer:
        return VectorQuantizer(
            n_components // self.group_size,
            self.codebook_size,
            self.group_size,
            self.commitment,
            self.decay,
            self.revival,
        )


class ResidualVectorQuantization(VectorQuantization):
    r"""Vector quantization in levels, each of what the levels before have left.

    With a codebook for each level, :math:`r_1 = z`, :math:`e_l` is the vector of level l that is
    nearest to :math:`r_l`, and :math:`r_{l+1} = r_l - e_l`. The code is :math:`\sum_l e_l`: L
    levels of K vectors represent :math:`K^L` codes by :math:`L \cdot K` vectors. A group has L
    positions, its levels in their order; each level learns as in `VectorQuantization`.

    Parameters
    ----------
    codebook_size : int in [2, 65536], default=16
        K, the number of vectors of a level.
    group_size : int >= 1, default=2
        The components that are quantized together; it divides ``n_components``.
    n_levels : int in [1, 64], default=2
        L.
    commitment : float >= 0, default=0.25
    decay : float in (0, 1) or None, default=0.9
    revival : float in [0, 1), default=0.05
        See `VectorQuantization`.

    References
    ----------
    Zeghidour et al. 2021, *SoundStream: An End-to-End Neural Audio Codec*,
    https://arxiv.org/abs/2107.03312

    Examples
    --------
    >>> part = ResidualVectorQuantization(codebook_size=4, n_levels=3).build(10)
    >>> part.n_positions, part.n_symbols, part.n_bits
    (15, 4, 30.0)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **VectorQuantization._parameter_constraints,
        "n_levels": [Interval(Integral, 1, 64, closed="both")],
    }

    def __init__(
        self,
        codebook_size: int = 16,
        group_size: int = 2,
        n_levels: int = 2,
        commitment: float = 0.25,
        decay: float | None = 0.9,
        revival: float = 0.05,
    ) -> None:
        super().__init__(codebook_size, group_size, commitment, decay, revival)
        self.n_levels = n_levels

    def _module(self, n_components: int) -> Quantizer:
        make = super()._module
        return ResidualVectorQuantizer([make(n_components) for _ in range(self.n_levels)])


class VectorQuantizer(Quantizer):
    """The module of `VectorQuantization`.

    Attributes
    ----------
    codebook : Tensor of shape (K, group_size)
        A parameter where the gradient trains it.
    counts : Tensor of shape (K,)
        N, the moving average of the codes of a step that choose each vector; not where the
        gradient trains the codebook.
    """

    codebook: Tensor
    counts: Tensor

    def __init__(
        self,
        n_positions: int,
        codebook_size: int,
        group_size: int,
        commitment: float,
        decay: float | None,
        revival: float,
    ) -> None:
        super().__init__(n_positions, codebook_size)
        self.commitment = commitment
        self.decay = decay
        self.revival = revival
        if decay is None:
            self.codebook = nn.Parameter(torch.empty(codebook_size, group_size))
        else:
            self.register_buffer("codebook", torch.empty(codebook_size, group_size))
            self.register_buffer("counts", torch.zeros(codebook_size))

    def initialize(self, generator: Generator) -> None:
        """Draw the codebook between -1 and 1; no vector has been chosen yet."""
        nn.init.uniform_(self.codebook, -1, 1, generator=generator)
        if self.decay is not None:
            nn.init.zeros_(self.counts)

    def _groups(self, z: Tensor) -> Tensor:
        groups: Tensor = z.unflatten(-1, (-1, self.codebook.shape[1]))  # (B, P, g)
        return groups

    def indices(self, z: Tensor) -> Tensor:
        """Return the numbers (B, P) of the nearest vectors."""
        # |z - e|^2 without what all vectors share: as a product it takes a fraction of the memory.
        products = functional.linear(self._groups(z), self.codebook)
        distances: Tensor = self.codebook.square().sum(dim=-1) - 2 * products
        return distances.argmin(dim=-1)

    def lookup(self, indices: Tensor) -> Tensor:
        """Return the vectors of these numbers, (B, H)."""
        return self.codebook[indices].flatten(-2)

    def forward(self, z: Tensor, generator: Generator | None = None) -> tuple[Tensor, Parts]:
        """Return the quantized codes, their cost as ``bottleneck``, and ``perplexity``.

        In training with a generator the codebook moves, after it has quantized the batch.
        """
        learns = self.training and generator is not None and self.decay is not None
        if learns and generator is not None:
            self._revive(z.detach(), generator)
        chosen = self.indices(z)
        e = self.lookup(chosen)
        cost = self.commitment * (e.detach() - z).square()
        if self.decay is None:
            cost = cost + (e - z.detach()).square()
        if learns:
            self._move(z.detach(), chosen)
        use = perplexity(chosen, self.n_symbols)
        parts = {"bottleneck": cost.sum(dim=-1), "perplexity": use.expand(z.shape[0])}
        # In this order a code is a vector of the codebook to the last bit.
        return e.detach() + (z - z.detach()), parts

    @torch.no_grad()
    def _revive(self, z: Tensor, generator: Generator) -> None:
        """Put codes of the batch in the place of dead vectors."""
        codes = self._groups(z).flatten(0, -2)
        drawn = torch.randint(len(codes), (self.n_symbols,), generator=generator).to(z.device)
        dead = self.counts <= self.revival * self.counts.mean()
        self.codebook.copy_(torch.where(dead[:, None], codes[drawn], self.codebook))
        self.counts.masked_fill_(dead, len(codes) / self.n_symbols)

    @torch.no_grad()
    def _move(self, z: Tensor, chosen: Tensor) -> None:
        """Move each vector to the moving average of the codes that chose it."""
        assert self.decay is not None
        codes, chosen = self._groups(z).flatten(0, -2), chosen.flatten()
        n_codes = torch.bincount(chosen, minlength=self.n_symbols)
        sums = torch.zeros_like(self.codebook).index_add_(0, chosen, codes)
        before = self.decay * self.counts
        self.counts.copy_(before + (1 - self.decay) * n_codes)
        moved = before[:, None] * self.codebook + (1 - self.decay) * sums
        self.codebook.copy_(moved / self.counts[:, None])


class ResidualVectorQuantizer(Quantizer):
    """The module of `ResidualVectorQuantization`.

    Attributes
    ----------
    levels : ModuleList of VectorQuantizer
    """

    levels: Any  # of whose members mypy would know no method

    def __init__(self, levels: list[Quantizer]) -> None:
        super().__init__(levels[0].n_positions * len(levels), levels[0].n_symbols)
        self.levels = nn.ModuleList(levels)

    def indices(self, z: Tensor) -> Tensor:
        """Return the numbers (B, P) of the vectors: those of each group's levels in a row."""
        chosen = []
        for level in self.levels:
            chosen.append(level.indices(z))
            z = z - level.lookup(chosen[-1])
        return torch.stack(chosen, dim=-1).flatten(-2)

    def lookup(self, indices: Tensor) -> Tensor:
        """Return the sums (B, H) of the levels' vectors."""
        n_levels = len(self.levels)
        return torch.stack(
            [level.lookup(indices[..., i::n_levels]) for i, level in enumerate(self.levels)]
        ).sum(dim=0)

    def forward(self, z: Tensor, generator: Generator | None = None) -> tuple[Tensor, Parts]:
        """Return the quantized codes, and the sum of the costs and the mean perplexity."""
        residual, codes, parts = z, [], []
        for level in self.levels:
            of_level, values = level(residual, generator)
            residual = residual - of_level.detach()
            codes.append(of_level.detach())
            parts.append(values)
        cost = torch.stack([values["bottleneck"] for values in parts]).sum(dim=0)
        use = torch.stack([values["perplexity"] for values in parts]).mean(dim=0)
        e = torch.stack(codes).sum(dim=0)
        return e + (z - z.detach()), {"bottleneck": cost, "perplexity": use}
