"""Anomaly detection with any autoencoder."""

from __future__ import annotations

import math
from numbers import Real
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from utsushi.choices import Names
from utsushi.estimators.anomaly_scores import (
    LEARNING,
    SCORES,
    RowScore,
    conformal_offset,
    departures,
    parts_of,
)
from utsushi.estimators.autoencoder import Autoencoder
from utsushi.estimators.base import BaseAutoencoder
from utsushi.estimators.rows import Rows, checked_rows, n_to_hold_out
from utsushi.exceptions import SettingError
from utsushi.seeds import Purpose, numpy_generator, seed_from

__all__ = ["AnomalyDetector", "autoencoder_of"]

#: Rows by their places; None is all of them.
Places = NDArray[np.intp] | None


#: The part of the rows given to ``fit`` that is taken for outliers, unless it is said.
CONTAMINATION = 0.1


class AnomalyDetector(OutlierMixin, BaseEstimator):
    r"""Outlier detector: a row that the autoencoder cannot account for is an anomaly.

    Rows whose score is below a threshold are outliers. The threshold is a percentile of the
    training rows' scores, or, with ``max_false_positive_rate``, one that normal rows held out from
    all learning bear witness to.

    Parameters
    ----------
    autoencoder : Autoencoder, VariationalAutoencoder, FrozenEstimator or None, default=None
        Cloned and fitted in ``fit``; scikit-learn's ``FrozenEstimator(model)`` keeps a fitted one
        as it is. None is ``Autoencoder()``. Its ``random_state`` also decides which rows are held
        out.
    contamination : float in (0, 0.5], default=0.1
        The part of the training rows to take for outliers; left alone where
        ``max_false_positive_rate`` is given.
    scoring : str, or tuple of str, default="auto"
        What a row is judged by; higher is more normal.

        - ``"auto"``: the autoencoder's own score, which is the squared error, or the bound of a
          variational one;
        - ``"squared-error"``: :math:`-\Vert x - \hat x \Vert^2` in scaled units, of a
          variational model through its mean code;
        - ``"relative-error"``: :math:`-\Vert x - \hat x \Vert^2 / (\Vert x \Vert^2 + c)`, both
          in scaled units, :math:`x` measured from the input's own zero, c a hundredth of the mean
          :math:`\Vert x \Vert^2` of the training rows. For rows whose zero means nothing there,
          such as ink on paper: a thin stroke has a small error even where it is all wrong;
        - ``"bound"``: the bound on :math:`\log p(x)`, in nats; variational models only;
        - ``"mahalanobis"``: :math:`-(z - m)^T C^{-1} (z - m)` of the code, with the mean m and the
          covariance C of the training codes, shrunk as Ledoit and Wolf do, and a thousandth of the
          mean variance added to each direction, so that a component that hardly moved in training
          does not outweigh the others;
        - ``"code-density"``: the log density, in nats, of the code under a mixture of
          Gaussians (`utsushi.samplers.Mixture`, their number by BIC) fitted to the training codes;
        - several of these as a tuple are combined: each part :math:`s_k` in robust standard units
          of normal rows, added up, :math:`\sum_k (s_k - \mathrm{median}_k) /
          (1.4826\,\mathrm{MAD}_k)`;
        - ``"combined"`` is ``("auto", "mahalanobis")``.
    max_false_positive_rate : float in (0, 1) or None, default=None
        The part of *new* normal rows that may be called outliers, in expectation. The rows given
        to ``fit`` must then be normal. The threshold is the k-th smallest score of n held-out
        rows, :math:`k = \lfloor \mathrm{rate}\,(n + 1) \rfloor`.
    holdout_fraction : float in (0, 1), default=0.2
        The part of the rows to hold out for that, rounded down. A combined score spends one half
        of them on its medians and deviations, as none of them may serve twice. With a
        ``FrozenEstimator`` whose score learns nothing (``"auto"``, ``"squared-error"``,
        ``"bound"``) all rows are held out, whatever this says.

    Attributes
    ----------
    autoencoder_ : estimator
        The fitted autoencoder.
    row_score_ : RowScore
        The score, with what it learned.
    offset_ : float
        The score below which a row is an outlier: the percentile ``100 * contamination`` of the
        scores of all rows given to ``fit``, or the threshold of the held-out rows.
    n_features_in_ : int
        The number of columns of the training rows.

    References
    ----------
    Sakurada and Yairi 2014, *Anomaly Detection Using Autoencoders with Nonlinear Dimensionality
    Reduction*, https://doi.org/10.1145/2689746.2689747; Ledoit and Wolf 2004, *A Well-Conditioned
    Estimator for Large-Dimensional Covariance Matrices*,
    https://doi.org/10.1016/S0047-259X(03)00096-4

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
    >>> careful = AnomalyDetector(autoencoder, scoring="combined", max_false_positive_rate=0.1)
    >>> float((careful.fit(zeros).predict(ones) == -1).mean()) > 0.9
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "autoencoder": [BaseAutoencoder, FrozenEstimator, None],
        "contamination": [Interval(Real, 0, 0.5, closed="right")],
        "scoring": [Names(set(SCORES)), tuple, list],
        "max_false_positive_rate": [Interval(Real, 0, 1, closed="neither"), None],
        "holdout_fraction": [Interval(Real, 0, 1, closed="neither")],
    }

    def __init__(
        self,
        autoencoder: BaseAutoencoder | FrozenEstimator | None = None,
        contamination: float = CONTAMINATION,
        *,
        scoring: str | tuple[str, ...] = "auto",
        max_false_positive_rate: float | None = None,
        holdout_fraction: float = 0.2,
    ) -> None:
        self.autoencoder = autoencoder
        self.contamination = contamination
        self.scoring = scoring
        self.max_false_positive_rate = max_false_positive_rate
        self.holdout_fraction = holdout_fraction

    # --- learning -------------------------------------------------------------------------------

    def fit(self, X: ArrayLike, y: Any = None) -> Self:
        """Fit the autoencoder to rows, most of them normal, and learn the threshold.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), n_samples >= 2
            With ``max_false_positive_rate``, normal rows only.
        y : ignored

        Returns
        -------
        self

        Raises
        ------
        SettingError
            If the autoencoder has no such score, or too few rows are held out for the rate.
        """
        self._validate_params()
        if self.max_false_positive_rate is not None and self.contamination != CONTAMINATION:
            raise SettingError(
                f"contamination={self.contamination} with max_false_positive_rate="
                f"{self.max_false_positive_rate}, expected one of them: each sets the threshold; "
                "leave one out"
            )
        self.__dict__.pop("offset_", None)  # what makes it fitted; see BaseAutoencoder.fit
        autoencoder = clone(Autoencoder() if self.autoencoder is None else self.autoencoder)
        rows = self._checked(X, autoencoder, reset=True)
        parts = parts_of(self.scoring, autoencoder_of(autoencoder))
        learning, calibrating, deciding = self._split(parts, autoencoder, len(rows))
        self.autoencoder_ = autoencoder.fit(rows if learning is None else rows[learning], None)
        known = self._as_fitted(X, rows)
        score = RowScore.learn(parts, *self._taken(known, rows, learning))
        self.row_score_ = score.calibrated(*self._taken(known, rows, calibrating))
        scores = self.row_score_(*self._taken(known, rows, deciding))
        if self.max_false_positive_rate is None:
            self.offset_ = float(np.percentile(scores, 100 * self.contamination))
        else:
            self.offset_ = conformal_offset(scores, self.max_false_positive_rate)
        return self

    def _split(
        self, parts: tuple[str, ...], autoencoder: BaseEstimator, n_rows: int
    ) -> tuple[Places, Places, Places]:
        """Return the places of the rows to learn from, to calibrate on, and to decide by.

        What decides must be as new to all that was learned as the rows to come will be.
        """
        rate = self.max_false_positive_rate
        if rate is None:
            return None, None, None
        learns = not isinstance(autoencoder, FrozenEstimator) or bool(LEARNING & set(parts))
        share = self.holdout_fraction if learns else 1.0
        n_held_out = n_to_hold_out(n_rows, share)
        jobs = 1 if len(parts) == 1 else 2
        n_deciding = n_held_out // jobs
        needed = math.ceil(1 / rate - 1e-9) - 1
        if n_deciding < needed:
            raise SettingError(
                f"max_false_positive_rate={rate} needs {needed} held-out rows for the threshold, "
                f"but of {n_rows} rows {n_deciding} can be held out for it; give "
                f"{math.ceil(jobs * needed / share)} rows or more, or a larger rate"
                + (" or holdout_fraction" if learns else "")
            )
        seed = seed_from(autoencoder_of(autoencoder).random_state)
        order = numpy_generator(seed, Purpose.SPLIT, 1).permutation(n_rows)
        held_out, others = order[:n_held_out], np.sort(order[n_held_out:])
        return others, held_out[n_deciding:], held_out[:n_deciding]

    def _taken(
        self, known: ArrayLike, rows: Rows, places: Places
    ) -> tuple[BaseAutoencoder, ArrayLike, Rows]:
        """Return what a `RowScore` takes, of all rows or of some."""
        model = autoencoder_of(self)
        if places is None:
            return model, known, rows
        some = rows[places]
        return model, some if known is rows else _safe_indexing(known, places), some

    # --- using what was learned -----------------------------------------------------------------

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the score of each row, shape (n_samples,), float64; higher is more normal.

        A row so far out that its score is no number any more has the score minus infinity.
        """
        check_is_fitted(self)
        rows = self._checked(X, self.autoencoder_)
        scores = self.row_score_(*self._taken(self._as_fitted(X, rows), rows, None))
        return np.where(np.isnan(scores), -np.inf, scores)

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
        rows = self._checked(X, self.autoencoder_)
        model = autoencoder_of(self)
        squares: Rows = np.square(departures(model, self._as_fitted(X, rows), rows))
        return squares

    def save(self, path: str | Path) -> Path:
        """Write the detector to one safetensors file; `utsushi.load` reads it back."""
        from utsushi.estimators.storage import save

        check_is_fitted(self)
        return save(self, path)

    def _checked(self, X: ArrayLike, autoencoder: BaseEstimator, *, reset: bool = False) -> Rows:
        """Return checked rows; values may be missing where they may for the autoencoder."""
        return checked_rows(
            self, X, reset=reset, allow_missing=autoencoder_of(autoencoder).missing == "mask"
        )

    def _as_fitted(self, X: ArrayLike, rows: Rows) -> ArrayLike:
        """Return rows as the autoencoder knows them: a frozen one may have been given names."""
        return X if hasattr(self.autoencoder_, "feature_names_in_") else rows

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "offset_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        if self.autoencoder is not None:
            tags.input_tags.allow_nan = autoencoder_of(self.autoencoder).missing == "mask"
        return tags


def autoencoder_of(model: BaseEstimator) -> BaseAutoencoder:
    """Return the autoencoder of a detector or behind a freeze, and an autoencoder as it is."""
    found = getattr(model, "autoencoder_", model)
    # Where scikit-learn keeps it frozen, it is one step further in.
    autoencoder: BaseAutoencoder = getattr(found, "estimator", found)
    return autoencoder
