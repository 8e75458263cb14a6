"""A table of contents of the pages that are there: the lectures may not be."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.directives.other import TocTree
from sphinx.util.matching import patfilter


class ExistingPages(TocTree):
    """A ``toctree`` whose lines are patterns, each of which may match no page."""

    def run(self) -> list[nodes.Node]:
        """Return the table, or nothing where there is no page."""
        self.env.note_reread()  # other pages may be there the next time
        pages = sorted(self.env.found_docs)
        found = [page for line in self.content for page in patfilter(pages, line)]
        if not found:
            return []
        self.content = StringList(found, source=self.env.docname)
        return super().run()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register it."""
    app.add_directive("existing-pages", ExistingPages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
