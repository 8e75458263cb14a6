"""Representations of samples in which distances are measured."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["as_normal", "oriented_gradients", "quantiles"]

Values = NDArray[np.float64]

#: Quantiles of a column that are kept, at most.
_MOST_QUANTILES = 1000

#: Quantiles nearer to 0 or 1 count as this; scikit-learn's ``QuantileTransformer`` has the same.
_LEAST_QUANTILE = 1e-7

#: Orientations of an image's gradients.
_ORIENTATIONS = 8


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
        # The mean of both ends of what has several levels.
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
