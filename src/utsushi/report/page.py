"""Pages as plain data, sections of items, and ``render``, which makes one HTML file of a page."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatch
from html import escape
from importlib.metadata import version
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Any

from utsushi.report.texts import Translator, check_language

if TYPE_CHECKING:
    from utsushi.report.payload import Payload

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
        The headings of the columns.
    rows : tuple of tuple of str
        The rows, each as long as ``columns``.
    caption : str
        What the table shows.
    note : str or None
        A text below the table; its line breaks are kept.
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
        The content of the PNG file, which the page contains.
    alt : str
        The alternative text.
    caption : str
        The caption, which says what to look for.
    """

    png: bytes
    alt: str
    caption: str


@dataclass(frozen=True)
class Settings:
    """Names and values in an element that a click unfolds."""

    values: Mapping[str, str]


Item = Paragraph | Table | Picture | Settings


@dataclass(frozen=True)
class Section:
    """A heading and the items under it."""

    title: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Page:
    """A whole report.

    Attributes
    ----------
    title, lead : str
        The heading, and an introduction of a few sentences.
    language : {"en", "ja"}
    sections : tuple of Section
    """

    title: str
    lead: str
    language: str
    sections: tuple[Section, ...]


def render(pages: Page | Mapping[str, Page], payload: Payload | None = None) -> str:
    """Render a page as one HTML file that needs no network.

    Parameters
    ----------
    pages : Page, or mapping of str to Page
        Markup in texts is escaped. A mapping has a page for each language; the file contains all,
        and opens in the first language. Their sections must have the same structure.
    payload : Payload, optional
        The models and samples of a living page.

    Returns
    -------
    str
        A function of the arguments alone. Only a page in two languages, or a living one, has a
        script.

    Raises
    ------
    SettingError
        If a language is unknown.

    Examples
    --------
    >>> page = Page("Title", "A lead.", "en", (Section("One", (Paragraph("1 < 2"),)),))
    >>> "1 &lt; 2" in render(page)
    True
    """
    spoken = list(pages.values()) if isinstance(pages, Mapping) else [pages]
    for page in spoken:
        check_language(page.language)
    translator = Translator([page.language for page in spoken])
    sections = list(zip(*(page.sections for page in spoken), strict=True))
    moves = len(spoken) > 1 or payload is not None
    script = _script() if moves else ""
    return Template(_part("template.html")).substitute(
        language=spoken[0].language,
        csp=_security_policy(script),
        title=escape(spoken[0].title),
        title_html=translator.html([page.title for page in spoken]),
        lead_html=translator.html([page.lead for page in spoken]),
        style=_part("style.css") + (_part("living.css") if moves else ""),
        skip_html=translator.html(translator.words("skip")),
        languages_html=translator.switch() if moves else "",
        contents_label=_within_quotes(
            translator.attribute("aria-label", translator.words("contents"))
        ),
        contents="\n".join(
            f'<li><a href="#s{number}">{_title(section, translator)}</a></li>'
            for number, section in enumerate(sections, 1)
        ),
        living=_part("living.html") if payload else "",
        sections="\n".join(
            _section(number, section, translator) for number, section in enumerate(sections, 1)
        ),
        footer_html=translator.html(translator.words("footer", version=version("utsushi"))),
        data=_data(payload) if payload else "",
        script=f"<script>{script}</script>" if moves else "",
    )


def _part(name: str) -> str:
    """Return a file of this package that is not Python."""
    return files("utsushi.report").joinpath(name).read_text("utf-8")


def _script() -> str:
    """Return the page's script: its files, sorted by name."""
    folder = files("utsushi.report").joinpath("script")
    parts = sorted((f for f in folder.iterdir() if f.name.endswith(".js")), key=lambda f: f.name)
    return "".join(part.read_text("utf-8") + "\n" for part in parts)


def _security_policy(script: str) -> str:
    """Return the content security policy: the page runs this script and its workers alone."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = f"script-src 'sha256-{digest}'; worker-src blob:; " if script else ""
    return (
        f"default-src 'none'; {allowed}img-src data: blob:; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )


def _within_quotes(attribute: str) -> str:
    """Return the inside of an attribute whose name and quotes are in the template."""
    return attribute.partition('"')[2].removesuffix('"')


def _data(payload: Payload) -> str:
    """Return the elements that hold the data; none of them is an executable script."""
    header = json.dumps(payload.header, separators=(",", ":"), allow_nan=False)
    return "\n".join(
        f'<script type="{kind}" id="utsushi-{name}">{content}</script>'
        for kind, name, content in (
            ("application/json", "header", safe_json(header)),
            ("application/json", "words", safe_json(_part("words.json"))),
            ("text/plain", "tensors", payload.tensors),
        )
    )


def safe_json(text: str) -> str:
    """Escape the characters of JSON that are special in HTML; they occur in strings alone.

    Examples
    --------
    >>> json.loads(safe_json('"</script>"'))
    '</script>'
    """
    unsafe = "<>&\u2028\u2029"
    return text.translate({ord(character): f"\\u{ord(character):04x}" for character in unsafe})


def _title(sections: Sequence[Section], translator: Translator) -> str:
    return translator.html([section.title for section in sections])


def _section(number: int, sections: Sequence[Section], translator: Translator) -> str:
    """Return a section, given in each language."""
    items = "\n".join(
        _html(several[0], several, translator)
        for several in zip(*(section.items for section in sections), strict=True)
    )
    return (
        f'<section id="s{number}" aria-labelledby="h{number}">\n'
        f'<h2 id="h{number}">{_title(sections, translator)}</h2>\n{items}\n</section>'
    )


@singledispatch
def _html(first: Item, items: Sequence[Any], translator: Translator) -> str:
    """Return an item of a section as HTML, given in each language; ``first`` decides its type."""
    raise TypeError(f"{type(first).__name__} is not an item of a page")


@_html.register
def _(first: Paragraph, items: Sequence[Paragraph], translator: Translator) -> str:
    return f"<p>{translator.html([item.text for item in items])}</p>"


@_html.register
def _(first: Picture, items: Sequence[Picture], translator: Translator) -> str:
    data = base64.b64encode(first.png).decode()
    alt = translator.attribute("alt", [item.alt for item in items])
    return (
        f'<figure>\n<div class="card"><img src="data:image/png;base64,{data}" {alt}></div>\n'
        f"<figcaption>{translator.html([item.caption for item in items])}</figcaption>\n</figure>"
    )


@_html.register
def _(first: Table, items: Sequence[Table], translator: Translator) -> str:
    heads = "".join(
        f'<th scope="col">{translator.html(head)}</th>'
        for head in zip(*(item.columns for item in items), strict=True)
    )
    rows = "\n".join(
        _row(row, translator) for row in zip(*(item.rows for item in items), strict=True)
    )
    captions = [item.caption for item in items]
    notes = [item.note or "" for item in items]
    note = f'\n<p class="note">{translator.html(notes)}</p>' if any(notes) else ""
    # A wide table scrolls within itself; tabindex lets a keyboard scroll it too.
    return (
        f'<div class="table" tabindex="0" role="region" '
        f"{translator.attribute('aria-label', captions)}>\n"
        f"<table>\n<caption>{translator.html(captions)}</caption>\n"
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</div>{note}"
    )


def _row(rows: Sequence[tuple[str, ...]], translator: Translator) -> str:
    """Return a row of a table, given in each language."""
    name, *cells = (translator.html(cell) for cell in zip(*rows, strict=True))
    return f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


@_html.register
def _(first: Settings, items: Sequence[Settings], translator: Translator) -> str:
    rows = "\n".join(
        f"<dt>{escape(name)}</dt><dd>{translator.html([item.values[name] for item in items])}</dd>"
        for name in first.values
    )
    summary = translator.html(translator.words("settings"))
    return f"<details>\n<summary>{summary}</summary>\n<dl>\n{rows}\n</dl>\n</details>"
