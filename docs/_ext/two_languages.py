"""Two languages of one site: a switch on each page, and a word where a page is in English."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

LECTURES = Path(__file__).parents[2] / "lectures"
CATALOGUES = Path(__file__).parents[1] / "locale"

#: Pages that are generated, or are of no language.
OF_NO_LANGUAGE = ("genindex", "search", "py-modindex")

ENGLISH_ONLY = "このページは英語です．"


def add_to_page(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any
) -> None:
    """Tell the templates where the same page is in the other language."""
    language = app.config.language
    other = {"en": "ja", "ja": "en"}[language]
    # The lectures are written in each language, under a folder of its name.
    twin = page.replace(f"lectures/{language}/", f"lectures/{other}/")
    if twin != page and not (LECTURES / f"{twin.removeprefix('lectures/')}.md").exists():
        twin = "index"
    up = "../" * (page.count("/") + 1)
    context["other_language"] = {"en": "English", "ja": "日本語"}[other]
    context["other_language_code"] = other
    context["other_language_page"] = f"{up}{other}/{twin}.html"
    translated = (CATALOGUES / language / "LC_MESSAGES" / f"{page}.po").exists()
    own = page.startswith(f"lectures/{language}/") or page in OF_NO_LANGUAGE
    if language != "en" and doctree is not None and not (translated or own):
        note = f'<p class="english-only">{ENGLISH_ONLY}</p>'
        context["body"] = note + f'<div lang="en">{context["body"]}</div>'


def setup(app: Sphinx) -> dict[str, Any]:
    """Register it."""
    app.connect("html-page-context", add_to_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
