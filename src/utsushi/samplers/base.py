"""The base class of samplers, which fit codes, draw new ones and are saved as arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

__all__ = ["Codes", "Sampler"]

#: Codes, shape (n_samples, n_components), float64.
Codes = NDArray[np.float64]


class Sampler(BaseEstimator, ABC):
    """Define the interface of samplers. Fitted attributes are arrays whose names end in ``_``.

    Parameters
    ----------
    temperature : float >= 0, default=1.0
        What the standard normal noise is multiplied by that codes are drawn from; 1 leaves it.
        Below 1, codes keep to where training codes are dense: samples look more typical and vary
        less. Above 1, they vary more. It changes `sample` alone, so it can be set after ``fit``.

    Attributes
    ----------
    asks_for_codes : bool
        Whether ``fit`` uses the codes; if not, an array of shape (0, H) is enough.
    is_discrete : bool
        Whether the codes are symbols, integers from 0 on, in H positions.
    """

    asks_for_codes: ClassVar[bool] = True
    is_discrete: ClassVar[bool] = False

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "temperature": [Interval(Real, 0, None, closed="left")]
    }

    def __init__(self, temperature: float = 1.0) -> None:
        self.temperature = temperature

    def check(self, n_codes: int) -> None:
        """Raise the errors that ``fit`` would raise for its parameters and this size of codes.

        An estimator calls it before training, because its sampler is fitted last.
        """
        self._validate_params()

    @abstractmethod
    def fit(self, codes: Codes, generator: np.random.Generator) -> Self:
        """Fit the sampler to the training codes.

        Parameters
        ----------
        codes : ndarray of shape (n, H), float64
            The codes of the training samples.
        generator : numpy Generator
            The only source of random numbers.
        """

    @abstractmethod
    def sample(self, n_samples: int, generator: np.random.Generator) -> Codes:
        """Draw new codes, ndarray of shape (n_samples, H), float64, using only ``generator``."""

    def state(self) -> dict[str, NDArray[Any]]:
        """Return the fitted arrays by name, for the model file."""
        return {name: value for name, value in sorted(vars(self).items()) if name.endswith("_")}

    def restore(self, state: dict[str, NDArray[Any]]) -> Self:
        """Restore the arrays that `state` returned."""
        for name, value in state.items():
            setattr(self, name, value)
        return self

    @abstractmethod
    def expected_state(self, n_codes: int) -> dict[str, tuple[int | None, ...]]:
        """Return the shapes that `state` has for codes of ``n_codes``; None is any length >= 1."""
