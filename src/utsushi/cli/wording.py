"""What the library says, in the words of the command line."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import PurePath
from typing import Any

__all__ = ["as_options", "as_options_of_train", "options_of"]

# Of a text: what is quoted or a call, which stays as it is; name>10; name='value',
# name=("a", "b") or name=10; what scikit-learn says of a parameter; a name whose underscore tells
# it from a word.
_PARTS = (
    r"""(?<![\w=])'[^']*'(?!\w)|(?<![\w=])"[^"]*"(?!\w)"""
    r"""|(?:\w+=)?[A-Z]\w*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)"""
    r"""|(?<![\w./=-])(?P<bounded>[a-z]\w*)(?P<bound>[<>])(?P<limit>-?[\d.]*\d(?:e-?\d+)?)"""
    r"""|(?<![\w./=-])(?P<setting>[a-z]\w*)="""
    r"""(?P<value>'[^']*'|"[^"]*"|\((?:'[^']*'|"[^"]*"|[^()'"])*\)|[\w.+…-]*[\w…])"""
    r"""|The\ '(?P<parameter>\w+)'\ parameter\ of\ \w+"""
    r"""|(?<![\w"(./=-])(?P<name>[a-z]+(?:_[a-z]+)+)(?![\w"=]|[./]\w)"""
)

# Which no option can be given.
_INSTANCE = re.compile(r"(?:, or|,| or) an instance of '[\w.]+'")


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
    return {p.name: p for p in command.params if p.opts and _flag(p).startswith("--")}


def as_options(text: str, options: Mapping[str, Any], words: Sequence[str] = ()) -> str:
    """Say settings as options of the program; what is no option stays as it is.

    Parameters
    ----------
    text : str
    options : mapping of str to Option
        See `options_of`.
    words : sequence of str, default=()
        What the user typed: names of files stay as they are too.

    Returns
    -------
    str
        ``scaling='standard'`` is ``--scaling standard``, ``drop=('id',)`` is ``--drop id``,
        ``skip_bad=True`` is ``--skip-bad``, ``beta<4`` is ``--beta below 4``, ``n_samples`` is
        ``--n-samples``.
    """

    def said(match: re.Match[str]) -> str:
        name = match["setting"] or match["bounded"] or match["parameter"] or match["name"]
        option = options.get(name)
        if option is None:
            return match[0]
        if match["bounded"] is not None:
            side = "above" if match["bound"] == ">" else "below"
            return f"{_flag(option)} {side} {match['limit']}"
        if match["setting"] is None:
            return _flag(option)
        return _with_value(option, match["value"]) or match[0]

    own = {name for word in words for name in (word, PurePath(word).name) if len(name) > 1}
    kept = [re.escape(name) for name in sorted(own, key=len, reverse=True)]
    return re.sub("|".join([*kept, _PARTS]), said, _INSTANCE.sub("", text))


def as_options_of_train(text: str) -> str:
    """Say settings as options of ``utsushi train``: what is said of a model is about those."""
    return as_options(text, _options_of_train())


@cache
def _options_of_train() -> dict[str, Any]:
    """Return the options of all commands that train a model."""
    import typer.main

    from utsushi.cli.train import app

    program = typer.main.get_command(app)
    return {
        name: option
        for model in program.commands  # type: ignore[attr-defined]
        for name, option in options_of(program, [model]).items()
    }


def _flag(option: Any) -> str:
    return str(max(option.opts, key=len))


def _with_value(option: Any, value: str) -> str | None:
    """Return an option with its value as one would type it, or None where none can be typed."""
    try:
        found = ast.literal_eval(value)
    except (ValueError, SyntaxError):  # such as (height, width)
        return f"{_flag(option)} {value.strip('()').replace(' ', '')}"
    if option.is_flag:
        without = [*option.secondary_opts, f"no {_flag(option)}"][0]
        return _flag(option) if found else without
    if found is None and "none" not in (option.metavar or ""):
        return f"no {_flag(option)}"
    if not isinstance(found, str | tuple):
        return f"{_flag(option)} {value.lower()}"  # a number, true, false or none
    parts = [found] if isinstance(found, str) else [str(part) for part in found]
    if isinstance(found, tuple) and "," in "".join(parts):  # the comma would part it
        return None
    return f"{_flag(option)} {shlex.quote(','.join(parts))}"
