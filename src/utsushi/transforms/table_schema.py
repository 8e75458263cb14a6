"""The columns of a table: how they become numbers, and numbers them again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sklearn.compose import ColumnTransformer

__all__ = ["DATES", "HANDLE_UNKNOWN", "KINDS", "Column", "Columns"]

#: Whole days, and dates with a time of day; both become days since 1970-01-01.
DATES = ("date", "datetime")

#: Numbers stay as they are; truth values become 0 and 1; a category has a column for each.
KINDS = ("number", "truth", "category", *DATES)

#: What can be done about a category that the training table did not have.
HANDLE_UNKNOWN = ("error", "ignore")

_SECONDS_PER_DAY = 86_400

#: The days of the first and the last date that every program can read: years 1 to 9999.
_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896

Category = str | int | bool


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name : str
    kind : {"number", "truth", "category", "date", "datetime"}
        A date is a whole day, a datetime has a time of day, to the second.
    categories : tuple of str, int or bool
        Of a category: its values, each once.
    """

    name: str
    kind: str = "number"
    categories: tuple[Category, ...] = ()

    @property
    def width(self) -> int:
        """The columns that it becomes."""
        return len(self.categories) if self.kind == "category" else 1

    @property
    def feature_names(self) -> list[str]:
        """Their names."""
        if self.kind == "category":
            return [f"{self.name}={category}" for category in self.categories]
        return [self.name]

    def restored(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return encoded values, shape (n, width), as a column, shape (n,).

        A missing number is NaN, a missing date NaT. A missing truth value is None, and so is a
        category that is missing or unknown: the column is then an array of objects.
        """
        if self.kind == "number":
            return values[:, 0]
        if self.kind in DATES:
            return _as_dates(values[:, 0], self.kind)
        if self.kind == "category":
            column: NDArray[Any] = np.asarray(self.categories)[values.argmax(axis=1)]
            lacking = np.isnan(values).any(axis=1) | ~values.any(axis=1)
        else:
            column, lacking = values[:, 0] >= 0.5, np.isnan(values[:, 0])
        if not lacking.any():
            return column
        column = column.astype(object)
        column[lacking] = None
        return column


@dataclass(frozen=True)
class Columns:
    """The columns of a table, in their order.

    Numbers pass as they are, and categories through scikit-learn's ``OneHotEncoder``, both within
    a ``ColumnTransformer``. All that it has learned is the names and the categories, so that is
    what a model file holds, as JSON, and the transformer is made anew of it.

    Attributes
    ----------
    columns : tuple of Column
    handle_unknown : {"error", "ignore"}, default="error"
        What reading a table does about a category that is none of a column's: refuse it, or give
        zeros in all features of that column, as scikit-learn's ``OneHotEncoder`` does.

    Examples
    --------
    >>> columns = Columns((Column("age"), Column("town", "category", ("Kobe", "Oslo"))))
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
        """The columns that they become together."""
        return sum(column.width for column in self.columns)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Their names: of a category ``column=category``."""
        return tuple(name for column in self.columns for name in column.feature_names)

    @cached_property
    def encoder(self) -> ColumnTransformer:
        """The fitted transformer, of tables whose categories are told by their places."""
        from sklearn.compose import ColumnTransformer
        from sklearn.preprocessing import OneHotEncoder

        steps: list[tuple[str, Any, list[int]]] = []
        places = enumerate(self.columns)
        for is_category, group in groupby(places, key=lambda place: place[1].kind == "category"):
            numbers, columns = zip(*group, strict=True)
            step: Any = "passthrough"
            if is_category:
                step = OneHotEncoder(
                    categories=[np.arange(column.width, dtype=float) for column in columns],
                    sparse_output=False,
                    handle_unknown="ignore",
                )
            steps.append((str(numbers[0]), step, list(numbers)))
        # Whatever the caller's scikit-learn is set to give.
        encoder = ColumnTransformer(steps).set_output(transform="default")
        return encoder.fit(np.zeros((1, len(self.columns))))

    def encode(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return a table as rows of features.

        Parameters
        ----------
        values : ndarray of shape (n, number of columns), float32 or float64
            Numbers, truth values as 0 and 1, days since 1970-01-01, and the places of categories,
            of which -1 is an unknown one; NaN is missing.

        Returns
        -------
        ndarray of shape (n, n_features), of the same dtype
        """
        if self.n_features == len(self.columns) and not self.has_categories:
            return values
        X: NDArray[Any] = self.encoder.transform(values).astype(values.dtype, copy=False)
        for place, (column, features) in enumerate(self.slices()):
            if column.kind == "category":
                X[np.isnan(values[:, place]), features] = np.nan
        return X

    def decode(self, X: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return rows of features, shape (n, n_features), as the columns that they stand for.

        Returns
        -------
        dict of str to ndarray of shape (n,)
            Numbers in the units of the table, truth values from one half on, dates as numpy's
            ``datetime64``, and the category with the largest share. What is missing is NaN, NaT or
            None.
        """
        return {column.name: column.restored(X[:, where]) for column, where in self.slices()}

    @property
    def has_categories(self) -> bool:
        """Whether a column is a category."""
        return any(column.kind == "category" for column in self.columns)

    def with_handle_unknown(self, handle_unknown: str | None) -> Columns:
        """Return the columns with another ``handle_unknown``; None keeps their own."""
        if handle_unknown in (None, self.handle_unknown):
            return self
        return replace(self, handle_unknown=str(handle_unknown))

    def count_unknown(self, X: NDArray[Any]) -> dict[str, int]:
        """Count the unknown categories in encoded rows, shape (n, n_features).

        Returns
        -------
        dict of str to int
            By column, the rows in which all of its features are zero; columns without any are left
            out.
        """
        counts = {
            column.name: int((~X[:, features].any(axis=1)).sum())
            for column, features in self.slices()
            if column.kind == "category"
        }
        return {name: count for name, count in counts.items() if count}

    def slices(self) -> list[tuple[Column, slice]]:
        """Return each column with the features that it becomes."""
        ends = accumulate(column.width for column in self.columns)
        pairs = zip(self.columns, ends, strict=True)
        return [(column, slice(end - column.width, end)) for column, end in pairs]

    def to_json(self) -> dict[str, Any]:
        """Return what JSON can hold; `from_json` takes it back."""
        described = [
            {"name": column.name, "kind": column.kind, "categories": list(column.categories)}
            for column in self.columns
        ]
        return {"columns": described, "handle_unknown": self.handle_unknown}

    @classmethod
    def from_json(cls, described: Any) -> Columns:
        """Take back what `to_json` gave; anything else is a ``ValueError``.

        A list of columns alone is what version 0.1 wrote.
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
        except (TypeError, KeyError) as error:  # what is no list of objects, or lacks a key
            raise ValueError(f"no columns: {error!r}") from error
        if handle_unknown not in HANDLE_UNKNOWN:
            raise ValueError(f"handle_unknown is {handle_unknown!r}")
        if len({column.name for column in columns}) < len(columns):
            raise ValueError("two columns have one name")
        for column in columns:
            kinds = {type(category) for category in column.categories}
            several = len(set(column.categories)) < len(column.categories) or len(kinds) > 1
            known = column.kind in KINDS and kinds <= {str, int, bool}
            if not known or several or (column.kind == "category") != bool(kinds):
                raise ValueError(f"column {column.name!r} is no {column.kind}")
        return cls(columns, handle_unknown)


def _as_dates(days: NDArray[Any], kind: str) -> NDArray[Any]:
    """Return days since 1970-01-01 as dates, to the day or to the second; NaN becomes NaT."""
    unit, per_day = ("D", 1) if kind == "date" else ("s", _SECONDS_PER_DAY)
    lacking = np.isnan(days)
    present = np.where(lacking, 0, days).clip(_FIRST_DAY, _LAST_DAY)
    steps = np.rint(present * per_day).astype(np.int64)
    dates: NDArray[Any] = steps.astype(f"datetime64[{unit}]")
    dates[lacking] = np.datetime64("NaT")
    return dates
