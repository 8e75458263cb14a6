r"""What training minimizes, and the mathematics that it is made of.

The functions are pure and give one value per row. The two classes at the end tie them to a network:
called with a module and a batch they return `Terms`, which the training loop reduces once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from utsushi.divergences import kl_standard_normal
from utsushi.likelihoods import Likelihood, squared_error
from utsushi.networks import EncoderDecoder
from utsushi.regularizers import Regularizer

__all__ = [
    "ReconstructionObjective",
    "Terms",
    "VariationalObjective",
    "elbo",
    "lecture_loss",
    "posterior_parameters",
    "reparameterize",
]


def posterior_parameters(head: Tensor) -> tuple[Tensor, Tensor]:
    r"""Read an encoder's output as the mean and the log-variance of :math:`q(z \mid x)`.

    A log-variance may be any real number, so that :math:`\sigma = \exp(\frac12 \log \sigma^2)` is
    positive without a constraint. Beyond ±10 it bends smoothly, and it never passes ±20, where the
    exponential is still a number; within ±10 it is the identity, bit for bit.

    Parameters
    ----------
    head : Tensor of shape (..., 2H)
        :math:`\mu` in the first H columns, :math:`\log \sigma^2` in the last.

    Returns
    -------
    mean, log_variance : Tensor of shape (..., H)

    Examples
    --------
    >>> posterior_parameters(torch.tensor([[0.5, 1e9]]))
    (tensor([[0.5000]]), tensor([[20.]]))
    """
    mean, raw = head.chunk(2, dim=-1)
    excess = (raw.abs() - 10.0).clamp(min=0.0)
    bent = torch.sign(raw) * (10.0 + 10.0 * torch.tanh(excess / 10.0))
    return mean, torch.where(excess > 0, bent, raw)


def reparameterize(mean: Tensor, log_variance: Tensor, noise: Tensor) -> Tensor:
    r"""Turn noise into a draw from the posterior: :math:`z = \mu + \sigma\varepsilon`.

    The draw :math:`z_h` has mean :math:`\mu_h` and standard deviation :math:`\sigma_h`, and is
    differentiable by both, which a draw made directly is not.

    Parameters
    ----------
    mean, log_variance : Tensor of shape (..., H)
        :math:`\mu` and :math:`\log \sigma^2`.
    noise : Tensor of shape (S, ..., H) or (..., H)
        :math:`\varepsilon`, standard normal.

    Returns
    -------
    Tensor of the shape of ``noise``

    Examples
    --------
    >>> reparameterize(torch.ones(2), torch.zeros(2), torch.tensor([0.0, -1.0]))
    tensor([1., 0.])
    """
    return mean + torch.exp(0.5 * log_variance) * noise


def elbo(log_likelihood: Tensor, kl: Tensor, beta: float = 1.0) -> Tensor:
    r"""Bound on :math:`\log p(x)` with S draws: :math:`J_1 - \beta J_2`.

    .. math::
        \mathrm{ELBO}(x) \approx \frac1S \sum_{s=1}^{S} \log p(x \mid z_s)
            - \beta\, D_{KL}(q(z \mid x) \Vert p(z)), \qquad z_s \sim q(z \mid x)

    Parameters
    ----------
    log_likelihood : Tensor of shape (S, B)
        :math:`\log p(x \mid z_s)` in nats.
    kl : Tensor of shape (B, H)
        The divergence per component, in nats.
    beta : float, default=1.0
        Weight of the divergence. Only 1 gives a bound that is the evidence lower bound; above 1 it
        is looser, below 1 it is none.

    Returns
    -------
    Tensor of shape (B,)
        Nats per row.

    References
    ----------
    Kingma and Welling 2014, https://arxiv.org/abs/1312.6114, equation 7; for beta, Higgins et al.
    2017, https://openreview.net/forum?id=Sy2fzU9gl

    Examples
    --------
    >>> elbo(torch.tensor([[-3.0], [-5.0]]), torch.tensor([[0.5, 0.5]]))
    tensor([-5.])
    """
    return log_likelihood.mean(dim=0) - beta * kl.sum(dim=-1)


def lecture_loss(x: Tensor, x_hat: Tensor, mean: Tensor, log_variance: Tensor) -> Tensor:
    r"""The lecture's loss of each row: :math:`-2\,\mathrm{ELBO}` without its constant.

    .. math::
        E(x) = \Vert x - \hat x \Vert^2
            - \sum_{h=1}^{H} \left( 1 + \log \sigma_h^2 - \mu_h^2 - \sigma_h^2 \right)

    With the unit-Gaussian likelihood and one draw,
    :math:`\mathrm{ELBO} = -\frac12 E - \frac D2 \log 2\pi`.

    Parameters
    ----------
    x, x_hat : Tensor of shape (B, D)
        Rows and their reconstructions from one drawn code each.
    mean, log_variance : Tensor of shape (B, H)
        :math:`\mu` and :math:`\log \sigma^2` of the posterior.

    Returns
    -------
    Tensor of shape (B,)

    Examples
    --------
    >>> lecture_loss(torch.ones(1, 3), torch.zeros(1, 3), torch.ones(1, 2), torch.zeros(1, 2))
    tensor([5.])
    """
    return squared_error(x, x_hat) + 2 * kl_standard_normal(mean, log_variance).sum(dim=-1)


@dataclass(frozen=True)
class Terms:
    """One batch's objective and its parts, a value per row; the loop alone reduces them.

    Attributes
    ----------
    objective : Tensor of shape (B,)
        What is minimized.
    parts : dict of str to Tensor of shape (B,)
        The terms that it is made of, by name, each before any weight.
    """

    objective: Tensor
    parts: dict[str, Tensor]


@dataclass(frozen=True)
class ReconstructionObjective:
    """The autoencoder's objective: the squared error of each row, in scaled units, and a penalty.

    Parameters
    ----------
    corrupt : callable, optional
        Takes scaled rows (B, D) and a generator and returns what the encoder sees instead; the
        target stays the clean row.
    penalty : callable, optional
        What is added to the error of a row; see `utsushi.regularizers`.
    strength : float, default=0.0
        The weight of the penalty.
    """

    corrupt: Callable[[Tensor, Generator], Tensor] | None = None
    penalty: Regularizer | None = None
    strength: float = 0.0

    def __call__(self, module: EncoderDecoder, x: Tensor, generator: Generator) -> Terms:
        """Return the terms of a batch ``x`` of shape (B, D); ``corrupt`` and ``penalty`` draw."""
        seen = x if self.corrupt is None else self.corrupt(x, generator)
        codes = module.encoder(seen)
        error = squared_error(x, module.decoder(codes))
        if self.penalty is None:
            return Terms(error, {"reconstruction": error})
        penalty = self.penalty(module, seen, codes, generator)
        return Terms(error + self.strength * penalty, {"reconstruction": error, "penalty": penalty})


@dataclass(frozen=True)
class VariationalObjective:
    r"""The variational autoencoder's objective: :math:`-J_1 + \beta J_2`, in nats.

    Parameters
    ----------
    likelihood : Likelihood
        :math:`p(x \mid z)`.
    beta : float, default=1.0
        Weight of the divergence; 1 gives the bound.
    n_samples : int, default=1
        S, the draws of the code per row.
    """

    likelihood: Likelihood
    beta: float = 1.0
    n_samples: int = 1

    def __call__(self, module: EncoderDecoder, x: Tensor, generator: Generator) -> Terms:
        """Return the terms of a batch ``x`` of shape (B, D), with S codes a row drawn anew."""
        mean, log_variance = posterior_parameters(module.encoder(x))
        shape = (self.n_samples, *mean.shape)
        noise = torch.randn(
            shape, generator=generator, dtype=torch.float32, device=generator.device
        ).to(mean)
        z = reparameterize(mean, log_variance, noise)
        output = module.decoder(z.flatten(0, 1)).unflatten(0, shape[:2])
        log_likelihood = self.likelihood.log_prob(x, output)
        kl = kl_standard_normal(mean, log_variance)
        return Terms(
            objective=-elbo(log_likelihood, kl, self.beta),
            parts={"reconstruction": -log_likelihood.mean(dim=0), "kl": kl.sum(dim=-1)},
        )
