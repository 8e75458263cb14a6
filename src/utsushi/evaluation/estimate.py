"""A mean over rows that says how sure it is."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

__all__ = ["Estimate"]


@dataclass(frozen=True)
class Estimate:
    """A mean over independent rows, with its standard error.

    Attributes
    ----------
    value : float
        The mean.
    standard_error : float
        The standard deviation of the rows' values over the root of their number; NaN for one row.
    n_rows : int
        How many rows it was taken over.

    Examples
    --------
    >>> print(Estimate.over([1.0, 2.0, 3.0]))
    2 ± 0.5774 (n = 3)
    """

    value: float
    standard_error: float
    n_rows: int

    @classmethod
    def over(cls, values: ArrayLike) -> Estimate:
        """Return the mean of a value per row."""
        rows = np.asarray(values, dtype=np.float64)
        spread = rows.std(ddof=1) / math.sqrt(len(rows)) if len(rows) > 1 else math.nan
        return cls(float(rows.mean()), float(spread), len(rows))

    def scaled(self, factor: float, offset: float = 0.0) -> Estimate:
        """Return the estimate of ``factor * value + offset``."""
        return Estimate(
            factor * self.value + offset, abs(factor) * self.standard_error, self.n_rows
        )

    def to_json(self) -> dict[str, Any]:
        """Return the three numbers, with None for a standard error that is not a number."""
        numbers = asdict(self)
        if math.isnan(self.standard_error):
            numbers["standard_error"] = None
        return numbers

    def __str__(self) -> str:
        return f"{self.value:.5g} ± {self.standard_error:.4g} (n = {self.n_rows})"
