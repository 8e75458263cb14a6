"""What a sparse autoencoder minimizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import torch
from torch import Generator, Tensor

from utsushi.distributions.likelihoods import squared_error
from utsushi.networks import EncoderDecoder
from utsushi.objectives.base import Batch, Source, Terms

__all__ = ["MATRYOSHKA", "SparseObjective"]

#: The parts of all components, from the first on, that a Matryoshka autoencoder reconstructs from.
MATRYOSHKA = (1 / 8, 1 / 4, 1 / 2, 1.0)

#: The weight of the dead components' loss, chosen on held-out training digits: with the paper's
#: 1/32, too many of 4,096 components stay dead in a training of a thousand steps.
AUXILIARY_WEIGHT = 1.0


@dataclass(frozen=True)
class SparseObjective:
    r"""The squared error of each sample, and a loss that revives dead components.

    .. math::
        \frac1P \sum_{p} \Vert x - \hat x_p \Vert^2
        + \frac{\Vert e - \hat e \Vert^2}{\overline{\Vert e \Vert^2}},
        \qquad e = x - \hat x

    :math:`\hat x_p` is decoded from the first components, a part p of all. :math:`\hat e` is
    decoded, without the bias, from those dead components of which the encoder's output is the
    largest, half as many as there are features, and reconstructs what the code left: so they get a
    gradient. The paper, with trainings that are far longer, gives this loss the weight 1/32. What
    the sparsity adds is added, too.

    Parameters
    ----------
    prefixes : tuple of float in (0, 1], default=(1.0,)
        The parts, of which the last is 1: several make a Matryoshka autoencoder.

    References
    ----------
    Gao et al. 2024, *Scaling and evaluating sparse autoencoders*,
    https://arxiv.org/abs/2406.04093, appendix A.2 (AuxK)

    Bussmann, Nabeshima, Karvonen and Nanda 2025, *Learning Multi-Level Features with Matryoshka
    Sparse Autoencoders*, https://arxiv.org/abs/2503.17547
    """

    prefixes: tuple[float, ...] = (1.0,)

    @property
    def is_rotation_invariant(self) -> bool:
        """False: a dictionary is trained on the features themselves."""
        return False

    def for_projected_samples(self, n_features: int) -> Self:
        """Return itself."""
        return self

    def decoder_inputs(
        self, module: EncoderDecoder, batch: Batch, generator: Generator
    ) -> Tensor | None:
        """Return None: an atom of a dictionary has unit length."""
        return None

    def calibrated(self, module: EncoderDecoder, data: Source, generator: Generator) -> Self:
        """Return itself: a squared error has nothing to calibrate."""
        return self

    def __call__(self, module: EncoderDecoder, batch: Batch, generator: Generator) -> Terms:
        """Return the terms of a batch."""
        x, mask = batch.x, batch.mask
        output = module.encoder(x)
        codes, parts = module.bottleneck(output, generator)
        decode = module.decoder
        if not module.bottleneck.zeros_have_a_gradient:
            decode = getattr(decode, "sum_of_few", decode)
        reconstructions = decode(codes)
        error = squared_error(x, reconstructions, mask)
        errors = [
            squared_error(x, decode(_first(codes, part)), mask) for part in self.prefixes[:-1]
        ]
        objective = torch.stack([*errors, error]).mean(dim=0)
        if "bottleneck" in parts:
            objective = objective + parts["bottleneck"]
        dead = module.bottleneck.dead
        if module.bottleneck.training and bool(dead.any()):
            residuals = (x - reconstructions).detach()
            auxiliary = _of_dead(module, output, dead, max(1, batch.n_features // 2))
            weight = AUXILIARY_WEIGHT / error.mean().detach().clamp(1e-12)
            objective = objective + weight * squared_error(residuals, auxiliary, mask)
        return Terms(objective, {"reconstruction": error, **parts})


def _first(codes: Tensor, part: float) -> Tensor:
    """Return codes with zeros for all but the first components, a part of all."""
    n_components = codes.shape[-1]
    is_first = torch.arange(n_components, device=codes.device) < max(1, round(part * n_components))
    return codes * is_first


def _of_dead(module: EncoderDecoder, output: Tensor, dead: Tensor, n_largest: int) -> Tensor:
    """Return what the dead components with the largest outputs decode to, without the bias."""
    outputs = output.masked_fill(~dead, -torch.inf)
    largest = torch.topk(outputs, min(n_largest, len(dead)), dim=-1)
    codes = torch.zeros_like(output).scatter(-1, largest.indices, largest.values.relu())
    decoded: Tensor = module.decoder(codes) - module.decoder(torch.zeros_like(codes[:1]))
    return decoded
