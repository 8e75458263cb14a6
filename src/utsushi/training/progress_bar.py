"""Progress bar of a training, on stderr."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["progress_bar"]

#: Seconds between two lines of text, if stderr is not a terminal.
SECONDS_PER_LINE = 30.0


@contextmanager
def progress_bar(
    title: str, n_epochs: int, verbose: int
) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Show a bar on stderr that advances each epoch, or lines of text if it is not a terminal.

    Parameters
    ----------
    title : str
        The name of the model.
    n_epochs : int
        The length of the training.
    verbose : int
        0 shows nothing.

    Yields
    ------
    callable
        Call it with each row of the history.
    """
    if not verbose:
        yield lambda row: None
        return

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    console = Console(stderr=True)
    if not console.is_terminal:
        with _lines(title, n_epochs, console) as advance:
            yield advance
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=10),  # the longest line fits into 80 columns
        MofNCompleteColumn(),
        TextColumn("epochs"),
        TextColumn("{task.fields[clock]}"),
        Remaining(elapsed_when_finished=True),
        TextColumn("{task.fields[terms]}"),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(title, total=n_epochs, terms="", clock="left")

        def advance(row: dict[str, Any]) -> None:
            clock = "took" if row["epoch"] == n_epochs else "left"
            progress.update(task, advance=1, terms=_summary(row), clock=clock)

        yield advance


@contextmanager
def _lines(
    title: str, n_epochs: int, console: Console
) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Write a line at the start, one every half minute, and one at the end."""
    started = last_line = time.monotonic()
    last: dict[str, Any] = {}

    def write_line() -> None:
        seconds = time.monotonic() - started
        text = f"{title} {last['epoch']}/{n_epochs} epochs, {seconds:.0f} s, {_summary(last)}"
        console.print(text, highlight=False, soft_wrap=True)

    def advance(row: dict[str, Any]) -> None:
        nonlocal last_line
        last.update(row)
        if time.monotonic() - last_line >= SECONDS_PER_LINE:
            last_line = time.monotonic()
            write_line()

    console.print(f"{title}: {n_epochs} epochs", highlight=False)
    yield advance
    if last:
        write_line()


def _summary(row: dict[str, Any]) -> str:
    """Return the objectives of an epoch as text."""
    text = f"{row['objective']:.4g}"
    if "validation_objective" in row:
        text += f", held out {row['validation_objective']:.4g}"
    return text
