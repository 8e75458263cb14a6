"""Datasets: bundled digits, generated images, and the user's arrays, tables and images.

Each reader returns a `Dataset`: float32 or float64, one sample per row, finite except for missing
values of a table, which are NaN. `open_frame` keeps the columns of a table as they are, for models
that take data frames.
"""

from __future__ import annotations

from utsushi.datasets.dataset import Dataset
from utsushi.datasets.digits import Entry, catalogue, load_digits8x8, load_mnist20k, names
from utsushi.datasets.factors import FactorImages, make_factors
from utsushi.datasets.frames import FrameDataset, open_frame
from utsushi.datasets.inspection import describe, describe_columns, info, suggest
from utsushi.datasets.mnist import fetch_mnist, load_mnist
from utsushi.datasets.sources import open_source
from utsushi.datasets.windows import step_means, windows
from utsushi.transforms.table_schema import Column, TableSchema

__all__ = [
    "Column",
    "Dataset",
    "Entry",
    "FactorImages",
    "FrameDataset",
    "TableSchema",
    "catalogue",
    "describe",
    "describe_columns",
    "fetch_mnist",
    "info",
    "load_digits8x8",
    "load_mnist",
    "load_mnist20k",
    "make_factors",
    "names",
    "open",
    "open_frame",
    "step_means",
    "suggest",
    "windows",
]

# As in `gzip.open`: the short name is for callers, who write `datasets.open(...)`. It is bound
# here alone, so that the modules of this package keep the built-in one.
open = open_source
