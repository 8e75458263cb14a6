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
    """A mean over independent samples, with its standard error.

    Attributes
    ----------
    value : float
        The mean.
    standard_error : float
        The standard deviation of the rows' values over the root of their number; NaN for one row,
        and where nothing honest can be said.
    n_rows : int
        How many rows it was taken over.
    seed : int or None
        What decided the random numbers that went into it; None where there were none.

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
        """Return the mean of a value per row."""
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
        """Return the numbers, with None for a standard error that is not a number."""
        numbers = asdict(self)
        if math.isnan(self.standard_error):
            numbers["standard_error"] = None
        return numbers

    def __str__(self) -> str:
        return f"{self.value:.5g} ± {self.standard_error:.4g} (n = {self.n_rows})"
