"""Pages of tables: what they compute, and what they show of a row, in words for tables."""

import re

import numpy as np
import pandas as pd
import pytest
import torch
from playwright.sync_api import expect

VIEWS = ("walk", "interpolate", "draw", "generate")

#: Measures the first rows of the page with a model; numbers of one row after the other.
MEASURE = """async (index, count) => {
  const { page } = Utsushi;
  const said = [];
  for (let row = 0; row < count; row++) {
    const m = await page.models[index].measure(page.rowOf(page.test, row));
    said.push(m.kl ?? -1, m.score, ...m.code, ...m.reconstruction, ...m.contributions);
  }
  return said;
}"""


def measured(living, index, count, n_components):
    """Return divergences, scores, codes, reconstructions and contributions of rows."""
    found = living.numbers(MEASURE, index, count).reshape(count, -1).astype(float)
    n_columns = (found.shape[1] - 2 - n_components) // 2
    ends = np.cumsum([1, 1, n_components, n_columns])
    kl, score, code, copy, contributions = np.split(found, ends, axis=1)
    return kl[:, 0], score[:, 0], code, copy, contributions


def cells(living, selector):
    """Return the texts of the lines of a view: a list for each column of the table."""
    rows = living.page.locator(f"{selector} tbody tr").all()
    return [[cell.inner_text() for cell in row.locator("th, td.number").all()] for row in rows]


# --- a TableAutoencoder ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def people(made):
    return made("people").models["Table"], made("people").X


def as_values(frame, model):
    """Return what a page holds of a table, (n, C)."""
    values = []
    for column in model.codec_.encoded:
        of = frame[column.name]
        if column.kind == "category":
            place = {value: i for i, value in enumerate(column.categories)}
            rare = len(column.categories)
            values.append([np.nan if pd.isna(v) else place.get(v, rare) for v in of])
        elif column.kind == "datetime":
            values.append(of.astype("datetime64[s]").astype("int64"))
        else:
            values.append(of.astype(float))
    return np.array(values, dtype=float).T


def test_a_row_is_encoded_decoded_and_scored_as_python_does(visit, people):
    living, (model, frame) = visit("people"), people
    kl, score, code, copy, contributions = measured(living, 0, 100, 3)
    np.testing.assert_allclose(code, model.transform(frame), atol=2e-4)
    expected = as_values(model.reconstruct(frame), model)
    decimal = [column.name != "visits" for column in model.codec_.encoded]  # a mean, not rounded
    np.testing.assert_allclose(copy[:, decimal], expected[:, decimal], rtol=1e-6, atol=1e-2)
    np.testing.assert_allclose(np.abs(copy - expected)[:, 4], 0, atol=0.51)  # rounded
    inner, features = model.autoencoder_, model._encode(frame)
    np.testing.assert_allclose(score, -inner.mean_code_score(features), rtol=1e-3)
    np.testing.assert_allclose(kl, inner.divergence(features).sum(axis=1), rtol=1e-3, atol=1e-4)
    known = ~np.isnan(as_values(frame, model))
    assert (contributions >= -1e-6).all()
    # What a missing value adds is that it is missing.
    has_gaps = [column.has_gaps for column in model.codec_.encoded]
    assert (contributions[:, has_gaps][~known[:, has_gaps]] > 0).all()
    likelihood = inner.likelihood_
    output = torch.from_numpy(model._output(inner.posterior_of(features)[0]))
    x = torch.from_numpy(np.nan_to_num(features))
    terms = likelihood.log_prob_of_features(x, output, torch.from_numpy(~np.isnan(features)))
    sigma = likelihood.sigma(output).numpy()
    peaks = np.where(sigma > 0, -np.log(np.where(sigma > 0, sigma, 1) * np.sqrt(2 * np.pi)), 0)
    by_feature = np.where(np.isnan(features), 0, peaks) - terms.numpy()
    groups = likelihood.groups_of(features.shape[1])
    expected = np.stack([by_feature[:, groups == c].sum(axis=1) for c in range(7)], axis=1)
    np.testing.assert_allclose(contributions, expected, rtol=1e-3, atol=1e-3)


def test_drawn_rows_have_the_distributions_of_the_models_own(visit, people):
    living, (model, _) = visit("people"), people
    drawn = living.numbers(
        """async (count) => {
          const [model] = Utsushi.page.models;
          const next = Utsushi.random.uniform(3);
          const rows = [];
          for (let i = 0; i < count; i++) {
            const { z, y } = Utsushi.random.drawCode(model, next);
            rows.push(...(await model.generate(z, y, next)));
          }
          return rows;
        }""",
        2000,
    ).reshape(2000, -1)
    own = as_values(model.sample(4000, random_state=0), model)
    for c, column in enumerate(model.codec_.encoded):
        mine, theirs = drawn[:, c].astype(float), own[:, c]
        assert np.isnan(mine).mean() == pytest.approx(np.isnan(theirs).mean(), abs=0.05)
        mine, theirs = mine[~np.isnan(mine)], theirs[~np.isnan(theirs)]
        if column.kind in ("category", "truth"):
            shares = [(some[:, None] == range(100)).mean(axis=0) for some in (mine, theirs)]
            assert np.abs(shares[0] - shares[1]).sum() < 0.35
        else:
            spread = theirs.std()
            quantiles = [np.quantile(some, [0.1, 0.5, 0.9]) for some in (mine, theirs)]
            np.testing.assert_allclose(*quantiles, rtol=0, atol=0.25 * spread)
            assert theirs.min() >= mine.min() - spread


def test_a_row_is_shown_in_the_units_of_its_columns(visit, people):
    living, (model, frame) = visit("people", "p=r3"), people
    shown = {name: (value, copy) for name, value, copy, _ in cells(living, "#walk-decoded")}
    assert list(shown) == list(frame.columns)
    row, copy = frame.iloc[3], model.reconstruct(frame[3:4]).iloc[0]
    assert shown["age"] == (str(row["age"]), str(copy["age"]))
    assert shown["town"][0] == row["town"]
    assert re.fullmatch(rf"{copy['town']} \d+(\.\d)? %", shown["town"][1])
    assert shown["income"] == (f"{row['income']:,.2f}", f"{copy['income']:,.2f}")
    assert shown["member"][0] == str(row["member"]).lower()
    assert shown["since"][0] == str(row["since"].date())
    rare = {c.name: c.rare for c in model.codec_.encoded}["colour"]
    expected = "another (rare)" if row["colour"] in rare else row["colour"]
    assert shown["colour"][0] == expected
    missing = int(np.flatnonzero(frame["income"].isna())[0])
    living = visit("people", f"p=r{missing}")
    shown = {name: (value, copy) for name, value, copy, _ in cells(living, "#walk-decoded")}
    assert shown["income"][0] == "missing"
    filled = model.reconstruct(frame[missing : missing + 1])["income"].iloc[0]
    assert float(shown["income"][1].replace(",", "")) == pytest.approx(filled, abs=0.02)


def test_contributions_stand_beside_their_columns_and_sort_them(visit):
    living = visit("people", "p=r3")
    amounts = [float(texts[-1]) for texts in cells(living, "#walk-decoded")]
    found = living.js(
        "async () => Array.from((await Utsushi.page.models[0].measure("
        "Utsushi.page.rowOf(Utsushi.page.test, 3))).contributions)"
    )
    np.testing.assert_allclose(amounts, found, atol=0.006)
    living.page.locator("#walk-decoded button", has_text="Largest").click()
    in_order = [float(texts[-1]) for texts in cells(living, "#walk-decoded")]
    assert in_order == sorted(amounts, reverse=True) != amounts


def test_a_value_is_changed_by_slider_list_and_field(visit, people):
    living, (model, frame) = visit("people", "p=r3"), people
    living.view("draw")
    page, row = living.page, frame[3:4].copy()

    def check():
        living.settle()
        code = model.transform(row)[0]
        np.testing.assert_allclose(living.state()["point"]["z"], code, atol=2e-3)

    check()
    page.get_by_label("age", exact=True).fill("25")
    row["age"] = 25
    check()
    before = cells(living, "#draw-table")
    page.get_by_label("town", exact=True).select_option(label="Lima")
    row["town"] = "Lima"
    check()
    assert cells(living, "#draw-table") != before
    page.get_by_label("town", exact=True).select_option(label="missing")
    row["town"] = None
    check()
    page.get_by_label("income", exact=True).fill("")  # a gap, which this model takes
    row["income"] = np.nan
    check()
    page.get_by_label("since", exact=True).fill("2007-03-05")
    row["since"] = pd.Timestamp("2007-03-05")
    check()
    slider = page.get_by_label("age, slider")
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    row["age"] = int(page.get_by_label("age", exact=True).input_value())
    assert row["age"].iloc[0] > 25
    check()


def test_pressing_a_mark_edits_its_row(visit, people):
    living, (_, frame) = visit("people", "v=draw&p=r3"), people
    living.page.locator("#map").press("n")
    living.settle()
    field = living.page.get_by_label("age", exact=True)
    assert int(field.input_value()) == frame["age"].iloc[4]


def test_generated_rows_are_lines_of_a_table(visit, people):
    living, (_, frame) = visit("people", "v=generate&s=1"), people
    for _ in range(15):
        living.settle()
    heading = living.page.locator("#generated .heading > span").all_inner_texts()
    assert heading == list(frame.columns)
    rows = [
        button.locator(".values > span").all_inner_texts()
        for button in living.page.locator("#generated button").all()
    ]
    assert len(rows) == 50
    assert all(re.fullmatch(r"\d+", age) for age, *_ in rows)
    assert {town for _, town, *_ in rows} <= {"Kobe", "Lima", "Oslo", "missing"}
    living.page.locator("#generated button").nth(2).click()
    living.settle()
    lines = cells(living, "#generated-result")
    assert [value for _, value, _ in lines] == rows[2]
    assert "drawn from its distribution" in living.page.locator("#sampler").inner_text()
    assert "standard deviations" in living.page.locator("#generated-sentence").inner_text()


# --- other models of tables -----------------------------------------------------------------------


@pytest.mark.parametrize(("index", "name"), list(enumerate(["AE", "VAE", "Mixed"])))
def test_gaps_and_categories_of_a_schema_are_measured_as_python_does(visit, made, index, name):
    living, page = visit("gaps"), made("gaps")
    model, X = page.models[name], page.X
    kl, score, code, copy, contributions = measured(living, index, 50, 2)
    np.testing.assert_allclose(code, model.transform(X), atol=2e-4)
    copies = model.reconstruct(X)
    np.testing.assert_allclose(copy[:, :2], copies[:, :2], rtol=1e-4)
    np.testing.assert_array_equal(copy[:, 2], copies[:, 2:].argmax(axis=1))
    if name == "AE":
        scaled = model.scaling_.forward(X) - model.scaling_.forward(copies)
        errors = np.nan_to_num(scaled**2)
        np.testing.assert_allclose(score, -model.score_samples(X), rtol=1e-3)
        expected = np.column_stack([errors[:, :2], errors[:, 2:].sum(axis=1)])
        np.testing.assert_allclose(contributions, expected, rtol=1e-3, atol=1e-5)
        return
    np.testing.assert_allclose(score, -model.mean_code_score(X), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(kl, model.divergence(X).sum(axis=1), rtol=1e-3)
    # The rest of the score is the same for all rows with the same gaps.
    rest = score - kl - contributions.sum(axis=1)
    for is_missing in (False, True):
        assert np.ptp(rest[np.isnan(X[:, 1]) == is_missing]) < 1e-3


def test_a_category_of_a_schema_has_its_name(visit, made):
    living, X = visit("gaps", "m=Mixed&p=r0"), made("gaps").X
    town = ("Kobe", "Lima", "Oslo")[X[0, 2:].argmax()]
    assert cells(living, "#walk-decoded")[2][:2] == ["town", town]


@pytest.mark.parametrize(
    ("index", "name"), list(enumerate(["poisson", "negative-binomial", "zero-inflated"]))
)
def test_counts_are_scored_as_python_does(visit, made, index, name):
    living, page = visit("counts"), made("counts")
    model = page.models[name]
    kl, score, code, copy, contributions = measured(living, index, 50, 2)
    np.testing.assert_allclose(code, model.transform(page.X), atol=2e-4)
    np.testing.assert_allclose(copy, model.reconstruct(page.X), rtol=1e-3)
    np.testing.assert_allclose(score, -model.mean_code_score(page.X), rtol=1e-4)
    np.testing.assert_allclose(contributions.sum(axis=1) + kl, score, rtol=1e-5)


def test_the_bars_of_a_plain_table_are_at_its_values(visit, made):
    living, page = visit("table", "p=r5"), made("table")
    every = np.concatenate([page.X, page.X_train])
    low, high = every.min(axis=0), every.max(axis=0)
    ticks = living.js(
        """() => Array.from(document.querySelectorAll("#walk-decoded .tick"),
          (tick) => Number(tick.style.getPropertyValue("--part")))"""
    )
    np.testing.assert_allclose(ticks, (page.X[5] - low) / (high - low), atol=1e-5)
    texts = cells(living, "#walk-decoded")
    assert [name for name, *_ in texts] == ["length", "width", "height", "weight", "age"]
    values = [float(value.replace("−", "-")) for _, value, *_ in texts]
    assert (np.abs(values - page.X[5]) <= 0.005 * (high - low) + 1e-6).all()  # three digits


def test_a_point_without_a_sample_shows_what_is_decoded_alone(visit):
    living = visit("table", "p=r5")
    living.page.locator("#sliders input").first.press("ArrowRight")
    living.settle()
    for _, value, copy, contribution in cells(living, "#walk-decoded"):
        assert (value, contribution) == ("", "")
        assert copy
    assert living.page.locator("#walk-decoded .tick:visible").count() == 0


def test_between_two_rows_each_column_is_between_its_ends(visit):
    living = visit("table", "v=interpolate&a=r0~r9&t=0")
    names, a, now, b = zip(*cells(living, "#interpolate .columns"), strict=True)
    assert now == a != b
    living.change(position=1)
    _, a, now, b = zip(*cells(living, "#interpolate .columns"), strict=True)
    assert now == b
    assert names[0] == "length"


# --- words ----------------------------------------------------------------------------------------

OF_IMAGES = re.compile(
    r"pixel|image|bright|picture|stroke|blur|pen\b|画素|画像|線画|お絵描き|明るさ", re.I
)


@pytest.mark.parametrize("name", ["table", "people"])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_nothing_speaks_of_images(visit, name, language):
    living = visit(name, f"l={language}")
    page, texts = living.page, []
    for view in VIEWS:
        living.view(view)
        if view == "generate":
            page.locator("#generated button").first.click()
            living.settle()
        texts.append(page.locator("#play").inner_text())
    page.locator("#start-tour").click()
    for _ in range(8):
        page.locator("#tour .choices button").first.click()
        living.settle()
        texts.append(page.locator("#tour").inner_text())
        page.locator("#tour [data-tour=next]").click()
    assert [found for text in texts for found in OF_IMAGES.findall(text)] == []


# --- models that a page cannot run ----------------------------------------------------------------


@pytest.mark.parametrize(("index", "name"), list(enumerate(["RVQ", "FSQ"])))
def test_quantizers_give_the_codes_of_the_model(visit, made, index, name):
    living, page = visit("quantizers"), made("quantizers")
    codes = living.numbers(
        "async (index, rows) => "
        "(await Utsushi.page.models[index].encode(fromPython(rows), 100)).mean",
        index,
        page.X.astype(np.float32),
    )
    expected = page.models[name]._vectors(page.X)
    np.testing.assert_allclose(codes.reshape(100, -1), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["Layers", "Sparse"])
def test_a_model_that_does_not_run_shows_its_own_reconstructions(visit, made, name):
    living, page = visit("still", f"m={name}&p=r7"), made("still")
    model = page.models[name]
    copy = page.bytes(model.reconstruct(page.X[7:8])[0])
    assert np.abs(living.pixels("#walk-decoded canvas") - copy).max() <= 1
    texts = living.page.locator("#walk-numbers dd").all_inner_texts()
    error = np.square(
        model.scaling_.forward(page.X[7:8]) - model.scaling_.forward(model.reconstruct(page.X[7:8]))
    ).sum()
    assert float(texts[0].split()[0]) == pytest.approx(error, rel=5e-3)
    if name == "Layers":
        kl = model.divergence(page.X[7:8]).sum()
        assert float(texts[1].split()[0]) == pytest.approx(kl, rel=5e-3)
    scores = -model.score_samples(page.X)
    rank = float(texts[-1].split()[0])
    assert rank == pytest.approx(100 * (scores < scores[7]).mean(), abs=1)


@pytest.mark.parametrize(
    ("name", "reason", "tabs"),
    [
        ("Layers", "its posterior (HierarchicalPosterior)", ["Walk", "Generate"]),
        ("Sparse", "its codes are sparse", ["Walk"]),
    ],
)
def test_it_says_what_it_shows_instead(visit, name, reason, tabs):
    living = visit("still", f"m={name}&v=draw")
    note = living.page.locator("#still-note")
    expect(note).to_be_visible()
    assert "100 test samples" in note.inner_text()
    assert reason in note.inner_text()
    assert living.page.locator("[role=tab]:visible").all_inner_texts() == tabs
    assert living.state()["view"] == "walk"
    for selector in ("#sliders", "#start-tour"):
        assert living.page.locator(selector).is_hidden()
    if "Generate" in tabs:
        living.view("generate")
        for _ in range(12):
            living.settle()
        made_rows = [living.pixels("#generated canvas", i) for i in (0, 20, 49)]
        assert all(row.max() > 0 for row in made_rows)
        assert (made_rows[0] != made_rows[1]).any()


def test_a_model_that_runs_says_nothing(visit):
    assert visit("table").page.locator("#still-note").is_hidden()
