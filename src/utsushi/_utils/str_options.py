"""The names among which a parameter may be chosen."""

from __future__ import annotations

from sklearn.utils._param_validation import StrOptions

__all__ = ["Names"]


class Names(StrOptions):
    """scikit-learn's constraint of a parameter to some names, which are told in one order.

    The original says them in the order of a set, which is another in every process.

    Examples
    --------
    >>> str(Names({"relu", "gelu"}))
    "a str among {'gelu', 'relu'}"
    """

    def __str__(self) -> str:
        return f"a str among {{{', '.join(map(repr, sorted(self.options)))}}}"
