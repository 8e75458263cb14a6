"""Sparsities and the dictionary, against their formulas."""

import numpy as np
import pytest
import torch

from utsushi.exceptions import SettingError
from utsushi.networks import (
    L1,
    SPARSITIES,
    BatchTopK,
    Dictionary,
    JumpReLU,
    TopK,
    initialize,
)
from utsushi.networks.sparse_codes import DEAD_AFTER

ROWS = torch.randn(40, 60, generator=torch.Generator().manual_seed(0))


def built(sparsity, n_components=60):
    part = sparsity.build(n_components)
    part.initialize(torch.Generator())
    return part


@pytest.mark.parametrize("k", [1, 7, 20])
def test_topk_keeps_exactly_k_and_the_largest(k):
    codes, parts = built(TopK(k))(ROWS)
    largest = np.sort(ROWS.numpy(), axis=1)[:, -k:]
    np.testing.assert_array_equal(np.sort(codes.numpy(), axis=1)[:, -k:], largest)
    assert (parts["l0"] == k).all()
    kept = codes > 0
    np.testing.assert_array_equal(codes[kept], ROWS[kept])


def test_topk_keeps_no_negative_component():
    codes, parts = built(TopK(3), 3)(torch.tensor([[1.0, -2.0, -3.0]]))
    assert codes.tolist() == [[1.0, 0.0, 0.0]]
    assert parts["l0"].tolist() == [1.0]


@pytest.mark.parametrize("k", [1, 7, 20])
def test_a_batch_of_batch_topk_has_k_components_a_sample_on_average(k):
    part = built(BatchTopK(k)).train()
    for rows in (ROWS, 3 * ROWS, ROWS / 3):  # the thresholds of other batches do not matter
        codes, parts = part(rows)
        assert parts["l0"].mean() == k
        smallest = np.sort(rows.numpy().ravel())[-k * len(rows)]
        np.testing.assert_array_equal(codes, np.where(rows >= smallest, rows, 0))


def test_the_threshold_of_batch_topk_is_the_mean_of_the_smallest_kept():
    part = built(BatchTopK(5)).train()
    batches = [scale * ROWS for scale in (1.0, 1.5, 0.7)]
    smallest = [float(codes[codes > 0].min()) for codes, _ in map(part, batches)]
    np.testing.assert_allclose(float(part.threshold), np.mean(smallest), rtol=1e-6)
    np.testing.assert_array_equal(part.eval()(ROWS)[0], torch.where(part.threshold < ROWS, ROWS, 0))


def test_a_batch_without_a_positive_component_leaves_the_threshold_alone():
    part = built(BatchTopK(5)).train()
    part(ROWS)
    before = float(part.threshold)
    codes, _ = part(-ROWS.abs())
    assert not codes.any()
    assert float(part.threshold) == before


@pytest.mark.parametrize("sparsity", [TopK(5), BatchTopK(5), L1()], ids=str)
def test_the_gradient_of_an_active_component_passes_and_no_other(sparsity):
    rows = ROWS.clone().requires_grad_(True)
    codes, _ = built(sparsity).train()(rows)
    weights = torch.arange(60.0)
    (codes * weights).sum().backward()
    np.testing.assert_array_equal(rows.grad, torch.where(codes > 0, weights, 0))


def test_the_pseudo_derivatives_of_jumprelu_are_those_of_the_paper():
    k, strength, bandwidth = 5, 0.7, 0.4
    part = built(JumpReLU(k, strength, bandwidth)).train()
    with torch.no_grad():
        part.log_threshold.copy_(torch.linspace(-1, 1, 60))
    rows = ROWS.clone().requires_grad_(True)
    codes, parts = part(rows)
    upstream = torch.randn(codes.shape, generator=torch.Generator().manual_seed(1))
    ((codes * upstream).sum() + parts["bottleneck"].sum()).backward()

    theta, x, g = np.exp(np.linspace(-1, 1, 60)), ROWS.numpy().astype(float), upstream.numpy()
    step = x > theta
    kernel = (np.abs(x - theta) < bandwidth / 2).astype(float)
    np.testing.assert_allclose(codes.detach(), x * step, rtol=1e-6)
    np.testing.assert_allclose(rows.grad, g * step, rtol=1e-5)
    l0 = step.sum() / len(x)
    np.testing.assert_allclose(
        parts["bottleneck"].detach(), strength * (l0 / k - 1) ** 2, rtol=1e-5
    )
    of_codes = (g * -theta / bandwidth * kernel).sum(axis=0)
    # The batch has 40 times the cost; its L0 is a mean over 40.
    of_cost = strength * 2 * (l0 / k - 1) / k * (-kernel / bandwidth).sum(axis=0)
    expected = (of_codes + of_cost) * theta  # by the logarithm of the threshold
    np.testing.assert_allclose(part.log_threshold.grad, expected, rtol=1e-4, atol=1e-4)


def test_l1_adds_the_sum_of_the_codes():
    codes, parts = built(L1(strength=0.5))(ROWS)
    np.testing.assert_allclose(
        parts["bottleneck"], 0.5 * ROWS.numpy().clip(0).sum(axis=1), rtol=1e-5
    )
    np.testing.assert_array_equal(codes, ROWS.relu())


def test_a_component_is_dead_after_many_samples_without_it_and_alive_after_one():
    part = built(TopK(1), 2).train()
    first = torch.tensor([[1.0, 0.0]]).expand(1000, 2)
    for _ in range(DEAD_AFTER // 1000):
        assert part(first)[1]["dead"][0] in (0.0, 0.5)
    assert part.dead.tolist() == [False, True]
    part(torch.tensor([[0.0, 1.0]]))
    assert part.dead.tolist() == [False, False]
    part.eval()(first)  # which counts nothing
    assert part.idle.tolist() == [1, 0]


@pytest.mark.parametrize("name", sorted({"topk", "batch-topk", "jumprelu"} & set(SPARSITIES)))
def test_more_active_components_than_there_are_is_refused(name):
    with pytest.raises(SettingError, match="k must be at most n_components=8, got 32"):
        SPARSITIES[name]().build(8)


# --- the dictionary -----------------------------------------------------------------------------


def dictionary(*, tied=False, n_components=60, n_features=20):
    pair = Dictionary(tied=tied).build(n_features, n_components, n_components)
    initialize(pair, torch.Generator().manual_seed(0))
    with torch.no_grad():
        pair.decoder.directions.mul_(torch.linspace(0.5, 2, n_components)[:, None])
        pair.decoder.bias.copy_(torch.linspace(-1, 1, n_features))
        pair.encoder.bias.copy_(torch.linspace(0, 1, n_components))
    return pair


@pytest.mark.parametrize("tied", [False, True])
def test_the_dictionary_computes_its_formula(tied):
    pair = dictionary(tied=tied).eval()
    x, z = ROWS[:, :20].numpy(), ROWS.numpy()
    atoms = pair.decoder.directions.detach().numpy()
    atoms = atoms / np.linalg.norm(atoms, axis=1, keepdims=True)
    weights = atoms if tied else pair.encoder.own_weight.detach().numpy()
    biases = pair.decoder.bias.detach().numpy(), pair.encoder.bias.detach().numpy()
    codes = (x - biases[0]) @ weights.T + biases[1]
    np.testing.assert_allclose(pair.encoder(ROWS[:, :20]).detach(), codes, atol=1e-5)
    np.testing.assert_allclose(pair.decoder(ROWS).detach(), z @ atoms + biases[0], atol=1e-5)


def test_the_encoder_starts_as_the_transposed_decoder():
    pair = Dictionary().build(20, 60, 60)
    initialize(pair, torch.Generator().manual_seed(0))
    np.testing.assert_array_equal(pair.encoder.weight.detach(), pair.decoder.directions.detach())
    lengths = np.linalg.norm(pair.decoder.directions.detach(), axis=1)
    np.testing.assert_allclose(lengths, 1, rtol=1e-6)


@pytest.mark.parametrize("tied", [False, True])
def test_a_tied_dictionary_has_half_the_weights(tied):
    n_weights = sum(p.numel() for p in dictionary(tied=tied).parameters() if p.ndim == 2)
    assert n_weights == (1 if tied else 2) * 60 * 20


@pytest.mark.parametrize("k", [2, 40])  # few active components, and many
def test_a_sum_of_few_atoms_is_the_product_with_its_gradients(k):
    pair, gradients = dictionary().train(), []
    for decode in (pair.decoder, pair.decoder.sum_of_few):
        pair.zero_grad()
        codes = TopK(k).build(60)(pair.encoder(ROWS[:, :20]))[0]
        copies = decode(codes)
        (copies * ROWS[:, :20]).sum().backward()
        gradients.append([copies.detach(), *(p.grad.clone() for p in pair.parameters())])
    for one, other in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-4)
