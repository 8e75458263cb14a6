"""What is done to the columns on the way in, and undone on the way out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import MinMaxScaler, StandardScaler

__all__ = ["SCALINGS", "Scaling"]

#: The names that the ``scaling`` parameter takes; None leaves the columns alone.
SCALINGS = ("center", "standard", "minmax")

Rows = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Scaling:
    """The affine map ``(x - offset) / scale`` of each column, and its inverse.

    A column that was constant in training has the scale 1, or that of its roundings if these are
    larger: when it moves at inference, it weighs as much as it moved, and not a division by almost
    zero times that.

    Attributes
    ----------
    offset, scale : ndarray of shape (D,), float64
        In the units of the input; ``scale > 0``.

    Examples
    --------
    >>> scaling = Scaling.learn("standard", np.array([[0.0, 5.0], [4.0, 5.0]]))
    >>> scaling.forward(np.array([[4.0, 6.0]]))
    array([[1., 1.]], dtype=float32)
    """

    offset: NDArray[np.float64]
    scale: NDArray[np.float64]

    @classmethod
    def learn(cls, name: str | None, X: Rows) -> Scaling:
        """Learn a scaling from training rows.

        Parameters
        ----------
        name : {"center", "standard", "minmax"} or None
            Remove the mean; also divide by the standard deviation; map the range to [0, 1].
        X : ndarray of shape (n, D)
            Finite training rows.
        """
        n_features = X.shape[1]
        if name is None:
            return cls(np.zeros(n_features), np.ones(n_features))
        if name == "minmax":
            ranges = MinMaxScaler().fit(X)
            return cls(ranges.data_min_.astype(np.float64), _safe(ranges.data_range_, X))
        moments = StandardScaler(with_std=name == "standard").fit(X)
        scale = np.ones(n_features) if moments.scale_ is None else _safe(moments.scale_, X)
        return cls(moments.mean_.astype(np.float64), scale)

    def forward(self, X: Rows) -> NDArray[np.float32]:
        """Scale rows, shape (n, D): arithmetic in the rows' precision, result in float32."""
        offset, scale = self.offset.astype(X.dtype), self.scale.astype(X.dtype)
        with np.errstate(over="ignore"):  # what is no number any more is refused by who asked
            scaled: NDArray[np.float32] = ((X - offset) / scale).astype(np.float32, copy=False)
        return scaled

    def inverse(self, scaled: NDArray[np.float32], dtype: Any) -> Rows:
        """Undo `forward`: rows of shape (n, D) in the units of the input, of ``dtype``."""
        rows: Rows = (scaled * self.scale + self.offset).astype(dtype, copy=False)
        return rows

    @property
    def log_volume(self) -> float:
        r"""The sum of :math:`\log` scale: scaled densities are larger than the input's by it."""
        return float(np.log(self.scale).sum())


def _safe(scale: NDArray[Any], X: Rows) -> NDArray[np.float64]:
    """Return ``scale`` with ones for columns that are constant, but for a few roundings.

    Where these are larger than one, they are the unit.
    """
    rounding = 10 * np.finfo(X.dtype).eps * np.maximum(X.max(axis=0), -X.min(axis=0))
    return np.where(scale > rounding, scale, np.maximum(rounding, 1.0)).astype(np.float64)
