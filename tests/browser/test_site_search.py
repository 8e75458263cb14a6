"""The search of the Japanese site: what a reader types is split as the index of the pages is."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="the site's tools are not installed: pip install '.[docs]'")

TEXT = "変分オートエンコーダ（VAE）の学習では，事後崩壊が起こることがあります．β-VAE も参照．"


@pytest.fixture(scope="module")
def japanese_search():
    sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "_ext"))
    try:
        import japanese_search
    finally:
        del sys.path[0]
    return japanese_search


@pytest.fixture
def terms_of(browser, japanese_search):
    """Split a query as the site does in the browser."""
    page = browser.new_page()
    yield lambda query: page.evaluate(
        f"(query) => {{ {japanese_search.JS_SPLIT} return splitQuery(query); }}", query
    )
    page.close()


@pytest.mark.parametrize(
    "query",
    ["オートエンコーダ", "変分オートエンコーダ", "VAEの学習", "崩", "事後崩壊 学習", "β-VAE"],
)
def test_a_query_is_found_where_its_words_are(terms_of, japanese_search, query):
    terms = terms_of(query)
    assert terms
    assert set(terms) <= set(japanese_search.split(TEXT))


@pytest.mark.parametrize("query", ["事前分布", "崩学", "デコーダ"])
def test_a_query_is_not_found_where_it_is_not(terms_of, japanese_search, query):
    assert not set(terms_of(query)) <= set(japanese_search.split(TEXT))


def test_a_particle_alone_does_not_keep_a_query_from_being_found(terms_of):
    assert terms_of("表 を 生成") == ["表", "生成"]
