"""The importance-weighted bound: its value, its gradients, and a model where log p(x) is known."""

import math
from copy import copy

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from utsushi import Recipe, VariationalAutoencoder, datasets
from utsushi.distributions import (
    DiagonalGaussianPosterior,
    StandardNormal,
    UnitGaussian,
    diagonal_gaussian_log_prob,
)
from utsushi.exceptions import SettingError
from utsushi.networks import Dense, initialize
from utsushi.objectives import (
    ELBO,
    Batch,
    ImportanceWeighted,
    PartiallyImportanceWeighted,
    VariationalObjective,
    free_bits_kl,
    importance_weighted_bound,
    log_weights,
)

D, H = 5, 2


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def network(dtype=torch.float64):
    module = Dense((6,)).build(D, H, 2 * H).to(dtype)
    initialize(module, seeded())
    return module.with_parts(
        posterior=DiagonalGaussianPosterior().build(H), prior=StandardNormal().build(D, H)
    )


def rows(n=3, dtype=torch.float64):
    return torch.randn(n, D, generator=seeded(1), dtype=dtype)


def gradients(objective, n_repeats, module, x):
    parameters = list(module.parameters())
    drawn = []
    for seed in range(n_repeats):
        value = objective(module, Batch(x), seeded(seed)).objective.sum()
        drawn.append(torch.cat([g.flatten() for g in torch.autograd.grad(value, parameters)]))
    return torch.stack(drawn)


def test_the_bound_is_the_log_of_the_mean_weight():
    log_w = torch.tensor([[0.0, -1000.0], [math.log(3.0), -1001.0]])
    expected = torch.tensor([math.log(2.0), -1000.0 + math.log((1 + math.exp(-1)) / 2)])
    torch.testing.assert_close(importance_weighted_bound(log_w), expected)


def test_the_objective_is_the_mean_over_samples_of_bounds():
    module, x = network(), rows()
    bound = ImportanceWeighted(n_samples=3, n_estimates=2)
    objective = VariationalObjective(UnitGaussian(), bound)
    found = objective(module, Batch(x), seeded(7)).objective
    mean, log_variance = module.encoder(x).chunk(2, dim=1)
    noise = torch.randn(6, 3, H, generator=seeded(7)).double()
    z = mean + torch.exp(0.5 * log_variance) * noise
    log_w = log_weights(
        UnitGaussian().log_prob(x, module.decoder(z)),
        diagonal_gaussian_log_prob(z, torch.zeros(H), torch.zeros(H)),
        diagonal_gaussian_log_prob(z, mean, log_variance),
    )
    bounds = [torch.logsumexp(part, 0) - math.log(3) for part in (log_w[:3], log_w[3:])]
    torch.testing.assert_close(found, -torch.stack(bounds).mean(0))


@pytest.mark.parametrize("beta", [1.0, 0.7])
def test_the_bound_of_one_draw_has_the_expectation_of_the_evidence_lower_bound(beta):
    module, x = network(), rows(1).expand(20_000, D)
    found, expected = (
        VariationalObjective(UnitGaussian(), bound, beta)(module, Batch(x), seeded()).objective
        for bound in (ImportanceWeighted(n_samples=1), ELBO())
    )
    difference = found - expected  # of the same draws: the divergence is estimated, or exact
    assert difference.std() > 0.1
    assert abs(difference.mean()) < 4 * difference.std() / math.sqrt(len(x))


@pytest.mark.parametrize(("n_samples", "beta"), [(8, 1.0), (8, 0.5), (8, 2.0), (1, 1.0)])
def test_the_doubly_reparameterized_gradient_has_the_value_the_mean_and_less_variance(
    n_samples, beta
):
    module, x = network(), rows()
    plain, doubly = (
        VariationalObjective(
            UnitGaussian(), ImportanceWeighted(n_samples=n_samples, gradient=gradient), beta
        )
        for gradient in ("standard", "doubly-reparameterized")
    )
    torch.testing.assert_close(
        plain(module, Batch(x), seeded()).objective, doubly(module, Batch(x), seeded()).objective
    )
    n_draws = 1000
    of_plain, of_doubly = (gradients(o, n_draws, module, x) for o in (plain, doubly))
    error = ((of_plain.var(0) + of_doubly.var(0)) / n_draws).sqrt().clamp(min=1e-12)
    z = (of_plain.mean(0) - of_doubly.mean(0)) / error
    assert z.abs().max() < 4.5
    n_encoder = sum(p.numel() for p in module.encoder.parameters())
    variance = [g[:, :n_encoder].var(0).sum() for g in (of_plain, of_doubly)]
    if beta == 1 and n_samples > 1:
        assert variance[1] < 0.5 * variance[0]
    # The decoder's gradient is the same, draw by draw.
    torch.testing.assert_close(of_plain[:5, n_encoder:], of_doubly[:5, n_encoder:])


def test_without_gradients_the_doubly_reparameterized_bound_is_the_same():
    module, x = network(), rows()
    bound = ImportanceWeighted(n_samples=4, gradient="doubly-reparameterized")
    objective = VariationalObjective(UnitGaussian(), bound)
    with_gradient = objective(module, Batch(x), seeded()).objective
    with torch.no_grad():
        torch.testing.assert_close(objective(module, Batch(x), seeded()).objective, with_gradient)


def test_free_bits_hold_the_batch_mean_and_its_gradient():
    kl = torch.tensor([[0.1, 1.0], [0.3, 2.0]], requires_grad=True)
    held = free_bits_kl(kl, 0.5)
    assert held.sum(dim=1).mean().item() == pytest.approx(0.5 + 1.5)
    held.sum().backward()
    assert kl.grad.tolist() == [[0.0, 1.0], [0.0, 1.0]]


@pytest.mark.parametrize(("epochs", "weight"), [(0, 0.0), (1.5, 0.5), (3, 1.0), (math.inf, 1.0)])
def test_the_weight_of_the_divergence_rises_linearly(epochs, weight):
    objective = VariationalObjective(UnitGaussian(), ELBO(kl_warmup_epochs=3), beta=2.0)
    terms = objective(network(), Batch(rows(), epochs=epochs), seeded())
    expected = terms.parts["reconstruction"] + 2.0 * weight * terms.parts["kl"]
    torch.testing.assert_close(terms.objective, expected)


# --- in the estimator ---------------------------------------------------------------------------

DIGITS = datasets.load_digits8x8()
SMALL = {"n_components": 3, "hidden": (16,), "max_epochs": 4, "random_state": 0}


@pytest.fixture(scope="module")
def linear():
    """A model whose evidence is a Gaussian's, and rows."""
    generator = np.random.default_rng(0)
    X = generator.standard_normal((400, H)) @ generator.standard_normal((H, D)) * 2 + 3
    X += 0.7 * generator.standard_normal(X.shape)
    settings = {"hidden": (), "scaling": "standard", "max_epochs": 40, "random_state": 0}
    return VariationalAutoencoder(H, **settings).fit(X), X


def exact_log_likelihood(model, X):
    weight = model.module_.decoder[0].weight.detach().double().numpy()
    bias = model.module_.decoder[0].bias.detach().double().numpy()
    scale, offset = model.scaling_.scale, model.scaling_.offset
    covariance = weight @ weight.T + model.likelihood_.sigma_**2 * np.eye(D)
    return multivariate_normal(bias * scale + offset, covariance * np.outer(scale, scale)).logpdf(X)


def test_the_bound_rises_to_the_exact_evidence_of_a_linear_model(linear):
    model, X = linear
    exact = exact_log_likelihood(model, X)
    gaps = [(exact - model.log_likelihood(X, n_importance_samples=k)).mean() for k in (1, 10, 1000)]
    assert gaps[0] > gaps[1] > gaps[2]
    assert abs(gaps[2]) < 0.003


def test_the_bound_does_not_depend_on_a_rows_neighbours(linear):
    model, X = linear
    alone = [model.log_likelihood(X[i : i + 1], n_importance_samples=40) for i in range(3)]
    np.testing.assert_allclose(
        np.concatenate(alone), model.log_likelihood(X[:3], n_importance_samples=40), rtol=1e-12
    )


def test_more_draws_go_on_where_fewer_ended(linear):
    """The first draws are the same, so that a curve over K is one of the same noise."""
    model, X = linear
    one, two = (model.log_likelihood(X[:5], n_importance_samples=k) for k in (16, 17))
    assert not np.array_equal(one, two)
    assert (np.exp(two - one) >= 16 / 17 - 1e-6).all()


def test_the_score_is_the_evidence_lower_bound_however_a_model_was_trained():
    objective = ImportanceWeighted(n_samples=20)
    model = VariationalAutoencoder(**SMALL, objective=objective).fit(DIGITS.X_train[:200])
    X = DIGITS.X_test[:40]
    score = model.score_samples(X)
    np.testing.assert_array_equal(score, clone_with(model, objective="elbo").score_samples(X))
    assert score.mean() < model.log_likelihood(X, n_importance_samples=20).mean()


def clone_with(model, **parameters):
    """Return the same fitted model with other parameters."""
    return copy(model).set_params(**parameters)


@pytest.mark.parametrize(
    ("bound", "passes"),
    [(ImportanceWeighted(), 1), (PartiallyImportanceWeighted(), 2)],
    ids=["IWAE", "PIWAE"],
)
def test_a_step_passes_through_the_decoder_as_often_as_its_bound_has_gradients(bound, passes):
    module, counted = network(), []
    module.decoder.register_forward_hook(lambda *_: counted.append(1))
    objective = VariationalObjective(UnitGaussian(), bound)
    terms = objective(module, Batch(rows()), seeded())
    terms.objective.sum().backward()
    assert len(counted) == passes
    assert all(parameter.grad is not None for parameter in module.parameters())


@pytest.mark.parametrize("gradient", ["standard", "doubly-reparameterized"])
def test_training_by_importance_lowers_its_objective(gradient):
    objective = ImportanceWeighted(n_samples=5, n_estimates=2, gradient=gradient)
    history = VariationalAutoencoder(**SMALL, objective=objective).fit(DIGITS.X_train).history_
    assert history[-1]["objective"] < history[0]["objective"] - 5


def test_free_bits_keep_components_alive():
    settings = {**SMALL, "likelihood": "unit-gaussian", "recipe": Recipe(weight_decay=0.0)}
    settings |= {"max_epochs": 12}
    free_bits = ELBO(free_bits=0.5)
    free = VariationalAutoencoder(**settings, objective=free_bits).fit(DIGITS.X_train)
    bound = VariationalAutoencoder(**settings, beta=50.0).fit(DIGITS.X_train)
    kept = VariationalAutoencoder(**settings, beta=50.0, objective=free_bits).fit(DIGITS.X_train)
    assert bound.history_[-1]["kl"] < 0.5
    assert kept.history_[-1]["kl"] > 0.9
    assert free.history_[-1]["kl"] > 1.2


def test_the_divergence_costs_nothing_at_first_under_warmup():
    recipe = Recipe(validation_fraction=0.2, learning_rate=1e-3)
    settings = {**SMALL, "max_epochs": 3, "recipe": recipe}
    objective = ELBO(kl_warmup_epochs=2.5)
    model = VariationalAutoencoder(**settings, objective=objective).fit(DIGITS.X_train)
    first = model.history_[0]
    assert first["objective"] < first["reconstruction"] + 0.5 * first["kl"]
    # Held-out rows are always measured at the full weight.
    whole = first["validation_reconstruction"] + first["validation_kl"]
    assert first["validation_objective"] == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("bound", [ELBO, ImportanceWeighted])
def test_a_warmup_as_long_as_the_training_is_refused(bound):
    message = "kl_warmup_epochs must be less than the 4 epochs of the training, got 4"
    with pytest.raises(SettingError, match=message):
        VariationalAutoencoder(**SMALL, objective=bound(kl_warmup_epochs=4)).fit(DIGITS.X_train)


@pytest.mark.parametrize(
    ("objective", "name"),
    [
        ("iwae", "objective"),
        (ELBO(n_samples=0), "n_samples"),
        (ELBO(free_bits=-0.1), "free_bits"),
        (ELBO(kl_warmup_epochs=-1), "kl_warmup_epochs"),
        (ImportanceWeighted(n_samples=2.5), "n_samples"),
        (ImportanceWeighted(n_estimates=0), "n_estimates"),
        (ImportanceWeighted(gradient="none"), "gradient"),
    ],
    ids=str,
)
def test_a_bound_that_cannot_be_is_refused_by_the_name_of_the_parameter(objective, name):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        VariationalAutoencoder(**SMALL, objective=objective).fit(DIGITS.X_train)


@pytest.mark.parametrize("n_draws", [0, 2.5, True])
def test_a_number_of_draws_is_a_positive_integer(linear, n_draws):
    with pytest.raises(SettingError, match="n_importance_samples"):
        linear[0].log_likelihood(linear[1], n_importance_samples=n_draws)


def test_the_deviation_is_calibrated_for_the_bound_that_was_trained():
    """The stored deviation is the best of its neighbours, as it is for the plain bound."""
    settings = {"n_components": 8, "hidden": (64,), "max_epochs": 15, "random_state": 0}
    # As in a folder of images: class by class, the easy ones first.
    X = DIGITS.X_train[np.argsort(DIGITS.y_train != 1, kind="stable")]
    model = VariationalAutoencoder(**settings, objective=ImportanceWeighted(n_samples=20)).fit(X)
    sigma = model.likelihood_.sigma_
    scores = {}
    for factor in (0.93, 1.0, 1.07):
        model.likelihood_.sigma_ = factor * sigma
        scores[factor] = model.log_likelihood(X, n_importance_samples=20).mean()
    assert max(scores, key=scores.get) == 1.0
