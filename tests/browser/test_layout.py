"""One view: the picture and the map together, on a desk and in a hand, and a key for every mark."""

import numpy as np
import pytest
from playwright.sync_api import expect

from utsushi.report import to_html

VIEWS = ("walk", "interpolate", "draw", "generate")


def box_of(living, selector, index=0):
    return living.page.locator(selector).nth(index).bounding_box()


def is_inside(box, width, height):
    right, bottom = box["x"] + box["width"], box["y"] + box["height"]
    return box["x"] >= 0 and box["y"] >= 0 and right <= width and bottom <= height


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("size", [(1440, 900), (1024, 768)])
def test_picture_and_map_are_whole_above_the_fold(visit, size, language):
    living = visit("digits", f"m=VAE&p=r0&l={language}", size=size)
    picture, map_box = box_of(living, "#walk-decoded canvas"), box_of(living, "#map")
    assert picture["width"] >= 300
    assert map_box["width"] >= 380
    assert is_inside(picture, *size)
    assert is_inside(map_box, *size)
    sliders = [slider.bounding_box() for slider in living.page.locator("#sliders input").all()]
    assert sum(is_inside(slider, *size) for slider in sliders) >= 3
    living.view("interpolate")
    assert is_inside(box_of(living, "#end-now canvas"), *size)
    assert is_inside(box_of(living, "#film"), *size)


@pytest.mark.parametrize("name", ["digits", "colour", "conditional"])
@pytest.mark.parametrize("size", [(1440, 900), (1024, 768), (390, 844)])
def test_images_are_whole_multiples_of_their_pixels(visit, name, size):
    living = visit(name, "p=r0", size=size)
    for view in VIEWS:
        living.view(view)
        for _ in range(5):
            living.settle()
        factors = living.js(
            """() => Array.from(document.querySelectorAll("#play canvas.image:not(#train-here *)"))
              .filter((canvas) => canvas.checkVisibility())
              .map((canvas) => canvas.getBoundingClientRect().width / canvas.width)"""
        )
        assert len(factors) > 0 or view == "draw"
        np.testing.assert_allclose(factors, np.rint(factors), atol=1e-3)


# --- a phone --------------------------------------------------------------------------------------

PHONE = {"size": (390, 844), "touch": True}


class Finger:
    def __init__(self, living):
        self.living = living
        self.session = living.page.context.new_cdp_session(living.page)

    def send(self, kind, *points):
        touches = [{"x": x, "y": y} for x, y in points]
        self.session.send(
            "Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": touches}
        )

    def swipe(self, x, y, dx, dy):
        """Move a finger, and return how far the page scrolled."""
        before = self.living.js("scrollY")
        self.send("Start", (x, y))
        for part in np.linspace(0.1, 1, 10):
            self.send("Move", (x + part * dx, y + part * dy))
            self.living.settle()
        self.send("End")
        self.living.settle()
        return self.living.js("scrollY") - before


def test_on_a_phone_the_picture_stays_above_the_map(visit):
    living = visit("digits", "m=AE&p=r0", **PHONE)
    living.page.locator("#map").evaluate("map => map.scrollIntoView({ block: 'end' })")
    living.settle()
    picture, map_box = box_of(living, "#walk-decoded canvas"), box_of(living, "#map")
    assert picture["width"] == 168
    assert is_inside(picture, 390, 844)
    assert is_inside(map_box, 390, 844)
    assert picture["y"] + picture["height"] <= map_box["y"]
    living.view("interpolate")
    living.page.locator("#map").evaluate("map => map.scrollIntoView({ block: 'end' })")
    living.settle()
    assert is_inside(box_of(living, "#end-now canvas"), 390, 844)


def test_on_a_phone_only_the_point_is_dragged_and_a_swipe_elsewhere_scrolls(visit):
    living = visit("digits", "m=AE&p=@0.5,0.5&x=map", **PHONE)
    finger = Finger(living)
    x, y = living.on_map([-0.5, -0.5])
    before = living.state()
    assert finger.swipe(x, y, 0, -120) > 60
    assert living.state() == before
    x, y = living.on_map([0.5, 0.5])
    assert finger.swipe(x, y, -60, 100) == 0
    after = living.state()["point"]["at"]
    target = living.from_map(x - 60, y + 100)
    np.testing.assert_allclose(after, target, atol=0.03)
    # A tap puts the point to a mark.
    living.on_map(living.places()[7])
    x, y = living.on_map(living.places()[7])
    finger.send("Start", (x, y))
    finger.send("End")
    living.settle()
    row = living.state()["point"]["row"]
    assert row >= 0
    np.testing.assert_allclose(living.places()[row], living.places()[7], atol=0.1)


def test_on_a_phone_the_sliders_are_a_sheet_below_the_picture(visit):
    living = visit("digits", "m=AE&p=r0", **PHONE)
    page = living.page
    expect(page.locator("#sliders")).to_be_hidden()
    page.locator("#map").scroll_into_view_if_needed()
    page.locator("#open-sliders").click()
    expect(page.locator("#sliders")).to_be_visible()
    expect(page.locator("#open-sliders")).to_have_attribute("aria-expanded", "true")
    sheet, picture = box_of(living, "#slider-sheet"), box_of(living, "#walk-decoded canvas")
    assert is_inside(picture, 390, 844)
    assert picture["y"] + picture["height"] <= sheet["y"]
    before = living.pixels("#walk-decoded canvas")
    page.locator("#sliders input").first.press("End")
    for _ in range(9):
        page.locator("#sliders input").first.press("ArrowRight")
    living.settle()
    assert (living.pixels("#walk-decoded canvas") != before).any()
    page.keyboard.press("Escape")
    expect(page.locator("#sliders")).to_be_hidden()
    expect(page.locator("#open-sliders")).to_be_focused()


# --- the keys of the map --------------------------------------------------------------------------


def keys(living):
    living.settle()
    return set(
        living.js("[...document.querySelectorAll('#keys .key')].map((key) => key.classList[1])")
    )


def test_every_mark_and_line_of_the_map_has_a_key(visit):
    living = visit("digits", "m=VAE&p=r0")
    assert keys(living) == {"key-point", "key-class", "key-field"}
    living.page.locator("#projection").select_option("pc")
    expect(living.page.locator("#keys")).to_contain_text("posterior")
    assert keys(living) == {"key-point", "key-class", "key-prior", "key-posterior", "key-empty"}
    assert "N(0, I)" in living.page.locator("#keys").inner_text()
    assert "projection" in living.page.locator("#map-note").inner_text()
    living.view("interpolate")
    assert keys(living) == {"key-path", "key-class", "key-prior", "key-empty"}
    living.page.locator("#models button", has_text="AE").first.click()
    living.settle()
    assert keys(living) == {"key-path", "key-class", "key-empty"}
    living.page.locator("#projection").select_option("map")
    assert "mean little" in living.page.locator("#map-note").inner_text()
    living.page.locator("[data-language=ja]").click()
    expect(living.page.locator("#keys")).to_contain_text("経路")


@pytest.mark.parametrize("view", ["draw", "generate"])
def test_dragging_where_nothing_would_be_decoded_opens_walk(visit, view):
    living = visit("digits", f"m=AE&v={view}")
    x, y = living.on_map([0.3, 0.3])
    living.page.mouse.move(x, y)
    living.page.mouse.down()
    living.page.mouse.move(x + 40, y - 30)
    living.settle()
    assert living.state()["view"] == "walk"
    expect(living.page.locator("#walk-decoded canvas")).to_be_visible()
    living.page.mouse.up()


def test_next_to_a_free_point_is_the_sample_with_the_nearest_code(visit, made):
    living, page = visit("digits", "m=AE&p=@0.2,-0.3&x=map"), made("digits")
    codes = page.models["AE"].transform(page.X)
    nearest = np.linalg.norm(codes - living.state()["point"]["z"], axis=1).argmin()
    shown = living.pixels("#walk-pair [data-slot=original] canvas")
    np.testing.assert_array_equal(shown, page.bytes(page.X[nearest]))
    caption = f"Nearest test sample ({page.labels[nearest]})"
    original = living.page.locator("#walk-pair [data-slot=original] figcaption")
    expect(original).to_have_text(caption)
    # No dashes in the place of metrics.
    expect(living.page.locator("#walk-numbers")).to_be_hidden()
    expect(living.page.locator("#walk-pair [data-slot=difference]")).to_be_hidden()
    expect(living.page.locator("#spoken")).to_contain_text(caption)
    living.page.locator("#map").press("n")
    expect(original).to_have_text("Original")
    expect(living.page.locator("#walk-numbers")).to_be_visible()


def test_the_arrows_stay_on_the_map(visit):
    living = visit("digits", "m=AE&p=@0.9,0&x=map")
    for _ in range(9):
        living.page.locator("#map").press("Shift+ArrowRight")
    spot = living.js("Utsushi.map.toPixel(Utsushi.map.view(), Utsushi.state.get().point.at)")
    assert spot[0] <= box_of(living, "#map")["width"] + 1


# --- the heading ----------------------------------------------------------------------------------


def test_a_long_title_leaves_the_stage_where_it_is(visit):
    assert box_of(visit("hostile"), ".stage")["y"] < 260


def test_a_title_of_blanks_is_none(made):
    page = made("conditional")
    html = to_html(page.models, page.X[:30], page.labels[:30], title="   ")
    assert "<h1>CVAE</h1>" in str(html)


def test_the_title_of_the_window_has_the_language_of_the_page(visit):
    living = visit("digits")
    living.js("""() => { document.querySelector("h1").innerHTML =
      '<span lang="en">Digits</span><span lang="ja">数字</span>' }""")
    for language, title in (("ja", "数字"), ("en", "Digits")):
        living.page.locator(f"[data-language={language}]").click()
        assert living.page.title() == title


# --- below, on paper, and with forced colours -----------------------------------------------------


def test_below_the_stage_there_is_one_left_edge(visit):
    living = visit("digits", size=(1440, 900))
    lefts = living.js(
        """() => [...document.querySelectorAll("h1, .stage, nav, main > section > *, footer")]
          .filter((element) => element.checkVisibility()
            && !element.matches(".opening, .spoken, #tour"))
          .map((element) => Math.round(element.getBoundingClientRect().left))"""
    )
    assert len(lefts) > 8
    assert max(lefts) - min(lefts) <= 1


def test_on_paper_the_map_says_of_which_model_it_is(visit):
    living = visit("digits", "m=VAE&p=r0")
    assert living.page.locator(".map-head h2").inner_text() == "The map of the codes"
    living.page.emulate_media(media="print")
    assert living.page.locator(".map-head h2").inner_text() == "The map of the codes: VAE"


def test_with_forced_colours_a_pressed_button_is_told_from_others(visit):
    living = visit("digits", "m=AE")
    living.page.emulate_media(forced_colors="active")
    widths = living.js(
        """() => [...document.querySelectorAll("#models button")].map(
          (button) => getComputedStyle(button).borderTopWidth)"""
    )
    living.page.emulate_media(forced_colors="none")
    assert widths == ["3px", "1px"]


def test_a_wide_table_on_a_phone_shows_that_it_goes_on(visit):
    living = visit("digits", size=(390, 844))
    backgrounds = living.js(
        """() => {
          const table = document.createElement("div");
          table.className = "table";
          document.querySelector("main").append(table);
          return getComputedStyle(table).backgroundAttachment;
        }"""
    )
    assert backgrounds == "local, local, scroll, scroll"
