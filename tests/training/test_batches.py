"""The order of the rows."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from utsushi.objectives import Batch
from utsushi.training.loop import shuffled_batches


def order(n=50, batch_size=7, seed=0, epoch=1):
    rows = Batch(torch.arange(float(n)).reshape(n, 1))
    batches = shuffled_batches(rows, batch_size, seed, epoch)
    return torch.cat([batch.x for batch in batches]).flatten().tolist()


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 70), st.integers(0, 2**63 - 1), st.integers(1, 100))
def test_each_row_is_seen_once_per_epoch(n, batch_size, seed, epoch):
    assert sorted(order(n, batch_size, seed, epoch)) == list(range(n))


@settings(deadline=None)
@given(st.integers(1, 60), st.integers(1, 70))
def test_all_batches_but_the_last_are_full(n, batch_size):
    sizes = [len(batch) for batch in shuffled_batches(Batch(torch.zeros(n, 1)), batch_size, 0, 1)]
    assert all(size == batch_size for size in sizes[:-1])
    assert sizes[-1] == (n - 1) % batch_size + 1


def test_the_order_is_a_function_of_seed_and_epoch():
    assert order(seed=3, epoch=2) == order(seed=3, epoch=2)


def test_the_order_does_not_depend_on_the_batch_size():
    assert order(batch_size=7) == order(batch_size=50)


def test_another_epoch_has_another_order():
    assert order(epoch=1) != order(epoch=2)


def test_another_seed_has_another_order():
    assert order(seed=0) != order(seed=1)


def test_shuffling_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    order()
    assert torch.equal(torch.get_rng_state(), before)
