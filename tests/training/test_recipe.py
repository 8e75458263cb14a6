"""Schedules and lengths."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from utsushi import Autoencoder
from utsushi.training import LECTURE, Recipe, fast_settings

FRACTIONS = st.floats(0, 1)
CYCLE = Recipe(schedule="one-cycle", learning_rate=0.02, warmup_fraction=0.3)
ADAM = Recipe("lecture").completed({})
both_kinds = pytest.mark.parametrize("variational", [False, True])


def fast(n_features=784, n_rows=16_000, *, variational=False, **own):
    """Return a recipe that is completed for data of a shape."""
    return Recipe(**own).completed(fast_settings(n_features, n_rows, variational=variational))


@given(FRACTIONS)
def test_a_constant_schedule_is_constant(progress):
    assert ADAM.rate(progress) == 1e-3


@given(st.floats(0, 0.3), st.floats(0, 0.3))
def test_one_cycle_rises_during_its_warm_up(a, b):
    assert CYCLE.rate(min(a, b)) <= CYCLE.rate(max(a, b))


@given(st.floats(0.3, 1), st.floats(0.3, 1))
def test_one_cycle_falls_after_its_peak(a, b):
    assert CYCLE.rate(min(a, b)) >= CYCLE.rate(max(a, b))


def test_one_cycle_has_its_learning_rate_at_the_peak():
    assert CYCLE.rate(0.3) == pytest.approx(0.02)


def test_one_cycle_starts_above_zero():
    assert CYCLE.rate(0.0) == pytest.approx(0.02 / 25)


def test_one_cycle_ends_at_zero():
    assert CYCLE.rate(1.0) == 0.0


@given(st.floats(0, 1 - 1e-6))
def test_one_cycle_has_no_jump(progress):
    # Its steepest slope is that of the warm-up, 0.96 / 0.3 of the peak.
    change = abs(CYCLE.rate(progress + 1e-6) - CYCLE.rate(progress))
    assert change <= 0.02 * 3.3 * 1e-6


def test_one_cycle_without_warm_up_starts_at_the_peak():
    assert CYCLE.with_settings(warmup_fraction=0.0).rate(0.0) == pytest.approx(0.02)


@settings(deadline=None)
@given(st.integers(1, 5000), st.integers(1, 300), st.integers(0, 1000), st.integers(1, 40))
def test_there_are_at_least_min_steps_and_no_more_epochs_than_that_takes(
    n_rows, batch_size, min_steps, max_epochs
):
    recipe = Recipe(max_epochs=max_epochs, min_steps=min_steps, batch_size=batch_size)
    epochs, steps = recipe.n_epochs(n_rows), recipe.steps_per_epoch(n_rows)
    assert epochs * steps >= min_steps
    assert epochs == max_epochs or (epochs - 1) * steps < min_steps


def test_the_last_short_batch_is_a_step():
    assert Recipe(batch_size=100).steps_per_epoch(201) == 3


@both_kinds
def test_few_rows_are_passed_over_more_often(variational):
    recipe = fast(variational=variational)
    assert recipe.n_epochs(150) > recipe.max_epochs == recipe.n_epochs(10**6)


def test_other_settings_do_not_change_the_original():
    recipe = Recipe(learning_rate=1e-3)
    assert recipe.with_settings(learning_rate=5.0).learning_rate == 5.0
    assert recipe.learning_rate == 1e-3


@pytest.mark.parametrize(
    "setting",
    [
        {"name": "slow"},
        {"max_epochs": 0},
        {"min_steps": -1},
        {"batch_size": 2.5},
        {"learning_rate": -1.0},
        {"betas": (0.9,)},
        {"betas": (0.9, 1.0)},
        {"weight_decay": -0.1},
        {"start": "pca"},
        {"validation_fraction": 1.0},
        {"early_stopping": 0},
        {"precision": "float16"},
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_is_refused_by_its_name(setting):
    (name,) = setting
    with pytest.raises(ValueError, match=name):
        Recipe().with_settings(**setting)
    with pytest.raises(ValueError, match=name):
        Autoencoder(2, recipe=Recipe(**setting)).fit([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]])


def test_the_lectures_recipe_is_adam_at_one_thousandth_in_batches_of_a_hundred():
    assert (ADAM.learning_rate, ADAM.batch_size, ADAM.max_epochs) == (1e-3, 100, 30)
    assert (ADAM.betas, ADAM.weight_decay, ADAM.min_steps) == ((0.9, 0.999), 0.0, 0)
    assert math.isclose(ADAM.rate(0.0), ADAM.rate(1.0))


# --- completion ---------------------------------------------------------------------------------

SHAPES = [(784, 16_000), (20, 500), (3000, 100)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_none_is_what_the_name_stands_for(shape):
    for recipe, meant in ((fast(*shape), fast_settings(*shape)), (ADAM, LECTURE)):
        settings = recipe.get_params()
        assert {name: settings[name] for name in meant} == meant
        left = {name for name, value in settings.items() if value is None}
        assert left <= {"principal_rate", "early_stopping"}


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_what_is_set_is_kept(shape):
    own = {"batch_size": 7, "schedule": "constant", "weight_decay": 0.0, "early_stopping": 3}
    completed = fast(*shape, **own).get_params()
    assert completed == fast(*shape).get_params() | own


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_the_lectures_recipe_does_not_depend_on_the_shape(shape):
    assert Recipe("lecture").completed(fast_settings(*shape)).get_params() == ADAM.get_params()


@pytest.mark.parametrize("own", [{}, {"name": "lecture"}, {"max_epochs": 3}, {"learning_rate": 1}])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_a_completed_recipe_completes_to_itself(shape, own):
    completed = fast(*shape, **own)
    for other in SHAPES:
        assert completed.completed(fast_settings(*other)).get_params() == completed.get_params()


def test_completing_does_not_change_the_original():
    recipe = Recipe(batch_size=7)
    recipe.completed(fast_settings(784, 100))
    assert recipe.get_params() == Recipe(batch_size=7).get_params()


@both_kinds
def test_epochs_that_are_set_are_exact(variational):
    assert fast(variational=variational).min_steps > 0
    recipe = fast(variational=variational, max_epochs=2)
    assert (recipe.min_steps, recipe.n_epochs(150)) == (0, 2)


def test_steps_that_are_set_with_the_epochs_are_made():
    assert fast(max_epochs=2, min_steps=9, batch_size=100).n_epochs(330) == 3  # of 4 steps each


def test_a_rate_that_is_set_is_that_of_every_start():
    assert fast(200, 199).principal_rate is not None
    assert fast(200, 199, learning_rate=0.1).principal_rate is None
    assert fast(200, 199, learning_rate=0.1).started(from_pca=True).learning_rate == 0.1


# --- what the shape of the data decides ---------------------------------------------------------


@both_kinds
@pytest.mark.parametrize("n_rows", [784, 4_000, 10**6])
def test_the_number_of_digits_does_not_matter(variational, n_rows):
    of_lecture = fast(variational=variational)
    assert fast(784, n_rows, variational=variational).get_params() == of_lecture.get_params()


def test_a_table_is_trained_by_its_rows_within_a_budget_and_decay_gives_way_to_steps():
    few, some, many = (fast(50, n) for n in (100, 4_000, 10**6))
    assert (few.min_steps, some.min_steps, many.min_steps) == (400, 2_000, 400 * 784 // 50)
    decays = [recipe.weight_decay * recipe.min_steps for recipe in (few, some, many)]
    assert decays == pytest.approx([decays[0]] * 3)
    assert fast(50, 4_000, variational=True).weight_decay == 0


def test_fewer_rows_than_columns_start_from_pca_at_a_rate_of_its_own():
    suited = fast(200, 199)
    assert suited.start == "principal"
    assert suited.started(from_pca=True).learning_rate == suited.principal_rate < 1e-3
    assert suited.started(from_pca=False).get_params() == fast().get_params()
    assert fast(200, 200).get_params() == fast().get_params()


@pytest.mark.parametrize("rows_per_column", [0.1, 2])
def test_the_rate_never_rises_with_the_columns(rows_per_column):
    rates = [fast(n, int(rows_per_column * n)).learning_rate for n in (200, 2_000, 20_000)]
    assert rates == sorted(rates, reverse=True)
