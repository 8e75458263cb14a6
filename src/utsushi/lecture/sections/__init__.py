"""What the lecture only names, run: ``utsushi lecture --all``.

A section is a module with a `LectureSection`: what it trains, measures, shows and says. A new one
is a new module with a place in `SECTIONS`.
"""

from utsushi.lecture.sections.anomalies import Anomalies
from utsushi.lecture.sections.base import LectureSection, Study
from utsushi.lecture.sections.calibration import Calibration
from utsushi.lecture.sections.convolution import Convolution
from utsushi.lecture.sections.denoising import Denoising
from utsushi.lecture.sections.features import Features

__all__ = ["SECTIONS", "LectureSection", "Study"]

#: In the order of the report; each may look at the models of those before it.
SECTIONS: tuple[LectureSection, ...] = (
    Calibration(),
    Convolution(),
    Denoising(),
    Features(),
    Anomalies(),
)
