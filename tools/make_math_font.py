"""Make docs/_static/math/stix-two-math.woff2, the part of STIX Two Math that formulas need.

    pip install brotli ziamath
    python tools/make_math_font.py

Without a font with a MATH table, browsers draw underbraces and large delimiters at the size of a
letter. The package ziamath contains the whole font (1.5 MB, SIL Open Font License 1.1).
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from fontTools import subset

TARGET = Path(__file__).parents[1] / "docs" / "_static" / "math" / "stix-two-math.woff2"

#: Code points, first and last: Latin and Greek with accents, operators, arrows, fences, braces, and
#: the italic, bold and upright letters of formulas.
RANGES = """
20-7e a0-ff 131 237 2c6-2dd 300-304 307-308 30c 391-3f5 2010-2016 2020-2022 2026 2032-2034 203e
2061-2064 20d7 2102 210b 2110-2113 2115 2119-211d 2124 2130-2131 2190-2199 21a6 21d0-21d4 2200-220f
2211-221e 2220 2223-222c 2234-2237 223c-223d 2243-224d 2254-2255 2260-2267 226a-226b 2272-2273
2282-228b 2295-2299 22a2-22a5 22c5-22c6 22ee-22f1 2308-230b 23b4-23b5 23dc-23df 25a0-25a1 27e8-27eb
2a7d-2a7e 1d400-1d467 1d6a4-1d71b 1d7ce-1d7d7
"""


def main() -> None:
    """Write the font."""
    options = subset.Options()
    options.flavor = "woff2"
    options.layout_features = ["ssty", "dtls"]  # letters of exponents, letters below accents
    options.drop_tables += ["GPOS", "DSIG"]
    options.hinting = options.glyph_names = False
    options.name_IDs = [0, 1, 2, 4, 5, 6, 7, 13, 14]  # with the copyright and the licence
    font = subset.load_font(str(files("ziamath") / "fonts" / "STIXTwoMath-Regular.ttf"), options)
    subsetter = subset.Subsetter(options)
    for piece in RANGES.split():
        first, _, last = piece.partition("-")
        subsetter.unicodes_requested.update(range(int(first, 16), int(last or first, 16) + 1))
    subsetter.subset(font)
    font.recalcTimestamp = False
    subset.save_font(font, str(TARGET), options)


if __name__ == "__main__":
    main()
