"""The anomaly detector: scores by neighbors or by any autoencoder, and a threshold."""

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
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from utsushi._utils.lazy_rows import AnyRows, row_blocks
from utsushi._utils.seeds import Purpose, numpy_generator, seed_from
from utsushi._utils.str_options import SortedStrOptions
from utsushi.estimators.anomaly_scores import (
    LEARNING,
    SCORES,
    RowScore,
    conformal_offset,
    fewest_of_rank,
    needs_autoencoder,
    parts_of,
    residuals,
    scoring_of,
)
from utsushi.estimators.autoencoder import Autoencoder
from utsushi.estimators.base import BaseAutoencoder, autoencoder_of
from utsushi.estimators.explanation import Explanation, column_names, explained
from utsushi.estimators.model_file import (
    Expected,
    Tensors,
    autoencoder_from_file,
    check_tensors,
    columns_from_json,
    describe,
    in_range,
    library_versions,
    names_to_json,
    restore_names,
    save,
    under,
    value_from_json,
    value_to_json,
)
from utsushi.estimators.neighbors import Neighbors, central_places, row_keys
from utsushi.estimators.parameters import check_image_shape
from utsushi.estimators.registry import OwnClasses, register_estimator
from utsushi.estimators.rows import Rows, TrainingData, check_width, checked_rows, n_to_hold_out
from utsushi.exceptions import SettingError
from utsushi.transforms.table_schema import TableSchema

__all__ = ["AnomalyDetector"]

#: The indices of some samples.
Places = NDArray[np.intp]

#: The share of the training samples below the threshold by default.
SHARE_BELOW = 0.1

#: The number of folds of the training data: each is scored by an autoencoder fitted to the others.
N_FOLDS = 2

#: The parameters that a file holds; the autoencoder has the rest of the file.
_IN_FILE = (
    *("contamination", "scoring", "image_shape", "max_false_positive_rate", "holdout_fraction"),
    *("missing", "random_state"),
)


@register_estimator
class AnomalyDetector(OutlierMixin, BaseEstimator):
    r"""Outlier detector for tables and images.

    By default a sample is scored by its distances to training samples; no model is chosen or
    trained. With an autoencoder it is scored by its reconstruction error.

    Samples whose score is below a threshold are outliers. The threshold is a percentile of the
    training samples' scores, or, with ``max_false_positive_rate``, it is calibrated on held-out
    normal samples. No sample contributes to its own score: the score of a training sample is its
    leave-one-out score (neighbors) or its cross-fitted score (an autoencoder that ``fit`` trains),
    in ``fit`` and later; samples count as equal if all their values are.

    Parameters
    ----------
    autoencoder : Autoencoder, VariationalAutoencoder, FrozenEstimator or None, default=None
        Cloned and fitted in ``fit``; scikit-learn's ``FrozenEstimator(model)`` keeps a fitted one
        as it is. None means no autoencoder for ``scoring="auto"`` and ``"neighbors"``, and
        ``Autoencoder()`` for the other scores.
    contamination : float in (0, 0.5] or None, default=None
        The share of the training samples that may be outliers: the threshold is the percentile
        ``100 * contamination`` of their scores. The fit is robust: the share ``2 * contamination``
        of the samples whose mean distance to the nearest quarter of all is largest are not used as
        neighbors, and an autoencoder is not trained on them. With None, all training samples count
        as normal, and the threshold is the tenth percentile of their scores.
    scoring : str, or tuple of str, default="auto"
        The score of a sample; higher is more normal.

        - ``"auto"``: without an autoencoder ``"neighbors"``; else the autoencoder's own score,
          which is the squared error, or the bound of a variational one;
        - ``"neighbors"``: minus the sum of the negative log tail probabilities of the distances to
          the nearest training samples, in several representations. Tables: the mean distance to 5
          neighbors and to 1 with each column scaled to [0, 1], and to 5 with each column
          transformed to a normal distribution. Images (``image_shape``): 5 of pixels, 5 and 1 of
          histograms of oriented gradients. With ``contamination``, because outliers that resemble
          each other are each other's neighbors, 20 neighbors in each case, untransformed. At most
          10,000 samples are used as neighbors;
        - ``"squared-error"``: :math:`-\Vert x - \hat x \Vert^2` in scaled units, of a
          variational model through its mean code;
        - ``"relative-error"``: :math:`-\Vert x - \hat x \Vert^2 / (\Vert x \Vert^2 + c)`, both
          in scaled units, :math:`x` measured from the input's own zero, c a hundredth of the mean
          :math:`\Vert x \Vert^2` of the training samples. For data where zero means absence, such
          as ink on paper: a thin stroke has a small error even if it is reconstructed as nothing;
        - ``"bound"``: the bound on :math:`\log p(x)`, in nats; variational models only;
        - ``"mahalanobis"``: :math:`-(z - m)^T C^{-1} (z - m)` of the code, with the mean m and the
          covariance C of the training codes, with the shrinkage of Ledoit and Wolf, and a
          thousandth of the mean variance added to each direction, so that a component of nearly no
          variance in training does not outweigh the others;
        - ``"code-density"``: the log density, in nats, of the code under a mixture of
          Gaussians (`utsushi.samplers.Mixture`, their number by BIC) fitted to the training codes;
        - a tuple of several of these is their sum, each score :math:`s_k` in robust standard units
          of normal samples: :math:`\sum_k (s_k - \mathrm{median}_k) / (1.4826\,\mathrm{MAD}_k)`;
        - ``"combined"`` is ``("auto", "mahalanobis")``.
    image_shape : (height, width) or (channels, height, width), optional
        The shape of an image, if the samples are flattened images, for ``"neighbors"``. None takes
        that of the autoencoder.
    missing : {"raise", "mask"}, default="raise"
        What NaN means if no autoencoder is given (an autoencoder has its own setting): an error, or
        a missing value, which the neighbor search replaces by the median of the column.
    max_false_positive_rate : float in (0, 1) or None, default=None
        The share of *new* normal samples that may be called outliers, in expectation. The samples
        given to ``fit`` must then be normal. The threshold is the k-th smallest score of n held-out
        samples, :math:`k = \lfloor \mathrm{rate}\,(n + 1) \rfloor`.
    holdout_fraction : float in (0, 1), default=0.2
        The largest share of the samples to hold out for ``max_false_positive_rate``. Samples that
        would change nothing but n, so that k / (n + 1) is less than the rate, are not held out. A
        combined score needs one half of them for its medians and deviations. With a
        ``FrozenEstimator`` whose score has no fitted state (``"auto"``, ``"squared-error"``,
        ``"bound"``) all samples are held out, and this has no effect.
    random_state : int, RandomState or None, default=0
        Decides which samples are held out, which of more than 10,000 are neighbors, and the random
        numbers of an autoencoder without a ``random_state`` of its own. None takes fresh entropy.

    Attributes
    ----------
    scoring_ : str or tuple of str
        The score, with ``"auto"`` replaced by the name of the score it means.
    autoencoder_ : estimator or None
        The fitted autoencoder, if there is one.
    row_score_ : RowScore
        The score, with its fitted state.
    offset_ : float
        The score below which a sample is an outlier: the percentile of the scores of all samples
        given to ``fit``, or the threshold of the held-out samples.
    threshold_ : float
        ``-offset_``, on the scale of ``decision_scores_``.
    decision_scores_ : ndarray of shape (n_samples,)
        The outlyingness of the samples given to ``fit``, higher is more abnormal:
        ``-score_samples(X)``. A loaded detector has none.
    labels_ : ndarray of shape (n_samples,)
        1 for each outlier among the samples given to ``fit``, 0 for each normal one. A loaded
        detector has none.
    calibration_scores_ : ndarray or None
        The sorted scores of normal samples that `p_values` compares with: of the held-out samples
        with ``max_false_positive_rate``, else of all. None with ``contamination``.
    columns_ : TableSchema
        The table schema, if ``fit`` got one.
    n_samples_seen_ : int
        The number of samples given to ``fit`` and ``partial_fit``.
    n_features_in_ : int
        The number of columns of the training data.

    References
    ----------
    Ramaswamy, Rastogi and Shim 2000, *Efficient Algorithms for Mining Outliers from Large Data
    Sets*, https://doi.org/10.1145/342009.335437; Sakurada and Yairi 2014, *Anomaly Detection Using
    Autoencoders with Nonlinear Dimensionality Reduction*, https://doi.org/10.1145/2689746.2689747;
    Ledoit and Wolf 2004, *A Well-Conditioned Estimator for Large-Dimensional Covariance Matrices*,
    https://doi.org/10.1016/S0047-259X(03)00096-4

    Examples
    --------
    >>> from utsushi import AnomalyDetector, Autoencoder, datasets
    >>> digits = datasets.load_digits8x8()
    >>> zeros = digits.X_train[digits.y_train == 0]
    >>> ones = digits.X_test[digits.y_test == 1]
    >>> detector = AnomalyDetector(image_shape=(8, 8)).fit(zeros)
    >>> float((detector.predict(ones) == -1).mean()) > 0.9
    True
    >>> detector.anomaly_map(ones).shape == ones.shape
    True
    >>> autoencoder = Autoencoder(n_components=4, hidden=(32,), random_state=0)
    >>> careful = AnomalyDetector(autoencoder, scoring="combined", max_false_positive_rate=0.1)
    >>> float((careful.fit(zeros).predict(ones) == -1).mean()) > 0.9
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "autoencoder": [BaseAutoencoder, FrozenEstimator, None],
        "contamination": [Interval(Real, 0, 0.5, closed="right"), None],
        "scoring": [SortedStrOptions(set(SCORES)), tuple, list],
        "image_shape": ["array-like", None],
        "missing": [SortedStrOptions({"raise", "mask"})],
        "max_false_positive_rate": [Interval(Real, 0, 1, closed="neither"), None],
        "holdout_fraction": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        autoencoder: BaseAutoencoder | FrozenEstimator | None = None,
        contamination: float | None = None,
        *,
        scoring: str | tuple[str, ...] = "auto",
        image_shape: tuple[int, ...] | None = None,
        missing: str = "raise",
        max_false_positive_rate: float | None = None,
        holdout_fraction: float = 0.2,
        random_state: int | np.random.RandomState | None = 0,
    ) -> None:
        self.autoencoder = autoencoder
        self.contamination = contamination
        self.scoring = scoring
        self.image_shape = image_shape
        self.missing = missing
        self.max_false_positive_rate = max_false_positive_rate
        self.holdout_fraction = holdout_fraction
        self.random_state = random_state

    # --- learning -------------------------------------------------------------------------------

    def fit(self, X: ArrayLike, y: Any = None, *, columns: TableSchema | None = None) -> Self:
        """Fit the score and the threshold to samples, most of them normal.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features), n_samples >= 2
            With ``max_false_positive_rate``, normal samples only.
        y : ignored
        columns : TableSchema, optional
            The table schema of ``X``, ``dataset.columns``: kept as ``columns_``, also in the
            detector's file, so that ``datasets.open(table, columns=detector.columns_)`` makes the
            same features of another table.

        Returns
        -------
        self

        Raises
        ------
        SettingError
            If the autoencoder has no such score, or too few samples are held out for the rate.
        """
        self._validate_params()
        if self.max_false_positive_rate is not None and self.contamination is not None:
            raise SettingError(
                "contamination must be None with "
                f"max_false_positive_rate={self.max_false_positive_rate}, because each sets the "
                f"threshold, got {self.contamination}. Leave one of them out."
            )
        check_width(columns, X)
        self.__dict__.pop("offset_", None)  # which makes it fitted; see BaseAutoencoder._fit
        seed = seed_from(self.random_state)
        unfitted = self._unfitted(seed)
        rows = self._checked(X, reset=True)
        parts = parts_of(self.scoring, None if unfitted is None else autoencoder_of(unfitted))
        learning, calibrating, deciding = None, None, None
        if self.max_false_positive_rate is not None:
            learns = not isinstance(unfitted, FrozenEstimator) or bool(LEARNING & set(parts))
            learning, calibrating, deciding = split_for_rate(
                self.max_false_positive_rate,
                len(rows),
                share=self.holdout_fraction if learns else None,
                n_parts=len(parts),
                seed=seed,
            )
        elif self.contamination is not None and unfitted is not None:
            learning = self._central_places(rows, autoencoder_of(unfitted))
        self.autoencoder_ = None
        if unfitted is not None:
            self.autoencoder_ = unfitted.fit(rows if learning is None else rows[learning], None)
        self.scoring_ = scoring_of(parts, self._model())
        known = self._as_fitted(X, rows)
        neighbors = None
        if "neighbors" in parts:
            neighbors = Neighbors.learn(
                rows if deciding is None else rows[learning],
                image_shape=self._image_shape(),
                contamination=self.contamination,
                seed=seed,
            ).prepare()
        score = RowScore.learn(parts, *self._taken(known, rows, learning), neighbors)
        self._cross_fitted = None
        by_part = None
        if self.max_false_positive_rate is None:
            by_part = self._cross_fit(score, rows, learning, seed)
        if by_part is None:
            by_part = score.of_parts(*self._taken(known, rows, None))
        else:
            keys, places = np.unique(row_keys(rows), return_index=True)
            self._cross_fitted = (keys, by_part[places])
        self.row_score_ = score.calibrated(by_part if calibrating is None else by_part[calibrating])
        scores = self.row_score_.combined(by_part)
        self.__dict__.pop("columns_", None)
        if columns is not None:
            self.columns_ = columns
        self.n_samples_seen_ = len(rows)
        self._set_threshold(scores, scores if deciding is None else scores[deciding])
        return self

    def _set_threshold(self, scores: NDArray[np.float64], calibration: NDArray[np.float64]) -> None:
        """Set the threshold, and what depends on it, by scores of all or of held-out samples."""
        if self.max_false_positive_rate is None:
            share = SHARE_BELOW if self.contamination is None else self.contamination
            offset = float(np.percentile(scores, 100 * share))
        else:
            offset = conformal_offset(calibration, self.max_false_positive_rate)
        self.calibration_scores_ = np.sort(calibration) if self.contamination is None else None
        self.decision_scores_ = -scores
        self.labels_ = (scores < offset).astype(np.int64)
        self.threshold_ = -offset
        self.offset_ = offset

    @available_if(lambda self: self._only_compares())  # type: ignore[untyped-decorator]
    def partial_fit(
        self, X: ArrayLike, y: Any = None, *, columns: TableSchema | None = None
    ) -> Self:
        """Add normal samples to those that new ones are compared with.

        The first call is `fit`. Later ones keep the samples of the detector, add the new ones, and
        compute the scores and the threshold again: the result is that of one `fit` to all samples.
        When these are more than `fit` uses (10,000), a uniform choice of all so far is kept, and
        ``labels_`` and ``decision_scores_`` are those of the kept samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Normal samples, at least 2 in the first call.
        y : ignored
        columns : TableSchema, optional
            For the first call; see `fit`.

        Returns
        -------
        self

        Raises
        ------
        AttributeError
            If the detector has an autoencoder, ``contamination`` or ``max_false_positive_rate``,
            which need all samples at once.
        """
        if not self.__sklearn_is_fitted__():
            return self.fit(X, columns=columns)
        rows, neighbors = self._checked(X), self.row_score_.neighbors
        assert neighbors is not None
        names, schema = (getattr(self, n, None) for n in ("feature_names_in_", "columns_"))
        n_seen = self.n_samples_seen_
        self.fit(neighbors.joined_by(rows, n_seen, seed_from(self.random_state)), columns=schema)
        self.n_samples_seen_ = n_seen + len(rows)
        if names is not None:
            self.feature_names_in_ = names
        return self

    def _only_compares(self) -> bool:
        """Return True if nothing but neighbors is fitted, or raise an error that says what is."""
        for name in ("autoencoder", "contamination", "max_false_positive_rate"):
            if getattr(self, name) is not None:
                raise SettingError(
                    f"{name} must be None for partial_fit, which adds neighbors only, got "
                    f"{getattr(self, name)}. Call fit with all samples."
                )
        if needs_autoencoder(self.scoring):
            raise SettingError(
                "scoring must be 'auto' or 'neighbors' for partial_fit, which adds neighbors only, "
                f"got {self.scoring!r}. Call fit with all samples."
            )
        return True

    def _unfitted(self, seed: int) -> BaseEstimator | None:
        """Return the autoencoder to fit, with a seed."""
        if self.autoencoder is None:
            if not needs_autoencoder(self.scoring):
                return None
            shape = None if self.image_shape is None else tuple(self.image_shape)
            return Autoencoder(image_shape=shape, missing=self.missing, random_state=seed)
        autoencoder = clone(self.autoencoder)
        if not isinstance(autoencoder, FrozenEstimator) and autoencoder.random_state is None:
            autoencoder.set_params(random_state=seed)
        return autoencoder

    def _image_shape(self) -> tuple[int, ...] | None:
        """Return the shape of a sample as an image, checked."""
        model = self._model()
        shape = self.image_shape
        if shape is None and model is not None:
            shape = model.image_shape
        check_image_shape(shape, self.n_features_in_)
        return None if shape is None else tuple(int(size) for size in shape)

    def _central_places(self, rows: Rows, autoencoder: BaseAutoencoder) -> Places | None:
        """Return the samples for a robust fit of an autoencoder; None if a column needs all."""
        shape = autoencoder.image_shape if self.image_shape is None else self.image_shape
        assert self.contamination is not None
        places = central_places(rows, self.contamination, shape)
        return places if _has_all_columns(rows[places]) else None

    def _cross_fit(
        self, score: RowScore, rows: Rows, learning: Places | None, seed: int
    ) -> NDArray[np.float64] | None:
        """Return each part's score of each sample by an autoencoder not trained on the sample.

        None if no autoencoder was trained here, or too few samples are left to train one.
        """
        unfitted = self._unfitted(seed)
        if unfitted is None or isinstance(unfitted, FrozenEstimator):
            return None
        if score.parts == ("neighbors",):
            return None
        return cross_fitted(score, unfitted, rows, learning)

    def _taken(
        self, known: ArrayLike, rows: Rows, places: Places | None
    ) -> tuple[BaseAutoencoder | None, ArrayLike, Rows]:
        """Return the arguments of a `RowScore`, for all samples or for some."""
        model = self._model()
        if places is None:
            return model, known, rows
        some = rows[places]
        return model, some if known is rows else _safe_indexing(known, places), some

    def _model(self) -> BaseAutoencoder | None:
        """Return the fitted autoencoder, if there is one."""
        return None if self.autoencoder_ is None else autoencoder_of(self)

    # --- scores and predictions -----------------------------------------------------------------

    def score_samples(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the score of each sample, shape (n_samples,), float64; higher is more normal.

        A training sample has the same score as in ``fit``, to which it did not contribute itself. A
        sample so far out that its score overflows has the score minus infinity.
        """
        check_is_fitted(self)
        scores = self.row_score_.combined(self._scores_by_part(X, self._checked(X)))
        return np.where(np.isnan(scores), -np.inf, scores)

    def _scores_by_part(self, X: ArrayLike, rows: Rows) -> NDArray[np.float64]:
        """Return each part's score of each sample; of a training sample that of ``fit``."""
        by_part = self.row_score_.of_parts(*self._taken(self._as_fitted(X, rows), rows, None))
        if self._cross_fitted is None:
            return by_part
        keys, known = self._cross_fitted
        own = row_keys(rows)
        places = np.minimum(np.searchsorted(keys, own), len(keys) - 1)
        return np.where((keys[places] == own)[:, None], known[places], by_part)

    def decision_function(self, X: ArrayLike) -> NDArray[np.float64]:
        """Return the scores above the threshold, shape (n_samples,); outliers are below zero."""
        return self.score_samples(X) - self.offset_

    def predict(self, X: ArrayLike) -> NDArray[np.int64]:
        """Return +1 for each normal sample and -1 for each outlier, shape (n_samples,)."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def p_values(self, X: ArrayLike) -> NDArray[np.float64]:
        r"""Return the conformal p-value of each sample; small ones are abnormal.

        :math:`(1 + \#\{i: s_i \le s\}) / (n + 1)` with the scores :math:`s_i` of n normal samples.
        The p-value of a new normal sample is at most :math:`\alpha` with probability
        :math:`\alpha` or less, whatever the distribution of the scores. With
        ``max_false_positive_rate``, the n samples are the held-out ones of the threshold, and this
        is exact. Without, they are all training samples with their leave-one-out or cross-fitted
        scores, and it is approximate; those that a ``FrozenEstimator`` was trained on have too high
        scores. To test many samples at once, use
        `utsushi.evaluation.benjamini_hochberg`.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,), float64, in (0, 1]

        Raises
        ------
        SettingError
            If the detector was fitted with ``contamination``, so that no sample is known to be
            normal, or is from a file of a version without p-values.

        References
        ----------
        Bates, Candès, Lei, Romano and Sesia 2023, *Testing for Outliers with Conformal p-Values*,
        https://doi.org/10.1214/22-AOS2244
        """
        check_is_fitted(self)
        calibration = self.calibration_scores_
        if calibration is None:
            reason = f"got contamination={self.contamination}."
            if self.contamination is None:
                reason = "got a detector from a file without their scores. Fit it again."
            raise SettingError(f"p_values needs a detector fitted to normal samples, {reason}")
        not_above = np.searchsorted(calibration, self.score_samples(X), side="right")
        return (1 + not_above) / (len(calibration) + 1)

    def explain(self, X: ArrayLike) -> Explanation:
        r"""Return how much each column adds to the outlyingness of each sample, and what to expect.

        The contributions of a sample add up to its outlyingness, ``-score_samples(X)``, after the
        addition of ``base``. They are computed as follows.

        - ``"neighbors"``, tables: in each view, in proportion to the decrease of the mean distance
          to the nearest training samples when the column is left out; a search per column and
          sample, a few milliseconds. Images: in proportion to squared differences to the nearest
          images, the differences of gradients distributed over the pixels of their cell.
        - Scores of an autoencoder: in proportion to the decrease of the outlyingness when the
          column is replaced by its expected value, which is the one that the autoencoder
          reconstructs as itself, given the other columns. Images: ``"squared-error"`` and
          ``"relative-error"`` in proportion to squared residuals; other scores by replacing
          patches.
        - Several scores: the sum, each in its robust standard units.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            The samples to explain, such as those that `predict` calls outliers.

        Returns
        -------
        Explanation
            ``contributions``, ``values``, ``expected`` and ``spread``, by sample and column.
        """
        check_is_fitted(self)
        rows = self._checked(X)
        schema = getattr(self, "columns_", None)
        shape = self._image_shape()
        return explained(
            self.row_score_,
            self._model(),
            rows,
            self._scores_by_part(X, rows),
            names=column_names(None if shape else schema, self),
            schema=None if shape else schema,
            image_shape=shape,
        )

    def explain_text(self, X: ArrayLike, *, language: str = "en", n_columns: int = 1) -> list[str]:
        """Return a sentence on the columns that contribute most to each sample's outlyingness.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        language : {"en", "ja"}, default="en"
        n_columns : int, default=1

        Returns
        -------
        list of n_samples str
            Such as "price 9,800: expected 310 ± 40 given the other columns"; see `Explanation`.
        """
        return self.explain(X).text(language=language, n_columns=n_columns)

    def anomaly_map(self, X: ArrayLike) -> Rows:
        r"""Return how much each value contributes to the outlyingness of its sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32 for float32 input, else float64
            With an autoencoder :math:`(x - \hat x)^2` in scaled units, so that columns compare; the
            sum over a sample is its squared error. Without one
            :math:`\frac1k \sum_j (x - n_j)^2 / \Vert x - n_j \Vert` over the k nearest training
            samples :math:`n_j`, 5 or with ``contamination`` 20, in units of each column's training
            range, or of pixels; the sum over a sample is its mean distance to them.
        """
        check_is_fitted(self)
        rows = self._checked(X)
        model = self._model()
        if model is None:
            assert self.row_score_.neighbors is not None
            return self.row_score_.neighbors.contributions(rows)
        squares: Rows = np.square(residuals(model, self._as_fitted(X, rows), rows))
        return squares

    def save(self, path: str | Path) -> Path:
        """Write the detector to one safetensors file; `utsushi.load` reads it back."""
        check_is_fitted(self)
        return save(self, path)

    def _to_file(self) -> tuple[dict[str, Any], Tensors]:
        """Return the header and the tensors of the autoencoder, if there is one, and its own."""
        if type(self) is not AnomalyDetector:
            raise SettingError(
                f"{type(self).__name__} cannot be saved, because a detector's file is read as an "
                "AnomalyDetector. Save its autoencoder_, or use AnomalyDetector."
            )
        header: dict[str, Any] = {"versions": library_versions()}
        tensors: Tensors = {}
        model = self._model()
        if model is not None:
            header, tensors = describe(model)
        parameters = {name: getattr(self, name) for name in _IN_FILE}
        if isinstance(self.random_state, np.random.RandomState):
            parameters["random_state"] = None  # its draws have decided the state, which is saved
        own = {
            **{name: value_to_json(name, value) for name, value in parameters.items()},
            "parts": list(self.row_score_.parts),
            "n_features_in": int(self.n_features_in_),
            "feature_names_in": names_to_json(self),
            "offset": self.offset_,
        }
        if hasattr(self, "columns_"):
            own["columns"] = self.columns_.to_json()
        learned: Tensors = dict(self.row_score_.state)
        neighbors = self.row_score_.neighbors
        if neighbors is not None:
            own["neighbors"] = {
                "dtype": neighbors.reference.dtype.name,
                "image_shape": value_to_json("image_shape", neighbors.image_shape),
                "is_robust": neighbors.is_robust,
                "n_samples_seen": self.n_samples_seen_,
            }
            learned |= {f"neighbors.{name}": value for name, value in neighbors.state().items()}
        if self.calibration_scores_ is not None:
            learned["calibration_scores"] = self.calibration_scores_
        if self._cross_fitted is not None:
            keys, scores = self._cross_fitted
            learned |= {"cross_fitted.keys": keys, "cross_fitted.scores": scores}
        tensors = tensors | {f"detector.{name}": value for name, value in learned.items()}
        return header | {"detector": own}, tensors

    @classmethod
    def _from_file(cls, header: dict[str, Any], tensors: Tensors, classes: OwnClasses) -> Self:
        """Build a detector around its fitted autoencoder, if it has one."""
        own, learned = header["detector"], under("detector.", tensors)
        model = None
        if "class" in header:
            others = {n: t for n, t in tensors.items() if not n.startswith("detector.")}
            model = autoencoder_from_file(header, others, classes)
        # A parameter that is missing is newer than the file, and has its default.
        parameters = {name: value_from_json(name, own[name]) for name in _IN_FILE if name in own}
        detector = cls(None if model is None else clone(model), **parameters)
        detector._validate_params()
        n_features = own["n_features_in"] if model is None else model.n_features_in_
        detector.n_features_in_ = in_range("n_features_in", n_features, 1, 2**31)
        parts = parts_of(tuple(own.get("parts", ["auto"])), model)
        shapes = RowScore.expected_state(parts, 0 if model is None else model.n_components)
        expected: dict[str, Expected] = {name: ("float64", shape) for name, shape in shapes.items()}
        neighbors = None
        if "neighbors" in parts:
            dtype = {"float32": "float32", "float64": "float64"}[own["neighbors"]["dtype"]]
            in_file = Neighbors.expected_state(detector.n_features_in_, dtype)
            expected |= {f"neighbors.{name}": what for name, what in in_file.items()}
        if "cross_fitted.keys" in learned:
            expected["cross_fitted.keys"] = ("float64", (None,))
            expected["cross_fitted.scores"] = ("float64", (None, len(parts)))
        if "calibration_scores" in learned:  # older files have none
            expected["calibration_scores"] = ("float64", (None,))
        check_tensors(learned, expected)
        if "neighbors" in parts:
            shape = value_from_json("image_shape", own["neighbors"]["image_shape"])
            check_image_shape(shape, detector.n_features_in_)
            is_robust = bool(own["neighbors"]["is_robust"])
            neighbors = Neighbors.restore(under("neighbors.", learned), shape, is_robust=is_robust)
        state = {name: learned[name] for name in shapes}
        detector.row_score_ = RowScore.restore(parts, state, neighbors)
        detector.autoencoder_ = model
        detector.scoring_ = scoring_of(parts, model)
        detector._cross_fitted = None
        if "cross_fitted.keys" in learned:
            keys, scores = learned["cross_fitted.keys"], learned["cross_fitted.scores"]
            if len(keys) != len(scores) or (np.diff(keys) <= 0).any():
                raise ValueError("the cross-fitted scores do not fit their keys")
            detector._cross_fitted = (keys, scores)
        detector.n_samples_seen_ = 0 if neighbors is None else len(neighbors.reference)
        if neighbors is not None and "n_samples_seen" in own["neighbors"]:
            seen = own["neighbors"]["n_samples_seen"]
            detector.n_samples_seen_ = in_range("n_samples_seen", seen, 2, 2**62)
        detector._restore_threshold(own, learned)
        restore_names(detector, own["feature_names_in"])
        if "columns" in own:
            detector.columns_ = columns_from_json(own["columns"], detector.n_features_in_)
        return detector

    def _restore_threshold(self, own: dict[str, Any], learned: Tensors) -> None:
        """Restore the threshold and the scores that p-values compare with."""
        self.calibration_scores_ = learned.get("calibration_scores")
        if self.calibration_scores_ is not None and (np.diff(self.calibration_scores_) < 0).any():
            raise ValueError("the calibration scores are not sorted")
        if not math.isfinite(own["offset"]):
            raise ValueError(f"the offset is {own['offset']!r}")
        self.offset_ = float(own["offset"])
        self.threshold_ = -self.offset_

    def _checked(self, X: ArrayLike, *, reset: bool = False) -> Rows:
        """Return checked samples, some of whose values may be missing."""
        return checked_rows(self, X, reset=reset, allow_missing=self._may_miss())

    def _may_miss(self) -> bool:
        """Tell whether NaN is a missing value."""
        owner = self if self.autoencoder is None else autoencoder_of(self.autoencoder)
        return bool(owner.missing == "mask")

    def _as_fitted(self, X: ArrayLike, rows: Rows) -> ArrayLike:
        """Return samples as the autoencoder takes them: a frozen one may have column names."""
        return X if hasattr(self.autoencoder_, "feature_names_in_") else rows

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "offset_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._may_miss()
        return tags


# --- held-out samples and cross-fitting --------------------------------------------------------


def split_for_rate(
    rate: float, n_rows: int, *, share: float | None, n_parts: int, seed: int
) -> tuple[Places, Places, Places]:
    """Return the indices of the samples to fit to, to calibrate on, and to set the threshold by.

    The samples that set the threshold must be as new to the score as future samples. No more of
    them are used than the rank of the threshold needs; see `fewest_of_rank`.

    Parameters
    ----------
    rate : float in (0, 1)
        The largest false-positive rate.
    n_rows : int
    share : float in (0, 1), optional
        The share of the samples to hold out. None holds out all, for a score without fitted state.
    n_parts : int
        The number of parts of the score; several are calibrated on half of the held-out samples.
    seed : int

    Raises
    ------
    SettingError
        If too few samples can be held out.
    """
    held_share = 1.0 if share is None else share
    n_held_out = n_to_hold_out(n_rows, held_share)
    jobs = 1 if n_parts == 1 else 2
    n_deciding = n_held_out // jobs
    needed = math.ceil(1 / rate - 1e-9) - 1
    if n_deciding < needed:
        raise SettingError(
            f"max_false_positive_rate={rate} needs {needed} held-out samples for the "
            f"threshold, got {n_deciding} of {n_rows} samples. Give at least "
            f"{math.ceil(jobs * needed / held_share)} samples, or a larger rate"
            + ("." if share is None else " or holdout_fraction.")
        )
    if share is not None or jobs > 1:  # else the samples left over would be of no use
        n_deciding = fewest_of_rank(rate, n_deciding)
        n_held_out = n_deciding if jobs == 1 else n_held_out
    order = numpy_generator(seed, Purpose.SPLIT, 1).permutation(n_rows)
    held_out, others = order[:n_held_out], np.sort(order[n_held_out:])
    return others, held_out[n_deciding:], held_out[:n_deciding]


def cross_fitted(
    score: RowScore, unfitted: BaseEstimator, rows: Rows, learning: Places | None = None
) -> NDArray[np.float64] | None:
    """Return each part's score of each sample by an autoencoder not trained on the sample.

    Parameters
    ----------
    score : RowScore
    unfitted : estimator
        The autoencoder to clone and fit.
    rows : ndarray of shape (n, D)
    learning : ndarray of shape (m,), optional
        The places of the samples to train on, by default all.

    Returns
    -------
    ndarray of shape (n, parts), or None if too few samples are left to train an autoencoder
    """
    # Equal samples must be in one fold, or one is scored by an autoencoder trained on the other.
    fold = np.unique(row_keys(rows), return_inverse=True)[1] % N_FOLDS
    may_learn = np.isin(np.arange(len(rows)), learning) if learning is not None else True
    by_part = np.empty((len(rows), len(score.parts)))
    for number in range(N_FOLDS):
        to_score = np.flatnonzero(fold == number)
        to_learn = np.flatnonzero((fold != number) & may_learn)
        learned: Any = TrainingData(rows).only(to_learn).rows
        if len(to_score) == 0 or len(to_learn) < 2 or not _has_all_columns(learned):
            return None
        model: Any = clone(unfitted).fit(learned)
        part = RowScore.learn(score.parts, model, learned, learned, score.neighbors)
        scored = rows[to_score]
        by_part[to_score] = part.of_parts(model, scored, scored)
    return by_part


def _has_all_columns(rows: AnyRows) -> bool:
    """Tell whether every column has a value."""
    seen = np.zeros(rows.shape[1], dtype=bool)
    for block in row_blocks(rows):
        seen |= ~np.isnan(block).all(axis=0)
    return bool(seen.all())
