"""Both languages: every text changes without a reload, and no word is missing."""

import json
import re
from importlib.resources import files

import pytest
from playwright.sync_api import expect

REPORT = files("utsushi.report")
SCRIPTS = {
    part.name: part.read_text("utf-8")
    for part in REPORT.joinpath("script").iterdir()
    if part.name.endswith(".js")
}
STAGE = REPORT.joinpath("living.html").read_text("utf-8")
WORDS = json.loads(REPORT.joinpath("words.json").read_text("utf-8"))

TEXTS = """() => {
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    const { parentElement: parent, data } = walker.currentNode;
    if (!data.trim() || !parent.checkVisibility({ visibilityProperty: true })) continue;
    const twice = "header [lang], nav [lang], footer [lang], section [lang]";
    if (parent.closest(`${twice}, #spoken`)) continue;
    texts.push(data.trim());
  }
  for (const name of ["aria-label", "aria-valuetext", "alt"]) {
    for (const element of document.querySelectorAll(`[${name}]`)) {
      const isShown = element.checkVisibility({ visibilityProperty: true });
      if (isShown) texts.push(element.getAttribute(name));
    }
  }
  return texts;
}"""


def patterns(language):
    """Return what the texts of a language look like that the other language has otherwise."""
    other = WORDS["en" if language == "ja" else "ja"]
    return [
        re.compile(r".+".join(map(re.escape, re.split(r"\{\w+\}", text))))
        for key, text in WORDS[language].items()
        if text != other[key] and re.search(r"\w", re.sub(r"\{\w+\}", "", text))
    ]


def own_word(language, word, name):
    """Return a word of a page; tables have some of their own."""
    words = WORDS[language]
    return words.get(f"{word}_table", words[word]) if name == "table" else words[word]


@pytest.mark.parametrize("name", ["digits", "table"])
def test_all_words_change_their_language_without_a_reload(visit, name):
    living = visit(name)
    living.js("() => { globalThis.notReloaded = true }")
    for view in ("walk", "interpolate", "draw", "generate"):
        living.view(view)
        for _ in range(3):
            living.settle()
        if view == "generate":
            living.page.locator("#generated button").first.click()
            living.page.locator("#start-tour").click()
        for language, other in (("ja", "en"), ("en", "ja")):
            living.page.locator(f"[data-language={language}]").click()
            living.settle()
            assert living.js("document.documentElement.lang") == language
            foreign = [
                text
                for text in living.js(TEXTS)
                if text in set(WORDS["en"]) - set(WORDS[language].values())
                or any(pattern.fullmatch(text) for pattern in patterns(other))
            ]
            assert foreign == []
            for attribute, key in (("textContent", "word"), ("ariaLabel", "wordLabel")):
                shown = living.js(
                    """([attribute, key, name]) =>
                      Array.from(document.querySelectorAll(`[data-${name}]`),
                        (e) => [e.dataset[key], e[attribute]])""",
                    [attribute, key, "word" if key == "word" else "word-label"],
                )
                assert len(shown) > 5
                expected = [own_word(language, word, name) for word, _ in shown]
                assert [text for _, text in shown] == expected
    assert living.js("notReloaded")


def test_what_was_said_aloud_is_not_left_in_the_other_language(visit):
    living = visit("digits")
    expect(living.page.locator("#spoken")).to_contain_text("Test sample")
    living.view("interpolate")
    living.page.locator("[data-language=ja]").click()
    living.settle()
    assert "Test sample" not in living.page.locator("#spoken").inner_text()


def test_training_rows_are_not_called_test_rows(visit):
    """Of a source without a held-out part the map shows the rows of the training."""
    living = visit("seen")
    for language, said, unsaid in (
        ("en", "training sample", "est sample"),
        ("ja", "学習データ", "テスト"),
    ):
        living.page.locator(f"[data-language={language}]").click()
        for view in ("walk", "draw", "generate"):
            living.view(view)
            living.settle()
            text = living.page.locator("#play").inner_text()
            assert said in text
            assert unsaid not in text
            assert "{" not in text


# --- the file of words ---


def placeholders(text):
    return sorted(re.findall(r"\{(\w+)\}", text))


def asked_for(script):
    """Return the keys, as patterns, that a script gives words.get: literal ones and templates."""
    for call in re.finditer(r"words\.get\(", script):
        rest = script[call.end() :]
        first = re.match(r"(?:[^,()]|\([^()]*\))*", rest)[0]
        yield from map(
            re.escape, re.findall(r'"([^"]*)"', re.sub(r"(===?|in) *\"[^\"]*\"", "", first))
        )
        for template in re.findall(r"`([^`]*)`", first):
            yield re.sub(r"\\\$\\\{.*?\\\}", r"\\w+", re.escape(template))


def test_both_languages_have_the_same_words_with_the_same_places():
    assert set(WORDS) == {"en", "ja"}
    assert WORDS["en"].keys() == WORDS["ja"].keys()
    for key, text in WORDS["en"].items():
        assert (key, placeholders(WORDS["ja"][key])) == (key, placeholders(text))
        assert text.strip()
        assert WORDS["ja"][key].strip()


def test_every_word_that_is_asked_for_exists():
    marked = re.findall(r'data-word(?:-label)?="(\w+)"', STAGE)
    assert set(marked) <= set(WORDS["en"])
    patterns = [(name, p) for name, script in SCRIPTS.items() for p in asked_for(script)]
    assert len(patterns) > 40
    missing = [
        (name, pattern)
        for name, pattern in patterns
        if not any(re.fullmatch(pattern, key) for key in WORDS["en"])
    ]
    assert missing == []


def test_every_word_is_used():
    everything = "\n".join(SCRIPTS.values())
    # The tour and whoever builds keys from parts: all templates but those of nothing but parts.
    templates = {p for p in asked_for(everything) if re.search(r"[a-z]_\\w|\\w\+_[a-z]", p)}
    templates -= {p for p in templates if p.startswith("tour_")}
    tour = SCRIPTS["80-tour.js"]
    names = re.findall(r"^    (\w+): \{$", tour[tour.index("const STEPS") :], re.MULTILINE)
    assert len(names) > 5
    parts = ("title", "question", "a", "b", "c")
    steps = {f"tour_{name}_{part}" for name in names for part in parts}
    assert steps <= set(WORDS["en"])
    # The answers, by the right choice; one step has two variants of each.
    answers = {f"tour_{name}_answer_{letter}" for name in names for letter in "abc"}
    steps |= answers | {f"{answer}_dead" for answer in answers}
    used = {
        *re.findall(r'data-word(?:-label)?="(\w+)"', STAGE),
        *re.findall(r"\"(\w+)\"", everything),
        *steps,
    }
    unused = [
        key
        for key in (key.removesuffix("_table") for key in WORDS["en"])
        if key not in used and not any(re.fullmatch(p, key) for p in templates)
    ]
    assert unused == []
