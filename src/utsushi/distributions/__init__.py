"""The distributions of a variational model, and the divergences between them.

``likelihood``, ``posterior`` and ``prior`` of a `VariationalAutoencoder` take a name, or an object
of a class of this package.
"""

from utsushi.distributions.divergences import (
    kl_diagonal_gaussians,
    kl_full_covariance,
    kl_standard_normal,
)
from utsushi.distributions.hierarchical import (
    HierarchicalGaussian,
    HierarchicalPosterior,
    HierarchicalPrior,
)
from utsushi.distributions.likelihoods import (
    LIKELIHOODS,
    Bernoulli,
    ContinuousBernoulli,
    Gaussian,
    Likelihood,
    Mixed,
    NegativeBinomial,
    Poisson,
    UnitGaussian,
    ZeroInflatedNegativeBinomial,
    squared_error,
)
from utsushi.distributions.posteriors import (
    DiagonalGaussian,
    DiagonalGaussianPosterior,
    FullCovarianceGaussian,
    FullCovariancePosterior,
    InverseAutoregressiveFlowPosterior,
    Posterior,
    PosteriorDistribution,
    TransformedGaussian,
    diagonal_gaussian_log_prob,
    posterior_parameters,
    reparameterize,
)
from utsushi.distributions.priors import (
    FlowPrior,
    MixtureModule,
    MixtureOfGaussians,
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
    "FlowPrior",
    "FullCovarianceGaussian",
    "FullCovariancePosterior",
    "Gaussian",
    "HierarchicalGaussian",
    "HierarchicalPosterior",
    "HierarchicalPrior",
    "InverseAutoregressiveFlowPosterior",
    "Likelihood",
    "Mixed",
    "MixtureModule",
    "MixtureOfGaussians",
    "NegativeBinomial",
    "Poisson",
    "Posterior",
    "PosteriorDistribution",
    "Prior",
    "PriorModule",
    "StandardNormal",
    "TransformedGaussian",
    "UnitGaussian",
    "VampPrior",
    "ZeroInflatedNegativeBinomial",
    "diagonal_gaussian_log_prob",
    "kl_diagonal_gaussians",
    "kl_full_covariance",
    "kl_standard_normal",
    "posterior_parameters",
    "reparameterize",
    "squared_error",
]

#: The names that the ``prior`` parameter takes.
PRIORS: dict[str, type[Prior]] = {
    "standard-normal": StandardNormal,
    "mixture": MixtureOfGaussians,
    "vamp": VampPrior,
    "flow": FlowPrior,
    "hierarchical": HierarchicalPrior,
}

#: The names that the ``posterior`` parameter takes.
POSTERIORS: dict[str, type[Posterior]] = {
    "diagonal-gaussian": DiagonalGaussianPosterior,
    "full-covariance": FullCovariancePosterior,
    "inverse-autoregressive-flow": InverseAutoregressiveFlowPosterior,
    "hierarchical": HierarchicalPosterior,
}
