"""The training loop: data in, parameters and a history out."""

from utsushi.training.loop import train
from utsushi.training.recipe import FAST, FAST_VARIATIONAL, LECTURE, Recipe, suited_to
from utsushi.training.subspace import train_in_subspace

__all__ = [
    "FAST",
    "FAST_VARIATIONAL",
    "LECTURE",
    "Recipe",
    "suited_to",
    "train",
    "train_in_subspace",
]
