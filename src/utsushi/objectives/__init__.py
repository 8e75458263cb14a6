"""Objectives of training: reconstruction error, bounds on log p(x), and penalties.

``objective`` and ``penalty`` of an estimator take a name, or an object of a class of this package.
The functions are pure and return one value per sample.
"""

from utsushi.objectives.adversarial import AdversarialELBO
from utsushi.objectives.base import (
    Batch,
    MappedSource,
    Objective,
    Source,
    Terms,
    random_order,
    with_condition,
)
from utsushi.objectives.bounds import (
    elbo,
    free_bits_kl,
    importance_weighted_bound,
    lecture_loss,
    log_weights,
)
from utsushi.objectives.disentangling import (
    BetaTC,
    CapacityAnnealed,
    DisentangledInferredPrior,
    FactorVAE,
    InfoVAE,
)
from utsushi.objectives.elbo import ELBO, Bound, Draws
from utsushi.objectives.importance_weighted import (
    CombinedImportanceWeighted,
    ImportanceWeighted,
    PartiallyImportanceWeighted,
)
from utsushi.objectives.multiscale_ssim import MultiscaleSSIM
from utsushi.objectives.penalties import (
    MMD,
    PENALTIES,
    Adversarial,
    CodeAndWeights,
    Contractive,
    DecoderGradient,
    Penalty,
    Sparse,
)
from utsushi.objectives.reconstruction import ReconstructionObjective
from utsushi.objectives.sparse import SparseObjective
from utsushi.objectives.variational import VariationalObjective

__all__ = [
    "ELBO",
    "MMD",
    "OBJECTIVES",
    "PENALTIES",
    "Adversarial",
    "AdversarialELBO",
    "Batch",
    "BetaTC",
    "Bound",
    "CapacityAnnealed",
    "CodeAndWeights",
    "CombinedImportanceWeighted",
    "Contractive",
    "DecoderGradient",
    "DisentangledInferredPrior",
    "Draws",
    "FactorVAE",
    "ImportanceWeighted",
    "InfoVAE",
    "MappedSource",
    "MultiscaleSSIM",
    "Objective",
    "PartiallyImportanceWeighted",
    "Penalty",
    "ReconstructionObjective",
    "Source",
    "Sparse",
    "SparseObjective",
    "Terms",
    "VariationalObjective",
    "elbo",
    "free_bits_kl",
    "importance_weighted_bound",
    "lecture_loss",
    "log_weights",
    "random_order",
    "with_condition",
]

#: The names that the ``objective`` parameter takes.
OBJECTIVES: dict[str, type[Bound]] = {
    "elbo": ELBO,
    "importance-weighted": ImportanceWeighted,
    "partially-importance-weighted": PartiallyImportanceWeighted,
    "combined-importance-weighted": CombinedImportanceWeighted,
    "beta-tc": BetaTC,
    "factor": FactorVAE,
    "dip": DisentangledInferredPrior,
    "info": InfoVAE,
    "capacity-annealed": CapacityAnnealed,
    "adversarial": AdversarialELBO,
    "ms-ssim": MultiscaleSSIM,
}
