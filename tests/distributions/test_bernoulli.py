"""The Bernoulli likelihoods against torch.distributions, at the ends and in the middle."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Bernoulli as TorchBernoulli
from torch.distributions import ContinuousBernoulli as TorchContinuousBernoulli

from utsushi import VariationalAutoencoder, datasets
from utsushi.distributions.likelihoods import (
    Bernoulli,
    ContinuousBernoulli,
    bernoulli_log_prob,
    continuous_bernoulli_log_prob,
)
from utsushi.exceptions import DataError, UtsushiWarning

LOGITS = torch.tensor(
    [-30.0, -5.0, -1.0001, -0.9999, -0.1, -1e-3, -1e-6, 0.0, 1e-6, 1e-3, 0.1, 0.9999, 1.0001, 5.0]
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@settings(deadline=None)
@given(st.floats(-30, 30), st.sampled_from([0.0, 1.0]))
def test_the_bernoulli_is_that_of_torch_distributions(logit, x):
    x, logit = torch.tensor([x], dtype=torch.float64), torch.tensor([logit], dtype=torch.float64)
    expected = TorchBernoulli(logits=logit).log_prob(x).sum()
    torch.testing.assert_close(bernoulli_log_prob(x, logit), expected)


@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_a_certain_bernoulli_has_finite_values_and_gradients(logit):
    for log_prob in (bernoulli_log_prob, continuous_bernoulli_log_prob):
        output = torch.tensor([logit], requires_grad=True)
        value = log_prob(torch.tensor([0.0]), output)
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(output.grad).all()


@settings(deadline=None)
@given(
    st.floats(-20, 20).filter(lambda logit: abs(logit) > 0.05),
    st.floats(0, 1),
)
def test_the_continuous_bernoulli_is_that_of_torch_distributions(logit, x):
    x, logit = torch.tensor([x], dtype=torch.float64), torch.tensor([logit], dtype=torch.float64)
    oracle = TorchContinuousBernoulli(logits=logit)
    torch.testing.assert_close(
        continuous_bernoulli_log_prob(x, logit), oracle.log_prob(x).sum(), rtol=1e-6, atol=1e-6
    )
    mean = ContinuousBernoulli().mean(logit)
    torch.testing.assert_close(mean, oracle.mean, rtol=1e-5, atol=1e-7)


def test_the_continuous_bernoulli_integrates_to_one_everywhere():
    x = torch.linspace(0, 1, 20001, dtype=torch.float64)
    for logit in LOGITS.double():
        density = continuous_bernoulli_log_prob(x[:, None], logit.expand(1)).exp()
        assert torch.trapezoid(density, x).item() == pytest.approx(1.0, rel=1e-4)
        mean = torch.trapezoid(density * x, x).item()
        assert ContinuousBernoulli().mean(logit).item() == pytest.approx(mean, abs=1e-4)


def test_single_precision_is_exact_near_one_half():
    logits = torch.linspace(-1.5, 1.5, 3001)
    x = torch.full((1,), 0.3)
    single = torch.stack([continuous_bernoulli_log_prob(x, v[None]) for v in logits])
    double = torch.stack(
        [continuous_bernoulli_log_prob(x.double(), v[None].double()) for v in logits]
    )
    torch.testing.assert_close(single.double(), double, rtol=0, atol=3e-7)
    mean = ContinuousBernoulli().mean
    torch.testing.assert_close(mean(logits).double(), mean(logits.double()), rtol=0, atol=3e-7)


def test_the_gradient_of_the_density_is_the_distance_from_the_mean():
    logits = LOGITS.double().requires_grad_()
    value = continuous_bernoulli_log_prob(torch.full_like(logits, 0.7), logits)
    (gradient,) = torch.autograd.grad(value, logits)
    expected = 0.7 - ContinuousBernoulli().mean(logits.detach())
    torch.testing.assert_close(gradient, expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("likelihood", [Bernoulli(), ContinuousBernoulli()])
def test_draws_have_the_mean_that_is_promised(likelihood):
    output = LOGITS.repeat(40_000, 1)
    drawn = likelihood.draw(output, seeded())
    assert drawn.min() >= 0
    assert drawn.max() <= 1
    np.testing.assert_allclose(drawn.mean(dim=0), likelihood.mean(LOGITS), atol=0.012)


# --- in the estimator ---------------------------------------------------------------------------

GREY = datasets.load_digits8x8().X_train[:200]
BINARY = (GREY > 0.5).astype(np.float32)
SMALL = {"n_components": 3, "hidden": (16,), "max_epochs": 60, "random_state": 0}


@pytest.mark.parametrize(
    ("likelihood", "rows"), [("bernoulli", BINARY), ("continuous-bernoulli", GREY)]
)
@pytest.mark.parametrize("scaling", ["center", "standard", None])
def test_all_that_comes_out_is_from_zero_to_one(likelihood, rows, scaling):
    model = VariationalAutoencoder(**SMALL, likelihood=likelihood, scaling=scaling).fit(rows)
    generated = [model.sample(9, random_state=0, noise=noise) for noise in (True, False)]
    for made in (model.reconstruct(rows), *generated):
        assert made.min() >= 0
        assert made.max() <= 1
    # The copies are far nearer than the middle of the range.
    assert ((model.reconstruct(rows) - rows) ** 2).mean() < 0.8 * ((0.5 - rows) ** 2).mean()


def test_the_score_is_in_the_units_of_the_input_whatever_the_scaling():
    """The expected bound of the trained model by torch.distributions, on rows as they are."""
    model = VariationalAutoencoder(**SMALL, likelihood="bernoulli", scaling="standard").fit(BINARY)
    mean, deviation = (torch.from_numpy(part) for part in model.posterior_of(BINARY))
    draws = mean + deviation * torch.randn(400, *mean.shape, generator=seeded())
    with torch.no_grad():
        logits = model.module_.decoder(draws)
    density = TorchBernoulli(logits=logits).log_prob(torch.from_numpy(BINARY)).sum(-1).mean(0)
    kl = 0.5 * (deviation**2 + mean**2 - 1 - 2 * deviation.log()).sum(-1)
    np.testing.assert_allclose(model.score(BINARY), (density - kl).mean().item(), rtol=3e-3)


@pytest.mark.parametrize("likelihood", ["bernoulli", "continuous-bernoulli"])
@pytest.mark.parametrize("value", [-0.001, 1.001])
def test_other_values_raise(likelihood, value):
    rows = (BINARY if likelihood == "bernoulli" else GREY).copy()
    model = VariationalAutoencoder(**SMALL, likelihood=likelihood).fit(rows)
    rows[3, 5] = value
    for use in (model.score_samples, model.fit):
        with pytest.raises(DataError, match=f"from 0 to 1 .*, got {value}"):
            use(rows)


@pytest.mark.parametrize(
    ("likelihood", "rows", "better"),
    [
        ("bernoulli", GREY, "continuous-bernoulli"),
        ("continuous-bernoulli", BINARY, "bernoulli"),
        ("gaussian", BINARY, "bernoulli"),
        ("unit-gaussian", BINARY, "bernoulli"),
    ],
)
def test_rows_that_do_not_suit_the_likelihood_are_warned_of(likelihood, rows, better):
    with pytest.warns(UtsushiWarning, match=f"Set likelihood='{better}'"):
        VariationalAutoencoder(**SMALL, likelihood=likelihood).fit(rows)


def test_binarized_grey_rows_suit_the_bernoulli():
    VariationalAutoencoder(**SMALL, likelihood="bernoulli", augment="binarize").fit(GREY)
