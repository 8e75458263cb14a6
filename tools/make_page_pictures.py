r"""Take the pictures of docs/page.md: each view of a living page, in two languages, light and dark.

    utsushi lecture --out runs/lecture
    utsushi train vae --data wine.csv --label grape --scaling standard --n-components 3 \
        --hidden 64 --max-epochs 200 --random-state 0 --out runs/wine
    python tools/make_page_pictures.py runs/lecture/report.html --table runs/wine/report.html

The table is scikit-learn's `load_wine` with the names of the three grapes as labels; any other with
labelled rows does as well.

Needs the extra ``dev`` and Debian's ``chromium``, or another one that is named by --browser.
"""

from __future__ import annotations

import argparse
import io
import shutil
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

FOLDER = Path(__file__).parents[1] / "docs" / "images" / "page"

#: The address of each view: what a reader would have chosen there.
VIEWS = {
    "walk": "v=walk&m=VAE&p=r0",
    "walk-ae": "v=walk&m=AE&p=r3",
    "interpolate": "v=interpolate&m=VAE&a=r1~r4&t=0.5&w=sphere",
    "draw": "v=draw&m=VAE",
    "generate": "v=generate&m=AE&s=1&c=12",
    "tour": "v=walk&m=VAE&p=r0",
    "read": "v=walk&m=VAE&p=r0",
}

#: The same of a page of a table, whose rows are drawn over parallel coordinates.
TABLE_VIEWS = {
    "table-walk": "v=walk&p=r0",
    "table-draw": "v=draw",
    "table-generate": "v=generate&s=1&c=3",
}

#: A seven, as a hand would draw it: fractions of the pad.
STROKES = [[(0.28, 0.22), (0.74, 0.22), (0.45, 0.82)], [(0.36, 0.52), (0.68, 0.5)]]

#: Wait for the decoded samples behind the marks of the map.
FIELD_IS_PAINTED = """async () => {
  while (!Utsushi.field.isDone()) await new Promise((resolve) => setTimeout(resolve, 50));
}"""

#: Colours of a picture: enough for a page, and a quarter of the bytes.
COLOURS = 128


def take(browser: Browser, page_file: Path, view: str, language: str, scheme: str) -> None:
    """Open one view and save what it shows."""
    page = browser.new_page(
        viewport={"width": 1280, "height": 960}, color_scheme=scheme, reduced_motion="reduce"
    )
    address = (VIEWS | TABLE_VIEWS)[view]
    page.goto(f"{page_file.resolve().as_uri()}#{address}&l={language}")
    page.wait_for_selector("#play[data-ready]")
    if view == "draw":
        draw(page)
    if view == "tour":
        page.click("#start-tour")
        page.click("#tour .choices button >> nth=1")
        page.wait_for_selector("#tour .answer")
    page.wait_for_timeout(1500)  # fifty rows are decoded, a few at a time
    page.evaluate(FIELD_IS_PAINTED)
    if view == "read":  # the curves, and the numbers under them
        page.evaluate("document.querySelector('#curves').scrollIntoView({ block: 'start' })")
    elif view != "tour":
        page.locator("#play").scroll_into_view_if_needed()
    save(page.screenshot(), FOLDER / f"{view}-{language}-{scheme}.png")
    page.close()


def draw(page) -> None:
    """Draw by mouse."""
    box = page.locator("#pad").bounding_box()
    place = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])  # noqa: E731
    for first, *others in STROKES:
        page.mouse.move(*place(*first))
        page.mouse.down()
        for point in others:
            page.mouse.move(*place(*point), steps=12)
        page.mouse.up()


def save(png: bytes, path: Path) -> None:
    """Write a picture of few colours."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.open(io.BytesIO(png)).convert("RGB").quantize(COLOURS).save(path, optimize=True)


def main() -> None:
    """Take all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path, help="the report.html of `utsushi lecture`")
    parser.add_argument("--table", type=Path, help="the report.html of a table")
    parser.add_argument("--browser", default=shutil.which("chromium"))
    arguments = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=arguments.browser, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        pages = dict.fromkeys(VIEWS, arguments.page)
        if arguments.table:
            pages |= dict.fromkeys(TABLE_VIEWS, arguments.table)
        for view, page_file in pages.items():
            for language in ("en", "ja"):
                for scheme in ("light", "dark"):
                    take(browser, page_file, view, language, scheme)
        browser.close()
    print(f"written: {FOLDER}")


if __name__ == "__main__":
    main()
