"""What training minimizes, and the mathematics that it is made of.

The functions are pure and give one value per row. The objectives tie them to a network: called with
a module and a batch they return `Terms`, which the training loop reduces once.
"""

from utsushi.objectives.base import Batch, Objective, Source, Terms, random_order, with_condition
from utsushi.objectives.bounds import (
    elbo,
    free_bits_kl,
    importance_weighted_bound,
    lecture_loss,
    log_weights,
)
from utsushi.objectives.reconstruction import ReconstructionObjective
from utsushi.objectives.variational import VariationalObjective

__all__ = [
    "Batch",
    "Objective",
    "ReconstructionObjective",
    "Source",
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
