"""Run the long forms of the tests of docs/reliability.md, and write their result there.

    python tools/soak.py [--only WORDS]

Fifty kills, a million mutations of files, ten thousand epochs: about an hour on two cores.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "reliability.md"
HEADING = "## The last long run\n"

#: Tests outside of tests/reliability that have a long form.
LONG = [
    "tests/browser/test_keeping_up.py",
    "tests/distributed",
    "tests/integrations/test_onnx.py",
    "tests/integrations/test_ray.py",
    "tests/search/test_search.py",
]


def run_tests(only: str | None) -> list[tuple[str, str, float]]:
    """Run the tests; return the name of each, what came of it, and its seconds."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-n", "auto", f"--junitxml={report}"]
        command += ["tests/reliability", *LONG, *(["-k", only] if only else [])]
        threads = {"OMP_NUM_THREADS": "1", "UTSUSHI_SOAK": "1"}
        subprocess.run(command, cwd=ROOT, env={**os.environ, **threads}, check=False)
        cases = ElementTree.parse(report).getroot().iter("testcase")
        return [
            (case.get("name", ""), _came_of(case), float(case.get("time", 0))) for case in cases
        ]


def _came_of(case: ElementTree.Element) -> str:
    kinds = {child.tag for child in case}
    return next((kind for kind in ("failure", "error", "skipped") if kind in kinds), "passed")


def section(results: list[tuple[str, str, float]]) -> str:
    """Return the section of the document: a row for each test, its cases together."""
    tests: dict[str, list[tuple[str, float]]] = {}
    for name, what, seconds in results:
        tests.setdefault(name.partition("[")[0], []).append((what, seconds))
    rows = [
        f"| `{name}` | {_counted([what for what, _ in found])} | {sum(s for _, s in found):.0f} |"
        for name, found in sorted(tests.items(), key=lambda item: -sum(s for _, s in item[1]))
    ]
    versions = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "hypothesis"))
    return "\n".join(
        [
            f"{HEADING}",
            f"`make soak`, {datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}, "
            f"{versions}, {os.cpu_count()} cores:\n",
            "| test | cases | seconds |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _counted(found: list[str]) -> str:
    return ", ".join(f"{found.count(what)} {what}" for what in sorted(set(found)))


def main() -> None:
    """Run, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="the tests whose names have these words, as pytest's -k")
    results = run_tests(parser.parse_args().only)
    text = DOCUMENT.read_text()
    DOCUMENT.write_text(re.split(f"^{HEADING}", text, flags=re.MULTILINE)[0] + section(results))
    if any(what in ("failure", "error") for _, what, _ in results):
        sys.exit("some failed")


if __name__ == "__main__":
    main()
