"""The search for settings: many trainings, of which the worst are given up early.

What is compared is the objective of held-out rows, so only what leaves its meaning alone is
searched: neither the likelihood nor the scaling, whose units it has, nor a weight within it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from utsushi.search.searched import SEARCHED

if TYPE_CHECKING:
    from utsushi.search.best import write_best
    from utsushi.search.spaces import settings_of, space_of
    from utsushi.search.study import Search, tune

__all__ = ["SEARCHED", "Search", "settings_of", "space_of", "tune", "write_best"]

#: Where each name lives that is imported when it is first used, for it loads torch.
_HOMES = {
    "Search": "study",
    "settings_of": "spaces",
    "space_of": "spaces",
    "tune": "study",
    "write_best": "best",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'utsushi.search' has no attribute {name!r}")
    value = getattr(import_module(f"utsushi.search.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
