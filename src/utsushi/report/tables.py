"""Tables in an interactive page: their columns, and how values become features of a model.

A page holds the values of a table in the units of its columns. A category is its place among the
levels of its column, a date is its number of days or seconds, and NaN is a missing value. The
page's script encodes them for a model, and decodes the model's features.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from utsushi._utils.frames import RawColumn
from utsushi.estimators import BaseAutoencoder, TableAutoencoder
from utsushi.estimators.capabilities import takes_tables
from utsushi.report.embedded_samples import Sample
from utsushi.report.tensors import Blob
from utsushi.transforms.normal_scores import NormalScores
from utsushi.transforms.table_schema import TableSchema

__all__ = [
    "PageColumn",
    "as_points",
    "codec_header",
    "columns_of",
    "features_header",
    "table_sample",
    "values_of",
]

Rows = NDArray[Any]

#: The most decimals of a column's values that are shown as they are.
MOST_DECIMALS = 6

#: The length of a day in the units of a date: of a table schema, and of `TableAutoencoder`.
_DAYS, _SECONDS = 1, 86_400


@dataclass(frozen=True, eq=False)
class PageColumn:
    """Describe a column of a table for the page's script.

    Attributes
    ----------
    name : str
    kind : {"number", "count", "truth", "category", "date", "datetime"}
    levels : tuple of str or None
        The names of a category's levels; None is a level of all rare values.
    decimals : int or None
        The decimals to which a model rounds the column; None if it does not.
    scores : NormalScores or None
        If the model's feature is a normal score.
    day : int
        The length of a day in the units of a date's values.
    """

    name: str
    kind: str = "number"
    levels: tuple[str | None, ...] = ()
    decimals: int | None = None
    scores: NormalScores | None = None
    day: int = _DAYS

    @property
    def width(self) -> int:
        """The number of the model's features."""
        return len(self.levels) if self.kind == "category" else 1


def columns_of(model: BaseAutoencoder | TableAutoencoder) -> tuple[PageColumn, ...] | None:
    """Return the columns that a model encodes; None if each feature is a number as it is."""
    if takes_tables(model):
        return tuple(
            PageColumn(
                column.name,
                column.kind,
                (*map(_level, column.categories), *([None] if column.rare else []))
                if column.kind == "category"
                else (),
                column.decimals,
                column.scores,
                _SECONDS,
            )
            for column in model.codec_.encoded
        )
    schema: TableSchema | None = getattr(model, "columns_", None)
    if schema is None or all(column.kind == "number" for column in schema.columns):
        return None
    return tuple(
        PageColumn(column.name, column.kind, tuple(map(str, column.categories)))
        for column in schema.columns
    )


def _level(value: str | float) -> str:
    """Return the name of a category, which may be a number."""
    return f"{value:g}" if isinstance(value, float) else str(value)


# --- values ---------------------------------------------------------------------------------------


def table_sample(model: TableAutoencoder, X: ArrayLike, labels: Rows | None) -> Sample:
    """Return the rows of a table as features of its model, with their values."""
    columns, _ = model._read(X)
    features = model.codec_.encode(columns).astype(np.float32)
    by_name = {column.name: column for column in columns}
    values = [_values(by_name[c.name], c.categories, bool(c.rare)) for c in model.codec_.encoded]
    return Sample(features, X, labels, len(features), np.stack(values, axis=1))


def _values(column: RawColumn, categories: Sequence[Any], has_rare: bool) -> NDArray[np.float64]:
    """Return the values (n,) of a column; of a category, places among its levels."""
    if not categories:
        return column.values.astype(np.float64)
    place = {value: number for number, value in enumerate(categories)}
    other = len(categories) if has_rare else -1
    values = np.array([place.get(value, other) for value in column.values.tolist()], np.float64)
    values[column.is_missing] = np.nan
    return values


def values_of(columns: Sequence[PageColumn], features: Rows) -> NDArray[np.float64]:
    """Return the values (n, C) of features (n, D) that are one-hot or values themselves."""
    values = np.empty((len(features), len(columns)))
    start = 0
    for place, column in enumerate(columns):
        some = features[:, start : start + column.width]
        start += column.width
        values[:, place] = some[:, 0]
        if column.kind == "category":
            unknown = ~some.any(axis=1)
            levels = np.where(unknown, -1.0, some.argmax(axis=1))
            values[:, place] = np.where(np.isnan(some).any(axis=1), np.nan, levels)
    return values


def as_points(columns: Sequence[PageColumn], values: Rows, like: Rows) -> NDArray[np.float64]:
    """Return points (n, P) whose distances are those of the page between rows of a table.

    Numbers are in standard deviations of the rows ``like``, a missing one is at the mean, and
    different categories are 1 apart.
    """
    mean, scale = _moments(like)
    points = []
    for place, column in enumerate(columns):
        value = values[:, place].astype(np.float64)
        if column.kind == "category":
            points += [np.sqrt(0.5) * (value == level) for level in range(-1, column.width)]
            points.append(np.sqrt(0.5) * np.isnan(value))
        else:
            points.append(np.nan_to_num((value - mean[place]) / scale[place]))
    return np.stack(points, axis=1).astype(np.float64)


def _moments(values: Rows) -> tuple[Rows, Rows]:
    """Return the mean and the standard deviation of each column, 1 if it is constant."""
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=0), 1)
    whole = np.where(known, values, 0).astype(np.float64)
    mean = whole.sum(axis=0) / count
    deviation = np.sqrt(np.where(known, (whole - mean) ** 2, 0).sum(axis=0) / count)
    return mean, np.where(deviation > 0, deviation, 1.0)


# --- the header -----------------------------------------------------------------------------------


def features_header(columns: Sequence[PageColumn], values: Rows) -> dict[str, Any]:
    """Describe the columns of a table, with their ranges over all rows of the page, (n, C)."""
    known = np.isfinite(values)
    mean, scale = _moments(values)
    low = np.where(known, values, np.inf).min(axis=0)
    high = np.where(known, values, -np.inf).max(axis=0)
    return {
        "names": [column.name for column in columns],
        "kinds": [_shown_kind(column, values[known[:, i], i]) for i, column in enumerate(columns)],
        "levels": [list(column.levels) for column in columns],
        "decimals": [_decimals(values[known[:, i], i]) for i in range(len(columns))],
        "day": [column.day for column in columns],
        "low": np.where(np.isfinite(low), low, 0.0).tolist(),
        "high": np.where(np.isfinite(high), high, 0.0).tolist(),
        "mean": mean.tolist(),
        "scale": scale.tolist(),
    }


def _shown_kind(column: PageColumn, values: Rows) -> str:
    """Return the kind as which a column is shown: times that are whole days are dates."""
    is_date = column.kind == "datetime" and not (values % column.day).any()
    return "date" if is_date else column.kind


def _decimals(values: Rows) -> int | None:
    """Return the decimals of all values; None if they are more than a few."""
    values = values.astype(np.float64)
    near = 1e-6 * np.maximum(np.abs(values), 1e-3)
    for decimals in range(MOST_DECIMALS + 1):
        if (np.abs(np.round(values, decimals) - values) <= near).all():
            return decimals
    return None


def codec_header(
    model: BaseAutoencoder | TableAutoencoder, columns: Sequence[PageColumn] | None, blob: Blob
) -> dict[str, Any] | None:
    """Describe how the values of a row become the features of a model; None if they are these."""
    if columns is None:
        return None
    described: list[dict[str, Any]] = [
        {
            "kind": column.kind,
            "width": column.width,
            "decimals": column.decimals,
            "day": column.day,
            "scores": None if column.scores is None else _scores_header(column.scores, blob),
        }
        for column in columns
    ]
    if not takes_tables(model):
        return {"columns": described, "gaps": [], "flags": False}
    codec = model.codec_
    gaps = [codec.encoded.index(column) for column in codec.with_gaps]
    return {"columns": described, "gaps": gaps, "flags": True}


def _scores_header(scores: NormalScores, blob: Blob) -> dict[str, Any]:
    places, steps = scores.steps
    return {
        "values": blob.add(scores.values, "float64"),
        "scores": blob.add(scores.scores, "float64"),
        "places": blob.add(places, "float64"),
        "steps": blob.add(steps, "float64"),
        "scale": scores.scale,
    }
