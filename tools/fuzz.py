"""Let atheris look for a file that is neither read nor refused; see docs/reliability.md.

    pip install atheris
    python tools/fuzz.py KIND [-runs=100000] [-timeout=20] [-rss_limit_mb=2000]

KIND is a file of ``tests/reliability/test_hostile_files.py``, such as rows.npz; what begins with a
dash is libFuzzer's. What it finds stands in ``crash-…`` in the current folder.
"""

from __future__ import annotations

import runpy
import sys
import tempfile
import warnings
from contextlib import suppress
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["utsushi"]):
    import utsushi.runs  # noqa: F401 - and all that stands under it
    from utsushi.exceptions import UtsushiError

TESTS = Path(__file__).parents[1] / "tests" / "reliability" / "test_hostile_files.py"


def main() -> None:
    """Make a whole file of the kind, and let it be mutated."""
    kind = sys.argv.pop(1)
    tests = runpy.run_path(str(TESTS))
    warnings.simplefilter("ignore")
    folder = Path(tempfile.mkdtemp())
    whole, corpus = folder / "whole", folder / "corpus"
    for made in (whole, corpus):
        made.mkdir()
    (corpus / "whole").write_bytes(tests["ORIGINALS"][kind](whole))
    path = folder / "place" / kind
    path.parent.mkdir(parents=True)

    def read(content: bytes) -> None:
        path.write_bytes(content)
        with suppress(UtsushiError):
            tests["read"](path)

    atheris.Setup([sys.argv[0], *sys.argv[1:], str(corpus)], read)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
