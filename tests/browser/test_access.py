"""Who cannot use a mouse, a wide screen, bright colours or a screen at all."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

VIEWS = ("walk", "interpolate", "draw", "generate")
LANGUAGES = ("en", "ja")


def look_at(living, view, language):
    living.page.locator(f"[data-language={language}]").click()
    living.view(view)
    if view == "generate":
        living.page.locator("#generated button").first.click()
        living.page.wait_for_selector("#generated-result:not([hidden])")


@pytest.mark.parametrize("name", ["digits", "table", "people", "hostile"])
def test_nothing_scrolls_sideways_on_a_narrow_screen(visit, name):
    living = visit(name, size=(360, 740))
    living.js("() => { for (const e of document.querySelectorAll('details')) e.open = true }")
    for language in LANGUAGES:
        for view in VIEWS:
            look_at(living, view, language)
            wide = living.js("document.documentElement.scrollWidth")
            assert (view, language, wide) == (view, language, 360)
    living.page.locator("#start-tour").click()
    assert living.js("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_views_can_be_chosen_without_scrolling_on_a_narrow_screen(visit, language):
    living = visit("digits", f"l={language}", size=(360, 740))
    for view in VIEWS:
        box = living.page.locator(f"#tab-{view}").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360


def test_until_the_model_runs_there_is_a_sentence_and_no_empty_stage(visit):
    page = visit("digits").page
    stage, sentence = page.locator(".stage"), page.locator(".opening")
    expect(stage).to_be_visible()
    expect(sentence).to_be_hidden()
    page.evaluate("delete document.getElementById('play').dataset.ready")
    expect(stage).to_be_hidden()
    expect(sentence).to_be_visible()
    assert sentence.inner_text() == "Loading the model …"


def test_a_damaged_page_says_that_its_model_cannot_be_opened(browser, made, tmp_path):
    html = made("digits").path.read_text(encoding="utf-8")
    start = html.index('id="utsushi-tensors"') + 200
    (tmp_path / "damaged.html").write_text(html[:start] + "!" + html[start + 1 :], "utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "damaged.html").as_uri())
    expect(page.locator(".opening")).to_contain_text("The model cannot be loaded")
    expect(page.locator(".stage")).to_be_hidden()
    page.close()


# --- the keyboard ---------------------------------------------------------------------------------

#: What takes the focus; a bar of tabs and a group of radio buttons are one stop each.
CONTROLS = """() => Array.from(document.querySelectorAll(
    "button, select, input, summary, a[href], [tabindex]"))
  .filter((e) => e.checkVisibility() && !e.disabled && e.tabIndex >= 0)
  .filter((e) => e.type !== "radio" || e.checked)
  .map((e) => e.outerHTML.slice(0, 90))"""

WATCH = """() => {
  globalThis.reached = [];
  document.addEventListener("focusin", ({ target }) => {
    const shown = target.type === "file" ? target.nextElementSibling : target;
    const { outlineStyle, outlineWidth } = getComputedStyle(shown);
    const { width, height } = shown.getBoundingClientRect();
    const visible = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 && width * height > 9;
    reached.push([target.outerHTML.slice(0, 90), visible]);
  });
}"""


@pytest.mark.parametrize(("name", "view"), [*(("digits", v) for v in VIEWS), ("people", "draw")])
def test_every_control_is_reached_by_tab_and_shows_it(visit, name, view):
    living = visit(name, f"m={'VAE' if name == 'digits' else ''}&v={view}")
    for _ in range(5):
        living.settle()
    expected = living.js(CONTROLS)
    assert len(expected) >= 15
    living.js(WATCH)
    for _ in range(len(expected) + 3):
        living.page.keyboard.press("Tab")
    reached = living.js("reached")
    assert [control for control, visible in reached if not visible] == []
    assert sorted(set(expected) - {control for control, _ in reached}) == []


def test_the_tabs_are_gone_through_by_arrows(visit):
    living = visit("digits")
    living.page.locator("#tab-walk").focus()
    for key, view in (
        *(("ArrowRight", view) for view in ("interpolate", "draw", "generate", "walk")),
        *(("ArrowLeft", "generate"), ("Home", "walk"), ("End", "generate")),
    ):
        living.page.keyboard.press(key)
        expect(living.page.locator(f"#tab-{view}")).to_be_focused()
        expect(living.page.locator(f"#{view}")).to_be_visible()
        expect(living.page.locator("[role=tabpanel]:visible")).to_have_count(1)
        assert living.state()["view"] == view


def test_the_focus_is_kept_when_a_control_is_used(visit):
    living = visit("digits")
    for label in (
        "#map",
        "#sliders input >> nth=2",
        "#projection",
        "#more-sliders",
        "#curves input >> nth=0",
    ):
        control = living.page.locator(label)
        if not control.is_visible():
            continue
        control.focus()
        living.page.keyboard.press("ArrowRight")
        living.page.keyboard.press("ArrowDown")
        living.settle()
        expect(control).to_be_focused()


def test_a_row_that_is_selected_is_said_aloud(visit, made):
    living, page = visit("digits"), made("digits")
    living.page.locator("#map").press("n")
    expect(living.page.locator("#spoken")).to_contain_text(
        f"Test sample 1, of class {page.labels[1]}"
    )
    assert (
        living.page.locator("#walk-decoded canvas")
        .get_attribute("aria-label")
        .startswith("Test sample 1")
    )


# --- axe ------------------------------------------------------------------------------------------


def violations(living):
    found = Axe().run(living.page).response["violations"]
    return [(v["id"], [node["html"][:120] for node in v["nodes"]][:3]) for v in found]


@pytest.mark.parametrize(
    ("name", "language", "scheme"),
    [
        *(("digits", language, scheme) for language in LANGUAGES for scheme in ("light", "dark")),
        ("table", "en", "dark"),
        ("people", "en", "light"),
        ("hostile", "ja", "light"),
    ],
)
def test_axe_finds_nothing(visit, name, language, scheme):
    living = visit(name, scheme=scheme)
    found = {}
    for view in VIEWS:
        look_at(living, view, language)
        found[view] = violations(living)
    living.page.locator("#start-tour").click()
    living.page.locator("#tour .choices button").first.click()
    found["tour"] = violations(living)
    assert found == {key: [] for key in found}


# --- paper ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("view", VIEWS)
def test_on_paper_the_page_is_a_document_without_controls(visit, view):
    living = visit("digits", f"m=VAE&v={view}")
    for _ in range(5):
        living.settle()
    living.page.locator("#start-tour").click()
    living.view(view)
    living.page.emulate_media(media="print")
    for selector in ("#tour", "#start-tour", "[role=tablist]", "#map-tooltip", ".skip"):
        expect(living.page.locator(selector)).to_be_hidden()
    printed = living.js(
        """() => Array.from(document.querySelectorAll("button, select, input, summary"))
          .filter((e) => e.checkVisibility() && !e.closest("#sliders, #generated, #draw-table"))
          .map((e) => e.outerHTML.slice(0, 90))"""
    )
    assert printed == []
    expect(living.page.locator("h1")).to_be_visible()
    expect(living.page.locator("#map")).to_be_visible()
    expect(living.page.locator(f"#{view}")).to_be_visible()
    expect(living.page.locator("#curves svg").first).to_be_visible()


def test_what_is_pale_on_a_dark_screen_is_printed_dark_on_paper(visit):
    inks = {}
    for scheme in ("light", "dark"):
        living = visit("digits", "p=r0", scheme=scheme)
        living.js(
            """() => {
              matchMedia("print").addEventListener("change", ({ matches }) => {
                if (matches) globalThis.printed = document.getElementById("map").toDataURL();
              });
            }"""
        )
        living.page.pdf()
        image = living.read(living.js("printed"))
        inks[scheme] = image[image.sum(axis=-1) > 0].mean()
    assert inks["dark"] == pytest.approx(inks["light"], abs=20)
