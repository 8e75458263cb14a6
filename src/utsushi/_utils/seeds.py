"""Random numbers as functions of a seed: every draw names what it is for.

A generator is derived from the model's seed and a path such as (NOISE, epoch, step). Nothing else
needs to be remembered to repeat a draw, and the caller's global generators are never touched.
"""

from __future__ import annotations

import hashlib
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from numbers import Integral

import numpy as np
import torch

from utsushi.exceptions import SettingError

__all__ = ["Purpose", "generator", "numpy_generator", "seed_from", "torch_seeded"]

#: Held while torch's global generators are seeded, because all threads share them.
_SEEDED = threading.RLock()


class Purpose(IntEnum):
    """The purpose of a stream of random numbers, the first element of its path."""

    INITIALIZATION = 0
    SPLIT = 1
    ORDER = 2
    NOISE = 3
    CALIBRATION = 4
    SAMPLER = 5
    SAMPLE = 6
    PIXELS = 7
    CODES = 8
    AUGMENTATION = 9
    CLASSES = 10
    EVALUATION = 11
    SEARCH = 12
    LAYERS = 13
    FACTORS = 14
    RESERVOIR = 15
    LAST_LAYER = 16


def seed_from(random_state: int | np.random.RandomState | None) -> int:
    """Convert scikit-learn's ``random_state`` to a seed.

    Parameters
    ----------
    random_state : int >= 0, RandomState or None
        An integer is the seed itself. A ``RandomState`` draws one, which advances it. None
        takes fresh entropy from the system, not from numpy's global state: 32 bits, so that the
        seed of a fitted estimator is a valid ``random_state`` of another.

    Returns
    -------
    int
        In [0, 2**63).

    Raises
    ------
    SettingError
        If it is none of these.

    Examples
    --------
    >>> seed_from(7)
    7
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint32)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    if not isinstance(random_state, Integral) or not 0 <= random_state < 2**63:
        raise SettingError(
            "random_state must be None, a RandomState or a non-negative integer below 2**63, got "
            f"{random_state!r}."
        )
    return int(random_state)


def _derive(seed: int, path: tuple[int, ...]) -> int:
    """Mix a seed and a path into 64 bits.

    A hash takes two microseconds; numpy's ``SeedSequence`` takes eighty, a tenth of a training step
    on small data.
    """
    words = struct.pack(f"<{1 + len(path)}Q", seed, *path)
    return int.from_bytes(hashlib.blake2b(words, digest_size=8).digest(), "little")


def generator(seed: int, *path: int) -> torch.Generator:
    """Return the torch generator (CPU) of a path; the same path gives the same numbers.

    Examples
    --------
    >>> first = torch.rand(1, generator=generator(0, Purpose.NOISE, 1, 2))
    >>> bool(first == torch.rand(1, generator=generator(0, Purpose.NOISE, 1, 2)))
    True
    """
    return torch.Generator().manual_seed(_derive(seed, path))


def numpy_generator(seed: int, *path: int) -> np.random.Generator:
    """Return the numpy generator of a path; the same path gives the same numbers.

    Examples
    --------
    >>> int(numpy_generator(0, Purpose.SPLIT).integers(100))
    4
    """
    return np.random.Generator(np.random.PCG64(_derive(seed, path)))


@contextmanager
def torch_seeded(device: str | torch.device, seed: int, *path: int) -> Iterator[None]:
    """Seed torch's global generators by a path, and restore them at the end.

    For layers that draw from them, such as dropout, and for constructors that fill their weights.

    Examples
    --------
    >>> before = torch.get_rng_state()
    >>> with torch_seeded("cpu", 0, Purpose.LAYERS):
    ...     first = torch.rand(1)
    >>> with torch_seeded("cpu", 0, Purpose.LAYERS):
    ...     bool(first == torch.rand(1))
    True
    >>> bool((before == torch.get_rng_state()).all())
    True
    """
    device, number = torch.device(device), _derive(seed, path)
    with _SEEDED:
        before = torch.get_rng_state()
        torch.default_generator.manual_seed(number)
        try:
            if device.type == "cpu":
                yield
            else:
                with _accelerator_seeded(device, number):
                    yield
        finally:
            torch.set_rng_state(before)


@contextmanager
def _accelerator_seeded(device: torch.device, number: int) -> Iterator[None]:
    """Seed the global generator of an accelerator, and restore it at the end."""
    module = torch.get_device_module(device)
    with torch.accelerator.device_index(device.index):
        before = module.get_rng_state()
        module.manual_seed(number)
        try:
            yield
        finally:
            module.set_rng_state(before)
