"""Linear models, whose optimum is known: PCA and probabilistic PCA are the oracles."""

import math

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from utsushi import Autoencoder, Recipe, VariationalAutoencoder
from utsushi.estimators.variational import SCORE_DRAWS

H = 2


@pytest.fixture(scope="module")
def table():
    """Rows of six columns with two strong directions, and noise in all."""
    generator = np.random.default_rng(0)
    directions = np.linalg.qr(generator.standard_normal((6, H)))[0] * [3.0, 2.0]
    codes = generator.standard_normal((1000, H))
    return codes @ directions.T + 0.5 * generator.standard_normal((1000, 6)) + 7.0


@pytest.fixture(scope="module")
def linear_vae(table):
    recipe = Recipe(max_epochs=60, learning_rate=0.03, batch_size=100)
    return VariationalAutoencoder(H, hidden=(), random_state=0, recipe=recipe).fit(table)


@pytest.fixture(scope="module")
def linear_autoencoder(table):
    return Autoencoder(H, hidden=(), random_state=0, max_epochs=200).fit(table)


def spectrum(X):
    """Eigenvalues of the covariance with the denominator n, largest first."""
    return np.sort(np.linalg.eigvalsh(np.cov(X, rowvar=False, bias=True)))[::-1]


def maximum_log_likelihood(X, n_components):
    """The most that a row of X can have on average under probabilistic PCA.

    Tipping and Bishop 1999, equation 18: at the maximum the trace term is D.
    """
    values = spectrum(X)
    n_features, rest = len(values), values[n_components:]
    log_determinant = np.log(values[:n_components]).sum() + len(rest) * math.log(rest.mean())
    return -0.5 * (n_features * math.log(2 * math.pi) + log_determinant + n_features)


def set_to_probabilistic_pca(model, pca):
    """Give a fitted linear VAE the analytic maximum: decoder W = U (L - s I)^(1/2).

    In the basis of PCA the posterior is diagonal: M = W'W + s I = L, its mean is M^-1 W'(x - mean)
    and its covariance s M^-1.
    """
    noise, values = pca.noise_variance_, pca.explained_variance_
    weights = pca.components_.T * np.sqrt(values - noise)  # (D, H)
    encoder, decoder = model.module_.encoder[0], model.module_.decoder[0]
    n_components = len(values)
    mean_shift = torch.tensor(pca.mean_ - model.scaling_.offset)
    with torch.no_grad():
        encoder.weight.zero_()
        encoder.weight[:n_components] = torch.tensor((weights / values).T)
        encoder.bias[:n_components] = -encoder.weight[:n_components] @ mean_shift.float()
        encoder.bias[n_components:] = torch.tensor(np.log(noise / values))
        decoder.weight.copy_(torch.tensor(weights))
        decoder.bias.copy_(mean_shift)
    model.likelihood_.calibrate(noise)


def test_the_bound_of_the_analytic_linear_model_is_the_exact_likelihood_of_probabilistic_pca():
    X = load_digits().data / 16.0
    train, test = X[:1400], X[1400:]
    pca = PCA(n_components=5).fit(train)
    model = VariationalAutoencoder(5, hidden=(), random_state=0, max_epochs=1).fit(train)
    set_to_probabilistic_pca(model, pca)
    # The posterior is exact, so the bound is tight: E[score(x)] = log p(x), and the error is
    # 1. Monte Carlo. Given x, with z ~ N(m, S) and S = s / L, the variance of log p(x|z) is
    #    sum_h d_h^2 / (2 L_h^2) + m_h^2 S_h with d = L - s: the variances of the quadratic and of
    #    the linear term in z - m (W'r = s m, where r is the residual). A mean over 16 draws and n
    #    rows divides it by 16 n; four standard errors are allowed.
    # 2. float32. The score is a sum of D + H terms of size about one, each wrong by at most some
    #    tens of roundings (a product of length D, a square, a sum), and roundings do not conspire:
    #    64 half-ulps of the score's size is generous, and far below the first error.
    noise, values = pca.noise_variance_, pca.explained_variance_
    means = (test - pca.mean_) @ pca.components_.T * np.sqrt(values - noise) / values
    variance = ((values - noise) ** 2 / (2 * values**2) + means**2 * noise / values).sum(axis=1)
    standard_error = math.sqrt(variance.mean() / (SCORE_DRAWS * len(test)))
    exact = pca.score(test)
    tolerance = 4 * standard_error + 64 * 2.0**-24 * abs(exact)
    assert tolerance < 0.2  # nats, of about 40: the test would see a wrong constant
    assert abs(model.score(test) - exact) < tolerance


def test_each_rows_bound_differs_from_its_exact_likelihood_by_its_monte_carlo_error():
    X = load_digits().data / 16.0
    pca = PCA(n_components=3).fit(X)
    model = VariationalAutoencoder(3, hidden=(), random_state=0, max_epochs=1).fit(X)
    set_to_probabilistic_pca(model, pca)
    noise, values = pca.noise_variance_, pca.explained_variance_
    means = (X - pca.mean_) @ pca.components_.T * np.sqrt(values - noise) / values
    variance = ((values - noise) ** 2 / (2 * values**2) + means**2 * noise / values).sum(axis=1)
    z = (model.score_samples(X) - pca.score_samples(X)) / np.sqrt(variance / SCORE_DRAWS)
    # 1797 errors of mean 0 and variance 1, independent between rows. Each is a mean of 16
    # near-quadratic terms whose kurtosis excess is at most 12 / 16 per row, so the variance of the
    # mean square is at most (2 + 12 / 16) / n.
    n = len(X)
    assert abs(z.mean()) < 4 / math.sqrt(n)
    assert abs((z**2).mean() - 1) < 4 * math.sqrt(2.75 / n)


def score_error(X):
    """A bound on the standard error of the mean score of X, all of it from the 16 draws.

    The variance of log p(x|z) is at most 1/2 + m^2 S a component (see above), and m^2 S is below
    1 on average, for the means of m^2 and of S add up to one.
    """
    return math.sqrt(1.5 * H / (SCORE_DRAWS * len(X)))


def test_a_trained_linear_vae_approaches_probabilistic_pca(linear_vae, table):
    # Lucas et al. 2019: the bound of a linear VAE has no maxima but those of the likelihood, so a
    # training that has settled has little left to gain. Little is measured against what the last
    # component is worth: one hundredth of it, and the error of the score itself. (The calibrated
    # sigma^2 is a mean over n D squares; its own error costs about 1 / (2 n) = 0.0005 nats.)
    best = maximum_log_likelihood(table, H)
    last_component = best - maximum_log_likelihood(table, H - 1)
    tolerance = 0.01 * last_component + 4 * score_error(table)
    assert linear_vae.score(table) > best - tolerance


def test_a_trained_linear_vae_never_exceeds_the_maximum_likelihood(linear_vae, table):
    best = maximum_log_likelihood(table, H)
    assert linear_vae.score(table) < best + 4 * score_error(table)


def test_the_maximum_likelihood_is_scikit_learns_but_for_the_denominator(table):
    # PCA uses n - 1: its covariance is larger by n / (n - 1), which costs second order only.
    pca = PCA(n_components=H).fit(table)
    best = maximum_log_likelihood(table, H)
    assert best - 1e-5 < pca.score(table) <= best


def test_a_trained_linear_autoencoder_approaches_the_error_of_pca(linear_autoencoder, table):
    best = spectrum(table)[H:].sum()
    assert -linear_autoencoder.score(table) < 1.01 * best


def test_a_linear_autoencoder_never_beats_pca_on_its_training_rows(linear_autoencoder, table):
    # Eckart and Young: no affine map of rank H does. The rows are scaled in float32, so an error
    # may be wrong by some roundings of the row's squared norm.
    best = spectrum(table)[H:].sum()
    rounding = 64 * 2.0**-24 * spectrum(table).sum()
    assert -linear_autoencoder.score(table) > best - rounding
