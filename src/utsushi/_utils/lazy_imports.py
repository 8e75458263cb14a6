"""Names of a package that are imported when they are first used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pkgutil import resolve_name
from typing import Any

__all__ = ["imported_late"]


def imported_late(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return what a package takes for its ``__getattr__``.

    Parameters
    ----------
    package : str
        The name of the package; a name that was used becomes an attribute of it.
    homes : mapping of str to str
        Where each name is found, as `pkgutil.resolve_name` takes it: "package.module:name".

    Returns
    -------
    callable
        It raises AttributeError for any other name.

    Examples
    --------
    >>> get = imported_late("utsushi", {"load": "utsushi.estimators:load"})
    >>> get("lode")
    Traceback (most recent call last):
    AttributeError: module 'utsushi' has no attribute 'lode'
    """

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = resolve_name(homes[name])
        setattr(sys.modules[package], name, value)
        return value

    return get
