"""The command ``utsushi lecture``."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

import typer

from utsushi.cli.options import Force, Language, integer
from utsushi.cli.output import as_text, note
from utsushi.cli.threads import limit_threads


def lecture(
    out: Annotated[
        str, typer.Option(metavar="RUN", help="The run folder to create.")
    ] = "runs/lecture",
    lang: Language = "en",
    force: Force = False,
    random_state: Annotated[Any, typer.Option(parser=integer, metavar="N", help="The seed.")] = "0",
    max_epochs: Annotated[
        Any,
        typer.Option(parser=integer, metavar="N", help="Epochs of training; the lecture has 30."),
    ] = "30",
    everything: Annotated[
        bool,
        typer.Option(
            "--all",
            help="Add experiments that the lecture only mentions; takes several times as long.",
        ),
    ] = False,
) -> None:
    """Reproduce the lecture's two experiments.

    Prints the lecture's results next to Utsushi's, and writes a run folder with a report. The
    report is written after each experiment, so that an interrupted run has the completed ones.
    """
    from utsushi.lecture import run_lecture
    from utsushi.lecture.page import comparison_table
    from utsushi.lecture.sections import SECTIONS

    sections = SECTIONS if everything else ()
    limit_threads()
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
