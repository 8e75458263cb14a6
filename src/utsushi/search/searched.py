"""Which parameters are searched, by their names alone: help pages say so, and load no torch."""

from __future__ import annotations

__all__ = ["SEARCHED", "SEARCHED_OF_VARIATIONAL"]

#: The parameters of an estimator that are searched, where they are not given.
SEARCHED = (
    "hidden",
    "channels",
    "activation",
    "learning_rate",
    "batch_size",
    "weight_decay",
    "n_components",
)

#: Those of them that are searched of variational models alone; see `space_of`.
SEARCHED_OF_VARIATIONAL = ("n_components",)
