"""What a training is a function of, in words that can be compared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from sklearn.base import BaseEstimator

from utsushi._utils.lazy_rows import row_blocks
from utsushi.estimators.rows import Labelled

if TYPE_CHECKING:
    from utsushi.estimators.learner import Learner

__all__ = ["digest", "identity_of"]

#: Parameters that say nothing of what is learned; the seed stands for the third.
_WITHOUT_EFFECT = ("verbose", "device", "random_state")


def identity_of(
    model: Learner, training: Labelled, held_out: Labelled | None
) -> Mapping[str, object]:
    """Return all that decides the bits of a trained model, by name.

    Parameters
    ----------
    model : Learner
        With its seed and its device.
    training, held_out : Labelled
        Rows and what is told of them; of their bytes, the SHA-256 is taken.

    Returns
    -------
    dict
    """
    parameters = model.get_params(deep=True)
    return {
        "estimator": type(model).__name__,
        **{name: _said(value) for name, value in parameters.items() if name not in _WITHOUT_EFFECT},
        "seed": model.seed_,
        "device": model.device_,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "the data": digest(training),
        "the held-out data": None if held_out is None else digest(held_out),
    }


def _said(value: Any) -> str:
    """Return a parameter in words; an object's own parameters stand beside it."""
    if isinstance(value, BaseEstimator):
        return type(value).__name__
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    # A list, a tuple and an array of sizes are one and the same.
    return repr(tuple(value) if isinstance(value, list) else value)


def digest(known: Labelled) -> str:
    """Return the first half of the SHA-256 of rows, their shape and what is told of them."""
    digest = hashlib.sha256()
    for array in (known.rows, known.condition):
        if array is not None:
            digest.update(f"{array.dtype.str} {array.shape}".encode())
            for block in row_blocks(array):
                digest.update(np.ascontiguousarray(block).data)
    return digest.hexdigest()[:32]
