"""The scores of the anomaly detector, and what each learns from training samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from utsushi._utils.seeds import Purpose, numpy_generator
from utsushi.estimators.base import BaseAutoencoder
from utsushi.estimators.neighbors import Neighbors
from utsushi.estimators.rows import Rows
from utsushi.exceptions import SettingError
from utsushi.samplers import Mixture

__all__ = [
    "LEARNING",
    "PARTS",
    "SCORES",
    "RowScore",
    "conformal_offset",
    "fewest_of_rank",
    "needs_autoencoder",
    "parts_of",
    "residuals",
    "scoring_of",
]

Scores = NDArray[np.float64]

#: The single scores; `AnomalyDetector` documents them.
PARTS = (
    *("auto", "neighbors"),
    *("squared-error", "relative-error", "bound", "mahalanobis", "code-density"),
)

#: The scores that are fitted to samples, in addition to the autoencoder.
LEARNING = frozenset({"neighbors", "relative-error", "mahalanobis", "code-density"})

#: The scores of ``scoring="combined"``.
COMBINED = ("auto", "mahalanobis")

#: The names that the parameter ``scoring`` takes.
SCORES = (*PARTS, "combined")

#: The share of the training samples' mean size below which a sample does not count as smaller.
_LEAST_SIZE = 0.01

#: The share of the mean variance of a code that is added to each of its directions.
_LEAST_VARIANCE = 1e-3

#: The share of the largest code below which a component's spread is rounding error.
_ROUNDING = 1e-6

#: State that may have any sign; the rest, of factors the diagonals, is above zero.
_ANYWHERE = frozenset({"mahalanobis.mean", "density.means", "centre"})

#: Makes the median absolute deviation of normal numbers their standard deviation.
_MAD_TO_DEVIATION = 1.4826


def parts_of(scoring: Any, model: BaseAutoencoder | None) -> tuple[str, ...]:
    """Return the single scores that ``scoring`` names, checked against the autoencoder, if any.

    Raises
    ------
    SettingError
        If a name is unknown or there is none, or the autoencoder has no such score.

    Examples
    --------
    >>> from utsushi import Autoencoder
    >>> parts_of("combined", Autoencoder())
    ('auto', 'mahalanobis')
    >>> parts_of("auto", None)
    ('neighbors',)
    """
    if model is None:
        return ("neighbors",)
    if getattr(model, "conditional", False):
        raise SettingError(
            f"conditional must be False for a detector, because a new sample has no class, got a "
            f"{type(model).__name__} with conditional=True. Train another model for anomalies."
        )
    if isinstance(scoring, str):
        parts = COMBINED if scoring == "combined" else (scoring,)
    else:
        parts = tuple(scoring)
    named = all(isinstance(part, str) for part in parts)
    if not (parts and named and len(set(parts)) == len(parts) and set(parts) <= set(PARTS)):
        raise SettingError(
            f"scoring must be 'combined', one of {', '.join(PARTS)}, or a tuple of different ones "
            f"of these, got {scoring!r}."
        )
    if "bound" in parts and not _has_bound(model):
        raise SettingError(
            f"scoring must be without 'bound' for a {type(model).__name__}, which has no bound on "
            f"log p(x), got {scoring!r}. Choose scoring='squared-error', or fit a "
            "VariationalAutoencoder."
        )
    return parts


def needs_autoencoder(scoring: Any) -> bool:
    """Tell whether a score needs an autoencoder."""
    return scoring not in ("auto", "neighbors", ("auto",), ("neighbors",), ["auto"], ["neighbors"])


def scoring_of(parts: tuple[str, ...], model: BaseAutoencoder | None) -> str | tuple[str, ...]:
    """Return the score of these parts, with "auto" replaced by the name of the score it means.

    Examples
    --------
    >>> from utsushi import VariationalAutoencoder
    >>> scoring_of(("auto", "mahalanobis"), VariationalAutoencoder())
    ('bound', 'mahalanobis')
    """
    own = "bound" if _has_bound(model) else "squared-error"
    names = tuple(own if part == "auto" else part for part in parts)
    return names[0] if len(names) == 1 else names


def _has_bound(model: BaseAutoencoder | None) -> bool:
    """Tell whether the score of a model is a bound on log p(x)."""
    return hasattr(model, "log_likelihood")


def conformal_offset(scores: Scores, rate: float) -> float:
    r"""Return the threshold that new normal samples fall below with probability ``rate`` at most.

    It is the k-th smallest of the scores of n normal samples,
    :math:`k = \lfloor \mathrm{rate}\,(n+1) \rfloor`. The rank of a new normal sample's score among
    all n + 1 is uniform, so it lies below with probability :math:`k / (n+1) \le \mathrm{rate}`,
    over the draw of the n samples and of the new one, for any distribution of the scores.

    Parameters
    ----------
    scores : ndarray of shape (n,)
        Of normal samples that nothing else was fitted to.
    rate : float in (0, 1)

    References
    ----------
    Laxhammar and Falkman 2010, *Conformal Prediction for Distribution-Independent Anomaly
    Detection in Streaming Vessel Data*, https://doi.org/10.1145/1833280.1833287

    Examples
    --------
    >>> conformal_offset(np.array([5.0, 1.0, 4.0, 2.0]), rate=0.4)  # k = 2
    2.0
    """
    k = _rank_for_rate(rate, len(scores))
    return float(np.partition(scores, k - 1)[k - 1])


def fewest_of_rank(rate: float, n_scores: int) -> int:
    r"""Return the fewest scores of which `conformal_offset` takes the same rank as of ``n_scores``.

    More of them make the expected rate :math:`k / (n+1)` smaller than the given one, and so the
    detector less sensitive.

    Examples
    --------
    >>> fewest_of_rank(0.01, 165), fewest_of_rank(0.01, 200), fewest_of_rank(0.3, 5)
    (99, 199, 3)
    """
    return math.ceil(_rank_for_rate(rate, n_scores) / rate - 1e-9) - 1


def _rank_for_rate(rate: float, n_scores: int) -> int:
    return math.floor(rate * (n_scores + 1) + 1e-9)  # 0.29 * 100 is 28.999…


def residuals(model: BaseAutoencoder, X: ArrayLike, rows: Rows) -> Rows:
    """Return the residual of each value of each sample, in scaled units.

    Parameters
    ----------
    model : fitted autoencoder
    X : array-like of shape (n, D)
        The samples as the model takes them, with names if it has any.
    rows : ndarray of shape (n, D)
        The same samples, checked.
    """
    differences: Rows = (rows - model.reconstruct(X)) / model.scaling_.scale.astype(rows.dtype)
    differences[np.isnan(rows)] = 0  # a missing value has no residual
    return differences


@dataclass(frozen=True)
class RowScore:
    """A score of one part or several, with its fitted state.

    Attributes
    ----------
    parts : tuple of str
        Of `PARTS`.
    state : dict of str to ndarray, float64
        The fitted arrays, by name: ``least_size`` (1,); ``mahalanobis.mean`` (H,) and
        ``mahalanobis.factor`` (H, H); ``density.weights`` (K,), ``density.means`` (K, H) and
        ``density.factors`` (K, H, H); ``centre`` and ``spread``, a number a part, where there are
        several. Factors are lower Cholesky factors of covariances.
    neighbors : Neighbors or None
        The fitted part of that name.

    Examples
    --------
    >>> from utsushi import Autoencoder
    >>> X = np.random.default_rng(0).random((50, 4))
    >>> model = Autoencoder(n_components=2, hidden=(8,), random_state=0).fit(X)
    >>> score = RowScore.learn(("squared-error", "mahalanobis"), model, X, X)
    >>> score.calibrated(score.of_parts(model, X, X))(model, X, X).shape
    (50,)
    """

    parts: tuple[str, ...]
    state: dict[str, NDArray[np.float64]]
    neighbors: Neighbors | None = None

    @classmethod
    def learn(
        cls,
        parts: tuple[str, ...],
        model: BaseAutoencoder | None,
        X: ArrayLike,
        rows: Rows,
        neighbors: Neighbors | None = None,
    ) -> Self:
        """Fit the parts to samples, most of them normal; the neighbors are fitted already."""
        state: dict[str, NDArray[np.float64]] = {}
        if model is None:
            return cls(parts, state, neighbors)
        if "relative-error" in parts:
            least = _LEAST_SIZE * _sizes_of(model, rows).mean()
            state["least_size"] = np.array([least if least > 0 else 1.0])
        if {"mahalanobis", "code-density"} & set(parts):
            codes = _without_rounding(_codes(model, X))
        if "mahalanobis" in parts:
            state["mahalanobis.mean"] = codes.mean(axis=0)
            state["mahalanobis.factor"] = _covariance_factor(codes)
        if "code-density" in parts:
            mixture = Mixture().fit(codes, numpy_generator(model.seed_, Purpose.SAMPLER, 1))
            state |= {f"density.{name[:-1]}": value for name, value in mixture.state().items()}
        return cls(parts, state, neighbors)

    def calibrated(self, scores: Scores) -> Self:
        """Fit the medians and deviations of the parts' scores to those of normal samples."""
        if len(self.parts) == 1:
            return self
        centre = np.median(scores, axis=0)
        spread = _MAD_TO_DEVIATION * np.median(np.abs(scores - centre), axis=0)
        spread = np.where(spread > 0, spread, scores.std(axis=0))
        spread = np.where(spread > 0, spread, 1.0)
        return replace(self, state={**self.state, "centre": centre, "spread": spread})

    def __call__(self, model: BaseAutoencoder | None, X: ArrayLike, rows: Rows) -> Scores:
        """Return the score of each sample, shape (n,), float64; higher is more normal."""
        return self.combined(self.of_parts(model, X, rows))

    def combined(self, scores: Scores) -> Scores:
        """Return the score of each sample from those of its parts, shape (n, parts)."""
        if len(self.parts) == 1:
            return scores[:, 0]
        total: Scores = ((scores - self.state["centre"]) / self.state["spread"]).sum(axis=1)
        return total

    def units_of(self, place: int) -> tuple[float, float]:
        """Return the median and the deviation of a part's score, 0 and 1 for a single part."""
        if len(self.parts) == 1:
            return 0.0, 1.0
        return float(self.state["centre"][place]), float(self.state["spread"][place])

    def of_parts(self, model: BaseAutoencoder | None, X: ArrayLike, rows: Rows) -> Scores:
        """Return each part's score of each sample, shape (n, parts)."""
        return np.stack([self.part(name, model, X, rows) for name in self.parts], axis=1)

    def part(self, name: str, model: BaseAutoencoder | None, X: ArrayLike, rows: Rows) -> Scores:
        """Return one part's score of each sample, shape (n,)."""
        if name == "neighbors":
            assert self.neighbors is not None
            return -self.neighbors(rows)
        assert model is not None
        match name:
            case "squared-error":
                return -_squared_norms(residuals(model, X, rows))
            case "relative-error":
                errors = _squared_norms(residuals(model, X, rows))
                return -errors / (_sizes_of(model, rows) + self.state["least_size"])
            case "mahalanobis":
                mean, factor = self.state["mahalanobis.mean"], self.state["mahalanobis.factor"]
                return -_squared_distances(_codes(model, X), mean, factor)
            case "code-density":
                return self._log_density(_codes(model, X))
            case _:  # "auto" is the model's own, and so is "bound", which is checked for
                return np.asarray(model.score_samples(X), dtype=np.float64)

    def _log_density(self, codes: NDArray[np.float64]) -> Scores:
        """Return the log density (n,) of codes under the mixture, in nats."""
        weights, factors = self.state["density.weights"], self.state["density.factors"]
        distances = [
            _squared_distances(codes, mean, factor)
            for mean, factor in zip(self.state["density.means"], factors, strict=True)
        ]
        log_volumes = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
        constants = log_volumes + 0.5 * codes.shape[1] * math.log(2 * math.pi)
        log_weights = np.log(weights / weights.sum())
        terms = log_weights - constants - 0.5 * np.stack(distances, axis=1)
        total: Scores = np.logaddexp.reduce(terms, axis=1)
        return total

    @classmethod
    def restore(
        cls,
        parts: tuple[str, ...],
        state: Mapping[str, NDArray[np.float64]],
        neighbors: Neighbors | None = None,
    ) -> Self:
        """Restore the state that a file holds; raise ``ValueError`` for an impossible one."""
        for name, value in state.items():
            lengths = np.diagonal(value, axis1=-2, axis2=-1) if "factor" in name else value
            if name not in _ANYWHERE and not (lengths > 0).all():
                raise ValueError(f"{name!r} is not above zero")
        if len({len(value) for name, value in state.items() if name.startswith("density.")}) > 1:
            raise ValueError("the parts of the density do not fit together")
        return cls(parts, dict(state), neighbors)

    @staticmethod
    def expected_state(parts: tuple[str, ...], n_codes: int) -> dict[str, tuple[int | None, ...]]:
        """Return the shapes of the state; None is any length from one on."""
        shapes: dict[str, tuple[int | None, ...]] = {}
        if "relative-error" in parts:
            shapes |= {"least_size": (1,)}
        if "mahalanobis" in parts:
            shapes |= {"mahalanobis.mean": (n_codes,), "mahalanobis.factor": (n_codes, n_codes)}
        if "code-density" in parts:
            mixture = Mixture().expected_state(n_codes)
            shapes |= {f"density.{name[:-1]}": shape for name, shape in mixture.items()}
        if len(parts) > 1:
            shapes |= {"centre": (len(parts),), "spread": (len(parts),)}
        return shapes


def _codes(model: BaseAutoencoder, X: ArrayLike) -> NDArray[np.float64]:
    return np.asarray(model._vectors(X), dtype=np.float64)


def _squared_norms(rows: Rows) -> Scores:
    """Return the sum of squares of each sample, added up in float64."""
    norms: Scores = np.einsum("nd,nd->n", rows, rows, dtype=np.float64)
    return norms


def _sizes_of(model: BaseAutoencoder, rows: Rows) -> Scores:
    """Return the sum of squares of each sample in scaled units, but from the input's own zero."""
    known = np.where(np.isnan(rows), 0, rows)
    return _squared_norms(known / model.scaling_.scale.astype(rows.dtype))


def _without_rounding(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return codes in which components that vary by rounding alone are constant."""
    constant = np.ptp(codes, axis=0) <= _ROUNDING * np.abs(codes).max()
    return np.where(constant, codes[0], codes)


def _covariance_factor(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the Cholesky factor (H, H) of a covariance that is shrunk and never singular."""
    from sklearn.covariance import LedoitWolf  # late, because it is rarely needed

    covariance = LedoitWolf().fit(codes).covariance_
    mean_variance = np.trace(covariance) / len(covariance)
    if mean_variance == 0:  # all codes are equal
        return np.eye(len(covariance))
    covariance = covariance + _LEAST_VARIANCE * mean_variance * np.eye(len(covariance))
    factor: NDArray[np.float64] = np.linalg.cholesky(covariance)
    return factor


def _squared_distances(
    codes: NDArray[np.float64], mean: NDArray[np.float64], factor: NDArray[np.float64]
) -> Scores:
    """Return the squared Mahalanobis distance (n,) of codes (n, H) from a mean."""
    whitened = np.linalg.solve(factor, (codes - mean).T)
    distances: Scores = np.square(whitened).sum(axis=0)
    return distances
