"""Sample codes from a mixture of Gaussians."""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.utils._param_validation import Interval
from threadpoolctl import threadpool_limits
from torch import Tensor

from utsushi.samplers.base import Codes, Sampler

__all__ = ["LADDER", "Mixture"]

#: The numbers of Gaussians that ``n_components=None`` chooses from.
LADDER = (1, 2, 5, 10, 20, 50)

#: The largest number of codes, a random subset, from which that number is chosen.
LADDER_ROWS = 4_000

#: Codes times Gaussians times iterations: the budget of a candidate, and of the selected one.
CANDIDATE_WORK, CHOSEN_WORK = 200_000, 1_600_000


class Mixture(Sampler):
    r"""Fit scikit-learn's `GaussianMixture` with full covariances to the training codes.

    The codes of an autoencoder lie in clusters with empty regions between them, from which one
    Gaussian would sample, too. Ghosh et al. 2020 measure the improvement by a mixture,
    https://arxiv.org/abs/1903.12436

    Parameters
    ----------
    n_components : int >= 1 or None, default=None
        K, the number of Gaussians. None tries 1, 2, 5, 10, 20, 50 while the Bayesian information
        criterion :math:`-2 \log L + p \log n` decreases, p being the number of free parameters;
        Schwarz 1978, https://doi.org/10.1214/aos/1176344136. Each candidate has at least three
        iterations of expectation-maximization on at most 4,000 codes, from which the criterion of
        all n is estimated; the selected one continues with all codes. K is at most half the number
        of training samples, and at most the number of distinct codes.
    temperature : float >= 0, default=1.0
        See `Sampler`. The weights of the Gaussians stay as they are.

    Attributes
    ----------
    weights_ : ndarray of shape (K,)
        The weights; their number is K.
    means_ : ndarray of shape (K, H)
    factors_ : ndarray of shape (K, H, H)
        Lower Cholesky factors of the covariances.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> codes = rng.standard_normal((200, 2)) + rng.choice([-9.0, 9.0], size=(200, 1))
    >>> mixture = Mixture().fit(codes, rng)
    >>> len(mixture.weights_)
    2
    >>> mixture.sample(5, rng).shape
    (5, 2)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Sampler._parameter_constraints,
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
    }

    def __init__(self, n_components: int | None = None, temperature: float = 1.0) -> None:
        super().__init__(temperature)
        self.n_components = n_components

    def fit(self, codes: Codes, generator: np.random.Generator) -> Self:
        """Run expectation-maximization from one random start for each number of Gaussians."""
        self._validate_params()
        # Standardize, so that the regularization of the covariances does not depend on the scale of
        # the codes.
        centre, deviations = codes.mean(axis=0), codes.std(axis=0)
        deviations[deviations == 0] = 1.0
        standardized = (codes - centre) / deviations
        largest = min(max(1, len(codes) // 2), len(np.unique(standardized, axis=0)))
        # With the array API enabled, GaussianMixture rejects its own default initialization. Its
        # products are small: on busy cores, two threads take four times as long as one.
        with (
            config_context(array_api_dispatch=False),
            threadpool_limits(1),
            warnings.catch_warnings(),
        ):
            # Each iteration increases the likelihood, so the mixture is usable without convergence.
            warnings.simplefilter("ignore", ConvergenceWarning)
            if self.n_components is None:
                mixture = _selected_mixture(standardized, largest, generator)
            else:
                n_components = min(self.n_components, largest)
                mixture = _mixture(n_components, _seed(generator), max_iter=500).fit(standardized)
        self.weights_ = mixture.weights_
        self.means_ = centre + deviations * mixture.means_
        self.factors_ = deviations[:, None] * np.linalg.cholesky(mixture.covariances_)
        return self

    def sample(self, n_samples: int, generator: np.random.Generator) -> Codes:
        """Choose a Gaussian by weight for each code, and draw the code from it."""
        # Weights from a file sum to one up to rounding errors.
        chosen = generator.choice(
            len(self.weights_), size=n_samples, p=self.weights_ / self.weights_.sum()
        )
        noise = generator.standard_normal((n_samples, self.means_.shape[1]))
        noise *= self.temperature
        codes: Codes = self.means_[chosen] + np.einsum("nij,nj->ni", self.factors_[chosen], noise)
        return codes

    def log_prob(self, z: Tensor) -> Tensor:
        """Return the log density, shape (...), of codes (..., H)."""
        log_weights, means, factors = (
            torch.as_tensor(values).to(z)
            for values in (np.log(self.weights_ + 1e-300), self.means_, self.factors_)
        )
        centered = (z.unsqueeze(-2) - means).unsqueeze(-1)  # (..., K, H, 1)
        standard = torch.linalg.solve_triangular(factors, centered, upper=False)
        log_det = factors.diagonal(dim1=-2, dim2=-1).log().sum(dim=-1)
        squares = standard.square().sum(dim=(-2, -1))
        constant = 0.5 * z.shape[-1] * np.log(2 * np.pi)
        log_densities: Tensor = log_weights - 0.5 * squares - log_det - constant
        return torch.logsumexp(log_densities, dim=-1)

    def restore(self, state: dict[str, NDArray[Any]]) -> Self:
        """Restore what `state` returned; raise ``ValueError`` for arrays that do not match."""
        if (
            len({len(array) for array in state.values()}) != 1
            or (state["weights_"] < 0).any()
            or not state["weights_"].sum() > 0
        ):
            raise ValueError("the arrays of the mixture do not match")
        return super().restore(state)

    def expected_state(self, n_codes: int) -> dict[str, tuple[int | None, ...]]:
        """Return the shapes of the state."""
        return {
            "weights_": (None,),
            "means_": (None, n_codes),
            "factors_": (None, n_codes, n_codes),
        }


def _selected_mixture(
    codes: Codes, largest: int, generator: np.random.Generator
) -> GaussianMixture:
    """Return the fitted mixture with the lowest BIC on the ladder, up to ``largest`` Gaussians."""
    seed, n_codes = _seed(generator), len(codes)
    subset = codes
    if n_codes > LADDER_ROWS:
        subset = codes[generator.choice(n_codes, LADDER_ROWS, replace=False)]
    best: Any = None
    lowest = np.inf
    for n_components in (k for k in LADDER if k <= largest):
        n_iterations = _iterations(CANDIDATE_WORK, len(subset), n_components)
        candidate = _mixture(n_components, seed, n_iterations).fit(subset)
        # The deviance of the codes that a mixture was fitted to is on average p below that of as
        # many others: here for the subset, and subtracted again for all codes.
        p, deviance = candidate._n_parameters(), -2 * len(subset) * candidate.score(subset)
        criterion = (deviance + p) * n_codes / len(subset) - p + p * np.log(n_codes)
        if best is not None and not criterion < lowest:
            break
        best, lowest = candidate, criterion
    # A second fit continues from the first one (warm start).
    n_iterations = _iterations(CHOSEN_WORK, n_codes, best.n_components)
    return best.set_params(max_iter=n_iterations).fit(codes)


def _iterations(work: int, n_rows: int, n_components: int) -> int:
    """Return the number of iterations for an amount of work, from 3 to 500."""
    return min(max(work // (n_rows * n_components), 3), 500)


def _mixture(n_components: int, seed: int, max_iter: int) -> GaussianMixture:
    return GaussianMixture(
        n_components=n_components,
        reg_covar=1e-4,
        max_iter=max_iter,
        random_state=seed,
        warm_start=True,
    )


def _seed(generator: np.random.Generator) -> int:
    return int(generator.integers(2**31))
