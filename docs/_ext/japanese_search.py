"""Search of Japanese text by pairs of characters.

Japanese has no spaces between words. Sphinx splits the pages into words, but not the query, so a
compound word is not found. Here both are split into all pairs of neighbouring characters. A query
may also be a single Chinese character.
"""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.search import SearchLanguage

CHINESE = "\u3005\u3400-\u9fff"
#: Hiragana, katakana with the long vowel mark, and Chinese characters.
CHARACTERS = f"\u3041-\u3096\u30a1-\u30fa\u30fc{CHINESE}"
PIECES = re.compile(rf"[{CHARACTERS}]+|(?:(?![{CHARACTERS}])\w)+")


def split(text: str) -> list[str]:
    """Return the pairs and the Chinese characters of Japanese words, and other words whole."""
    words = []
    for piece in PIECES.findall(text):
        if re.match(rf"[{CHARACTERS}]", piece):
            words += [piece[i : i + 2] for i in range(len(piece) - 1)]
            words += re.findall(f"[{CHINESE}]", piece)
        else:
            words.append(piece)
    return words


#: The same in the browser, for a query: of it, a Chinese character is taken only if it is alone.
JS_SPLIT = """
var splitQuery = (query) =>
  (query.match(/[CHARACTERS]+|(?:(?![CHARACTERS])[\\p{Letter}\\p{Number}_])+/gu) || [])
    .flatMap((piece) =>
      /^[CHARACTERS]/u.test(piece) && piece.length > 1
        ? Array.from({ length: piece.length - 1 }, (_, i) => piece.slice(i, i + 2))
        : [piece],
    )
    .filter((word) => word.length > 1 || /[CHINESE]/u.test(word));
""".replace("CHARACTERS", CHARACTERS).replace("CHINESE", CHINESE)


class SearchJapanese(SearchLanguage):
    """Takes the place of Sphinx's own."""

    lang = "ja"
    language_name = "Japanese"
    js_splitter_code = JS_SPLIT

    def split(self, input: str) -> list[str]:
        """Return the words of a text."""
        return split(input)

    def word_filter(self, word: str) -> bool:
        """Leave out single letters."""
        return len(word) > 1 or re.match(f"[{CHINESE}]", word) is not None


def setup(app: Sphinx) -> dict[str, Any]:
    """Register it."""
    app.add_search_language(SearchJapanese)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
