"""Read: learning curves by pointer and keyboard, and the guided tour."""

import json
import re

import pytest
from playwright.sync_api import expect

STEPS = 8
VIEWS = ["walk"] * 5 + ["interpolate", "draw", "generate"]


def losses(page, name):
    """Return the curve of the training data, as the header of the page has it."""
    header = re.search(r'id="utsushi-header">(.*?)</script>', page.text, re.DOTALL)[1]
    model = next(m for m in json.loads(header)["models"] if m["name"] == name)
    return model["history"]["curves"][0]["values"]


def readings(figure):
    """Return the epoch that is read, and the value there."""
    epoch = int(figure.locator(".readout strong").inner_text().split()[-1])
    return epoch, float(figure.locator(".readout .value").first.inner_text().split()[-1])


def test_the_learning_curves_are_read_by_pointer(visit, made):
    living, values = visit("digits"), losses(made("digits"), "AE")
    figure = living.page.locator("#curves figure").first
    assert readings(figure) == (len(values), pytest.approx(values[-1], rel=1e-3))
    picture = figure.locator("svg")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    for part, epoch in ((0.12, 1), (0.55, 2), (0.98, 3)):
        living.page.mouse.move(box["x"] + part * box["width"], box["y"] + box["height"] / 2)
        assert readings(figure) == (epoch, pytest.approx(values[epoch - 1], rel=1e-3))
    assert figure.locator(".cursor").get_attribute("visibility") == "visible"


def test_the_learning_curves_are_read_by_keyboard(visit, made):
    living, values = visit("digits"), losses(made("digits"), "VAE")
    figure = living.page.locator("#curves figure").nth(1)
    slider = figure.locator("input")
    for key, epoch in (("Home", 1), ("ArrowRight", 2), ("End", 3)):
        slider.press(key)
        assert readings(figure) == (epoch, pytest.approx(values[epoch - 1], rel=1e-3))
        assert slider.get_attribute("aria-valuetext").startswith(f"epoch {epoch}")


# --- the tour -------------------------------------------------------------------------------------


@pytest.fixture
def tour(visit):
    def begin(name="digits", hash_="", **how):
        living = visit(name, hash_, **how)
        living.page.locator("#start-tour").click()
        return living

    return begin


@pytest.mark.parametrize("name", ["digits", "table"])
def test_eight_steps_each_ask_before_they_show(tour, name):
    living = tour(name)
    card = living.page.locator("#tour")
    forward = card.locator("[data-tour=next]")
    for step, view in enumerate(VIEWS, 1):
        expect(card.locator(".count")).to_have_text(f"{step} of {STEPS}")
        expect(card.locator("h3")).to_be_focused()
        assert living.state()["view"] == view
        assert forward.is_disabled()
        assert card.locator(".answer").count() == 0
        before = living.state()
        choices = card.locator(".choices button")
        assert choices.count() == 3
        living.settle()
        choices.nth(step % 3).click()
        living.settle()
        expect(card.locator(".answer")).to_be_visible()
        expect(choices.nth(step % 3)).to_have_attribute("aria-pressed", "true")
        expect(forward).to_be_focused()
        lit = living.page.locator(".lit")
        expect(lit).to_have_count(1)
        expect(lit).to_be_in_viewport()
        expect(lit).to_be_visible()
        if step > 1:
            assert living.state() != before
        forward.press("Enter")
        living.settle()
    expect(card).to_be_hidden()
    expect(living.page.locator("#start-tour")).to_be_focused()
    expect(living.page.locator(".lit")).to_have_count(0)


def test_the_tour_shows_what_it_says(tour):
    living = tour()
    card = living.page.locator("#tour")

    def after(step):
        while True:
            at = int(card.locator(".count").inner_text().split()[0])
            card.locator(".choices button").first.click()
            living.settle()
            if at == step:
                return living.state()
            card.locator("[data-tour=next]").click()
            living.settle()

    a, b = living.js(
        """() => [0, 9].map((label) => {
          const { labels } = Utsushi.page.test;
          const rows = [...labels.keys()].filter((row) => labels[row] === label);
          const row = Utsushi.journey.middleOf(Utsushi.page.models[0], rows);
          return Array.from(Utsushi.page.models[0].codesOf(row));
        })"""
    )
    halfway = [(p + q) / 2 for p, q in zip(a, b, strict=True)]
    assert after(2)["point"]["z"] == pytest.approx(halfway, abs=1e-5)
    shares = living.js("Utsushi.page.models[0].information")
    for step, component in ((3, shares.index(max(shares))), (4, shares.index(min(shares)))):
        z = after(step)["point"]["z"]
        moved = [i for i in range(10) if z[i] != pytest.approx(a[i], abs=1e-5)]
        assert moved == [component]
    assert after(6)["ends"][0]["row"] >= 0
    after(7)
    expect(living.page.locator("#draw-result")).to_be_visible()
    rank = living.page.locator("#draw-numbers dd").last.inner_text()
    assert float(rank.split()[0]) > 95
    assert after(8)["chosen"] == 0
    living.page.wait_for_selector("#generated-result:not([hidden])")


def test_one_can_go_back_a_step(tour):
    living = tour()
    card = living.page.locator("#tour")
    assert card.get_by_role("button", name="Back").is_disabled()
    card.locator(".choices button").first.click()
    card.locator("[data-tour=next]").click()
    card.get_by_role("button", name="Back").click()
    expect(card.locator(".count")).to_have_text(f"1 of {STEPS}")


def test_escape_closes_the_tour_and_focus_goes_back(tour):
    living = tour()
    living.page.locator("#tour .choices button").nth(1).click()
    living.page.keyboard.press("Escape")
    expect(living.page.locator("#tour")).to_be_hidden()
    expect(living.page.locator("#start-tour")).to_be_focused()
    expect(living.page.locator(".lit")).to_have_count(0)
    living.page.keyboard.press("Enter")
    expect(living.page.locator("#tour .count")).to_have_text(f"1 of {STEPS}")


def test_the_tour_speaks_the_language_that_is_chosen_meanwhile(tour):
    living = tour()
    living.page.locator("#tour .choices button").first.click()
    living.change(language="ja")
    expect(living.page.locator("#tour h3")).to_have_text("コードの地図")
    expect(living.page.locator("#tour .answer")).to_contain_text("互いに近くにあります")


@pytest.mark.parametrize("name", ["digits", "table"])
def test_on_a_narrow_screen_the_card_leaves_room_for_what_it_speaks_of(tour, name):
    living = tour(name, size=(360, 740))
    card = living.page.locator("#tour")
    for _ in range(STEPS):
        card.locator(".choices button").last.click()
        living.settle()
        box, lit = card.bounding_box(), living.page.locator(".lit").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 360
        seen = min(box["y"], lit["y"] + lit["height"]) - max(lit["y"], 0)
        assert seen > 60, living.page.locator(".lit").get_attribute("id")
        card.locator("[data-tour=next]").click()
