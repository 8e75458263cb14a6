"""What every likelihood is: the density of a row given what the decoder makes of its code."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from copy import copy
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Generator, Tensor

from utsushi._utils.lazy_rows import AnyRows, row_blocks

__all__ = ["Likelihood", "is_binary", "sum_of_known"]


class Likelihood(BaseEstimator, ABC):
    """The base of all likelihoods: what the estimator and the objectives ask of one.

    The constructor only stores; ``prepare`` checks its parameters and looks at the scaled training
    rows before training, ``calibrate`` at the trained model's error afterwards. What they learn
    ends in ``_``.

    Attributes
    ----------
    of_scaled_rows : bool
        Whether it is a density of scaled rows. If not, it is one of the rows in the units of the
        input, the scaling is for the encoder alone, and the decoder gives the input's units.
    is_density : bool
        Whether it is a density, and not a probability of zeros and ones.
    is_rotation_invariant : bool
        Whether the density stays the same when rows and means are turned alike.
    is_calibrated : bool
        Whether ``calibrate`` fixes anything.
    n_features : int or None
        The columns of a row, where ``x`` and the decoder's output are told by fewer numbers of the
        same squared distances; None where these are the columns.
    """

    of_scaled_rows: ClassVar[bool] = True
    is_density: ClassVar[bool] = True
    is_rotation_invariant: ClassVar[bool] = False
    is_calibrated: ClassVar[bool] = False
    n_features: int | None = None

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}
    _learned: ClassVar[tuple[str, ...]] = ()

    def check(self, rows: AnyRows) -> None:
        """Raise a `DataError` if a value of ``rows``, in the input's units, has no density."""

    def advice(self, rows: AnyRows) -> str | None:
        """Say which likelihood suits rows, in the input's units, better than this one, if any."""
        return "bernoulli" if is_binary(rows) else None  # zeros and ones have no density

    def prepare(self, rows: Iterable[Tensor]) -> Self:
        """Learn what training needs to know of the scaled training rows, given in blocks."""
        self._validate_params()
        return self

    def of_turned_rows(self, n_features: int) -> Self:
        """Return the density of rows of so many columns that are told by fewer numbers."""
        turned = copy(self)
        turned.n_features = n_features
        return turned

    def width(self, x: Tensor, mask: Tensor | None = None) -> float:
        """Return the columns that the numbers of ``x``, shape (..., k), stand for.

        With a mask, the mean number of values of a row that are known.
        """
        if mask is not None:
            return float(mask.sum(dim=-1).cpu().double().mean())
        return self.n_features or x.shape[-1]

    def calibrate(self, mean_squared_error: float) -> Self:
        """Fix what is fixed after training, from the mean of (x - x̂)² over rows and features."""
        return self

    @abstractmethod
    def log_prob(self, x: Tensor, output: Tensor, mask: Tensor | None = None) -> Tensor:
        """Log density in nats, shape (...), of rows ``x`` given decoder outputs, shape (..., D).

        With a mask, shape (..., D), it is that of the values where the mask is true.
        """

    def mean(self, output: Tensor) -> Tensor:
        """Mean of p(x|z), shape (..., D), from the decoder's output of the same shape."""
        return output

    @abstractmethod
    def draw(self, output: Tensor, generator: Generator) -> Tensor:
        """Draw x ~ p(x|z), shape (..., D), from the decoder's output of the same shape."""

    def state(self) -> dict[str, float]:
        """Return what was learned, by name: numbers only, for the model file."""
        return {name: value for name, value in sorted(vars(self).items()) if name.endswith("_")}

    def restore(self, state: dict[str, Any]) -> Self:
        """Take back what `state` gave; numbers that it cannot have given are a ``ValueError``."""
        if set(state) != set(self._learned):
            raise ValueError(f"{type(self).__name__} learns {self._learned}, not {sorted(state)}")
        for name, value in state.items():
            if not 0 < float(value) < math.inf:
                raise ValueError(f"{name} of {type(self).__name__} is {value!r}")
            setattr(self, name, float(value))
        return self


def is_binary(rows: AnyRows) -> bool:
    """Tell whether all values are zeros and ones, and there are both."""
    n_ones = n_zeros = 0
    for block in row_blocks(rows):
        ones, zeros, known = block == 1, block == 0, ~np.isnan(block)
        if (known & ~ones & ~zeros).any():
            return False
        n_ones += int(np.count_nonzero(ones))
        n_zeros += int(np.count_nonzero(zeros))
    return n_ones > 0 and n_zeros > 0


def sum_of_known(terms: Tensor, mask: Tensor | None) -> Tensor:
    """Sum terms (..., D) over the features, shape (...), or over those where the mask is true."""
    return (terms if mask is None else torch.where(mask, terms, 0.0)).sum(dim=-1)
