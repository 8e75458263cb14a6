"""The transformer over discrete codes, against distributions that are known."""

import numpy as np
import pytest
import torch

from utsushi.exceptions import SettingError
from utsushi.samplers import Autoregressive
from utsushi.training import Recipe

SHORT = Recipe(max_epochs=2, min_steps=1)


def draws(seed=0):
    return np.random.default_rng(seed)


def known_codes(n, seed=0):
    """Draw codes of three symbols: the second depends on the first, the third on both."""
    rng = draws(seed)
    first = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    second = np.where(rng.random(n) < 0.8, first, rng.integers(0, 3, n))
    third = (first + second) % 3
    return np.stack([first, second, third], axis=1).astype(np.float64)


@pytest.fixture(scope="module")
def sampler():
    recipe = Recipe(max_epochs=15, min_steps=300)
    return Autoregressive(width=32, recipe=recipe).fit(known_codes(4000), draws())


def test_marginals_and_pairs_are_those_of_the_codes(sampler):
    n = 20_000
    new, real = sampler.sample(n, draws(1)), known_codes(n, seed=2)
    assert new.shape == (n, 3)
    for position in range(3):
        found, expected = (
            np.bincount(c[:, position].astype(int), minlength=3) / n for c in (new, real)
        )
        np.testing.assert_allclose(found, expected, atol=0.02)
    for a, b in [(0, 1), (0, 2), (1, 2)]:
        found, expected = (
            np.bincount((3 * c[:, a] + c[:, b]).astype(int), minlength=9) / n for c in (new, real)
        )
        np.testing.assert_allclose(found, expected, atol=0.02)


def test_its_probabilities_sum_to_one_and_are_those_of_its_samples(sampler):
    every = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    p = np.exp(sampler.log_prob(every))
    assert p.sum() == pytest.approx(1, abs=1e-9)
    new = sampler.sample(20_000, draws(3)) @ [9, 3, 1]
    np.testing.assert_allclose(np.bincount(new.astype(int), minlength=27) / 20_000, p, atol=0.015)


def test_the_loss_is_near_the_entropy(sampler):
    p_second = lambda a, b: 0.8 * (a == b) + 0.2 / 3  # noqa: E731
    p_first = np.array([0.5, 0.3, 0.2])
    joint = np.array([[p_first[a] * p_second(a, b) for b in range(3)] for a in range(3)])
    entropy = -(joint * np.log(joint)).sum()
    assert -sampler.log_prob(known_codes(4000, seed=4)).mean() == pytest.approx(entropy, abs=0.03)


def test_no_position_sees_itself_or_those_after_it(sampler):
    codes = torch.zeros(2, 3, dtype=torch.int64)
    codes[1, 1:] = 2
    logits = sampler.module_(codes)
    torch.testing.assert_close(logits[0, :2], logits[1, :2])
    assert (logits[0, 2] != logits[1, 2]).any()


def test_a_code_is_the_same_whatever_is_drawn_with_it(sampler):
    many = sampler.sample(9, draws(5))
    np.testing.assert_array_equal(sampler.sample(4, draws(5)), many[:4])


def test_a_low_temperature_keeps_to_frequent_codes(sampler):
    cold = Autoregressive(width=32, temperature=0.05).restore(sampler.state())
    new = cold.sample(500, draws(6))
    assert (new == [0, 0, 0]).all(axis=1).mean() > 0.95


def test_the_same_seed_gives_the_same_sampler_and_its_state_the_same_codes():
    codes = known_codes(200)
    one, other = (Autoregressive(width=16, recipe=SHORT).fit(codes, draws()) for _ in range(2))
    again = Autoregressive(width=16).restore(one.state())
    for sampler in (other, again):
        np.testing.assert_array_equal(sampler.sample(20, draws(7)), one.sample(20, draws(7)))
    shapes = one.expected_state(3)
    for name, value in one.state().items():
        assert value.dtype == np.float64
        assert all(b in (None, a) for a, b in zip(value.shape, shapes[name], strict=True))
    assert set(shapes) == set(one.state())


def test_torchs_own_generators_stay_where_they_were():
    before = torch.get_rng_state()
    Autoregressive(width=16, recipe=SHORT).fit(known_codes(50), draws()).sample(5, draws())
    assert torch.equal(torch.get_rng_state(), before)


def test_a_single_position_and_a_constant_symbol_work():
    sampler = Autoregressive(width=16, recipe=SHORT).fit(np.zeros((20, 1)), draws())
    assert (sampler.sample(5, draws()) == 0).all()
    assert sampler.log_prob(np.array([[0.0], [3.0]])).tolist() == [0.0, -np.inf]


def test_parameters_are_checked():
    with pytest.raises(SettingError, match="width must be a multiple of n_heads=4, got 10"):
        Autoregressive(width=10).check(3)
    with pytest.raises(SettingError, match="at most 1024 positions"):
        Autoregressive().check(2000)
    with pytest.raises(ValueError, match="temperature"):
        Autoregressive(temperature=0.0).check(3)
