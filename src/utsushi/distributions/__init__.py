"""The distributions of a variational model, and the divergences between them.

``likelihood``, ``posterior`` and ``prior`` of a `VariationalAutoencoder` take a name, or an object
of a class of this package.
"""

from utsushi.distributions.divergences import kl_diagonal_gaussians, kl_standard_normal
from utsushi.distributions.likelihoods import (
    LIKELIHOODS,
    Bernoulli,
    ContinuousBernoulli,
    Gaussian,
    Likelihood,
    UnitGaussian,
    squared_error,
)
from utsushi.distributions.posteriors import (
    POSTERIORS,
    DiagonalGaussian,
    DiagonalGaussianPosterior,
    Posterior,
    PosteriorDistribution,
    diagonal_gaussian_log_prob,
    posterior_parameters,
    reparameterize,
)
from utsushi.distributions.priors import (
    PRIORS,
    Prior,
    PriorModule,
    StandardNormal,
    VampPrior,
)

__all__ = [
    "LIKELIHOODS",
    "POSTERIORS",
    "PRIORS",
    "Bernoulli",
    "ContinuousBernoulli",
    "DiagonalGaussian",
    "DiagonalGaussianPosterior",
    "Gaussian",
    "Likelihood",
    "Posterior",
    "PosteriorDistribution",
    "Prior",
    "PriorModule",
    "StandardNormal",
    "UnitGaussian",
    "VampPrior",
    "diagonal_gaussian_log_prob",
    "kl_diagonal_gaussians",
    "kl_standard_normal",
    "posterior_parameters",
    "reparameterize",
    "squared_error",
]
