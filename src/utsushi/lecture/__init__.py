"""The lecture's experiments: the same numbers and figures, side by side with its own.

`utsushi.lecture.sections` goes on where the lecture only names what could follow.
"""

from utsushi.lecture.experiment import Experiment, run_experiment, run_lecture
from utsushi.lecture.numbers import Comparison, compare

__all__ = ["Comparison", "Experiment", "compare", "run_experiment", "run_lecture"]
