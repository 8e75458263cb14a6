"""How evenly a model with discrete codes uses its symbols."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike

from utsushi.estimators import VectorQuantizedAutoencoder
from utsushi.networks.bottlenecks import ResidualVectorQuantizer, perplexity

__all__ = ["symbol_use"]


def symbol_use(model: VectorQuantizedAutoencoder, X: ArrayLike) -> tuple[float, float]:
    r"""Return the share of the symbols that samples use, and the perplexity of their frequencies.

    All positions share their symbols; in residual quantization, all positions of a level share
    theirs, and the means over the levels are returned.

    Parameters
    ----------
    model : fitted VectorQuantizedAutoencoder
    X : array-like of shape (n_samples, n_features)

    Returns
    -------
    share : float
        The share of the K symbols that occur in a code, 0 to 1.
    perplexity : float
        :math:`\exp(-\sum_k p_k \log p_k)`, from 1 to K.

    Examples
    --------
    >>> from utsushi import datasets
    >>> X = datasets.load_digits8x8().X_train[:200]
    >>> model = VectorQuantizedAutoencoder(4, max_epochs=2, random_state=0).fit(X)
    >>> share, number = symbol_use(model, X)
    >>> 0 < share <= 1, 1 <= number <= 64
    (True, True)
    """
    codes, bottleneck = model.transform(X), model.module_.bottleneck
    n_levels = len(bottleneck.levels) if isinstance(bottleneck, ResidualVectorQuantizer) else 1
    of_levels = [torch.from_numpy(codes[:, level::n_levels]) for level in range(n_levels)]
    shares = [len(level_codes.unique()) / model.n_symbols_ for level_codes in of_levels]
    numbers = [perplexity(level_codes, model.n_symbols_).item() for level_codes in of_levels]
    return float(np.mean(shares)), float(np.mean(numbers))
