"""Inside the model: the loss, the posterior, the traversal and the activations of a sample."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect

from utsushi.report.embedded_samples import Sample
from utsushi.report.model import anomaly_scores

STEPS = np.arange(-2, 2.1, 0.5)


@pytest.fixture
def inside(visit):
    """Open a page at a sample of a model, with the cards in view."""

    def look(name, model, row=0, **how):
        living = visit(name, f"m={model}&p=r{row}", **how)
        living.page.locator("#inside").scroll_into_view_if_needed()
        living.page.wait_for_selector("#traversal .traverse:not(.head)")
        settle(living)
        return living

    return look


def settle(living):
    """Wait until the last row of the traversal is decoded."""
    living.js(
        """async () => {
          await new Promise((resolve) => setTimeout(resolve, 300));
          for (let i = 0; i < 30; i++) await new Promise(requestAnimationFrame);
        }"""
    )


def number(text):
    return float(text.replace(",", "").split()[0])


def row_of(living, component):
    """Return the row of a component in the traversal."""
    rows = living.page.locator("#traversal .traverse:not(.head)")
    return rows.filter(has=living.page.get_by_text(f"z{component + 1}", exact=True))


# --- the loss -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["digits", "film", "conditional", "table"])
def test_the_terms_add_up_to_the_score_of_the_library(inside, made, name):
    page = made(name)
    first = next(iter(page.models))
    living = inside(name, first, row=3)
    losses = living.page.locator("#losses .loss-model")
    assert losses.count() == len(page.models)
    labels = None if page.labels is None else page.labels[3:4]
    for index, (model_name, model) in enumerate(page.models.items()):
        block = losses.nth(index)
        assert block.locator("strong").inner_text() == model_name
        amounts = block.locator(".amount").all_inner_texts()
        names = living.js("i => Object.keys(Utsushi.page.models[i].meanTerms)", index)
        row = page.X[3:4]
        if hasattr(model, "feature_names_in_"):
            row = living_frame(model, row)
        [score] = anomaly_scores(model, Sample.of(page.X[3:4], row, labels))
        if names == ["error"]:
            assert [number(text) for text in amounts] == [pytest.approx(score, rel=0.01)]
            continue
        constant = living.js("i => Utsushi.page.models[i].constant", index)
        assert names == ["reconstruction", "kl"]
        assert sum(map(number, amounts)) + constant == pytest.approx(score, rel=0.01, abs=0.02)
        mean, sigma = model.posterior_of(row)
        kl = (0.5 * (sigma**2 + mean**2 - 1) - np.log(sigma)).sum()
        assert number(amounts[1]) == pytest.approx(kl, rel=0.01)


def living_frame(model, row):
    import pandas as pd

    return pd.DataFrame(row, columns=model.feature_names_in_)


def test_the_mean_terms_are_those_of_the_samples_of_the_map(inside, made):
    page = made("film")
    living, model = inside("film", "VAE"), made("film").models["VAE"]
    terms = living.js("Utsushi.page.models[1].meanTerms")
    mean, sigma = model.posterior_of(page.X)
    kl = (0.5 * (sigma**2 + mean**2 - 1) - np.log(sigma)).sum(axis=1).mean()
    score = anomaly_scores(model, Sample.of(page.X, page.X, None)).mean()
    constant = 64 * (np.log(model.likelihood_.sigma_) + 0.5 * np.log(2 * np.pi))
    constant += model.scaling_.log_volume
    assert terms["kl"] == pytest.approx(kl, rel=1e-3)
    assert terms["reconstruction"] == pytest.approx(score - kl - constant, rel=1e-3)


# --- the posterior --------------------------------------------------------------------------------


def test_twenty_codes_are_drawn_from_the_posterior_and_decoded(inside, made):
    page = made("film")
    living, model = inside("film", "VAE", row=5), page.models["VAE"]
    mean, sigma = (values[0] for values in model.posterior_of(page.X[5:6]))
    shown = living.js(
        """() => {
          const { codes, noise } = Utsushi.posterior.shown();
          return { codes: codes.map((z) => [...z]), noise };
        }"""
    )
    codes, noise = np.array(shown["codes"]), np.array(shown["noise"])
    assert codes.shape == (20, 8)
    np.testing.assert_allclose(codes, mean + sigma * noise, atol=1e-4)
    # 160 standard normal numbers: six standard errors.
    assert abs(noise.mean()) < 6 / np.sqrt(160)
    assert abs(noise.std() - 1) < 6 / np.sqrt(320)
    decoded = model.inverse_transform(codes[:20:19].astype(np.float32))
    for index, row in zip((0, 19), decoded, strict=True):
        picture = living.pixels("#posterior-draws canvas", index)
        assert np.abs(picture - page.bytes(row)).max() <= 3
    living.page.locator("#posterior-again").click()
    settle(living)
    again = np.array(living.js("Utsushi.posterior.shown().codes.map((z) => [...z])"))
    assert not np.allclose(again, codes)


def test_the_codes_fall_once_and_lie_still_where_motion_is_reduced(inside):
    living = inside("film", "VAE", motion="no-preference")
    living.page.locator("#posterior-again").click()
    assert living.js("Utsushi.posterior.isFalling()")
    living.until("!Utsushi.posterior.isFalling()")
    living = inside("film", "VAE", motion="reduce")
    living.page.locator("#posterior-again").click()
    assert not living.js("Utsushi.posterior.isFalling()")


def test_a_model_without_a_posterior_says_so(inside):
    living = inside("film", "AE")
    expect(living.page.locator("#posterior-none")).to_be_visible()
    expect(living.page.locator("#posterior-body")).to_be_hidden()
    living = inside("colour", "Conv")
    expect(living.page.locator("#posterior-card")).to_be_hidden()


# --- the traversal --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["AE", "VAE"])
def test_a_row_decodes_one_component_at_nine_values(inside, made, name):
    page = made("film")
    living, model = inside("film", name, row=7), page.models[name]
    code = model.transform(page.X[7:8])[0]
    codes = model.transform(page.X)
    component = living.js("i => Utsushi.page.models[i].byInformation[0]", int(name == "VAE"))
    middle, width = (
        (0, 1) if name == "VAE" else (codes[:, component].mean(), codes[:, component].std())
    )
    moved = np.tile(code, (9, 1))
    moved[:, component] = middle + STEPS * width
    for index, row in enumerate(model.inverse_transform(moved)):
        picture = row_of(living, component).locator("canvas").nth(index)
        shown = living.read(picture.evaluate("canvas => canvas.toDataURL()"))
        assert np.abs(shown - page.bytes(row)).max() <= 3


def test_a_dead_component_has_the_prior_as_its_posterior_and_changes_nothing(inside):
    living = inside("film", "VAE")
    dead = living.js("Utsushi.page.models[1].dead")
    assert 0 < sum(dead) < 8
    order = living.js("Utsushi.page.models[1].byInformation")
    living_component, dead_component = order[0], order[-1]
    assert dead[dead_component]

    def points(component, kind):
        text = row_of(living, component).locator(f"polyline.{kind}").get_attribute("points")
        return np.array([float(number) for number in re.findall(r"[\d.]+", text)])

    def spread(component):
        cells = row_of(living, component).locator("canvas")
        pictures = [
            living.read(cells.nth(index).evaluate("canvas => canvas.toDataURL()"))
            for index in (0, 8)
        ]
        return np.abs(pictures[0] - pictures[1]).mean()

    def apart(component):
        return np.abs(points(component, "posterior") - points(component, "prior")).max()

    assert apart(dead_component) < apart(living_component) / 2
    assert row_of(living, dead_component).locator(".amount").inner_text() == "dead"
    assert spread(dead_component) < spread(living_component) / 4


# --- the network ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "model", "sizes"),
    [("digits", "VAE", "784, 100, 10, 100, 784"), ("conditional", "CVAE", "64, 64, 2, 64, 64")],
)
def test_the_sample_flows_through_all_layers(inside, name, model, sizes):
    living = inside(name, model)
    label = living.page.locator("#flow").get_attribute("aria-label")
    assert label == f"Activations of the layers, which have {sizes} units"
    assert len(np.unique(living.pixels("#flow").reshape(-1, 3), axis=0)) > 10


@pytest.mark.parametrize("name", ["digits", "colour", "parts"])
def test_the_last_activation_is_what_the_network_gives(visit, name):
    living = visit(name)
    difference = living.js(
        """() => Utsushi.page.models.map((model) => {
          const x = model.scale(Utsushi.page.rowOf(Utsushi.page.test, 0), 1);
          const { trace, forward } = Utsushi.network;
          const activations = trace(model.layers.encoder, x);
          const y = forward(model.layers.encoder, x, 1);
          const last = activations[activations.length - 1].values;
          return Math.max(...y.map((value, i) => Math.abs(value - last[i])));
        })"""
    )
    assert difference == [0] * len(difference)


# --- which sample ---------------------------------------------------------------------------------


def test_the_buttons_go_from_sample_to_sample(inside, made):
    living = inside("film", "VAE", row=4)
    caption = living.page.locator("#inside-caption")
    labels = made("film").labels
    expect(caption).to_have_text(f"Test sample 4, of class {labels[4]}")
    living.page.locator("#inside-next").click()
    expect(caption).to_have_text(f"Test sample 5, of class {labels[5]}")
    for _ in range(2):
        living.page.locator("#inside-previous").click()
        settle(living)
    expect(caption).to_have_text(f"Test sample 3, of class {labels[3]}")
    assert living.state()["point"]["row"] == 3


def test_of_a_free_point_it_shows_what_the_point_decodes_to(inside, made):
    living, model = inside("film", "VAE"), made("film").models["VAE"]
    z = [0.5, -1, 0, 1, 0, 0, 2, 0]
    living.change(point={"z": z, "row": -1, "y": 0})
    settle(living)
    expect(living.page.locator("#inside-caption")).to_contain_text("What the point decodes to")
    decoded = model.inverse_transform(np.array([z], dtype=np.float32))[0]
    original = living.pixels("#loss-original canvas")
    assert np.abs(original - made("film").bytes(decoded)).max() <= 3
