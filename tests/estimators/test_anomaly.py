"""The detector: its scores are the autoencoder's, its threshold is a percentile of them."""

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score

from utsushi import AnomalyDetector, Autoencoder, VariationalAutoencoder, datasets, load
from utsushi.exceptions import DataError, SettingError

DIGITS = datasets.load_digits8x8()
ZEROS = DIGITS.X_train[DIGITS.y_train == 0]
SMALL = {"n_components": 3, "hidden": (32,), "random_state": 0, "max_epochs": 20}
BOTH = pytest.mark.parametrize("autoencoder", [Autoencoder, VariationalAutoencoder])


@BOTH
def test_the_scores_are_the_autoencoders(autoencoder):
    detector = AnomalyDetector(autoencoder(**SMALL)).fit(ZEROS)
    expected = detector.autoencoder_.score_samples(DIGITS.X_test)
    np.testing.assert_array_equal(detector.score_samples(DIGITS.X_test), expected)


@BOTH
def test_other_digits_are_told_from_the_one_that_was_learned(autoencoder):
    detector = AnomalyDetector(autoencoder(**SMALL)).fit(ZEROS)
    scores = detector.score_samples(DIGITS.X_test)
    assert roc_auc_score(DIGITS.y_test == 0, scores) > 0.98


@pytest.mark.parametrize("contamination", [0.05, 0.1, 0.5])
def test_the_part_of_the_training_rows_below_the_threshold_is_the_contamination(contamination):
    detector = AnomalyDetector(Autoencoder(**SMALL), contamination=contamination)
    outliers = detector.fit_predict(DIGITS.X_train) == -1
    assert outliers.mean() == pytest.approx(contamination, abs=1 / len(outliers))


def test_the_decision_is_the_score_above_the_offset():
    detector = AnomalyDetector(Autoencoder(**SMALL)).fit(ZEROS)
    decision = detector.decision_function(DIGITS.X_test)
    expected = detector.score_samples(DIGITS.X_test) - detector.offset_
    np.testing.assert_array_equal(decision, expected)
    np.testing.assert_array_equal(detector.predict(DIGITS.X_test), np.where(decision < 0, -1, 1))


def test_the_map_of_a_row_sums_to_its_squared_error():
    detector = AnomalyDetector(Autoencoder(**SMALL, scaling="standard")).fit(ZEROS)
    maps = detector.anomaly_map(DIGITS.X_test)
    assert maps.shape == DIGITS.X_test.shape
    scores = detector.score_samples(DIGITS.X_test)
    np.testing.assert_allclose(maps.sum(axis=1), -scores, rtol=1e-3)


def test_a_constant_column_that_lights_up_weighs_as_much_as_it_moved():
    rows = ZEROS.copy()
    rows[:, 0] = 0.0
    detector = AnomalyDetector(Autoencoder(**SMALL, scaling="standard")).fit(rows)
    lit = rows[:1].copy()
    lit[0, 0] = 1.0
    assert detector.anomaly_map(lit)[0, 0] < 2.0


def test_a_frozen_autoencoder_is_kept_as_it_is():
    model = Autoencoder(**SMALL).fit(ZEROS)
    detector = AnomalyDetector(FrozenEstimator(model)).fit(DIGITS.X_train)
    expected = model.score_samples(DIGITS.X_test)
    np.testing.assert_array_equal(detector.score_samples(DIGITS.X_test), expected)


def test_a_frozen_autoencoder_with_column_names_gets_them():
    names = [f"pixel {index}" for index in range(64)]
    frame = pd.DataFrame(ZEROS, columns=names)
    detector = AnomalyDetector(FrozenEstimator(Autoencoder(**SMALL).fit(frame))).fit(frame)
    assert detector.predict(frame).shape == (len(frame),)


def test_the_autoencoder_that_was_given_is_not_fitted():
    model = Autoencoder(**SMALL)
    AnomalyDetector(model).fit(ZEROS)
    with pytest.raises(NotFittedError):
        model.transform(ZEROS)


@BOTH
def test_a_detector_survives_its_file(autoencoder, tmp_path):
    detector = AnomalyDetector(autoencoder(**SMALL), contamination=0.2).fit(ZEROS)
    again = load(detector.save(tmp_path / "detector.safetensors"))
    np.testing.assert_array_equal(
        again.decision_function(DIGITS.X_test), detector.decision_function(DIGITS.X_test)
    )
    assert again.contamination == 0.2
    assert (
        again.save(tmp_path / "again").read_bytes()
        == (tmp_path / "detector.safetensors").read_bytes()
    )


def test_the_names_of_the_columns_survive_the_file(tmp_path):
    frame = pd.DataFrame(ZEROS, columns=[f"pixel {index}" for index in range(64)])
    detector = AnomalyDetector(Autoencoder(**SMALL)).fit(frame)
    again = load(detector.save(tmp_path / "detector.safetensors"))
    with pytest.raises(ValueError, match="feature names should match"):
        again.predict(frame[frame.columns[::-1]])


def test_a_frozen_detector_survives_its_file(tmp_path):
    model = FrozenEstimator(Autoencoder(**SMALL).fit(ZEROS))
    detector = AnomalyDetector(model).fit(ZEROS)
    again = load(detector.save(tmp_path / "detector.safetensors"))
    np.testing.assert_array_equal(again.predict(DIGITS.X_test), detector.predict(DIGITS.X_test))


def test_a_row_that_no_float_can_hold_is_never_called_normal():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)).astype(np.float32)
    far = X.copy()
    far[:, 0] = -3.4e38
    detector = AnomalyDetector(Autoencoder(2, hidden=(8,), max_epochs=2, random_state=0)).fit(X)
    with np.errstate(all="ignore"):
        assert (detector.predict(far) == -1).all()
    tiny = AnomalyDetector(
        Autoencoder(2, hidden=(8,), max_epochs=2, random_state=0, scaling="standard")
    ).fit(X * np.float32(1e-3))
    with pytest.raises(DataError, match=r"X must hold values near .* row 0, column 0"):
        tiny.predict(far)


def test_two_ways_to_set_the_threshold_are_refused():
    with pytest.raises(SettingError, match=r"contamination must be None .*, got 0\.2"):
        AnomalyDetector(contamination=0.2, max_false_positive_rate=0.1).fit(np.eye(4))
