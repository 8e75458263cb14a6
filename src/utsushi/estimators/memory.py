"""Whether a network fits into the machine, before any of its memory is asked for."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable

from utsushi.exceptions import SettingError
from utsushi.networks import EncoderDecoder

__all__ = ["empty_module_that_fits"]

#: float32 numbers of each parameter in a training: itself, its gradient, and Adam's two moments.
_NUMBERS = 4

GB = 10**9


def empty_module_that_fits(
    build: Callable[[], EncoderDecoder],
    sampler_shapes: Callable[[], Iterable[tuple[int | None, ...]]],
    said: str,
) -> EncoderDecoder:
    """Build a network on the meta device, if this machine has the memory to train it.

    Parameters
    ----------
    build : callable
        Gives the network, on the meta device.
    sampler_shapes : callable
        Gives the shapes of what the sampler will learn, float64; None is a length that the rows
        decide.
    said : str
        The parameters that decide how large it is, for the message.

    Raises
    ------
    SettingError
        If parameters, gradients, moments and sampler take more than the machine's memory.
    """
    try:
        module = build()
        n_parameters = sum(parameter.numel() for parameter in module.parameters())
        n_learned = sum(math.prod(n or 1 for n in shape) for shape in sampler_shapes())
    except (RuntimeError, TypeError) as error:
        if "overflow" not in str(error).lower():
            raise
        raise _too_large(said, "more parameters than can be counted") from None
    n_bytes = 4 * _NUMBERS * n_parameters + 8 * n_learned
    memory = memory_of_machine()
    if n_bytes > memory:
        raise _too_large(
            said,
            f"{n_parameters:,} parameters, whose training takes {n_bytes / GB:,.0f} GB",
            f" of at most the {memory / GB:.0f} GB of this machine",
        )
    return module


def memory_of_machine() -> float:
    """Return the bytes of memory, infinity where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return math.inf


def _too_large(said: str, found: str, expected: str = "") -> SettingError:
    return SettingError(
        f"{said} make a model of {found}, expected one{expected}; choose fewer components or "
        "narrower layers"
    )
