"""A page of a model with a learned prior, and one of a model with a codebook."""

import re

import numpy as np
import pytest

#: Counts the dashed circles that are drawn: those of N(0, I).
CIRCLES = """
  globalThis.circles = 0;
  const arc = CanvasRenderingContext2D.prototype.arc;
  CanvasRenderingContext2D.prototype.arc = function (...given) {
    if (this.getLineDash().length) globalThis.circles++;
    return arc.apply(this, given);
  };
"""


def rows_of_the_page(living, expression, width):
    return living.numbers(expression).reshape(-1, width)


def test_codes_from_a_codebook_are_those_of_the_model(visit, made):
    living, page = visit("parts", "m=VQ"), made("parts")
    model = page.models["VQ"]
    codes = rows_of_the_page(living, "() => Utsushi.page.models[1].codes", 4)
    np.testing.assert_array_equal(codes, model.transform(page.X))
    codebook = model.module_.bottleneck.codebook.detach().numpy()
    distances = np.abs(codes.reshape(-1, 1, 2) - codebook).max(axis=2)
    np.testing.assert_array_equal(distances.min(axis=1), 0)
    encoded = living.numbers(
        "async (rows) => (await Utsushi.page.models[1].encode(fromPython(rows), 200)).mean",
        page.X.astype(np.float32),
    )
    np.testing.assert_array_equal(encoded.reshape(-1, 4), codes)
    copies = living.numbers(
        "(codes) => Utsushi.page.models[1].decode(fromPython(codes), 200)", codes
    )
    np.testing.assert_allclose(copies.reshape(200, -1), model.reconstruct(page.X), atol=2e-3)


def test_samples_of_a_learned_prior_are_those_of_the_model(visit, made):
    living, model = visit("parts", "m=Vamp&v=generate"), made("parts").models["Vamp"]
    assert "sampler drew" in living.page.locator("#sampler").inner_text()
    codes = rows_of_the_page(living, "() => Utsushi.page.models[0].sampler.codes", 4)
    samples = living.numbers(
        "(codes) => Utsushi.page.models[0].decode(fromPython(codes), 500)", codes
    )
    expected = model.sample(500, random_state=0)
    np.testing.assert_allclose(samples.reshape(500, -1), expected, atol=2e-3)
    drawn = living.numbers(
        """() => {
          const next = Utsushi.random.uniform(0);
          const [model] = Utsushi.page.models;
          const draw = () => Array.from(Utsushi.random.drawCode(model, next).z);
          return Array.from({ length: 50 }, draw).flat();
        }"""
    )
    distances = np.abs(drawn.reshape(50, 1, 4) - codes).max(axis=2)
    assert distances.min(axis=1).max() < 1e-5


@pytest.mark.parametrize("name", ["Vamp", "VQ"])
def test_the_bars_are_shares_of_the_variance(visit, made, name):
    living, page = visit("parts", f"m={name}"), made("parts")
    shares = page.models[name].transform(page.X).var(axis=0, dtype=float)
    shown = living.page.locator("#sliders .amount").all_inner_texts()
    assert all(re.fullmatch(r"\d+ ?%", text) for text in shown)
    found = np.array([text.rstrip(" %") for text in shown], float)
    np.testing.assert_allclose(found, 100 * shares / shares.sum(), atol=0.51)
    assert "variance" in living.page.locator("#information").inner_text()


def test_the_numbers_of_a_row_are_those_of_python(visit, made):
    living, page = visit("parts", "m=Vamp&p=r7"), made("parts")
    model = page.models["Vamp"]
    _, shown_kl, rank = living.page.locator("#walk-numbers dd").all_inner_texts()
    # An upper bound, against the mean over draws.
    kl = model.divergence(page.X[7:8]).sum()
    assert float(shown_kl.split()[0]) == pytest.approx(kl, rel=0.15)
    scores = -model.mean_code_score(page.X)
    assert float(rank.split()[0]) == pytest.approx(100 * (scores < scores[7]).mean(), abs=1)


def test_nothing_of_a_standard_normal_is_shown_of_a_learned_prior(visit, made):
    living, model = visit("parts", "m=Vamp&x=pc", script=CIRCLES), made("parts").models["Vamp"]
    assert living.js("circles") == 0
    codes = model.transform(made("parts").X)
    slider = living.page.get_by_label("Component 1", exact=True)
    assert float(slider.get_attribute("min")) == pytest.approx(codes[:, 0].min(), abs=1e-4)
    assert float(slider.get_attribute("max")) == pytest.approx(codes[:, 0].max(), abs=1e-4)
    living.view("interpolate")
    assert living.page.locator("#paths").is_hidden()


def test_a_standard_normal_is_shown_where_it_is_the_prior(visit):
    living = visit("digits", "m=VAE&x=pc", script=CIRCLES)
    assert living.js("circles") > 0
    living.view("interpolate")
    assert living.page.locator("#paths").is_visible()


@pytest.mark.parametrize("size", [(390, 844), (1440, 900)])
def test_the_numbers_of_the_curves_are_whole(visit, size):
    living = visit("parts", size=size)
    outside = living.js(
        """() => [...document.querySelectorAll("#curves svg")].flatMap((chart) => {
          const { width, height } = chart.viewBox.baseVal;
          return [...chart.querySelectorAll("text")].filter((text) => {
            const { x, y, width: w, height: h } = text.getBBox();
            return x < 0 || y < 0 || x + w > width || y + h > height;
          }).map((text) => text.textContent);
        })"""
    )
    assert outside == []


def test_what_a_component_without_variance_is_called(visit):
    living = visit("parts", "m=VQ")
    living.js("() => { Utsushi.page.models[1].dead = [true, false, false, false] }")
    living.change(language="en")
    assert "the same value" in living.page.locator("#dead-note").inner_text()
    living.change(language="ja")
    assert "同じ値" in living.page.locator("#dead-note").inner_text()
