"""The scores of a detector, the threshold by a rate, and what a file keeps of both."""

import math
import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import roc_auc_score
from sklearn.mixture import GaussianMixture

from utsushi import AnomalyDetector, Autoencoder, VariationalAutoencoder, datasets, load
from utsushi._utils.safetensors_io import read_model_file, write_model_file
from utsushi._utils.seeds import Purpose, numpy_generator
from utsushi.estimators.anomaly_scores import (
    PARTS,
    SCORES,
    RowScore,
    conformal_offset,
    fewest_of_rank,
)
from utsushi.exceptions import ModelFileError, SettingError

DIGITS = datasets.load_digits8x8()
ZEROS = DIGITS.X_train[DIGITS.y_train == 0]
SMALL = {"n_components": 3, "hidden": (32,), "random_state": 0, "max_epochs": 20}
MODEL = Autoencoder(**SMALL).fit(ZEROS)
VARIATIONAL = VariationalAutoencoder(**SMALL).fit(ZEROS)
PAIR = ("relative-error", "code-density")
EVERY = pytest.mark.parametrize("score", [*SCORES, PAIR], ids=str)


def fitted(score, X=ZEROS, model=VARIATIONAL, **settings):
    return AnomalyDetector(FrozenEstimator(model), scoring=score, **settings).fit(X)


def scores_of(score, X=DIGITS.X_test, model=VARIATIONAL):
    return fitted(score, model=model).score_samples(X)


# --- the scores -------------------------------------------------------------------------------


@EVERY
def test_every_score_is_higher_for_zeros_than_for_what_is_far_from_them(score):
    normal, far = ZEROS[:100], ZEROS[:100] * np.linspace(-9, 9, 64, dtype=np.float32)
    scores = scores_of(score, np.concatenate([normal, far]))
    assert scores.dtype == np.float64
    assert roc_auc_score(np.arange(200) < 100, scores) > 0.95


@pytest.mark.parametrize("score", ["squared-error", "relative-error", "bound", "combined", PAIR])
def test_the_scores_with_an_error_tell_zeros_from_other_digits(score):
    assert roc_auc_score(DIGITS.y_test == 0, scores_of(score)) > 0.97


def test_an_autoencoders_squared_error_is_its_own_score():
    np.testing.assert_allclose(
        scores_of("squared-error", model=MODEL), MODEL.score_samples(DIGITS.X_test), rtol=1e-4
    )


def test_a_variational_squared_error_goes_through_the_mean_code():
    missing = (DIGITS.X_test - VARIATIONAL.reconstruct(DIGITS.X_test)) / VARIATIONAL.scaling_.scale
    expected = -np.square(missing.astype(np.float64)).sum(axis=1)
    np.testing.assert_allclose(scores_of("squared-error"), expected, rtol=1e-5)


def test_the_squared_error_is_in_scaled_units():
    model = Autoencoder(**SMALL, scaling="standard").fit(1000.0 * ZEROS)
    scores = AnomalyDetector(FrozenEstimator(model), scoring="squared-error").fit(1000.0 * ZEROS)
    np.testing.assert_allclose(
        scores.score_samples(1000.0 * ZEROS), model.score_samples(1000.0 * ZEROS), rtol=1e-3
    )


def test_the_relative_error_is_the_error_over_the_size_and_a_hundredth_of_the_mean_size():
    sizes = np.square(DIGITS.X_test, dtype=np.float64).sum(axis=1)
    least = 0.01 * np.square(ZEROS, dtype=np.float64).sum(axis=1).mean()
    expected = scores_of("squared-error") / (sizes + least)
    np.testing.assert_allclose(scores_of("relative-error"), expected, rtol=1e-5)


def test_the_bound_is_the_variational_models_own_score():
    np.testing.assert_array_equal(scores_of("bound"), VARIATIONAL.score_samples(DIGITS.X_test))


def test_only_a_variational_model_has_a_bound():
    with pytest.raises(SettingError, match=r"scoring must .*, got .*'squared-error'"):
        fitted("bound", model=MODEL)


def test_the_mahalanobis_distance_is_that_of_the_shrunk_covariance_of_the_codes():
    from sklearn.covariance import LedoitWolf

    shrunk = LedoitWolf().fit(MODEL.transform(ZEROS).astype(np.float64))
    covariance = shrunk.covariance_ + 1e-3 * np.trace(shrunk.covariance_) / 3 * np.eye(3)
    centred = MODEL.transform(DIGITS.X_test).astype(np.float64) - shrunk.location_
    expected = -np.einsum("ni,ij,nj->n", centred, np.linalg.inv(covariance), centred)
    np.testing.assert_allclose(scores_of("mahalanobis", model=MODEL), expected, rtol=1e-8)


def test_the_code_density_is_that_of_scikit_learns_mixture():
    detector = fitted("code-density", model=MODEL)
    state = detector.row_score_.state
    mixture = GaussianMixture(len(state["density.weights"]))
    mixture.weights_, mixture.means_ = state["density.weights"], state["density.means"]
    mixture.precisions_cholesky_ = np.linalg.inv(state["density.factors"]).transpose(0, 2, 1)
    codes = MODEL.transform(DIGITS.X_test).astype(np.float64)
    np.testing.assert_allclose(
        detector.score_samples(DIGITS.X_test), mixture.score_samples(codes), rtol=1e-8
    )


def test_combined_scores_are_added_in_robust_units_of_the_normal_rows():
    def units(values, normal):
        centre = np.median(normal)
        return (values - centre) / (1.4826 * np.median(np.abs(normal - centre)))

    expected = sum(units(scores_of(s), scores_of(s, ZEROS)) for s in ("auto", "mahalanobis"))
    np.testing.assert_allclose(scores_of("combined"), expected, rtol=1e-9)
    np.testing.assert_array_equal(scores_of("combined"), scores_of(("auto", "mahalanobis")))


@pytest.mark.parametrize("score", ["best", ("auto", "best"), (), ("auto", "auto"), ("combined",)])
def test_a_score_that_there_is_not_is_named(score):
    with pytest.raises(ValueError, match="scoring"):
        fitted(score)


@EVERY
@pytest.mark.parametrize("scaling", ["center", "standard", "minmax"])
def test_a_constant_column_that_lights_up_has_a_finite_score(score, scaling):
    rows = ZEROS.copy()
    rows[:, :10] = 0.3
    model = VariationalAutoencoder(**SMALL, scaling=scaling).fit(rows)
    lit = rows.copy()
    lit[0, 0] = 1.0
    scores = fitted(score, rows, model).score_samples(lit)
    assert np.isfinite(scores).all()
    # It moved by less than a whole unit, and must not weigh more than a row that is all wrong.
    wrong = fitted(score, rows, model).score_samples(1 - rows[:1])
    assert scores[0] > wrong[0]


@EVERY
def test_rows_that_are_all_alike_have_finite_scores(score):
    rows = np.zeros((20, 4))
    model = VariationalAutoencoder(2, hidden=(4,), max_epochs=1, random_state=0).fit(rows)
    assert np.isfinite(fitted(score, rows, model).score_samples(np.eye(4))).all()


def test_a_code_that_hardly_moved_in_training_does_not_outweigh_the_others():
    class Copy(Autoencoder):
        def _vectors(self, X):
            return np.asarray(X)

    rng = np.random.default_rng(0)
    codes = rng.standard_normal((200, 3)) * [1.0, 1.0, 1e-5]
    score = RowScore.learn(("mahalanobis",), Copy(), codes, codes)
    beside = np.array([[0.0, 0.0, 0.1]])
    assert score(Copy(), beside, beside)[0] > -20


# --- the threshold by a false-positive rate ---------------------------------------------------


@pytest.mark.parametrize(("n", "rate", "k"), [(99, 0.01, 1), (100, 0.05, 5), (99, 0.29, 29)])
def test_the_threshold_is_the_kth_smallest_score(n, rate, k):
    scores = np.random.default_rng(0).permutation(n).astype(float)
    assert conformal_offset(scores, rate) == k - 1


@pytest.mark.parametrize("rate", [0.01, 0.05, 0.07, 0.29, 1 / 3, 0.9])
def test_no_more_rows_are_held_out_than_the_rank_of_the_threshold_needs(rate):
    for n in range(math.ceil(1 / rate) - 1, 300):
        fewest = fewest_of_rank(rate, n)
        k = math.floor(rate * (n + 1) + 1e-9)
        assert fewest <= n
        assert k / (fewest + 1) <= rate + 1e-9 < k / fewest
        # The threshold is the same order statistic, so its expected rate is nearer to the given.
        scores = np.arange(n, dtype=float)
        assert conformal_offset(scores[:fewest], rate) == conformal_offset(scores, rate) == k - 1


@pytest.mark.parametrize("rate", [0.05, 0.1, 0.25])
def test_all_rows_given_to_a_frozen_model_are_held_out(rate):
    detector = fitted("squared-error", max_false_positive_rate=rate)
    scores = np.sort(detector.score_samples(ZEROS))
    assert detector.offset_ == scores[int(rate * (len(ZEROS) + 1)) - 1]


def test_the_autoencoder_does_not_see_the_rows_that_are_held_out():
    X = DIGITS.X_train[:100]
    detector = AnomalyDetector(
        Autoencoder(**SMALL), max_false_positive_rate=0.2, holdout_fraction=0.3
    ).fit(X)
    order = numpy_generator(SMALL["random_state"], Purpose.SPLIT, 1).permutation(100)
    # The centre is the mean of what it was fitted to.
    # 30 rows may be held out. k = 0.2 * 31 = 6.2, rounded down, and 29 rows are enough for it.
    expected = X[order[29:]].mean(axis=0)
    np.testing.assert_allclose(detector.autoencoder_.scaling_.offset, expected, atol=1e-6)
    scores = np.sort(detector.score_samples(X[order[:29]]))
    assert detector.offset_ == scores[5]


def test_new_normal_rows_are_flagged_as_often_as_was_asked():
    rng = np.random.default_rng(0)
    model = Autoencoder(n_components=2, hidden=(8,), random_state=0, max_epochs=5)
    rates = []
    for _ in range(20):
        X = rng.standard_normal((400, 6)) @ np.diag([3, 2, 1, 0.5, 0.5, 0.5])
        detector = AnomalyDetector(model, scoring="combined", max_false_positive_rate=0.1)
        new = rng.standard_normal((2000, 6)) @ np.diag([3, 2, 1, 0.5, 0.5, 0.5])
        rates.append((detector.fit(X).predict(new) == -1).mean())
    # k / (n + 1) = 4 / 40 is expected; a threshold of 39 rows spreads by about 0.047 each time.
    assert np.mean(rates) == pytest.approx(0.1, abs=3 * 0.047 / np.sqrt(20))


@pytest.mark.parametrize(
    ("score", "model", "needed"),
    [
        ("auto", Autoencoder(**SMALL), 495),
        ("combined", Autoencoder(**SMALL), 990),
        ("auto", FrozenEstimator(MODEL), 99),
        ("mahalanobis", FrozenEstimator(MODEL), 495),
        (("auto", "squared-error"), FrozenEstimator(MODEL), 198),
    ],
)
def test_too_few_rows_for_a_rate_are_refused_with_how_many_are_needed(score, model, needed):
    detector = AnomalyDetector(model, scoring=score, max_false_positive_rate=0.01)
    rows = np.resize(ZEROS, (needed, 64))
    with pytest.raises(SettingError, match=rf"needs 99 held-out.*Give at least {needed} samples"):
        clone(detector).fit(rows[:-1])
    if isinstance(model, FrozenEstimator):
        assert np.isfinite(clone(detector).fit(rows).offset_)


@pytest.mark.parametrize(
    ("name", "value"), [("max_false_positive_rate", 0.0), ("holdout_fraction", 1.0)]
)
def test_a_rate_or_a_fraction_that_is_none_is_refused(name, value):
    with pytest.raises(ValueError, match=name):
        fitted("auto", **{name: value})


def test_the_same_seed_holds_the_same_rows_out():
    detector = AnomalyDetector(Autoencoder(**SMALL), max_false_positive_rate=0.2)
    assert clone(detector).fit(ZEROS).offset_ == clone(detector).fit(ZEROS).offset_


def test_a_frozen_model_with_column_names_can_hold_rows_out():
    import pandas as pd

    frame = pd.DataFrame(ZEROS, columns=[f"pixel {index}" for index in range(64)])
    model = FrozenEstimator(Autoencoder(**SMALL).fit(frame))
    detector = AnomalyDetector(model, scoring="combined", max_false_positive_rate=0.2).fit(frame)
    assert detector.predict(frame).shape == (len(frame),)


# --- files ------------------------------------------------------------------------------------


@EVERY
def test_every_score_survives_its_file(score, tmp_path):
    detector = fitted(score, max_false_positive_rate=0.2, holdout_fraction=0.5)
    path = detector.save(tmp_path / "detector.safetensors")
    again = load(path)
    np.testing.assert_array_equal(
        again.decision_function(DIGITS.X_test), detector.decision_function(DIGITS.X_test)
    )
    parameters = [again.scoring, again.max_false_positive_rate, again.holdout_fraction]
    assert parameters == [score, 0.2, 0.5]
    assert again.save(tmp_path / "again").read_bytes() == path.read_bytes()


def test_a_file_of_before_there_were_scores_still_loads(tmp_path):
    detector = fitted("auto", contamination=0.2)
    header, tensors = read_model_file(detector.save(tmp_path / "new"))
    kept = ("contamination", "feature_names_in", "offset")
    header["detector"] = {name: header["detector"][name] for name in kept}
    again = load(write_model_file(tmp_path / "old", header, tensors))
    np.testing.assert_array_equal(again.predict(DIGITS.X_test), detector.predict(DIGITS.X_test))
    assert (again.scoring, again.max_false_positive_rate) == ("auto", None)


@pytest.mark.parametrize(
    ("name", "spoil", "what"),
    [
        ("mahalanobis.factor", lambda value: value[:2, :2], "shape"),
        ("mahalanobis.factor", lambda value: value * 0, "above zero"),
        ("density.weights", lambda value: -value, "above zero"),
        ("density.weights", lambda value: np.append(value, 0.1), "fit together"),
        ("spread", lambda value: value * np.nan, "finite"),
        ("centre", lambda value: value.astype(np.float32), "float32"),
    ],
)
def test_a_file_whose_score_cannot_have_been_learned_is_refused(name, spoil, what, tmp_path):
    detector = fitted(("mahalanobis", "code-density"), ZEROS)
    header, tensors = read_model_file(detector.save(tmp_path / "good"))
    tensors[f"detector.{name}"] = spoil(tensors[f"detector.{name}"])
    with pytest.raises(ModelFileError, match=re.escape(what)):
        load(write_model_file(tmp_path / "bad", header, tensors))


def test_a_file_that_lacks_what_its_score_learned_is_refused(tmp_path):
    header, tensors = read_model_file(fitted("mahalanobis").save(tmp_path / "good"))
    del tensors["detector.mahalanobis.mean"]
    with pytest.raises(ModelFileError, match="missing"):
        load(write_model_file(tmp_path / "bad", header, tensors))


def test_the_single_scores_are_all_names():
    assert set(PARTS) < set(SCORES)


@pytest.mark.parametrize("scoring", [[[1]], [["combined"]], ("auto", 1), (None,), ()], ids=repr)
def test_a_score_that_is_no_name_is_refused_in_one_line(scoring, refusal):
    message = refusal(SettingError, AnomalyDetector(scoring=scoring).fit, ZEROS)
    assert message.startswith("scoring must be 'combined', one of auto, ")
    assert message.endswith(f", got {scoring!r}.")
