"""Generate: seeded draws from the model's sampler, and the training row that each is nearest to."""

import re

import numpy as np
import pytest

PICTURES = """(selector) => Array.from(document.querySelectorAll(selector)).flatMap((canvas) =>
  Array.from(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data))"""


def made_rows(living):
    """Return the fifty pictures once all are decoded."""
    assert living.page.locator("#generated canvas").count() == 50
    for _ in range(5):  # five at a time, between two frames each
        living.settle()
    return living.numbers(PICTURES, "#generated canvas").reshape(50, -1)


@pytest.mark.parametrize("model", ["AE", "VAE"])
def test_a_seed_gives_the_same_fifty_each_time_and_another_seed_others(visit, model):
    living = visit("digits", f"m={model}&v=generate&s=7")
    first = made_rows(living)
    assert (first.std(axis=1) > 0).all()
    assert len(np.unique(first, axis=0)) == 50
    living.page.locator("#again").click()
    assert living.page.locator("#seed").input_value() == "8"
    assert (made_rows(living) != first).any(axis=1).all()
    living.page.locator("#seed").fill("7")
    living.page.locator("#seed").press("Enter")
    np.testing.assert_array_equal(made_rows(living), first)
    again = visit("digits", f"m={model}&v=generate&s=7")
    np.testing.assert_array_equal(made_rows(again), first)


def test_a_click_places_a_row_on_the_map_beside_its_nearest_training_row(visit, made, rounded):
    living, page = visit("digits", "m=VAE&v=generate&s=3"), made("digits")
    pictures = made_rows(living)
    before = living.pixels("#map")
    buttons = living.page.locator("#generated button")
    for index in (4, 31):
        buttons.nth(index).click()
        living.settle()
        state = living.state()
        assert state["chosen"] == index
        assert buttons.nth(index).get_attribute("aria-pressed") == "true"
        row = rounded(page.models["VAE"]).inverse_transform(np.array([state["point"]["z"]]))[0]
        assert np.abs(living.pixels("#generated-one canvas") - page.bytes(row)).max() <= 1
        np.testing.assert_array_equal(
            living.pixels("#generated-one canvas")[..., 0],
            pictures[index].reshape(28, 28, 4)[..., 0],
        )
        distances = np.linalg.norm(page.X_train - row, axis=1)
        nearest = page.bytes(page.X_train[distances.argmin()])
        np.testing.assert_array_equal(living.pixels("#generated-nearest canvas"), nearest)
        sentence = living.page.locator("#generated-sentence").inner_text()
        shown = float(re.match(r"Distance (\d+\.\d+)", sentence)[1])
        assert shown == pytest.approx(distances.min(), rel=5e-3)
        assert "800 training samples in this page (of 800)" in sentence
    assert (living.pixels("#map") != before).any()
    assert [b.get_attribute("aria-pressed") for b in buttons.all()].count("true") == 1


def test_what_is_usual_of_test_rows_is_their_distance_to_the_training_rows(visit, made):
    living, page = visit("digits", "m=VAE&v=generate&c=0"), made("digits")
    made_rows(living)
    distances = [np.linalg.norm(page.X_train - row, axis=1).min() for row in page.X]
    sentence = living.page.locator("#generated-sentence").inner_text()
    typical = float(re.search(r"\) is ([\d.]+):", sentence)[1])
    assert typical == pytest.approx(np.median(distances), rel=5e-3)
    assert "not memorized" in sentence


def test_a_training_row_itself_would_be_called_a_copy(visit, made):
    living = visit("digits", "m=VAE&v=generate")
    made_rows(living)
    found = living.js(
        """() => {
          const { page } = Utsushi;
          return page.nearestTraining(page.rowOf(page.train, 41));
        }"""
    )
    assert found == {"row": 41, "distance": 0}
    living.js("() => { Utsushi.page.nearestTraining = () => ({ row: 41, distance: 0.01 }) }")
    living.page.locator("#generated button").first.click()
    assert "this sample may be memorized" in living.page.locator("#generated-sentence").inner_text()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("digits", "mixture of"),
        ("table", "Gaussian that was fitted"),
        ("conditional", "prior N(0, I)"),
    ],
)
def test_the_sampler_is_named(visit, name, words):
    living = visit(name, "v=generate")
    assert words in living.page.locator("#sampler").inner_text()
    assert living.page.locator("#generated button").count() == 50


def test_a_page_without_training_rows_places_a_row_without_a_neighbour(visit, made):
    living = visit("conditional", "v=generate&s=1")
    made_rows(living)
    living.js("() => { Object.defineProperty(Utsushi.page, 'train', { value: null }) }")
    living.page.locator("#generated button").nth(9).click()
    living.settle()
    assert living.state()["chosen"] == 9
    assert living.page.locator("#generated-one canvas").is_visible()


def test_another_model_generates_its_own(visit):
    living = visit("digits", "m=VAE&v=generate&s=7")
    first = made_rows(living)
    living.page.locator("#models button", has_text=re.compile("^AE$")).click()
    assert (made_rows(living) != first).any(axis=1).all()


@pytest.mark.parametrize("name", ["prior", "gaussian", "mixture", "drawn"])
def test_a_sampler_draws_codes_as_the_library_does(visit, name):
    rng = np.random.default_rng(0)
    means, factors = rng.normal(size=(2, 3)), rng.normal(size=(2, 3, 3))
    weights, stored = np.array([0.25, 0.75]), rng.normal(size=(500, 3))
    sampler = {
        "prior": {"temperature": 0.5},
        "gaussian": {"mean": means[0].tolist(), "factor": factors[0].ravel().tolist()},
        "mixture": {
            "weights": weights.tolist(),
            "means": means.ravel().tolist(),
            "factors": factors.ravel().tolist(),
            "temperature": 0.5,
        },
        "drawn": {"codes": stored.ravel().tolist()},
    }[name]
    spread = factors @ factors.transpose(0, 2, 1)
    mean = weights @ means
    between = (means - mean).T @ np.diag(weights) @ (means - mean)
    expected = {
        "prior": (np.zeros(3), 0.25 * np.eye(3)),
        "gaussian": (means[0], spread[0]),
        "mixture": (mean, 0.25 * np.tensordot(weights, spread, 1) + between),
        "drawn": (stored.mean(0), np.cov(stored.T, bias=True)),
    }[name]
    found = (
        visit("conditional")
        .numbers(
            """(sampler, kind) => {
          if (sampler.codes) sampler.codes = Object.assign(sampler.codes, { shape: [500, 3] });
          const model = { n_components: 3, sampler: { ...sampler, kind } };
          const next = Utsushi.random.uniform(7);
          return Array.from({ length: 30000 }, () => Utsushi.random.drawCode(model, next).z).flat();
        }""",
            sampler,
            name,
        )
        .reshape(-1, 3)
    )
    largest = np.abs(expected[1]).max()
    np.testing.assert_allclose(found.mean(0), expected[0], atol=0.03 * np.sqrt(largest))
    np.testing.assert_allclose(np.cov(found.T), expected[1], atol=0.05 * largest)
