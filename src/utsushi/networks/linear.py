"""The linear layer, with products of which every row is the same wherever it stands."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Linear", "linear"]

#: Fewest outputs of a product whose rows were measured to depend on nothing but themselves.
MIN_OUTPUTS = 12


class Linear(nn.Linear):
    """torch's linear layer; at inference a narrow one is computed with outputs added and dropped.

    With 2 to 11 outputs and a number of inputs that is no multiple of four, the last bits of a
    row's float32 product depend on where the row stands in the batch (torch 2.13, x86). With
    twelve or more outputs they do not, so zero weights fill a narrow layer up.
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
