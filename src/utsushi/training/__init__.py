"""Training: the loop, recipes, checkpoints, data parallelism and precision."""

from utsushi.training.loop import train
from utsushi.training.recipe import LECTURE, Recipe, fast_settings
from utsushi.training.subspace import train_in_subspace

__all__ = [
    "LECTURE",
    "Recipe",
    "fast_settings",
    "train",
    "train_in_subspace",
]
