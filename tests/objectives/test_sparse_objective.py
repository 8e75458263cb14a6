"""The objective of sparse autoencoders, against numpy."""

import numpy as np
import torch

from utsushi.networks import Dictionary, TopK, initialize
from utsushi.objectives import Batch, SparseObjective
from utsushi.objectives.sparse import AUXILIARY_WEIGHT, MATRYOSHKA

ROWS = torch.randn(30, 10, generator=torch.Generator().manual_seed(0))


def network(k=4, n_components=32):
    pair = Dictionary().build(10, n_components, n_components)
    whole = pair.with_parts(bottleneck=TopK(k).build(n_components))
    initialize(whole, torch.Generator().manual_seed(1))
    with torch.no_grad():
        pair.decoder.bias.copy_(torch.linspace(-1, 1, 10))
    return whole


def numbers(module):
    decoder = module.decoder
    return decoder.directions.detach().numpy(), decoder.bias.detach().numpy()


def test_the_matryoshka_loss_is_the_mean_over_nested_prefixes():
    module = network().eval()
    terms = SparseObjective(MATRYOSHKA)(module, Batch(ROWS), torch.Generator())
    codes, (atoms, bias) = module.codes(ROWS)[0].detach().numpy(), numbers(module)
    errors = [
        np.square(ROWS.numpy() - codes[:, :n] @ atoms[:n] - bias).sum(axis=1)
        for n in (4, 8, 16, 32)
    ]
    np.testing.assert_allclose(terms.objective.detach(), np.mean(errors, axis=0), rtol=1e-5)
    np.testing.assert_allclose(terms.parts["reconstruction"].detach(), errors[-1], rtol=1e-5)


def test_dead_components_reconstruct_what_the_code_left():
    module, objective = network().train(), SparseObjective()
    alone = objective(module, Batch(ROWS), torch.Generator()).objective.detach().numpy()
    dead = np.arange(32) % 2 == 0
    module.bottleneck.idle[torch.from_numpy(dead)] = 10**9
    # One sample, whose active components come alive after the mask is asked for.
    codes, (atoms, bias) = module.codes(ROWS)[0].detach().numpy(), numbers(module)
    module.bottleneck.idle[torch.from_numpy(dead)] = 10**9
    still_dead = dead & ~(codes > 0).any(axis=0)
    left = ROWS.numpy() - codes @ atoms - bias
    outputs = np.where(still_dead, module.encoder(ROWS).detach().numpy(), -np.inf)
    order = np.argsort(-outputs, axis=1)[:, :5]  # half as many as there are features
    auxiliary = np.zeros_like(codes)
    np.put_along_axis(auxiliary, order, np.maximum(np.take_along_axis(outputs, order, 1), 0), 1)
    error = np.square(left - auxiliary @ atoms).sum(axis=1) / np.square(left).sum(axis=1).mean()
    found = objective(module, Batch(ROWS), torch.Generator()).objective.detach().numpy()
    assert still_dead.any()
    np.testing.assert_allclose(found - alone, AUXILIARY_WEIGHT * error, rtol=1e-3, atol=1e-5)


def test_only_training_revives_dead_components():
    module = network()
    before = SparseObjective()(module.eval(), Batch(ROWS), torch.Generator()).objective
    module.bottleneck.idle.fill_(10**9)
    after = SparseObjective()(module.eval(), Batch(ROWS), torch.Generator()).objective
    np.testing.assert_array_equal(before.detach(), after.detach())


def test_a_missing_value_counts_in_no_error():
    module = network().eval()
    mask = torch.ones_like(ROWS, dtype=torch.bool)
    mask[:, 3] = False
    rows = torch.where(mask, ROWS, 0.0)
    terms = SparseObjective()(module, Batch(rows, mask=mask), torch.Generator())
    codes, (atoms, bias) = module.codes(rows)[0].detach().numpy(), numbers(module)
    errors = np.square(rows.numpy() - codes @ atoms - bias)
    np.testing.assert_allclose(
        terms.objective.detach(), np.delete(errors, 3, axis=1).sum(axis=1), rtol=1e-5
    )
