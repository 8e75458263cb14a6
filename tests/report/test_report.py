"""The page: one file, no connection, no markup from text, both languages whole."""

import base64
import hashlib
import re

import pytest

from utsushi.exceptions import SettingError
from utsushi.lecture.texts import TEXTS as LECTURE_TEXTS
from utsushi.report import Page, Paragraph, Picture, Section, Settings, Table, render
from utsushi.report.texts import TEXTS as PAGE_TEXTS
from utsushi.runs.texts import TEXTS as RUN_TEXTS

HOSTILE = "<script>alert('1')</script>\u202e & \"quotes\""


def page_of(*items, language="en", title="Title"):
    return Page(title, "Lead", language, (Section("Section", items),))


def test_a_page_is_a_function_of_its_content():
    assert render(page_of(Paragraph("same"))) == render(page_of(Paragraph("same")))


@pytest.mark.parametrize(
    "page",
    [
        page_of(title=HOSTILE),
        page_of(Paragraph(HOSTILE)),
        page_of(Picture(b"png", alt=HOSTILE, caption=HOSTILE)),
        page_of(Settings({HOSTILE: HOSTILE})),
        page_of(Table((HOSTILE, HOSTILE), ((HOSTILE, HOSTILE),), HOSTILE, HOSTILE)),
    ],
    ids=["title", "paragraph", "picture", "settings", "table"],
)
def test_text_stays_text(page):
    html = render(page)
    assert "<script" not in html
    assert '"quotes"' not in html
    assert "&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;" in html


def test_a_dollar_in_the_text_is_no_placeholder():
    assert "costs $5, $title" in render(page_of(Paragraph("costs $5, $title")))


def test_no_resource_is_asked_of_a_network():
    html = render(page_of(Picture(b"png", alt="", caption="")))
    sources = re.findall(r"(?:src|href)=\"([^\"]*)\"", html) + re.findall(r"url\(([^)]*)\)", html)
    assert all(source.startswith(("data:", "#")) for source in sources)


def test_every_connection_is_forbidden():
    assert "Content-Security-Policy\" content=\"default-src 'none';" in render(page_of())


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_language_is_declared(language):
    assert f'<html lang="{language}">' in render(page_of(language=language))


def test_an_unknown_language_is_named():
    with pytest.raises(SettingError, match="lang must be one of en, ja, got 'fr'"):
        render(page_of(language="fr"))


def test_a_picture_travels_in_the_page():
    assert 'src="data:image/png;base64,cG5n"' in render(page_of(Picture(b"png", "alt", "")))


def test_a_tables_rows_and_columns_have_heads():
    html = render(page_of(Table(("Quantity", "Value"), (("error", "1"),), "Caption")))
    assert '<th scope="col">Quantity</th>' in html
    assert '<th scope="row">error</th><td>1</td>' in html


def test_the_contents_lead_to_each_section():
    html = render(page_of())
    assert '<a href="#s1">Section</a>' in html
    assert '<section id="s1"' in html


# --- in both languages --------------------------------------------------------------------------


def in_both(english, japanese):
    """Return a page in both languages, each with one item of its own."""
    return {
        language: Page(title, "Lead", language, (Section("Section", (item,)),))
        for language, title, item in [("en", "Title", english), ("ja", "題", japanese)]
    }


def test_a_text_stands_there_in_both_languages_and_once_where_they_agree():
    html = render(in_both(Paragraph("one"), Paragraph("一")))
    assert '<p><span lang="en">one</span><span lang="ja">一</span></p>' in html
    assert '<h2 id="h1">Section</h2>' in html


def test_the_first_language_shows():
    pages = in_both(Paragraph("one"), Paragraph("一"))
    html = render({"ja": pages["ja"], "en": pages["en"]})
    assert '<html lang="ja">' in html
    assert "<title>題</title>" in html
    assert '<p><span lang="ja">一</span><span lang="en">one</span></p>' in html


def test_a_picture_is_embedded_once_and_described_in_both_languages():
    html = render(in_both(Picture(b"png", "alt", "look"), Picture(b"png", "代替", "見て")))
    assert html.count("data:image/png;base64,") == 1
    assert 'alt="alt" data-en-alt="alt" data-ja-alt="代替"' in html


def test_a_table_has_its_words_in_both_languages_and_its_numbers_once():
    english = Table(("Quantity", "Value"), (("error", "1"),), "Caption", "Note")
    japanese = Table(("項目", "値"), (("誤差", "1"),), "表", "注")
    html = render(in_both(english, japanese))
    row = '<span lang="en">error</span><span lang="ja">誤差</span>'
    assert f'<tr><th scope="row">{row}</th><td>1</td></tr>' in html
    assert 'aria-label="Caption" data-en-aria-label="Caption" data-ja-aria-label="表"' in html
    assert '<p class="note"><span lang="en">Note</span><span lang="ja">注</span></p>' in html


def test_the_contents_are_labelled_in_both_languages():
    html = render(in_both(Paragraph("one"), Paragraph("一")))
    label = 'aria-label="Contents" data-en-aria-label="Contents" data-ja-aria-label="目次"'
    assert f"<nav {label}>" in html


def test_pages_that_are_not_alike_are_no_page_in_two_languages():
    pages = in_both(Paragraph("one"), Paragraph("一"))
    pages["ja"] = page_of(language="ja")
    with pytest.raises(ValueError, match="zip"):
        render(pages)


@pytest.mark.parametrize("title", ["Title", "</script>"])
def test_only_the_pages_own_script_may_run(title):
    html = render(in_both(Paragraph(title), Paragraph("一")))
    (script,) = re.findall(r"<script>(.*?)</script>", html, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert (
        f"default-src 'none'; script-src 'sha256-{digest}'; worker-src blob:; "
        "img-src data: blob:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    ) in html


def test_a_page_in_one_language_without_data_has_no_script():
    html = render(page_of(Paragraph("one")))
    assert "script" not in re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)


@pytest.mark.parametrize("texts", [PAGE_TEXTS, RUN_TEXTS, LECTURE_TEXTS])
def test_both_languages_say_the_same_things(texts):
    assert texts["en"].keys() == texts["ja"].keys()
    assert all(text.strip() for words in texts.values() for text in words.values())


@pytest.mark.parametrize("texts", [PAGE_TEXTS, RUN_TEXTS, LECTURE_TEXTS])
def test_both_languages_fill_in_the_same_values(texts):
    def fields(text):
        return set(re.findall(r"{(\w+)}", text))

    assert [k for k in texts["en"] if fields(texts["en"][k]) != fields(texts["ja"][k])] == []
