"""The report: one HTML file that needs no network.

A page is sections of text, tables and pictures; a living page also contains models and samples, and
runs the models. The functions that make one are imported late, because they load torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from utsushi.report.page import Page, Paragraph, Picture, Section, Settings, Table, render
from utsushi.report.texts import LANGUAGES, check_language, in_each_language, languages_from

if TYPE_CHECKING:
    from utsushi.report.living import LivingPage, settings_of, to_html

__all__ = [
    "LANGUAGES",
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
_living = {"living": ["LivingPage", "settings_of", "to_html"]}
__getattr__, _, _ = lazy_loader.attach(__name__, submod_attrs=_living)
