"""Explanations add up to the score, name the broken column, and say what was expected."""

import numpy as np
import pandas as pd
import pytest
from sklearn.frozen import FrozenEstimator

from utsushi import (
    AnomalyDetector,
    Autoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
    VectorQuantizedAutoencoder,
    datasets,
    load,
)
from utsushi.estimators import neighbors as module
from utsushi.exceptions import SettingError
from utsushi.networks import TopK

DIGITS = datasets.load_digits8x8()
ZEROS = DIGITS.X_train[DIGITS.y_train == 0]
SMALL = {"n_components": 2, "hidden": (16,), "random_state": 0, "max_epochs": 20}
SMALL["scaling"] = "standard"


def table(n, seed=0):
    """Return six columns that depend on two numbers, in unlike units."""
    rng = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(2, 6))
    X = rng.normal(size=(n, 2)) @ mixing + 0.1 * rng.normal(size=(n, 6))
    return X * [1, 10, 0.1, 1000, 1, 5] + [0, 50, 0, 0, -3, 0]


TABLE, NEW = table(300), table(40, seed=1)
AUTOENCODER = Autoencoder(**SMALL).fit(TABLE)
VARIATIONAL = VariationalAutoencoder(**SMALL).fit(TABLE)


def detector_of(scoring):
    if scoring == "neighbors":
        return AnomalyDetector().fit(TABLE)
    return AnomalyDetector(FrozenEstimator(VARIATIONAL), scoring=scoring).fit(TABLE)


SCORINGS = ["neighbors", "squared-error", "relative-error", "bound", "mahalanobis", "code-density"]
SCORINGS += ["combined", ("neighbors", "squared-error", "code-density")]


# --- sums ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("scoring", SCORINGS, ids=str)
def test_contributions_add_up_to_the_outlyingness(scoring):
    detector = detector_of(scoring)
    for rows in (TABLE[:20], NEW):
        explanation = detector.explain(rows)
        assert explanation.contributions.shape == rows.shape
        found = explanation.base + explanation.contributions.sum(axis=1)
        np.testing.assert_allclose(found, -detector.score_samples(rows), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize(
    "autoencoder",
    [
        VectorQuantizedAutoencoder(4, hidden=(16,), max_epochs=5, random_state=0),
        SparseAutoencoder(20, sparsity=TopK(3), max_epochs=5, random_state=0),
    ],
    ids=lambda model: type(model).__name__,
)
def test_codes_of_every_kind_are_explained(autoencoder):
    model = autoencoder.set_params(scaling="standard").fit(TABLE)
    detector = AnomalyDetector(FrozenEstimator(model), scoring="combined").fit(TABLE)
    explanation = detector.explain(NEW)
    found = explanation.base + explanation.contributions.sum(axis=1)
    np.testing.assert_allclose(found, -detector.score_samples(NEW), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("contamination", [None, 0.1])
def test_contributions_of_training_rows_add_up_to_their_cross_fitted_scores(contamination):
    detector = AnomalyDetector(Autoencoder(**SMALL), contamination).fit(TABLE)
    explanation = detector.explain(TABLE)
    assert (explanation.base == 0).all()
    found = explanation.contributions.sum(axis=1)
    np.testing.assert_allclose(found, detector.decision_scores_, rtol=1e-5)


@pytest.mark.parametrize("settings", [{}, {"contamination": 0.1}])
@pytest.mark.parametrize("shape", [(8, 8), (4, 4, 4)])
def test_contributions_of_pixels_add_up(settings, shape):
    detector = AnomalyDetector(image_shape=shape, **settings).fit(ZEROS)
    rows = np.concatenate([ZEROS[:5], DIGITS.X_test[:5]])
    explanation = detector.explain(rows)
    assert (explanation.contributions >= 0).all()
    found = explanation.contributions.sum(axis=1)
    np.testing.assert_allclose(found, -detector.score_samples(rows), rtol=1e-6)


def test_contributions_of_patches_add_up():
    model = VariationalAutoencoder(**SMALL, image_shape=(8, 8)).fit(ZEROS)
    detector = AnomalyDetector(FrozenEstimator(model)).fit(ZEROS)
    explanation = detector.explain(DIGITS.X_test[:3])
    found = explanation.base + explanation.contributions.sum(axis=1)
    np.testing.assert_allclose(found, -detector.score_samples(DIGITS.X_test[:3]), rtol=1e-5)


def test_one_sample_is_explained_as_among_others():
    detector = detector_of("neighbors")
    whole = detector.explain(NEW)
    alone = [detector.explain(row[None]) for row in NEW]
    for name in ("contributions", "expected", "spread"):
        np.testing.assert_array_equal(
            np.concatenate([getattr(one, name) for one in alone]), getattr(whole, name)
        )


# --- the broken column ----------------------------------------------------------------------------


def broken(X, seed=0):
    """Return samples in which one column is off by six standard deviations, and which it is."""
    rng = np.random.default_rng(seed)
    rows, column = X.copy(), rng.integers(X.shape[1], size=len(X))
    signs = rng.choice([-6, 6], size=len(X))
    rows[np.arange(len(X)), column] += signs * X.std(axis=0)[column]
    return rows, column


@pytest.mark.parametrize("scoring", ["neighbors", ("neighbors", "squared-error")], ids=str)
def test_the_broken_column_contributes_most(scoring):
    rows, column = broken(table(200, seed=2))
    explanation = detector_of(scoring).explain(rows)
    assert (explanation.contributions.argmax(axis=1) == column).mean() >= 0.95


@pytest.fixture(scope="module")
def trained():
    """Give an autoencoder and a variational one that know the table, and 600 normal samples."""
    settings = {"n_components": 2, "scaling": "standard", "random_state": 0}
    models = Autoencoder(**settings), VariationalAutoencoder(**settings)
    return *(model.fit(table(600)) for model in models), table(600, seed=3)


@pytest.mark.parametrize(
    "scoring",
    ["squared-error", "relative-error", "bound", "mahalanobis", "code-density", "combined"],
)
def test_the_broken_column_contributes_most_to_every_score(scoring, trained):
    rows, column = broken(table(200, seed=2))
    autoencoder, variational, normal = trained
    model = FrozenEstimator(variational if scoring == "bound" else autoencoder)
    detector = AnomalyDetector(model, scoring=scoring, max_false_positive_rate=0.02).fit(normal)
    is_outlier = detector.predict(rows) == -1
    assert is_outlier.sum() > 50
    explanation = detector.explain(rows[is_outlier])
    assert (explanation.contributions.argmax(axis=1) == column[is_outlier]).mean() >= 0.95


def test_an_autoencoder_reconstructs_what_it_expects_as_itself(trained):
    autoencoder, _, normal = trained
    rows, column = broken(table(50, seed=2))
    expected = AnomalyDetector(FrozenEstimator(autoencoder)).fit(normal).explain(rows).expected
    each, unit = np.arange(len(rows)), normal.std(axis=0)[column]
    replaced = rows.copy()
    replaced[each, column] = expected[each, column]
    again = autoencoder.reconstruct(replaced)[each, column]
    np.testing.assert_allclose(again / unit, expected[each, column] / unit, atol=0.02)
    # It is what the column had before, and the reconstruction of the broken sample is not.
    true = table(50, seed=2)[each, column]
    error = np.abs(expected[each, column] - true) / unit
    assert np.median(error) < 0.2
    assert np.median(np.abs(autoencoder.reconstruct(rows)[each, column] - true) / unit) > 0.5


def test_a_swapped_value_is_expected_where_it_was():
    # Only the other columns tell that the value is off: it is within the column's range.
    normal = table(200, seed=2)
    rows = normal.copy()
    rows[:, 3] = rows[::-1, 3]
    explanation = detector_of("neighbors").explain(rows)
    error = np.abs(explanation.expected[:, 3] - normal[:, 3])
    assert np.median(error) < 0.2 * normal[:, 3].std()
    assert np.median(explanation.spread[:, 3]) < 0.5 * normal[:, 3].std()


def test_a_training_sample_is_not_among_the_samples_that_it_is_compared_with():
    found = AnomalyDetector().fit(TABLE).row_score_.neighbors.explained(TABLE, np.arange(6))[1]
    assert (found != np.arange(len(TABLE))[:, None, None]).all()


def test_without_a_column_the_search_is_that_of_the_others():
    detector = AnomalyDetector().fit(TABLE)
    neighbors = detector.row_score_.neighbors
    _, places = neighbors.explained(NEW, np.arange(6))
    low, width = TABLE.min(axis=0), np.ptp(TABLE, axis=0)
    for column in range(6):
        others = np.delete((TABLE - low) / width, column, axis=1)
        new = np.delete((NEW - low) / width, column, axis=1)
        distances = np.square(new[:, None] - others[None]).sum(axis=2)
        np.testing.assert_array_equal(places[:, column], distances.argsort(axis=1)[:, :20])


def test_gradients_of_a_cell_go_to_its_pixels():
    space = module._Space("gradients", 5, ZEROS.astype(float), (8, 8))
    values = np.zeros((1, space.points.shape[1]))
    values[0, 0] = 3.0  # the cell in the upper left, of 2 by 2 pixels
    pixels = space.to_pixels(values).reshape(8, 8)
    np.testing.assert_allclose(pixels[:2, :2], 0.75)
    assert pixels.sum() == pytest.approx(3)


# --- columns of tables ----------------------------------------------------------------------------


def people(n, seed=0):
    rng = np.random.default_rng(seed)
    town = rng.choice(["Bonn", "Kobe", "Oslo"], n)
    height = pd.Series(town).map({"Bonn": 60.0, "Kobe": 10.0, "Oslo": 23.0}).to_numpy()
    day = np.datetime64("2026-01-01") + rng.integers(0, 30, n)
    return pd.DataFrame(
        {
            "town": town,
            "height": height + rng.normal(size=n),
            "low": height < 20,
            "day": day,
        }
    )


def explained(frame, **settings):
    data = datasets.open(people(300), dates=("day",))
    detector = AnomalyDetector(**settings).fit(data.X_train, columns=data.columns)
    return detector.explain(datasets.open(frame, columns=detector.columns_).X)


def test_a_category_is_one_column_with_its_own_value():
    frame = people(5, seed=1).assign(town="Kobe", height=60.0, low=False)
    explanation = explained(frame)
    assert explanation.columns == ("town", "height", "low", "day")
    assert (explanation.contributions.argmax(axis=1) == 0).all()
    assert explanation.values[0, 0] == "Kobe"
    assert explanation.expected[0, 0] == "Bonn"
    assert np.isnan(explanation.spread[:, [0, 2]]).all()
    assert explanation.text()[0] == "town Kobe: expected Bonn given the other columns"


def test_dates_and_truth_values_are_shown_as_such():
    frame = people(3, seed=1)
    frame["day"] = np.datetime64("2031-05-04").astype("datetime64[s]")
    sentence = explained(frame).text()[0]
    assert sentence.startswith("day 2031-05-04: expected 2026-01-")
    assert " days given the other columns" in sentence
    frame = people(60, seed=1).query("town == 'Kobe'").assign(low=False)
    assert "low False: expected True given the other columns" in explained(frame).text()


def test_a_missing_value_contributes_nothing_and_is_expected():
    rows = NEW.copy()
    rows[:, 2] = np.nan
    for autoencoder in (None, Autoencoder(**SMALL, missing="mask")):
        detector = AnomalyDetector(autoencoder, missing="mask").fit(TABLE)
        explanation = detector.explain(rows)
        assert (explanation.contributions[:, 2] == 0).all()
        assert np.isfinite(explanation.expected[:, 2]).all()
        total = explanation.base + explanation.contributions.sum(axis=1)
        np.testing.assert_allclose(total, -detector.score_samples(rows), rtol=1e-5)


def test_names_of_a_data_frame_are_those_of_the_columns():
    frame = pd.DataFrame(TABLE, columns=list("abcdef"))
    model = FrozenEstimator(Autoencoder(**SMALL).fit(frame))
    for autoencoder in (None, model):
        explanation = AnomalyDetector(autoencoder).fit(frame).explain(frame[:3])
        assert explanation.columns == tuple("abcdef")


# --- sentences ------------------------------------------------------------------------------------


def test_sentences_name_value_expectation_and_deviation():
    size = np.random.default_rng(0).normal(50, 10, 200)
    noise = np.random.default_rng(1).normal(0, 9, 200)
    frame = pd.DataFrame({"size": size, "price": 6 * size + noise})
    detector = AnomalyDetector().fit(frame)
    odd = pd.DataFrame({"size": [52.0], "price": [9800.0]})
    (english,) = detector.explain_text(odd)
    (japanese,) = detector.explain_text(odd, language="ja")
    assert english.startswith("price 9,800: expected 31")
    assert japanese.startswith("price は 9,800 ですが，ほかの列から予想される値は 31")
    assert " ± " in english
    assert " ± " in japanese
    assert len(detector.explain_text(odd, n_columns=2)[0].split("; ")) == 2


def test_an_autoencoder_says_what_it_expects():
    detector = AnomalyDetector(FrozenEstimator(AUTOENCODER)).fit(TABLE)
    assert ": expected " in detector.explain_text(NEW)[0]
    assert " ± " not in detector.explain_text(NEW)[0]
    assert "予想される値は" in detector.explain_text(NEW, language="ja")[0]


def test_of_an_image_the_region_is_named():
    image = ZEROS[:1].copy()
    image.reshape(8, 8)[6:, 6:] = 1 - image.reshape(8, 8)[6:, 6:]
    detector = AnomalyDetector(image_shape=(8, 8)).fit(ZEROS[1:])
    (sentence,) = detector.explain_text(image)
    assert sentence.startswith("pixels in rows 7–8, columns 7–8: ")
    (sentence,) = detector.explain_text(image, language="ja")
    assert sentence.startswith("行 7–8，列 7–8 の画素がスコアの")


def test_a_language_or_a_number_that_does_not_exist_is_refused(refusal):
    detector = detector_of("neighbors")
    message = refusal(SettingError, detector.explain_text, NEW, language="de")
    assert message.startswith("language must be 'en' or 'ja', got 'de'")
    message = refusal(SettingError, detector.explain_text, NEW, n_columns=0)
    assert message.startswith("n_columns must be a positive integer, got 0")


def test_a_loaded_detector_explains_the_same(tmp_path):
    for detector in (detector_of("neighbors"), detector_of("combined")):
        again = load(detector.save(tmp_path / "detector.safetensors"))
        assert again.explain_text(NEW, n_columns=3) == detector.explain_text(NEW, n_columns=3)
