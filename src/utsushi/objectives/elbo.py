"""The evidence lower bound as an ``objective``, and the base class of such objectives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, ClassVar

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from torch import Generator, Tensor, nn

from utsushi._utils.docstrings import complete_docstring
from utsushi.distributions.posteriors import PosteriorDistribution
from utsushi.networks import EncoderDecoder
from utsushi.objectives.bounds import elbo, free_bits_kl

__all__ = ["ELBO", "Bound", "Draws"]


@dataclass(frozen=True)
class Draws:
    r"""Codes drawn from the posteriors of a batch, and the terms of a bound.

    Attributes
    ----------
    module : EncoderDecoder
        The network, for its prior.
    posterior : PosteriorDistribution
        :math:`q(z \mid x)` of B samples.
    z : Tensor of shape (S, B, H)
        S codes for each sample; of shape (B, H) for one code.
    log_likelihood : Tensor of shape (S, B), or (B,)
        :math:`\log p(x \mid z)` of each code in nats.
    divergence : Tensor of shape (B, H), or (B, 1)
        :math:`D_{KL}(q(z \mid x) \Vert p(z))` in nats, in terms that add up to it.
    target : Tensor of shape (B, D)
        The samples as the likelihood takes them: scaled, or in their own units.
    reconstruct : callable
        Returns the mean of :math:`p(x \mid z)` for one code of each sample, (B, D); where a value
        is missing, that of the target.
    log_likelihood_of : callable
        Takes codes (..., B, H) and a decoder; returns their log-likelihood, (..., B).
    generator : Generator
        The only source of random numbers.
    epochs : float
        The epochs of training that are done, in fractions; infinity outside of training.
    images : callable
        Takes samples or reconstructions (B, D) as the likelihood does, and returns images
        (B, C, H, W) in the units of the input; see `Bound.check`.
    parts : dict of str to Tensor
        Values of each sample (B,) for the history; a bound may add to them.
    """

    module: EncoderDecoder
    posterior: PosteriorDistribution
    z: Tensor
    log_likelihood: Tensor
    divergence: Tensor
    target: Tensor
    reconstruct: Callable[[], Tensor]
    log_likelihood_of: Callable[[Tensor, Callable[[Tensor], Tensor]], Tensor]
    generator: Generator
    epochs: float
    images: Callable[[Tensor], Tensor]
    parts: dict[str, Tensor] = field(default_factory=dict)

    @property
    def one(self) -> Tensor:
        """One code of each sample, (B, H)."""
        return self.z if self.z.dim() == 2 else self.z[0]

    @property
    def expected_log_likelihood(self) -> Tensor:
        """The mean of the log-likelihood over the codes of each sample, (B,)."""
        log_likelihood = self.log_likelihood
        return log_likelihood if log_likelihood.dim() == 1 else log_likelihood.mean(dim=0)


@dataclass(kw_only=True, eq=False, repr=False)
class Bound(BaseEstimator, ABC):
    r"""The base of the objects that the ``objective`` of a variational autoencoder takes.

    Parameters
    ----------
    kl_warmup_epochs : float >= 0, default=0.0
        The weight of the divergence rises linearly from 0 over so many epochs, which must be
        fewer than those of the training.
    masking : float in [0, 1], default=0.0
        The share of the samples of a step that the encoder sees a second time, in part: each column
        is hidden with a probability that is drawn from [0, 1] for each sample. The encoder learns
        to give the codes of the whole sample from the part :math:`\tilde x` a high density,
        :math:`\log q(z \mid \tilde x)` with :math:`z \sim q(z \mid x)`, for imputation. Ivanov,
        Figurnov and Vetrov 2019, https://arxiv.org/abs/1806.02382

    Attributes
    ----------
    needs_diagonal_gaussian : bool
        Whether it uses the density of single components of a code.
    is_rotation_invariant : bool
        Whether it stays the same when samples and reconstructions are rotated alike.
    contains_likelihood : bool
        Whether it maximizes the likelihood; if not, reconstructions are not compared with PCA's.
    fixes_decoder : bool
        Whether `Draws.log_likelihood` is without a gradient by the decoder's parameters.
    """

    kl_warmup_epochs: float = 0.0
    masking: float = 0.0

    needs_diagonal_gaussian: ClassVar[bool] = False
    contains_likelihood: ClassVar[bool] = True
    fixes_decoder: ClassVar[bool] = False
    is_rotation_invariant: ClassVar[bool] = True
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "kl_warmup_epochs": [Interval(Real, 0, None, closed="left")],
        "masking": [Interval(Real, 0, 1, closed="both")],
    }

    def __init_subclass__(cls, **settings: Any) -> None:
        super().__init_subclass__(**settings)
        cls.__doc__ = complete_docstring(cls)  # help() names inherited options, too

    def check(self, image_shape: tuple[int, ...] | None) -> None:
        """Raise an error if samples of this shape, None if they are not images, do not suit it."""

    def build_critic(self, n_features: int, n_components: int) -> nn.Module | None:
        """Return the critic, a network that is trained against the model, or None."""
        return None

    @property
    @abstractmethod
    def n_draws(self) -> int:
        """The number of codes to draw for each sample and step."""

    @property
    def n_importance_samples(self) -> int:
        """The number of draws of one estimate; the likelihood is calibrated with as many."""
        return 1

    @abstractmethod
    def __call__(self, draws: Draws, beta: float) -> Tensor:
        """Return the bound of each sample in nats, shape (B,); beta weights the divergence."""


@dataclass(kw_only=True, eq=False, repr=False)
class ELBO(Bound):
    r"""The evidence lower bound: `elbo`.

    Parameters
    ----------
    n_samples : int >= 1, default=1
        The codes drawn for each sample and step of training.
    free_bits : float >= 0, default=0.0
        Nats per component: while the mean divergence of a batch is below, it is not reduced; see
        `free_bits_kl`.
    kl_warmup_epochs : float >= 0, default=0.0
        The weight of the divergence rises linearly from 0 over so many epochs, which must be
        fewer than those of the training.
    masking : float in [0, 1], default=0.0
        The share of the samples of a step that the encoder also sees in part; see `Bound`.

    Examples
    --------
    >>> from utsushi import VariationalAutoencoder
    >>> VariationalAutoencoder(objective=ELBO(free_bits=0.1, kl_warmup_epochs=4))
    VariationalAutoencoder(objective=ELBO(free_bits=0.1, kl_warmup_epochs=4))
    """

    n_samples: int = 1
    free_bits: float = 0.0

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Bound._parameter_constraints,
        "n_samples": [Interval(Integral, 1, None, closed="left")],
        "free_bits": [Interval(Real, 0, None, closed="left")],
    }

    @property
    def n_draws(self) -> int:
        """The number of codes to draw for each sample and step."""
        return int(self.n_samples)

    def __call__(self, draws: Draws, beta: float) -> Tensor:
        """Return the bound of each sample; see `Bound.__call__`."""
        kl = draws.divergence
        if self.free_bits:
            kl = free_bits_kl(kl, float(self.free_bits))
        return elbo(draws.expected_log_likelihood, kl.sum(dim=-1), beta)
