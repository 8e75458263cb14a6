"""Bottlenecks with discrete codes, against their definitions."""

import numpy as np
import pytest
import torch

from utsushi.exceptions import SettingError
from utsushi.networks import (
    BOTTLENECKS,
    Conv,
    FiniteScalarQuantization,
    ResidualVectorQuantization,
    VectorQuantization,
)
from utsushi.networks.bottlenecks import perplexity

N = 50
KINDS = [
    VectorQuantization(codebook_size=16, group_size=3),
    VectorQuantization(codebook_size=16, group_size=2, decay=None),
    ResidualVectorQuantization(codebook_size=8, group_size=4, n_levels=3),
    FiniteScalarQuantization(levels=(8, 5, 2)),
    FiniteScalarQuantization(levels=3),
]


def codes(n_components=12, n=N, seed=0):
    return torch.randn(n, n_components, generator=torch.Generator().manual_seed(seed))


def built(kind, n_components=12):
    part = kind.build(n_components)
    for module in part.modules():
        if hasattr(module, "initialize"):
            module.initialize(torch.Generator().manual_seed(1))
    return part.eval()


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_symbols_and_codes_name_one_another_exactly(kind):
    part = built(kind)
    symbols = part.indices(codes())
    assert symbols.shape == (N, part.n_positions)
    assert symbols.dtype == torch.int64
    assert symbols.min() >= 0
    assert symbols.max() < part.n_symbols
    found, parts = part(codes())
    torch.testing.assert_close(part.lookup(symbols), found, atol=0, rtol=0)
    assert all(values.shape == (N,) for values in parts.values())


@pytest.mark.parametrize("kind", [k for k in KINDS if "Residual" not in str(k)], ids=str)
def test_every_symbol_is_looked_up_as_another_code(kind):
    part = built(kind)
    n = part.n_symbols
    every = torch.arange(n)[:, None].expand(n, part.n_positions)
    found = part.lookup(every)
    assert len(found.unique(dim=0)) == n
    if isinstance(kind, VectorQuantization):  # of a codebook, each vector is nearest to itself
        torch.testing.assert_close(part.indices(found), every)


def test_the_numbers_of_finite_scalar_quantization_are_evenly_spaced_and_its_digits_mixed_radix():
    part = built(FiniteScalarQuantization(levels=(3, 5)), 2)
    found = part.lookup(torch.arange(15)[:, None])
    first, second = np.linspace(-1, 1, 3), np.linspace(-1, 1, 5)
    expected = [[a, b] for a in first for b in second]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_an_odd_number_of_levels_rounds_as_the_paper_does():
    # Mentzer et al. 2023: round(floor(L / 2) tanh(z)); the logistic function is tanh of half.
    part = built(FiniteScalarQuantization(levels=7), 1)
    z = torch.linspace(-4, 4, 401)[:, None]
    expected = (3 * torch.tanh(z / 2)).round() / 3
    torch.testing.assert_close(part(z)[0], expected, atol=1e-6, rtol=0)


def test_a_vector_is_the_nearest_by_brute_force():
    part = built(VectorQuantization(codebook_size=16, group_size=3))
    distances = torch.cdist(codes().reshape(-1, 3), part.codebook)
    expected = distances.argmin(dim=1).reshape(N, 4)
    torch.testing.assert_close(part.indices(codes()), expected)


def test_each_level_quantizes_what_the_levels_before_have_left():
    part = built(ResidualVectorQuantization(codebook_size=8, group_size=4, n_levels=3), 4)
    residual, expected = codes(4), []
    for level in part.levels:
        chosen = torch.cdist(residual, level.codebook).argmin(dim=1)
        residual = residual - level.codebook[chosen]
        expected.append(chosen)
    torch.testing.assert_close(part.indices(codes(4)), torch.stack(expected, dim=1))
    torch.testing.assert_close(part(codes(4))[0], codes(4) - residual, atol=1e-6, rtol=0)


@pytest.mark.parametrize("kind", KINDS[:3], ids=str)
def test_the_gradient_passes_a_codebook_as_if_nothing_had_been_quantized(kind):
    z = codes().requires_grad_()
    weights = torch.randn(N, 12, generator=torch.Generator().manual_seed(5))
    (found,) = torch.autograd.grad((weights * built(kind)(z)[0]).sum(), z)
    torch.testing.assert_close(found, weights, atol=0, rtol=0)


def test_the_gradient_of_finite_scalar_quantization_is_that_before_rounding():
    z = codes().requires_grad_()
    part = built(FiniteScalarQuantization(levels=(8, 5, 2)))
    (found,) = torch.autograd.grad(part(z)[0].sum(), z)
    (expected,) = torch.autograd.grad((2 * torch.sigmoid(z) - 1).sum(), z)
    torch.testing.assert_close(found, expected)


def test_the_commitment_moves_the_codes_alone():
    z = codes().requires_grad_()
    part = built(VectorQuantization(codebook_size=16, group_size=3, commitment=0.5))
    found, parts = part(z)
    (gradient,) = torch.autograd.grad(parts["bottleneck"].sum(), z)
    torch.testing.assert_close(gradient, (z - found).detach())
    assert not list(part.parameters())


def test_the_codebook_is_the_moving_average_of_the_codes_that_choose_it():
    part = built(VectorQuantization(codebook_size=5, group_size=3, decay=0.9, revival=0.0))
    draws = torch.Generator().manual_seed(0)
    part.counts += 3  # as after some steps: without, the first step would revive all
    codebook, counts = part.codebook.numpy().copy(), part.counts.numpy().copy()
    part.train()
    for step in range(4):
        z = codes(seed=step)
        groups = z.reshape(-1, 3).numpy()
        nearest = ((groups[:, None] - codebook) ** 2).sum(axis=2).argmin(axis=1)
        sums = np.stack([groups[nearest == k].sum(axis=0) for k in range(5)])
        n = np.bincount(nearest, minlength=5)
        codebook = (0.9 * counts[:, None] * codebook + 0.1 * sums) / (0.9 * counts + 0.1 * n)[
            :, None
        ]
        counts = 0.9 * counts + 0.1 * n
        part(z, draws)
    np.testing.assert_allclose(part.codebook, codebook, rtol=1e-5)
    np.testing.assert_allclose(part.counts, counts, rtol=1e-5)


def test_nothing_moves_at_inference_or_without_a_generator():
    part = built(VectorQuantization(codebook_size=5, group_size=3))
    before = part.codebook.clone()
    part(codes(), torch.Generator())  # held-out samples of a training
    part.train()(codes())
    torch.testing.assert_close(part.codebook, before, atol=0, rtol=0)


def test_dead_vectors_are_revived_as_codes_of_the_batch_that_the_generator_draws():
    part = built(VectorQuantization(codebook_size=4, group_size=3, revival=0.05)).train()
    z = codes()
    part.counts.copy_(torch.tensor([50.0, 50.0, 1.0, 50.0]))
    part.codebook[2] = 100.0  # too far to be chosen
    alive = part.codebook[[0, 1, 3]].clone()
    part._revive(z, torch.Generator().manual_seed(3))
    torch.testing.assert_close(part.codebook[[0, 1, 3]], alive, atol=0, rtol=0)
    drawn = torch.randint(4 * N, (4,), generator=torch.Generator().manual_seed(3))[2]
    torch.testing.assert_close(part.codebook[2], z.reshape(-1, 3)[drawn], atol=0, rtol=0)
    assert part.counts[2] == 4 * N / 4


def test_a_codebook_in_use_has_no_dead_vector_after_some_steps_and_one_without_revival_has():
    def perplexity_after(revival):
        part = built(VectorQuantization(codebook_size=32, group_size=2, revival=revival), 4)
        part.counts += 1
        part.codebook.mul_(0.1).add_(5)  # far from all codes
        part.train()
        for step in range(300):
            part(codes(4, 200, seed=step), torch.Generator().manual_seed(step))
        return len(part.eval().indices(codes(4, 2000)).unique())

    assert perplexity_after(0.05) == 32
    assert perplexity_after(0.0) < 16


def test_perplexity_counts_symbols_of_equal_frequency():
    assert perplexity(torch.arange(8).repeat(3), 10).item() == pytest.approx(8)
    assert perplexity(torch.zeros(8, dtype=torch.int64), 10).item() == pytest.approx(1)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (VectorQuantization(group_size=5), "group_size must divide n_components=12, got 5"),
        (FiniteScalarQuantization((2,) * 5), "divides n_components=12, got 5"),
        (FiniteScalarQuantization((8, 1)), "levels must be integers from 2 on"),
        (FiniteScalarQuantization((256, 512)), "product of at most 65536"),
        (FiniteScalarQuantization(()), "levels must be integers"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(kind, message):
    with pytest.raises(SettingError, match=message):
        kind.build(12)


def test_the_names_stand_for_the_classes():
    discrete = {name for name, kind in BOTTLENECKS.items() if kind.is_discrete}
    assert discrete == set(BOTTLENECKS) - {"identity"}


# --- the grid of a convolutional network --------------------------------------------------------


def grid(n_components, channels=(4, 6), **settings):
    network = Conv(channels=channels, grid=True, **settings).sized(7 * 9, 100, (7, 9))
    return network.build(7 * 9, n_components, n_components, image_shape=(7, 9))


def test_the_components_of_a_pixel_follow_one_another():
    pair = grid(2 * 3 * 5)  # 7 × 9 is halved to 4 × 5 and 2 × 3
    x = torch.rand(2, 63)
    pixels = pair.encoder[:6](x)  # up to the convolution of kernel 1 × 1
    z = pair.encoder(x).unflatten(1, (2, 3, 5))
    torch.testing.assert_close(z, pixels.permute(0, 2, 3, 1), atol=0, rtol=0)
    torch.testing.assert_close(pair.decoder[:4](z.flatten(1)), pixels, atol=0, rtol=0)
    assert pair.decoder(z.flatten(1)).shape == (2, 63)


def test_a_pixel_sees_its_surroundings_alone():
    pair = grid(6, channels=(4, 6))
    x = torch.zeros(1, 63, requires_grad=True)
    (gradient,) = torch.autograd.grad(pair.encoder(x)[0, 0], x)  # upper left
    assert (gradient.reshape(7, 9)[5:] == 0).all()
    assert (gradient != 0).any()


def test_a_code_that_is_no_grid_is_refused():
    with pytest.raises(SettingError, match="n_components must be a multiple of 2 × 3 = 6"):
        grid(10)
    with pytest.raises(SettingError, match=r"hidden must be None or \(\) with grid=True"):
        grid(12, hidden=(5,))
    with pytest.raises(SettingError, match="grid must be False"):
        Conv((4,), grid=True).sized(63, 9, (7, 9)).build(63, 20, 40, image_shape=(7, 9))
