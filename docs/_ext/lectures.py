"""The lectures in the site: copied beside the pages before they are read, and not run.

They are notebooks in Markdown. Their cells are shown as code, and what only a notebook needs
(options of a cell) is left out. Each language has its own.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.util.docutils import SphinxDirective

DOCS = Path(__file__).parents[1]
LECTURES = DOCS.parent / "lectures"


class Cell(SphinxDirective):
    """A cell of a notebook, as code."""

    has_content = True
    optional_arguments = 1
    option_spec = {"tags": directives.unchanged, "name": directives.unchanged}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        """Return the code, without the options that a notebook keeps at its head."""
        code = "\n".join(self.content)
        return [nodes.literal_block(code, code, language="python")]


def copy_lectures(app: Sphinx, config: Config) -> None:
    """Copy the lectures in the language of the site, where there are any."""
    copy = DOCS / "lectures"
    shutil.rmtree(copy, ignore_errors=True)
    language = config.language or "en"
    if (LECTURES / language).is_dir():
        shutil.copytree(
            LECTURES / language,
            copy / language,
            ignore=shutil.ignore_patterns("*.ipynb", ".*", "__pycache__", "*.py"),
        )


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives, and the copy."""
    app.add_directive("code-cell", Cell)
    app.connect("config-inited", copy_lectures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
