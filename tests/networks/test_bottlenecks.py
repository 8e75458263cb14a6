"""Bottlenecks, against their definitions."""

import pytest
import torch

from utsushi.exceptions import SettingError
from utsushi.networks import BOTTLENECKS, VectorQuantization, initialize

H, N = 6, 20


def codes(seed=0):
    return torch.randn(N, H, generator=torch.Generator().manual_seed(seed))


def quantizer(**settings):
    part = VectorQuantization(**settings).build(H)
    part.initialize(torch.Generator().manual_seed(1))
    return part


def test_codes_become_the_nearest_vectors_of_the_codebook():
    part = quantizer(codebook_size=8, group_size=2)
    found, _ = part(codes())
    distances = torch.cdist(codes().reshape(-1, 2), part.codebook)
    nearest = part.codebook[distances.argmin(dim=1)].reshape(N, H)
    torch.testing.assert_close(found, nearest, atol=0, rtol=0)


def test_quantized_codes_stay_as_they_are():
    part = quantizer()
    once, _ = part(codes())
    twice, parts = part(once.detach())
    torch.testing.assert_close(twice, once, atol=1e-6, rtol=0)
    assert parts["bottleneck"].abs().max() < 1e-10


def test_the_decoders_gradient_passes_and_each_term_of_the_cost_moves_its_own_side():
    z = codes().requires_grad_()
    part = quantizer(commitment=0.5, decay=None)
    quantized, parts = part(z)
    cost = parts["bottleneck"]
    (passed,) = torch.autograd.grad((3 * quantized).sum(), z, retain_graph=True)
    torch.testing.assert_close(passed, torch.full((N, H), 3.0))
    of_codes, of_codebook = torch.autograd.grad(cost.sum(), [z, part.codebook])
    torch.testing.assert_close(of_codes, 2 * 0.5 * (z - quantized).detach())
    pulls = 2 * (quantized - z).detach().reshape(-1, 2)
    chosen = torch.cdist(z.detach().reshape(-1, 2), part.codebook.detach()).argmin(dim=1)
    expected = torch.zeros_like(part.codebook).index_add(0, chosen, pulls)
    torch.testing.assert_close(of_codebook, expected)


def test_a_group_that_does_not_divide_the_code_is_refused():
    with pytest.raises(SettingError, match="group_size must divide n_components=6, got 4"):
        VectorQuantization(group_size=4).build(H)


@pytest.mark.parametrize("name", BOTTLENECKS)
def test_every_bottleneck_gives_codes_and_values_of_each_sample(name):
    part = BOTTLENECKS[name]().build(H)
    if part is None:
        return
    initialize(part, torch.Generator().manual_seed(0))
    found, parts = part(codes(), None)
    assert found.shape == (N, H)
    assert all(values.shape == (N,) for values in parts.values())
