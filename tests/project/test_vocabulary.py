"""The documents use the standard terms of the field, in both languages."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: A pattern that is no term of the field, and what to write.
ENGLISH = {
    r"\bcopies of (?:the )?(?:digits|images|samples)\b|\bdrawn again\b": "reconstructions",
    r"\b(?:its|their|the) copies\b": "reconstructions",
    r"\bturned (?:rows|samples)\b": "projected",
    r"\bdepartures?\b": "residuals",
    r"\bexhibits?\b": "figure",
    r"\bremarks?\b": "diagnostic",
    r"\bcool(?:er)? mixtures?\b": "mixture at temperature 0.8",
    r"\bthe bars?\b(?! chart)|\bof which [\d.]+ was asked\b|\basked for (?:at|under)\b": "target",
    r"\bregulari[sz]ers?\b": "penalty",
    r"\blate imports?\b": "lazy imports",
    r"\bvoices\b": "translator",
    r"\bthe manners of\b|\bbear witness\b": "name the thing",
    r"\b(?:is|are) told\b|\btold\b": "conditioned on, or name the thing",
    r"\bwhoever\b": "anyone who, or name them",
    r"\bbeside\b": "next to",
    r"\bstands?\b(?! for| out)": "is",
    r"\b(?:go|goes|going|went) on\b": "continue",
    r"\bwhat is no\b|\bneeds? (?:it|them) not\b": "a sentence with a noun",
}

JAPANESE = {
    r"[、。]": "，．",
    r"(?:コード|乱数|サンプル)を(?:引[きくいか])": "サンプリングする",
    r"歩幅|歩数": "学習率，ステップ数",
    r"乱数の種": "シード",
    r"混合分布": "混合正規分布",
    r"床": "到達可能な下限",
    r"語り|語る|黙[るりっ]": "情報をもつ，もたない",
    r"第\d": "第 6 章",
    r"冷たい混合": "温度 0.8 の混合正規分布",
}


def prose(text):
    """Return Markdown without code, addresses and HTML."""
    text = re.sub(r"^---\n.*?\n---\n", "", text, flags=re.DOTALL)
    text = re.sub(r"^ *(```+|~~~+).*?^ *\1", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^    .*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"`[^`]*`|\$[^$]*\$|<[^>]*>", "", text)
    return re.sub(r"\]\([^)]*\)", "]", text)


def findings(text, words):
    """Return what is no term, in its context, and what to write."""
    flat = " ".join(prose(text).split())
    return [
        f"…{flat[max(0, found.start() - 30) : found.end() + 30]}… ({instead})"
        for pattern, instead in words.items()
        for found in re.finditer(pattern, flat, re.IGNORECASE)
    ]


PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "lectures").glob("*.md")),
    *sorted((ROOT / "lectures" / "en").glob("*.md")),
]
PAGES = [page for page in PAGES if not {"_build", "changelog.md"} & set(page.parts)]
PAGES = [page for page in PAGES if page.parts[-3:-1] != ("docs", "lectures")]
JAPANESE_PAGES = [ROOT / "README.ja.md", *sorted((ROOT / "lectures" / "ja").glob("*.md"))]
CATALOGUES = sorted((ROOT / "docs" / "locale" / "ja").rglob("*.po"))


def name_of(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_an_english_page_uses_standard_terms(page):
    assert findings(page.read_text(), ENGLISH) == []


@pytest.mark.parametrize("page", JAPANESE_PAGES, ids=name_of)
def test_a_japanese_page_uses_standard_terms(page):
    assert findings(page.read_text(), JAPANESE) == []


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.stem)
def test_a_translation_uses_standard_terms(path):
    # tools/update_translations.py writes each sentence on one line.
    sentences = re.findall(r'^msgstr "(.+)"$', path.read_text(), re.MULTILINE)
    assert [found for text in sentences for found in findings(text, JAPANESE)] == []


def test_a_word_that_is_no_term_is_found_outside_of_code_alone():
    text = "The model is told the class.\n\n    the bar\n\n```\ndeparture\n```\n`remark`"
    assert [f.rpartition(" (")[2] for f in findings(text, ENGLISH)] == [
        "conditioned on, or name the thing)"
    ]
    assert len(findings("コードを引き、第6章", JAPANESE)) == 3
