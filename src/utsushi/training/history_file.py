"""``history.jsonl`` while it is written: another process may read it at every instant."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from utsushi._utils.files import write_text

__all__ = ["append_row", "begin_history"]

#: The system copies what is written a page at a time: a line on two pages could be seen by half.
PAGE = 4096


def begin_history(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write the rows of before, and begin a page behind them."""
    text = ""
    for row in rows:
        text += line_of(row, len(text))
    if text:
        text = text[:-1] + " " * (-len(text) % PAGE) + "\n"
    write_text(path, text)


def append_row(path: Path, row: dict[str, Any]) -> None:
    """Add a row in one write, on one page."""
    with path.open("ab", buffering=0) as file:
        file.write(line_of(row, file.tell()).encode())


def line_of(row: dict[str, Any], at: int) -> str:
    r"""Return a row as a line that begins ``at`` so many bytes.

    Where a line of twice its length would not fit into the rest of the page, spaces fill that,
    which JSON passes over: the next line begins a page.

    Examples
    --------
    >>> line_of({"epoch": 1}, 0)
    '{"epoch": 1}\n'
    >>> (4070 + len(line_of({"epoch": 2}, 4070))) % PAGE
    0
    """
    text = json.dumps(row)  # ASCII
    room = -(at + len(text) + 1) % PAGE
    padding = room if room < 2 * (len(text) + 1) else 0
    return text + " " * padding + "\n"
