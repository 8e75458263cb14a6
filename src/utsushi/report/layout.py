"""Lay out codes in two dimensions so that neighbors stay neighbors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

__all__ = ["layout_of"]

#: With fewer different codes, or components, principal components show as much.
LEAST_CODES, LEAST_COMPONENTS = 20, 3

#: More iterations take longer and hardly help: 300, 400 and 600 leave a decode error of 15.6, 13.5
#: and 13.0 for the lecture's autoencoder, of 62 along two principal components.
_ITERATIONS, _PERPLEXITY, _SEED = 400, 30.0, 0


def layout_of(codes: ArrayLike) -> NDArray[Any] | None:
    """Return a place in [-1, 1]² for each code, by t-SNE.

    Parameters
    ----------
    codes : array-like of shape (n, H)

    Returns
    -------
    ndarray of shape (n, 2) or None
        Deterministic; equal codes have equal places. None if there are at most two components, or
        fewer than 20 different codes: their principal components are the better map.

    Examples
    --------
    >>> codes = np.random.default_rng(0).normal(size=(60, 5))
    >>> places = layout_of(codes)
    >>> places.shape, float(np.abs(places).max())
    ((60, 2), 1.0)
    >>> layout_of(codes[:, :2]) is None
    True
    """
    different, index = np.unique(np.asarray(codes, np.float64), axis=0, return_inverse=True)
    if different.shape[1] < LEAST_COMPONENTS or len(different) < LEAST_CODES:
        return None
    # A second thread hardly helps for a thousand codes, and waits for the first at full load.
    with threadpool_limits(1):
        places = TSNE(
            perplexity=min(_PERPLEXITY, (len(different) - 1) / 3),
            max_iter=_ITERATIONS,
            init="pca",
            random_state=_SEED,
        ).fit_transform(different)
    low, high = places.min(axis=0), places.max(axis=0)
    # A narrow layout is stretched, at most twice, to fill the square.
    half = np.maximum(high - low, (high - low).max() / 2) / 2
    scaled = (places - (low + high) / 2) / np.maximum(half, 1e-12)
    return np.asarray(scaled[index.ravel()], np.float64)
