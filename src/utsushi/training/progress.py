"""A progress bar for the eyes of whoever waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(
    title: str, n_epochs: int, verbose: int
) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Show a bar on stderr that moves with each epoch.

    Parameters
    ----------
    title : str
        What is being trained.
    n_epochs : int
        The length of the bar.
    verbose : int
        0 shows nothing.

    Yields
    ------
    callable
        To be called with each row of the history.
    """
    if not verbose:
        yield lambda row: None
        return

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=10),  # the longest line fits into 80 columns
        MofNCompleteColumn(),
        TextColumn("epochs"),
        Remaining(elapsed_when_finished=True),
        TextColumn("{task.fields[terms]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(title, total=n_epochs, terms="")

        def advance(row: dict[str, Any]) -> None:
            progress.update(task, advance=1, terms=_summary(row))

        yield advance


def _summary(row: dict[str, Any]) -> str:
    """Return the objectives of an epoch in a few words."""
    text = f"{row['objective']:.4g}"
    if "validation_objective" in row:
        text += f", held out {row['validation_objective']:.4g}"
    return text
