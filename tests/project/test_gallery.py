"""The gallery: pages that run, each with a picture in the index."""

import ast
import re
from pathlib import Path

import pytest

GALLERY = Path(__file__).parents[2] / "docs" / "gallery"
PAGES = sorted(path for path in GALLERY.glob("*.md") if path.stem != "index")


def test_the_gallery_has_fifteen_pages():
    assert len(PAGES) >= 15


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_is_executed_and_ends_its_code_with_a_picture(path, execution):
    text = path.read_text()
    assert execution.is_executed(text)
    last = ast.parse(execution.cells_of(text)[-1].code).body[-1]
    assert isinstance(last, ast.Expr)
    assert re.search(r"show|image|code_map|_bars|_curves|_matrices", ast.unparse(last.value.func))


def test_the_index_has_every_page_once():
    listed = re.findall(
        r"^```\{gallery\}\n(.*?)^```", (GALLERY / "index.md").read_text(), re.M | re.S
    )
    assert sorted("".join(listed).split()) == [path.stem for path in PAGES]
