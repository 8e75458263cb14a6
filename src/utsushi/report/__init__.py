"""The report: one HTML file that works offline.

A page has sections of text, tables and pictures; an interactive page also contains models and
samples, and runs the models. The functions for the latter are imported lazily, because they import
torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from utsushi.report.page import Page, Paragraph, Picture, Section, Settings, Table, render
from utsushi.report.texts import LANGUAGES, check_language, in_each_language, languages_from

if TYPE_CHECKING:
    from utsushi.report.film import Film, FilmRecorder
    from utsushi.report.living import LivingPage, settings_of, to_html

__all__ = [
    "LANGUAGES",
    "Film",
    "FilmRecorder",
    "LivingPage",
    "Page",
    "Paragraph",
    "Picture",
    "Section",
    "Settings",
    "Table",
    "check_language",
    "in_each_language",
    "languages_from",
    "render",
    "settings_of",
    "to_html",
]

# They import torch.
_lazy_imports = {
    "film": ["Film", "FilmRecorder"],
    "living": ["LivingPage", "settings_of", "to_html"],
}
__getattr__, _, _ = lazy_loader.attach(__name__, submod_attrs=_lazy_imports)
