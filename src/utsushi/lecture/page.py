"""The report of the lecture's experiments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from utsushi.estimators import BaseAutoencoder
from utsushi.lecture.numbers import Comparison
from utsushi.lecture.texts import TEXTS
from utsushi.report import Page, Paragraph, Section, Settings, Table
from utsushi.runs import Exhibit, pictures_of, settings_of

__all__ = ["comparison_table", "lecture_page"]


def lecture_page(
    models: Mapping[str, BaseAutoencoder],
    comparisons: Sequence[Comparison],
    digits: Exhibit,
    exhibits: Mapping[str, Sequence[Exhibit]],
    *,
    language: str,
) -> Page:
    """Compose the page: the numbers first, then the data, then each model.

    Parameters
    ----------
    models : mapping of str to fitted autoencoder
        "autoencoder" and "variational".
    comparisons : sequence of Comparison
    digits : Exhibit
        The first digits.
    exhibits : mapping of str to sequence of Exhibit
        The figures of each model.
    language : {"en", "ja"}

    Returns
    -------
    Page
    """
    words = TEXTS[language]
    model_sections = [
        Section(words[name], (Paragraph(words[f"{name}_lead"]), *pictures_of(exhibits[name])))
        for name in models
    ]
    settings = [
        item
        for name, model in models.items()
        for item in (Paragraph(words[name]), Settings(settings_of(model)))
    ]
    return Page(
        title=words["title"],
        lead=words["lead"],
        language=language,
        sections=(
            Section(words["numbers"], (comparison_table(comparisons, language),)),
            Section(words["digits"], tuple(pictures_of([digits]))),
            *model_sections,
            Section(words["settings"], tuple(settings)),
        ),
    )


def comparison_table(comparisons: Sequence[Comparison], language: str) -> Table:
    """Return the lecture's numbers beside Utsushi's as a table of the report."""
    words = TEXTS[language]
    return Table(
        columns=(words["quantity"], words["lecture"], words["rerun"], "Utsushi"),
        rows=tuple(
            (words[row.key].format(size=row.size), row.lecture, row.rerun, row.utsushi)
            for row in comparisons
        ),
        caption=words["numbers_caption"],
        note=words["numbers_note"],
    )
