"""A page is data: sections of items. ``render`` turns it into one HTML file."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import singledispatch
from html import escape
from importlib.metadata import version
from importlib.resources import files
from string import Template

from utsushi.report.texts import TEXTS, check_language

__all__ = ["Item", "Page", "Paragraph", "Picture", "Section", "Settings", "Table", "render"]


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str


@dataclass(frozen=True)
class Table:
    """A table; the first column names the row, the others are numbers.

    Attributes
    ----------
    columns : tuple of str
        The heads of the columns.
    rows : tuple of tuple of str
        Each as long as ``columns``.
    caption : str
        What the table shows.
    note : str or None
        A word below it; its lines stay lines.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str
    note: str | None = None


@dataclass(frozen=True)
class Picture:
    """A figure.

    Attributes
    ----------
    png : bytes
        The whole PNG file; the page carries it.
    alt : str
        What is to be seen, for who cannot see it.
    caption : str
        What to look for.
    """

    png: bytes
    alt: str
    caption: str


@dataclass(frozen=True)
class Settings:
    """Names and values, folded away until they are asked for."""

    values: Mapping[str, str]


Item = Paragraph | Table | Picture | Settings


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    title: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Page:
    """A whole report.

    Attributes
    ----------
    title, lead : str
        What it is about, in a few words and in a few sentences.
    language : {"en", "ja"}
    sections : tuple of Section
    """

    title: str
    lead: str
    language: str
    sections: tuple[Section, ...]


def render(page: Page) -> str:
    """Turn a page into HTML: one file, no script, no connection.

    Parameters
    ----------
    page : Page
        All text in it is taken as text: markup is escaped.

    Returns
    -------
    str
        A function of the page alone.

    Raises
    ------
    SettingError
        If the page's language is unknown.

    Examples
    --------
    >>> page = Page("Copies", "A lead.", "en", (Section("One", (Paragraph("1 < 2"),)),))
    >>> "1 &lt; 2" in render(page)
    True
    """
    check_language(page.language)
    words = TEXTS[page.language]
    room = files("utsushi.report")
    template = Template(room.joinpath("template.html").read_text("utf-8"))
    return template.substitute(
        language=page.language,
        title=escape(page.title),
        lead=escape(page.lead),
        style=room.joinpath("style.css").read_text("utf-8"),
        skip=escape(words["skip"]),
        contents_label=escape(words["contents"]),
        contents="\n".join(
            f'<li><a href="#s{number}">{escape(section.title)}</a></li>'
            for number, section in enumerate(page.sections, 1)
        ),
        sections="\n".join(
            _section(number, section, page.language)
            for number, section in enumerate(page.sections, 1)
        ),
        footer=escape(words["footer"].format(version=version("utsushi"))),
    )


def _section(number: int, section: Section, language: str) -> str:
    items = "\n".join(_html(item, language) for item in section.items)
    return (
        f'<section id="s{number}" aria-labelledby="h{number}">\n'
        f'<h2 id="h{number}">{escape(section.title)}</h2>\n{items}\n</section>'
    )


@singledispatch
def _html(item: Item, language: str) -> str:
    """Return an item of a section as HTML."""
    raise TypeError(f"{type(item).__name__} is no item of a page")


@_html.register
def _(item: Paragraph, language: str) -> str:
    return f"<p>{escape(item.text)}</p>"


@_html.register
def _(item: Picture, language: str) -> str:
    data = base64.b64encode(item.png).decode()
    return (
        f'<figure>\n<div class="card"><img src="data:image/png;base64,{data}" '
        f'alt="{escape(item.alt)}"></div>\n'
        f"<figcaption>{escape(item.caption)}</figcaption>\n</figure>"
    )


@_html.register
def _(item: Table, language: str) -> str:
    heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in item.columns)
    rows = "\n".join(
        f'<tr><th scope="row">{escape(name)}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, *cells in item.rows
    )
    note = f'\n<p class="note">{escape(item.note)}</p>' if item.note else ""
    # A wide table scrolls within itself; tabindex lets a keyboard scroll it too.
    return (
        f'<div class="table" tabindex="0" role="region" aria-label="{escape(item.caption)}">\n'
        f"<table>\n<caption>{escape(item.caption)}</caption>\n"
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</div>{note}"
    )


@_html.register
def _(item: Settings, language: str) -> str:
    summary = escape(TEXTS[language]["settings"])
    rows = "\n".join(
        f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in item.values.items()
    )
    return f"<details>\n<summary>{summary}</summary>\n<dl>\n{rows}\n</dl>\n</details>"
