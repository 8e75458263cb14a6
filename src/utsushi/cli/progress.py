"""A bar on stderr for what goes through many rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["row_bar"]


@contextmanager
def row_bar(title: str, n_rows: int) -> Iterator[Callable[[int], None]]:
    """Show how far it is and how long it will take; where stderr is no terminal, nothing.

    Parameters
    ----------
    title : str
        What is being done.
    n_rows : int
        The rows in all.

    Yields
    ------
    callable
        To be called with how many rows more are done.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        TextColumn("{task.completed:,} of {task.total:,} rows"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(title, total=n_rows)
        yield lambda n_done: progress.advance(task, n_done)
