"""Outputs below the code of a page: what its blocks print and draw when they run.

The lectures run in their short form, and each page that begins with ``<!-- executed -->`` as it is.
The outputs are kept by content (`execution`). What a page needs for tests and notebooks alone is
not shown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from docutils import nodes
from execution import (
    BLOCK,
    MARK,
    OUTPUTS,
    Cell,
    Kernel,
    PageError,
    cells_of,
    drop_old,
    is_executed,
    kept,
    key_of,
    picture,
    shown,
)
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.directives.other import TocTree
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective

#: Cells that only a notebook needs.
HIDDEN = {"setup", "check"}

SHORT_RUN = {
    "en": "The outputs on this page come from a short run with fewer images and epochs than the "
    "code shows. In a notebook the chapter runs at full size, and the exercises check your "
    "answers.",
    "ja": "このページの出力は，コードに示した数より少ない画像とエポックによる短い実行の結果です．"
    "ノートブックではコードのとおりの大きさで実行でき，演習の答えも確かめられます．",
}
PICTURE = {"en": "The figure that the code above draws", "ja": "上のコードが描く図"}


def insert_outputs(app: Sphinx, page: str, source: list[str]) -> None:
    """Replace the code of a page by what readers see, with its outputs below."""
    text = source[0]
    is_lecture = page.startswith("lectures/")
    runs = is_lecture or is_executed(text)
    text = text.removeprefix(MARK)
    if runs and app.builder.name != "gettext":
        text = with_outputs(app, page, text, is_lecture)
        if is_lecture and "size(" in source[0]:
            note = SHORT_RUN[app.config.language]
            text = re.sub(r"^(# .*\n)", rf"\1\n{{.short-run}}\n{note}\n", text, count=1)
    source[0] = re.sub(r"^```python .*$", "```python", text, flags=re.MULTILINE)


def outputs_of(app: Sphinx, page: str, cells: Sequence[Cell], is_lecture: bool) -> list[Any]:
    """Run the cells of a page, unless their outputs are kept."""
    try:
        return app.kernel.outputs(cells, page, ignore_poor_fits=is_lecture)
    except PageError as error:
        raise ExtensionError(str(error)) from error


def with_outputs(app: Sphinx, page: str, text: str, is_lecture: bool) -> str:
    """Return the text of a page with a directive for the outputs of each block."""
    cells = cells_of(text)
    if not cells:
        return text
    outputs_of(app, page, cells, is_lecture)
    key = key_of(cells, app.kernel.mode)
    numbers = iter(range(len(cells)))

    def replaced(match: re.Match[str]) -> str:
        number = next(numbers)
        if cells[number].tag in HIDDEN:
            return ""
        code = shown(cells[number].code)
        block = f"```python\n{code}```\n\n" if code else ""
        return f"{block}```{{outputs}} {key} {number}\n```"

    return BLOCK.sub(replaced, text)


class Outputs(SphinxDirective):
    """The outputs of one cell, by the key of its page and its number."""

    required_arguments = 2

    def run(self) -> list[nodes.Node]:
        """Return what it printed and drew."""
        key, number = self.arguments
        outputs = (kept(key) or [])[int(number)]
        box = nodes.container(classes=["outputs"])
        box += [self._node(output) for output in outputs]
        return [box] if outputs else []

    def _node(self, output: dict[str, Any]) -> nodes.Node:
        if output["kind"] == "html":
            return nodes.raw("", output["html"], format="html")
        if output["kind"] != "image":
            return nodes.literal_block(output["text"], output["text"], language="none")
        return image(output, PICTURE[self.config.language])


def image(output: dict[str, Any], alt: str) -> nodes.image:
    """Return a picture among the outputs as a node."""
    node = nodes.image(uri=f"/_build/{OUTPUTS.name}/{picture(output).name}", alt=alt)
    if output["width"]:
        node["width"] = f"{output['width']}px"
    return node


class Gallery(TocTree):
    """Links to executed pages, each with its last picture; the pages are in a hidden table."""

    def run(self) -> list[nodes.Node]:
        """Return the pictures and the table."""
        cards = nodes.container(classes=["gallery"])
        cards += [self._card(line.strip()) for line in self.content if line.strip()]
        self.options["hidden"] = True
        return [cards, *super().run()]

    def _card(self, name: str) -> nodes.Node:
        page = (Path(self.env.docname).parent / name).as_posix()
        path = self.env.doc2path(page)
        self.env.note_dependency(str(path))
        card = nodes.container(classes=["picture"])
        if self.env.app.builder.name != "gettext":
            cells = cells_of(Path(path).read_text(encoding="utf-8"))
            found = [
                output
                for outputs in outputs_of(self.env.app, page, cells, is_lecture=False)
                for output in outputs
                if output["kind"] == "image"
            ]
            card += image({**found[-1], "width": None}, "")
        link = addnodes.pending_xref(
            "",
            refdoc=self.env.docname,
            refdomain="std",
            reftype="doc",
            reftarget=f"/{page}",
            refexplicit=False,
            refwarn=True,
        )
        link += nodes.inline("", "")
        card += nodes.paragraph("", "", link)
        return card


def finish(app: Sphinx, error: Exception | None) -> None:
    """End the kernel, if it started."""
    app.kernel.__exit__()
    if error is None:
        drop_old()


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives, and the kernel of all pages."""
    app.kernel = Kernel()  # starts at the first page without outputs
    app.connect("source-read", insert_outputs)
    app.connect("build-finished", finish)
    app.add_directive("outputs", Outputs)
    app.add_directive("gallery", Gallery)
    return {"parallel_read_safe": False, "parallel_write_safe": True}
