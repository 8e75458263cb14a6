"""The report: sections of text, tables and pictures in one HTML file that needs no network."""

from utsushi.report.page import Page, Paragraph, Picture, Section, Settings, Table, render
from utsushi.report.texts import LANGUAGES, check_language

__all__ = [
    "LANGUAGES",
    "Page",
    "Paragraph",
    "Picture",
    "Section",
    "Settings",
    "Table",
    "check_language",
    "render",
]
