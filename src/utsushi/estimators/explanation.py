"""Explanations of anomaly scores: contributions of columns, expected values, sentences."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi.estimators.anomaly_scores import RowScore, residuals, scoring_of
from utsushi.estimators.base import BaseAutoencoder
from utsushi.estimators.neighbors import Neighbors, as_shares
from utsushi.estimators.rows import Rows
from utsushi.exceptions import SettingError
from utsushi.transforms.table_schema import DATES, TableSchema

__all__ = ["Explanation", "column_names", "explained"]

Values = NDArray[np.float64]
#: The features of each column.
Features = list[NDArray[np.intp]]

#: About so many patches of an image are replaced in turn to explain a score.
_PATCHES = 256

#: Scores that are sums of squared residuals.
_ERRORS = ("squared-error", "relative-error")

#: How often a column is replaced by its reconstruction to find its expected value.
_N_ROUNDS = 10

#: Values at once, of copies of samples.
_BLOCK_VALUES = 2**20

#: Larger falls of an outlyingness count as this, so that their sum is finite.
_LARGEST = 1e300

#: An image is divided into so many regions along each side to say where it is abnormal.
_REGIONS = 4

#: Significant digits of a number without a deviation.
_DIGITS = 4

_SENTENCES = {
    "en": {
        "expected": "{column} {value}: expected {expected} given the other columns",
        "region": (
            "pixels in rows {top}–{bottom}, columns {left}–{right}: {percent:.0f} % of the score"
        ),
        "missing": "missing",
        "days": "{spread} days",
        "and": "; ",
    },
    "ja": {
        "expected": "{column} は {value} ですが，ほかの列から予想される値は {expected} です",
        "region": "行 {top}–{bottom}，列 {left}–{right} の画素がスコアの {percent:.0f} % です",
        "missing": "欠損値",
        "days": "{spread} 日",
        "and": "．",
    },
}


@dataclass(frozen=True)
class Explanation:
    """Contributions of each column to the outlyingness of samples, and the values expected there.

    A column is one of the table schema, if the detector was fitted with one (``columns=``), else a
    feature: a category is one column, and not one for each of its values. In images each pixel is a
    column.

    Attributes
    ----------
    columns : tuple of C str
        The names of the columns.
    contributions : ndarray of shape (n_samples, C), float64
        In the units of the score. ``base + contributions.sum(axis=1)`` is the outlyingness,
        ``-score_samples(X)``.
    base : ndarray of shape (n_samples,), float64
        The part of the outlyingness that no column explains: 0 for neighbors, errors and
        Mahalanobis distances, else the lowest outlyingness of the sample with expected values.
    values : ndarray of shape (n_samples, C)
        The values of the samples, as in the table.
    expected : ndarray of shape (n_samples, C)
        The value that is expected in each column, given the others. If the detector has neighbors:
        the mean or the most frequent category of the 20 training samples that are nearest in all
        other columns. Else the value that the autoencoder reconstructs as itself. Of images the
        mean of the nearest ones, or the reconstruction.
    spread : ndarray of shape (n_samples, C), float64
        The standard deviation of the 20 values; of dates, in days. NaN for categories, truth values
        and autoencoders.
    source : {"neighbors", "autoencoder"}
        What ``expected`` comes from.
    image_shape : tuple of int or None

    Examples
    --------
    >>> from utsushi import AnomalyDetector
    >>> rng = np.random.default_rng(0)
    >>> size = rng.normal(50, 10, 200)
    >>> normal = np.stack([size, 6 * size + rng.normal(0, 9, 200)], axis=1)
    >>> explanation = AnomalyDetector().fit(normal).explain([[52.0, 9800.0]])
    >>> int(explanation.contributions.argmax())
    1
    >>> explanation.text()
    ['x1 9,800: expected 310.2 ± 8.8 given the other columns']
    """

    columns: tuple[str, ...]
    contributions: Values
    base: Values
    values: NDArray[Any]
    expected: NDArray[Any]
    spread: Values
    source: str
    image_shape: tuple[int, ...] | None = None

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.contributions)

    def text(self, *, language: str = "en", n_columns: int = 1) -> list[str]:
        """Return a sentence about each sample: the columns that contribute most.

        Parameters
        ----------
        language : {"en", "ja"}, default="en"
        n_columns : int, default=1
            How many columns to name. Of an image, the sentence names the region that contributes
            most, a sixteenth of the image.

        Returns
        -------
        list of n_samples str
        """
        words = self._checked_words(language, n_columns)
        if self.image_shape is not None:
            return [self._region(row, words) for row in range(len(self))]
        order = np.argsort(-self.contributions, axis=1, kind="stable")[:, :n_columns]
        return [
            words["and"].join(self._clause(row, column, words) for column in order[row])
            for row in range(len(self))
        ]

    def table(
        self, sample: int, *, language: str = "en", n_columns: int = 5
    ) -> list[tuple[str, str, str, str]]:
        """Return the columns that contribute most to a sample, the largest contribution first.

        Parameters
        ----------
        sample : int
            The place of the sample among those explained.
        language : {"en", "ja"}, default="en"
        n_columns : int, default=5

        Returns
        -------
        list of tuple of four str
            The name of a column, its value, the expected value (with its deviation), and its
            contribution.

        Examples
        --------
        >>> explanation = Explanation(
        ...     ("size", "price"), np.array([[0.4, 7.25]]), np.zeros(1), np.array([[52.0, 9800.0]]),
        ...     np.array([[51.0, 310.2]]), np.array([[1.2, 8.8]]), "neighbors",
        ... )
        >>> explanation.table(0)
        [('price', '9,800', '310.2 ± 8.8', '7.250'), ('size', '52', '51 ± 1.2', '0.4000')]
        """
        words = self._checked_words(language, n_columns)
        contributions = self.contributions[sample]
        return [
            (
                self.columns[column],
                *self._in_words(sample, column, words),
                _number(float(contributions[column]), math.nan),
            )
            for column in np.argsort(-contributions, kind="stable")[:n_columns]
        ]

    @staticmethod
    def _checked_words(language: str, n_columns: int) -> dict[str, str]:
        """Return the words of a language, and check the number of columns to name."""
        if language not in _SENTENCES:
            raise SettingError(f"language must be 'en' or 'ja', got {language!r}.")
        if not isinstance(n_columns, int) or n_columns < 1:
            raise SettingError(f"n_columns must be a positive integer, got {n_columns!r}.")
        return _SENTENCES[language]

    def _in_words(self, row: int, column: int, words: dict[str, str]) -> tuple[str, str]:
        """Return a value, and the expected one with its deviation."""
        spread = float(self.spread[row, column])
        expected = _written(self.expected[row, column], spread, words)
        if math.isfinite(spread):
            deviation = _number(spread, spread)
            if isinstance(self.expected[row, column], np.datetime64):
                deviation = words["days"].format(spread=deviation)
            expected += f" ± {deviation}"
        return _written(self.values[row, column], spread, words), expected

    def _clause(self, row: int, column: int, words: dict[str, str]) -> str:
        value, expected = self._in_words(row, column, words)
        return words["expected"].format(column=self.columns[column], value=value, expected=expected)

    def _region(self, row: int, words: dict[str, str]) -> str:
        assert self.image_shape is not None
        height, width = self.image_shape[-2:]
        image = self.contributions[row].reshape(-1, height, width).sum(axis=0)
        edges = [np.linspace(0, size, min(size, _REGIONS) + 1).astype(int) for size in image.shape]
        sums = np.add.reduceat(image, edges[0][:-1], axis=0)
        sums = np.add.reduceat(sums, edges[1][:-1], axis=1)
        down, across = np.unravel_index(sums.argmax(), sums.shape)
        total = image.sum()
        return words["region"].format(
            top=edges[0][down] + 1,
            bottom=edges[0][down + 1],
            left=edges[1][across] + 1,
            right=edges[1][across + 1],
            percent=100 * sums[down, across] / total if total else 0.0,
        )


def _written(value: Any, spread: float, words: dict[str, str]) -> str:
    """Return a value of a column in words, as precise as its deviation says, of dates in days."""
    if value is None or value != value:  # noqa: PLR0124 (NaN and NaT differ from themselves)
        return words["missing"]
    if isinstance(value, float | np.floating):
        return _number(float(value), spread)
    if isinstance(value, np.datetime64) and spread >= 1:
        return str(value.astype("datetime64[D]"))
    return str(value)


def _number(value: float, spread: float) -> str:
    """Return a number rounded to the second digit of its deviation, or to four of its own.

    Examples
    --------
    >>> _number(9800.0, 43.21), _number(310.4567, 0.0), _number(0.012345, math.nan)
    ('9,800', '310.5', '0.01235')
    """
    if not math.isfinite(value):
        return str(value)
    size, digits = (spread, 2) if math.isfinite(spread) and spread > 0 else (abs(value), _DIGITS)
    if size == 0:
        return "0"
    decimals = max(digits - 1 - math.floor(math.log10(size)), 0)
    if decimals > 9 or abs(value) >= 1e15:
        return f"{value:.{_DIGITS}g}"
    return f"{value:,.{0 if value.is_integer() else decimals}f}"


# --- contributions --------------------------------------------------------------------------------


def explained(
    score: RowScore,
    model: BaseAutoencoder | None,
    rows: Rows,
    by_part: Values,
    *,
    names: tuple[str, ...],
    schema: TableSchema | None,
    image_shape: tuple[int, ...] | None,
) -> Explanation:
    """Explain the scores of samples.

    Parameters
    ----------
    score : RowScore
    model : fitted autoencoder, if there is one
    rows : ndarray of shape (n, D)
    by_part : ndarray of shape (n, parts)
        The parts' scores of the samples, which the contributions add up to.
    names : tuple of C str
        The names of the columns.
    schema : TableSchema, optional
    image_shape : tuple of int, optional
    """
    features = _features_of(schema, rows.shape[1])
    contributions, base = np.zeros((len(rows), len(features))), np.zeros(len(rows))
    expected, deviations = None, np.full(rows.shape, np.nan)
    of_model = _ModelExplainer(model, rows, features, image_shape)
    for place, part in enumerate(score.parts):
        if part == "neighbors":
            assert score.neighbors is not None
            added, expected, deviations = _neighbors_explained(score.neighbors, rows, features)
            start = np.zeros(len(rows))
        else:
            added, start = of_model(score, part, -by_part[:, place])
        center, spread = score.units_of(place)
        contributions += added / spread
        base += (start + center) / spread
    if expected is None:
        expected = of_model.reconstructions if image_shape else of_model.expected
    return Explanation(
        names,
        contributions,
        base,
        _decoded(schema, rows),
        _decoded(schema, expected),
        _spread_of(schema, deviations),
        "autoencoder" if score.neighbors is None else "neighbors",
        image_shape,
    )


def _neighbors_explained(
    neighbors: Neighbors, rows: Rows, features: Features
) -> tuple[Values, Rows, Values]:
    """Return contributions (n, C), the features to expect (n, D) and their deviations (n, D)."""
    if neighbors.image_shape is not None:
        return *neighbors.explained_images(rows), np.full(rows.shape, np.nan)
    contributions, nearest = neighbors.explained(rows, np.array([part[0] for part in features]))
    expected, deviations = np.empty_like(rows), np.empty(rows.shape)
    for column, places in enumerate(features):
        values = neighbors.reference[nearest[:, column, :, None], places]
        expected[:, places] = values.mean(axis=1)
        deviations[:, places] = values.std(axis=1)
    return contributions, expected, deviations


class _ModelExplainer:
    """Explains the scores of an autoencoder by replacing single columns by expected values.

    Of images, the error of a pixel is its contribution, and for other scores square patches take
    the place of columns.

    Parameters
    ----------
    model : fitted autoencoder or None
    rows : ndarray of shape (n, D)
    features : Features of the C columns
    image_shape : tuple of int or None
    """

    def __init__(
        self,
        model: BaseAutoencoder | None,
        rows: Rows,
        features: Features,
        image_shape: tuple[int, ...] | None,
    ) -> None:
        self.model = model
        self.rows = rows
        self.is_image = image_shape is not None
        self.features = features if image_shape is None else _patches_of(image_shape)

    def __call__(self, score: RowScore, part: str, whole: Values) -> tuple[Values, Values]:
        """Return the contributions (n, C) to one part of the outlyingness, and its base (n,).

        Parameters
        ----------
        score : RowScore
        part : str
        whole : ndarray of shape (n,)
            Minus the part's score; for a training sample, the cross-fitted one.
        """
        model = self.model
        assert model is not None
        name = scoring_of((part,), model)
        assert isinstance(name, str)
        if self.is_image and name in _ERRORS:
            errors = _without_names(lambda some: residuals(model, some, some), self.rows)
            return self._shared(np.square(errors.astype(np.float64)), whole, np.isnan(self.rows))

        def outlyingness(some: Rows) -> Values:
            scores: Values = _without_names(lambda same: score.part(name, model, same, same), some)
            return -scores

        replaced = self._with_each_replaced(outlyingness)
        base = None
        if name not in (*_ERRORS, "mahalanobis"):  # others are zero at best
            all_replaced = outlyingness(self._unless_missing(self.expected))
            base = np.minimum(replaced.min(axis=1), np.minimum(all_replaced, whole))
        falls = outlyingness(self.rows)[:, None] - replaced
        missing = np.isnan(self.rows[:, [places[0] for places in self.features]])
        contributions, base = self._shared(falls, whole, missing, base)
        if not self.is_image:
            return contributions, base
        pixels = np.empty(self.rows.shape)
        for number, places in enumerate(self.features):
            pixels[:, places] = contributions[:, [number]] / len(places)
        return pixels, base

    @staticmethod
    def _shared(
        values: Values, whole: Values, missing: NDArray[np.bool_], base: Values | None = None
    ) -> tuple[Values, Values]:
        """Divide the outlyingness above the base, 0 by default, in proportion to values."""
        base = np.zeros(len(whole)) if base is None else base
        values = np.minimum(np.nan_to_num(values), _LARGEST)
        shares = np.stack([as_shares(*pair) for pair in zip(values, missing, strict=True)])
        above = np.where(shares > 0, (whole - base)[:, None], 0)  # which may be infinite
        return shares * above, base

    @cached_property
    def reconstructions(self) -> Rows:
        """The reconstructions of the samples, shape (n, D)."""
        assert self.model is not None
        reconstructed: Rows = _without_names(self.model.reconstruct, self.rows)
        return reconstructed

    @cached_property
    def expected(self) -> Rows:
        """The value of each column that the model reconstructs as itself, given the others, (n, D).

        It starts in the place of a missing value and is replaced by its reconstruction until it
        changes little.
        """
        assert self.model is not None
        start = self.model.scaling_.offset.astype(self.rows.dtype)
        expected = np.empty_like(self.rows)
        for some in self._blocks():
            copies = np.repeat(self.rows[None], len(some), axis=0)
            for copy, places in zip(copies, some, strict=True):
                copy[:, places] = start[places]
            for _ in range(_N_ROUNDS):
                output = self._of_all(self.model.reconstruct, copies)
                for copy, new, places in zip(copies, output, some, strict=True):
                    copy[:, places] = new[:, places]
            for copy, places in zip(copies, some, strict=True):
                expected[:, places] = copy[:, places]
        return expected

    def _with_each_replaced(self, outlyingness: Callable[[Rows], Values]) -> Values:
        """Return the outlyingness (n, C) with each column replaced by its expected value."""
        expected = self._unless_missing(self.expected)
        replaced = []
        for some in self._blocks():
            copies = np.repeat(self.rows[None], len(some), axis=0)
            for copy, places in zip(copies, some, strict=True):
                copy[:, places] = expected[:, places]
            replaced.append(self._of_all(outlyingness, copies).T)
        return np.concatenate(replaced, axis=1)

    def _unless_missing(self, values: Rows) -> Rows:
        return np.where(np.isnan(self.rows), self.rows, values)

    def _blocks(self) -> Iterator[Features]:
        """Yield columns, so many that a copy of all samples for each has about a million values."""
        n_columns = max(1, _BLOCK_VALUES // self.rows.size)
        for start in range(0, len(self.features), n_columns):
            yield self.features[start : start + n_columns]

    @staticmethod
    def _of_all(function: Callable[[Rows], Any], copies: NDArray[Any]) -> NDArray[Any]:
        """Call a function of samples with those of all copies (c, n, D)."""
        output = np.asarray(_without_names(function, copies.reshape(-1, copies.shape[-1])))
        return output.reshape(*copies.shape[:2], *output.shape[1:])


def _without_names(function: Callable[[Rows], Any], rows: Rows) -> Any:
    """Call a function of an autoencoder with arrays, although it may know column names."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="X does not have valid feature names")
        return function(rows)


def _patches_of(image_shape: Sequence[int]) -> Features:
    """Return the features of square patches of an image, about 256."""
    height, width = image_shape[-2:]
    side = math.ceil(math.sqrt(height * width / _PATCHES))
    down, across = np.arange(height) // side, np.arange(width) // side
    numbers = down[:, None] * (across[-1] + 1) + across
    every = np.tile(numbers.ravel(), math.prod(image_shape[:-2]))
    return [np.flatnonzero(every == number) for number in np.unique(every)]


# --- columns --------------------------------------------------------------------------------------


def _features_of(schema: TableSchema | None, n_features: int) -> Features:
    """Return the features of each column; without a schema a feature is a column."""
    if schema is None:
        return list(np.arange(n_features)[:, None])
    return [np.arange(where.start, where.stop) for _, where in schema.slices()]


def column_names(schema: TableSchema | None, detector: Any) -> tuple[str, ...]:
    """Return the names of the columns: of the schema, of the training data, or x0, x1, …."""
    if schema is not None:
        return tuple(column.name for column in schema.columns)
    names = getattr(detector, "feature_names_in_", None)
    if names is None:
        names = [f"x{index}" for index in range(detector.n_features_in_)]
    return tuple(str(name) for name in names)


def _decoded(schema: TableSchema | None, rows: Rows) -> NDArray[Any]:
    """Return samples (n, D) as values of columns (n, C), as in the table."""
    if schema is None:
        return rows
    values = np.empty((len(rows), len(schema.columns)), dtype=object)
    for place, column in enumerate(schema.decode(rows).values()):
        for row, value in enumerate(column):
            values[row, place] = value
    return values


def _spread_of(schema: TableSchema | None, deviations: Values) -> Values:
    """Return the deviations of features (n, D) by column (n, C), NaN if it has no numbers."""
    if schema is None:
        return deviations
    spread = np.full((len(deviations), len(schema.columns)), np.nan)
    for place, (column, where) in enumerate(schema.slices()):
        if column.kind == "number" or column.kind in DATES:
            spread[:, place] = deviations[:, where.start]
    return spread
