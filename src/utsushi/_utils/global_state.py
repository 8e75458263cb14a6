"""Restore global state that other libraries change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch.distributions import Distribution

__all__ = ["checks_of_distributions_kept"]


@contextmanager
def checks_of_distributions_kept() -> Iterator[None]:
    """Restore the argument checks of torch distributions, which some libraries switch off.

    Examples
    --------
    >>> from torch.distributions import Normal
    >>> with checks_of_distributions_kept():
    ...     Normal.set_default_validate_args(False)
    >>> Normal(0.0, -1.0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ValueError: Expected parameter scale ...
    """
    before = {name: vars(Distribution)[name] for name in ("_validate_args", "arg_constraints")}
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(Distribution, name, value)
