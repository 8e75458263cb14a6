"""Walk the code: the map, the sliders, the axes and the switch between the models."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

from utsushi import datasets

#: The share of the samples that show their class at their place, of those that do if they are
#: decoded from their own code.
LEAST_SHOWN = 0.9

FAR_OUT = (1275, 30)  # of the window, beyond the map


def assert_decoded(living, page, model, y=None):
    """The large picture is what Python decodes from the code of the state."""
    z = np.array([living.state()["point"]["z"]], dtype=np.float32)
    expected = page.bytes(model.inverse_transform(z, y)[0])
    assert np.abs(living.pixels("#walk-decoded canvas") - expected).max() <= 1


def code_places(living, page, model):
    """Return the test codes on the plane of the map, by the axes that the page carries."""
    axes, centre = living.js("[Utsushi.page.models[0].axes, Utsushi.page.models[0].centre]")
    return (model.transform(page.X) - centre) @ np.transpose(axes)


def blend(queries, points, values):
    """Return the weighted mean of the values of the five nearest points, as the map does."""
    distances, nearest = NearestNeighbors(n_neighbors=6).fit(points).kneighbors(queries)
    weights = 1 / np.maximum(distances[:, :5], 1e-12) - 1 / distances[:, 5:]
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("nk,nkh->nh", weights, values[nearest[:, :5]])


def alone(places):
    """Return rows that are far from the others, the farthest first."""
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1)
    np.fill_diagonal(distances, np.inf)
    return np.argsort(-distances.min(axis=1))


@pytest.mark.parametrize("name", ["digits", "colour", "conditional"])
def test_dragging_decodes_also_where_the_pointer_has_left_the_map(visit, made, rounded, name):
    living, page = visit(name, "x=pc"), made(name)
    model = rounded(next(iter(page.models.values())))
    y = int(page.labels[0]) if name == "conditional" else None
    mouse = living.page.mouse
    mouse.move(*living.on_map(living.places()[0]))
    mouse.down()
    seen = []
    for step in (40, 80):
        x, top = living.on_map(living.places()[0])
        mouse.move(x + step, top - step)
        living.settle()
        np.testing.assert_allclose(
            living.js(
                "Utsushi.plane.project(Utsushi.map.view().flat, Utsushi.state.get().point.z)"
            ),
            living.from_map(x + step, top - step),
            rtol=1e-4,
            atol=1e-4,
        )
        assert_decoded(living, page, model, y)
        seen.append(living.pixels("#walk-decoded canvas"))
    mouse.move(*FAR_OUT)
    living.settle()
    outside = living.state()["point"]
    mouse.up()
    living.settle()
    np.testing.assert_allclose(living.state()["point"]["z"], outside["z"], rtol=1e-4, atol=1e-5)
    outside = living.state()["point"]
    assert outside["row"] == -1
    assert_decoded(living, page, model, y)
    assert (seen[0] != seen[1]).any()
    assert (seen[1] != living.pixels("#walk-decoded canvas")).any()
    # The pointer is let go of: moving it further moves nothing.
    mouse.move(*living.on_map(living.places()[1]))
    living.settle()
    assert living.state()["point"] == outside


@pytest.mark.parametrize("name", ["digits", "colour", "table"])
def test_a_place_of_the_neighbor_map_is_decoded_from_the_nearest_marks(visit, made, rounded, name):
    living, page = visit(name), made(name)
    model = rounded(next(iter(page.models.values())))
    places = living.places()
    codes = living.numbers("() => Utsushi.page.models[0].codes").reshape(len(places), -1)
    assert np.abs(places).max() <= 1
    mouse = living.page.mouse
    mouse.move(*living.on_map(places[0]))
    mouse.down()
    for place in ([0.2, -0.3], [-0.5, 0.4]):
        x, y = living.on_map(place)
        mouse.move(x, y)
        living.settle()
        point = living.state()["point"]
        np.testing.assert_allclose(point["at"], living.from_map(x, y), atol=1e-4)
        expected = blend(np.array([point["at"]]), places, codes)[0]
        np.testing.assert_allclose(point["z"], expected, rtol=2e-3, atol=2e-3)
        if name != "table":
            assert_decoded(living, page, model)
    mouse.up()
    # A link restores the place; a slider leaves it for that of the new code.
    again = visit(name, living.js("location.hash.slice(1)"))
    assert again.state()["point"] == living.state()["point"]
    again.page.locator("#sliders input").first.press("ArrowRight")
    moved = again.state()["point"]
    assert "at" not in moved
    spot = again.js("Utsushi.map.spot(Utsushi.map.view(), Utsushi.state.get().point)")
    np.testing.assert_allclose(
        spot, blend(np.array([moved["z"]]), codes, places)[0], rtol=1e-2, atol=1e-2
    )


def test_the_mean_of_neighbors_is_continuous_and_exact_at_the_points(visit):
    living, rng = visit("table"), np.random.default_rng(0)
    points, values = rng.uniform(size=(60, 2)), rng.normal(size=(60, 3))
    line = np.linspace([0.1, 0.1], [0.9, 0.8], 2001)

    def page_blend(queries, points, values):
        blend = "(q) => Utsushi.plane.blend(q, points, values, 3)"
        given = [queries.tolist(), points.ravel().tolist(), values.ravel().tolist()]
        return np.array(living.js(f"([all, points, values]) => all.map({blend})", given))

    np.testing.assert_allclose(page_blend(points, points, values), values, atol=1e-6)
    means = page_blend(line, points, values)
    np.testing.assert_allclose(means, blend(line, points, values), atol=1e-9)
    assert np.abs(np.diff(means, axis=0)).max() < 0.05
    # Points at one place are averaged, and so are fewer points than neighbors.
    stacked = page_blend(np.array([[5.0, 5.0]]), np.zeros((8, 2)), values[:8])
    np.testing.assert_allclose(stacked[0], values[:5].mean(axis=0))
    assert np.isfinite(page_blend(line[:9], points[:2], values[:2])).all()


#: Without each sample in turn: what the places of all samples are decoded to, and their codes.
LEFT_OUT = """([index]) => {
  const model = Utsushi.page.models[index];
  const { codes, layout, n_components: size } = model;
  const without = (values, row, width) => Float32Array.from(
    [...values.slice(0, row * width), ...values.slice((row + 1) * width)]);
  return Array.from({ length: Utsushi.page.test.count }, (_, row) => Utsushi.plane.blend(
    layout.slice(2 * row, 2 * row + 2), without(layout, row, 2), without(codes, row, size), size,
  )).flat();
}"""


@pytest.mark.parametrize("name", ["AE", "VAE"])
def test_places_of_the_neighbor_map_mean_something(visit, made, name):
    """Measure as a visitor drags: to the place of a sample that is not on the map."""
    living, page = visit("digits"), made("digits")
    model, index = page.models[name], list(page.models).index(name)
    codes = model.transform(page.X)
    own = model.inverse_transform(codes)
    placed = np.array(living.js(LEFT_OUT, [index]), np.float32).reshape(codes.shape)
    placed = model.inverse_transform(placed)
    # The drag of another sample along two principal components.
    centred = (codes - codes.mean(axis=0)).astype(float)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:2]
    others = np.random.default_rng(0).permutation(len(codes))
    dragged = centred[others] + (centred - centred[others]) @ axes.T @ axes
    dragged = model.inverse_transform((dragged + codes.mean(axis=0)).astype(np.float32))
    errors = [np.square(rows - own).sum(axis=1).mean() for rows in (placed, dragged)]
    assert errors[0] < errors[1] / 3
    if name == "VAE":  # trained too short for its reconstructions to show a class
        return
    judge = KNeighborsClassifier(3).fit(page.X_train, datasets.load_mnist20k().y_train[:800])
    shown = [(judge.predict(rows) == page.labels).mean() for rows in (own, placed, dragged)]
    assert shown[1] > LEAST_SHOWN * shown[0]
    assert shown[1] > shown[2] + 0.3


def test_the_field_is_what_its_places_are_decoded_to(visit, made, rounded):
    living, page = visit("digits"), made("digits")
    living.until("Utsushi.field.isDone()")
    model, places = rounded(page.models["AE"]), living.places()
    cells = living.js("Utsushi.field.cells.map(({ place, values }) => [...place, ...values])")
    assert len(cells) > 30
    cells = np.array(cells, np.float32)
    codes = blend(cells[:, :2], places, page.models["AE"].transform(page.X))
    np.testing.assert_allclose(
        cells[:, 2:], model.inverse_transform(codes.astype(np.float32)), atol=0.02
    )
    field = living.js(
        """() => {
          const image = Utsushi.field.of(Utsushi.map.view(), Utsushi.state.get());
          return image.toDataURL();
        }"""
    )
    assert (living.read(field) > 0).any()
    # A projection of ten components to two has no field: a place is not one sample.
    living.page.locator("#projection").select_option("pc")
    assert living.js("Utsushi.field.of(Utsushi.map.view(), Utsushi.state.get())") is None


def test_two_components_are_the_map_itself_with_its_field(visit, made, rounded):
    living, page = visit("conditional"), made("conditional")
    assert living.state()["plane"] == [0, 1]
    options = living.page.locator("#projection option").evaluate_all("all => all.map(o => o.value)")
    assert options == ["pc", "components"]
    living.until("Utsushi.field.isDone()")
    cells = living.js("Utsushi.field.cells.map(({ place, values }) => [...place, ...values])")
    cells = np.array(cells, np.float32)
    label = living.state()["point"]["y"]
    expected = rounded(page.models["CVAE"]).inverse_transform(cells[:, :2], [label] * len(cells))
    np.testing.assert_allclose(cells[:, 2:], expected, atol=2e-3)


def test_one_component_is_read_from_left_to_right(visit, made):
    living, page = visit("one"), made("one")
    codes, places = page.models["AE"].transform(page.X), living.places()
    offset = places[:, 0] - codes[:, 0]
    np.testing.assert_allclose(np.abs(np.diff(places[:, 0])), np.abs(np.diff(codes[:, 0])), 1e-3)
    assert np.ptp(offset) < 1e-4 or np.ptp(places[:, 0] + codes[:, 0]) < 1e-4
    assert len(np.unique(places[:, 1])) == len(places)
    assert living.page.locator("#projection").is_hidden()
    assert "one number" in living.page.locator("#map-note").inner_text()
    mouse = living.page.mouse
    mouse.move(*living.on_map([0, 0]))
    mouse.down()
    seen = []
    for up in (0, 60):
        x, y = living.on_map([0.1, 0])
        mouse.move(x + 50, y - up)
        seen.append(living.state()["point"]["z"])
    mouse.up()
    assert seen[0] == seen[1]


def test_pressing_a_mark_selects_its_row(visit, made, rounded):
    living, page = visit("digits"), made("digits")
    model = rounded(page.models["AE"])
    for row in alone(living.places())[:10]:
        living.page.mouse.click(*living.on_map(living.places()[row]))
        living.settle()
        assert living.state()["point"]["row"] == row
        assert_decoded(living, page, model)
        shown = living.pixels("#walk-pair [data-slot=original] canvas")
        np.testing.assert_array_equal(shown, page.bytes(page.X[row]))
        assert living.page.locator("#walk-caption").inner_text() == (
            f"Test sample {row}, of class {page.labels[row]}, decoded from its code"
        )


def test_a_hundred_places_of_the_map_show_the_image_and_the_label_of_the_nearest_row(visit, made):
    living, page = visit("digits", "x=pc"), made("digits")
    places = code_places(living, page, page.models["AE"])
    tooltip = living.page.locator("#map-tooltip")
    for row in np.random.default_rng(0).choice(len(places), 100, replace=False):
        x, y = living.on_map(places[row])
        living.page.mouse.move(x, y)
        nearest = np.linalg.norm(places - living.from_map(x, y), axis=1).argmin()
        assert tooltip.inner_text() == str(page.labels[nearest])
        shown = living.pixels("#map-tooltip canvas")
        np.testing.assert_array_equal(shown, page.bytes(page.X[nearest]))


def test_the_picture_beside_the_pointer_goes_where_no_mark_is_near(visit):
    living = visit("digits")
    living.page.mouse.move(*living.on_map(living.places()[0]))
    assert living.page.locator("#map-tooltip").is_visible()
    living.page.mouse.move(*FAR_OUT)
    assert living.page.locator("#map-tooltip").is_hidden()


def test_the_numbers_of_a_row_are_those_of_python(visit, made):
    living, page = visit("digits", "m=VAE&p=r7"), made("digits")
    model, row = page.models["VAE"], page.X[7:8]
    copy = model.reconstruct(row)
    mean, sigma = model.posterior_of(row)
    kl = (0.5 * (sigma**2 + mean**2 - 1) - np.log(sigma)).sum()
    scores = -model.mean_code_score(page.X)
    error, shown_kl, rank = living.page.locator("#walk-numbers dd").all_inner_texts()
    assert float(error.split()[0]) == pytest.approx(np.square(row - copy).sum(), rel=5e-3)
    assert float(shown_kl.split()[0]) == pytest.approx(kl, rel=5e-3)
    assert float(rank.split()[0]) == pytest.approx(100 * (scores < scores[7]).mean(), abs=1)


def test_the_arrows_move_the_point_and_n_and_p_go_from_row_to_row(visit):
    living = visit("digits", "x=pc")
    living.page.locator("#map").focus()
    keyboard = living.page.keyboard

    def place():
        return np.array(
            living.js("Utsushi.plane.project(Utsushi.map.view().flat, Utsushi.state.get().point.z)")
        )

    before = place()
    keyboard.press("ArrowRight")
    right = place()
    keyboard.press("Shift+ArrowUp")
    up = place()
    assert right[0] > before[0]
    assert right[1] == pytest.approx(before[1], abs=1e-4)
    assert up[1] - right[1] == pytest.approx(5 * (right[0] - before[0]), rel=1e-3)
    for key, row in (("n", 1), ("n", 2), ("p", 1), ("p", 0), ("p", 299)):
        keyboard.press(key)
        assert living.state()["point"]["row"] == row


def test_n_and_p_are_heard_in_capitals_and_go_on_from_the_last_row(visit):
    living = visit("digits", "p=r40")
    living.page.locator("#map").focus()
    for key, row in (
        *(("Shift+N", 41), ("N", 42), ("Shift+P", 41)),  # N is what Caps Lock gives
        *(("ArrowUp", -1), ("n", 42), ("ArrowLeft", -1), ("ArrowLeft", -1), ("P", 41)),
    ):
        living.page.keyboard.press(key)
        assert living.state()["point"]["row"] == row
    living.page.get_by_label("Component 1", exact=True).press("ArrowRight")
    living.page.locator("#map").press("n")
    assert living.state()["point"]["row"] == 42


@pytest.mark.parametrize("modifier", ["ctrlKey", "metaKey", "altKey"])
def test_the_keys_of_the_browser_are_left_to_it(visit, modifier):
    living = visit("digits", "p=r40")
    prevented = living.js(
        """(modifier) => ["p", "n", "ArrowLeft"].map((key) => {
          const event = new KeyboardEvent("keydown", { key, [modifier]: true, cancelable: true });
          return !document.getElementById("map").dispatchEvent(event);
        })""",
        modifier,
    )
    assert prevented == [False] * 3
    assert living.state()["point"]["row"] == 40


def test_a_slider_moves_its_component_alone(visit, made, rounded):
    living, page = visit("digits"), made("digits")
    model = rounded(page.models["AE"])
    before = living.state()["point"]["z"]
    slider = living.page.get_by_label("Component 3", exact=True)
    low, high = float(slider.get_attribute("min")), float(slider.get_attribute("max"))
    slider.press("ArrowRight")
    living.settle()
    after = living.state()["point"]["z"]
    assert after[2] == pytest.approx(before[2] + (high - low) / 50, abs=1e-3)
    assert after[:2] + after[3:] == before[:2] + before[3:]
    assert_decoded(living, page, model)
    box = slider.bounding_box()
    living.page.mouse.click(box["x"] + box["width"] - 3, box["y"] + box["height"] / 2)
    living.settle()
    assert living.state()["point"]["z"][2] > high - 0.1 * (high - low)
    assert_decoded(living, page, model)


@pytest.mark.parametrize("how", ["double-click", "0"])
def test_a_slider_goes_back_to_the_mean(visit, made, how):
    living, page = visit("digits"), made("digits")
    slider = living.page.get_by_label("Component 2", exact=True)
    if how == "0":
        slider.press("0")
    else:
        slider.dblclick()
    mean = page.models["AE"].transform(page.X)[:, 1].mean()
    assert living.state()["point"]["z"][1] == pytest.approx(mean, rel=1e-4, abs=1e-5)


def test_the_bars_are_the_shares_of_the_information(visit, made):
    living, page = visit("digits"), made("digits")
    shares = page.models["AE"].transform(page.X).var(axis=0)
    shown = [text.split()[0] for text in living.page.locator("#sliders .amount").all_inner_texts()]
    np.testing.assert_allclose(np.array(shown, float), 100 * shares / shares.sum(), atol=0.51)
    living.page.locator("#models button", has_text="VAE").click()
    mean, sigma = page.models["VAE"].posterior_of(page.X)
    kl = (0.5 * (sigma**2 + mean**2 - 1) - np.log(sigma)).mean(axis=0)
    shown = [text.split()[0] for text in living.page.locator("#sliders .amount").all_inner_texts()]
    np.testing.assert_allclose(np.array(shown, float), kl, rtol=0.06)


def test_dead_components_are_grey_and_explained(visit):
    living = visit("digits", "m=VAE")
    dead = living.js("Utsushi.page.models[1].dead")
    rows = living.page.locator("#sliders .slider")
    assert [("dead" in row.get_attribute("class").split()) for row in rows.all()] == dead
    assert living.page.locator("#dead-note").is_visible() == any(dead)
    living.js("() => { Utsushi.page.models[1].dead = Array(10).fill(true) }")
    living.change(language="en")
    assert living.page.locator("#dead-note").is_visible()
    assert living.page.locator("#sliders .dead").count() == 10


def test_components_can_be_the_axes_but_not_one_for_both(visit, made):
    living, page = visit("digits"), made("digits")
    projection = living.page.locator("#projection")
    across, up = living.page.locator("#axis-x"), living.page.locator("#axis-y")
    expect(across).to_be_hidden()
    projection.select_option("components")
    codes = page.models["AE"].transform(page.X)
    shares = codes.var(axis=0) / codes.var(axis=0).sum()
    largest = np.argsort(-shares)[:2]
    assert [across.input_value(), up.input_value()] == [str(h) for h in largest]
    text = across.locator("option").nth(2).inner_text()
    assert float(re.search(r"\(([\d.]+) %", text)[1]) == pytest.approx(100 * shares[2], abs=0.51)
    across.select_option("2")
    up.select_option("4")
    np.testing.assert_allclose(living.places(), codes[:, [2, 4]], rtol=1e-5, atol=1e-5)
    living.page.mouse.click(*living.on_map(codes[alone(living.places())[0], [2, 4]]))
    assert living.state()["point"]["row"] == alone(codes[:, [2, 4]])[0]
    up.select_option("2")
    assert across.input_value() != up.input_value() == "2"
    projection.select_option("pc")
    expect(across).to_be_hidden()
    explained = sum(living.js("Utsushi.page.models[0].explained"))
    shown = projection.locator("option:checked").inner_text()
    assert float(re.search(r"(\d+) %", shown)[1]) == pytest.approx(100 * explained, abs=0.51)


def test_the_ellipses_are_the_posterior_in_the_units_of_the_axes(visit, made):
    living, page = visit("digits", "m=VAE&p=r0&x=2,4"), made("digits")
    _, sigma = page.models["VAE"].posterior_of(page.X[:1])
    # A sum of Gaussians along two units: the axes of the ellipse are those of the map.
    shown = living.js(
        """() => {
          const { logVariance } = Utsushi.walk.posterior();
          const { flat } = Utsushi.map.view();
          return [Utsushi.plane.ellipse(flat, logVariance), Utsushi.plane.project(
            flat, Utsushi.walk.posterior().mean)];
        }"""
    )
    radii = sorted(sigma[0, [2, 4]], reverse=True)
    np.testing.assert_allclose(shown[0]["radii"], radii, rtol=5e-3)
    np.testing.assert_allclose(
        shown[1], page.models["VAE"].transform(page.X[:1])[0, [2, 4]], atol=2e-3
    )


def test_the_switch_keeps_the_row_and_going_back_finds_the_point(visit, made, rounded):
    living, page = visit("digits", "p=r11"), made("digits")
    ae, vae = living.page.locator("#models button").all()
    vae.click()
    living.settle()
    assert living.state()["point"]["row"] == 11
    assert vae.get_attribute("aria-pressed") == "true"
    assert_decoded(living, page, rounded(page.models["VAE"]))
    ae.click()
    living.page.get_by_label("Component 1", exact=True).press("ArrowRight")
    living.settle()
    left = living.state()
    vae.click()
    living.settle()
    assert living.state()["point"]["row"] == -1
    # Of a free point, the code of what it decodes to.
    row = page.models["AE"].inverse_transform(np.array([left["point"]["z"]]))
    expected = page.models["VAE"].transform(row)[0]
    np.testing.assert_allclose(living.state()["point"]["z"], expected, atol=5e-3)
    ae.click()
    living.settle()
    assert living.state()["point"] == left["point"]
    assert living.state()["ends"] == left["ends"]


def test_a_row_is_shown_through_each_model(visit, made, rounded):
    living, page = visit("digits", "p=r4"), made("digits")
    names = living.page.locator("#through-models strong").all_inner_texts()
    assert names == ["Original", "AE", "VAE"]
    for index, name in enumerate(("AE", "VAE"), 1):
        copy = rounded(page.models[name]).reconstruct(page.X[4:5])[0]
        shown = living.pixels("#through-models canvas", index)
        assert np.abs(shown - page.bytes(copy)).max() <= 1


def test_a_conditional_decoder_is_told_the_class_that_is_picked(visit, made, rounded):
    living, page = visit("conditional"), made("conditional")
    model = rounded(page.models["CVAE"])
    assert_decoded(living, page, model, int(page.labels[0]))
    living.page.locator("#condition select").select_option("3")
    living.settle()
    assert_decoded(living, page, model, 3)
    assert re.search(r"&p=[^&;]*;3&", living.js("Utsushi.state.toHash(Utsushi.state.get())"))
