"""Figures: each a function from arrays to a `matplotlib.figure.Figure`.

These functions do not use ``pyplot``, do not change matplotlib's global settings and ignore the
user's style: the same arrays give the same picture everywhere. Text in a figure is English, as a
Japanese font may be missing; the page has captions in both languages.
"""

from __future__ import annotations

from utsushi.figures.anomalies import residual_bars, residual_images
from utsushi.figures.canvas import to_png
from utsushi.figures.charts import component_bars, learning_curves, part_bars
from utsushi.figures.codes import code_map
from utsushi.figures.images import image_grid, image_rows, within_range_of
from utsushi.figures.tables import association_matrices, column_histograms

__all__ = [
    "association_matrices",
    "code_map",
    "column_histograms",
    "component_bars",
    "image_grid",
    "image_rows",
    "learning_curves",
    "part_bars",
    "residual_bars",
    "residual_images",
    "to_png",
    "within_range_of",
]
