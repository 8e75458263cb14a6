"""Build the documentation in both languages, and check what was built.

``python tools/build_docs.py [LANGUAGE …] [--out docs/_build/html]``

A warning of Sphinx is an error. Then the pages are read: what they load must be among them, since a
reader may be without a network, and what they link to inside of the site must be there, anchors
too. A catalogue of translations that does not match its page is an error as well.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from babel.messages.pofile import read_po

DOCS = Path(__file__).parents[1] / "docs"
CATALOGUES = DOCS / "locale" / "ja" / "LC_MESSAGES"

#: Attributes that make a browser fetch something.
LOADS = {("img", "src"), ("script", "src"), ("iframe", "src"), ("source", "src"), ("video", "src")}
LOADED_LINKS = {"stylesheet", "icon", "preload", "preconnect", "dns-prefetch", "modulepreload"}

FIRST_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Utsushi</title>
<meta http-equiv="refresh" content="0; url=en/index.html"></head>
<body><p><a href="en/index.html">English</a>
<a href="ja/index.html" lang="ja">日本語</a></p></body>
</html>
"""


def build(builder: str, out: Path, *options: str) -> None:
    """Run Sphinx, a warning being an error."""
    command = [sys.executable, "-m", "sphinx", "--quiet", "--fail-on-warning", "--fresh-env"]
    subprocess.run([*command, "--builder", builder, *options, str(DOCS), str(out)], check=True)


class Page(HTMLParser):
    """What a page loads, what it links to, and which anchors it has."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Sort the addresses of one element."""
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        self.loads += [found[name] for of, name in LOADS if of == tag and name in found]
        if tag == "link" and set(found.get("rel", "").split()) & LOADED_LINKS:
            self.loads.append(found["href"])
        if tag == "a" and "href" in found:
            self.links.append(found["href"])


@cache
def page_at(path: Path) -> Page:
    """Read a page once."""
    return Page(path)


def is_elsewhere(address: str) -> bool:
    """Tell whether an address leaves the site."""
    parts = urlsplit(address)
    return bool(parts.scheme or parts.netloc) and parts.scheme != "data"


def has_place(target: Path, anchor: str) -> bool:
    """Tell whether a page has an anchor; of other files nothing is asked."""
    return target.suffix != ".html" or anchor in page_at(target).anchors


def problems_of_page(path: Path) -> Iterator[str]:
    """Say what a page loads from elsewhere, and which of its links lead nowhere."""
    page = page_at(path)
    for address in page.loads:
        if is_elsewhere(address):
            yield f"{path} loads {address}"
    for address in [*page.loads, *page.links]:
        parts = urlsplit(address)
        if is_elsewhere(address) or parts.scheme == "data":
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not target.exists():
            yield f"{path} links to {address}, which is not there"
        elif parts.fragment and not has_place(target, unquote(parts.fragment)):
            yield f"{path} links to {address}, which has no such place"


def problems_of_styles(out: Path) -> Iterator[str]:
    """Say which style sheets load something from elsewhere."""
    for sheet in out.rglob("*.css"):
        for address in re.findall(r"(?:url\(|@import\s*)[\"']?([^\"')]+)", sheet.read_text()):
            if is_elsewhere(address):
                yield f"{sheet} loads {address}"


def problems_of_catalogues() -> Iterator[str]:
    """Say which translations do not match the page that they are of."""
    with tempfile.TemporaryDirectory() as folder:
        build("gettext", Path(folder))
        for path in sorted(CATALOGUES.rglob("*.po")):
            source = Path(folder, path.relative_to(CATALOGUES)).with_suffix(".pot")
            yield from _problems_of_catalogue(path, source)


def has_words(sentence: str) -> bool:
    """Tell whether there is something to translate: more than numbers, code and addresses."""
    return re.search(r"[^\W\d_]", re.sub(r"`[^`]*`|\]\([^)]*\)", "", sentence)) is not None


def _problems_of_catalogue(path: Path, source: Path) -> Iterator[str]:
    """Compare a catalogue with the sentences of its page."""
    if not source.exists():
        yield f"{path} is of a page that is not there"
        return
    with path.open("rb") as translated, source.open("rb") as original:
        known = {m.id: m for m in read_po(translated) if m.id}
        wanted = {m.id for m in read_po(original) if m.id}
    for sentence in sorted(filter(has_words, wanted - known.keys())):
        yield f"{path} lacks {sentence!r}; run python tools/update_translations.py"
    for sentence, message in known.items():
        if not message.string or message.fuzzy:
            yield f"{path} does not translate {sentence!r}"


def main() -> int:
    """Build, check, and say what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("languages", nargs="*", default=["en", "ja"], metavar="LANGUAGE")
    parser.add_argument("--out", type=Path, default=DOCS / "_build" / "html")
    arguments = parser.parse_args()
    out = arguments.out.resolve()
    for language in arguments.languages:
        trees = out.parent / "doctrees" / language
        build("html", out / language, "-D", f"language={language}", "-d", str(trees))
    (out / "index.html").write_text(FIRST_PAGE, encoding="utf-8")
    problems = [*problems_of_styles(out)]
    if len(arguments.languages) > 1:  # the pages of a single language link to the other
        problems += [p for page in sorted(out.rglob("*.html")) for p in problems_of_page(page)]
        problems += problems_of_catalogues()
    print(*problems, sep="\n", end="\n" if problems else "", file=sys.stderr)
    print(out / "index.html")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
