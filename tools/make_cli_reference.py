"""Write docs/cli.md, the command line's reference, from the program itself.

``python tools/make_cli_reference.py``; a test fails when the page and the program differ.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

import typer.main

from utsushi._utils.files import write_text
from utsushi.cli.main import app
from utsushi.cli.options import TRAINED

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"

HEAD = """\
# The command line

What each command prints for `--help`. Data goes to standard output, notes and progress to standard
error. The exit status is 0 when a command did what was asked, 1 when it failed while working, and 2
when it was asked for what cannot be; an error is one line that names the value, what was expected,
and the fix.

[Options that several commands share](#shared-options) are listed once, at the end.

This page is written by `python tools/make_cli_reference.py`.
"""

SHARED = """\
## Shared options

Each has the same meaning in every command that has it. The last column names these commands.
"""

ALSO = "It also takes these [shared options](#shared-options):"

NEXT = "**Next:** [Ten minutes with Utsushi](tour.md), with the same in Python.\n"

#: An option that at least so many commands have, with the same meaning and default, is shared,
#: unless it is required.
MANY = 4

#: The cells of an option: its name, its meaning and its default.
Row = tuple[str, str, str]


def commands() -> Iterator[tuple[str, Any]]:
    """Give the words of each command and the command, in the order of the help page."""
    program = typer.main.get_command(app)
    with program.make_context("utsushi", [], resilient_parsing=True) as context:
        yield from _walk(program, context)


def _walk(command: Any, context: Any) -> Iterator[tuple[str, Any]]:
    yield context.command_path, (command, context)
    for name in getattr(command, "commands", {}) and command.list_commands(context):
        inner = command.get_command(context, name)
        with type(context)(inner, info_name=name, parent=context) as inside:
            yield from _walk(inner, inside)


def page() -> str:
    """Return the whole page."""
    options = {words: list(_options(*found)) for words, found in commands()}
    users: dict[Row, list[str]] = {}
    for words, rows in options.items():
        for row in rows:
            users.setdefault(row, []).append(words.removeprefix("utsushi "))
    shared = {
        row: words
        for row, words in sorted(users.items())
        if len(words) >= MANY and row[2] != "required"
    }
    sections = [_section(words, *found, options[words], shared) for words, found in commands()]
    lines = [f"| `{row[0]}` | {row[1]} | {row[2]} | `{_named(w)}` |" for row, w in shared.items()]
    table = ["| | | default | commands |", "|---|---|---|---|", *lines, ""]
    return "\n".join([HEAD, *sections, SHARED, *table, NEXT])


def _options(command: Any, context: Any) -> Iterator[Row]:
    """Give the cells of a command's options and arguments."""
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record and record[0] != "--help":
            yield _row(*record)


def _section(
    words: str, command: Any, context: Any, options: list[Row], shared: Container[Row]
) -> str:
    """Return a command's part: how it is called, what it does, what it takes."""
    usage = " ".join([words, *command.collect_usage_pieces(context)])
    paragraphs = [" ".join(text.split()) for text in (command.help or "").split("\n\n")]
    lines = [f"## `{words}`", "", f"    {usage}", ""]
    lines += [line for text in paragraphs if text for line in (_escaped(text), "")]
    own = [
        f"| `{name}` | {text} | {default} |"
        for name, text, default in options
        if (name, text, default) not in shared
    ]
    if own:
        lines += ["| | | default |", "|---|---|---|", *own, ""]
    others = [f"`{row[0].split(' ')[0]}`" for row in options if row in shared]
    if others:
        lines += [ALSO, "", ", ".join(others), ""]
    return "\n".join(lines)


def _named(commands: list[str]) -> str:
    """Return commands, those of one group by its name and what each has after it."""
    groups: dict[str, list[str]] = {}
    for words in commands:
        group, _, kind = words.partition(" ")
        groups.setdefault(group, []).append(kind)
    named = []
    for group, kinds in groups.items():
        rest = "" if kinds == [""] or len(kinds) == len(TRAINED) else " " + ", ".join(kinds)
        named.append(f"{group}{rest}")
    return "; ".join(named)


def _row(name: str, meaning: str) -> Row:
    """Return the cells of an option or argument."""
    meaning, _, rest = " ".join(meaning.split()).partition("[")
    default = re.fullmatch(r"default: (.*)\]", rest)
    shown = f"`{default[1]}`" if default else rest.rstrip("]")
    return name.replace("|", r"\|"), _escaped(meaning).strip(), shown


def _escaped(text: str) -> str:
    """Return text whose characters are no Markdown."""
    return re.sub(r"([|*<])", r"\\\1", text)


if __name__ == "__main__":
    print(write_text(PAGE, page()))
