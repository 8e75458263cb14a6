"""p-values of normal samples are uniform, and their false discoveries are controlled."""

import numpy as np
import pytest

from utsushi import AnomalyDetector, Autoencoder, load
from utsushi._utils.safetensors_io import read_model_file, write_model_file
from utsushi.evaluation import benjamini_hochberg
from utsushi.exceptions import ModelFileError, SettingError

FEW = {"n_components": 2, "hidden": (4,), "max_epochs": 2, "random_state": 0}
N_DRAWS = 60


def normal(n, rng):
    return rng.normal(size=(n, 3)) * [1, 10, 0.1]


def within(rates, expected):
    """Tell whether a mean over draws is at most an expectation, within three standard errors."""
    return np.mean(rates) <= expected + 3 * np.std(rates, ddof=1) / np.sqrt(len(rates))


@pytest.mark.parametrize("level", [0.05, 0.2])
def test_held_out_p_values_cover(level):
    rates = []
    for seed in range(N_DRAWS):
        rng = np.random.default_rng(seed)
        detector = AnomalyDetector(max_false_positive_rate=0.2, holdout_fraction=0.5)
        detector.fit(normal(98, rng))
        rates.append((detector.p_values(normal(200, rng)) <= level).mean())
    assert within(rates, level)
    # 49 held-out samples: the probability is 0.04 and 0.2, and not far below it.
    exact = np.floor(level * 50 + 1e-9) / 50
    assert np.mean(rates) == pytest.approx(exact, abs=0.02)


@pytest.mark.parametrize("autoencoder", [None, Autoencoder(**FEW)])
def test_training_p_values_cover_approximately(autoencoder):
    rates = []
    for seed in range(N_DRAWS if autoencoder is None else 5):
        rng = np.random.default_rng(seed)
        detector = AnomalyDetector(autoencoder).fit(normal(99, rng))
        rates.append((detector.p_values(normal(200, rng)) <= 0.1).mean())
    assert np.mean(rates) == pytest.approx(0.1, abs=0.03)


def test_a_p_value_below_the_rate_is_a_score_below_the_threshold():
    rng = np.random.default_rng(0)
    detector = AnomalyDetector(max_false_positive_rate=0.1).fit(normal(500, rng))
    rows = normal(1000, rng) * 1.5
    below = detector.p_values(rows) <= 0.1
    scores = detector.score_samples(rows)
    np.testing.assert_array_equal(
        below[scores != detector.offset_], (scores < detector.offset_)[scores != detector.offset_]
    )
    assert detector.p_values(np.full((1, 3), 1e6)) == 1 / (len(detector.calibration_scores_) + 1)


@pytest.mark.parametrize("rate", [0.1, 0.3])
def test_false_discoveries_of_a_batch_are_controlled(rate):
    shares, found = [], []
    for seed in range(N_DRAWS):
        rng = np.random.default_rng(seed)
        detector = AnomalyDetector(max_false_positive_rate=0.1, holdout_fraction=0.5)
        detector.fit(normal(400, rng))
        batch = np.concatenate([normal(80, rng), normal(20, rng) + np.array([8, 0, 0])])
        selected = benjamini_hochberg(detector.p_values(batch), false_discovery_rate=rate)
        shares.append(selected[:80].sum() / max(selected.sum(), 1))
        found.append(selected[80:].mean())
    assert within(shares, 0.8 * rate)
    assert np.mean(found) > 0.8


def test_contaminated_training_samples_have_no_p_values(refusal, tmp_path):
    X = normal(60, np.random.default_rng(0))
    detector = AnomalyDetector(contamination=0.1).fit(X)
    message = refusal(SettingError, detector.p_values, X)
    assert message.startswith("p_values needs a detector fitted to normal samples, got contam")
    again = load(detector.save(tmp_path / "detector.safetensors"))
    assert again.calibration_scores_ is None


def test_p_values_survive_the_file(tmp_path, refusal):
    X = normal(60, np.random.default_rng(0))
    detector = AnomalyDetector().fit(X)
    path = detector.save(tmp_path / "detector.safetensors")
    np.testing.assert_array_equal(load(path).p_values(X), detector.p_values(X))
    header, tensors = read_model_file(path)
    scores = tensors.pop("detector.calibration_scores")
    old = load(write_model_file(tmp_path / "old", header, tensors))
    assert "Fit it again" in refusal(SettingError, old.p_values, X)
    tensors["detector.calibration_scores"] = scores[::-1].copy()
    with pytest.raises(ModelFileError, match="not sorted"):
        load(write_model_file(tmp_path / "bad", header, tensors))
