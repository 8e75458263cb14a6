"""Sample codes from one Gaussian: the model's prior, or the moments of the training codes."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np

from utsushi.samplers.base import Codes, Sampler

__all__ = ["Gaussian", "Prior"]


class Prior(Sampler):
    """Sample from the prior: N(0, I), or the model's learned prior.

    For a learned prior see, for example, `utsushi.distributions.VampPrior`.

    Parameters
    ----------
    temperature : float >= 0, default=1.0
        See `Sampler`.

    Examples
    --------
    >>> prior = Prior().fit(np.zeros((3, 2)), np.random.default_rng(0))
    >>> prior.sample(5, np.random.default_rng(0)).shape
    (5, 2)
    """

    asks_for_codes: ClassVar[bool] = False

    def fit(self, codes: Codes, generator: np.random.Generator) -> Self:
        """Store the number of components."""
        self._validate_params()
        self.mean_ = np.zeros(codes.shape[1])
        return self

    def sample(self, n_samples: int, generator: np.random.Generator) -> Codes:
        """Draw from N(0, I)."""
        return self.temperature * generator.standard_normal((n_samples, len(self.mean_)))

    def expected_state(self, n_codes: int) -> dict[str, tuple[int | None, ...]]:
        """Return the shapes of the state."""
        return {"mean_": (n_codes,)}


class Gaussian(Sampler):
    """Sample from a Gaussian with the mean and covariance of the training codes, as in the lecture.

    Parameters
    ----------
    temperature : float >= 0, default=1.0
        See `Sampler`.

    Attributes
    ----------
    mean_ : ndarray of shape (H,)
    covariance_ : ndarray of shape (H, H)
        With the denominator n - 1, as in ``numpy.cov``.

    Examples
    --------
    >>> codes = np.array([[0.0, 1.0], [2.0, 1.0]])
    >>> Gaussian().fit(codes, np.random.default_rng(0)).mean_
    array([1., 1.])
    """

    def fit(self, codes: Codes, generator: np.random.Generator) -> Self:
        """Fit mean and covariance."""
        self._validate_params()
        self.mean_ = codes.mean(axis=0)
        self.covariance_ = np.atleast_2d(np.cov(codes, rowvar=False))
        return self

    def sample(self, n_samples: int, generator: np.random.Generator) -> Codes:
        """Draw from the Gaussian; components without variance stay at their mean."""
        covariance = self.temperature**2 * self.covariance_
        return generator.multivariate_normal(
            self.mean_, covariance, n_samples, method="eigh", check_valid="ignore"
        )

    def expected_state(self, n_codes: int) -> dict[str, tuple[int | None, ...]]:
        """Return the shapes of the state."""
        return {"mean_": (n_codes,), "covariance_": (n_codes, n_codes)}
