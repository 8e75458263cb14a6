"""A mean over samples with its standard error."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Estimate"]


@dataclass(frozen=True)
class Estimate:
    """Hold a mean over independent samples, with its standard error.

    Attributes
    ----------
    value : float
        The mean.
    standard_error : float
        The standard deviation of the samples' values over the square root of their number; NaN for
        one sample, and where the samples' values are not independent.
    n_rows : int
        The number of samples.
    seed : int or None
        The seed of the random numbers it depends on; None if there are none.

    Examples
    --------
    >>> print(Estimate.over([1.0, 2.0, 3.0]))
    2 ± 0.5774 (n = 3)
    """

    value: float
    standard_error: float
    n_rows: int
    seed: int | None = None

    @classmethod
    def over(cls, values: ArrayLike, seed: int | None = None) -> Estimate:
        """Return the mean of one value per sample."""
        rows = np.asarray(values, dtype=np.float64)
        spread = rows.std(ddof=1) / math.sqrt(len(rows)) if len(rows) > 1 else math.nan
        return cls(float(rows.mean()), float(spread), len(rows), seed)

    def scaled(self, factor: float, offset: float = 0.0) -> Estimate:
        """Return the estimate of ``factor * value + offset``."""
        return replace(
            self,
            value=factor * self.value + offset,
            standard_error=abs(factor) * self.standard_error,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a dict, with None for a standard error of NaN."""
        numbers = asdict(self)
        if math.isnan(self.standard_error):
            numbers["standard_error"] = None
        return numbers

    def __str__(self) -> str:
        return f"{self.value:.5g} ± {self.standard_error:.4g} (n = {self.n_rows})"
