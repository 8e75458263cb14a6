"""The base class of samplers with a network: standardization, blocks and serialization."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from utsushi.samplers.base import Codes, Sampler

__all__ = ["BLOCK_CODES", "TrainedSampler"]

#: Codes per block outside of training, which bounds the memory.
BLOCK_CODES = 4096


class TrainedSampler(Sampler):
    """The base of samplers with a network, on codes in units of their own spread.

    Training is in float32. Afterwards the network is float64, like the codes that it returns and
    the arrays of a sampler in a model file. It stays on the CPU: codes are small.

    Attributes
    ----------
    mean_, spread_ : ndarray of shape (H,)
        The mean and the standard deviation of the training codes; the spread of a constant
        component is 0, and so are the deviations of its draws.
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
        """Fit the mean and the spread, and return the standardized codes in float32."""
        self.mean_, self.spread_ = codes.mean(axis=0), codes.std(axis=0)
        # The mean of equal numbers can differ from them by a rounding error.
        self.spread_[np.ptp(codes, axis=0) == 0] = 0.0
        return torch.from_numpy(self._scaled(codes)).float()

    def _scaled(self, codes: Codes) -> Codes:
        scaled: Codes = (codes - self.mean_) / np.where(self.spread_ > 0, self.spread_, 1.0)
        return scaled

    def _keep(self, module: nn.Module) -> Self:
        """Keep a trained network for inference."""
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
        """Restore what `state` returned; raise ``ValueError`` for a negative spread."""
        if (state["spread_"] < 0).any():
            raise ValueError("spread_ must not be negative")
        module = self._empty_module(len(state["mean_"])).double()
        with torch.no_grad():
            for name, parameter in module.named_parameters():
                parameter.copy_(torch.tensor(state[name]))
        names = set(dict(module.named_parameters()))
        super().restore({name: value for name, value in state.items() if name not in names})
        return self._keep(module)

    def expected_state(self, n_codes: int) -> dict[str, tuple[int | None, ...]]:
        """Return the shapes of the state."""
        return {"mean_": (n_codes,), "spread_": (n_codes,), **self._shapes(n_codes)}
