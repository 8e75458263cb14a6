"""The lectures in the site: copied next to the pages before they are read.

They are notebooks in Markdown. Each language has its own, and the site of a language shows its own.
``executed`` runs them and hides what is for notebooks and tests alone.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

DOCS = Path(__file__).parents[1]
LECTURES = DOCS.parent / "lectures"

#: The settings of a notebook, before its title.
FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n+", re.DOTALL)


def as_page(chapter: str) -> str:
    """Return a chapter without the settings of a notebook, its links as from inside the site."""
    return FRONT_MATTER.sub("", chapter).replace("](../../docs/", "](../../")


def copy_lectures(app: Sphinx, config: Config) -> None:
    """Copy the chapters in the language of the site, where there are any."""
    copy = DOCS / "lectures"
    shutil.rmtree(copy, ignore_errors=True)
    language = config.language or "en"
    for chapter in sorted((LECTURES / language).glob("*.md")):
        page = copy / language / chapter.name
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(as_page(chapter.read_text(encoding="utf-8")), encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the copy."""
    app.connect("config-inited", copy_lectures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
