"""``utsushi data``: list, info, fetch."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from utsushi.cli.common import Label, note

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
def info(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A name, a file or a folder.")],
    label: Label = None,
) -> None:
    """Describe a source as JSON: shape, type, range, classes."""
    from utsushi import datasets

    facts = datasets.describe(datasets.open(source, label=label))
    typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))


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
