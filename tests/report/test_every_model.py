"""Every estimator of the library has a page, of images and of tables, or says why it has none."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from utsushi.estimators.registry import ESTIMATORS
from utsushi.exceptions import SettingError
from utsushi.objectives import MultiscaleSSIM
from utsushi.report import to_html

RNG = np.random.default_rng(0)
IMAGES, LABELS = RNG.random((60, 64)).astype(np.float32), np.arange(60) % 3
NUMBERS = pd.DataFrame(RNG.normal(size=(60, 4)) * [1, 10, 100, 1], columns=list("abcd"))
MIXED = NUMBERS.assign(town=np.array(["Kobe", "Oslo"])[RNG.integers(0, 2, 60)])

#: The settings of each estimator that make it small.
SMALL = {
    "AnomalyDetector": {"autoencoder": ESTIMATORS["Autoencoder"](2, max_epochs=1)},
    "AutoencoderImputer": {"n_models": 1, "max_epochs": 1},
    "SparseAutoencoder": {"n_components": 16, "sparsity": "l1", "max_epochs": 1},
    "VectorQuantizedAutoencoder": {"n_components": 4, "hidden": (8,), "max_epochs": 1},
}
OTHERS = {"n_components": 2, "hidden": (8,), "max_epochs": 1}

#: What a page shows of a model that it cannot run, by the part that it cannot run.
STILL = {"SparseAutoencoder": {"part": "codes", "name": "SparseAutoencoder"}}
WITHOUT = {"AutoencoderImputer": "got an AutoencoderImputer, which has several models. Fit a"}


def header_of(page):
    (text,) = re.findall(r'id="utsushi-header">(.*?)</script>', str(page), re.DOTALL)
    return json.loads(text)


def fitted(name, X, **settings):
    model = ESTIMATORS[name](**(SMALL.get(name, OTHERS) | settings))
    if "random_state" in model.get_params():
        model.set_params(random_state=0)
    return model.fit(X, LABELS if name.startswith("SemiSupervised") else None)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_table_of_numbers_has_a_page_for_tables(name):
    model = fitted(name, NUMBERS)
    if name in WITHOUT:
        with pytest.raises(SettingError, match=WITHOUT[name]):
            to_html(model, NUMBERS, LABELS)
        return
    header = header_of(to_html(model, NUMBERS, LABELS))
    assert header["image_shape"] is None
    assert header["features"]["names"] == ["a", "b", "c", "d"]
    assert header["models"][0]["still"] == STILL.get(name)


@pytest.mark.parametrize("name", [n for n in ESTIMATORS if hasattr(ESTIMATORS[n], "image_shape")])
def test_images_have_a_page_for_images(name):
    header = header_of(to_html(fitted(name, IMAGES, image_shape=(8, 8)), IMAGES, LABELS))
    assert header["image_shape"] == [1, 8, 8]
    assert header["features"] is None
    assert header["models"][0]["still"] == STILL.get(name)


def test_a_conditional_model_and_one_of_similarities_run():
    objective = MultiscaleSSIM()
    for settings in ({"conditional": True}, {"objective": objective, "image_shape": (8, 8)}):
        model = ESTIMATORS["VariationalAutoencoder"](**OTHERS, random_state=0, **settings)
        header = header_of(to_html(model.fit(IMAGES, LABELS), IMAGES, LABELS))
        assert header["models"][0]["still"] is None


def test_a_mixed_table_has_its_columns_and_not_its_features():
    model = fitted("TableAutoencoder", MIXED)
    header = header_of(to_html(model, MIXED[:20], X_train=MIXED))
    features = header["features"]
    assert features["names"] == list(MIXED)
    assert features["kinds"] == ["number"] * 4 + ["category"]
    assert features["levels"][-1] == ["Kobe", "Oslo"]
    assert header["test"]["values"]["shape"] == [20, 5]
    assert header["models"][0]["codec"]["columns"][-1]["width"] == 2
    assert header["models"][0]["name"] == "Table VAE"


def test_a_saved_table_model_has_the_same_page(tmp_path):
    from utsushi import load

    model = fitted("TableAutoencoder", MIXED)
    loaded = load(model.save(tmp_path / "model.safetensors"))
    assert str(to_html(loaded, MIXED)) == str(to_html(model, MIXED))


def test_tables_of_other_columns_have_no_page_in_common(refusal):
    models = {
        "one": fitted("TableAutoencoder", MIXED),
        "two": fitted("TableAutoencoder", MIXED.rename(columns={"a": "z"})),
    }
    message = refusal(SettingError, to_html, models, MIXED)
    assert "tables of the same columns, got other names, kinds or categories" in message
    models["two"] = fitted("Autoencoder", NUMBERS)
    message = refusal(SettingError, to_html, models, MIXED)
    assert "must all be TableAutoencoders or none, got TableAutoencoder, Autoencoder" in message


def test_gaps_are_kept_where_a_model_takes_them():
    X = NUMBERS.to_numpy().copy()
    X[::7, 1] = np.nan
    model = fitted("Autoencoder", X, missing="mask")
    page = to_html(model, X, X_train=X)
    header = header_of(page)
    assert header["models"][0]["missing"] is True
    assert np.isfinite(header["typical_distance"])
    assert header["features"]["low"][1] == pytest.approx(np.nanmin(X[:, 1]))


def test_times_in_seconds_are_kept_exactly(read):
    times = pd.to_datetime(["2024-01-01 10:20:31", "2024-05-06 07:08:09"] * 30)
    frame = NUMBERS[["a"]].assign(time=times + pd.to_timedelta(np.arange(60), "s"))
    page = to_html(fitted("TableAutoencoder", frame), frame)
    header = header_of(page)
    assert header["features"]["kinds"] == ["number", "datetime"]
    (tensors,) = re.findall(r'id="utsushi-tensors">(.*?)</script>', str(page), re.DOTALL)
    values = read(tensors, header["test"]["values"])
    expected = frame["time"].astype("datetime64[s]").astype("int64")
    np.testing.assert_array_equal(values[:, 1], expected)
