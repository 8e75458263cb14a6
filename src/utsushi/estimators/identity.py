"""The identity of a training: all that decides the bits of the trained model."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from torch import nn

from utsushi._utils.lazy_rows import AnyRows, row_blocks
from utsushi.transforms.scaling import Scaling

__all__ = ["digest", "digest_of_weights", "identity_of"]

#: Parameters that do not change the model; the seed replaces the third.
_WITHOUT_EFFECT = ("verbose", "device", "random_state")


def identity_of(
    estimator: BaseEstimator, *, seed: int, device: str, data: str, held_out: str | None
) -> dict[str, Any]:
    """Return all that decides the bits of a trained model, by name.

    Parameters
    ----------
    estimator : BaseEstimator
        Its class and its parameters count.
    seed : int
    device : str
    data, held_out : str
        The digests of the training data and of the held-out data, if any.

    Returns
    -------
    dict
    """
    parameters = estimator.get_params(deep=True)
    return {
        "estimator": type(estimator).__name__,
        **{name: _text(value) for name, value in parameters.items() if name not in _WITHOUT_EFFECT},
        "seed": seed,
        "device": device,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "the data": data,
        "the held-out data": held_out,
    }


def digest(rows: AnyRows | NDArray[Any], condition: NDArray[np.float32] | None = None) -> str:
    """Return the first half of the SHA-256 of samples, of their conditions, and of the shapes."""
    sha = hashlib.sha256()
    for array in (rows, condition):
        if array is not None:
            sha.update(f"{array.dtype.str} {array.shape}".encode())
            for block in row_blocks(array):
                sha.update(np.ascontiguousarray(block).data)
    return sha.hexdigest()[:32]


def digest_of_weights(module: nn.Module, scaling: Scaling) -> str:
    """Return the first half of the SHA-256 of a network's state, and of its scaling."""
    sha = hashlib.sha256(scaling.offset.tobytes() + scaling.scale.tobytes())
    for name, tensor in module.state_dict().items():
        sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        sha.update(np.ascontiguousarray(tensor.cpu().numpy()).data)
    return sha.hexdigest()[:32]


def _text(value: Any) -> str:
    """Return a parameter as text; the parameters of an object are parameters of their own."""
    if isinstance(value, BaseEstimator):
        return type(value).__name__
    if callable(value):
        # Its representation is an address in memory, which differs between processes.
        name = str(getattr(value, "__qualname__", type(value).__qualname__))
        code = getattr(value, "__code__", None)
        if code is None:
            return name
        numbers = [c for c in code.co_consts if isinstance(c, int | float | str)]
        return f"{name} {hashlib.sha256(code.co_code + repr(numbers).encode()).hexdigest()[:8]}"
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    # A list, a tuple and an array of sizes are the same.
    return repr(tuple(value) if isinstance(value, list) else value)
