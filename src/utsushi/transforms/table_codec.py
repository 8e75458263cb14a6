"""Encode the columns of a data frame as features of a network, and decode features as columns.

A number becomes its normal score (`NormalScores`), a category one feature for each of its values.
Behind them come features that only the encoder of a model sees: one for each column, which is 1
where the column has a value; and before these, one for each column with gaps, which is 1 where it
has none: so a model can learn where values are missing, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.frames import RawColumn
from utsushi.exceptions import DataError, SettingError
from utsushi.transforms.normal_scores import NormalScores

__all__ = ["COLUMN_KINDS", "ColumnCodec", "TableCodec"]

#: What a column can be; see `ColumnCodec`.
COLUMN_KINDS = (
    *("number", "truth", "category", "date", "datetime", "count", "constant", "identifier"),
)

#: Numbers of at most so many distinct values are categories, if each has ten samples on average.
MOST_LEVELS, SAMPLES_PER_LEVEL = 10, 10

#: A category has at most so many features; the last is for all values that are rarer.
MOST_CATEGORIES = 100

#: A column of fewer values is not taken for an identifier.
FEWEST_IDENTIFIERS = 20

#: So many of the rarest values are kept, to draw from.
MOST_RARE = 1000

#: The most decimals that are looked for.
MOST_DECIMALS = 6

#: The feature's distribution, by the kind of the column.
_FAMILY = {"truth": "bernoulli", "category": "categorical", "count": "negative-binomial"}

Features = NDArray[np.floating[Any]]
Value = str | float


@dataclass(frozen=True, eq=False)
class ColumnCodec:
    """How a column is encoded.

    Attributes
    ----------
    name : str
    dtype : str
        Of the data frame; see `RawColumn`.
    kind : str
        "number", "date" and "datetime" have one feature, the normal score of the value; "truth" and
        "count" have one, the value; "category" has one for each value, and a last one for all rare
        values if there are any; "constant" and "identifier" have none, and are left out.
    has_gaps : bool
        Whether a training value was missing.
    categories : tuple of str or float
        Of a category; of a constant its value, or nothing if all values were missing.
    rare : tuple of str or float
        Values without a feature of their own, the most frequent first.
    decimals : int or None
        The decimals of all training values; None for as many as there are.
    scores : NormalScores or None
        Of numbers and times.
    """

    name: str
    dtype: str
    kind: str
    has_gaps: bool = False
    categories: tuple[Value, ...] = ()
    rare: tuple[Value, ...] = ()
    decimals: int | None = None
    scores: NormalScores | None = None

    @classmethod
    def learn(cls, column: RawColumn, kind: str | None = None) -> ColumnCodec:
        """Choose how to encode a column, of a kind that is given or inferred."""
        missing = column.is_missing
        present = column.values[~missing]
        values, counts = np.unique(present, return_counts=True)
        kind = kind or _inferred(column, present, values)
        if kind in ("number", "count", "date", "datetime", "truth") and not column.is_number:
            raise SettingError(
                f"the kind of column {column.name!r} must be 'category' or 'identifier', because "
                f"it has texts, got {kind!r}."
            )
        made: dict[str, Any] = {"has_gaps": bool(missing.any())}
        if len(values) <= 1 and kind != "identifier":
            kind, made["categories"] = "constant", _values(values)
        elif kind == "category":
            most = len(values) if len(values) <= MOST_CATEGORIES else MOST_CATEGORIES - 1
            order = np.argsort(-counts, kind="stable")
            made["categories"] = _values(np.sort(values[order[:most]]))
            made["rare"] = _values(values[order[most : most + MOST_RARE]])
        elif kind in ("number", "date", "datetime"):
            made["scores"] = NormalScores.learn(present)
            made["decimals"] = _decimals(present) if kind == "number" else None
        elif kind == "count" and ((present < 0) | (present != np.rint(present))).any():
            raise DataError(
                f"column {column.name!r} must have counts (0, 1, 2, …) for kind 'count', got "
                f"{present[(present < 0) | (present != np.rint(present))][0]:g}."
            )
        return cls(column.name, column.dtype, kind, **made)

    @property
    def width(self) -> int:
        """The number of features of the column's value."""
        if self.kind in ("constant", "identifier"):
            return 0
        return len(self.categories) + bool(self.rare) if self.kind == "category" else 1

    @property
    def family(self) -> str:
        """The distribution of these features, of `utsushi.distributions.Mixed`."""
        return _FAMILY.get(self.kind, "gaussian")

    def encode(self, column: RawColumn) -> Features:
        """Return the features (n, width) of a column; NaN where a value is missing."""
        missing = column.is_missing
        if self.kind == "category":
            features = np.zeros((len(missing), self.width))
            if column.is_number == (type(self.categories[0]) is float):
                place = {value: i for i, value in enumerate(self.categories)}
                other = len(self.categories) if self.rare else -1
                places = np.array([place.get(v, other) for v in column.values.tolist()])
                seen = places >= 0
                features[seen, places[seen]] = 1
            elif self.rare:
                features[:, -1] = 1
            features[missing] = np.nan
            return features
        if not column.is_number:
            row = int(np.flatnonzero(~missing)[0]) if not missing.all() else 0
            raise DataError(
                f"column {self.name!r} must have numbers, as in the training data, got "
                f"{column.values[row]!r} at row {row} (counting from 0)."
            )
        values = column.values if self.scores is None else self.scores.forward(column.values)
        return np.asarray(values)[:, None]

    def decode(self, features: Features, draws: np.random.Generator | None = None) -> NDArray[Any]:
        """Return the values (n,) of features (n, width): those of a sample, or their means.

        With a generator, a rare category is drawn from the rare values.
        """
        if self.kind == "category":
            places = features.argmax(axis=1)
            levels: NDArray[Any] = np.array([*self.categories, *self.rare[:1]], self._dtype)
            values: NDArray[Any] = levels[places]
            is_rare = places >= len(self.categories)
            if draws is not None and is_rare.any():
                values[is_rare] = draws.choice(
                    np.array(self.rare, dtype=self._dtype), int(is_rare.sum())
                )
            return values
        if self.kind == "truth":
            return (features[:, 0] >= 0.5).astype(np.float64)
        if self.scores is None:
            return features[:, 0].astype(np.float64)
        return self.rounded(self.scores.inverse(features[:, 0]))

    def rounded(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return numbers with the decimals, and times to the day, of the training data."""
        if self.kind == "date":
            return np.rint(values / 86_400) * 86_400
        if self.kind == "datetime":
            return np.rint(values)
        return values if self.decimals is None else np.round(values, self.decimals)

    @property
    def _dtype(self) -> type:
        return float if self.categories and type(self.categories[0]) is float else object

    def constant(self, n_rows: int) -> NDArray[Any]:
        """Return the one value of a constant column, n times; missing if it has none."""
        if not self.categories:
            return np.full(n_rows, np.nan)
        return np.full(n_rows, self.categories[0], dtype=self._dtype)

    def __str__(self) -> str:
        extra = ""
        if self.kind == "category":
            extra = f" of {len(self.categories)} values"
            extra += f" and {len(self.rare)} rare ones" if self.rare else ""
        elif self.decimals == 0:
            extra = ", integers"
        if self.kind in ("constant", "identifier"):
            extra += ", left out"
        return f"{self.name}: {self.kind}{extra}{', with gaps' if self.has_gaps else ''}"

    def to_json(self) -> dict[str, Any]:
        """Return a value that JSON can represent, without ``scores``."""
        return {
            "name": self.name,
            "dtype": self.dtype,
            "kind": self.kind,
            "has_gaps": self.has_gaps,
            "categories": list(self.categories),
            "rare": list(self.rare),
            "decimals": self.decimals,
        }

    @classmethod
    def from_json(cls, described: Mapping[str, Any], scores: NormalScores | None) -> ColumnCodec:
        """Return what `to_json` was of, or raise ``ValueError``."""
        kind, decimals = described["kind"], described["decimals"]
        values = {name: tuple(described[name]) for name in ("categories", "rare")}
        types = {type(value) for value in (*values["categories"], *values["rare"])}
        if kind not in COLUMN_KINDS or types - {str, float, int} or len(types) > 1:
            raise ValueError(f"column {described['name']!r} is not a valid {kind}")
        if int in types:
            values = {name: tuple(map(float, those)) for name, those in values.items()}
        if kind == "category" and len(values["categories"]) < 1:
            raise ValueError(f"column {described['name']!r} has no category")
        if (kind in ("number", "date", "datetime")) != (scores is not None):
            raise ValueError(f"column {described['name']!r} has no scores")
        if not (decimals is None or (isinstance(decimals, int) and 0 <= decimals <= 15)):
            raise ValueError(f"decimals are {decimals!r}")
        return cls(
            str(described["name"]),
            str(described["dtype"]),
            kind,
            bool(described["has_gaps"]),
            **values,
            decimals=decimals,
            scores=scores,
        )


@dataclass(frozen=True, eq=False)
class TableCodec:
    """How the columns of a data frame are encoded; ``print(codec)`` shows each choice.

    Attributes
    ----------
    columns : tuple of ColumnCodec
    """

    columns: tuple[ColumnCodec, ...]

    @classmethod
    def learn(cls, columns: Sequence[RawColumn], kinds: Mapping[str, str] | None = None) -> Self:
        """Choose how to encode the columns of a table.

        Parameters
        ----------
        columns : sequence of RawColumn
        kinds : mapping of str to str, optional
            By the name of a column, the kind that it has in any case: one of `COLUMN_KINDS`.

        Raises
        ------
        SettingError
            If a kind or its column does not exist, or no column is left to learn from.
        """
        kinds = dict(kinds or {})
        names = [column.name for column in columns]
        for name, kind in kinds.items():
            if name not in names:
                raise SettingError(f"kinds must name columns among {names}, got {name!r}.")
            if kind not in COLUMN_KINDS:
                raise SettingError(
                    f"the kind of column {name!r} must be one of {COLUMN_KINDS}, got {kind!r}."
                )
        codec = cls(tuple(ColumnCodec.learn(c, kinds.get(c.name)) for c in columns))
        if not any(column.width for column in codec.columns):
            raise DataError(
                "X must have a column with two different values that is no identifier, got none: "
                f"{'; '.join(map(str, codec.columns))}."
            )
        return codec

    # --- where the features of a column are -----------------------------------------------------

    @cached_property
    def encoded(self) -> tuple[ColumnCodec, ...]:
        """The columns that have features."""
        return tuple(column for column in self.columns if column.width)

    @cached_property
    def with_gaps(self) -> tuple[ColumnCodec, ...]:
        """The columns with features and gaps."""
        return tuple(column for column in self.encoded if column.has_gaps)

    def slices(self) -> Iterator[tuple[ColumnCodec, slice]]:
        """Yield each encoded column with the features of its value."""
        ends = accumulate(column.width for column in self.encoded)
        for column, end in zip(self.encoded, ends, strict=True):
            yield column, slice(end - column.width, end)

    @property
    def n_value_features(self) -> int:
        """The number of features of values, which are the first."""
        return sum(column.width for column in self.encoded)

    @property
    def n_features(self) -> int:
        """The number of all features."""
        return self.n_value_features + len(self.with_gaps) + len(self.encoded)

    @property
    def families(self) -> tuple[tuple[str, int], ...]:
        """The distribution and the number of features of each column, gap and flag."""
        values = [(column.family, column.width) for column in self.encoded]
        gaps = [("bernoulli", 1)] * len(self.with_gaps)
        return (*values, *gaps, *[("input", 1)] * len(self.encoded))

    @property
    def groups(self) -> tuple[int, ...]:
        """Which of these are hidden together: a value with its gap and its flag."""
        gaps = [self.encoded.index(column) for column in self.with_gaps]
        return (*range(len(self.encoded)), *gaps, *range(len(self.encoded)))

    # --- encoding and decoding ------------------------------------------------------------------

    def encode(self, columns: Sequence[RawColumn]) -> NDArray[np.float64]:
        """Return the features (n, n_features) of a table; NaN in the place of missing values.

        Raises
        ------
        DataError
            If a column is missing, or holds text in the place of numbers.
        """
        by_name = {column.name: column for column in columns}
        lacking = [c.name for c in self.encoded if c.name not in by_name]
        if lacking:
            raise DataError(
                f"X must have the columns of the training data, got none named {lacking[0]!r}. "
                "Add it; its values may be missing."
            )
        n_rows = len(columns[0].values)
        features = np.empty((n_rows, self.n_features))
        flags = []
        for column, where in self.slices():
            features[:, where] = column.encode(by_name[column.name])
            flags.append(~by_name[column.name].is_missing)
        first = self.n_value_features
        for place, column in enumerate(self.with_gaps):
            features[:, first + place] = by_name[column.name].is_missing
        features[:, first + len(self.with_gaps) :] = np.stack(flags, axis=1)
        return features

    def hidden(self, features: NDArray[Any], columns: Sequence[str]) -> NDArray[Any]:
        """Return features in which these columns are hidden, as training hides some."""
        hidden = features.copy()
        first = self.n_value_features
        gaps = [column.name for column in self.with_gaps]
        for number, (column, where) in enumerate(self.slices()):
            if column.name in columns:
                hidden[:, where] = np.nan
                hidden[:, first + len(gaps) + number] = 0
                if column.has_gaps:
                    hidden[:, first + gaps.index(column.name)] = 0
        return hidden

    def decode(
        self, features: Features, draws: np.random.Generator | None = None
    ) -> list[RawColumn]:
        """Return the columns of features; values are missing where the feature of a gap is 1.

        Identifiers are left out.
        """
        values = {c.name: c.decode(features[:, where], draws) for c, where in self.slices()}
        for place, column in enumerate(self.with_gaps):
            gone = features[:, self.n_value_features + place] >= 0.5
            kept = values[column.name]
            if kept.dtype.kind == "f":
                values[column.name] = np.where(gone, np.nan, kept)
            else:
                kept[gone] = None
        columns = []
        for column in self.columns:
            if column.kind == "constant":
                values[column.name] = column.constant(len(features))
            if column.name in values:
                columns.append(RawColumn(column.name, column.dtype, values[column.name]))
        return columns

    def log_slope(self, columns: Sequence[RawColumn]) -> NDArray[np.float64]:
        """Return for each row the logarithm of the factor from densities of scores to values'."""
        by_name = {column.name: column for column in columns}
        total = np.zeros(len(columns[0].values))
        for column in self.encoded:
            if column.scores is not None:
                total += column.scores.log_slope(by_name[column.name].values)
        return total

    def __str__(self) -> str:
        return "\n".join(map(str, self.columns))

    def to_file(self) -> tuple[list[dict[str, Any]], dict[str, NDArray[np.float64]]]:
        """Return the columns as JSON, and arrays by name."""
        arrays = {
            f"scores.{number}": column.scores.to_array()
            for number, column in enumerate(self.columns)
            if column.scores is not None
        }
        return [column.to_json() for column in self.columns], arrays

    @classmethod
    def from_file(cls, described: Any, arrays: Mapping[str, NDArray[np.float64]]) -> Self:
        """Return what `to_file` was of, or raise ``ValueError``."""
        columns = []
        for number, one in enumerate(described):
            array = arrays.get(f"scores.{number}")
            if array is not None and (array.ndim != 2 or array.shape[0] != 3 or array.shape[1] < 2):
                raise ValueError(f"the scores of column {number} have the shape {array.shape}")
            scores = None if array is None else NormalScores.from_array(array)
            columns.append(ColumnCodec.from_json(one, scores))
        if len({column.name for column in columns}) < len(columns):
            raise ValueError("columns must have distinct names")
        codec = cls(tuple(columns))
        if not codec.encoded:
            raise ValueError("no column has a feature")
        return codec


def _inferred(column: RawColumn, present: NDArray[Any], values: NDArray[Any]) -> str:
    """Return the kind of a column, by its dtype and its values."""
    if column.dtype in ("Date", "Datetime"):
        return column.dtype.lower()
    if column.dtype == "Boolean":
        return "truth"
    all_different = len(values) == len(present) >= FEWEST_IDENTIFIERS
    if not column.is_number:
        mostly = len(values) > max(MOST_CATEGORIES, len(present) / 2)
        return "identifier" if all_different or mostly else "category"
    if all_different and _decimals(present) == 0 and np.ptp(values) == len(values) - 1:
        return "identifier"
    few = len(values) <= MOST_LEVELS and len(present) >= SAMPLES_PER_LEVEL * len(values)
    return "category" if few else "number"


def _values(values: NDArray[Any]) -> tuple[Value, ...]:
    """Return numbers as floats, and texts as they are."""
    return tuple(values.tolist())


def _decimals(values: NDArray[np.float64]) -> int | None:
    """Return the decimals of all values, or None if they are more than a few."""
    for decimals in range(MOST_DECIMALS + 1):
        if np.array_equal(np.round(values, decimals), values):
            return decimals
    return None
