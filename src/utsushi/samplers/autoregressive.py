"""Sample discrete codes from a causal transformer, symbol by symbol."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval
from torch import Generator, Tensor, nn
from torch.nn import functional

from utsushi._utils.seeds import Purpose
from utsushi._utils.seeds import generator as seeded
from utsushi.exceptions import SettingError, TrainingDivergedError
from utsushi.networks import initialize
from utsushi.samplers.base import Codes, Sampler
from utsushi.samplers.trained import BLOCK_CODES, fill, train_by_likelihood
from utsushi.training import LECTURE, Recipe

__all__ = ["AUTOREGRESSIVE", "Autoregressive"]

#: The default recipe of the transformer.
AUTOREGRESSIVE = LECTURE | {
    "max_epochs": 30,
    "min_steps": 500,
    "batch_size": 128,
    "learning_rate": 2e-3,
    "schedule": "one-cycle",
    "warmup_fraction": 0.1,
    "weight_decay": 0.05,
}

#: The largest number of positions: sampling takes a pass through the transformer for each.
MOST_POSITIONS = 1024

#: The standard deviation of initial weights.
INITIAL_DEVIATION = 0.02

#: The keys and the values of earlier positions.
Past = tuple[Tensor, Tensor] | None


class Autoregressive(Sampler):
    r"""Model the symbols of a code with a causal transformer.

    The probability of a code is :math:`p(c) = \prod_i p(c_i \mid c_1, \dots, c_{i-1})`. A
    transformer with masked attention computes all factors at once; training minimizes the mean of
    :math:`-\log p(c)` over the training codes. New codes are drawn symbol by symbol, in the order
    of the positions. A symbol has a separate embedding at each position; the input of a position is
    the sum of the embeddings of all symbols before it.

    Parameters
    ----------
    n_blocks : int in [1, 32], default=2
        The number of blocks of attention and a dense layer.
    width : int in [1, 4096], default=64
        The size of embeddings; a multiple of ``n_heads``.
    n_heads : int >= 1, default=4
        The number of attention heads of a block.
    temperature : float > 0, default=1.0
        As symbols have no noise, it divides the logits: below 1, frequent codes become more
        frequent.
    recipe : Recipe or None, default=None
        How to train. The default is one cycle of AdamW with a peak learning rate of 2e-3 and a
        weight decay of 0.05, over 30 epochs and at least 500 steps of 128 codes. A tenth of the
        codes, at most 1,000, is held out to select the best epoch.

    Attributes
    ----------
    module_ : torch.nn.Module
        The transformer.

    References
    ----------
    Vaswani et al. 2017, *Attention Is All You Need*, https://arxiv.org/abs/1706.03762

    Examples
    --------
    >>> codes = np.random.default_rng(0).integers(0, 4, (200, 3))
    >>> codes[:, 1] = codes[:, 0]
    >>> sampler = Autoregressive(width=16).fit(codes, np.random.default_rng(0))
    >>> new = sampler.sample(100, np.random.default_rng(1))
    >>> new.shape, bool((new[:, 1] == new[:, 0]).mean() > 0.9)
    ((100, 3), True)
    """

    is_discrete: ClassVar[bool] = True

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_blocks": [Interval(Integral, 1, 32, closed="both")],
        "width": [Interval(Integral, 1, 4096, closed="both")],
        "n_heads": [Interval(Integral, 1, None, closed="left")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "recipe": [Recipe, None],
    }

    module_: _Transformer

    def __init__(
        self,
        n_blocks: int = 2,
        width: int = 64,
        n_heads: int = 4,
        temperature: float = 1.0,
        recipe: Recipe | None = None,
    ) -> None:
        super().__init__(temperature)
        self.n_blocks = n_blocks
        self.width = width
        self.n_heads = n_heads
        self.recipe = recipe

    def check(self, n_codes: int) -> None:
        """Raise the errors of ``fit`` for the parameters and the number of positions."""
        super().check(n_codes)
        if self.width % self.n_heads:
            raise SettingError(
                f"width must be a multiple of n_heads={self.n_heads}, got {self.width}."
            )
        if n_codes > MOST_POSITIONS:
            raise SettingError(
                f"a code must have at most {MOST_POSITIONS} positions for "
                f"sampler='autoregressive', got {n_codes}."
            )

    def fit(self, codes: Codes, generator: np.random.Generator) -> Self:
        """Train the transformer and keep its best epoch."""
        self.check(codes.shape[1])
        x = torch.from_numpy(codes.astype(np.int64))
        seed = int(generator.integers(2**63))
        module = self._empty_module(x.shape[1], int(x.max()) + 1)
        initialize(module, seeded(seed, Purpose.INITIALIZATION))
        recipe = (self.recipe or Recipe()).completed(AUTOREGRESSIVE)
        if not train_by_likelihood(module, _log_prob, x, recipe=recipe, seed=seed):
            raise TrainingDivergedError(
                "training of the autoregressive sampler diverged: its loss is not finite. Set "
                f"Autoregressive(recipe=Recipe(learning_rate={recipe.learning_rate / 10:.1g}))."
            )
        return self._keep(module)

    def sample(self, n_samples: int, generator: np.random.Generator) -> Codes:
        """Draw codes symbol by symbol, each from a uniform random number."""
        uniform = generator.random((n_samples, len(self.module_.places)))
        with torch.inference_mode():
            blocks = torch.from_numpy(uniform).split(BLOCK_CODES)
            symbols = [
                _sample_symbols(self.module_, block, float(self.temperature)) for block in blocks
            ]
        codes: Codes = torch.cat(symbols).double().numpy()
        return codes

    def log_prob(self, codes: Codes) -> Codes:
        """Return the log probability of each code in nats, shape (n,).

        It is minus infinity for codes with a symbol that occurs in no training code.
        """
        x = torch.from_numpy(np.asarray(codes).astype(np.int64))
        unknown = (x >= self.module_.symbols.shape[1]).any(dim=1)
        with torch.inference_mode():
            blocks = torch.where(unknown[:, None], 0, x).split(BLOCK_CODES)
            log_probs = torch.cat([_log_prob(self.module_, block) for block in blocks])
        log_prob: Codes = log_probs.masked_fill(unknown, -torch.inf).numpy()
        return log_prob

    def _empty_module(self, n_positions: int, n_symbols: int) -> _Transformer:
        with torch.device("meta"):
            module = _Transformer(
                n_positions, n_symbols, int(self.n_blocks), int(self.width), int(self.n_heads)
            )
        empty: _Transformer = module.to(torch.float32).to_empty(device="cpu")
        return empty

    def _keep(self, module: _Transformer) -> Self:
        """Store a trained transformer in float64, as in all samplers."""
        self.module_ = module.double().eval()
        return self

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the parameters of the transformer by their names."""
        return {n: tensor.detach().numpy() for n, tensor in self.module_.named_parameters()}

    def restore(self, state: dict[str, NDArray[Any]]) -> Self:
        """Restore what `state` returned."""
        module = self._empty_module(*state["symbols"].shape[:2]).double()
        fill(module, state)
        return self._keep(module)

    def expected_state(self, n_codes: int) -> dict[str, tuple[int | None, ...]]:
        """Return the shapes of the state; the number of symbols depends on the data."""
        with torch.device("meta"):
            module = _Transformer(
                n_codes, 2, int(self.n_blocks), int(self.width), int(self.n_heads)
            )
        shapes: dict[str, tuple[int | None, ...]] = {
            name: tuple(tensor.shape) for name, tensor in module.named_parameters()
        }
        symbol_shape: tuple[int | None, ...] = (n_codes, None, int(self.width))
        return shapes | {"symbols": symbol_shape, "logits": symbol_shape, "shares": (n_codes, None)}


class _Transformer(nn.Module):
    """Compute the logits (B, P, K) of each symbol, conditioned on those before it.

    A symbol has separate input and output embeddings at each position, because its effect on the
    decoder differs between positions. The input of a position is the sum of the embeddings of all
    symbols before it.
    """

    def __init__(
        self, n_positions: int, n_symbols: int, n_blocks: int, width: int, n_heads: int
    ) -> None:
        super().__init__()
        self.symbols = nn.Parameter(torch.empty(n_positions, n_symbols, width))
        self.places = nn.Parameter(torch.empty(n_positions, width))
        self.blocks = nn.ModuleList(_Block(width, n_heads) for _ in range(n_blocks))
        self.norm = nn.LayerNorm(width)
        self.logits = nn.Parameter(torch.empty(n_positions, n_symbols, width))
        self.shares = nn.Parameter(torch.empty(n_positions, n_symbols))

    def initialize(self, generator: Generator) -> None:
        """Draw matrices from a narrow normal distribution; shifts are 0, scales 1."""
        for name, parameter in self.named_parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, 0, INITIAL_DEVIATION, generator=generator)
            else:
                nn.init.constant_(parameter, float("norm" in name and name.endswith("weight")))

    def forward(self, before: Tensor) -> Tensor:
        """Return the logits (B, P, K) of all positions, for symbols (B, P - 1) or more."""
        positions = torch.arange(len(self.places) - 1, device=before.device)
        contexts = self.symbols[positions, before[:, : len(positions)]].cumsum(dim=1)
        x = functional.pad(contexts, (0, 0, 1, 0)) + self.places
        for block in self.blocks:
            x, _ = block(x, None)
        products: Tensor = torch.einsum("bpw,pkw->bpk", self.norm(x), self.logits)
        return products + self.shares

    def step(self, position: int, context: Tensor, past: list[Past]) -> tuple[Tensor, list[Past]]:
        """Return the logits (B, K) of one position, and the keys and values for later positions.

        ``context`` (B, width) is the sum of the embeddings of all symbols before it.
        """
        x = (self.places[position] + context)[:, None]
        present: list[Past] = []
        for block, before in zip(self.blocks, past, strict=True):
            x, now = block(x, before)
            present.append(now)
        logits: Tensor = self.norm(x)[:, 0] @ self.logits[position].T + self.shares[position]
        return logits, present


class _Block(nn.Module):
    """Apply causal attention and a dense layer to (B, P, width), with residual connections."""

    def __init__(self, width: int, n_heads: int) -> None:
        super().__init__()
        self.n_heads = n_heads
        self.norm_attention = nn.LayerNorm(width)
        self.project = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.norm_dense = nn.LayerNorm(width)
        self.dense = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor, past: Past) -> tuple[Tensor, Past]:
        """Return the output, keys and values; with ``past``, x has only the position after it."""
        projected = self.project(self.norm_attention(x)).unflatten(-1, (3, self.n_heads, -1))
        query, key, value = projected.permute(2, 0, 3, 1, 4)  # (B, heads, P, width / heads)
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=past is None)
        x = x + self.attended(mixed.transpose(1, 2).flatten(-2))
        return x + self.dense(self.norm_dense(x)), (key, value)


def _log_prob(module: nn.Module, codes: Tensor) -> Tensor:
    """Return the log probability (B,) of codes (B, P)."""
    logits = module(codes).flatten(0, 1)
    costs = functional.cross_entropy(logits, codes.flatten(), reduction="none")
    return -costs.view(codes.shape).sum(dim=1)


def _sample_symbols(module: _Transformer, uniform: Tensor, temperature: float) -> Tensor:
    """Return symbols (B, P), drawn with uniform random numbers (B, P)."""
    context = uniform.new_zeros(len(uniform), module.places.shape[1])
    past: list[Past] = [None] * len(module.blocks)
    symbols = []
    for position, numbers in enumerate(uniform.unbind(dim=1)):
        logits, past = module.step(position, context, past)
        cumulative = torch.softmax(logits / temperature, dim=-1).cumsum(dim=-1)
        symbol = torch.searchsorted(cumulative, numbers[:, None].contiguous(), right=True)[:, 0]
        symbol = symbol.clamp(max=cumulative.shape[1] - 1)  # rounding may leave the sum below 1
        symbols.append(symbol)
        context = context + module.symbols[position, symbol]
    return torch.stack(symbols, dim=1)
