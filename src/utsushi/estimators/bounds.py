r"""Bounds on :math:`\log p(x)` of a block of rows, in memory that does not grow with the draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from utsushi.distributions.divergences import kl_standard_normal
from utsushi.estimators.inference import row_noise
from utsushi.estimators.rows import Rows
from utsushi.objectives import log_weights, reparameterize

__all__ = ["evidence_bound", "importance_bound", "mean_code_bound", "noise_of_rows"]

#: Draws of noise that are held at once.
DRAWS_AT_ONCE = 16

#: Takes codes (B, H); returns log p(x|z) of their rows (B,).
LogLikelihood = Callable[[Tensor], Tensor]


def noise_of_rows(rows: Rows, seed: int, n_draws: int, like: Tensor) -> Iterator[Tensor]:
    """Yield standard normal noise like ``like`` (B, H), each a function of the rows' bytes.

    See `utsushi.estimators.inference.row_noise`.
    """
    for stream, start in enumerate(range(0, n_draws, DRAWS_AT_ONCE)):
        n_held = min(DRAWS_AT_ONCE, n_draws - start)
        held = row_noise(rows, seed, n_held, like.shape[1], len(like), stream)
        yield from torch.tensor(held).to(like)


def evidence_bound(
    log_likelihood: LogLikelihood, mean: Tensor, log_variance: Tensor, noises: Iterator[Tensor]
) -> Tensor:
    r"""Return the evidence lower bound of each row (B,), the divergence in closed form."""
    drawn = [log_likelihood(reparameterize(mean, log_variance, noise)) for noise in noises]
    return torch.stack(drawn).mean(dim=0) - kl_standard_normal(mean, log_variance).sum(dim=-1)


def mean_code_bound(
    log_likelihood: LogLikelihood, mean: Tensor, log_variance: Tensor, noises: Iterator[Tensor]
) -> Tensor:
    r"""Return :math:`\log p(x \mid z = \mu) - D_{KL}` of each row (B,), without a draw."""
    return log_likelihood(mean) - kl_standard_normal(mean, log_variance).sum(dim=-1)


def importance_bound(
    log_likelihood: LogLikelihood, mean: Tensor, log_variance: Tensor, noises: Iterator[Tensor]
) -> Tensor:
    r"""Return :math:`L_K` of each row (B,); see `utsushi.objectives.importance_weighted_bound`."""
    # A running sum of thousands of weights wants more digits than a weight.
    total = torch.full((len(mean),), -math.inf, dtype=torch.float64, device=mean.device)
    n_draws = 0
    for noise in noises:
        z = reparameterize(mean, log_variance, noise)
        log_w = log_weights(log_likelihood(z), z, mean, log_variance)
        total = torch.logaddexp(total, log_w.double())
        n_draws += 1
    return (total - math.log(n_draws)).float()
