"""The base class of likelihoods: the density of a sample given the decoder's output."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable
from copy import copy
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from torch import Generator, Tensor, nn

from utsushi._utils.lazy_rows import AnyRows, row_blocks

__all__ = ["Likelihood", "is_binary", "sum_of_known"]


class Likelihood(BaseEstimator, ABC):
    """The base of all likelihoods, with the methods that estimators and objectives call.

    The constructor only stores; ``prepare`` checks the parameters and uses the scaled training
    samples before training, ``calibrate`` uses the trained model's error afterwards. Attributes
    that they fit end in ``_``.

    Attributes
    ----------
    of_scaled_rows : bool
        Whether it is a density of scaled samples. If not, it is one of samples in the units of the
        input, the scaling is for the encoder alone, and the decoder's output is in these units.
    is_density : bool
        Whether it is a density, and not a probability of zeros and ones.
    is_rotation_invariant : bool
        Whether the density stays the same when samples and means are rotated alike.
    is_calibrated : bool
        Whether ``calibrate`` fits anything.
    n_features : int or None
        The number of columns if ``x`` and the decoder's output are projected to fewer, with the
        same squared distances; None if they are not projected.
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
        """Return the name of a likelihood that suits samples in their own units better, if any."""
        return "bernoulli" if is_binary(rows) else None  # zeros and ones have no density

    def prepare(self, rows: Iterable[Tensor]) -> Self:
        """Check the parameters, and fit what training needs to blocks of scaled samples."""
        self._validate_params()
        return self

    def for_projected_samples(self, n_features: int) -> Self:
        """Return the density for projected samples of ``n_features`` columns."""
        projected = copy(self)
        projected.n_features = n_features
        return projected

    def width(self, x: Tensor, mask: Tensor | None = None) -> float:
        """Return the number of columns of samples ``x``, shape (..., k), before a projection.

        With a mask, the mean number of values of a sample that are not missing.
        """
        if mask is not None:
            return float(mask.sum(dim=-1).cpu().double().mean())
        return self.n_features or x.shape[-1]

    def calibrate(self, mean_squared_error: float) -> Self:
        """Fit what is fixed after training to the mean of (x - x̂)² over samples and features."""
        return self

    def for_columns(self, columns: Any, n_features: int) -> Self:
        """Return the likelihood for data of that width, with a table schema or None."""
        return self

    def is_scaled(self, n_features: int) -> NDArray[np.bool_] | None:
        """Return which features are scaled; None if all are."""
        return None

    def groups_of(self, n_features: int) -> NDArray[np.int64]:
        """Return for each feature the number of the group that is hidden together."""
        return np.arange(n_features)

    def build_head(self, n_features: int) -> nn.Module | None:
        """Build the last layer of the decoder, or None: from (..., D) to the parameters of p(x|z).

        With it, ``output`` of the other methods is what it returns.
        """
        return None

    def build_input(self, n_features: int) -> nn.Module | None:
        """Build the first layer of the encoder, from (..., D) to (..., D), or None."""
        return None

    def start(self, head: nn.Module, mean: Tensor) -> None:
        """Fill the head's parameters for the start of training, by the mean (D,) of samples."""

    @abstractmethod
    def log_prob(self, x: Tensor, output: Tensor, mask: Tensor | None = None) -> Tensor:
        """Return the log density in nats, (...), of samples ``x`` given decoder outputs (..., D).

        With a mask, shape (..., D), only values where the mask is true count.
        """

    def mean(self, output: Tensor) -> Tensor:
        """Return the mean of p(x|z), shape (..., D), from the decoder's output of that shape."""
        return output

    @abstractmethod
    def draw(self, output: Tensor, generator: Generator) -> Tensor:
        """Draw x ~ p(x|z), shape (..., D), from the decoder's output of the same shape."""

    def state(self) -> dict[str, float]:
        """Return the fitted numbers by name, for the model file."""
        return {name: value for name, value in sorted(vars(self).items()) if name.endswith("_")}

    def restore(self, state: dict[str, Any]) -> Self:
        """Restore what `state` returned; raise ``ValueError`` for impossible numbers."""
        if set(state) != set(self._learned):
            raise ValueError(f"{type(self).__name__} has {self._learned}, not {sorted(state)}")
        for name, value in state.items():
            if not 0 < float(value) < math.inf:
                raise ValueError(f"{name} of {type(self).__name__} is {value!r}")
            setattr(self, name, float(value))
        return self


def is_binary(rows: AnyRows) -> bool:
    """Tell whether all values are zeros and ones, and there are both."""
    n_ones = n_zeros = 0
    for block in row_blocks(rows):
        ones, zeros, is_present = block == 1, block == 0, ~np.isnan(block)
        if (is_present & ~ones & ~zeros).any():
            return False
        n_ones += int(np.count_nonzero(ones))
        n_zeros += int(np.count_nonzero(zeros))
    return n_ones > 0 and n_zeros > 0


def sum_of_known(terms: Tensor, mask: Tensor | None) -> Tensor:
    """Sum terms (..., D) over the features, shape (...), or over those where the mask is true."""
    return (terms if mask is None else torch.where(mask, terms, 0.0)).sum(dim=-1)
