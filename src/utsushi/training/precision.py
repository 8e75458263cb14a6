"""Precision policy of a training: float32 or bfloat16 products, eager or compiled."""

from __future__ import annotations

import os
import shutil
from typing import cast

import torch
from torch import Tensor, nn

from utsushi._utils.global_state import checks_of_distributions_kept
from utsushi.exceptions import SettingError
from utsushi.networks import EncoderDecoder

__all__ = ["with_precision"]


def with_precision(
    module: EncoderDecoder, precision: str, *, compile: bool = False
) -> EncoderDecoder:
    """Return a view of a module that computes in a precision; both share their parameters.

    Parameters
    ----------
    module : EncoderDecoder
        Its parameters stay float32.
    precision : {"float32", "bfloat16"}
        "bfloat16" computes products in half the bits (autocast); outputs and sums are float32.
    compile : bool, default=False
        Whether encoder and decoder are compiled by `torch.compile`.

    Raises
    ------
    SettingError
        If ``compile`` is True and there is no C++ compiler.
    """
    if compile and not _has_compiler():
        raise SettingError(
            "compile must be False without a C++ compiler, got True. Install g++ or clang++, or "
            "name another one in the environment variable CXX."
        )

    def view(part: nn.Module) -> nn.Module:
        if compile:
            with checks_of_distributions_kept():
                part = cast(nn.Module, torch.compile(part))
        return _BFloat16Products(part) if precision == "bfloat16" else part

    return module.with_parts(encoder=view(module.encoder), decoder=view(module.decoder))


class _BFloat16Products(nn.Module):
    """A module that runs under autocast and returns float32."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16):
            output: Tensor = self.module(x)
        return output.float()


def _has_compiler() -> bool:
    """Tell whether `torch.compile` finds a C++ compiler."""
    names = (os.environ.get("CXX"), "g++", "clang++", "cl")
    return any(name is not None and shutil.which(name) for name in names)
