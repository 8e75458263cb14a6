"""The page: one file, no connection, no markup from text, both languages whole."""

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
    with pytest.raises(SettingError, match="lang='fr', expected one of en, ja"):
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


@pytest.mark.parametrize("texts", [PAGE_TEXTS, RUN_TEXTS, LECTURE_TEXTS])
def test_both_languages_say_the_same_things(texts):
    assert texts["en"].keys() == texts["ja"].keys()
    assert all(text.strip() for words in texts.values() for text in words.values())


@pytest.mark.parametrize("texts", [PAGE_TEXTS, RUN_TEXTS, LECTURE_TEXTS])
def test_both_languages_fill_in_the_same_values(texts):
    def fields(text):
        return set(re.findall(r"{(\w+)}", text))

    assert [k for k in texts["en"] if fields(texts["en"][k]) != fields(texts["ja"][k])] == []
