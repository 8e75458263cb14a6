"""Optional dependencies: the error if one is not installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from utsushi.exceptions import MissingPackageError

__all__ = ["import_flows", "require_extra"]


def require_extra(extra: str, *packages: str, what: str, otherwise: str = "") -> None:
    """Raise an error if a package is not installed, without importing it.

    Parameters
    ----------
    extra : str
        The extra of this library that installs them.
    *packages : str
        The names of the modules.
    what : str
        The feature that needs them, as the beginning of the error.
    otherwise : str, optional
        An alternative without them.

    Raises
    ------
    MissingPackageError
        Names the first package that is missing, and the extra.

    Examples
    --------
    >>> require_extra("flow", "no_such_module", what="sampler='flow'")
    Traceback (most recent call last):
    ...
    utsushi.exceptions.MissingPackageError: sampler='flow' needs no_such_module, which is not
    installed. Install it with pip install 'utsushi[flow]'.
    """
    for package in packages:
        if find_spec(package) is None:
            raise MissingPackageError(
                f"{what} needs {package}, which is not installed. Install it with "
                f"pip install 'utsushi[{extra}]'" + (f", or {otherwise}." if otherwise else ".")
            )


def import_flows(what: str, otherwise: str) -> Any:
    """Import the module ``flows`` of zuko, an extra; the state that it changes is restored.

    Parameters
    ----------
    what, otherwise : str
        For the error where it is not installed; see `require_extra`.
    """
    require_extra("flow", "zuko", what=what, otherwise=otherwise)
    from utsushi._utils.global_state import checks_of_distributions_kept

    with checks_of_distributions_kept():
        import zuko.flows
    return zuko.flows
