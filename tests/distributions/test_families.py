"""The distributions of single features, against scipy's and against their own draws."""

import numpy as np
import pytest
import torch
from scipy import stats

from utsushi import VariationalAutoencoder
from utsushi.distributions import Mixed, NegativeBinomial, Poisson, ZeroInflatedNegativeBinomial
from utsushi.distributions.likelihoods.families import FAMILIES
from utsushi.exceptions import DataError, SettingError

ETA = torch.tensor([[-1.0, 0.3, 1.7]])
RATE = np.exp(ETA.numpy().astype(float))
COUNTS = torch.tensor([[0.0, 2.0, 9.0]])
SHARED = torch.tensor([[[0.4, -0.2, 1.0], [0.5, 3.0, -1.0], [-0.3, 0.2, 0.1]]])
THETA = np.exp(SHARED[:, 0].numpy().astype(float))


def family(name, n_features=3):
    return FAMILIES[name](np.ones(n_features, int))


def shared_of(one):
    return SHARED[:, : one.n_shared]


def zero_share():
    return 1 / (1 + np.exp(-(SHARED[:, 1] - 3 + SHARED[:, 2] * ETA).numpy().astype(float)))


def zero_inflated(x):
    counted = stats.nbinom.pmf(x, THETA, THETA / (THETA + RATE))
    return np.log(zero_share() * (x == 0) + (1 - zero_share()) * counted)


LOG_PROB = {
    "gaussian": lambda x: stats.norm.logpdf(x, ETA.numpy(), THETA),
    "bernoulli": lambda x: stats.bernoulli.logpmf(x > 0, 1 / (1 + 1 / RATE)),
    "poisson": lambda x: stats.poisson.logpmf(x, RATE),
    "negative-binomial": lambda x: stats.nbinom.logpmf(x, THETA, THETA / (THETA + RATE)),
    "zero-inflated": zero_inflated,
}


@pytest.mark.parametrize("name", LOG_PROB)
def test_densities_are_scipys(name):
    one = family(name)
    x = (COUNTS > 0).float() if name == "bernoulli" else COUNTS
    np.testing.assert_allclose(
        one.log_prob(x, ETA, shared_of(one)), LOG_PROB[name](COUNTS.numpy()), rtol=1e-4
    )


@pytest.mark.parametrize("name", LOG_PROB)
def test_draws_have_the_mean_of_the_density(name):
    one = family(name)
    eta = ETA.expand(100_000, -1)
    shared = shared_of(one).expand(100_000, -1, -1)
    drawn = one.draw(eta, shared, torch.Generator().manual_seed(0))
    error = 5 * drawn.std(dim=0) / 100_000**0.5
    assert ((drawn.mean(dim=0) - one.mean(eta, shared)[0]).abs() < error).all()
    if name != "gaussian":
        assert one.holds(drawn[:100].numpy()).all()


def test_a_categorical_is_torchs_for_columns_of_any_width():
    columns = FAMILIES["categorical"](np.array([2, 4, 1]))
    eta = torch.tensor([[500.0, 499.0, 0.0, 1.0, -1.0, 2.0, 7.0]])
    x = torch.tensor([[0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0]])
    own = torch.distributions.Categorical
    expected = own(logits=eta[:, :2]).log_prob(torch.tensor([1]))
    expected = expected + own(logits=eta[:, 2:6]).log_prob(torch.tensor([1]))
    terms = columns.log_prob(x, eta, eta[..., :0])
    torch.testing.assert_close(terms.sum(dim=-1), expected)
    assert columns.log_prob(0 * x, eta, eta[..., :0]).sum() == 0  # an unknown category
    drawn = columns.draw(eta.expand(20_000, -1), eta, torch.Generator().manual_seed(0))
    assert (drawn[:, :2].sum(dim=1) == 1).all()
    assert (drawn[:, 2:6].sum(dim=1) == 1).all()
    shares = columns.mean(eta, eta[..., :0])[0]
    torch.testing.assert_close(drawn.mean(dim=0), shares, atol=0.015, rtol=0)


def test_a_mixed_likelihood_is_the_sum_of_its_columns():
    likelihood = Mixed([("poisson", 1), ("categorical", 2), ("gaussian", 1), ("input", 1)])
    head = likelihood.build_head(5)
    with torch.no_grad():
        head.shared[:] = 0.7  # the logarithm of the Gaussian's sigma
    output = head(torch.tensor([[0.2, 1.0, -1.0, 0.5, 9.0]]))
    x = torch.tensor([[3.0, 0.0, 1.0, 2.0, 1.0]])
    expected = (
        stats.poisson.logpmf(3, np.exp(0.2))
        + np.log(1 / (1 + np.exp(2)))
        + stats.norm.logpdf(2, 0.5, np.exp(0.7))
    )
    assert likelihood.log_prob(x, output).item() == pytest.approx(expected, rel=1e-5)
    mask = torch.tensor([[False, True, True, True, True]])
    without = expected - stats.poisson.logpmf(3, np.exp(0.2))
    assert likelihood.log_prob(x, output, mask).item() == pytest.approx(without, rel=1e-5)
    np.testing.assert_allclose(likelihood.sigma(output).detach(), [[0, 0, 0, np.exp(0.7), 0]])


def test_mixed_needs_columns_that_fit():
    X = np.random.default_rng(0).random((20, 3))
    with pytest.raises(SettingError, match=r"likelihood='mixed' must be used with a table schema"):
        VariationalAutoencoder(2, likelihood="mixed").fit(X)
    with pytest.raises(SettingError, match="families must describe 3 features, as X has, got 2"):
        VariationalAutoencoder(2, likelihood=Mixed([("gaussian", 2)])).fit(X)
    with pytest.raises(SettingError, match=r"families must be among .*, got 'cauchy'"):
        VariationalAutoencoder(2, likelihood=Mixed([("cauchy", 3)])).fit(X)


@pytest.mark.parametrize("likelihood", ["poisson", "negative-binomial", "zero-inflated"])
def test_counts_are_refused_where_they_are_none(likelihood):
    X = np.ones((20, 3))
    X[4, 1] = 1.5
    with pytest.raises(DataError, match=r"counts \(0, 1, 2, …\) in column 1 .*, got 1.5"):
        VariationalAutoencoder(2, likelihood=likelihood).fit(X)


CLASSES = {
    "poisson": Poisson,
    "negative-binomial": NegativeBinomial,
    "zero-inflated": ZeroInflatedNegativeBinomial,
}


@pytest.mark.parametrize("name", CLASSES)
def test_the_dispersion_of_counts_is_learned(name):
    """Counts without structure: the bound is near the likelihood of their own distribution."""
    rng = np.random.default_rng(0)
    rate = 4.0 if name == "poisson" else rng.gamma(2, 2, (4000, 2))
    X = rng.poisson(rate, (4000, 2)).astype(float)
    if name == "zero-inflated":
        X[rng.random(X.shape) < 0.3] = 0
    model = VariationalAutoencoder(
        1, hidden=(8,), likelihood=CLASSES[name](), max_epochs=60, random_state=0
    ).fit(X)
    truth = {
        "poisson": stats.poisson.logpmf(X, 4),
        "negative-binomial": stats.nbinom.logpmf(X, 2, 1 / 3),
        "zero-inflated": np.log(0.3 * (X == 0) + 0.7 * stats.nbinom.pmf(X, 2, 1 / 3)),
    }[name]
    assert model.score(X) == pytest.approx(truth.sum(axis=1).mean(), abs=0.05)
