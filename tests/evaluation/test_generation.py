"""How good generated rows are, beside real ones."""

import json

import numpy as np
import pytest

from utsushi import VariationalAutoencoder, datasets
from utsushi.evaluation import evaluate_generation
from utsushi.evaluation.extractor import EXTRACTED_ROWS, extract, name_of
from utsushi.exceptions import DataError, NonFiniteDataError, SettingError

FIGURES = ["frechet_distance", "kernel_distance", "precision", "recall"]
MEMORIZED = [
    "nearest_training_row",
    "nearest_training_row_held_out",
    "nearest_training_row_ratio",
    "share_memorized",
]


@pytest.fixture(scope="module")
def digits():
    return datasets.load_mnist20k()


@pytest.fixture(scope="module")
def small():
    return datasets.load_digits8x8(400)


def plain(rows):
    """The pixels themselves as features."""
    return np.asarray(rows, dtype=np.float64)


def test_real_digits_are_as_near_as_the_floor_says(digits):
    generated = digits.X_train[4000:4400]
    figures = evaluate_generation(generated, digits.X_test[:400], digits.X_train[:4000])
    for name in FIGURES:
        value, floor = figures[name], figures[f"real_{name}"]
        error = np.hypot(value["standard_error"], floor["standard_error"])
        assert abs(value["value"] - floor["value"]) < 5 * error
    assert figures["share_memorized"]["value"] < 0.05


def test_noise_is_told_from_digits(digits):
    noise = np.random.default_rng(0).random((200, 784), dtype=np.float32)
    figures = evaluate_generation(noise, digits.X_test[:200], digits.X_train[:400])
    assert figures["frechet_distance"]["value"] > 20 * figures["real_frechet_distance"]["value"]
    assert figures["kernel_distance"]["value"] > 10 * figures["kernel_distance"]["standard_error"]
    assert figures["recall"]["value"] < 0.1 < figures["real_recall"]["value"]


def test_digits_of_one_class_have_precision_but_no_recall(digits):
    ones = digits.X_train[digits.y_train == 1][:200]
    figures = evaluate_generation(ones, digits.X_test[:200])
    assert figures["precision"]["value"] > 0.7
    assert figures["recall"]["value"] < 0.3


def test_copies_of_training_rows_are_flagged(digits):
    train = digits.X_train[:300]
    figures = evaluate_generation(train[:100], digits.X_test[:100], train)
    assert figures["share_memorized"]["value"] == 1


def test_what_a_model_draws_can_be_measured(small):
    model = VariationalAutoencoder(n_components=4, hidden=(32,), max_epochs=5, random_state=0)
    drawn = model.fit(small.X_train).sample(400, random_state=0)
    figures = evaluate_generation(drawn, small.X_test, small.X_train, extractor=plain)
    assert figures["frechet_distance"]["value"] > figures["real_frechet_distance"]["value"]


def test_every_figure_has_its_error_and_its_rows(small):
    figures = evaluate_generation(small.X_train[:50], small.X_test, small.X_train, extractor=plain)
    for name in [*FIGURES, *[f"real_{name}" for name in FIGURES], *MEMORIZED]:
        assert set(figures[name]) == {"value", "standard_error", "n_rows", "seed"}
        assert figures[name]["standard_error"] >= 0
    assert figures["frechet_distance"]["n_rows"] == 50
    assert figures["real_frechet_distance"]["n_rows"] == 50
    assert (figures["n_generated"], figures["n_reference"], figures["seed"]) == (50, 400, 0)
    json.dumps(figures, allow_nan=False)


def test_the_result_says_what_it_cannot_be_compared_with(small):
    figures = evaluate_generation(small.X_train[:50], small.X_test, extractor=plain)
    assert figures["extractor"] == "plain"
    assert "not comparable" in figures["note"]
    assert "Inception" in figures["note"]
    assert "plain" in figures["note"]


def test_without_training_rows_there_is_no_floor(small):
    figures = evaluate_generation(small.X_train[:50], small.X_test, extractor=plain)
    assert not [name for name in figures if name.startswith("real_") or name in MEMORIZED]


def test_the_floor_takes_all_training_rows_where_they_are_few(small):
    figures = evaluate_generation(small.X_train, small.X_test, small.X_train[:60], extractor=plain)
    assert figures["real_frechet_distance"]["n_rows"] == 60


def test_the_figures_are_a_function_of_the_seed(small):
    def figures(seed):
        return evaluate_generation(
            small.X_train[:100],
            small.X_test,
            small.X_train,
            extractor=plain,
            random_state=seed,
        )

    assert figures(1) == figures(1)
    assert figures(1)["kernel_distance"] != figures(2)["kernel_distance"]
    assert figures(1)["real_frechet_distance"] != figures(2)["real_frechet_distance"]


def test_copies_among_copies_are_still_json():
    rows = np.zeros((40, 3))
    figures = evaluate_generation(rows, rows, rows, extractor=plain)
    assert figures["share_memorized"]["value"] == 1
    json.dumps(figures, allow_nan=False)


# --- the extractor ----------------------------------------------------------------------------


def test_an_extractor_sees_a_block_of_rows_at_a_time():
    seen = []

    def watching(rows):
        seen.append(len(rows))
        return rows

    X = np.random.default_rng(0).random((2 * EXTRACTED_ROWS + 7, 2))
    np.testing.assert_array_equal(extract(watching, X), X)
    assert seen == [EXTRACTED_ROWS, EXTRACTED_ROWS, 7]


@pytest.mark.parametrize(
    ("shape", "said"), [((8, 8), "8x8"), ((3, 28, 28), "3x28x28"), (None, "64 columns")]
)
def test_other_images_need_an_extractor(small, shape, said, refusal):
    message = refusal(
        SettingError, evaluate_generation, small.X_train, small.X_test, image_shape=shape
    )
    assert said in message
    assert message.startswith("extractor must be set")


def test_digits_that_are_not_in_the_unit_range_are_refused(digits, refusal):
    rows = digits.X_test[:50] * 255
    assert "0 to 255" in refusal(SettingError, evaluate_generation, rows, rows)


@pytest.mark.parametrize(
    "extractor",
    [
        lambda rows: rows.sum(),
        lambda rows: rows[:-1],
        lambda rows: rows[:, None, :],
        lambda rows: (rows > 0.5).astype(int),
    ],
)
def test_an_extractor_that_does_not_give_features_is_refused(small, extractor, refusal):
    message = refusal(
        SettingError,
        evaluate_generation,
        small.X_train[:50],
        small.X_test[:50],
        extractor=extractor,
    )
    assert "must return floats of shape (50, F)" in message


def test_an_extractor_whose_features_change_in_number_is_refused(refusal):
    X = np.zeros((EXTRACTED_ROWS + 1, 5))
    assert "got 1 and 2 features" in refusal(
        SettingError, extract, lambda rows: rows[:, : 1 + len(rows) % 2], X
    )


def test_an_extractor_that_gives_nan_is_refused(small, refusal):
    def broken(rows):
        return np.full((len(rows), 2), np.nan)

    assert "the extractor's output must be finite, got NaN" in refusal(
        NonFiniteDataError, evaluate_generation, small.X_train, small.X_test, extractor=broken
    )


class Pixels:
    def __call__(self, rows):
        return plain(rows)


def test_the_name_of_an_extractor_holds_no_address():
    assert name_of(Pixels()) == "Pixels"


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("generated", "reference", "train", "said"),
    [
        (
            np.zeros((19, 3)),
            np.zeros((50, 3)),
            None,
            "generated samples must have the shape (n, D) with n at least 20, got (19, 3)",
        ),
        (np.zeros((50, 3)), np.zeros((19, 3)), None, "the real samples must have the shape"),
        (
            np.zeros((50, 3)),
            np.zeros((50, 3)),
            np.zeros((5, 3)),
            "the training samples must have the shape",
        ),
        (
            np.zeros((50, 4)),
            np.zeros((50, 3)),
            None,
            "generated samples must have 3 features, as the real samples have, got 4",
        ),
        (
            np.zeros((50, 3)),
            np.zeros((50, 3)),
            np.zeros((50, 4)),
            "the training samples must have 3 features",
        ),
        (np.zeros(50), np.zeros((50, 3)), None, "got (50,)"),
        (
            np.full((50, 3), np.nan),
            np.zeros((50, 3)),
            None,
            "the generated data must be finite, got NaN",
        ),
    ],
)
def test_rows_that_say_nothing_are_refused(generated, reference, train, said, refusal):
    message = refusal(DataError, evaluate_generation, generated, reference, train, extractor=plain)
    assert said in message
