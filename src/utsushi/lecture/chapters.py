"""Run the sections of ``utsushi lecture --all``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from utsushi.lecture.numbers import Comparison
from utsushi.lecture.sections import LectureSection, Study
from utsushi.lecture.sections.base import Model
from utsushi.runs import CaptionedFigure

__all__ = ["Chapter", "row_names", "run_sections"]


@dataclass(frozen=True)
class Chapter:
    """Hold the results of a section.

    Attributes
    ----------
    section : LectureSection
    models : dict of str to fitted model
        The models that it trained.
    measured : dict
        Its group in ``metrics.json``.
    figures : list of CaptionedFigure
        Its figures.
    """

    section: LectureSection
    models: dict[str, Model]
    metrics: dict[str, Any]
    figures: list[CaptionedFigure]

    @property
    def comparisons(self) -> list[Comparison]:
        """Its rows of the table, for which the lecture has no numbers."""
        return [
            Comparison(_row_key(self.section, key), None, "", "", value)
            for key, value in self.section.rows(self.metrics)
        ]


def run_sections(study: Study, sections: Iterable[LectureSection]) -> Iterator[Chapter]:
    """Train, measure and draw each section; it can use the models of earlier sections.

    Parameters
    ----------
    study : Study
        The study, with the lecture's two models.
    sections : iterable of LectureSection

    Yields
    ------
    Chapter
        The results of each section as soon as they are complete.
    """
    for section in sections:
        models = section.train(study)
        study = replace(study, models={**study.models, **models})
        figures = list(section.figures(study))
        yield Chapter(section, models, section.measure(study), figures)


def row_names(sections: Iterable[LectureSection], language: str) -> Mapping[str, str]:
    """Return the names of the sections' rows by the keys of their comparisons."""
    return {
        _row_key(section, key): text
        for section in sections
        for key, text in section.texts[language].items()
    }


def _row_key(section: LectureSection, key: str) -> str:
    """Return a key that is unique among the sections."""
    return f"{section.name}.{key}"
