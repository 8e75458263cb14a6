"""Scores by neighbors: leave-one-out distances, contamination, labels, columns, files."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import cdist
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import MinMaxScaler, QuantileTransformer

from utsushi import AnomalyDetector, Autoencoder, VariationalAutoencoder, datasets, load
from utsushi._utils.safetensors_io import read_model_file, write_model_file
from utsushi.estimators import neighbors as module
from utsushi.estimators.neighbors import Neighbors, central_places, row_keys
from utsushi.exceptions import DataError, ModelFileError, SettingError

DIGITS = datasets.load_digits8x8()
ZEROS = DIGITS.X_train[DIGITS.y_train == 0]
RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(120, 5)) * [1, 10, 0.1, 1000, 1]
ALIKE = TABLE / TABLE.std(axis=0)
NEW = RNG.normal(size=(40, 5)) * [2, 20, 0.2, 2000, 2]
FEW = {"hidden": (4,), "max_epochs": 2, "random_state": 0}


def mean_distances(X, Y, k):
    """Return the mean distance of Y to the k nearest of X, of which none is itself."""
    distances = cdist(Y, X)
    distances[distances == 0] = np.inf
    return np.sort(distances, axis=1)[:, :k].mean(axis=1)


def with_outliers(n_outliers, seed=0):
    """Return zeros of 8 by 8 pixels and other digits, and which are the others."""
    rng = np.random.default_rng(seed)
    others = DIGITS.X_train[DIGITS.y_train != 0]
    others = others[rng.choice(len(others), n_outliers, replace=False)]
    return np.concatenate([ZEROS, others]), np.arange(len(ZEROS) + n_outliers) >= len(ZEROS)


# --- distances --------------------------------------------------------------------------------


@pytest.mark.parametrize("X", [TABLE, np.repeat(TABLE, 4, axis=1)], ids=["tree", "brute force"])
def test_training_distances_are_leave_one_out(X):
    scaled = MinMaxScaler().fit_transform(X)
    distances = Neighbors.learn(X).distances(X)
    np.testing.assert_allclose(distances[0], mean_distances(scaled, scaled, 5), rtol=1e-10)
    np.testing.assert_allclose(distances[1], mean_distances(scaled, scaled, 1), rtol=1e-10)


@pytest.mark.parametrize(
    ("X", "atol"),
    # Where many values are equal, scikit-learn's quantiles are rounded to either side of them.
    [(TABLE, 1e-5), (np.repeat(TABLE, 20, axis=0), 1e-5), (TABLE.round(-1), 0.05)],
)
def test_the_normal_view_is_that_of_scikit_learns_transformer(X, atol):
    transformer = QuantileTransformer(n_quantiles=min(1000, len(X)), output_distribution="normal")
    expected = transformer.fit(X).transform(np.concatenate([X, NEW]))
    found = module.as_normal(np.concatenate([X, NEW]), module.quantiles(X))
    np.testing.assert_allclose(found, expected, atol=atol)


def test_new_distances_are_to_all_training_rows():
    scaler = MinMaxScaler().fit(TABLE)
    expected = mean_distances(scaler.transform(TABLE), scaler.transform(NEW), 5)
    np.testing.assert_allclose(Neighbors.learn(TABLE).distances(NEW)[0], expected, rtol=1e-10)


def test_a_duplicate_is_a_neighbor_but_a_row_itself_is_not():
    X = np.concatenate([TABLE, TABLE[:1]])
    nearest = Neighbors.learn(X).distances(X)[1]
    assert nearest[0] == nearest[-1] == 0
    assert (nearest[1:-1] > 0).all()


def test_a_row_that_is_nearly_a_training_row_is_its_neighbor():
    nearly = TABLE + 1e-9
    assert (Neighbors.learn(TABLE).distances(nearly)[1] < 1e-6).all()


def test_a_surprise_is_the_log_of_the_rank_from_above():
    tail = np.sort(RNG.exponential(size=50))
    found = module._surprise(tail, tail)
    np.testing.assert_allclose(found, -np.log((50 - np.arange(50) + 1) / 51), rtol=1e-12)


def test_a_surprise_grows_without_end_and_never_falls():
    tail = np.sort(RNG.exponential(size=50))
    found = module._surprise(tail, np.linspace(0, 100 * tail[-1], 1000))
    assert (np.diff(found) >= 0).all()
    assert (np.diff(found)[100:] > 0).all()


def test_what_is_beyond_grows_by_the_exponent_of_the_tail():
    # Of a Pareto distribution with exponent 3, P(d >= 2 d') / P(d >= d') is 1/8.
    tail = np.sort(np.random.default_rng(1).pareto(3, size=40_000) + 1)
    far = module._surprise(tail, tail[-1] * np.array([1.0, 2.0]))
    assert far[1] - far[0] == pytest.approx(np.log(8), rel=0.2)


@pytest.mark.parametrize("contamination", [None, 0.1])
def test_the_contributions_of_a_row_add_up_to_its_mean_distance(contamination):
    neighbors = Neighbors.learn(TABLE, contamination=contamination)
    for rows in (TABLE, NEW):
        shares = neighbors.contributions(rows).sum(axis=1)
        np.testing.assert_allclose(shares, neighbors.distances(rows)[0], rtol=1e-10)


def test_the_column_that_is_off_contributes_most():
    off = TABLE.copy()
    broken = np.arange(len(off)) % 5
    off[np.arange(len(off)), broken] += 8 * TABLE.std(axis=0)[broken]
    contributions = AnomalyDetector().fit(TABLE).anomaly_map(off)
    assert (contributions.argmax(axis=1) == broken).mean() >= 0.95


def test_the_scale_of_a_column_does_not_matter():
    scales = np.array([1e-3, 1.0, 1e4, 7.0, 1.0])
    expected = AnomalyDetector().fit(TABLE).score_samples(NEW)
    found = AnomalyDetector().fit(TABLE * scales).score_samples(NEW * scales)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_order_and_the_company_of_rows_do_not_matter():
    detector = AnomalyDetector().fit(TABLE)
    whole = detector.score_samples(NEW)
    np.testing.assert_array_equal(detector.score_samples(NEW[::-1])[::-1], whole)
    alone = [detector.score_samples(row[None])[0] for row in NEW]
    np.testing.assert_array_equal(alone, whole)


def test_equal_values_have_equal_keys_in_every_dtype():
    rows = np.array([[0.5, -0.0, np.nan], [0.5, 0.0, np.nan], [0.25, 1.0, 2.0]])
    keys = row_keys(rows)
    assert keys[0] == keys[1] != keys[2]
    np.testing.assert_array_equal(keys, row_keys(rows.astype(np.float32)))


def test_no_more_rows_than_the_limit_are_kept(monkeypatch):
    monkeypatch.setattr(module, "MOST_SAMPLES", 50)
    first, again, other = (AnomalyDetector(random_state=seed).fit(TABLE) for seed in (0, 0, 1))
    kept = first.row_score_.neighbors.reference
    assert len(kept) == 50
    np.testing.assert_array_equal(kept, again.row_score_.neighbors.reference)
    assert (kept != other.row_score_.neighbors.reference).any()
    np.testing.assert_array_equal(first.score_samples(TABLE), -first.decision_scores_)


# --- images -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(8, 8), (1, 8, 8), (4, 4, 4)])
def test_other_digits_are_told_from_zeros(shape):
    detector = AnomalyDetector(image_shape=shape).fit(ZEROS)
    scores = detector.score_samples(DIGITS.X_test)
    assert roc_auc_score(DIGITS.y_test == 0, scores) > 0.99


def test_gradients_do_not_change_with_brightness_and_contrast():
    images = RNG.random((10, 144))
    found = module.oriented_gradients(images, (12, 12))
    np.testing.assert_allclose(
        module.oriented_gradients(3 + 5 * images, (12, 12)), found, atol=1e-3
    )


def test_gradients_of_a_ramp_have_the_orientation_of_the_ramp():
    ramp = np.tile(np.arange(16.0), (16, 1))
    across, down = module.oriented_gradients(np.stack([ramp.ravel(), ramp.T.ravel()]), (16, 16))
    shares = np.square(np.stack([across, down])).reshape(2, 8, -1).sum(axis=2)
    np.testing.assert_allclose(shares, np.eye(8)[[0, 4]], atol=1e-6)


@pytest.mark.parametrize("shape", [(1, 64), (64, 1), (64, 1, 1), (2, 32)])
def test_images_of_any_shape_have_scores(shape):
    assert np.isfinite(AnomalyDetector(image_shape=shape).fit(ZEROS).score_samples(ZEROS)).all()


def test_a_shape_that_the_rows_do_not_have_is_refused(refusal):
    message = refusal(SettingError, AnomalyDetector(image_shape=(5, 5)).fit, ZEROS)
    assert message.startswith("image_shape must have 64 values, as a sample has, got (5, 5)")


# --- training rows ----------------------------------------------------------------------------


DETECTORS = [
    AnomalyDetector(),
    AnomalyDetector(contamination=0.05),
    AnomalyDetector(image_shape=(8, 8), contamination=0.05),
    AnomalyDetector(Autoencoder(10, random_state=0), contamination=0.05),
    AnomalyDetector(VariationalAutoencoder(3, **FEW), scoring=("neighbors", "bound")),
]
EVERY = pytest.mark.parametrize("detector", DETECTORS, ids=lambda d: repr(d)[16:60])


@EVERY
def test_training_rows_have_the_scores_that_they_had_in_fit(detector):
    X, _ = with_outliers(9)
    detector.fit(X)
    np.testing.assert_array_equal(detector.score_samples(X), -detector.decision_scores_)
    np.testing.assert_array_equal(detector.predict(X) == -1, detector.labels_ == 1)
    assert detector.threshold_ == -detector.offset_
    share = detector.contamination or 0.1
    assert detector.labels_.mean() == pytest.approx(share, abs=1 / len(X))


@pytest.mark.parametrize("detector", DETECTORS[1:4], ids=lambda d: repr(d)[16:60])
def test_contamination_finds_gross_outliers_in_few_rows(detector):
    # An autoencoder of 1,000 units learns 151 rows by heart, and its own error finds none of them.
    X, is_outlier = with_outliers(9)
    assert roc_auc_score(is_outlier, detector.fit(X).decision_scores_) >= 0.98


def test_an_autoencoder_has_not_seen_the_row_that_it_scores():
    X, _ = with_outliers(9)
    model = Autoencoder(10, random_state=0)
    detector = AnomalyDetector(model).fit(X)
    by_heart = -detector.autoencoder_.score_samples(X)
    assert np.median(detector.decision_scores_) > 1.5 * np.median(by_heart)
    # Equal rows are in one half: each is as new to its model as the others.
    twice = AnomalyDetector(model).fit(np.concatenate([X, X]))
    assert np.median(twice.decision_scores_) > 1.5 * np.median(by_heart)


def test_the_samples_of_a_robust_fit_are_those_that_are_near_to_the_bulk(monkeypatch):
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(size=(180, 3)), rng.normal(20, 0.1, (20, 3))])
    X[3, 1] = np.nan
    places = central_places(X, 0.1)
    assert len(places) == 160
    assert places.max() < 180
    # The mean distance to the nearest quarter, here of all samples.
    scaled = MinMaxScaler().fit_transform(np.where(np.isnan(X), np.nanmedian(X, axis=0), X))
    distances = cdist(scaled, scaled)
    np.fill_diagonal(distances, np.inf)
    means = np.sort(distances, axis=1)[:, :49].mean(axis=1)
    np.testing.assert_array_equal(places, np.sort(means.argsort()[:160]))
    monkeypatch.setattr(module, "_BLOCK_VALUES", 3000)
    np.testing.assert_array_equal(central_places(X, 0.1), places)


def test_an_autoencoder_is_not_trained_on_outliers_that_resemble_each_other():
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(2, 8))
    normal = rng.normal(size=(270, 2)) @ mixing + 0.1 * rng.normal(size=(270, 8))
    alike = 6 + rng.normal(size=(30, 2)) @ rng.normal(size=(2, 8)) / 3
    X = np.concatenate([normal, alike])
    is_outlier = np.arange(len(X)) >= 270
    model = Autoencoder(3, scaling="standard", random_state=0)
    robust = AnomalyDetector(model, contamination=0.1).fit(X)
    assert roc_auc_score(is_outlier, robust.decision_scores_) > 0.99
    assert robust.labels_[is_outlier].mean() > 0.9
    # The center of what it was fitted to.
    kept = central_places(X, 0.1)
    np.testing.assert_allclose(robust.autoencoder_.scaling_.offset, X[kept].mean(axis=0), atol=1e-6)
    plain = AnomalyDetector(model).fit(X)
    assert roc_auc_score(is_outlier, plain.decision_scores_) < 0.95


def test_outliers_that_resemble_each_other_are_found_by_their_share():
    rng = np.random.default_rng(0)
    cluster = np.full(4, 4.0) + rng.normal(0, 0.05, (40, 4))
    X = np.concatenate([rng.normal(size=(360, 4)), cluster])
    is_outlier = np.arange(400) >= 360
    assert roc_auc_score(is_outlier, AnomalyDetector().fit(X).decision_scores_) < 0.5
    robust = AnomalyDetector(contamination=0.1).fit(X)
    assert roc_auc_score(is_outlier, robust.decision_scores_) > 0.98


def test_held_out_rows_are_no_neighbors():
    detector = AnomalyDetector(max_false_positive_rate=0.1, holdout_fraction=0.25).fit(TABLE)
    # 30 may be held out, of which the 29 that the rank of the threshold needs.
    assert len(detector.row_score_.neighbors.reference) == 91
    assert detector.labels_.shape == (120,)


def test_new_normal_rows_are_flagged_as_often_as_was_asked():
    rates = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        detector = AnomalyDetector(max_false_positive_rate=0.1).fit(rng.normal(size=(400, 4)))
        rates.append((detector.predict(rng.normal(size=(1000, 4))) == -1).mean())
    # k / (n + 1) = 8 / 80 is expected; a threshold of 79 rows spreads by about 0.033 each time.
    assert np.mean(rates) == pytest.approx(0.1, abs=3 * 0.033 / np.sqrt(20))


# --- settings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("detector", "scoring"),
    [
        (AnomalyDetector(), "neighbors"),
        (AnomalyDetector(Autoencoder(2, **FEW)), "squared-error"),
        (AnomalyDetector(VariationalAutoencoder(2, **FEW)), "bound"),
        (AnomalyDetector(Autoencoder(2, **FEW), scoring="neighbors"), "neighbors"),
        (
            AnomalyDetector(Autoencoder(2, **FEW), scoring="combined"),
            ("squared-error", "mahalanobis"),
        ),
    ],
)
def test_the_score_is_named(detector, scoring):
    assert detector.fit(ALIKE).scoring_ == scoring


def test_a_score_of_an_autoencoder_trains_one():
    detector = AnomalyDetector(scoring="squared-error").fit(np.repeat(ALIKE, 2, axis=1))
    assert isinstance(detector.autoencoder_, Autoencoder)
    assert AnomalyDetector().fit(TABLE).autoencoder_ is None


def test_two_fits_agree():
    model = Autoencoder(2, hidden=(4,), max_epochs=2)
    first, second = (AnomalyDetector(model).fit(ALIKE) for _ in range(2))
    np.testing.assert_array_equal(first.decision_scores_, second.decision_scores_)
    other = AnomalyDetector(model, random_state=1).fit(ALIKE)
    assert (other.decision_scores_ != first.decision_scores_).any()


# --- small and odd data -----------------------------------------------------------------------


@pytest.mark.parametrize("contamination", [None, 0.5])
@pytest.mark.parametrize(
    "X",
    [
        np.array([[0.0, 1.0], [2.0, 3.0]]),
        np.array([[0.0], [1.0], [5.0]]),
        np.zeros((10, 3)),
        np.c_[np.arange(10.0), np.ones(10)],
        np.repeat([[0.0, 1.0], [2.0, 3.0]], 8, axis=0),
    ],
    ids=["two rows", "one column", "all alike", "a constant column", "two rows, repeated"],
)
def test_small_and_degenerate_data_have_finite_ordered_scores(X, contamination):
    detector = AnomalyDetector(contamination=contamination).fit(X)
    far = X[:1] + np.array([[100.0], [1e6]])
    scores = detector.score_samples(np.concatenate([X, far]))
    assert np.isfinite(scores).all()
    assert scores[-1] < scores[-2] < scores[: len(X)].min()
    assert np.isfinite(detector.anomaly_map(far)).all()


def test_missing_values_are_refused_or_filled_by_medians(refusal):
    gaps = TABLE.copy()
    gaps[3, 1] = gaps[5, 0] = np.nan
    assert "NaN" in refusal(DataError, AnomalyDetector().fit, gaps)
    detector = AnomalyDetector(missing="mask").fit(gaps)
    filled = np.where(np.isnan(gaps), np.nanmedian(gaps, axis=0), gaps)
    np.testing.assert_array_equal(detector.row_score_.neighbors.reference, filled)
    assert np.isfinite(detector.score_samples(gaps)).all()
    # A row with gaps is not its own neighbor either.
    assert (detector.row_score_.neighbors.distances(gaps)[1] > 0).all()
    assert (detector.anomaly_map(gaps)[np.isnan(gaps)] == 0).all()


# --- more samples ---------------------------------------------------------------------------------


def test_parts_give_the_detector_of_all_samples(tmp_path):
    whole = AnomalyDetector().fit(TABLE)
    parts = AnomalyDetector().partial_fit(TABLE[:50])
    parts = load(parts.partial_fit(TABLE[50:60]).save(tmp_path / "detector.safetensors"))
    parts.partial_fit(TABLE[60:])
    for rows in (TABLE, NEW):
        np.testing.assert_array_equal(parts.decision_function(rows), whole.decision_function(rows))
    assert parts.n_samples_seen_ == len(TABLE)
    np.testing.assert_array_equal(parts.p_values(NEW), whole.p_values(NEW))


def test_of_too_many_samples_a_uniform_choice_is_kept(monkeypatch):
    monkeypatch.setattr(module, "MOST_SAMPLES", 40)
    shares = []
    for seed in range(60):
        detector = AnomalyDetector(random_state=seed).fit(TABLE[:60])
        for start in range(60, 120, 20):
            detector.partial_fit(TABLE[start : start + 20])
        kept = detector.row_score_.neighbors.reference
        assert len(kept) == 40
        shares.append([np.isin(kept[:, 0], TABLE[i : i + 20, 0]).sum() for i in range(0, 120, 20)])
    # 40 of 120 are kept, so 6.7 of each 20, with a standard error of 0.25 of the mean.
    np.testing.assert_allclose(np.mean(shares, axis=0), 40 / 6, atol=1)


def test_names_and_columns_stay():
    data = datasets.open(FRAME)
    detector = AnomalyDetector().fit(data.X_train, columns=data.columns)
    assert detector.partial_fit(data.X_train + 1).columns_ == data.columns
    frame = pd.DataFrame(TABLE, columns=list("abcde"))
    detector = AnomalyDetector().fit(frame).partial_fit(frame + 1)
    assert list(detector.feature_names_in_) == list("abcde")
    with pytest.raises(ValueError, match="feature names should match"):
        detector.partial_fit(frame[["b", "a", "c", "d", "e"]])


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"autoencoder": Autoencoder(2)}, "autoencoder"),
        ({"contamination": 0.1}, "contamination"),
        ({"max_false_positive_rate": 0.1}, "max_false_positive_rate"),
        ({"scoring": "squared-error"}, "scoring"),
    ],
)
def test_only_neighbors_are_added(settings, name):
    with pytest.raises(AttributeError, match="partial_fit") as refused:
        AnomalyDetector(**settings).partial_fit(TABLE)
    assert str(refused.value.__cause__).startswith(f"{name} must be ")


# --- columns and files ------------------------------------------------------------------------

FRAME = pd.DataFrame(
    {"age": [31.0, 54.0, 40.0, 28.0] * 5, "town": ["Kobe", "Oslo", "Bonn", "Kobe"] * 5}
)


@pytest.mark.parametrize("autoencoder", [None, Autoencoder(2, **FEW)])
def test_the_columns_of_a_table_survive_the_file(autoencoder, tmp_path):
    data = datasets.open(FRAME)
    detector = AnomalyDetector(autoencoder).fit(data.X_train, columns=data.columns)
    again = load(detector.save(tmp_path / "detector.safetensors"))
    new = pd.DataFrame({"age": [99.0], "town": ["Oslo"]})
    rows = datasets.open(new, columns=again.columns_).X_train
    assert rows.shape == (1, 4)
    np.testing.assert_array_equal(again.score_samples(rows), detector.score_samples(rows))
    assert not hasattr(detector.fit(data.X_train), "columns_")


def test_columns_that_become_other_features_are_refused(refusal):
    message = refusal(
        SettingError, AnomalyDetector().fit, TABLE, columns=datasets.open(FRAME).columns
    )
    assert message.startswith("columns must describe 5 features, as X has, got 4.")


@EVERY
def test_a_detector_survives_its_file_bit_for_bit(detector, tmp_path):
    X, _ = with_outliers(9)
    path = detector.fit(X).save(tmp_path / "detector.safetensors")
    again = load(path)
    for rows in (X, DIGITS.X_test):
        np.testing.assert_array_equal(
            again.decision_function(rows), detector.decision_function(rows)
        )
        np.testing.assert_array_equal(again.anomaly_map(rows), detector.anomaly_map(rows))
    assert (again.scoring_, again.threshold_) == (detector.scoring_, detector.threshold_)
    assert again.save(tmp_path / "again").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("name", "spoil", "what"),
    [
        ("neighbors.tails", lambda value: value[:, ::-1], "sorted"),
        ("neighbors.tails", lambda value: value[:2], "fit together"),
        ("neighbors.reference", lambda value: value[1:], "fit together"),
        ("neighbors.reference", lambda value: value[:, 1:], "shape"),
        ("neighbors.reference", lambda value: value * np.nan, "finite"),
        ("neighbors.fill", lambda value: value.astype(np.float32), "float32"),
    ],
)
def test_a_file_whose_neighbors_cannot_have_been_learned_is_refused(name, spoil, what, tmp_path):
    header, tensors = read_model_file(AnomalyDetector().fit(TABLE).save(tmp_path / "good"))
    tensors[f"detector.{name}"] = spoil(tensors[f"detector.{name}"])
    with pytest.raises(ModelFileError, match=re.escape(what)):
        load(write_model_file(tmp_path / "bad", header, tensors))


def test_a_file_whose_cross_fitted_scores_have_no_order_is_refused(tmp_path):
    detector = AnomalyDetector(Autoencoder(2, **FEW)).fit(ZEROS)
    header, tensors = read_model_file(detector.save(tmp_path / "good"))
    tensors["detector.cross_fitted.keys"] = tensors["detector.cross_fitted.keys"][::-1]
    with pytest.raises(ModelFileError, match="do not fit their keys"):
        load(write_model_file(tmp_path / "bad", header, tensors))
