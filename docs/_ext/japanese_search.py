"""Search of Japanese text by pairs of characters.

Japanese has no spaces between words. Sphinx splits the pages into words, but not the query, so a
compound word is not found. Here both are split into all pairs of neighbouring characters.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.search import SearchLanguage

#: Hiragana, katakana with the long vowel mark, and Chinese characters.
CHARACTERS = "\u3005\u3041-\u3096\u30a1-\u30fa\u30fc\u3400-\u9fff"
PIECES = re.compile(rf"[{CHARACTERS}]+|(?:(?![{CHARACTERS}])\w)+")


def split(text: str) -> list[str]:
    """Return the pairs of characters of Japanese words, and all other words as they are."""
    words = []
    for piece in PIECES.findall(text):
        if re.match(rf"[{CHARACTERS}]", piece):
            words += [piece[i : i + 2] for i in range(max(1, len(piece) - 1))]
        else:
            words.append(piece)
    return words


class SearchJapanese(SearchLanguage):
    """Takes the place of Sphinx's own."""

    lang = "ja"
    language_name = "Japanese"
    js_splitter_code = (
        """
var splitQuery = (query) =>
  (query.match(/[CHARACTERS]+|(?:(?![CHARACTERS])[\\p{Letter}\\p{Number}_])+/gu) || [])
    .flatMap((piece) =>
      /^[CHARACTERS]/u.test(piece) && piece.length > 2
        ? Array.from({ length: piece.length - 1 }, (_, i) => piece.slice(i, i + 2))
        : [piece],
    );
"""
    ).replace("CHARACTERS", CHARACTERS)

    def split(self, input: str) -> list[str]:
        """Return the words of a text."""
        return split(input)

    def word_filter(self, word: str) -> bool:
        """Leave out single characters."""
        return len(word) > 1


def setup(app: Sphinx) -> dict[str, Any]:
    """Register it."""
    app.add_search_language(SearchJapanese)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
