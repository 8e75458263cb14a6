"""The search for settings: many trainings, of which the worst are given up early.

What is compared is the objective of held-out rows, so only what leaves its meaning alone is
searched: neither the likelihood nor the scaling, whose units it has, nor a weight within it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from utsushi._utils.lazy_imports import imported_late
from utsushi.search.searched import SEARCHED

if TYPE_CHECKING:
    from utsushi.search.best import write_best
    from utsushi.search.spaces import settings_of, space_of
    from utsushi.search.study import Search, tune

__all__ = ["SEARCHED", "Search", "settings_of", "space_of", "tune", "write_best"]

#: What is imported when it is first used, for it loads torch.
_HOMES = {
    "Search": "utsushi.search.study:Search",
    "settings_of": "utsushi.search.spaces:settings_of",
    "space_of": "utsushi.search.spaces:space_of",
    "tune": "utsushi.search.study:tune",
    "write_best": "utsushi.search.best:write_best",
}

__getattr__ = imported_late(__name__, _HOMES)
