"""The linear layer, whose output for a sample does not depend on the rest of the batch."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Linear", "linear"]

#: The fewest outputs with which a product was measured not to depend on the rest of the batch.
MIN_OUTPUTS = 12


class Linear(nn.Linear):
    """torch's linear layer, computed with at least 12 outputs at inference.

    With 2 to 11 outputs and a number of inputs that is not a multiple of four, the last bits of a
    sample's float32 product depend on its position in the batch (torch 2.13, x86). With twelve or
    more outputs they do not, so a narrow layer is padded with zero weights.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the product, shape (..., out_features)."""
        return linear(x, self.weight, self.bias)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return the product of samples (..., n) with weights (m, n), as `Linear` computes it.

    Examples
    --------
    >>> linear(torch.ones(1, 2), torch.tensor([[2.0, 3.0]]))
    tensor([[5.]])
    """
    n_outputs = len(weight)
    missing = MIN_OUTPUTS - n_outputs
    if missing <= 0 or torch.is_grad_enabled():
        return functional.linear(x, weight, bias)
    weight = functional.pad(weight, (0, 0, 0, missing))
    bias = None if bias is None else functional.pad(bias, (0, missing))
    return functional.linear(x, weight, bias)[..., :n_outputs]
