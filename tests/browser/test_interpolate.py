"""Interpolate: two ends, the film of codes between them, and the cross-fade of the pixels."""

import numpy as np
import pytest

FRAMES = 11


@pytest.fixture
def between(visit):
    """A page whose view is a path from row 3 to row 8, and the model of that page."""
    return lambda model, t=0.5: visit("digits", f"m={model}&v=interpolate&a=r3~r8&t={t}&x=pc")


def film(living, name="film"):
    return np.stack([living.pixels(f"#{name} canvas", i) for i in range(FRAMES)])


def shown(page, rows):
    return np.stack([page.bytes(row) for row in rows])


def test_the_film_decodes_the_codes_between_and_the_fade_mixes_the_ends(between, made, rounded):
    living, page = between("AE"), made("digits")
    model = rounded(page.models["AE"])
    a, b = np.array([end["z"] for end in living.state()["ends"]], dtype=np.float32)
    np.testing.assert_allclose(
        [a, b], page.models["AE"].transform(page.X[[3, 8]]), rtol=1e-4, atol=1e-5
    )
    t = np.linspace(0, 1, FRAMES, dtype=np.float32)[:, None]
    frames = model.inverse_transform(a + t * (b - a))
    assert np.abs(film(living) - shown(page, frames)).max() <= 1
    fade = (1 - t) * frames[0] + t * frames[-1]
    assert np.abs(film(living, "fade") - shown(page, fade)).max() <= 1
    assert np.abs(film(living) - film(living, "fade"))[5].max() > 10
    for name, frame in (("a", 0), ("now", 5), ("b", 10)):
        np.testing.assert_array_equal(living.pixels(f"#end-{name} canvas"), film(living)[frame])
    captions = [living.page.locator(f"#end-{name} figcaption").inner_text() for name in "ab"]
    assert captions == [f"A: {page.labels[3]}", f"B: {page.labels[8]}"]


def test_the_strip_is_scrubbed_also_outside_of_it(between):
    living = between("VAE")
    strip = living.page.locator("#film")
    strip.scroll_into_view_if_needed()
    box = strip.bounding_box()
    mouse, middle = living.page.mouse, box["y"] + box["height"] / 2
    mouse.move(box["x"] + 0.2 * box["width"], middle)
    assert living.state()["position"] == 0.5
    mouse.down()
    assert living.state()["position"] == pytest.approx(0.2, abs=0.01)
    mouse.move(box["x"] + 0.7 * box["width"], middle + 200)
    assert living.state()["position"] == pytest.approx(0.7, abs=0.01)
    living.settle()
    assert "current" in living.page.locator("#film canvas").nth(7).get_attribute("class").split()
    mouse.move(box["x"] + box["width"] + 100, middle)
    assert living.state()["position"] == 1
    mouse.up()
    mouse.move(box["x"] + 0.5 * box["width"], middle)
    assert living.state()["position"] == 1
    living.settle()
    np.testing.assert_array_equal(living.pixels("#end-now canvas"), film(living)[10])


def test_the_arrows_scrub_and_the_picture_follows(between, made, rounded):
    living, page = between("AE"), made("digits")
    position = living.page.locator("#position")
    for _ in range(5):
        position.press("ArrowRight")
    assert living.state()["position"] == pytest.approx(0.55)
    assert living.page.locator("#end-now figcaption").inner_text() == "55 %"
    assert position.get_attribute("aria-valuetext") == "55 %"
    living.settle()
    a, b = np.array([end["z"] for end in living.state()["ends"]], dtype=np.float32)
    expected = rounded(page.models["AE"]).inverse_transform((a + 0.55 * (b - a))[None])
    assert np.abs(living.pixels("#end-now canvas") - page.bytes(expected[0])).max() <= 1
    position.press("End")
    assert living.state()["position"] == 1


def test_on_the_sphere_angles_and_lengths_change_evenly(between, made, rounded):
    living, page = between("VAE"), made("digits")
    straight = film(living)
    living.page.locator("#paths input[value=sphere]").check()
    living.settle()
    codes = np.array(
        living.js(
            """() => Array.from({ length: 11 }, (_, i) =>
              Utsushi.interpolate.between(Utsushi.state.get(), i / 10))"""
        ),
        dtype=np.float32,
    )
    lengths = np.linalg.norm(codes, axis=1)
    np.testing.assert_allclose(lengths, np.linspace(lengths[0], lengths[-1], FRAMES), rtol=1e-5)
    directions = codes / lengths[:, None]
    angles = np.arccos((directions[1:] * directions[:-1]).sum(axis=1))
    assert angles[0] > 0.01
    np.testing.assert_allclose(angles, angles[0], rtol=1e-2)
    np.testing.assert_allclose(
        codes[[0, -1]], [end["z"] for end in living.state()["ends"]], rtol=1e-5
    )
    frames = rounded(page.models["VAE"]).inverse_transform(codes)
    assert np.abs(film(living) - shown(page, frames)).max() <= 1
    assert (film(living) != straight)[1:-1].any()


def test_only_a_variational_model_has_a_sphere(between):
    assert between("VAE").page.locator("#paths").is_visible()
    assert between("AE").page.locator("#paths").is_hidden()


@pytest.mark.parametrize("end", [0, 1])
def test_an_end_is_dragged_or_put_on_a_mark(between, end):
    living = between("AE")
    start = living.js(
        "(end) => Utsushi.plane.project(Utsushi.map.view().flat, Utsushi.state.get().ends[end].z)",
        end,
    )
    before = living.state()["ends"]
    x, y = living.on_map(start)
    mouse = living.page.mouse
    mouse.move(x, y)
    mouse.down()
    mouse.move(x + 30, y + 20)
    mouse.move(1275, 5)
    mouse.up()
    living.settle()
    after = living.state()["ends"]
    assert after[1 - end] == before[1 - end]
    assert after[end]["row"] == -1
    assert after[end]["z"] != before[end]["z"]
    assert living.page.locator(f"#end-{'ab'[end]} figcaption").inner_text().endswith("any code")


def test_the_point_between_the_ends_is_dragged_along_the_path(between):
    living = between("AE")
    ends = living.state()["ends"]
    a, b = (
        living.js("(z) => Utsushi.plane.project(Utsushi.map.view().flat, z)", end["z"])
        for end in ends
    )
    path = np.subtract(b, a)

    def at(part, aside=0.0):
        return living.on_map(a + part * path + aside * np.array([-path[1], path[0]]))

    mouse = living.page.mouse
    mouse.move(*at(0.5))
    mouse.down()
    for part in (0.6, 0.75):
        mouse.move(*at(part, aside=0.1))
        assert living.state()["position"] == pytest.approx(part, abs=0.02)
    mouse.up()
    living.settle()
    assert living.state()["ends"] == ends
    assert living.page.locator("#end-now figcaption").inner_text() == (
        f"{100 * living.state()['position']:.0f} %"
    )
    mouse.move(*at(0.5))
    assert living.state()["position"] == pytest.approx(0.75, abs=0.02)
    # Without a drag it is a press, which puts an end there.
    mouse.move(*at(living.state()["position"]))
    mouse.down()
    mouse.up()
    assert living.state()["ends"][0] == ends[0]
    assert living.state()["ends"][1] != ends[1]


def test_by_keyboard_e_changes_between_the_ends(between):
    living = between("AE")
    living.page.locator("#map").focus()
    living.page.keyboard.press("n")
    assert [end["row"] for end in living.state()["ends"]] == [4, 8]
    living.page.keyboard.press("e")
    living.page.keyboard.press("p")
    assert [end["row"] for end in living.state()["ends"]] == [4, 7]
    living.page.keyboard.press("ArrowUp")
    assert [end["row"] for end in living.state()["ends"]] == [4, -1]


def test_the_ends_are_swapped_with_the_place_between_them(between):
    living = between("AE", 0.2)
    now = living.pixels("#end-now canvas")
    living.page.locator("#swap").click()
    living.settle()
    assert [end["row"] for end in living.state()["ends"]] == [8, 3]
    assert living.state()["position"] == pytest.approx(0.8)
    assert np.abs(living.pixels("#end-now canvas") - now).max() <= 1


def test_a_table_is_interpolated_as_lines(visit):
    living = visit("table", "v=interpolate&a=r0~r9")
    frames = [living.pixels("#film canvas", i) for i in (0, 5, 10)]
    assert all(len(np.unique(frame)) > 2 for frame in frames)
    assert (frames[0] != frames[2]).any()
