r"""Likelihoods :math:`p(x \mid z)` of a sample given the decoder's output.

The functions are the mathematics; the classes add the parameters and the fitted state of a model.
Gaussians are densities of scaled samples, as the network takes them; Bernoullis of values from 0 to
1, in the input's own units; counts are not scaled. `Mixed` has a distribution for each column.
"""

from utsushi.distributions.likelihoods.base import Likelihood
from utsushi.distributions.likelihoods.bernoulli import (
    Bernoulli,
    ContinuousBernoulli,
    bernoulli_log_prob,
    continuous_bernoulli_log_prob,
)
from utsushi.distributions.likelihoods.gaussian import (
    LOG_2PI,
    Gaussian,
    UnitGaussian,
    gaussian_log_prob,
    squared_error,
)
from utsushi.distributions.likelihoods.mixed import (
    Mixed,
    NegativeBinomial,
    Poisson,
    ZeroInflatedNegativeBinomial,
)

__all__ = [
    "LIKELIHOODS",
    "LOG_2PI",
    "Bernoulli",
    "ContinuousBernoulli",
    "Gaussian",
    "Likelihood",
    "Mixed",
    "NegativeBinomial",
    "Poisson",
    "UnitGaussian",
    "ZeroInflatedNegativeBinomial",
    "bernoulli_log_prob",
    "continuous_bernoulli_log_prob",
    "gaussian_log_prob",
    "squared_error",
]

#: The names that the ``likelihood`` parameter takes.
LIKELIHOODS: dict[str, type[Likelihood]] = {
    "gaussian": Gaussian,
    "unit-gaussian": UnitGaussian,
    "bernoulli": Bernoulli,
    "continuous-bernoulli": ContinuousBernoulli,
    "poisson": Poisson,
    "negative-binomial": NegativeBinomial,
    "zero-inflated": ZeroInflatedNegativeBinomial,
    "mixed": Mixed,
}
