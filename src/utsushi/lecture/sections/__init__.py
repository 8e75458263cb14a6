"""Experiments that the lecture only mentions: ``utsushi lecture --all``.

A section is a module with a `LectureSection`: its models, metrics, figures and texts. A new one is
a new module and an entry in `SECTIONS`.
"""

from utsushi.lecture.sections.anomalies import Anomalies
from utsushi.lecture.sections.base import LectureSection, Study
from utsushi.lecture.sections.calibration import Calibration
from utsushi.lecture.sections.convolution import Convolution
from utsushi.lecture.sections.denoising import Denoising
from utsushi.lecture.sections.features import Features

__all__ = ["SECTIONS", "LectureSection", "Study"]

#: The sections in the order of the report; each can use the models of earlier ones.
SECTIONS: tuple[LectureSection, ...] = (
    Calibration(),
    Convolution(),
    Denoising(),
    Features(),
    Anomalies(),
)
