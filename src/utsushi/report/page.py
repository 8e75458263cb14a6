"""Pages as data: sections of items, and ``render``, which converts a page to HTML."""

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
    """Hold a paragraph of plain text."""

    text: str


@dataclass(frozen=True)
class Table:
    """Hold a table: a column of names, and columns of numbers.

    Attributes
    ----------
    columns : tuple of str
        The headings of the columns.
    rows : tuple of tuple of str
        The rows, each as long as ``columns``.
    caption : str
        The caption of the table.
    note : str or None
        A text below the table; its line breaks are kept.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str
    note: str | None = None


@dataclass(frozen=True)
class Picture:
    """Hold a figure.

    Attributes
    ----------
    png : bytes
        The content of the PNG file, which is embedded in the page.
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
    """Hold names and values, which are shown in an expandable element."""

    values: Mapping[str, str]


Item = Paragraph | Table | Picture | Settings


@dataclass(frozen=True)
class Section:
    """Hold a heading and its items."""

    title: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Page:
    """Hold a report.

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
    """Render a page as one HTML file that works offline.

    Parameters
    ----------
    pages : Page, or mapping of str to Page
        Texts are escaped. A mapping has a page for each language; the file contains all of them and
        opens in the first language. Their sections must have the same structure.
    payload : Payload, optional
        The models and samples of an interactive page.

    Returns
    -------
    str
        The HTML, which depends only on the arguments. Only a page in two languages, or an
        interactive one, has a script.

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
    page_list = list(pages.values()) if isinstance(pages, Mapping) else [pages]
    for page in page_list:
        check_language(page.language)
    translator = Translator([page.language for page in page_list])
    sections = list(zip(*(page.sections for page in page_list), strict=True))
    has_script = len(page_list) > 1 or payload is not None
    script = _script() if has_script else ""
    return Template(_file("template.html")).substitute(
        language=page_list[0].language,
        csp=_security_policy(script),
        title=escape(page_list[0].title),
        title_html=translator.html([page.title for page in page_list]),
        lead_html=translator.html([page.lead for page in page_list]),
        style=_file("style.css") + (_file("living.css") if has_script else ""),
        skip_html=translator.html(translator.words("skip")),
        languages_html=translator.switch() if has_script else "",
        contents_label=_within_quotes(
            translator.attribute("aria-label", translator.words("contents"))
        ),
        contents="\n".join(
            f'<li><a href="#s{number}">{_title(section, translator)}</a></li>'
            for number, section in enumerate(sections, 1)
        ),
        living=_file("living.html") if payload else "",
        sections="\n".join(
            _section(number, section, translator) for number, section in enumerate(sections, 1)
        ),
        footer_html=translator.html(translator.words("footer", version=version("utsushi"))),
        data=_data(payload) if payload else "",
        script=f"<script>{script}</script>" if has_script else "",
    )


def _file(name: str) -> str:
    """Return a file of this package that is not Python."""
    return files("utsushi.report").joinpath(name).read_text("utf-8")


def _script() -> str:
    """Return the page's script: its files, sorted by name."""
    folder = files("utsushi.report").joinpath("script")
    script_files = sorted(
        (f for f in folder.iterdir() if f.name.endswith(".js")), key=lambda f: f.name
    )
    return "".join(file.read_text("utf-8") + "\n" for file in script_files)


def _security_policy(script: str) -> str:
    """Return the content security policy, which allows only this script and its workers."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    allowed = f"script-src 'sha256-{digest}'; worker-src blob:; " if script else ""
    return (
        f"default-src 'none'; {allowed}img-src data: blob:; style-src 'unsafe-inline'; "
        "base-uri 'none'; form-action 'none'"
    )


def _within_quotes(attribute: str) -> str:
    """Return the value of an attribute, without its name and quotes."""
    return attribute.partition('"')[2].removesuffix('"')


def _data(payload: Payload) -> str:
    """Return the elements with the data, none of which is an executable script."""
    header = json.dumps(payload.header, separators=(",", ":"), allow_nan=False)
    return "\n".join(
        f'<script type="{kind}" id="utsushi-{name}">{content}</script>'
        for kind, name, content in (
            ("application/json", "header", safe_json(header)),
            ("application/json", "words", safe_json(_file("words.json"))),
            ("text/plain", "tensors", payload.tensors),
        )
    )


def safe_json(text: str) -> str:
    """Escape characters that are special in HTML, which occur only in strings of JSON.

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
    """Return a section in all languages as HTML."""
    items = "\n".join(
        _html(translations[0], translations, translator)
        for translations in zip(*(section.items for section in sections), strict=True)
    )
    return (
        f'<section id="s{number}" aria-labelledby="h{number}">\n'
        f'<h2 id="h{number}">{_title(sections, translator)}</h2>\n{items}\n</section>'
    )


@singledispatch
def _html(first: Item, items: Sequence[Any], translator: Translator) -> str:
    """Return an item in all languages as HTML; dispatch by the type of ``first``."""
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
    # A wide table scrolls; tabindex allows to scroll it by keyboard.
    return (
        f'<div class="table" tabindex="0" role="region" '
        f"{translator.attribute('aria-label', captions)}>\n"
        f"<table>\n<caption>{translator.html(captions)}</caption>\n"
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n</div>{note}"
    )


def _row(rows: Sequence[tuple[str, ...]], translator: Translator) -> str:
    """Return a row of a table in all languages as HTML."""
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
