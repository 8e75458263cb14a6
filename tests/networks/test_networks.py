"""Dense networks of any depth, and how they are filled."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from utsushi.exceptions import SettingError
from utsushi.networks import Dense, EncoderDecoder, initialize
from utsushi.networks.dense import ACTIVATIONS, dense_layers
from utsushi.networks.linear import Linear


def linear_shapes(stack):
    return [(m.in_features, m.out_features) for m in stack if isinstance(m, nn.Linear)]


def filled(seed, hidden=(16, 8)):
    module = Dense(hidden).build(20, 3, 6)
    initialize(module, torch.Generator().manual_seed(seed))
    return module


@settings(deadline=None)
@given(st.lists(st.integers(1, 9), max_size=3), st.integers(1, 9), st.integers(1, 4))
def test_a_network_of_any_depth_maps_rows_to_codes_and_back(hidden, n_features, n_codes):
    module = Dense(tuple(hidden)).build(n_features, n_codes, 2 * n_codes)
    x = torch.zeros(5, n_features)
    assert module.encoder(x).shape == (5, 2 * n_codes)
    assert module.decoder(torch.zeros(5, n_codes)).shape == (5, n_features)


@settings(deadline=None)
@given(st.lists(st.integers(1, 9), max_size=3))
def test_the_decoder_mirrors_the_encoder(hidden):
    module = Dense(tuple(hidden)).build(10, 2, 2)
    mirrored = [(n_out, n_in) for n_in, n_out in reversed(linear_shapes(module.encoder))]
    assert linear_shapes(module.decoder) == mirrored


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_an_activation_stands_between_each_two_layers_and_not_at_the_end(name):
    kinds = [type(layer) for layer in dense_layers([4, 3, 2, 1], name)]
    activation = ACTIVATIONS[name]
    assert kinds == [Linear, activation, Linear, activation, Linear]


def test_without_hidden_layers_the_network_is_linear():
    assert [type(layer) for layer in Dense(()).build(5, 2, 2).encoder] == [Linear]


def test_one_number_is_one_layer_in_the_network_too():
    assert linear_shapes(Dense(hidden=7).build(5, 2, 2).encoder) == [(5, 7), (7, 2)]


def test_an_unknown_activation_is_named_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"'activation' parameter of Dense .*'relu'.*Got 'rely'"):
        Dense((), activation="rely").build(5, 2, 2)


@pytest.mark.parametrize("hidden", [(-3,), (0,), ("a",), (1.5,), True], ids=str)
def test_own_widths_that_cannot_be_are_refused_by_name(hidden):
    with pytest.raises(SettingError, match="hidden="):
        Dense(hidden=hidden).build(5, 2, 2)


def test_the_forward_pass_of_the_pair_is_the_encoder():
    module, x = filled(0), torch.ones(2, 20)
    assert torch.equal(module(x), module.encoder(x))


# --- initialization ---------------------------------------------------------------------------


def test_the_initial_weights_have_the_distribution_of_torchs_own():
    n_inputs, n_outputs = 400, 300
    mine, theirs = (EncoderDecoder(nn.Linear(n_inputs, n_outputs), nn.Identity()) for _ in range(2))
    initialize(mine, torch.Generator().manual_seed(0))
    bound = 1 / math.sqrt(n_inputs)
    for module in (mine, theirs):
        for parameter in module.parameters():
            values = parameter.detach().double().flatten()
            assert values.abs().max() <= bound * (1 + 1e-6)
            # n uniform values: the gap below the bound is exponential with mean 2 bound / n.
            assert values.abs().max() > bound * (1 - 40 / len(values))
            # Their variance is bound^2 / 3, that of the squares 4/45 bound^4.
            error = abs(values.square().mean().item() / bound**2 - 1 / 3)
            assert error < 4 * math.sqrt(4 / 45 / len(values))
            assert abs(values.mean().item()) < 4 * bound / math.sqrt(3 * len(values))


def test_the_initial_weights_are_a_function_of_the_generator():
    first, second = filled(1).state_dict(), filled(1).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_another_generator_gives_other_weights_in_every_layer():
    first, second = filled(1).state_dict(), filled(2).state_dict()
    assert not any(torch.equal(first[name], second[name]) for name in first)


def test_initialization_leaves_the_global_generator_alone():
    module = Dense((16,)).build(20, 3, 6)
    before = torch.get_rng_state()
    initialize(module, torch.Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), before)


def test_other_layers_keep_what_their_constructors_gave():
    module = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 3))
    nn.init.constant_(module[0].weight, 0.25)
    before = module[1].weight.clone()
    initialize(module, torch.Generator().manual_seed(0))
    assert (module[0].weight == 0.25).all()
    assert not torch.equal(module[1].weight, before)


def test_without_an_initialization_all_layers_keep_what_their_constructors_gave():
    module = nn.Linear(3, 3)
    before = module.weight.clone()
    initialize(module, torch.Generator().manual_seed(0), None)
    assert torch.equal(module.weight, before)
