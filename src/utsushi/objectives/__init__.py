"""What training minimizes, and the mathematics that it is made of.

``objective`` and ``penalty`` of an estimator take a name, or an object of a class of this package.
The functions are pure and give one value per sample.
"""

from utsushi.objectives.base import Batch, Objective, Source, Terms, random_order, with_condition
from utsushi.objectives.bounds import (
    ELBO,
    OBJECTIVES,
    Bound,
    Draws,
    ImportanceWeighted,
    elbo,
    free_bits_kl,
    importance_weighted_bound,
    lecture_loss,
    log_weights,
)
from utsushi.objectives.penalties import (
    MMD,
    PENALTIES,
    CodeAndWeights,
    Contractive,
    Penalty,
    Sparse,
)
from utsushi.objectives.reconstruction import ReconstructionObjective
from utsushi.objectives.variational import VariationalObjective

__all__ = [
    "ELBO",
    "MMD",
    "OBJECTIVES",
    "PENALTIES",
    "Batch",
    "Bound",
    "CodeAndWeights",
    "Contractive",
    "Draws",
    "ImportanceWeighted",
    "Objective",
    "Penalty",
    "ReconstructionObjective",
    "Source",
    "Sparse",
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
