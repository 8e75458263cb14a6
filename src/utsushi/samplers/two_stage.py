"""Sample codes from a second variational autoencoder."""

from __future__ import annotations

from typing import Any, ClassVar, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from utsushi._utils.seeds import Purpose, generator
from utsushi.distributions import DiagonalGaussianPosterior, Gaussian, StandardNormal
from utsushi.networks import EncoderDecoder, initialize
from utsushi.networks.dense import Dense, check_widths
from utsushi.objectives import ELBO, Batch, VariationalObjective
from utsushi.samplers.base import Codes
from utsushi.samplers.trained import TrainedSampler
from utsushi.training import LECTURE, Recipe, train

__all__ = ["TWO_STAGE", "TwoStage"]

#: The default recipe of the second model.
TWO_STAGE = LECTURE | {
    "max_epochs": 60,
    "min_steps": 800,
    "batch_size": 256,
    "learning_rate": 6e-3,
    "schedule": "one-cycle",
    "betas": (0.9, 0.98),
}


class TwoStage(TrainedSampler):
    r"""Fit a second variational autoencoder to the codes, with a code of the same size.

    The first model's codes fill the whole code space, but do not follow its prior. A second
    variational autoencoder learns their distribution: without a loss of dimensions, its codes u
    are close to N(0, I). A new code is :math:`z = \hat z(u) + \sigma \varepsilon`, with u and
    :math:`\varepsilon` from N(0, I) and the calibrated :math:`\sigma` of `likelihoods.Gaussian`.

    Parameters
    ----------
    hidden : tuple of int, default=(256, 256)
        Widths of the dense layers of the encoder; the decoder mirrors them.
    temperature : float >= 0, default=1.0
        See `Sampler`: the standard deviation of u and of :math:`\varepsilon`.
    recipe : Recipe or None, default=None
        How to train. The default is one cycle of AdamW with a peak learning rate of 6e-3, over 60
        epochs and at least 800 steps of 256 codes. In the first fifth, the weight of the divergence
        increases from zero.

    Attributes
    ----------
    mean_, spread_ : ndarray of shape (H,)
        The mean and the standard deviation by which codes are standardized.
    sigma_ : ndarray of shape (1,)
        The calibrated standard deviation in these units.
    module_ : torch.nn.Module
        The decoder; the encoder is needed only for training.

    References
    ----------
    Dai and Wipf 2019, *Diagnosing and Enhancing VAE Models*, https://arxiv.org/abs/1903.05789

    Examples
    --------
    >>> codes = np.random.default_rng(0).standard_normal((200, 2))
    >>> second = TwoStage(hidden=(16,), recipe=Recipe(max_epochs=2))
    >>> second.fit(codes, np.random.default_rng(0)).sample(5, np.random.default_rng(0)).shape
    (5, 2)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **TrainedSampler._parameter_constraints,
        "hidden": ["array-like"],
        "recipe": [Recipe, None],
    }

    sigma_: Codes

    def __init__(
        self,
        hidden: tuple[int, ...] = (256, 256),
        temperature: float = 1.0,
        recipe: Recipe | None = None,
    ) -> None:
        super().__init__(temperature)
        self.hidden = hidden
        self.recipe = recipe

    def _validate_params(self) -> None:
        super()._validate_params()
        check_widths(self.hidden)

    def fit(self, codes: Codes, generator: np.random.Generator) -> Self:
        """Train the second model and calibrate its noise."""
        self._validate_params()
        x = self._standardize(codes)
        seed = int(generator.integers(2**63))
        module, likelihood = self._trained(x, seed)
        self.sigma_ = np.array([likelihood.sigma_])
        return self._keep(module.decoder)

    def _trained(self, x: Tensor, seed: int) -> tuple[EncoderDecoder, Gaussian]:
        """Train the pair of encoder and decoder on standardized codes, and calibrate it."""
        module = self._pair(x.shape[1]).to_empty(device="cpu")
        initialize(module, generator(seed, Purpose.INITIALIZATION))
        recipe = (self.recipe or Recipe()).completed(TWO_STAGE)
        # At its full weight from the start, the divergence would outweigh the reconstruction before
        # the decoder has learned to use u, and u would never carry information.
        warmup = recipe.n_epochs(len(x)) / 5
        objective = VariationalObjective(Gaussian().prepare(x), ELBO(kl_warmup_epochs=warmup))
        train(module, objective, Batch(x), recipe=recipe, seed=seed)
        draws = generator(seed, Purpose.CALIBRATION)
        return module, cast(Gaussian, objective.calibrated(module, Batch(x), draws).likelihood)

    def sample(self, n_samples: int, generator: np.random.Generator) -> Codes:
        """Draw u from N(0, I), decode it, and add the calibrated noise."""
        n_codes = len(self.mean_)
        u, noise = self.temperature * generator.standard_normal((2, n_samples, n_codes))
        scaled = self._mapped(self.module_, u) + self.sigma_ * noise
        codes: Codes = self.mean_ + self.spread_ * scaled
        return codes

    def restore(self, state: dict[str, NDArray[Any]]) -> Self:
        """Restore what `state` returned; raise ``ValueError`` for invalid numbers."""
        if not (state["sigma_"] > 0).all():
            raise ValueError("sigma_ must be positive")
        return super().restore(state)

    def expected_state(self, n_codes: int) -> dict[str, tuple[int | None, ...]]:
        """Return the shapes of the state."""
        return {"sigma_": (1,), **super().expected_state(n_codes)}

    def _pair(self, n_codes: int) -> EncoderDecoder:
        """Build encoder and decoder without memory for their parameters."""
        with torch.device("meta"):
            module = Dense(check_widths(self.hidden)).build(n_codes, n_codes, 2 * n_codes)
            module = module.with_parts(
                posterior=DiagonalGaussianPosterior().build(n_codes),
                prior=StandardNormal().build(n_codes, n_codes),
            )
        return module.to(torch.float32)  # independent of torch's default dtype

    def _empty_module(self, n_codes: int) -> nn.Module:
        return self._pair(n_codes).decoder.to_empty(device="cpu")

    def _shapes(self, n_codes: int) -> dict[str, tuple[int | None, ...]]:
        decoder = self._pair(n_codes).decoder
        return {name: tuple(tensor.shape) for name, tensor in decoder.named_parameters()}
