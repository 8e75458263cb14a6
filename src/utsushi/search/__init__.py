"""The search for settings: many trainings, of which the worst are given up early.

What is compared is the objective of held-out rows, so only what leaves its meaning alone is
searched: neither the likelihood nor the scaling, whose units it has, nor a weight within it.
"""

from utsushi.search.best import write_best
from utsushi.search.spaces import SEARCHED, settings_of, space_of
from utsushi.search.study import Search, tune

__all__ = ["SEARCHED", "Search", "settings_of", "space_of", "tune", "write_best"]
