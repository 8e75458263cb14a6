"""``utsushi lecture``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from utsushi.cli.common import note
from utsushi.cli.parameters import integer

if TYPE_CHECKING:
    from utsushi.lecture import Comparison


def lecture(
    out: Annotated[
        str, typer.Option(metavar="RUN", help="The run folder to make.")
    ] = "runs/lecture",
    lang: Annotated[str, typer.Option(metavar="en|ja", help="Of the report.")] = "en",
    force: Annotated[
        bool, typer.Option("--force", help="Replace a run that stands there.")
    ] = False,
    random_state: Annotated[Any, typer.Option(parser=integer, metavar="N", help="The seed.")] = "0",
    max_epochs: Annotated[
        Any, typer.Option(parser=integer, metavar="N", help="The lecture's 30, or fewer to try.")
    ] = "30",
) -> None:
    """Run the lecture's two experiments.

    Prints the lecture's numbers and Utsushi's side by side, and leaves a run with a report.
    """
    from utsushi.lecture import run_lecture

    table = run_lecture(
        out, language=lang, force=force, random_state=random_state, max_epochs=max_epochs
    )
    typer.echo(_as_text(table, lang))
    note(f"the report: {out}/report.html")


def _as_text(comparisons: list[Comparison], language: str) -> str:
    """Return the table of the report as aligned text."""
    from rich.cells import cell_len

    from utsushi.lecture.page import comparison_table

    table = comparison_table(comparisons, language)
    lines = [table.columns, *table.rows]
    widths = [max(cell_len(line[i]) for line in lines) for i in range(len(table.columns))]
    return "\n".join(
        "  ".join(
            # Wide characters take two cells, which str.ljust does not know.
            cell + pad if i == 0 else pad + cell
            for i, cell in enumerate(line)
            for pad in [" " * (widths[i] - cell_len(cell))]
        )
        for line in lines
    )
