"""Outlyingness of samples by their distances to training samples."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from utsushi._utils.lazy_rows import AnyRows
from utsushi._utils.seeds import Purpose, numpy_generator
from utsushi.estimators.rows import Rows

__all__ = [
    "Neighbors",
    "as_normal",
    "as_shares",
    "central_places",
    "oriented_gradients",
    "quantiles",
    "row_keys",
]

Values = NDArray[np.float64]

#: Reference samples at most, and the values that they may have together, which bounds the time of
#: a score and the size of a file. The values never push the number below the fewest.
MOST_SAMPLES, FEWEST_SAMPLES, MOST_VALUES = 10_000, 1_000, 2**22

Views = tuple[tuple[str, int], ...]

#: What is measured: a representation and the number of neighbors. By whether the samples are
#: images, and whether there are outliers among the reference samples.
_VIEWS: dict[tuple[bool, bool], Views] = {
    (False, False): (("range", 5), ("range", 1), ("normal", 5)),
    (False, True): (("range", 20),),
    (True, False): (("pixels", 5), ("gradients", 5), ("gradients", 1)),
    (True, True): (("pixels", 20), ("gradients", 20)),
}

#: The mean distance to this share of the samples distinguishes a small cluster from the bulk, which
#: the distance to the nearest neighbors does not. So many samples are enough to estimate it.
_BULK_SHARE, _BULK_SAMPLES = 0.25, 256

#: The multiple of the share of outliers that is left out of the reference samples.
_TRIMMED = 2

#: The neighbors in the other columns from which the value of a column is expected.
_EXPECTING = 20

#: Candidates beyond those needed: the search rounds, the distances are then computed exactly.
_SPARE = 2

#: Values at once, and values at once of which many temporary arrays are made.
_BLOCK_VALUES, _CACHED_VALUES = 2**22, 2**16

#: Quantiles of a column that are kept, at most.
_MOST_QUANTILES = 1000

#: Quantiles nearer to 0 or 1 count as this; scikit-learn's ``QuantileTransformer`` has the same.
_LEAST_QUANTILE = 1e-7

#: Orientations of an image's gradients.
_ORIENTATIONS = 8


def row_keys(rows: AnyRows) -> Values:
    """Return a hash of each row's values, shape (n,): an integer below 2**52 as a float64.

    Equal values have equal keys, whether they are float32 or float64.

    Examples
    --------
    >>> keys = row_keys(np.array([[0.5, -0.0], [0.5, 0.0], [0.5, 1.0]]))
    >>> bool(keys[0] == keys[1]), bool(keys[1] == keys[2])
    (True, False)
    """
    keys = np.empty(len(rows))
    for some in _blocks(rows, rows.shape[1]):
        values = np.array(rows[some], dtype=np.float64, order="C") + 0.0  # no negative zero
        values[np.isnan(values)] = np.nan
        digests = b"".join(hashlib.blake2b(row, digest_size=8).digest() for row in values)
        keys[some] = np.frombuffer(digests, dtype="<u8") >> np.uint64(12)
    return keys


def central_places(
    rows: AnyRows, contamination: float, image_shape: tuple[int, ...] | None = None
) -> NDArray[np.intp]:
    """Return the places of the samples that are not far from the bulk, for a robust fit.

    Twice the share of outliers is left out: the samples with the largest mean distance to the
    nearest quarter of all, with columns scaled to [0, 1], or of pixels.

    Parameters
    ----------
    rows : ndarray or LazyRows of shape (n_samples, D), n_samples >= 2
    contamination : float in (0, 0.5]
        The share of outliers among the samples.
    image_shape : tuple of int, optional

    Examples
    --------
    >>> rows = np.array([[0.0], [0.1], [9.0], [0.3], [0.4]])
    >>> central_places(rows, contamination=0.1).tolist()
    [0, 1, 3, 4]
    """
    from sklearn.preprocessing import MinMaxScaler  # late, because it is rarely needed

    bulk = np.arange(0, len(rows), -(-len(rows) // _BULK_SAMPLES))
    fill = _medians(np.asarray(rows[bulk]))
    blocks = list(_blocks(rows, max(len(bulk), rows.shape[1])))
    scaler = MinMaxScaler()
    if image_shape is None:
        for some in blocks:
            scaler.partial_fit(_filled(rows[some], fill))

    def points_of(some: Rows) -> Values:
        points = _filled(some, fill).astype(np.float64)
        return points if image_shape is not None else scaler.transform(points)

    bulk_points = points_of(np.asarray(rows[bulk]))
    k = max(1, int(_BULK_SHARE * (len(bulk) - 1)))
    means = np.empty(len(rows))
    for some in blocks:
        points = points_of(rows[some])
        distances = np.empty((len(points), len(bulk)))
        for column, point in enumerate(bulk_points):
            differences = points - point
            distances[:, column] = np.sqrt(np.einsum("nd,nd->n", differences, differences))
        is_own = np.arange(some.start, some.stop)[:, None] == bulk
        distances[is_own] = np.inf  # none is its own neighbor
        means[some] = np.sort(distances, axis=1)[:, :k].mean(axis=1)
    n_trimmed = min(int(_TRIMMED * contamination * len(rows)), (len(rows) - 1) // 2)
    order = np.argsort(means, kind="stable")
    return np.sort(order[: len(rows) - n_trimmed])


@dataclass(frozen=True)
class Neighbors:
    r"""Outlyingness of samples by their distances to training samples.

    A *view* is a representation of the samples and a number of neighbors k; d is the mean distance
    to the k nearest. For tables: k = 5 and k = 1 with each column scaled to [0, 1], and k = 5 with
    each column transformed to a normal distribution by its ranks. For images: k = 5 of pixels, and
    k = 5 and k = 1 of histograms of oriented gradients (Dalal and Triggs 2005,
    https://doi.org/10.1109/CVPR.2005.177), which do not change with brightness or small shifts.
    With outliers among the reference samples (``is_robust``): k = 20 with columns scaled to [0, 1],
    of pixels and of gradients, because outliers can be near to a few others.

    Each distance becomes the negative log of its tail probability,
    :math:`-\log \frac{1 + \#\{i: d_i \ge d\}}{n + 1}`, where :math:`d_i` are the leave-one-out
    distances of the n reference samples; linear between them, and beyond the largest one
    :math:`\alpha \log (d / d_{\max})` more, with Hill's estimate :math:`\alpha` of the tail's
    exponent (Hill 1975, https://doi.org/10.1214/aos/1176343247). The outlyingness is the sum over
    the views.

    A sample whose values equal those of a reference sample is scored without this one: it is never
    its own neighbor, in training or later.

    Attributes
    ----------
    reference : ndarray of shape (n, D), float32 or float64
        In the units of the input, without gaps.
    fill : ndarray of shape (D,), float64
        The medians of the columns, in the place of missing values.
    tails : ndarray of shape (n_views, n), float64
        The sorted leave-one-out distances of the reference samples.
    image_shape : tuple of int or None
        (height, width) or (channels, height, width).
    is_robust : bool
    """

    reference: Rows
    fill: Values
    tails: Values
    image_shape: tuple[int, ...] | None = None
    is_robust: bool = False

    @property
    def views(self) -> Views:
        """The representations, each with its number of neighbors."""
        return _VIEWS[self.image_shape is not None, self.is_robust]

    @classmethod
    def learn(
        cls,
        rows: AnyRows,
        *,
        image_shape: tuple[int, ...] | None = None,
        contamination: float | None = None,
        seed: int = 0,
    ) -> Self:
        """Choose the reference samples and measure their distances.

        Parameters
        ----------
        rows : ndarray or LazyRows of shape (n_samples, D), n_samples >= 2
        image_shape : tuple of int, optional
        contamination : float in (0, 0.5], optional
            The share of outliers among the samples, whose reference samples are then those of
            `central_places`.
        seed : int, default=0
            Decides which of more than 10,000 samples are reference samples.
        """
        most = _most_samples(rows.shape[1])
        places = np.arange(len(rows))
        if len(rows) > most:
            draws = numpy_generator(seed, Purpose.SPLIT, 3)
            places = np.sort(draws.choice(len(rows), most, replace=False))
        chosen = np.asarray(rows[places])
        fill = _medians(chosen)
        chosen = _filled(chosen, fill)
        is_robust = contamination is not None
        if contamination is not None:
            chosen = chosen[central_places(chosen, contamination, image_shape)]
        n_views = len(_VIEWS[image_shape is not None, is_robust])
        neighbors = cls(chosen, fill, np.empty((n_views, len(chosen))), image_shape, is_robust)
        points = {name: space.points for name, space in neighbors._spaces.items()}
        distances = neighbors._distances(points, np.ones(len(chosen), dtype=bool))
        neighbors.tails[:] = np.sort(distances, axis=1)
        return neighbors

    def joined_by(self, rows: Rows, n_seen: int, seed: int) -> Rows:
        """Return the reference samples and new ones, a uniform choice if they are too many.

        Parameters
        ----------
        rows : ndarray of shape (m, D)
        n_seen : int
            The number of samples that the reference samples were chosen from.
        seed : int
        """
        kept, most = self.reference, _most_samples(rows.shape[1])
        if n_seen + len(rows) > most:
            draws = numpy_generator(seed, Purpose.SPLIT, 4, n_seen)
            n_new = int(draws.hypergeometric(len(rows), n_seen, most))
            kept = kept[np.sort(draws.choice(len(kept), most - n_new, replace=False))]
            rows = rows[np.sort(draws.choice(len(rows), n_new, replace=False))]
        return np.concatenate([kept, rows])

    def __call__(self, rows: AnyRows) -> Values:
        """Return the outlyingness of each sample, shape (n_samples,); higher is more abnormal."""
        total: Values = self._surprises(rows).sum(axis=0)
        return total

    def _surprises(self, rows: AnyRows) -> Values:
        """Return the negative log tail probabilities of the distances, shape (n_views, n)."""
        distances = self.distances(rows)
        return np.stack([_surprise(*pair) for pair in zip(self.tails, distances, strict=True)])

    def distances(self, rows: AnyRows) -> Values:
        """Return the mean distance to the nearest reference samples, shape (n_views, n_samples)."""
        result = np.empty((len(self.views), len(rows)))
        for some, points, is_reference in self._represented(rows):
            result[:, some] = self._distances(points, is_reference)
        return result

    def _distances(self, points: dict[str, Values], is_reference: NDArray[np.bool_]) -> Values:
        nearest = {
            name: space.nearest(points[name], is_reference)[1]
            for name, space in self._spaces.items()
        }
        return np.stack([nearest[name][:, :k].mean(axis=1) for name, k in self.views])

    def contributions(self, rows: AnyRows) -> Rows:
        r"""Return what each column adds to the mean distance to the nearest neighbors.

        Returns
        -------
        ndarray of shape (n_samples, D)
            :math:`\frac1k \sum_j (x - n_j)^2 / \Vert x - n_j \Vert` over the neighbors
            :math:`n_j` in the first view: columns in units of their training range, or pixels. The
            sum over a sample is its mean distance.
        """
        name, k = self.views[0]
        space = self._spaces[name]
        result = np.empty(rows.shape, dtype=rows.dtype)
        for some, points, is_reference in self._represented(rows):
            result[some] = space.squares(points[name], is_reference, k)
            result[some][np.isnan(rows[some])] = 0  # the distance of a missing value is unknown
        return result

    def explained(self, rows: Rows, starts: NDArray[np.intp]) -> tuple[Values, NDArray[np.intp]]:
        """Return how much each column of a table adds to the outlyingness of each sample.

        Parameters
        ----------
        rows : ndarray of shape (m, D)
        starts : ndarray of shape (C,)
            The first feature of each column.

        Returns
        -------
        contributions : ndarray of shape (m, C)
            The sum over a sample is its outlyingness. In each view, the contribution of a column is
            proportional to the decrease of the mean distance when the column is left out of it.
        places : ndarray of shape (m, C, at most 20)
            By column, the reference samples that are the nearest in all other columns.
        """
        surprises = self._surprises(rows)
        contributions = np.zeros((len(rows), len(starts)))
        n_nearest = min(_EXPECTING, len(self.reference) - 1)
        places = np.empty((len(rows), len(starts), n_nearest), dtype=np.intp)
        missing = np.isnan(rows[:, starts])
        first = self.views[0][0]
        for some, points, is_reference in self._represented(rows):
            for number, row in enumerate(range(some.start, some.stop)):
                own = None
                if is_reference[number]:
                    equal = (self.reference == _filled(rows[row], self.fill)).all(axis=1)
                    own = int(equal.argmax())
                for name, space in self._spaces.items():
                    nearest, without, whole = space.without_each(
                        points[name][number], starts, own, n_nearest
                    )
                    if name == first:
                        places[row] = nearest
                    for view, (other, k) in enumerate(self.views):
                        if other == name:
                            falls = whole[:k].mean() - without[:, :k].mean(axis=1)
                            shares = as_shares(falls, missing[row])
                            contributions[row] += surprises[view, row] * shares
        return contributions, places

    def explained_images(self, rows: Rows) -> tuple[Values, Rows]:
        """Return how much each value adds to the outlyingness of each image, and what is expected.

        Returns
        -------
        contributions : ndarray of shape (m, D)
            The sum over an image is its outlyingness. In each view, the contribution of a pixel is
            proportional to its squared differences to the neighbors; those of gradients are
            distributed evenly over the pixels of their cell.
        expected : ndarray of shape (m, D)
            The mean of the nearest reference images in the first view.
        """
        surprises = self._surprises(rows)
        contributions = np.zeros(rows.shape)
        expected = np.empty(rows.shape, dtype=rows.dtype)
        for some, points, is_reference in self._represented(rows):
            for view, (name, k) in enumerate(self.views):
                space = self._spaces[name]
                squares = space.to_pixels(space.squares(points[name], is_reference, k))
                for number, row in enumerate(range(some.start, some.stop)):
                    shares = as_shares(squares[number], np.isnan(rows[row]))
                    contributions[row] += surprises[view, row] * shares
                if view == 0:
                    nearest = space.nearest(points[name], is_reference)[0][:, :k]
                    expected[some] = self.reference[nearest].mean(axis=1)
        return contributions, expected

    def _represented(
        self, rows: AnyRows
    ) -> Iterator[tuple[slice, dict[str, Values], NDArray[np.bool_]]]:
        """Yield blocks: their places, their representations, and which are reference samples."""
        for some in _blocks(rows, rows.shape[1]):
            block = _filled(rows[some], self.fill)
            is_reference = np.isin(row_keys(block), self._keys)
            values = block.astype(np.float64)
            points = {name: space.represent(values) for name, space in self._spaces.items()}
            yield some, points, is_reference

    @cached_property
    def _keys(self) -> Values:
        return np.unique(row_keys(self.reference))

    @cached_property
    def _spaces(self) -> dict[str, _Space]:
        """The representations, each with a search among the reference samples."""
        reference = self.reference.astype(np.float64)
        most = {name: max(k for other, k in self.views if other == name) for name, _ in self.views}
        return {name: _Space(name, k, reference, self.image_shape) for name, k in most.items()}

    def prepare(self) -> Self:
        """Build the search of each representation now, so that no later call changes the object."""
        _ = self._keys, self._spaces
        return self

    def state(self) -> dict[str, NDArray[Any]]:
        """Return what a file holds, by name."""
        return {"reference": self.reference, "fill": self.fill, "tails": self.tails}

    @classmethod
    def expected_state(cls, n_features: int, dtype: str) -> dict[str, tuple[str, tuple[Any, ...]]]:
        """Return the dtype and the shape of each array of the state; None is any length."""
        return {
            "reference": (dtype, (None, n_features)),
            "fill": ("float64", (n_features,)),
            "tails": ("float64", (None, None)),
        }

    @classmethod
    def restore(
        cls,
        state: Mapping[str, NDArray[Any]],
        image_shape: tuple[int, ...] | None,
        *,
        is_robust: bool,
    ) -> Self:
        """Restore the state that a file holds; raise ``ValueError`` for an impossible one."""
        restored = cls(state["reference"], state["fill"], state["tails"], image_shape, is_robust)
        n_samples = len(restored.reference)
        if restored.tails.shape != (len(restored.views), n_samples) or n_samples < 2:
            raise ValueError("the distances and the reference samples do not fit together")
        if (np.diff(state["tails"], axis=1) < 0).any() or (state["tails"] < 0).any():
            raise ValueError("the distances are not sorted")
        return restored.prepare()


class _Space:
    """A representation of samples, and the reference samples in it.

    Parameters
    ----------
    name : {"range", "normal", "pixels", "gradients"}
    n_neighbors : int
    reference : ndarray of shape (n, D)
    image_shape : tuple of int or None
    """

    def __init__(
        self, name: str, n_neighbors: int, reference: Values, image_shape: tuple[int, ...] | None
    ) -> None:
        # Imported late, because they are rarely needed.
        from sklearn.neighbors import NearestNeighbors
        from sklearn.preprocessing import MinMaxScaler

        self.image_shape = image_shape if name == "gradients" else None
        self.scaler = MinMaxScaler().fit(reference) if name == "range" else None
        self.quantiles = quantiles(reference) if name == "normal" else None
        self.points = self.represent(reference)
        self.n_neighbors = min(n_neighbors, len(reference) - 1)
        self.n_candidates = min(n_neighbors + 1 + _SPARE, len(reference))
        self.search = NearestNeighbors(n_neighbors=self.n_candidates).fit(self.points)

    def represent(self, rows: Values) -> Values:
        """Return rows (m, D) in this representation, float64."""
        if self.image_shape is not None:
            parts = [
                oriented_gradients(rows[some], self.image_shape)
                for some in _blocks(rows, rows.shape[1], _CACHED_VALUES)
            ]
            return np.concatenate(parts)
        if self.quantiles is not None:
            return as_normal(rows, self.quantiles)
        if self.scaler is None:
            return rows
        points: Values = self.scaler.transform(rows)
        return points

    def nearest(
        self, points: Values, is_reference: NDArray[np.bool_]
    ) -> tuple[NDArray[np.intp], Values]:
        """Return the places (m, k) of the nearest reference samples and the distances (m, k)."""
        places = self.search.kneighbors(points, return_distance=False)
        distances = np.empty(places.shape)
        for some in _blocks(points, self.n_candidates * points.shape[1]):
            differences = self.points[places[some]]
            differences -= points[some, None, :]
            distances[some] = np.sqrt(np.einsum("mkd,mkd->mk", differences, differences))
        # A reference sample is its own nearest one.
        ranks = np.arange(self.n_neighbors) + is_reference[:, None]
        order = np.take_along_axis(np.argsort(distances, axis=1, kind="stable"), ranks, axis=1)
        return (
            np.take_along_axis(places, order, axis=1),
            np.take_along_axis(distances, order, axis=1),
        )

    def squares(self, points: Values, is_reference: NDArray[np.bool_], k: int) -> Values:
        r"""Return the squared differences to the k nearest reference samples, over the distance.

        Returns
        -------
        ndarray of the shape of ``points``
            :math:`\frac1k \sum_j (x - n_j)^2 / \Vert x - n_j \Vert`: the sum over a sample is its
            mean distance.
        """
        places, distances = (values[:, :k] for values in self.nearest(points, is_reference))
        total: Values = np.zeros(points.shape)
        for column in range(distances.shape[1]):
            squares = np.square(points - self.points[places[:, column]])
            lengths = np.where(distances[:, column] > 0, distances[:, column], 1)
            total += squares / lengths[:, None]
        total /= distances.shape[1]
        return total

    def without_each(
        self, point: Values, starts: NDArray[np.intp], own: int | None, n_nearest: int
    ) -> tuple[NDArray[np.intp], Values, Values]:
        """Search the nearest reference samples of one sample with each column left out in turn.

        Parameters
        ----------
        point : ndarray of shape (D,)
        starts : ndarray of shape (C,)
            The first feature of each column.
        own : int or None
            The place of the sample itself among the reference samples.
        n_nearest : int

        Returns
        -------
        places, distances : ndarrays of shape (C, n_nearest)
            Without each column, the nearest first.
        whole : ndarray of shape (n_nearest,)
            The distances in all columns.
        """
        by_column = np.add.reduceat(np.square(self.points - point), starts, axis=1).T
        total = by_column.sum(axis=0)
        if own is not None:
            total[own] = np.inf
        others = np.maximum(total - by_column, 0)
        places = np.argpartition(others, n_nearest - 1, axis=1)[:, :n_nearest]
        squares = np.take_along_axis(others, places, axis=1)
        order = np.argsort(squares, axis=1, kind="stable")
        return (
            np.take_along_axis(places, order, axis=1),
            np.sqrt(np.take_along_axis(squares, order, axis=1)),
            np.sqrt(np.sort(np.partition(total, n_nearest - 1)[:n_nearest])),
        )

    def to_pixels(self, values: Values) -> Values:
        """Distribute values of the representation, shape (m, …), over the pixels, shape (m, D)."""
        if self.image_shape is None:
            return values
        height, width = self.image_shape[-2:]
        n_channels = math.prod(self.image_shape[:-2])
        rows_to_cells, columns_to_cells = _pooling(height), _pooling(width)
        cells = values.reshape(len(values), _ORIENTATIONS, len(rows_to_cells), -1).sum(axis=1)
        pixels = rows_to_cells.T @ cells @ columns_to_cells
        channels = np.repeat(pixels[:, None], n_channels, axis=1) / n_channels
        return channels.reshape(len(values), -1)


def _most_samples(n_features: int) -> int:
    """Return the number of reference samples, at most, of so many features."""
    return min(MOST_SAMPLES, max(FEWEST_SAMPLES, MOST_VALUES // n_features))


def as_shares(values: Values, missing: NDArray[np.bool_]) -> Values:
    """Return values as shares that add up to one; a missing one has none, unless all are missing.

    Examples
    --------
    >>> as_shares(np.array([1.0, 3.0, 4.0]), np.array([False, False, True])).tolist()
    [0.25, 0.75, 0.0]
    """
    known = np.where(missing, 0, np.maximum(values, 0))
    total = known.sum()
    return known / total if total > 0 else np.full(len(values), 1 / len(values))


def _medians(rows: Rows) -> Values:
    """Return the median of each column, zero of one without values."""
    medians = np.zeros(rows.shape[1])
    known = ~np.isnan(rows).all(axis=0)
    medians[known] = np.nanmedian(rows[:, known], axis=0)
    return medians


def _filled(rows: Rows, fill: Values) -> Rows:
    """Return rows with a number for each column in the place of its missing values."""
    return np.where(np.isnan(rows), fill.astype(rows.dtype), rows)


def _blocks(rows: AnyRows, width: int, n_values: int = _BLOCK_VALUES) -> Iterator[slice]:
    """Yield slices of the rows: about so many values of a matrix of that width."""
    n_rows = max(1, n_values // width)
    for start in range(0, len(rows), n_rows):
        yield slice(start, min(start + n_rows, len(rows)))


def _surprise(tail: Values, distances: Values) -> Values:
    """Return the negative log tail probability of distances, given sorted ones of normal samples.

    Examples
    --------
    >>> tail = np.array([1.0, 2.0, 4.0])
    >>> np.exp(-_surprise(tail, np.array([0.5, 1.0, 2.0, 4.0]))).round(2).tolist()
    [1.0, 1.0, 0.75, 0.5]
    """
    n, largest = len(tail), tail[-1]
    steps, first = np.unique(tail, return_index=True)
    surprise = np.interp(distances, steps, -np.log((n - first + 1) / (n + 1)))
    beyond = distances > largest
    if largest == 0:  # all samples are equal
        return surprise + np.log1p(distances)
    n_top = math.isqrt(n)
    logs = np.log(np.maximum(tail[-n_top - 1 :], 1e-6 * largest))
    exponent = 1 / max(float(np.mean(logs[1:] - logs[0])), 0.05)
    surprise[beyond] += exponent * np.log(distances[beyond] / largest)
    return surprise


# --- representations in which distances are measured ---------------------------------------------


def quantiles(reference: Values) -> Values:
    """Return equally spaced quantiles of each column, shape (at most 1000, D)."""
    n = min(_MOST_QUANTILES, len(reference))
    ordered = np.sort(reference, axis=0)
    places = np.linspace(0, len(reference) - 1, n)
    lower = np.floor(places).astype(int)
    upper = np.minimum(lower + 1, len(reference) - 1)
    share = (places - lower)[:, None]
    between = ordered[lower] + share * (ordered[upper] - ordered[lower])
    quantiles: Values = np.maximum.accumulate(between, axis=0)
    return quantiles


def as_normal(rows: Values, quantiles: Values) -> Values:
    """Transform each column to a normal distribution by its quantiles.

    As scikit-learn's ``QuantileTransformer``, which takes several times as long for many columns.
    """
    levels = np.linspace(0, 1, len(quantiles))
    shares = np.empty(rows.shape)
    for column, steps in enumerate(quantiles.T):
        values = rows[:, column]
        # A value with several levels gets the mean of the lowest and the highest.
        from_below = np.interp(values, steps, levels)
        from_above = np.interp(-values, -steps[::-1], 1 - levels[::-1])
        shares[:, column] = 0.5 * (from_below + 1 - from_above)
        shares[values >= steps[-1], column] = 1
        shares[values <= steps[0], column] = 0
    clipped = torch.from_numpy(np.clip(shares, _LEAST_QUANTILE, 1 - _LEAST_QUANTILE))
    points: Values = torch.special.ndtri(clipped).numpy()
    return points


def oriented_gradients(rows: Values, image_shape: tuple[int, ...]) -> Values:
    """Return the square root of the share of gradients by place and orientation, of each image.

    The cells are a quarter of the image wide, and overlap by half.
    """
    height, width = image_shape[-2:]
    images = rows.reshape(len(rows), -1, height, width)
    smooth_down, smooth_across = _smoothing(height), _smoothing(width)
    across = smooth_down @ images @ (_slopes(width) @ smooth_across).T
    down = (_slopes(height) @ smooth_down) @ images @ smooth_across.T
    strengths = np.hypot(across, down)
    strongest = strengths.argmax(axis=1)[:, None]  # of the channels
    across, down, strength = (
        np.take_along_axis(values, strongest, axis=1)[:, 0] for values in (across, down, strengths)
    )
    angle = np.arctan2(down, across) % np.pi / np.pi * _ORIENTATIONS
    lower = np.floor(angle)
    share = angle - lower
    rows_to_cells, columns_to_cells = _pooling(height), _pooling(width).T
    histograms = []
    for orientation in range(_ORIENTATIONS):
        weight = np.where(lower % _ORIENTATIONS == orientation, 1 - share, 0)
        weight += np.where((lower + 1) % _ORIENTATIONS == orientation, share, 0)
        counts = rows_to_cells @ (weight * strength) @ columns_to_cells
        histograms.append(counts.reshape(len(rows), -1))
    counts = np.concatenate(histograms, axis=1)
    shares: Values = np.sqrt(counts / (counts.sum(axis=1, keepdims=True) + 1e-6))
    return shares


def _smoothing(length: int) -> Values:
    """Return the matrix that smooths by a binomial of variance 1; edges are repeated.

    Examples
    --------
    >>> _smoothing(3)[1]
    array([0.3125, 0.375 , 0.3125])
    """
    matrix = np.zeros((length, length))
    for offset, weight in zip(range(-2, 3), (1, 4, 6, 4, 1), strict=True):
        places = np.clip(np.arange(length) + offset, 0, length - 1)
        np.add.at(matrix, (np.arange(length), places), weight / 16)
    return matrix


def _slopes(length: int) -> Values:
    """Return the matrix of central differences; edges are repeated."""
    places = np.arange(length)
    matrix = np.zeros((length, length))
    np.add.at(matrix, (places, np.minimum(places + 1, length - 1)), 0.5)
    np.add.at(matrix, (places, np.maximum(places - 1, 0)), -0.5)
    return matrix


def _pooling(length: int) -> Values:
    """Return the matrix (cells, length) of means over cells of a quarter of the length.

    Examples
    --------
    >>> _pooling(8).shape, _pooling(8)[1, :4].tolist()
    ((7, 8), [0.0, 0.5, 0.5, 0.0])
    """
    cell = max(1, length // 4)
    starts = np.arange(0, length - cell + 1, max(1, cell // 2))[:, None]
    places = np.arange(length)
    return ((places >= starts) & (places < starts + cell)) / cell
