"""The command ``utsushi report``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from utsushi.cli.options import Language
from utsushi.cli.output import as_text, note
from utsushi.cli.rows import dataset_of
from utsushi.cli.tables import frame_of


def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)],
    lang: Language = "en",
) -> None:
    """Write the figures and the report of a run, such as one trained with --no-report.

    Measures the model as utsushi train does without --no-report, and replaces the run's
    metrics.json, figures and report.html.
    """
    from utsushi.estimators.capabilities import takes_tables
    from utsushi.report import check_language
    from utsushi.runs import open_run, tables_of, write_report

    check_language(lang)
    opened = open_run(run)
    dataset: Any
    if takes_tables(opened.model):
        dataset = frame_of(opened, None, {})
    else:
        dataset = dataset_of(opened, None, None, {})
    results = write_report(run, opened, dataset, language=lang)
    typer.echo(as_text(tables_of(results)))
    note(f"the report: {run}/report.html")
