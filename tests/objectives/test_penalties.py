"""Each penalty is its formula, and does to a code what its name says."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn

from utsushi import Autoencoder, DenoisingAutoencoder, Recipe, datasets, load
from utsushi.networks import Conv, Dense, EncoderDecoder, initialize
from utsushi.networks.dense import ACTIVATIONS
from utsushi.objectives import Batch, ReconstructionObjective
from utsushi.objectives.penalties import (
    MMD,
    PENALTIES,
    CodeAndWeights,
    Contractive,
    Sparse,
    estimated_jacobian_norm,
    jacobian_norm,
)

D, H, B = 6, 3, 5
DIGITS = datasets.load_digits8x8()
#: Penalties whose default strength is a share of the variance, and that share.
BY_VARIANCE = {"mmd": 2.0, "adversarial": 0.02}
SMALL = {"n_components": 8, "hidden": (32,), "max_epochs": 20, "random_state": 0}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(n=B, seed=1):
    return torch.randn(n, D, generator=seeded(seed), dtype=torch.float64)


def built(network, hidden=(7,), **settings):
    network.set_params(hidden=hidden)
    pair = network.build(D, H, H, **settings).double()
    initialize(pair, seeded())
    return pair


def conv():
    return built(Conv(channels=(2,), activation="tanh"), image_shape=(2, 3))


def jacobians(encoder, x):
    """The whole Jacobian of each row, (B, H, D), by automatic differentiation."""
    return torch.stack(
        [torch.autograd.functional.jacobian(lambda r: encoder(r[None])[0], r) for r in x]
    )


def plain_norm(encoder, x):
    return jacobians(encoder, x).square().sum(dim=(1, 2))


def penalty(name, pair, x, seed=0):
    return PENALTIES[name]()(pair, x, pair.encoder(x), seeded(seed))


class Wrapped(nn.Module):
    """A module run otherwise, as training does in bfloat16."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, x):
        return self.module(x)


# --- formulas ---------------------------------------------------------------------------------


def test_sparse_is_the_sum_of_the_magnitudes_of_a_rows_code():
    pair, x = built(Dense()), rows()
    expected = [sum(abs(value) for value in code) for code in pair.encoder(x).tolist()]
    assert penalty("sparse", pair, x).tolist() == pytest.approx(expected)


def test_code_and_weights_is_half_the_codes_square_and_the_decoders_squared_weights():
    pair, x = built(Dense()), rows()
    first, _, last = pair.decoder
    norms = sum(np.linalg.norm(layer.weight.detach().numpy()) ** 2 for layer in (first, last))
    codes = pair.encoder(x).detach().numpy()
    expected = 0.5 * np.linalg.norm(codes, axis=1) ** 2 + norms
    np.testing.assert_allclose(penalty("code-and-weights", pair, x).detach(), expected)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_with_one_hidden_layer_the_contraction_is_the_jacobians_squared_norm(activation):
    pair, x = built(Dense(activation=activation)), rows()
    expected = plain_norm(pair.encoder, x)
    wrapped = EncoderDecoder(Wrapped(pair.encoder), Wrapped(pair.decoder))
    for network in (pair, wrapped):
        found = penalty("contractive", network, x)
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)


def test_without_a_hidden_layer_the_contraction_is_the_weights_squared_norm_for_each_row():
    pair, x = built(Dense(), hidden=()), rows()
    torch.testing.assert_close(penalty("contractive", pair, x), plain_norm(pair.encoder, x))


def test_in_float32_the_exact_contraction_of_a_wide_layer_is_exact_to_five_digits():
    pair = Dense((1000,)).build(100, 10, 10)
    initialize(pair, seeded())
    x = torch.randn(4, 100, generator=seeded(1))
    first, nonlinearity, last = pair.encoder
    found = jacobian_norm(first, nonlinearity, last, x).detach()
    expected = plain_norm(pair.double().encoder, x.double()).float()
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=0)


@pytest.mark.parametrize("deep", [lambda: built(Dense(activation="gelu"), (7, 4)), conv])
def test_the_estimate_is_without_bias_its_mean_over_all_directions_is_the_norm(deep, monkeypatch):
    pair, x = deep(), rows()
    found = []
    for signs in itertools.product([0, 1], repeat=H):
        coins = torch.tensor(signs).expand(B, H)
        monkeypatch.setattr(torch, "randint", lambda *_, coins=coins, **__: coins)
        found.append(penalty("contractive", pair, x))
    mean = torch.stack(found).mean(dim=0)
    torch.testing.assert_close(mean, plain_norm(pair.encoder, x), rtol=1e-9, atol=1e-9)


def test_the_estimates_drawn_have_the_norm_as_their_mean_and_the_variance_of_the_formula():
    pair, n = built(Dense(activation="tanh"), (7, 4)), 20_000
    x = rows(1)
    drawn = estimated_jacobian_norm(pair.encoder, x.expand(n, D), seeded(3)).detach()
    (gram,) = (j @ j.T for j in jacobians(pair.encoder, x))
    variance = 2 * (gram.square().sum() - gram.diagonal().square().sum()).item()
    assert abs(drawn.mean() - gram.trace()) < 4 * math.sqrt(variance / n)
    assert drawn.var().item() == pytest.approx(variance, rel=0.1)


def test_the_estimates_directions_are_a_function_of_the_generator():
    pair, x = conv(), rows()
    same, again, other = (penalty("contractive", pair, x, seed) for seed in (1, 1, 2))
    assert torch.equal(same, again)
    assert not torch.equal(same, other)


# --- gradients --------------------------------------------------------------------------------


def with_parameters(pair, x, name):
    """The penalty as a function of the network's parameters."""
    names, values = zip(*pair.named_parameters(), strict=True)

    class Penalty(nn.Module):
        def __init__(self):
            super().__init__()
            self.pair = pair

        def forward(self):
            return penalty(name, self.pair, x)

    def function(*parameters):
        named = dict(zip((f"pair.{n}" for n in names), parameters, strict=True))
        return torch.func.functional_call(Penalty(), named, ())

    return function, tuple(v.detach().clone().requires_grad_() for v in values)


# The critic of the adversarial one is held fixed; see test_disentangling.py.
@pytest.mark.parametrize("name", [name for name in PENALTIES if name != "adversarial"])
@pytest.mark.parametrize("hidden", [(), (4,), (4, 3)], ids=str)
def test_the_gradient_by_the_parameters_is_the_derivative(name, hidden):
    function, parameters = with_parameters(built(Dense(activation="tanh"), hidden), rows(2), name)
    assert torch.autograd.gradcheck(function, parameters)


@pytest.mark.parametrize("pair", [built(Dense()), built(Dense(), (4, 3)), conv()])
def test_the_contraction_is_the_same_where_gradients_are_switched_off(pair):
    x = rows()
    expected = penalty("contractive", pair, x).detach()
    with torch.no_grad():
        found = penalty("contractive", pair, x)
    torch.testing.assert_close(found, expected)
    assert not found.requires_grad


def test_the_discrepancy_is_a_plain_double_sum():
    z = rows(6)[:, :H]
    p = torch.randn(z.shape, generator=seeded(3)).double()

    def kernel(a, b):
        return 2 * H / (2 * H + ((a - b) ** 2).sum())

    pairs = [(i, j) for i in range(6) for j in range(6) if i != j]
    within = sum(kernel(z[i], z[j]) + kernel(p[i], p[j]) for i, j in pairs) / 30
    between = sum(kernel(a, b) for a in z for b in p) / 36
    found = MMD()(None, None, z, seeded(3)).mean()
    torch.testing.assert_close(found, within - 2 * between)


def test_the_discrepancy_of_codes_of_the_prior_is_zero_on_average():
    found = torch.stack(
        [
            MMD()(None, None, torch.randn(30, H, generator=seeded(s)), seeded(1000 + s)).mean()
            for s in range(300)
        ]
    )
    assert abs(found.mean()) < 4 * found.std() / 300**0.5
    assert (found < 0).any()


# --- the objective ----------------------------------------------------------------------------


def square_of_codes(module, x, z, generator):
    return z.square().sum(dim=-1)


WEIGHTED = [(cls(strength=0.3), 0.3) for cls in (Sparse, Contractive, CodeAndWeights)]


@pytest.mark.parametrize(("penalty", "strength"), [*WEIGHTED, (square_of_codes, 1.0)])
def test_the_objective_is_the_error_and_the_weighted_penalty(penalty, strength):
    pair, x = built(Dense()), rows()
    terms = ReconstructionObjective(penalty=penalty)(pair, Batch(x), seeded())
    plain = ReconstructionObjective()(pair, Batch(x), seeded())
    expected = penalty(pair, x, pair.encoder(x), seeded())
    torch.testing.assert_close(terms.parts["reconstruction"], plain.objective)
    torch.testing.assert_close(terms.parts["penalty"], expected)
    torch.testing.assert_close(terms.objective, plain.objective + strength * expected)


def test_the_penalty_is_of_the_code_of_the_damaged_row():
    pair, x = built(Dense()), rows()
    objective = ReconstructionObjective(lambda x, _: 0 * x, penalty=Sparse())
    found = objective(pair, Batch(x), seeded()).parts["penalty"]
    torch.testing.assert_close(found, penalty("sparse", pair, 0 * x))


# --- what training makes of it ----------------------------------------------------------------


def fitted(cls=Autoencoder, **settings):
    return cls(**{**SMALL, **settings}).fit(DIGITS.X_train)


@pytest.fixture(scope="module")
def plain():
    return fitted()


def mean_jacobian_norm(model):
    x = torch.from_numpy(model.scaling_.forward(DIGITS.X_test[:40]))
    return plain_norm(model.module_.encoder, x).mean().item()


def squared_weights(model):
    return sum(p.square().sum().item() for p in model.module_.decoder.parameters() if p.ndim > 1)


def test_a_sparse_code_is_nearer_to_zero_and_still_reconstructs(plain):
    model = fitted(penalty="sparse")
    codes, before = (abs(m.transform(DIGITS.X_test)).mean() for m in (model, plain))
    assert codes < 0.5 * before
    assert model.score(DIGITS.X_test) > 1.25 * plain.score(DIGITS.X_test)  # scores are negative


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"hidden": ()},
        {"hidden": (32, 16)},
        {"network": Conv((4,)), "hidden": (16,), "image_shape": (8, 8)},
        {"recipe": Recipe(precision="bfloat16")},
        {"recipe": Recipe(precision="bfloat16"), "hidden": (32, 16)},
    ],
    ids=str,
)
def test_a_contractive_encoder_has_a_smaller_jacobian(settings):
    settings = settings | {"max_epochs": 8}
    model = fitted(**settings, penalty=Contractive(0.3))
    assert mean_jacobian_norm(model) < 0.5 * mean_jacobian_norm(fitted(**settings))


@pytest.mark.parametrize("settings", [{"hidden": (32,)}, {"hidden": (32, 16)}], ids=str)
def test_the_penalty_of_held_out_rows_is_the_jacobians_norm_there(settings):
    model = Autoencoder(**{**SMALL, **settings}, penalty="contractive")
    model.fit(DIGITS.X_train, validation_data=DIGITS.X_test[:40])
    # One direction a row of 8 components: the estimate's mean over 40 rows is a few percent off.
    tolerance = 1e-4 if len(model.hidden) == 1 else 0.3
    found = model.history_[-1]["validation_penalty"]
    assert found == pytest.approx(mean_jacobian_norm(model), rel=tolerance)


def test_code_and_weights_are_small_together(plain):
    model = fitted(penalty=CodeAndWeights(0.01))
    halves = (
        0.5 * np.square(m.transform(DIGITS.X_test)).sum(axis=1).mean() for m in (model, plain)
    )
    sums = [half + squared_weights(m) for half, m in zip(halves, (model, plain), strict=True)]
    assert sums[0] < 0.6 * sums[1]
    assert squared_weights(model) < 0.6 * squared_weights(plain)


def test_the_weights_count_the_same_whatever_the_size_of_the_batch():
    x = rows(8)
    penalties = [
        ReconstructionObjective(penalty=CodeAndWeights())(
            built(Dense()), Batch(part), seeded()
        ).parts["penalty"]
        for part in (x, x[:1])
    ]
    torch.testing.assert_close(penalties[0][:1], penalties[1])


@pytest.mark.parametrize("name", PENALTIES)
def test_the_history_says_what_the_penalty_was(name):
    recipe = Recipe(validation_fraction=0.2)
    model = fitted(penalty=PENALTIES[name](0.05), max_epochs=2, recipe=recipe)
    for row in model.history_:
        for prefix in ("", "validation_"):
            sum_of_parts = row[prefix + "reconstruction"] + 0.05 * row[prefix + "penalty"]
            assert row[prefix + "objective"] == pytest.approx(sum_of_parts, rel=1e-5)


def test_by_default_there_is_no_penalty(plain):
    assert "penalty" not in plain.history_[0]


@pytest.mark.parametrize("name", PENALTIES)
def test_the_denoising_model_takes_them_too(name):
    model = fitted(DenoisingAutoencoder, penalty=PENALTIES[name](0.05), max_epochs=1)
    assert model.history_[0]["penalty"] != 0


def test_a_wasserstein_autoencoders_codes_are_nearer_to_its_prior(plain):
    model = fitted(penalty="mmd", sampler="prior")

    def discrepancy(fit):
        codes = torch.from_numpy(fit.transform(DIGITS.X_test))
        return MMD()(None, None, codes, seeded()).mean()

    assert discrepancy(model) < 0.3 * discrepancy(plain)
    assert model.sample(3, random_state=0).shape == (3, 64)


def test_a_fit_with_a_penalty_is_a_function_of_its_seed():
    settings = {"hidden": (8, 4), "penalty": "contractive"}
    one, other = (fitted(**settings, max_epochs=1) for _ in range(2))
    np.testing.assert_array_equal(one.transform(DIGITS.X_test), other.transform(DIGITS.X_test))


@pytest.mark.parametrize("cls", [Autoencoder, DenoisingAutoencoder])
def test_they_survive_the_models_file(cls, tmp_path):
    model = fitted(cls, penalty=Contractive(np.float64(0.05)), max_epochs=1)
    again = load(model.save(tmp_path / "model"))
    assert (type(again.penalty), again.penalty.strength) == (Contractive, 0.05)
    assert again.history_[0]["penalty"] == model.history_[0]["penalty"]


# --- settings ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in PENALTIES if name not in BY_VARIANCE])
def test_a_name_has_the_strength_of_the_formulas_scale(name):
    assert PENALTIES[name]().strength == 0.1
    row = fitted(penalty=name, max_epochs=1).history_[0]
    expected = row["reconstruction"] + 0.1 * row["penalty"]
    assert row["objective"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", BY_VARIANCE)
@pytest.mark.parametrize(
    "settings",
    [{}, {"scaling": "standard"}, {"scaling": None}, {"recipe": Recipe(validation_fraction=0.5)}],
    ids=str,
)
def test_the_default_strength_is_a_share_of_the_variance_of_scaled_samples(name, settings):
    model = fitted(penalty=name, max_epochs=1, **settings)
    row, used = model.history_[0], DIGITS.X_train
    found = (row["objective"] - row["reconstruction"]) / row["penalty"]
    variance = (used / model.scaling_.scale).var(axis=0, dtype=np.float64).sum()
    # Half of the samples have the variance of all up to a few percent.
    rel = 0.05 if "recipe" in settings else 1e-3
    assert found == pytest.approx(BY_VARIANCE[name] * variance, rel=rel)
    assert model.penalty == name


@pytest.mark.parametrize("name", BY_VARIANCE)
def test_a_strength_that_is_given_is_kept_whatever_the_variance(name):
    given = PENALTIES[name](strength=3.0)
    assert given.sized(100.0) is given
    assert PENALTIES[name]().sized(100.0).strength == 100.0 * BY_VARIANCE[name]
    assert PENALTIES[name]().sized(0.0).strength > 0  # constant samples
    with pytest.raises(ValueError, match="'strength' parameter"):
        fitted(penalty=Sparse(None))


@pytest.mark.parametrize(
    ("penalty", "name"),
    [("dropout", "penalty"), (Sparse(-1.0), "strength"), (Sparse(0.0), "strength")],
    ids=str,
)
def test_a_penalty_that_cannot_be_is_refused_by_the_name_of_the_parameter(penalty, name):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        fitted(penalty=penalty)
