"""Table schema: encode the columns of a table as features, and decode features as columns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["DATES", "HANDLE_UNKNOWN", "KINDS", "Column", "TableSchema"]

#: Whole days, and dates with a time of day; both become days since 1970-01-01.
DATES = ("date", "datetime")

#: Numbers are unchanged, truth values become 0 and 1, and each category becomes one feature.
KINDS = ("number", "truth", "category", *DATES)

#: How to treat a category that the training table did not have.
HANDLE_UNKNOWN = ("error", "ignore")

_SECONDS_PER_DAY = 86_400

#: The first and the last day of the years 1 to 9999, which every program can read.
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896

Category = str | int | bool


@dataclass(frozen=True)
class Column:
    """Describe one column of a table.

    Attributes
    ----------
    name : str
    kind : {"number", "truth", "category", "date", "datetime"}
        A date is a whole day, a datetime has a time of day, to the second.
    categories : tuple of str, int or bool
        The distinct values of a column of kind "category"; empty for all other kinds.
    """

    name: str
    kind: str = "number"
    categories: tuple[Category, ...] = ()

    @property
    def width(self) -> int:
        """The number of features that encode the column."""
        return len(self.categories) if self.kind == "category" else 1

    @property
    def feature_names(self) -> list[str]:
        """The names of these features."""
        if self.kind == "category":
            return [f"{self.name}={category}" for category in self.categories]
        return [self.name]

    def restored(self, values: NDArray[Any]) -> NDArray[Any]:
        """Decode features of shape (n, width) into a column of shape (n,).

        A missing number becomes NaN and a missing date NaT. Missing truth values and missing or
        unknown categories become None, in an array of objects.
        """
        if self.kind == "number":
            return values[:, 0]
        if self.kind in DATES:
            return _as_dates(values[:, 0], self.kind)
        if self.kind == "category":
            column: NDArray[Any] = np.asarray(self.categories)[values.argmax(axis=1)]
            is_missing = np.isnan(values).any(axis=1) | ~values.any(axis=1)
        else:
            column, is_missing = values[:, 0] >= 0.5, np.isnan(values[:, 0])
        if not is_missing.any():
            return column
        column = column.astype(object)
        column[is_missing] = None
        return column


@dataclass(frozen=True)
class TableSchema:
    """Describe the columns of a table, in their order.

    Numbers are unchanged, and categories are one-hot encoded. A model file stores the names, the
    kinds and the categories as JSON.

    Attributes
    ----------
    columns : tuple of Column
    handle_unknown : {"error", "ignore"}, default="error"
        How to read a category that its column does not list: raise an error, or set all features
        of that column to zero, as scikit-learn's ``OneHotEncoder`` does.

    Examples
    --------
    >>> columns = TableSchema((Column("age"), Column("town", "category", ("Kobe", "Oslo"))))
    >>> X = columns.encode(np.array([[31.0, 1], [np.nan, 0], [54.0, np.nan]]))
    >>> X  # a missing category is missing in all of its columns
    array([[31.,  0.,  1.],
           [nan,  1.,  0.],
           [54., nan, nan]])
    >>> columns.feature_names
    ('age', 'town=Kobe', 'town=Oslo')
    >>> columns.decode(np.array([[31.5, 0.2, 0.7]]))
    {'age': array([31.5]), 'town': array(['Oslo'], dtype='<U4')}
    """

    columns: tuple[Column, ...]
    handle_unknown: str = "error"

    @property
    def n_features(self) -> int:
        """The number of features that encode all columns."""
        return sum(column.width for column in self.columns)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """The names of these features; one of a category is ``column=category``."""
        return tuple(name for column in self.columns for name in column.feature_names)

    def encode(self, values: NDArray[Any]) -> NDArray[Any]:
        """Encode a table as features.

        Parameters
        ----------
        values : ndarray of shape (n, number of columns), float32 or float64
            Numbers; truth values as 0 and 1; dates as days since 1970-01-01; categories as their
            index, or -1 for an unknown one. NaN marks a missing value.

        Returns
        -------
        ndarray of shape (n, n_features), of the same dtype
        """
        if not self.has_categories:
            return values
        X = np.empty((len(values), self.n_features), values.dtype)
        for index, (column, features) in enumerate(self.slices()):
            value = values[:, [index]]
            if column.kind == "category":
                value = np.where(np.isnan(value), np.nan, value == np.arange(column.width))
            X[:, features] = value
        return X

    def decode(self, X: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Decode features of shape (n, n_features) into the columns of the table.

        Returns
        -------
        dict of str to ndarray of shape (n,)
            Numbers in the units of the table, truth values (true from 0.5), dates as
            ``datetime64``, and the category with the largest value. Missing values are NaN, NaT or
            None.
        """
        return {column.name: column.restored(X[:, where]) for column, where in self.slices()}

    @property
    def has_categories(self) -> bool:
        """Whether a column is a category."""
        return any(column.kind == "category" for column in self.columns)

    def with_handle_unknown(self, handle_unknown: str | None) -> TableSchema:
        """Return a copy with another ``handle_unknown``; None keeps the current one."""
        if handle_unknown in (None, self.handle_unknown):
            return self
        return replace(self, handle_unknown=str(handle_unknown))

    def count_unknown(self, X: NDArray[Any]) -> dict[str, int]:
        """Count the unknown categories in features of shape (n, n_features).

        Returns
        -------
        dict of str to int
            For each column, the number of rows in which all of its features are zero; columns
            without such rows are omitted.
        """
        counts = {
            column.name: int((~X[:, features].any(axis=1)).sum())
            for column, features in self.slices()
            if column.kind == "category"
        }
        return {name: count for name, count in counts.items() if count}

    def slices(self) -> list[tuple[Column, slice]]:
        """Return each column with the slice of its features."""
        ends = accumulate(column.width for column in self.columns)
        pairs = zip(self.columns, ends, strict=True)
        return [(column, slice(end - column.width, end)) for column, end in pairs]

    def to_json(self) -> dict[str, Any]:
        """Return a value that JSON can represent; `from_json` reads it."""
        described = [
            {"name": column.name, "kind": column.kind, "categories": list(column.categories)}
            for column in self.columns
        ]
        return {"columns": described, "handle_unknown": self.handle_unknown}

    @classmethod
    def from_json(cls, described: Any) -> TableSchema:
        """Read the value of `to_json`, or raise ``ValueError`` for any other value.

        Version 0.1 wrote the list of columns alone.
        """
        if isinstance(described, list):
            described = {"columns": described, "handle_unknown": "error"}
        try:
            handle_unknown = described["handle_unknown"]
            columns = tuple(
                Column(str(one["name"]), one["kind"], tuple(one["categories"]))
                for one in described["columns"]
            )
            hash(columns)
        except (TypeError, KeyError) as error:
            raise ValueError(f"columns cannot be read: {error!r}") from error
        if handle_unknown not in HANDLE_UNKNOWN:
            raise ValueError(
                f"handle_unknown must be one of {HANDLE_UNKNOWN}, got {handle_unknown!r}"
            )
        if len({column.name for column in columns}) < len(columns):
            raise ValueError("columns must have distinct names")
        for column in columns:
            kinds = {type(category) for category in column.categories}
            several = len(set(column.categories)) < len(column.categories) or len(kinds) > 1
            is_valid = column.kind in KINDS and kinds <= {str, int, bool}
            if not is_valid or several or (column.kind == "category") != bool(kinds):
                raise ValueError(f"column {column.name!r} is not a valid {column.kind}")
        return cls(columns, handle_unknown)


def _as_dates(days: NDArray[Any], kind: str) -> NDArray[Any]:
    """Convert days since 1970-01-01 to dates, to the day or to the second; NaN becomes NaT."""
    unit, per_day = ("D", 1) if kind == "date" else ("s", _SECONDS_PER_DAY)
    is_missing = np.isnan(days)
    present = np.where(is_missing, 0, days).clip(_FIRST_DAY, _LAST_DAY)
    steps = np.rint(present * per_day).astype(np.int64)
    dates: NDArray[Any] = steps.astype(f"datetime64[{unit}]")
    dates[is_missing] = np.datetime64("NaT")
    return dates
