"""Figures: each a function from arrays to a `matplotlib.figure.Figure`.

Nothing here touches ``pyplot`` or leaves a trace in matplotlib's global settings, and a user's own
style does not reach in: the same arrays give the same picture everywhere. Words inside a figure
are English, as a Japanese font may be missing where it is drawn; captions belong to the page.
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
