"""Docstrings that name every parameter and attribute of a class, inherited ones, too."""

from __future__ import annotations

import inspect
import re

__all__ = ["complete_docstring"]

#: Below its title, a section ends before the next title or at the end.
_SECTION = r"(?<=^{title}\n{line}\n).*?(?=\n\n[^\n]+\n---|\Z)"


def complete_docstring(cls: type) -> str | None:
    """Return a class's docstring with the entries of its bases that it does not have itself.

    Only bases of the same package are read. Without docstrings
    (``python -OO``) there is nothing to complete.

    Examples
    --------
    >>> from utsushi import DenoisingAutoencoder
    >>> "n_components : int >= 1, default=10" in DenoisingAutoencoder.__doc__
    True
    """
    if cls.__doc__ is None:
        return None
    text = inspect.cleandoc(cls.__doc__)
    for title in ("Parameters", "Attributes"):
        own = _section(text, title)
        if own is None:
            continue
        entries = _entries(own)
        package = cls.__module__.partition(".")[0]
        bases = [b for b in cls.__mro__[1:] if b.__module__.partition(".")[0] == package]
        for base in bases:
            inherited = _section(inspect.cleandoc(base.__doc__ or ""), title) or ""
            entries = entries | {k: v for k, v in _entries(inherited).items() if k not in entries}
        text = text.replace(own, "\n".join(entries.values()), 1)
    return text


def _section(text: str, title: str) -> str | None:
    """Return what is below a title, or None."""
    pattern = _SECTION.format(title=title, line="-" * len(title))
    found = re.search(pattern, text, re.DOTALL | re.MULTILINE)
    return None if found is None else found[0]


def _entries(section: str) -> dict[str, str]:
    """Return the entries of a section by their names; one entry may have several."""
    blocks = re.split(r"\n(?=\S)", section) if section else []
    return {block.partition("\n")[0].partition(" : ")[0]: block for block in blocks}
