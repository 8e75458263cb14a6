"""Conditional models: the decoder is told the class, the encoder is not."""

import numpy as np
import pytest

from utsushi import AnomalyDetector, Recipe, VariationalAutoencoder, datasets, load
from utsushi.exceptions import DataError, SettingError

DIGITS = datasets.load_digits8x8()
X, Y = DIGITS.X_train, DIGITS.y_train
SETTINGS = {"n_components": 2, "hidden": (64,), "random_state": 0, "conditional": True}


@pytest.fixture(scope="module")
def model():
    return VariationalAutoencoder(**SETTINGS, max_epochs=25).fit(X, Y)


def class_means():
    return np.stack([X[digit == Y].mean(axis=0) for digit in range(10)])


def nearest_class(rows):
    return ((rows[:, None] - class_means()) ** 2).sum(-1).argmin(1)


def test_samples_are_of_the_class_that_is_asked_for(model):
    for digit in (0, 3, 6):
        made = nearest_class(model.sample(40, y=digit, random_state=0))
        assert (made == digit).mean() > 0.8
    asked = np.arange(10)
    assert (nearest_class(model.sample(10, y=asked, random_state=0)) == asked).mean() >= 0.7


def test_a_learned_sampler_learns_the_codes_of_each_class(tmp_path):
    model = VariationalAutoencoder(**SETTINGS | {"n_components": 6}, sampler="gaussian").fit(X, Y)
    made = np.stack([nearest_class(model.sample(40, y=c, random_state=0)) for c in range(10)])
    assert (made == np.arange(10)[:, None]).mean() > 0.9
    # All classes at once, and after a round trip, the same codes are drawn.
    asked = np.repeat(np.arange(10), 3)
    drawn = model.sample(30, y=asked, random_state=1)
    again = load(model.save(tmp_path / "m.safetensors"))
    np.testing.assert_array_equal(again.sample(30, y=asked, random_state=1), drawn)
    refitted = again.fit_sampler(X, Y)
    np.testing.assert_array_equal(refitted.sample(30, y=asked, random_state=1), drawn)
    with pytest.raises(DataError, match=r"y must be the class of each sample .*, got None"):
        again.fit_sampler(X)


def test_a_class_of_few_rows_is_drawn_from_all_codes():
    labels = np.where(np.arange(len(X)) < 3, "rare", "common")
    model = VariationalAutoencoder(**SETTINGS, max_epochs=1, sampler="gaussian").fit(X, labels)
    rare = model.class_samplers_[model.classes_.labels.tolist().index("rare")]
    np.testing.assert_array_equal(rare.mean_, model.sampler_.mean_)


def test_without_a_class_samples_are_of_all_classes(model):
    made = nearest_class(model.sample(400, random_state=0))
    assert len(np.unique(made)) == 10


def test_the_code_needs_no_class_and_the_copy_does(model):
    codes = model.transform(DIGITS.X_test)
    assert codes.shape == (len(DIGITS.X_test), 2)
    np.testing.assert_array_equal(
        model.inverse_transform(codes, DIGITS.y_test),
        model.reconstruct(DIGITS.X_test, DIGITS.y_test),
    )
    wrong = model.reconstruct(DIGITS.X_test, (DIGITS.y_test + 1) % 10)
    right = model.reconstruct(DIGITS.X_test, DIGITS.y_test)
    errors = [((DIGITS.X_test - rows) ** 2).mean() for rows in (right, wrong)]
    assert errors[0] < 0.6 * errors[1]


def test_the_right_class_has_the_higher_score(model):
    right = model.score_samples(DIGITS.X_test, DIGITS.y_test)
    wrong = model.score_samples(DIGITS.X_test, (DIGITS.y_test + 1) % 10)
    assert (right > wrong).mean() > 0.9
    assert model.score(DIGITS.X_test, DIGITS.y_test) == pytest.approx(right.mean())
    assert model.log_likelihood(DIGITS.X_test[:9], DIGITS.y_test[:9]).shape == (9,)


def test_a_class_tells_more_than_none(model):
    plain = VariationalAutoencoder(**{**SETTINGS, "conditional": False}, max_epochs=25).fit(X, Y)
    assert model.score(DIGITS.X_test, DIGITS.y_test) > plain.score(DIGITS.X_test) + 2


def test_a_drawn_reconstruction_takes_the_class(model):
    drawn = model.reconstruct(X[:5], Y[:5], sample=True, random_state=0)
    assert not np.array_equal(drawn, model.reconstruct(X[:5], Y[:5]))


@pytest.mark.parametrize("labels", [Y, Y.astype(str), Y.astype(float), Y.astype(object)])
def test_classes_are_integers_or_strings(labels, tmp_path):
    model = VariationalAutoencoder(**SETTINGS, max_epochs=1).fit(X, labels)
    again = load(model.save(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(
        again.score_samples(X[:40], labels[:40]), model.score_samples(X[:40], labels[:40])
    )
    np.testing.assert_array_equal(again.sample(5, random_state=1), model.sample(5, random_state=1))
    assert again.classes_.labels.tolist() == sorted(set(model.classes_.labels.tolist()))


def test_held_out_rows_have_their_classes():
    settings = {**SETTINGS, "max_epochs": 2}
    split = VariationalAutoencoder(**settings, recipe=Recipe(validation_fraction=0.2)).fit(X, Y)
    given = VariationalAutoencoder(**settings).fit(X, Y, validation_data=(X[:50], Y[:50]))
    for model in (split, given):
        assert np.isfinite(model.history_[-1]["validation_objective"])
    with pytest.raises(SettingError, match=r"validation_data=\(X, y\)"):
        VariationalAutoencoder(**settings).fit(X, Y, validation_data=X[:50])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "y must be .*, got None"),
        (Y[:-1], rf"y must have the shape \({len(Y)},\).*, got \({len(Y) - 1},\)"),
        (Y + 0.5, "y must hold integers or strings, got float"),
        (np.stack([Y, Y], axis=1), rf"y must have the shape .*, got \({len(Y)}, 2\)"),
    ],
)
def test_labels_that_are_no_classes_are_refused(y, message):
    with pytest.raises(DataError, match=message):
        VariationalAutoencoder(**SETTINGS, max_epochs=1).fit(X, y)


@pytest.mark.parametrize("y", [10, -1, "three", None])
def test_an_unknown_class_is_named(model, y):
    with pytest.raises(DataError, match="y" if y is None else repr(y)):
        model.reconstruct(X[:3], y)


def test_other_models_ignore_y():
    settings = {**SETTINGS, "conditional": False, "max_epochs": 1}
    model = VariationalAutoencoder(**settings).fit(X, Y)
    np.testing.assert_array_equal(model.score_samples(X[:9], Y[:9]), model.score_samples(X[:9]))
    np.testing.assert_array_equal(
        model.sample(3, y=4, random_state=0), model.sample(3, random_state=0)
    )


def test_a_detector_refuses_a_conditional_model():
    with pytest.raises(SettingError, match="conditional must be False"):
        AnomalyDetector(VariationalAutoencoder(**SETTINGS, max_epochs=1)).fit(X)
