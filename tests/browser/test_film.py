"""The film of a training: scrubbed with the learning curve, and absent where none was recorded."""

import numpy as np
import pytest
from playwright.sync_api import expect


@pytest.fixture
def films(visit):
    def look(name="film", **how):
        living = visit(name, **how)
        living.page.locator("#curves").scroll_into_view_if_needed()
        living.settle()
        return living

    return look


def choose(living, index, epoch):
    slider = living.page.locator("#curves figure").nth(index).locator("input")
    slider.evaluate(
        """(input, epoch) => {
          input.value = epoch - 1;
          input.dispatchEvent(new Event("input"));
        }""",
        epoch,
    )
    living.settle()


def shown(living, index, row, cell):
    """Return the pixels of an original (row 0) or of a reconstruction (row 1)."""
    strip = living.page.locator("#curves figure").nth(index).locator(".film-strip").nth(row)
    return living.read(strip.locator("canvas").nth(cell).evaluate("c => c.toDataURL()"))[..., 0]


def test_without_a_film_there_is_the_curve_alone(films):
    living = films("digits")
    assert living.page.locator("#curves figure svg").count() == 2
    assert living.page.locator(".training-film").count() == 0


@pytest.mark.parametrize(("index", "name"), [(0, "AE"), (1, "VAE")])
def test_the_slider_of_the_curve_shows_codes_and_reconstructions_of_the_epoch(
    films, made, index, name
):
    living, film = films(), made("film").films[name]
    low, high = film.originals.min(), film.originals.max()
    maps = []
    for epoch in (1, 12, 30):
        choose(living, index, epoch)
        frame = film.epochs.index(epoch)
        for cell in (0, 7):
            for row, image in ((0, film.originals[cell]), (1, film.reconstructions[frame][cell])):
                expected = 255 * np.clip((image - low) / (high - low), 0, 1).reshape(8, 8)
                # Sixteen levels.
                assert np.abs(shown(living, index, row, cell) - expected).max() <= 255 / 30 + 1
        maps.append(living.pixels(".film-map", index))
    assert (maps[0] != maps[1]).any()
    assert (maps[1] != maps[2]).any()


def test_the_terms_of_the_loss_are_those_of_the_epoch(films, made):
    living, model = films(), made("film").models["VAE"]
    for epoch in (1, 30):
        choose(living, 1, epoch)
        terms = living.page.locator("#curves figure").nth(1).locator(".film-terms strong")
        row = model.history_[epoch - 1]
        values = [float(text.split()[0]) for text in terms.all_inner_texts()]
        assert values == pytest.approx([row["reconstruction"], row["kl"]], rel=1e-3)
    assert living.page.locator("#curves figure").first.locator(".film-terms strong").count() == 0


def test_the_film_plays_to_its_end_and_can_be_stopped(films):
    living = films(motion="no-preference")
    figure = living.page.locator("#curves figure").first
    button, slider = figure.locator("button"), figure.locator("input")
    button.click()
    expect(button).to_have_text("Pause")
    living.until("document.querySelector('#curves input').value > 5")
    button.click()
    expect(button).to_have_text("Play the film")
    stopped = slider.input_value()
    living.settle()
    assert slider.input_value() == stopped
    button.click()
    living.until("document.querySelector('#curves input').value > 5")
    choose(living, 0, 2)
    expect(button).to_have_text("Play the film")
    living.settle()
    assert slider.input_value() == "1"
    button.click()
    living.until("document.querySelector('#curves button').textContent === 'Play the film'")
    assert slider.input_value() == "29"


def test_of_an_epoch_that_was_not_recorded_the_one_before_is_shown(films):
    living = films()
    frames = living.js(
        "() => [1, 2, 7, 8, 9, 99].map((e) => Utsushi.film.frameAt({ epochs: [2, 8, 16] }, e))"
    )
    assert frames == [0, 0, 0, 1, 1, 2]


def test_where_motion_is_reduced_nothing_plays_by_itself(films):
    living = films(motion="reduce")
    expect(living.page.locator(".training-film button").first).to_be_hidden()
