"""Tables of the report as text for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from utsushi.cli.wording import as_options_of_train

if TYPE_CHECKING:
    from utsushi.report import Table

__all__ = ["as_text"]


def as_text(tables: Sequence[Table]) -> str:
    """Return tables of the same columns, one under the other, all aligned alike.

    Parameters
    ----------
    tables : sequence of Table
        Their notes are printed below them, with settings as options; captions are for the page.

    Returns
    -------
    str
        Names are aligned to the left, numbers to the right.
    """
    from rich.cells import cell_len

    lines = [line for table in tables for line in (table.columns, *table.rows)]
    # Wide characters take two cells, which str.ljust does not know.
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]

    def aligned(line: Sequence[str]) -> str:
        pads = [" " * (width - cell_len(cell)) for width, cell in zip(widths, line, strict=True)]
        numbers = [pad + cell for pad, cell in zip(pads[1:], line[1:], strict=True)]
        return "  ".join([line[0] + pads[0], *numbers]).rstrip()

    return "\n\n".join(
        "\n".join(
            [
                *map(aligned, (table.columns, *table.rows)),
                *(() if table.note is None else as_options_of_train(table.note).splitlines()),
            ]
        )
        for table in tables
    )
