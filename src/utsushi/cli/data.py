"""The commands ``utsushi data list``, ``info`` and ``fetch``."""

from __future__ import annotations

import json
import shlex
from typing import Annotated, Any

import typer

from utsushi.cli.options import Label, as_options, reads
from utsushi.cli.output import note, note_skipped

app = typer.Typer(help="List, describe and fetch data.", no_args_is_help=True)


@app.command("list")
def list_() -> None:
    """List the bundled datasets."""
    from utsushi import datasets

    entries = datasets.catalogue()
    width = max(len(entry.name) for entry in entries)
    for entry in entries:
        typer.echo(f"{entry.name:<{width}}  {entry.description}")


@app.command("info")
@reads
def info(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A name, a file or a folder.")],
    label: Label = None,
    *,
    reading: dict[str, Any],
) -> None:
    """Describe a source as JSON: shape, types, ranges, missing values, and suggested options.

    It describes every column of a table, including unusable ones, and every size of a folder's
    images. Standard error lists the suggested options with their reasons, the remaining problems,
    and the command that trains a model.
    """
    from utsushi import datasets

    facts = datasets.info(source, label=label, **reading)
    facts["command"] = _command(source, label, reading, facts["suggested"])
    typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    note_skipped(facts["skipped"], facts["name"])
    for name, about in facts["suggested"].items():
        words = shlex.join(_words(name, about["value"]))
        note(f"suggested: {words} ({about['why']})")
    for problem in facts["problems"]:
        note(f"problem: {as_options(problem)}")
    note(f"train with: {facts['command']}")


def _command(
    source: str, label: str | None, reading: dict[str, Any], suggested: dict[str, dict[str, Any]]
) -> str:
    """Return the command that trains with the chosen and the suggested options."""
    options = dict(reading)
    for name, about in suggested.items():
        is_list = isinstance(about["value"], list)
        options[name] = [*options.get(name, []), *about["value"]] if is_list else about["value"]
    words = ["utsushi", "train", "vae", "--data", source, *(["--label", label] if label else [])]
    words += [word for name, value in options.items() for word in _words(name, value)]
    return shlex.join([*words, "--out", "run"])


def _words(name: str, value: Any) -> list[str]:
    """Return a setting as arguments of the command line."""
    option = f"--{name.replace('_', '-')}"
    if name == "color":
        return [f"--{value}"]
    if isinstance(value, bool):
        return [option if value else option.replace("--", "--no-")]
    return [option, ",".join(map(str, value)) if isinstance(value, list) else str(value)]


@app.command("fetch")
def fetch(
    out: Annotated[
        str, typer.Option(metavar="FOLDER", help="Where to write the four files.")
    ] = "data/mnist",
) -> None:
    """Download MNIST from OpenML, verify it, and write the four original files."""
    from utsushi import datasets

    folder = datasets.fetch_mnist(out)
    note(f"MNIST, 60,000 training and 10,000 test images: {folder} (use --data {folder})")
