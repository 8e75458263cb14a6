"""Anomaly detection with any autoencoder."""

from __future__ import annotations

from numbers import Real
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from utsushi.estimators.autoencoder import Autoencoder
from utsushi.estimators.base import BaseAutoencoder
from utsushi.estimators.rows import Rows, checked_rows

__all__ = ["AnomalyDetector"]


class AnomalyDetector(OutlierMixin, BaseEstimator):
    r"""Outlier detector: a row that the autoencoder cannot account for is an anomaly.

    The score of a row is the autoencoder's own: the negative squared error, or the bound on
    :math:`\log p(x)` of a variational one. Rows that score below a percentile of the training rows
    are outliers.

    Parameters
    ----------
    autoencoder : Autoencoder, VariationalAutoencoder, FrozenEstimator or None, default=None
        Cloned and fitted in ``fit``; scikit-learn's ``FrozenEstimator(model)`` keeps a fitted one
        as it is. None is ``Autoencoder()``.
    contamination : float in (0, 0.5], default=0.1
        The part of the training rows to take for outliers.

    Attributes
    ----------
    autoencoder_ : estimator
        The fitted autoencoder.
    offset_ : float
        The score below which a row is an outlier: the percentile ``100 * contamination`` of the
        scores of all rows given to ``fit``.
    n_features_in_ : int
        The number of columns of the training rows.

    References
    ----------
    Sakurada and Yairi 2014, *Anomaly Detection Using Autoencoders with Nonlinear Dimensionality
    Reduction*, https://doi.org/10.1145/2689746.2689747

    Examples
    --------
    >>> from utsushi import AnomalyDetector, Autoencoder, datasets
    >>> digits = datasets.load_digits8x8()
    >>> zeros = digits.X_train[digits.y_train == 0]
    >>> autoencoder = Autoencoder(n_components=4, hidden=(32,), random_state=0)
    >>> detector = AnomalyDetector(autoencoder, contamination=0.05).fit(zeros)
    >>> ones = digits.X_test[digits.y_test == 1]
    >>> float((detector.predict(ones) == -1).mean()) > 0.9
    True
    >>> detector.anomaly_map(ones).shape == ones.shape
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "autoencoder": [BaseAutoencoder, FrozenEstimator, None],
        "contamination": [Interval(Real, 0, 0.5, closed="right")],
    }

    def __init__(
        self,
        autoencoder: BaseAutoencoder | FrozenEstimator | None = None,
        contamination: float = 0.1,
    ) -> None:
        self.autoencoder = autoencoder
        self.contamination = contamination

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Fit the autoencoder to rows, most of them normal, and learn the threshold.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), n_samples >= 2
        y : ignored

        Returns
        -------
        self
        """
        self._validate_params()
        self.__dict__.pop("offset_", None)  # what makes it fitted; see BaseAutoencoder.fit
        rows = checked_rows(self, X, reset=True)
        autoencoder = clone(Autoencoder() if self.autoencoder is None else self.autoencoder)
        self.autoencoder_ = autoencoder.fit(rows, None)
        self.offset_ = float(np.percentile(self._scores(X), 100 * self.contamination))
        return self

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the autoencoder's score of each row, shape (n_samples,); higher is more normal."""
        check_is_fitted(self)
        return self._scores(X)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the scores above the threshold, shape (n_samples,); outliers are below zero."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return +1 for each normal row and -1 for each outlier, shape (n_samples,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def anomaly_map(self, X: ArrayLike) -> Rows:
        r"""Return how much each value of each row departs from what the autoencoder makes of it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32 for float32 input, else float64
            :math:`(x - \hat x)^2` in scaled units, so that columns compare. The sum of a row is
            its squared error.
        """
        check_is_fitted(self)
        rows = checked_rows(self, X)
        copies = self.autoencoder_.reconstruct(self._as_fitted(X, rows))
        scale: Rows = self.autoencoder_.scaling_.scale.astype(rows.dtype)
        departures: Rows = np.square((rows - copies) / scale)
        return departures

    def save(self, path: str | Path) -> Path:
        """Write the detector to one safetensors file; `utsushi.load` reads it back."""
        from utsushi.estimators.storage import save

        check_is_fitted(self)
        return save(self, path)

    def _scores(self, X: ArrayLike) -> NDArray[np.float64]:
        rows = checked_rows(self, X)
        scores = self.autoencoder_.score_samples(self._as_fitted(X, rows))
        return np.asarray(scores, dtype=np.float64)

    def _as_fitted(self, X: ArrayLike, rows: Rows) -> ArrayLike:
        """Return rows as the autoencoder knows them: a frozen one may have been given names."""
        return X if hasattr(self.autoencoder_, "feature_names_in_") else rows

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "offset_")
