"""Sections that a tool writes anew stay as it wrote them, in every language."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

#: By page, the anchor of a section below whose title nothing is translated.
SECTIONS = {"reliability": "the-last-long-run"}  # tools/soak.py


class KeepAsWritten(SphinxTransform):
    """Take what is below a title of ``SECTIONS`` out of the catalogues and out of their reach."""

    default_priority = 15  # before Sphinx's own ``Locale``

    def apply(self, **kwargs: Any) -> None:
        """Mark the texts of the section, all but its title."""
        anchor = SECTIONS.get(self.env.docname)
        for section in self.document.findall(nodes.section):
            if anchor and anchor in (section.get("slug"), *section["ids"]):
                for part in section[1:]:
                    for text in part.findall(nodes.TextElement):
                        text["translatable"] = False


def setup(app: Sphinx) -> dict[str, Any]:
    """Register it."""
    app.add_transform(KeepAsWritten)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
