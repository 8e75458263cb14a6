"""Hyperparameter search: many trials, of which the worst are stopped early.

Trials are compared by the objective of held-out samples, so only parameters that do not change its
meaning are searched: not the likelihood, the scaling or the weight of a term.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from utsushi.search.best import write_best
    from utsushi.search.spaces import settings_of, space_of
    from utsushi.search.study import Search, tune

#: The parameters of an estimator that are searched unless they are set; see `space_of`.
SEARCHED = (
    "hidden",
    "network__channels",
    "network__activation",
    "recipe__learning_rate",
    "recipe__batch_size",
    "recipe__weight_decay",
    "n_components",
)

__all__ = ["SEARCHED", "Search", "settings_of", "space_of", "tune", "write_best"]

# They import torch.
_lazy_imports = {
    "best": ["write_best"],
    "spaces": ["settings_of", "space_of"],
    "study": ["Search", "tune"],
}
__getattr__, _, _ = lazy_loader.attach(__name__, submod_attrs=_lazy_imports)
