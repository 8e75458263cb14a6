"""``utsushi lecture``."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from utsushi.cli.options import Force, Language, integer
from utsushi.cli.output import as_text, note


def lecture(
    out: Annotated[
        str, typer.Option(metavar="RUN", help="The run folder to make.")
    ] = "runs/lecture",
    lang: Language = "en",
    force: Force = False,
    random_state: Annotated[Any, typer.Option(parser=integer, metavar="N", help="The seed.")] = "0",
    max_epochs: Annotated[
        Any, typer.Option(parser=integer, metavar="N", help="The lecture's 30, or fewer to try.")
    ] = "30",
    everything: Annotated[
        bool, typer.Option("--all", help="Add what the lecture only names; several times as long.")
    ] = False,
) -> None:
    """Run the lecture's two experiments.

    Prints the lecture's numbers and Utsushi's side by side, and leaves a run with a report. The run
    is written anew after each experiment: what is stopped keeps those that are done.
    """
    from utsushi.lecture import run_lecture
    from utsushi.lecture.page import comparison_table
    from utsushi.lecture.sections import SECTIONS

    sections = SECTIONS if everything else ()
    comparisons = run_lecture(
        out,
        language=lang,
        force=force,
        random_state=random_state,
        max_epochs=max_epochs,
        sections=sections,
        on_done=lambda name: note(f"{name}: done, in {out}"),
    )
    table = comparison_table(comparisons, lang, sections)
    typer.echo(as_text([replace(table, note=None)]))
    note(f"the report: {out}/report.html")
