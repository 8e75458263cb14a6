"""Codes from a mixture of Gaussians."""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.mixture import GaussianMixture
from sklearn.utils._param_validation import Interval

from utsushi.samplers.base import Codes, Sampler

__all__ = ["Mixture"]


class Mixture(Sampler):
    """scikit-learn's `GaussianMixture` with full covariances, fitted to the training codes.

    The codes of an autoencoder lie in clusters with empty space between; one Gaussian over all of
    them decodes that empty space too. Ghosh et al. 2020 measured what a mixture mends,
    https://arxiv.org/abs/1903.12436

    Parameters
    ----------
    n_components : int >= 1, default=10
        The number of Gaussians. At most half the number of training rows is used, so that each
        has rows to learn from, and no more than there are distinct codes.

    Attributes
    ----------
    weights_ : ndarray of shape (K,)
    means_ : ndarray of shape (K, H)
    factors_ : ndarray of shape (K, H, H)
        Lower Cholesky factors of the covariances.

    Examples
    --------
    >>> codes = np.random.default_rng(0).standard_normal((200, 2))
    >>> mixture = Mixture(n_components=3).fit(codes, np.random.default_rng(0))
    >>> mixture.sample(5, np.random.default_rng(0)).shape
    (5, 2)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "n_components": [Interval(Integral, 1, None, closed="left")]
    }

    def __init__(self, n_components: int = 10) -> None:
        self.n_components = n_components

    def fit(self, codes: Codes, generator: np.random.Generator) -> Self:
        """Run expectation-maximization from one seeded start."""
        self._validate_params()
        # In units of the codes' own spread, so that the regularization of the covariances means
        # the same for codes of any size.
        centre, spread = codes.mean(axis=0), codes.std(axis=0)
        spread[spread == 0] = 1.0
        n_distinct = len(np.unique(codes, axis=0))
        mixture = GaussianMixture(
            n_components=min(self.n_components, max(1, len(codes) // 2), n_distinct),
            reg_covar=1e-4,
            max_iter=500,
            random_state=int(generator.integers(2**31)),
        )
        # With the array API switched on, GaussianMixture refuses its own default start.
        with config_context(array_api_dispatch=False):
            mixture.fit((codes - centre) / spread)
        self.weights_ = mixture.weights_
        self.means_ = centre + spread * mixture.means_
        self.factors_ = spread[:, None] * np.linalg.cholesky(mixture.covariances_)
        return self

    def sample(self, n_samples: int, generator: np.random.Generator) -> Codes:
        """Draw a Gaussian by weight for each code, then the code."""
        # Weights from a file are a rounding away from a sum of one.
        chosen = generator.choice(
            len(self.weights_), size=n_samples, p=self.weights_ / self.weights_.sum()
        )
        noise = generator.standard_normal((n_samples, self.means_.shape[1]))
        codes: Codes = self.means_[chosen] + np.einsum("nij,nj->ni", self.factors_[chosen], noise)
        return codes

    def restore(self, state: dict[str, NDArray[Any]]) -> Self:
        """Take back what `state` gave; parts that do not fit together are a ``ValueError``."""
        if len({len(part) for part in state.values()}) != 1 or (state["weights_"] < 0).any():
            raise ValueError("the parts of the mixture do not fit together")
        return super().restore(state)

    def expected_state(self, n_codes: int) -> dict[str, tuple[int | None, ...]]:
        """Return the shapes of the state."""
        return {
            "weights_": (None,),
            "means_": (None, n_codes),
            "factors_": (None, n_codes, n_codes),
        }
