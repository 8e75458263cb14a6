"""The lecture's experiments: its numbers and figures, compared with the library's.

`utsushi.lecture.sections` has further experiments, which the lecture only mentions.
"""

from utsushi.lecture.experiment import Experiment, run_experiment, run_lecture
from utsushi.lecture.numbers import Comparison, compare

__all__ = ["Comparison", "Experiment", "compare", "run_experiment", "run_lecture"]
