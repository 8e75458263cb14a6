"""``utsushi data``: list, info, fetch."""

from __future__ import annotations

import json
import shlex
from typing import Annotated, Any

import typer

from utsushi.cli.common import Label, note, note_skipped
from utsushi.cli.reading import reads

app = typer.Typer(help="List, describe and fetch data.", no_args_is_help=True)


@app.command("list")
def list_() -> None:
    """List the data that needs no file."""
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
    """Describe a source as JSON: shape, types, ranges, missing values, and what suits it."""
    from utsushi import datasets

    dataset = datasets.open(source, label=label, **reading)
    note_skipped(dataset)
    suggested = datasets.suggest(dataset)
    facts = datasets.describe(dataset) | {
        "columns": datasets.describe_columns(dataset),
        "skipped": list(dataset.skipped),
        "suggested": suggested,
        "command": _command(source, label, reading, suggested),
    }
    typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))


def _command(
    source: str, label: str | None, reading: dict[str, Any], suggested: dict[str, dict[str, Any]]
) -> str:
    """Return a call of the program that trains with what was said and suggested."""
    options = dict(reading)
    for name, about in suggested.items():
        is_list = isinstance(about["value"], list)
        options[name] = [*options.get(name, []), *about["value"]] if is_list else about["value"]
    words = ["utsushi", "train", "vae", "--data", source, *(["--label", label] if label else [])]
    for name, value in options.items():
        if name == "color":
            words += [f"--{value}"]
            continue
        words += [f"--{name.replace('_', '-')}"]
        if value is not True:
            words += [",".join(map(str, value)) if isinstance(value, list) else str(value)]
    return shlex.join([*words, "--out", "run"])


@app.command("fetch")
def fetch(
    out: Annotated[
        str, typer.Option(metavar="FOLDER", help="Where the four files go.")
    ] = "data/mnist",
) -> None:
    """Download the whole of MNIST from OpenML, checked, as the four original files."""
    from utsushi import datasets

    folder = datasets.fetch_mnist(out)
    note(f"MNIST, 60,000 training and 10,000 test images: {folder} (use --data {folder})")
