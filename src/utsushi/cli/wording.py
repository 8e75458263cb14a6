"""What the library says, in the words of the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["as_options", "options_of"]

# Of a text: what is quoted, which stays as it is; name='value', name=("a", "b") or name=10; what
# scikit-learn says of a parameter; a name whose underscore tells it from a word.
_PARTS = re.compile(
    r"""(?<![\w=])'[^']*'(?!\w)"""
    r"""|(?<![\w./=-])(?P<setting>[a-z]\w*)=(?P<value>'[^']*'|"[^"]*"|\([^()]*\)|[\w.+…-]*[\w…])"""
    r"""|The\ '(?P<parameter>\w+)'\ parameter\ of\ \w+"""
    r"""|(?<![\w"./=-])(?P<name>[a-z]+(?:_[a-z]+)+)(?![\w"=]|[./]\w)"""
)

# Which no option can be given.
_INSTANCE = re.compile(r",? or an instance of '[\w.]+'")


def options_of(command: Any, words: Sequence[str]) -> dict[str, Any]:
    """Return the options, by their names in Python, of the command that words call.

    Parameters
    ----------
    command : Command
        The program, as Typer has it.
    words : sequence of str
        What stands behind the program's name.

    Returns
    -------
    dict of str to Option
    """
    for word in words:
        if word not in getattr(command, "commands", {}):
            break
        command = command.commands[word]
    return {p.name: p for p in command.params if p.opts and p.opts[-1].startswith("--")}


def as_options(text: str, options: Mapping[str, Any]) -> str:
    """Say settings as options of the program; what is no option stays as it is.

    Parameters
    ----------
    text : str
    options : mapping of str to Option
        See `options_of`.

    Returns
    -------
    str
        ``scaling='standard'`` is ``--scaling standard``, ``drop=('id',)`` is ``--drop id``,
        ``skip_bad=True`` is ``--skip-bad``, ``n_samples`` is ``--n-samples``.
    """

    def said(match: re.Match[str]) -> str:
        option = options.get(match["setting"] or match["parameter"] or match["name"])
        if option is None:
            return match[0]
        return _flag(option) if match["setting"] is None else _with_value(option, match["value"])

    return _PARTS.sub(said, _INSTANCE.sub("", text))


def _flag(option: Any) -> str:
    return str(max(option.opts, key=len))


def _with_value(option: Any, value: str) -> str:
    """Return an option with its value as one would type it."""
    if option.is_flag:
        return _flag(option) if value == "True" else f"no {_flag(option)}"
    if value == "None" and "none" not in (option.metavar or ""):
        return f"no {_flag(option)}"
    if value in ("True", "False", "None"):
        value = value.lower()
    parts = (part.strip().strip("'\"") for part in value.strip("()").split(","))
    return f"{_flag(option)} {','.join(part for part in parts if part)}"
