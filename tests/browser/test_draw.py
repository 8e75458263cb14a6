"""Draw: by mouse, finger and keyboard, from a file, and for a table by numbers."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from playwright.sync_api import expect

COLUMNS = ["length", "width", "height", "weight", "age"]


def image_file(array, name="image.png"):
    stream = io.BytesIO()
    Image.fromarray(array).save(stream, "png")
    return {"name": name, "mimeType": "image/png", "buffer": stream.getvalue()}


def seven():
    """A large dark seven on white paper, far from the middle."""
    paper = np.full((200, 300), 255, dtype=np.uint8)
    paper[20:30, 200:260] = 0
    for step in range(100):
        x = 250 - step // 3
        paper[30 + step, x : x + 10] = 0
    return paper


def given_row(living, n_features=784):
    """Return what the model was given: the code's row, read from the small picture."""
    return (living.pixels("#draw-seen canvas")[..., 0] / 255).reshape(1, n_features)


def draw(living, corners):
    pad = living.page.locator("#pad")
    pad.scroll_into_view_if_needed()
    box = pad.bounding_box()
    mouse = living.page.mouse
    for i, (x, y) in enumerate(corners):
        mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
        if i == 0:
            mouse.down()
    mouse.up()
    living.settle()


SEVEN = [(0.05, 0.1), (0.35, 0.1), (0.2, 0.55)]


def assert_as_python_says(living, model, row):
    """The code on the map, the numbers and the pictures are of this row."""
    code = model.transform(row)[0]
    np.testing.assert_allclose(living.state()["point"]["z"], code, atol=0.02)
    texts = living.page.locator("#draw-numbers dd").all_inner_texts()
    error = np.square(row - model.reconstruct(row)).sum()
    assert float(texts[0].split()[0]) == pytest.approx(error, rel=0.02)
    if len(texts) == 3:
        mean, sigma = model.posterior_of(row)
        kl = (0.5 * (sigma**2 + mean**2 - 1) - np.log(sigma)).sum()
        assert float(texts[1].split()[0]) == pytest.approx(kl, rel=0.02)


@pytest.mark.parametrize("name", ["AE", "VAE"])
def test_a_stroke_of_the_mouse_is_centred_and_scaled_as_mnist_and_measured(visit, made, name):
    living, page = visit("digits", f"m={name}&v=draw"), made("digits")
    assert living.page.locator("#draw-result").is_hidden()
    draw(living, SEVEN)
    row = given_row(living)
    image = row.reshape(28, 28)
    rows, columns = np.nonzero(image > 0.05)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20)
    for axis in (0, 1):
        centre = (image.sum(axis=1 - axis) * np.arange(28)).sum() / image.sum()
        assert centre == pytest.approx(14, abs=0.6)
    assert_as_python_says(living, page.models[name], row)
    copy = page.models[name].reconstruct(row)[0]
    assert np.abs(living.pixels("#draw-copy canvas") - page.bytes(copy)).max() <= 3
    assert len(np.unique(living.pixels("#draw-difference canvas").reshape(-1, 3), axis=0)) > 10
    before = living.state()["point"]
    draw(living, [(0.6, 0.6), (0.9, 0.9)])
    assert living.state()["point"]["z"] != before["z"]


def test_the_pointer_draws_only_while_it_is_down(visit):
    living = visit("digits", "v=draw")
    draw(living, SEVEN)
    before = living.pixels("#pad")
    box = living.page.locator("#pad").bounding_box()
    living.page.mouse.move(box["x"] + 200, box["y"] + 200, steps=5)
    living.settle()
    np.testing.assert_array_equal(living.pixels("#pad"), before)


def test_clearing_leaves_an_empty_pad(visit):
    living = visit("digits", "v=draw")
    draw(living, SEVEN)
    assert living.pixels("#pad").any()
    living.page.locator("#clear").click()
    assert not living.pixels("#pad").any()
    assert living.page.locator("#draw-result").is_hidden()
    assert living.page.locator("#draw-empty").is_visible()


def test_a_finger_draws_on_the_pad_and_scrolls_the_page_elsewhere(visit):
    living = visit("digits", "v=draw", size=(400, 600), touch=True)
    session = living.page.context.new_cdp_session(living.page)

    def swipe(selector, across=0.5):
        """Move a finger up over an element, and tell how far the page went along."""
        living.page.locator(selector).evaluate("e => e.scrollIntoView({ block: 'center' })")
        living.settle()
        box = living.page.locator(selector).bounding_box()
        x, y = box["x"] + across * box["width"], box["y"] + 0.8 * box["height"]
        start = living.js("scrollY")
        for kind, up in [("touchStart", 0), *(("touchMove", 12 * i) for i in range(1, 11))]:
            points = [{"x": x, "y": y - up}]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        living.settle()
        return living.js("scrollY") - start

    assert swipe("#pad") == 0
    assert (living.pixels("#pad")[:, 140, 0] > 128).sum() > 80
    assert living.page.locator("#draw-result").is_visible()
    assert swipe("#map", 0.03) > 30  # beside the points, which a finger drags
    assert swipe("#map-card h2") > 30


def test_the_keyboard_draws(visit):
    living = visit("digits", "v=draw")
    living.page.locator("#pad").focus()
    for key in ["ArrowUp"] * 5:
        living.page.keyboard.press(key)
    assert not living.pixels("#pad").any()
    for key in [" ", *["ArrowDown"] * 10, *["ArrowRight"] * 4, " ", *["ArrowLeft"] * 9]:
        living.page.keyboard.press(key)
    living.settle()
    ink = living.pixels("#pad")[..., 0] > 128
    assert ink[100:180, 140].all()
    assert ink[180, 140:172].all()
    assert not ink[:, :120].any()
    assert living.page.locator("#draw-result").is_visible()


@pytest.mark.parametrize("how", ["chosen", "dropped"])
def test_an_image_file_is_read_with_dark_ink_on_light_paper(visit, made, how):
    living, page = visit("digits", "v=draw"), made("digits")
    file = image_file(seven())
    if how == "chosen":
        living.page.locator("#file").set_input_files(file)
    else:
        drop(living, file)
    living.page.wait_for_selector("#draw-result:not([hidden])")
    living.settle()
    row = given_row(living)
    image = row.reshape(28, 28)
    assert image[4:6].sum(axis=1).max() > image[20:22].sum(axis=1).max() > 0
    assert image[:, :3].sum() == 0
    assert_as_python_says(living, page.models["AE"], row)


def drop(living, file):
    living.page.evaluate(
        """([name, type, bytes]) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([new Uint8Array(bytes)], name, { type }));
          const pad = document.getElementById("pad");
          for (const kind of ["dragover", "drop"]) {
            const event = new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true });
            // A browser that may go on opens the file in the page's place.
            if (pad.dispatchEvent(event)) throw new Error(`${kind} was left to the browser`);
          }
        }""",
        [file["name"], file["mimeType"], list(file["buffer"])],
    )


@pytest.mark.parametrize("how", ["chosen", "dropped"])
def test_a_file_that_is_no_image_is_named_and_changes_nothing(visit, how):
    living = visit("digits", "v=draw")
    draw(living, SEVEN)
    before = living.state()["point"], living.pixels("#pad")
    name = "<img src=x onerror=alert(1)>.png"
    file = {"name": name, "mimeType": "image/png", "buffer": b"no image"}
    if how == "chosen":
        living.page.locator("#file").set_input_files(file)
    else:
        drop(living, file)
    problem = living.page.locator("#draw-problem")
    expect(problem).to_have_text(
        f"“{name}” could not be read as an image; choose a PNG, JPEG or WebP file."
    )
    expect(problem).to_have_role("alert")
    assert living.state()["point"] == before[0]
    np.testing.assert_array_equal(living.pixels("#pad"), before[1])
    living.page.locator("#file").set_input_files(image_file(seven()))
    expect(problem).to_be_empty()


def test_an_image_in_colour_keeps_its_colours(visit, made):
    living, page = visit("colour", "v=draw"), made("colour")
    halves = np.zeros((12, 10, 3), dtype=np.uint8)
    halves[:6, :, 0], halves[6:, :, 2] = 255, 255
    living.page.locator("#file").set_input_files(
        image_file(np.kron(halves, np.ones((8, 8, 1), "u1")))
    )
    living.page.wait_for_selector("#draw-result:not([hidden])")
    living.settle()
    seen = living.pixels("#draw-seen canvas")
    assert np.abs(seen[:5] - [255, 0, 0]).max() <= 8
    assert np.abs(seen[7:] - [0, 0, 255]).max() <= 8
    low, high = page.X.min(), page.X.max()
    row = np.moveaxis(low + (high - low) * seen / 255, -1, 0).reshape(1, -1).astype(np.float32)
    assert_as_python_says(living, page.models["Conv"], row)
    living.page.locator("#pen-colour input").fill("#00ff00")
    draw(living, [(0.1, 0.1), (0.3, 0.1)])
    assert (living.pixels("#pad")[..., 1] > 200).any()


def test_a_model_that_is_switched_to_is_given_the_same_drawing(visit, made):
    living, page = visit("digits", "m=AE&v=draw"), made("digits")
    draw(living, SEVEN)
    living.page.locator("#models button", has_text="VAE").click()
    living.settle()
    assert_as_python_says(living, page.models["VAE"], given_row(living))


def test_a_table_is_given_by_numbers(visit, made):
    living, page = visit("table"), made("table")
    living.view("draw")
    field = living.page.get_by_label("weight", exact=True)
    assert float(field.input_value()) == pytest.approx(page.X[0, 3], rel=1e-5)
    field.fill("4.5")
    living.settle()
    row = page.X[:1].copy()
    row[0, 3] = 4.5
    code = page.models["Table"].transform(pd.DataFrame(row, columns=COLUMNS))[0]
    np.testing.assert_allclose(living.state()["point"]["z"], code, atol=5e-3)
    field.fill("")
    living.settle()
    np.testing.assert_allclose(living.state()["point"]["z"], code, atol=5e-3)


# --- what it looks like, and the address ----------------------------------------------------------


def nearest_rows(model, X, row):
    """Return the seven samples with the nearest codes, the nearest first."""
    distances = np.square(model.transform(X) - model.transform(row)).sum(axis=1)
    return np.argsort(distances, kind="stable")[:7]


def test_each_model_says_what_the_drawing_looks_like_and_shows_the_nearest_samples(visit, made):
    living, page = visit("digits", "v=draw"), made("digits")
    draw(living, SEVEN)
    row = given_row(living)
    blocks = living.page.locator("#draw-nearest > div")
    assert blocks.count() == 2
    for index, (name, model) in enumerate(page.models.items()):
        block = blocks.nth(index)
        rows = nearest_rows(model, page.X, row)
        labels, counts = np.unique(page.labels[rows], return_counts=True)
        text = block.locator(".verdict").inner_text()
        assert text.startswith(f"{name} Looks like ")
        assert int(text.split("Looks like ")[1][0]) in labels[counts == counts.max()]
        assert f": {counts.max()} of the 7 test samples" in text
        pictures = block.locator("canvas")
        assert pictures.count() == 8
        copy, *samples = [
            living.read(pictures.nth(i).evaluate("c => c.toDataURL()")) for i in range(8)
        ]
        assert np.abs(copy - page.bytes(model.reconstruct(row)[0])).max() <= 3
        # The input in the page is rounded, which can swap two samples.
        same = [
            (shown == page.bytes(page.X[each])).all()
            for shown, each in zip(samples, rows, strict=True)
        ]
        assert sum(same) >= 5


def test_without_classes_the_nearest_samples_are_shown(visit):
    living = visit("colour", "v=draw")
    draw(living, SEVEN)
    expect(living.page.locator(".verdict")).to_have_text(
        "The 7 test samples with the nearest codes."
    )
    assert living.page.locator("#draw-nearest canvas").count() == 7


def test_of_equally_frequent_classes_the_nearer_is_said(visit):
    verdict = visit("digits").js(
        """() => {
          const { labels } = Utsushi.page.test;
          const of = (label) => labels.indexOf(label);
          return Utsushi.nearest.verdict([of(3), of(5), of(5), of(3)]);
        }"""
    )
    assert verdict == {"name": "3", "count": 2}


@pytest.mark.parametrize("name", ["digits", "colour"])
def test_a_link_restores_a_drawing_pixel_for_pixel(visit, name):
    living = visit(name, "v=draw")
    if name == "colour":
        living.page.locator("#pen-colour input").fill("#20c0ff")
    draw(living, SEVEN)
    draw(living, [(0.6, 0.6), (0.9, 0.9)])
    living.until("location.hash.includes('&d=')")
    pad, seen = living.pixels("#pad"), living.pixels("#draw-seen canvas")
    assert pad.any()
    hash_ = living.js("location.hash.slice(1)")
    other = visit(name, hash_)
    other.page.wait_for_selector("#draw-result:not([hidden])")
    np.testing.assert_array_equal(other.pixels("#pad"), pad)
    np.testing.assert_array_equal(other.pixels("#draw-seen canvas"), seen)


def test_back_takes_a_stroke_away_and_a_cleared_pad_leaves_the_address(visit):
    living = visit("digits", "v=draw")
    draw(living, SEVEN)
    first = living.pixels("#pad")
    draw(living, [(0.6, 0.6), (0.9, 0.9)])
    assert (living.pixels("#pad") != first).any()
    living.page.go_back()
    living.settle()
    np.testing.assert_array_equal(living.pixels("#pad"), first)
    living.page.locator("#clear").click()
    living.settle()
    assert "&d=" not in living.js("location.hash")


@pytest.mark.parametrize("text", ["zz", "000", "00!0", "ff0000-", "0000..0000", "GG00"])
def test_a_drawing_that_is_none_is_left_out(visit, text):
    living = visit("digits", f"v=draw&d={text}")
    assert living.js("text => Utsushi.strokes.read(text)", text) is None
    assert living.state()["drawing"] == ""
    assert not living.pixels("#pad").any()


def test_a_very_long_drawing_is_not_kept_in_the_address(visit):
    texts = visit("digits").js(
        """() => [1000, 2000].map((count) => Utsushi.strokes.write(
          [{ colour: null, points: Array.from({ length: count }, (_, i) => [i % 280, 7]) }]))"""
    )
    assert len(texts[0]) == 4000
    assert texts[1] == ""


def test_small_digits_are_centred_and_scaled_too(visit, made):
    living, page = visit("film", "v=draw"), made("film")
    draw(living, [(0.3, 0.2), (0.8, 0.2), (0.5, 0.85)])
    image = given_row(living, 64).reshape(8, 8)
    lines, columns = np.nonzero(image > 0.1)
    assert max(np.ptp(lines), np.ptp(columns)) + 1 == 8
    # It is as high as the image, and so is only moved sideways.
    centre = (image.sum(axis=0) * np.arange(8)).sum() / image.sum()
    typical = (page.X.reshape(-1, 8, 8).sum(axis=1) @ np.arange(8) / page.X.sum(axis=1)).mean()
    assert centre == pytest.approx(typical, abs=0.8)
    # The pen is as wide as the lines of the samples are.
    ink = (page.X > 0.1).sum(axis=1)
    assert 0.5 * np.quantile(ink, 0.05) < (image > 0.1).sum() < np.quantile(ink, 0.95)
