"""A constraint of a parameter to some names."""

from __future__ import annotations

from sklearn.utils._param_validation import StrOptions

__all__ = ["SortedStrOptions"]


class SortedStrOptions(StrOptions):
    """Constrain a parameter to some names, as scikit-learn does, but list them in a fixed order.

    The original lists them in the order of a set, which differs between processes.

    Examples
    --------
    >>> str(SortedStrOptions({"relu", "gelu"}))
    "a str among {'gelu', 'relu'}"
    """

    def __str__(self) -> str:
        return f"a str among {{{', '.join(map(repr, sorted(self.options)))}}}"
