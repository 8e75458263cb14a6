"""What the products of a training are made in: float32 or bfloat16, eager or compiled.

All are views of one module, with the same parameters, which stay float32. Where the caller leaves
the choice to "auto", the first steps of the training itself are timed, each view in its turn: no
step is wasted, but the clock decides, and the same seed may end elsewhere.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import cast

import torch
from torch import Tensor, nn

from utsushi._utils.global_state import checks_of_distributions_kept
from utsushi.exceptions import SettingError
from utsushi.networks import EncoderDecoder

__all__ = ["PRECISIONS", "Arithmetic", "Products"]

PRECISIONS = ("float32", "bfloat16")

#: Steps of each view that are timed, after others that only warm it up.
TIMED_STEPS, WARMING_STEPS = 8, 2

#: What must be left of a training for "auto" to try a compiled view: compiling takes 10 to 20 s.
SECONDS_WORTH_COMPILING = 120.0

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Arithmetic:
    """One way to make the products.

    Attributes
    ----------
    precision : {"float32", "bfloat16"}
        bfloat16 makes them in half the bits (autocast); sums and parameters stay float32.
    compile : bool
        Whether encoder and decoder are compiled by `torch.compile`.
    """

    precision: str = "float32"
    compile: bool = False

    def view(self, module: EncoderDecoder) -> EncoderDecoder:
        """Return ``module`` as seen through this arithmetic; the parameters are the same."""
        return module.with_parts(
            encoder=self._part(module.encoder), decoder=self._part(module.decoder)
        )

    def _part(self, part: nn.Module) -> nn.Module:
        if self.compile:
            with checks_of_distributions_kept():
                part = cast(nn.Module, torch.compile(part))
        return _BFloat16Products(part) if self.precision == "bfloat16" else part

    def __str__(self) -> str:
        return f"{self.precision}, {'compiled' if self.compile else 'eager'}"


class Products:
    """The views of a module that a training goes through, and the choice among them.

    Parameters
    ----------
    module : EncoderDecoder
    precision : {"float32", "bfloat16", "auto"}
    compile : bool or "auto"
        "auto" tries it where there is a compiler, when the eager views are timed and two minutes
        or more are left.
    n_steps : int
        The length of the training.

    Raises
    ------
    SettingError
        If ``compile`` is True and there is no C++ compiler.
    """

    def __init__(
        self, module: EncoderDecoder, precision: str, compile: bool | str, n_steps: int
    ) -> None:
        if compile is True and not _has_compiler():
            raise SettingError(
                "compile=True, but no C++ compiler was found, expected g++, clang++ or the one "
                "that CXX names; install one, or leave compile=False"
            )
        self.module = module
        self.n_steps_left = n_steps
        self.may_compile = compile == "auto" and _has_compiler()
        precisions = PRECISIONS if precision == "auto" else (precision,)
        self.candidates = [Arithmetic(name, compile is True) for name in precisions]
        self.views = {candidate: candidate.view(module) for candidate in self.candidates}
        self.seconds: dict[Arithmetic, list[float]] = defaultdict(list)

    @property
    def chosen(self) -> Arithmetic:
        """The arithmetic that is settled, or the first in question."""
        return self.candidates[0]

    @property
    def settled(self) -> Arithmetic | None:
        """The arithmetic of all steps that follow; None while the clock is asked."""
        return self.chosen if len(self.candidates) == 1 and not self.may_compile else None

    def settle(self, arithmetic: Arithmetic) -> None:
        """Take an arithmetic, as a training did before it was interrupted.

        Raises
        ------
        ValueError
            If it is none of those among which the caller left the choice.
        """
        precisions = {candidate.precision for candidate in self.candidates}
        compiled = {c.compile for c in self.candidates} | ({True} if self.may_compile else set())
        if arithmetic.precision not in precisions or arithmetic.compile not in compiled:
            raise ValueError(f"its arithmetic, {arithmetic}, is not what was asked for")
        self.candidates, self.may_compile = [arithmetic], False
        self.views = {arithmetic: arithmetic.view(self.module)}

    @property
    def inference(self) -> EncoderDecoder:
        """The view that held-out rows go through: of the settled precision, never compiled."""
        return Arithmetic(self.chosen.precision).view(self.module)

    @contextmanager
    def step(self) -> Iterator[EncoderDecoder]:
        """Give the view of the next step, and look at the clock if there is a choice to make."""
        self.n_steps_left -= 1
        if len(self.candidates) == 1 and not self.may_compile:
            yield self.views[self.chosen]
            return
        candidate = min(self.candidates, key=lambda one: len(self.seconds[one]))
        started = time.perf_counter()
        yield self.views[candidate]
        _wait_for(self.module)
        self.seconds[candidate].append(time.perf_counter() - started)
        if min(len(self.seconds[one]) for one in self.candidates) == WARMING_STEPS + TIMED_STEPS:
            self._settle()

    def _settle(self) -> None:
        """Keep the fastest candidate, and put a compiled one beside it if that may pay."""
        seconds = {one: median(self.seconds[one][WARMING_STEPS:]) for one in self.candidates}
        fastest = min(seconds, key=seconds.__getitem__)
        LOG.info(
            "chose %s by the seconds of a step: %s",
            fastest,
            "; ".join(f"{one} {found:.4f}" for one, found in seconds.items()),
        )
        left = self.n_steps_left * seconds[fastest]
        if self.may_compile and left > SECONDS_WORTH_COMPILING:
            compiled = Arithmetic(fastest.precision, compile=True)
            self.views[compiled] = compiled.view(self.module)
            self.candidates, self.seconds = [fastest, compiled], defaultdict(list)
        else:
            self.candidates = [fastest]
        self.may_compile = False


class _BFloat16Products(nn.Module):
    """A module run under autocast; what it gives, and all that follows, is float32."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, torch.bfloat16):
            output: Tensor = self.module(x)
        return output.float()


def _has_compiler() -> bool:
    """Tell whether `torch.compile` finds what it hands its code to."""
    names = (os.environ.get("CXX"), "g++", "clang++", "cl")
    return any(name is not None and shutil.which(name) for name in names)


def _wait_for(module: nn.Module) -> None:
    """Let an accelerator finish what it was given; the CPU has."""
    if next(module.parameters()).device.type != "cpu":
        torch.accelerator.synchronize()
