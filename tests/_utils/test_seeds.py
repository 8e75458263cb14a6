"""Streams of random numbers as functions of a seed and a path."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from utsushi._utils.seeds import Purpose, generator, numpy_generator, seed_from

SEEDS = st.integers(0, 2**63 - 1)
PATHS = st.lists(st.integers(0, 2**31), max_size=3).map(tuple)


def torch_numbers(seed, path):
    return tuple(torch.rand(4, generator=generator(seed, *path)).tolist())


def numpy_numbers(seed, path):
    return tuple(numpy_generator(seed, *path).random(4))


@pytest.mark.parametrize("numbers", [torch_numbers, numpy_numbers])
@settings(deadline=None)
@given(seed=SEEDS, path=PATHS)
def test_the_same_path_gives_the_same_numbers(numbers, seed, path):
    assert numbers(seed, path) == numbers(seed, path)


@pytest.mark.parametrize("numbers", [torch_numbers, numpy_numbers])
@settings(deadline=None)
@given(first=st.tuples(SEEDS, PATHS), second=st.tuples(SEEDS, PATHS))
def test_different_paths_give_different_numbers(numbers, first, second):
    assert first == second or numbers(*first) != numbers(*second)


@pytest.mark.parametrize("numbers", [torch_numbers, numpy_numbers])
def test_a_path_and_its_beginning_are_different_streams(numbers):
    paths = [(), (0,), (0, 0), (0, 0, 0), (3,), (3, 1), (3, 1, 0), (1, 3)]
    assert len({numbers(0, path) for path in paths}) == len(paths)


def test_the_stream_of_a_seed_is_the_same_in_every_version():
    # Model files promise their scores: these numbers may only change with the file format.
    values = numpy_generator(4649, Purpose.NOISE, 1, 2).integers(1000, size=5).tolist()
    assert values == [408, 262, 196, 729, 784]


def test_purposes_have_different_numbers():
    assert len({int(purpose) for purpose in Purpose}) == len(Purpose)


def test_an_integer_is_its_own_seed():
    assert [seed_from(0), seed_from(np.int64(7))] == [0, 7]


def test_a_random_state_is_advanced_when_it_is_asked_for_a_seed():
    state = np.random.RandomState(0)
    assert seed_from(state) != seed_from(state)


def test_none_takes_new_entropy_each_time():
    assert len({seed_from(None) for _ in range(10)}) == 10


def test_none_does_not_touch_numpys_global_state():
    before = np.random.get_state()[2]  # noqa: NPY002 - the caller's state is what is looked at
    seed_from(None)
    assert np.random.get_state()[2] == before  # noqa: NPY002


def test_a_drawn_seed_is_a_valid_random_state_of_scikit_learn():
    assert all(0 <= seed_from(None) < 2**32 for _ in range(50))
