"""The report: one HTML file that needs no network.

A page is sections of text, tables and pictures; a living page also carries models and rows, and
runs the models. What makes one is imported when it is first used, for it loads torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from utsushi._utils.lazy_imports import imported_late
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

_LIVING = ("LivingPage", "settings_of", "to_html")

__getattr__ = imported_late(__name__, {name: f"utsushi.report.living:{name}" for name in _LIVING})
