"""The base class of samplers with a network: training, standardization, blocks, serialization."""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from utsushi._utils.seeds import Purpose
from utsushi._utils.seeds import generator as seeded
from utsushi.samplers.base import Codes, Sampler
from utsushi.training import Recipe

__all__ = ["BLOCK_CODES", "TrainedSampler", "train_by_likelihood"]

#: The number of codes per block in inference, which bounds the memory.
BLOCK_CODES = 4096

#: The fraction of codes that is held out to select the best epoch, and its largest number.
HELD_OUT, MOST_HELD_OUT = 0.1, 1000


class TrainedSampler(Sampler):
    """Define the base of samplers with a network, on standardized codes.

    Training is in float32. Afterwards the network is float64, like the codes that it returns and
    the arrays of a sampler in a model file. It stays on the CPU: codes are small.

    Attributes
    ----------
    mean_, spread_ : ndarray of shape (H,)
        The mean and the standard deviation of the training codes; the standard deviation of a
        constant component is 0, and so is that of its samples.
    module_ : torch.nn.Module
        The network.
    """

    mean_: Codes
    spread_: Codes
    module_: nn.Module

    @abstractmethod
    def _shapes(self, n_codes: int) -> dict[str, tuple[int | None, ...]]:
        """Return the shapes of the network's parameters, by name, without allocating any."""

    @abstractmethod
    def _empty_module(self, n_codes: int) -> nn.Module:
        """Build the network with uninitialized parameters."""

    def _standardize(self, codes: Codes) -> Tensor:
        """Fit mean and standard deviation, and return the standardized codes in float32."""
        self.mean_, self.spread_ = codes.mean(axis=0), codes.std(axis=0)
        # The mean of equal numbers can differ from them by a rounding error.
        self.spread_[np.ptp(codes, axis=0) == 0] = 0.0
        return torch.from_numpy(self._scaled(codes)).float()

    def _scaled(self, codes: Codes) -> Codes:
        scaled: Codes = (codes - self.mean_) / np.where(self.spread_ > 0, self.spread_, 1.0)
        return scaled

    def _keep(self, module: nn.Module) -> Self:
        """Store a trained network for inference."""
        self.module_ = module.double().eval()
        return self

    def _mapped(self, function: Callable[[Tensor], Tensor], rows: Codes) -> Codes:
        """Apply a function of tensors to rows, in blocks and without gradients."""
        with torch.inference_mode():
            blocks = torch.from_numpy(rows).split(BLOCK_CODES)
            mapped: Codes = torch.cat([function(block) for block in blocks]).numpy()
        return mapped

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the fitted arrays, and the network's parameters by their names."""
        arrays = {name: value for name, value in super().state().items() if name != "module_"}
        parameters = self.module_.named_parameters()
        return arrays | {name: tensor.detach().numpy() for name, tensor in parameters}

    def restore(self, state: dict[str, NDArray[Any]]) -> Self:
        """Restore what `state` returned; raise ``ValueError`` for a negative standard deviation."""
        if (state["spread_"] < 0).any():
            raise ValueError("spread_ must not be negative")
        module = self._empty_module(len(state["mean_"])).double()
        fill(module, state)
        names = set(dict(module.named_parameters()))
        super().restore({name: value for name, value in state.items() if name not in names})
        return self._keep(module)

    def expected_state(self, n_codes: int) -> dict[str, tuple[int | None, ...]]:
        """Return the shapes of the state."""
        return {"mean_": (n_codes,), "spread_": (n_codes,), **self._shapes(n_codes)}


@torch.no_grad()
def fill(module: nn.Module, state: dict[str, NDArray[Any]]) -> None:
    """Fill the parameters of a module with arrays of the same names."""
    for name, parameter in module.named_parameters():
        parameter.copy_(torch.tensor(state[name]))


@torch.enable_grad()  # the caller may have disabled gradients
def train_by_likelihood(
    module: nn.Module,
    log_prob: Callable[[nn.Module, Tensor], Tensor],
    x: Tensor,
    *,
    recipe: Recipe,
    seed: int,
    augment: Callable[[Tensor, Generator], Tensor] = lambda rows, draws: rows,
) -> bool:
    """Maximize the mean log probability of codes; keep the parameters of the best epoch.

    Parameters
    ----------
    module : Module
        Its parameters are trained.
    log_prob : callable
        Maps the module and codes (B, H) to the log probabilities (B,).
    x : Tensor of shape (n, H)
        The codes. A tenth, at most 1,000, is held out to select the best epoch.
    recipe : Recipe
        A recipe with a value for every setting.
    seed : int
        Seed of the held-out part, of the order and of ``augment``.
    augment : callable
        Maps the codes of a step and a generator to the codes to train on.

    Returns
    -------
    bool
        Whether the log probabilities are finite after training.
    """
    n_held_out = min(int(HELD_OUT * len(x)), MOST_HELD_OUT)
    order = torch.randperm(len(x), generator=seeded(seed, Purpose.SPLIT))
    held_out, x = x[order[:n_held_out]], x[order[n_held_out:]]
    optimizer = recipe.new_optimizer(module.parameters())
    n_epochs, n_steps = recipe.n_epochs(len(x)), recipe.steps_per_epoch(len(x))
    best, highest = None, -math.inf
    for epoch in range(n_epochs):
        draws = seeded(seed, Purpose.NOISE, epoch)
        order = torch.randperm(len(x), generator=seeded(seed, Purpose.ORDER, epoch))
        for step, rows in enumerate(order.split(recipe.batch_size)):
            for group in optimizer.param_groups:
                group["lr"] = recipe.rate((epoch + step / n_steps) / n_epochs)
            optimizer.zero_grad(set_to_none=True)
            (-log_prob(module, augment(x[rows], draws)).mean()).backward()
            optimizer.step()
        if n_held_out:
            value = _mean(log_prob, module, held_out)
            if value > highest:
                best, highest = copy.deepcopy(module.state_dict()), value
    if best is not None:
        module.load_state_dict(best)
    return math.isfinite(_mean(log_prob, module, x[:MOST_HELD_OUT]))


@torch.no_grad()
def _mean(log_prob: Callable[[nn.Module, Tensor], Tensor], module: nn.Module, x: Tensor) -> float:
    return log_prob(module, x).mean().item()
