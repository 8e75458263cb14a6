"""How fast a living page is: its first paint, its first move, a decoded code, its size.

    python benchmarks/page.py [--rounds 7]

The page of the lecture's variational autoencoder, 784-1000-10, trained for one epoch, with 1,000
test and 4,000 training rows, opened from the disk in a Chromium without a screen or a GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from utsushi import VariationalAutoencoder, datasets, report

RESULT = Path(__file__).with_name("results") / "page.json"

#: Milliseconds from the start of the navigation; 500 codes, one after the other.
MEASURE = """async () => {
  const model = Utsushi.page.models[0];
  const times = [];
  for (let i = 0; i < 500; i++) {
    const start = performance.now();
    await model.decode(model.codesOf(i));
    times.push(performance.now() - start);
  }
  times.sort((a, b) => a - b);
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  return { paint: paint.startTime, median: times[250], p95: times[475] };
}"""

#: When the point of the map has moved for the first time.
FIRST_MOVE = """new Promise((tell) => {
  const look = () => {
    if (typeof Utsushi === "object" && Utsushi.state?.get()?.point.row === -1) {
      tell(performance.now());
    } else setTimeout(look, 5);
  };
  look();
})"""


def made(folder: str) -> Path:
    """Make the page."""
    digits = datasets.load_mnist20k()
    model = VariationalAutoencoder(
        10, likelihood="unit-gaussian", image_shape=(28, 28), max_epochs=1, random_state=0
    ).fit(digits.X_train)
    page = report.to_html(model, digits.X_test, digits.y_test, X_train=digits.X_train)
    return page.save(Path(folder) / "page.html")


def opened(browser: Browser, path: Path) -> dict[str, float]:
    """Open the page once, and measure."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(path.as_uri(), wait_until="commit")
    moved = page.evaluate(FIRST_MOVE)
    figures: dict[str, float] = {**page.evaluate(MEASURE), "moved": moved}
    page.close()
    return figures


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = made(folder)
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--headless", "--no-sandbox", "--disable-gpu"],
        )
        runs = [opened(browser, path) for _ in range(arguments.rounds)]
        machine: dict[str, Any] = {
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "chromium": browser.version,
        }
        size = path.stat().st_size
        browser.close()
    middle = {name: statistics.median(run[name] for run in runs) for name in runs[0]}
    print(f"size {size / 1e6:.1f} MB")
    for name, unit in (("paint", "first paint"), ("moved", "first move"), ("p95", "decode, p95")):
        values = [run[name] for run in runs]
        print(f"{unit}: {middle[name]:.1f} ms ({min(values):.1f} to {max(values):.1f})")
    content = {"machine": machine, "bytes": size, "median": middle, "runs": runs}
    RESULT.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
