"""Bring the Japanese catalogues of the documentation up to date with its pages.

``python tools/update_translations.py`` adds the sentences that are new and drops those that are
gone, in ``docs/locale/ja/LC_MESSAGES``; then translate those without a translation. Cells that hold
only numbers, code or a picture stay as they are, and need no entry. A further page is translated
when it is in the list below or in the gallery; pages that are not are shown in English.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from babel.messages.pofile import read_po, write_po

from build_docs import DOCS, build, has_words

TRANSLATED = (
    *("index", "install", "tour", "howto", "explanation", "anomalies", "resume"),
    *("own-network", "tables", "imputation", "pyod", "models", "discrete", "sparse"),
    *("data", "export", "page", "scale", "scale-inference", "tuning", "defaults"),
    *("likelihoods", "priors", "evaluation", "mathematics", "reliability", "lecture", "design"),
    *("cli", "contributing", "releasing", "maintainers", "performance", "quality", "faq"),
    *("conditional", "components", "collapse-and-blur", "denoising", "gpu", "reproduce"),
    *("coming-from", "pca", "pytorch", "pythae", "sdv"),
)


def main() -> None:
    """Extract the sentences, and merge them into the catalogues."""
    with tempfile.TemporaryDirectory() as folder:
        build("gettext", Path(folder))
        for template in Path(folder).rglob("*.pot"):
            page = template.relative_to(folder).with_suffix("").as_posix()
            if page not in TRANSLATED and not page.startswith("gallery/"):
                template.unlink()
        command = [sys.executable, "-m", "sphinx_intl", "update", "-p", folder, "-l", "ja"]
        subprocess.run([*command, "-d", str(DOCS / "locale"), "-w", "0"], check=True)
    for path in (DOCS / "locale").rglob("*.po"):
        _settle(path)


def _settle(path: Path) -> None:
    """Leave out what changes without need: dates, versions, sentences that are gone, numbers."""
    catalogue = read_po(path.open("rb"))
    catalogue.obsolete.clear()
    for message in list(catalogue):
        guessed = message.fuzzy or message.string in ("", message.id)
        if message.id and not has_words(message.id) and guessed:
            catalogue.delete(message.id)
    catalogue.header_comment = (
        "# Japanese sentences of the documentation; see tools/update_translations.py."
    )
    with path.open("wb") as file:
        write_po(file, catalogue, width=0, omit_header=False, ignore_obsolete=True)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    dated = ('"POT-Creation-Date', '"PO-Revision-Date', '"Generated-By', '"Last-Translator')
    path.write_text("".join(line for line in lines if not line.startswith(dated)), encoding="utf-8")


if __name__ == "__main__":
    main()
