"""Formulas as MathML, which browsers draw themselves: no script, no font, nothing fetched."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

#: A function by its name, before what it is applied to: they stand apart.
NAMED = re.compile(r"(<mi>(?:log|exp|det|sin|cos|sinh|cosh|tanh)</mi>)(?=<m(?:i|n|sub|sup|frac))")


def to_mathml(latex: str, *, block: bool) -> str:
    """Return one formula; what cannot be read ends the build with the formula's text."""
    latex = re.sub(r"\\arg(?![a-z])", lambda _: r"\mathrm{arg}\,", latex)
    formula = str(convert(latex, display="block" if block else "inline"))
    if "\\" in formula:  # a command that it does not know is passed on as text
        raise ExtensionError(f"this formula has a command that cannot be drawn: {latex}")
    return NAMED.sub(r'\1<mspace width="0.17em"/>', formula)


def inline(translator: Any, node: nodes.math) -> None:
    """Write a formula inside of a sentence."""
    translator.body.append(to_mathml(node.astext(), block=False))
    raise nodes.SkipNode


def block(translator: Any, node: nodes.math_block) -> None:
    """Write a formula on a line of its own, which scrolls where it is wider than the page."""
    formula = to_mathml(node.astext(), block=True)
    translator.body.append(f'<div class="formula">{formula}</div>\n')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the renderer."""
    app.add_html_math_renderer(
        "mathml", inline_renderers=(inline, None), block_renderers=(block, None)
    )
    app.config.html_math_renderer = "mathml"
    return {"parallel_read_safe": True, "parallel_write_safe": True}
