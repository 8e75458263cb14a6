"""Record the README's animation: a living page in a browser, as a GIF of at most 2 MB.

    utsushi train vae --random-state 0 --out runs/vae
    python tools/make_page_animation.py runs/vae/report.html

Two scenes: a slider moves along the codes between two digits, and new digits are generated. Needs
the extra ``dev`` and Debian's ``chromium``, or another one that is named by --browser.
"""

from __future__ import annotations

import argparse
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from utsushi._utils.files import write_whole

TARGET = Path(__file__).parents[1] / "docs" / "images" / "page.gif"

WIDTH, HEIGHT = 600, 470
COLOURS = 64
MOST_BYTES = 2_000_000

#: A picture and the milliseconds that it is shown.
Frame = tuple[Image.Image, int]


def opened(browser: Browser, page_file: Path, address: str) -> Page:
    """Open a view of the page."""
    page = browser.new_page(viewport={"width": WIDTH, "height": 1600}, reduced_motion="reduce")
    page.goto(f"{page_file.resolve().as_uri()}#{address}&l=en")
    page.wait_for_selector("#play[data-ready]")
    page.wait_for_timeout(1500)
    return page


def frame(page: Page, milliseconds: int) -> Frame:
    """Take a picture of the panel beside the map, from its tabs on."""
    page.wait_for_timeout(60)
    top = page.locator("[role=tablist]").first.bounding_box()["y"] - 10
    clip = {"x": 0, "y": top, "width": WIDTH, "height": HEIGHT}
    return Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB"), milliseconds


def interpolation(browser: Browser, page_file: Path) -> Iterator[Frame]:
    """Move along the codes from one digit to another, and back."""
    page = opened(browser, page_file, "v=interpolate&a=r1~r18&t=0&w=line")
    slider = page.locator("#position")
    for step in [*range(0, 101, 4), *range(100, -1, -10)]:
        slider.evaluate(
            "(slider, value) => { slider.value = value;"
            " slider.dispatchEvent(new Event('input', { bubbles: true })) }",
            step / 100 * float(slider.get_attribute("max") or 1),
        )
        yield frame(page, 90 if 0 < step < 100 else 900)
    page.close()


def generation(browser: Browser, page_file: Path) -> Iterator[Frame]:
    """Generate digits from one seed after another."""
    for seed in (1, 2, 3, 4):
        page = opened(browser, page_file, f"v=generate&s={seed}&c=12")
        yield frame(page, 1300)
        page.close()


def main() -> None:
    """Record the scenes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path, help="the report.html of a run on the digits")
    parser.add_argument("--browser", default=shutil.which("chromium"))
    arguments = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=arguments.browser, args=["--headless", "--no-sandbox", "--disable-gpu"]
        )
        frames = [
            found
            for scene in (interpolation, generation)
            for found in scene(browser, arguments.page)
        ]
        browser.close()
    images = [image.quantize(COLOURS, dither=Image.Dither.NONE) for image, _ in frames]
    file = io.BytesIO()
    images[0].save(
        file, "gif", save_all=True, append_images=images[1:], loop=0, optimize=True,
        duration=[milliseconds for _, milliseconds in frames],
    )  # fmt: skip
    if file.tell() > MOST_BYTES:
        raise SystemExit(f"{file.tell():,} bytes, expected at most {MOST_BYTES:,}")
    print(write_whole(TARGET, file.getvalue()), f"{file.tell():,} bytes")


if __name__ == "__main__":
    main()
