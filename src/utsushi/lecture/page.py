"""The report of the lecture's experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from utsushi.estimators import BaseAutoencoder, autoencoder_of
from utsushi.lecture.chapters import Chapter, row_names
from utsushi.lecture.numbers import Comparison
from utsushi.lecture.sections import LectureSection
from utsushi.lecture.texts import TEXTS
from utsushi.report import Page, Paragraph, Section, Settings, Table, settings_of
from utsushi.runs import CaptionedFigure, pictures_of

__all__ = ["comparison_table", "lecture_page"]


def lecture_page(
    models: Mapping[str, BaseAutoencoder],
    comparisons: Sequence[Comparison],
    digits: CaptionedFigure,
    figures: Mapping[str, Sequence[CaptionedFigure]],
    chapters: Sequence[Chapter] = (),
    sections: Sequence[LectureSection] = (),
    *,
    language: str,
) -> Page:
    """Compose the report in a language: numbers, data, each model, and each section.

    Parameters
    ----------
    models : mapping of str to fitted autoencoder
        "autoencoder" and "variational"; the lead names missing ones.
    comparisons : sequence of Comparison
    digits : CaptionedFigure
        The first digits.
    figures : mapping of str to sequence of CaptionedFigure
        The figures of each model.
    chapters : sequence of Chapter
        The results of the sections.
    sections : sequence of LectureSection
        All sections of the run, including those that are not run yet.
    language : {"en", "ja"}

    Returns
    -------
    Page
    """
    words = TEXTS[language]
    model_sections = [
        Section(
            words[name], (Paragraph(words[f"{name}_lead"]), *pictures_of(figures[name], language))
        )
        for name in models
    ]
    chapter_sections = [_chapter_section(chapter, language) for chapter in chapters]
    titled_models = [(words[name], model) for name, model in models.items()]
    titled_models += [
        (chapter.section.texts[language][name], autoencoder_of(model))
        for chapter in chapters
        for name, model in chapter.models.items()
    ]
    settings = [
        item
        for title, model in titled_models
        for item in (Paragraph(title), Settings(settings_of(model)))
    ]
    table = comparison_table(comparisons, language, [chapter.section for chapter in chapters])
    return Page(
        title=words["title"],
        lead=words["lead"]
        + (words["lead_all"] if sections else "")
        + _unfinished(models, chapters, sections, language),
        language=language,
        sections=(
            Section(words["numbers"], (table,)),
            Section(words["digits"], tuple(pictures_of([digits], language))),
            *model_sections,
            *chapter_sections,
            Section(words["settings"], tuple(settings)),
        ),
    )


def _unfinished(
    models: Mapping[str, BaseAutoencoder],
    chapters: Sequence[Chapter],
    sections: Sequence[LectureSection],
    language: str,
) -> str:
    """Return a sentence that names missing experiments; an empty text if there are none."""
    words = TEXTS[language]
    names = [words[name] for name in ("autoencoder", "variational") if name not in models]
    names += [section.texts[language]["title"] for section in sections[len(chapters) :]]
    return words["unfinished"].format(names=words["between"].join(names)) if names else ""


def _chapter_section(chapter: Chapter, language: str) -> Section:
    """Return the section of the report for a chapter."""
    words = chapter.section.texts[language]
    return Section(
        words["title"], (Paragraph(words["lead"]), *pictures_of(chapter.figures, language))
    )


def comparison_table(
    comparisons: Sequence[Comparison], language: str, sections: Sequence[LectureSection] = ()
) -> Table:
    """Return a table that compares the lecture's numbers with Utsushi's."""
    words = {**TEXTS[language], **row_names(sections, language)}
    return Table(
        columns=(words["quantity"], words["lecture"], words["rerun"], "Utsushi"),
        rows=tuple(
            (words[row.key].format(size=row.size), row.lecture, row.rerun, row.utsushi)
            for row in comparisons
        ),
        caption=words["numbers_caption"],
        note=words["numbers_note"],
    )
