"""Schedules and lengths."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from utsushi.training import FAST, FAST_VARIATIONAL, LECTURE, Recipe, suited_to

FRACTIONS = st.floats(0, 1)
CYCLE = Recipe(schedule="one-cycle", learning_rate=0.02, warmup_fraction=0.3)


@given(FRACTIONS)
def test_a_constant_schedule_is_constant(progress):
    assert LECTURE.rate(progress) == 1e-3


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
    assert CYCLE.replaced(warmup_fraction=0.0).rate(0.0) == pytest.approx(0.02)


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


@pytest.mark.parametrize("recipe", [FAST, FAST_VARIATIONAL])
def test_few_rows_are_passed_over_more_often(recipe):
    assert recipe.n_epochs(150) > recipe.max_epochs == recipe.n_epochs(10**6)


def test_explicit_epochs_are_exact():
    assert FAST.replaced(max_epochs=2).n_epochs(150) == 2


def test_settings_of_none_leave_the_recipe_as_it_is():
    assert FAST.replaced(batch_size=None).get_params() == FAST.get_params()


def test_replacing_does_not_change_the_original():
    recipe = Recipe()
    recipe.replaced(learning_rate=5.0)
    assert recipe.learning_rate == 1e-3


def test_a_setting_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="'learning_rate' parameter of Recipe"):
        Recipe().replaced(learning_rate=-1.0)


def test_the_lectures_recipe_is_adam_at_one_thousandth_in_batches_of_a_hundred():
    assert (LECTURE.learning_rate, LECTURE.batch_size, LECTURE.max_epochs) == (1e-3, 100, 30)
    assert (LECTURE.betas, LECTURE.weight_decay, LECTURE.min_steps) == ((0.9, 0.999), 0.0, 0)
    assert math.isclose(LECTURE.rate(0.0), LECTURE.rate(1.0))


# --- what the shape of the data decides ---------------------------------------------------------


@pytest.mark.parametrize(("recipe", "variational"), [(FAST, False), (FAST_VARIATIONAL, True)])
@pytest.mark.parametrize("n_rows", [784, 4_000, 16_000, 10**6])
def test_the_lectures_digits_are_trained_by_the_recipe_itself(recipe, variational, n_rows):
    suited = suited_to(recipe, 784, n_rows, variational=variational)
    assert suited.get_params() == recipe.get_params()


def test_a_table_is_trained_by_its_rows_within_a_budget_and_decay_gives_way_to_steps():
    few, some, many = (suited_to(FAST, 50, n) for n in (100, 4_000, 10**6))
    assert (few.min_steps, some.min_steps, many.min_steps) == (400, 2_000, 400 * 784 // 50)
    decays = [recipe.weight_decay * recipe.min_steps for recipe in (few, some, many)]
    assert decays == pytest.approx([decays[0]] * 3)
    assert suited_to(FAST_VARIATIONAL, 50, 4_000, variational=True).weight_decay == 0


def test_fewer_rows_than_columns_start_from_pca_at_a_rate_of_its_own():
    suited = suited_to(FAST, 200, 199)
    assert suited.start == "principal"
    assert suited.started(from_pca=True).learning_rate == suited.principal_rate < 1e-3
    assert suited.started(from_pca=False).get_params() == FAST.get_params()
    assert suited_to(FAST, 200, 200).get_params() == FAST.get_params()


@pytest.mark.parametrize("rows_per_column", [0.1, 2])
def test_the_rate_never_rises_with_the_columns(rows_per_column):
    rates = [
        suited_to(FAST, n, int(rows_per_column * n)).learning_rate for n in (200, 2_000, 20_000)
    ]
    assert rates == sorted(rates, reverse=True)
