"""Write docs/cli.md, the command line's reference, from the program itself.

``python tools/make_cli_reference.py``; a test fails when the page and the program differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from utsushi._utils.files import write_text
from utsushi.cli.main import app

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"

HEAD = """\
# The command line

What each command prints for `--help`. Data goes to standard output, notes and progress to standard
error. The exit status is 0 when a command did what was asked, 1 when it failed while working, and 2
when it was asked for what cannot be; an error is one line that names the value, what was expected,
and the fix.

This page is written by `python tools/make_cli_reference.py`.
"""


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
    sections = [_section(words, *found) for words, found in commands()]
    return "\n".join([HEAD, *sections])


def _section(words: str, command: Any, context: Any) -> str:
    """Return a command's part: how it is called, what it does, what it takes."""
    usage = " ".join([words, *command.collect_usage_pieces(context)])
    paragraphs = [" ".join(text.split()) for text in (command.help or "").split("\n\n")]
    lines = [f"## `{words}`", "", f"    {usage}", ""]
    lines += [line for text in paragraphs if text for line in (_escaped(text), "")]
    records = [parameter.get_help_record(context) for parameter in command.get_params(context)]
    rows = [_row(*record) for record in records if record and record[0] != "--help"]
    if rows:
        lines += ["| | | default |", "|---|---|---|", *rows, ""]
    return "\n".join(lines)


def _row(name: str, meaning: str) -> str:
    """Return an option's or argument's line of the table."""
    meaning, _, rest = " ".join(meaning.split()).partition("[")
    default = re.fullmatch(r"default: (.*)\]", rest)
    said = f"`{default[1]}`" if default else rest.rstrip("]")
    name = name.replace("|", r"\|")
    return f"| `{name}` | {_escaped(meaning).strip()} | {said} |"


def _escaped(text: str) -> str:
    """Return text whose characters are no Markdown."""
    return re.sub(r"([|*<])", r"\\\1", text)


if __name__ == "__main__":
    print(write_text(PAGE, page()))
