"""``to_html``: any model of the library as one file, and errors that name the fix."""

import html
import json
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from utsushi import AnomalyDetector, Autoencoder, VariationalAutoencoder, report
from utsushi.exceptions import DataError, SettingError
from utsushi.report import to_html

RNG = np.random.default_rng(0)
SMALL = {"n_components": 2, "hidden": (5,), "max_epochs": 1, "random_state": 0}
HOSTILE = [
    "</script><script>alert(1)</script>",
    "x" * 10_000,
    "\u202eright to left",
    "<!--",
    "\u2028 & \udc80",
]


def header_of(page):
    """Return the header that a page holds."""
    (text,) = re.findall(
        r'<script type="application/json" id="utsushi-header">(.*?)</script>', str(page), re.DOTALL
    )
    return json.loads(text)


@pytest.fixture(scope="module")
def page(ae, vae, digits):
    return to_html({"first": ae, "second": vae}, digits.X_test, digits.y_test)


def test_the_page_holds_the_models_and_the_rows(page):
    header = header_of(page)
    assert [model["name"] for model in header["models"]] == ["first", "second"]
    assert header["title"] == page.title == "first, second"
    assert header["test"]["n_total"] == 360
    assert header["train"] is None


def test_one_model_has_its_short_name_and_the_name_of_its_class(vae, digits):
    header = header_of(to_html(vae, digits.X_test, X_train=digits.X_train))
    assert header["title"] == "VariationalAutoencoder"
    assert header["models"][0]["name"] == "VAE"
    assert header["train"]["n_total"] == len(digits.X_train)


def test_the_same_model_and_rows_make_the_same_page(ae, digits):
    assert str(to_html(ae, digits.X_test)) == str(to_html(ae, digits.X_test))


def test_the_page_speaks_the_chosen_language_first_and_holds_both(ae, digits):
    text = str(to_html(ae, digits.X_test, language="ja", title="写し"))
    assert '<html lang="ja">' in text
    assert re.search(r'<span lang="ja">[^<]+</span><span lang="en">', text)
    assert "<title>写し</title>" in text


def test_a_notebook_gets_a_frame_that_can_reach_nothing(page):
    frame = page._repr_html_()
    assert frame.startswith('<iframe sandbox="allow-scripts" title="first, second"')
    (content,) = re.findall(r'srcdoc="([^"]*)"', frame)
    assert html.unescape(content) == str(page)


def test_a_page_is_saved_whole(page, tmp_path):
    assert page.save(tmp_path / "new" / "page.html").read_text("utf-8") == str(page)


def test_a_page_in_short_is_no_megabytes(page):
    assert re.fullmatch(r"LivingPage\('first, second': [\d,]+ characters\)", repr(page))


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_of_classes_stay_text(ae, digits, name):
    labels = np.array([name, "plain"] * 180)
    made = to_html(ae, digits.X_test, labels)
    assert header_of(made)["classes"] == sorted([name, "plain"])
    assert str(made).count("<script") == 4
    assert "<!--" not in str(made)


def test_a_hostile_title_and_a_hostile_model_stay_text(ae, digits):
    made = str(to_html({HOSTILE[0]: ae}, digits.X_test, title=HOSTILE[0]))
    assert made.count("<script") == 4
    assert "&lt;/script&gt;" in made


def test_a_detector_shows_its_autoencoder(digits):
    detector = AnomalyDetector(Autoencoder(**SMALL)).fit(digits.X_train)
    assert header_of(to_html(detector, digits.X_test))["models"][0]["name"] == "AE"
    frozen = FrozenEstimator(detector.autoencoder_)
    assert header_of(to_html(frozen, digits.X_test))["models"][0]["name"] == "AE"


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_a_frame_names_the_columns(frame):
    table = frame({name: RNG.random(30) for name in ("height", "width", "depth")})
    model = Autoencoder(**SMALL).fit(table)
    header = header_of(to_html(model.set_output(transform="default"), table, X_train=table))
    assert header["features"]["names"] == ["height", "width", "depth"]


def test_a_model_that_gives_frames_gives_codes(digits):
    model = Autoencoder(**SMALL).set_output(transform="pandas").fit(digits.X_train)
    assert header_of(to_html(model, digits.X_test))["models"][0]["codes"]["shape"] == [360, 2]


def test_rows_may_be_lists():
    rows = RNG.random((20, 3)).tolist()
    assert header_of(to_html(Autoencoder(**SMALL).fit(rows), rows))["test"]["n_total"] == 20


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"labels": [1, 2]}, DataError, "one per sample, got (2,)."),
        ({"language": "fr"}, SettingError, "lang must be one of en, ja, got 'fr'"),
        ({"model": {}}, SettingError, "model must hold 1 to 4 models, got 0"),
        ({"model": "vae"}, SettingError, "of names to such, got a str."),
        ({"feature_names": ["a"]}, DataError, "must have 64 names, one for each column, got 1"),
        ({"X": np.ones((2, 3))}, DataError, "3 features"),
        ({"X_train": np.ones((2, 3))}, DataError, "3 features"),
        ({"X": np.full((2, 64), np.nan)}, DataError, "NaN"),
    ],
)
def test_what_cannot_be_is_named(ae, digits, refusal, change, error, message):
    arguments = {"model": ae, "X": digits.X_test} | change
    assert message in refusal(error, to_html, **arguments)


def test_a_pipeline_is_asked_for_its_steps(digits, refusal):
    pipeline = make_pipeline(StandardScaler(), Autoencoder(**SMALL)).fit(digits.X_train)
    message = refusal(SettingError, to_html, pipeline, digits.X_test)
    assert "got a Pipeline." in message
    assert "pipeline[-1] and pipeline[:-1].transform(X)" in message


def test_models_of_other_columns_have_no_page_in_common(ae, digits, refusal):
    other = Autoencoder(**SMALL).fit(RNG.random((20, 3)))
    message = refusal(SettingError, to_html, {"a": ae, "b": other}, digits.X_test)
    assert "got 64, 3." in message


def test_a_conditional_model_asks_for_labels(refusal):
    rows, y = RNG.random((20, 3)), np.arange(20) % 2
    model = VariationalAutoencoder(conditional=True, **SMALL).fit(rows, y)
    assert refusal(DataError, to_html, model, rows).startswith("labels must be the class")
    assert header_of(to_html(model, rows, y))["models"][0]["conditional"] is True


@pytest.mark.parametrize("model", [Autoencoder(), AnomalyDetector()])
def test_a_model_that_is_not_fitted_is_refused(model):
    with pytest.raises(NotFittedError):
        to_html(model, np.ones((2, 3)))


def test_an_unknown_name_of_the_module_is_an_attribute_error():
    with pytest.raises(AttributeError, match="to_pdf"):
        report.to_pdf  # noqa: B018
