"""Data: the digits that ship with the package, and the user's own arrays, tables and images.

Every reader gives a `Dataset` of rows: float32 or float64, one sample a row, finite but for what a
table lacks, which is NaN.
"""

from __future__ import annotations

from utsushi.datasets.advice import describe_columns, suggest
from utsushi.datasets.catalogue import Entry, catalogue, names
from utsushi.datasets.dataset import Dataset, describe
from utsushi.datasets.digits import load_digits8x8, load_mnist20k
from utsushi.datasets.idx import load_mnist
from utsushi.datasets.inspection import info
from utsushi.datasets.openml import fetch_mnist
from utsushi.datasets.sources import open_source
from utsushi.transforms.table_schema import Column, Columns

__all__ = [
    "Column",
    "Columns",
    "Dataset",
    "Entry",
    "catalogue",
    "describe",
    "describe_columns",
    "fetch_mnist",
    "info",
    "load_digits8x8",
    "load_mnist",
    "load_mnist20k",
    "names",
    "open",
    "suggest",
]

# As in `gzip.open`: the short name is for callers, who write `datasets.open(...)`. It is bound
# here alone, so that the modules of this package keep the built-in one.
open = open_source
