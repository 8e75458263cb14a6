"""Read: learning curves by pointer and keyboard, and the guided tour."""

import itertools
import json
import re
from importlib.resources import files

import numpy as np
import pytest
from playwright.sync_api import expect

WORDS = json.loads(files("utsushi.report").joinpath("words.json").read_text("utf-8"))

#: The steps of the tour of an autoencoder next to a variational one, and whether the state changes.
STEPS = {
    "map": False,
    "halfway": True,
    "largest": True,
    "smallest": True,
    "far": True,
    "path": True,
    "models": False,
    "strange": True,
    "copies": True,
}
VIEWS = {"path": "interpolate", "strange": "draw", "copies": "generate"}


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
    for part, epoch in ((0.12, 1), (0.5, 3), (0.98, 6)):
        living.page.mouse.move(box["x"] + part * box["width"], box["y"] + box["height"] / 2)
        assert readings(figure) == (epoch, pytest.approx(values[epoch - 1], rel=1e-3))
    assert figure.locator(".cursor").get_attribute("visibility") == "visible"


def test_the_learning_curves_are_read_by_keyboard(visit, made):
    living, values = visit("digits"), losses(made("digits"), "VAE")
    figure = living.page.locator("#curves figure").nth(1)
    slider = figure.locator("input")
    for key, epoch in (("Home", 1), ("ArrowRight", 2), ("End", 6)):
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


def name_of(living):
    """Return the name of the step that is shown, by its title."""
    titles = {
        text: key
        for key, text in WORDS["en"].items()
        if re.fullmatch(r"tour_\w+_title(_table)?", key)
    }
    return titles[living.page.locator("#tour h3").inner_text()].split("_")[1]


def choose(living, index):
    """Give an answer, and wait until it is shown."""
    living.page.locator("#tour .choices button").nth(index).click()
    expect(living.page.locator("#tour .answer")).to_be_visible()
    living.settle()


def go_to(living, name):
    """Answer all steps before the one of a name."""
    while name_of(living) != name:
        choose(living, 0)
        living.page.locator("#tour [data-tour=next]").click()


@pytest.mark.parametrize(
    ("name", "hash_", "names"),
    [
        ("digits", "m=AE&v=walk", [*STEPS]),
        ("digits", "m=VAE&v=walk", [*[*STEPS][:5], "ellipse", *[*STEPS][5:]]),
        ("table", "", [*[*STEPS][:5], "ellipse", "path", "strange", "copies"]),
        ("colour", "", [n for n in STEPS if n not in ("map", "models")]),
    ],
)
def test_each_step_asks_before_it_shows_and_marks_the_answer(tour, name, hash_, names):
    living = tour(name, hash_)
    card = living.page.locator("#tour")
    forward = card.locator("[data-tour=next]")
    for number, step in enumerate(names, 1):
        expect(card.locator(".count")).to_have_text(f"{number} of {len(names)}")
        expect(card.locator("h3")).to_be_focused()
        assert name_of(living) == step
        assert living.state()["view"] == VIEWS.get(step, "walk")
        assert forward.is_disabled()
        assert card.locator(".answer, .right, .wrong").count() == 0
        before = living.state()
        choices = card.locator(".choices button")
        assert choices.count() == 3
        choose(living, number % 3)
        chosen = choices.nth(number % 3)
        expect(chosen).to_have_attribute("aria-pressed", "true")
        expect(card.locator(".right")).to_have_count(1)
        is_right = "right" in chosen.get_attribute("class")
        expect(card.locator(".wrong")).to_have_count(0 if is_right else 1)
        assert chosen.inner_text().startswith("✓ " if is_right else "✗ ")
        expect(card.locator(".answer strong")).to_have_text("Right." if is_right else "No.")
        assert not re.search(r"tour_|\{|undefined|NaN", card.inner_text())
        expect(forward).to_be_focused()
        lit = living.page.locator(".lit")
        expect(lit).to_have_count(1)
        expect(lit).to_be_in_viewport()
        expect(lit).to_be_visible()
        if STEPS.get(step):
            assert living.state() != before
        forward.press("Enter")
        living.settle()
    expect(card).to_be_hidden()
    expect(living.page.locator("#start-tour")).to_be_focused()
    expect(living.page.locator(".lit")).to_have_count(0)


def test_pair_and_components_are_chosen_by_their_effect(visit, made, rounded):
    living, page = visit("digits", "m=AE&v=walk"), made("digits")
    model = rounded(page.models["AE"])
    codes = model.transform(page.X)
    middles = [
        np.flatnonzero(page.labels == label)[
            np.square(codes[page.labels == label] - codes[page.labels == label].mean(axis=0))
            .sum(axis=1)
            .argmin()
        ]
        for label in range(10)
    ]
    decoded = model.inverse_transform
    gaps = {
        (a, b): np.square(
            decoded((codes[[a]] + codes[[b]]) / 2) - decoded(codes[[a, b]]).mean(axis=0)
        ).sum()
        for a, b in itertools.combinations(middles, 2)
    }
    pair = living.js("Utsushi.effects.pair(Utsushi.page.models[0])")
    assert (pair["a"], pair["b"]) == max(gaps, key=gaps.get)
    assert pair["gap"] == pytest.approx(max(gaps.values()), rel=0.02)
    assert pair["gap"] > 2 * np.median([*gaps.values()])
    row = int(pair["a"])
    found = living.js("(row) => Utsushi.effects.components(Utsushi.page.models[0], row)", row)
    changes = []
    for component in range(10):
        z = codes[[row]].copy()
        low, high = codes[:, component].min(), codes[:, component].max()
        z[0, component] = high if high - z[0, component] > z[0, component] - low else low
        changes.append(np.square(decoded(z) - decoded(codes[[row]])).sum())
    for name, component in (("largest", np.argmax(changes)), ("smallest", np.argmin(changes))):
        assert found[name]["component"] == component
        assert found[name]["change"] == pytest.approx(changes[component], rel=0.05)


def test_the_place_far_from_the_data_is_the_farthest_of_the_edge(visit, made, rounded):
    living, page = visit("digits", "m=AE&v=walk"), made("digits")
    model = rounded(page.models["AE"])
    corner = living.js("Utsushi.effects.corner(Utsushi.page.models[0], 0)")
    far = model.inverse_transform(np.array([corner["z"]], np.float32))
    distance = np.linalg.norm(page.X - far, axis=1).min()
    rows = page.X[:: len(page.X) // 20]
    among = np.sort(np.linalg.norm(rows[:, None] - page.X[None], axis=2), axis=1)[:, 1]
    assert corner["ratio"] == pytest.approx(distance / np.median(among), rel=0.1)


def test_the_tour_shows_what_it_says(tour, made):
    living = tour("digits", "m=AE&v=walk")
    go_to(living, "halfway")
    pair = living.js("Utsushi.effects.pair(Utsushi.page.models[0])")
    choose(living, 1)
    a, b = living.js(
        "(rows) => rows.map((row) => [...Utsushi.page.models[0].codesOf(row)])",
        [pair["a"], pair["b"]],
    )
    halfway = [(p + q) / 2 for p, q in zip(a, b, strict=True)]
    assert living.state()["point"]["z"] == pytest.approx(halfway, abs=1e-5)
    components = living.js(
        "(row) => Utsushi.effects.components(Utsushi.page.models[0], row)", pair["a"]
    )
    for step in ("largest", "smallest"):
        go_to(living, step)
        choose(living, 1)
        z = living.state()["point"]["z"]
        moved = [i for i in range(10) if z[i] != pytest.approx(a[i], abs=1e-5)]
        assert moved == [components[step]["component"]]
        assert f"component {moved[0] + 1} " in living.page.locator("#tour .answer").inner_text()
    go_to(living, "path")
    choose(living, 1)
    assert [end["row"] for end in living.state()["ends"]] == [pair["a"], pair["b"]]
    go_to(living, "models")
    choose(living, 1)
    page = made("digits")
    errors = [
        np.square(model.reconstruct(page.X[:20]) - page.X[:20]).sum(axis=1).mean()
        for model in page.models.values()
    ]
    shown = living.page.locator("#tour .answer").inner_text()
    found = sorted(float(text) for text in re.findall(r"\d+\.\d+|\d{2,}(?= )", shown))
    assert found[:2] == pytest.approx(sorted(errors), rel=0.01)
    go_to(living, "strange")
    choose(living, 1)
    expect(living.page.locator("#draw-result")).to_be_visible()
    rank = float(living.page.locator("#draw-numbers dd").last.inner_text().split()[0])
    is_right = living.page.locator("#tour .answer strong").inner_text() == "Right."
    assert is_right == (rank >= 95)
    go_to(living, "copies")
    choose(living, 0)
    assert living.state()["chosen"] == 0
    living.page.wait_for_selector("#generated-result:not([hidden])")


def test_the_drawing_and_the_map_come_back_after_the_tour(visit):
    living = visit("digits", "m=AE&v=draw")
    box = living.page.locator("#pad").bounding_box()
    living.page.mouse.move(box["x"] + 60, box["y"] + 60)
    living.page.mouse.down()
    living.page.mouse.move(box["x"] + 200, box["y"] + 220, steps=4)
    living.page.mouse.up()
    living.settle()
    before = living.pixels("#pad"), living.pixels("#draw-seen canvas")
    living.page.locator("#start-tour").click()
    go_to(living, "strange")
    assert living.state()["plane"] == "pc"
    choose(living, 0)
    assert (living.pixels("#pad") != before[0]).any()
    living.page.keyboard.press("Escape")
    living.view("draw")
    living.settle()
    np.testing.assert_array_equal(living.pixels("#pad"), before[0])
    np.testing.assert_array_equal(living.pixels("#draw-seen canvas"), before[1])
    assert living.state()["plane"] == "map"
    # Without a drawing the pad is empty again.
    living.page.locator("#clear").click()
    living.page.locator("#start-tour").click()
    go_to(living, "strange")
    choose(living, 0)
    living.page.keyboard.press("Escape")
    assert not living.pixels("#pad").any()
    expect(living.page.locator("#draw-result")).to_be_hidden()


def test_one_can_go_back_a_step(tour):
    living = tour()
    card = living.page.locator("#tour")
    assert card.get_by_role("button", name="Back").is_disabled()
    choose(living, 0)
    card.locator("[data-tour=next]").click()
    card.get_by_role("button", name="Back").click()
    expect(card.locator(".count")).to_have_text(f"1 of {len(STEPS)}")


def test_escape_closes_the_tour_and_focus_goes_back(tour):
    living = tour()
    living.page.locator("#tour .choices button").nth(1).click()
    living.page.keyboard.press("Escape")
    expect(living.page.locator("#tour")).to_be_hidden()
    expect(living.page.locator("#start-tour")).to_be_focused()
    expect(living.page.locator(".lit")).to_have_count(0)
    living.page.keyboard.press("Enter")
    expect(living.page.locator("#tour .count")).to_have_text(f"1 of {len(STEPS)}")


def test_the_tour_speaks_the_language_that_is_chosen_meanwhile(tour):
    living = tour()
    choose(living, 0)
    living.change(language="ja")
    expect(living.page.locator("#tour h3")).to_have_text("コードの地図")
    expect(living.page.locator("#tour .answer")).to_contain_text("最も近いコード")


@pytest.mark.parametrize(("name", "n_steps"), [("digits", len(STEPS)), ("table", len(STEPS))])
def test_on_a_narrow_screen_the_card_leaves_room_for_what_it_speaks_of(tour, name, n_steps):
    living = tour(name, size=(390, 844))
    card = living.page.locator("#tour")
    for _ in range(n_steps):
        step = name_of(living)
        choose(living, 2)
        box, lit = card.bounding_box(), living.page.locator(".lit").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        seen = min(box["y"], lit["y"] + lit["height"]) - max(lit["y"], 0)
        assert seen > 60, step
        if lit["height"] < 0.5 * 844:
            assert seen >= lit["height"] - 1, step
        card.locator("[data-tour=next]").click()
