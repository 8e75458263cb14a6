"""Codes from a mixture of Gaussians."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
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

#: At most so many rows, drawn by the seed, decide on the number.
LADDER_ROWS = 16_000

#: Rows times Gaussians times iterations: what a candidate may cost, and what the chosen one.
CANDIDATE_WORK, CHOSEN_WORK = 500_000, 2_400_000


class Mixture(Sampler):
    r"""scikit-learn's `GaussianMixture` with full covariances, fitted to the training codes.

    The codes of an autoencoder lie in clusters with empty space between; one Gaussian over all of
    them decodes that empty space too. Ghosh et al. 2020 measured what a mixture mends,
    https://arxiv.org/abs/1903.12436

    Parameters
    ----------
    n_components : int >= 1 or None, default=None
        K, the number of Gaussians. None climbs 1, 2, 5, 10, 20, 50 for as long as the Bayesian
        information criterion :math:`-2 \log L + p \log n` falls, p being the number of free
        parameters; Schwarz 1978, https://doi.org/10.1214/aos/1176344136. Each candidate has three
        or more iterations of expectation-maximization on at most 16,000 codes; the chosen one goes
        on with all of them. At most half the number of training rows is used, so that each has
        rows to learn from, and no more than there are distinct codes.
    temperature : float >= 0, default=1.0
        What the standard deviations of the Gaussians are multiplied by in drawing. Below 1, codes
        keep to where the training codes are dense: new rows are truer, and of less variety.

    Attributes
    ----------
    weights_ : ndarray of shape (K,)
        The K that was chosen is its length.
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
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "temperature": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(self, n_components: int | None = None, temperature: float = 1.0) -> None:
        self.n_components = n_components
        self.temperature = temperature

    def fit(self, codes: Codes, generator: np.random.Generator) -> Self:
        """Run expectation-maximization from one seeded start for each number of Gaussians."""
        self._validate_params()
        # In units of the codes' own spread, so that the regularization of the covariances means
        # the same for codes of any size.
        centre, spread = codes.mean(axis=0), codes.std(axis=0)
        spread[spread == 0] = 1.0
        standard = (codes - centre) / spread
        most = min(max(1, len(codes) // 2), len(np.unique(standard, axis=0)))
        # With the array API switched on, GaussianMixture rejects its own default start. Its
        # products are small: on busy cores, two threads that wait for one another take four times
        # as long as one.
        with (
            config_context(array_api_dispatch=False),
            threadpool_limits(1),
            warnings.catch_warnings(),
        ):
            # Each iteration raises the likelihood, so the mixture is usable without convergence.
            warnings.simplefilter("ignore", ConvergenceWarning)
            if self.n_components is None:
                mixture = _chosen(standard, most, generator)
            else:
                n_components = min(self.n_components, most)
                mixture = _mixture(n_components, _seed(generator), max_iter=500).fit(standard)
        self.weights_ = mixture.weights_
        self.means_ = centre + spread * mixture.means_
        self.factors_ = spread[:, None] * np.linalg.cholesky(mixture.covariances_)
        return self

    def sample(self, n_samples: int, generator: np.random.Generator) -> Codes:
        """Draw a Gaussian by weight for each code, then the code."""
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
            len({len(part) for part in state.values()}) != 1
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


def _chosen(codes: Codes, most: int, generator: np.random.Generator) -> GaussianMixture:
    """Return the mixture of the lowest BIC on the ladder, up to ``most`` Gaussians, fitted."""
    seed = _seed(generator)
    few = codes
    if len(codes) > LADDER_ROWS:
        few = codes[generator.choice(len(codes), LADDER_ROWS, replace=False)]
    best: Any = None
    lowest = np.inf
    for n_components in (k for k in LADDER if k <= most):
        n_iterations = _iterations(CANDIDATE_WORK, len(few), n_components)
        candidate = _mixture(n_components, seed, n_iterations).fit(few)
        criterion = candidate.bic(few)
        if best is not None and not criterion < lowest:
            break
        best, lowest = candidate, criterion
    # A second fit continues from the first one (warm start).
    n_iterations = _iterations(CHOSEN_WORK, len(codes), best.n_components)
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
