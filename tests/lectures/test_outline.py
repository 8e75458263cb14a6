"""Both languages tell the same lecture, and the Japanese one uses the same terms everywhere."""

import ast
import re
from pathlib import Path

import jupytext
import pytest
from markdown_it import MarkdownIt

LECTURES = Path(__file__).parents[2] / "lectures"
NAMES = sorted(path.name for path in (LECTURES / "en").glob("[0-9]*.md"))
CHAPTERS = [LECTURES / language / name for language in ("en", "ja") for name in NAMES]
PAGES = [LECTURES / language / "glossary.md" for language in ("en", "ja")]

#: The terms of the lectures, as they are written in Japanese.
TERMS = (
    *(
        "オートエンコーダ",
        "変分オートエンコーダ（VAE）",
        "エンコーダ",
        "デコーダ",
        "潜在変数",
        "潜在空間",
    ),
    *("事前分布", "近似事後分布", "再構成誤差", "KLダイバージェンス", "証拠下界（ELBO）"),
    *("再パラメータ化トリック", "償却推論", "対数分散", "事後崩壊", "β-VAE"),
)

#: Other ways to write them.
VARIANTS = (
    r"自己符号化器|符号化器|復号化?器|(エン|デ)コーダー|バリエーショナル|変分自己",
    r"隠れ変数|潜在ベクトル|潜在表現|ラテント|特徴空間|事前確率分布|変分事後分布|認識モデル",
    r"再構築|復元誤差|再構成(損失|ロス|エラー)|再現誤差",
    r"(KL|カルバック.*?)[ -]*(距離|情報量|擬距離)|KL[ -]+ダイバージェンス|KL[ -]*[Dd]ivergence",
    r"(証拠|エビデンス)(下限|の下界)|エビデンス|変分(下界|下限)",
    r"再(パラメータ|パラメタ|パラメーター)(化?法|トリック)|リパラメ|パラメーター|再パラメタ",
    r"償却(化|的|された)推論|アモータイズ|log[ -]?分散|ログ分散|分散の対数",
    r"事後分布の崩壊|(後験|ポステリア).*?崩壊|ポステリア|ベータ[ -]?VAE|βVAE|β−VAE|Beta-VAE",
)

each_chapter = pytest.mark.parametrize("name", NAMES)
each_page = pytest.mark.parametrize(
    "page", [*CHAPTERS, *PAGES], ids=lambda page: f"{page.parent.name}/{page.stem}"
)


def in_both(name):
    return (jupytext.read(LECTURES / language / name).cells for language in ("en", "ja"))


class WithoutWords(ast.NodeTransformer):
    """Takes the words out of strings; what an f-string computes stays."""

    def visit_Constant(self, node):
        return ast.Constant("") if isinstance(node.value, str) else node

    def visit_JoinedStr(self, node):
        computed = [ast.dump(v.value) for v in node.values if isinstance(v, ast.FormattedValue)]
        return ast.Constant(sorted(computed))


def outline(cells):
    """Return the cells' kinds and tags, and the code without its words."""
    lines = []
    for cell in cells:
        code = ""
        if cell.cell_type == "code":
            python = re.sub(r"^(\s*)%.*", r"\1pass", cell.source, flags=re.MULTILINE)
            code = ast.dump(WithoutWords().visit(ast.parse(python)))
        lines.append((cell.cell_type, tuple(cell.metadata.get("tags", ())), code))
    return lines


def prose(cells):
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def test_there_are_chapters_in_both_languages():
    assert NAMES
    assert sorted(path.name for path in (LECTURES / "ja").glob("[0-9]*.md")) == NAMES


@each_chapter
def test_both_languages_run_the_same_code(name):
    english, japanese = in_both(name)
    assert outline(english) == outline(japanese)


@each_chapter
def test_both_languages_show_the_same_formulas(name):
    def formulas(cells):
        found = re.findall(r"\$\$.*?\$\$", prose(cells), re.DOTALL)
        return [re.sub(r"\\text\{[^}]*\}|\s+", "", formula) for formula in found]

    english, japanese = in_both(name)
    assert formulas(english) == formulas(japanese)


@each_chapter
def test_both_languages_have_headings_of_the_same_levels(name):
    def levels(cells):
        return re.findall(r"^(#+) ", re.sub(r"```.*?```", "", prose(cells), flags=re.DOTALL), re.M)

    english, japanese = in_both(name)
    assert levels(english) == levels(japanese)


@each_page
def test_a_page_opens_with_its_title(page):
    cells = jupytext.read(page).cells
    assert cells[0].source.startswith("# ")


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_chapter_ends_with_three_exercises(path):
    text = path.read_text()
    number = int(path.name[:2])
    after = re.split(r"^## (?:Exercises|演習)$", text, flags=re.MULTILINE)
    assert len(after) == 2
    assert re.findall(r"^### ([\d.]+) ", after[1], re.M) == [f"{number}.{i}" for i in (1, 2, 3)]
    parts = (r'tags=\["exercise"\]', r'tags=\["check"\]', "<details>", r"python \.noeval")
    assert [len(re.findall(part, after[1])) for part in parts] == [3, 3, 3, 3]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_chapter_begins_with_the_cell_for_colab(path):
    setup = re.findall(r'```python tags=\["setup"\]\n(.*?)```', path.read_text(), re.DOTALL)
    first = jupytext.read(CHAPTERS[0]).cells[1].source
    assert [re.sub("#.*", "#", cell.strip()) for cell in setup] == [re.sub("#.*", "#", first)]


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_chapter_ends_with_the_papers_that_it_links(path):
    before, *lists = re.split(r"^## (?:References|参考文献)$", path.read_text(), flags=re.MULTILINE)
    (papers,) = lists
    links = []
    for line in papers.strip().splitlines():
        paper = re.fullmatch(r"- \D+ \d{4}, \[.+\]\((https?://\S+)\)([:：].+)?", line)
        assert paper, line
        links.append(paper[1])
    assert [
        link
        for link in re.findall(r"\]\((https?://\S+?)\)[，．,.;) ）]", before)
        if link not in links
    ] == []


def test_both_languages_name_the_same_papers():
    for name in NAMES:
        english, japanese = (
            re.findall(r"^- (.* \d{4}, \[.*\]\(\S+\))", prose(cells), re.MULTILINE)
            for cells in in_both(name)
        )
        assert english
        assert english == japanese


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_the_glossary_has_every_term(page):
    text = page.read_text()
    assert [term for term in TERMS if f"| {term} |" not in text] == []


@pytest.mark.parametrize(
    "page",
    [path for path in (*CHAPTERS, *PAGES) if path.parent.name == "ja"],
    ids=lambda page: page.stem,
)
def test_a_japanese_page_writes_the_terms_one_way(page):
    text = re.sub(r"別名：[^|]*\|", "|", page.read_text())  # the glossary lists other names
    found = [match.group() for form in VARIANTS for match in re.finditer(form, text)]
    assert found == []


@pytest.mark.parametrize(
    "form", ["自己符号化器", "エンコーダー", "KL距離", "KL 情報量", "リパラメタ", "βVAE"]
)
def test_a_variant_would_be_found(form):
    assert any(re.search(variant, form) for variant in VARIANTS)


@pytest.mark.parametrize("term", TERMS)
def test_no_term_counts_as_a_variant(term):
    assert not any(re.search(variant, term) for variant in VARIANTS)


@pytest.mark.parametrize(
    "page",
    [LECTURES / "README.md", *CHAPTERS, *PAGES],
    ids=lambda page: f"{page.parent.name}/{page.stem}",
)
def test_every_link_of_a_page_leads_somewhere(page):
    linked = re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text())
    assert [name for name in linked if not (page.parent / name).exists()] == []


@each_page
def test_every_emphasis_of_a_page_is_seen_as_one(page):
    """Markdown does not close ** between a bracket and a letter, as Japanese would have it."""
    text = re.sub(r"```.*?```|\$\$.*?\$\$|\$[^$]*\$", "", page.read_text(), flags=re.DOTALL)
    pieces = [piece for token in MarkdownIt().parse(text) for piece in token.children or ()]
    assert [p.content for p in pieces if p.type == "text" and "*" in p.content] == []
