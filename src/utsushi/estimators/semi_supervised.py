"""The semi-supervised variational autoencoder."""

from __future__ import annotations

from dataclasses import replace
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import ClassifierTags
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from utsushi.estimators.conditions import as_labels
from utsushi.estimators.parameters import estimator
from utsushi.estimators.rows import Rows, TrainingData, scanned
from utsushi.estimators.variational import Score, VariationalAutoencoder
from utsushi.exceptions import DataError, SettingError
from utsushi.networks.base import as_sizes
from utsushi.networks.dense import NARROWEST, dense_layers
from utsushi.objectives import Source
from utsushi.objectives.semi_supervised import SemiSupervisedObjective

__all__ = ["SemiSupervisedVariationalAutoencoder"]

#: The label of a sample whose class is unknown, as scikit-learn has it.
UNLABELLED = -1


@estimator
class SemiSupervisedVariationalAutoencoder(VariationalAutoencoder):
    r"""Variational autoencoder that learns classes from a few labelled samples (M2).

    A classifier :math:`q(y \mid x)` is trained together with a conditional variational autoencoder:
    labelled samples train both, and the bound of an unlabelled sample is the mean over the classes,
    weighted by the classifier's probabilities.

    Parameters
    ----------
    classification : float >= 0, default=100.0
        :math:`\alpha`, the weight of :math:`\log q(y \mid x)` of a labelled sample.
    labelled_weight : float >= 1 or None, default=None
        How many times a labelled sample counts. With None, all labelled samples together count half
        as much as all others, and each at least once.
    conditional : bool, default=True
        Must be True: the decoder is conditioned on the class.

    Attributes
    ----------
    classes_ : Classes
        The ``labels`` of the classes and their ``shares`` of the labelled samples.

    References
    ----------
    Kingma, Rezende, Mohamed and Welling 2014, *Semi-Supervised Learning with Deep Generative
    Models*, https://arxiv.org/abs/1406.5298

    Examples
    --------
    >>> from utsushi import SemiSupervisedVariationalAutoencoder, datasets
    >>> digits = datasets.load_digits8x8()
    >>> y = digits.y_train.copy()
    >>> y[200:] = -1  # unlabelled
    >>> model = SemiSupervisedVariationalAutoencoder(4, hidden=(64,), random_state=0)
    >>> model.fit(digits.X_train, y).predict(digits.X_test).shape
    (360,)
    >>> bool((model.predict(digits.X_test) == digits.y_test).mean() > 0.8)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **VariationalAutoencoder._parameter_constraints,
        "classification": [Interval(Real, 0, None, closed="left")],
        "labelled_weight": [Interval(Real, 1, None, closed="left"), None],
    }

    conditional: bool = True
    classification: float = 100.0
    labelled_weight: float | None = None

    # --- fit ------------------------------------------------------------------------------------

    def _check_settings(self) -> None:
        super()._check_settings()
        if not self.conditional:
            raise SettingError("conditional must be True for a semi-supervised model, got False.")
        if self.objective != "elbo":
            raise SettingError(
                f"objective must be 'elbo' for a semi-supervised model, got {self.objective!r}."
            )

    def _known_labels(self, y: Any, n_rows: int) -> NDArray[Any]:
        labels, is_labelled = _labels(y, n_rows)
        if not is_labelled.any():
            raise DataError("y must have a class for some samples, got -1 for all.")
        return labels[is_labelled]

    def _condition_of(self, y: Any, n_rows: int) -> NDArray[np.float32]:
        """Return the conditions (n, C), zero where the class is unknown."""
        labels, is_labelled = _labels(y, n_rows)
        condition = np.zeros((n_rows, len(self.classes_.labels)), dtype=np.float32)
        observed = labels[is_labelled]
        condition[is_labelled] = self.classes_.one_hot(observed, len(observed))
        return condition

    def _other_parts(self) -> dict[str, nn.Module]:
        hidden = as_sizes(NARROWEST if self.hidden is None else self.hidden)
        widths = [self.n_features_in_, *hidden, self._n_conditions]
        return {**super()._other_parts(), "classifier": dense_layers(widths)}

    @property
    def _is_least_squares(self) -> bool:
        return False  # the unlabelled samples weigh the reconstructions of all classes

    def _objective(self, data: Source) -> SemiSupervisedObjective:
        plain = super()._objective(data)
        conditions = [block.condition for block in scanned(data)]
        n_labelled = sum(float(part.sum()) for part in conditions if part is not None)
        weight = self.labelled_weight
        if weight is None:
            weight = max(1.0, 0.5 * (len(data) - n_labelled) / max(n_labelled, 1))
        return SemiSupervisedObjective(
            plain.likelihood,
            plain.bound,
            plain.beta,
            plain.target,
            log_shares=torch.tensor(self.classes_.shares, dtype=torch.float32).log(),
            classification=float(self.classification),
            labelled_weight=float(weight),
        )

    def _completed(self, data: TrainingData) -> TrainingData:
        """Return samples with the predicted class where they have none."""
        assert data.condition is not None
        condition = data.condition.copy()
        unknown = condition.sum(axis=1) == 0
        if unknown.any():
            best = self._log_probabilities(np.asarray(data.rows)[unknown]).argmax(axis=1)
            condition[np.flatnonzero(unknown), best] = 1.0
        return replace(data, condition=condition)

    def _fit_sampler(self, data: TrainingData) -> None:
        super()._fit_sampler(self._completed(data))

    def _warn_of_a_poor_fit(self, training: TrainingData) -> None:
        super()._warn_of_a_poor_fit(self._completed(training))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags = ClassifierTags()  # of predict_proba; it is a transformer, too
        return tags

    # --- inference ------------------------------------------------------------------------------

    def predict_proba(self, X: ArrayLike) -> NDArray[np.floating[Any]]:
        r"""Return :math:`q(y \mid x)` of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float32 for float32 input, else float64
            In the order of ``classes_.labels``.
        """
        check_is_fitted(self)
        rows = self._checked(X)
        return np.exp(self._log_probabilities(rows)).astype(rows.dtype, copy=False)

    def predict(self, X: ArrayLike) -> NDArray[Any]:
        """Return the most probable class of each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels as they were given to `fit`.
        """
        best = self.predict_proba(X).argmax(axis=1)
        labels: NDArray[Any] = self.classes_.labels[best]
        return labels

    def inverse_transform(self, Z: ArrayLike, y: ArrayLike | None = None) -> Rows:
        r"""Decode codes; without ``y`` into the mean over the classes.

        A code does not say the class. Without one, the mean of :math:`p(x \mid z)` is
        :math:`\sum_y p(y)\, E[x \mid z, y]`, with the shares of the classes as :math:`p(y)`.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_components)
        y : a class, or array-like of shape (n_samples,), optional

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32 for float32 input, else float64
            Samples in the units of the input.
        """
        if y is not None:
            return super().inverse_transform(Z, y)
        check_is_fitted(self)
        decode, classes = super().inverse_transform, self.classes_
        shares = zip(classes.shares.tolist(), classes.labels, strict=True)
        mean: Rows = np.sum([share * decode(Z, label) for share, label in shares], axis=0)
        return mean

    def reconstruct(
        self,
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        sample: bool = False,
        random_state: int | np.random.RandomState | None = None,
    ) -> Rows:
        """Encode samples and decode their codes; without ``y`` by the predicted classes.

        See `VariationalAutoencoder.reconstruct`.
        """
        y = self.predict(X) if y is None else y
        return super().reconstruct(X, y, sample=sample, random_state=random_state)

    def _bound(
        self, X: ArrayLike, y: ArrayLike | None, bound: Score, n_draws: int
    ) -> NDArray[np.floating[Any]]:
        return super()._bound(X, self.predict(X) if y is None else y, bound, n_draws)

    def _log_probabilities(self, rows: Rows) -> NDArray[np.float32]:
        def log_q(x: Tensor, _: Rows) -> Tensor:
            return torch.log_softmax(self.module_.classifier(x), dim=-1)

        return self._map(rows, log_q)


def _labels(y: Any, n_rows: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return labels, and which samples have one."""
    values = np.asarray(y)
    if y is not None and values.ndim == 0:
        y = values = np.repeat(values, n_rows)
    if values.shape != (n_rows,):
        return as_labels(y, n_rows), np.ones(n_rows, bool)  # which refuses it
    unlabelled = np.array([label in (UNLABELLED, str(UNLABELLED)) for label in values.tolist()])
    observed = as_labels(values[~unlabelled].tolist(), int((~unlabelled).sum()))
    labels = np.zeros(n_rows, dtype=observed.dtype)
    labels[~unlabelled] = observed
    return labels, ~unlabelled
