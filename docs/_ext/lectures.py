"""The lectures in the site: copied beside the pages before they are read, and not run.

They are notebooks in Markdown. Each language has its own, and the site of a language shows its own.
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

#: What stands at the head for notebooks alone, and the cell that installs the library in one.
FOR_NOTEBOOKS = re.compile(
    r'\A---\n.*?\n---\n|^```python tags=\["setup"\]\n.*?^```\n', re.DOTALL | re.MULTILINE
)


def as_page(chapter: str) -> str:
    """Return a chapter without what only a notebook needs, its links as from inside the site."""
    page = FOR_NOTEBOOKS.sub("", chapter)
    page = re.sub(r"^```python .*$", "```python", page, flags=re.MULTILINE)
    return page.replace("](../../docs/", "](../../")


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
