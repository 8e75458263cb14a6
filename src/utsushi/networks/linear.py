"""The linear layer, with products of which every row is the same wherever it stands."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Linear"]

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
        missing = MIN_OUTPUTS - self.out_features
        if missing <= 0 or torch.is_grad_enabled():
            return super().forward(x)
        weight = functional.pad(self.weight, (0, 0, 0, missing))
        bias = None if self.bias is None else functional.pad(self.bias, (0, missing))
        return functional.linear(x, weight, bias)[..., : self.out_features]
