"""Sample codes from a normalizing flow."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from utsushi._utils.optional_dependencies import import_flows, require_extra
from utsushi._utils.seeds import Purpose
from utsushi._utils.seeds import generator as seeded
from utsushi.distributions.priors import flow_log_prob
from utsushi.exceptions import SettingError, TrainingDivergedError
from utsushi.networks import initialize
from utsushi.networks.dense import check_widths
from utsushi.samplers.base import Codes
from utsushi.samplers.trained import TrainedSampler, train_by_likelihood
from utsushi.training import LECTURE, Recipe

__all__ = ["FLOW", "Flow"]

#: The default recipe of a flow.
FLOW = LECTURE | {
    "max_epochs": 20,
    "min_steps": 300,
    "batch_size": 256,
    "learning_rate": 6e-3,
    "schedule": "one-cycle",
    "warmup_fraction": 0.1,
    "weight_decay": 0.05,
}

#: The largest number of components: sampling takes a pass through each network for each of them.
MAX_CODES = 512

#: For errors: the option that needs zuko, and an alternative.
_IN_ERRORS = ("sampler='flow'", "use sampler='mixture'")


class Flow(TrainedSampler):
    r"""Fit a neural spline flow: an invertible map f from codes to N(0, I), by `zuko`.

    The density of a standardized code is
    :math:`\log p(z) = \log N(f(z); 0, I) + \log |\det \partial f / \partial z|`; training
    maximizes its mean over the training codes. A new code is :math:`f^{-1}(u)`, u from N(0, I).
    Each transform applies a monotonic rational-quadratic spline over [-5, 5] to each component,
    whose knots a masked network computes from the components before it; every other transform
    reverses their order.

    Parameters
    ----------
    n_transforms : int in [1, 32], default=3
        The number of transforms that f is composed of.
    n_bins : int in [2, 32], default=8
        The number of pieces of a spline.
    hidden : tuple of int, default=(128, 128)
        Widths of each masked network.
    noise : float >= 0, default=0.05
        The standard deviation of noise that is added to the standardized codes at each step, so
        that the density has no spikes at training codes (Rothfuss et al. 2019,
        https://arxiv.org/abs/1907.08982).
    temperature : float >= 0, default=1.0
        See `Sampler`: the standard deviation of u.
    recipe : Recipe or None, default=None
        How to train. The default is one cycle of AdamW with a peak learning rate of 6e-3 and a
        weight decay of 0.05, over 20 epochs and at least 300 steps of 256 codes. A tenth of the
        codes, at most 1,000, is held out to select the best epoch.

    Attributes
    ----------
    mean_, spread_ : ndarray of shape (H,)
        The mean and the standard deviation by which codes are standardized.
    module_ : torch.nn.Module
        The lazy transform f of `zuko`.

    References
    ----------
    Durkan et al. 2019, *Neural Spline Flows*, https://arxiv.org/abs/1906.04032; Papamakarios et
    al. 2017, *Masked Autoregressive Flow for Density Estimation*, https://arxiv.org/abs/1705.07057

    Examples
    --------
    >>> codes = np.random.default_rng(0).standard_normal((200, 2))
    >>> flow = Flow(n_transforms=1, hidden=(8,), recipe=Recipe(max_epochs=2))
    >>> flow.fit(codes, np.random.default_rng(0)).sample(5, np.random.default_rng(0)).shape
    (5, 2)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **TrainedSampler._parameter_constraints,
        "n_transforms": [Interval(Integral, 1, 32, closed="both")],
        "n_bins": [Interval(Integral, 2, 32, closed="both")],
        "hidden": ["array-like"],
        "noise": [Interval(Real, 0, None, closed="left")],
        "recipe": [Recipe, None],
    }

    def __init__(
        self,
        n_transforms: int = 3,
        n_bins: int = 8,
        hidden: tuple[int, ...] = (128, 128),
        noise: float = 0.05,
        temperature: float = 1.0,
        recipe: Recipe | None = None,
    ) -> None:
        super().__init__(temperature)
        self.n_transforms = n_transforms
        self.n_bins = n_bins
        self.hidden = hidden
        self.noise = noise
        self.recipe = recipe

    def _validate_params(self) -> None:
        super()._validate_params()
        check_widths(self.hidden)
        require_extra("flow", "zuko", what=_IN_ERRORS[0], otherwise=_IN_ERRORS[1])

    def check(self, n_codes: int) -> None:
        """Raise the errors of ``fit``, also for codes with too many components."""
        super().check(n_codes)
        if n_codes > MAX_CODES:
            raise SettingError(
                f"n_components must be at most {MAX_CODES} for sampler='flow', got {n_codes}. Use "
                "sampler='mixture' or 'gaussian'."
            )

    def fit(self, codes: Codes, generator: np.random.Generator) -> Self:
        """Train the flow and keep its best epoch."""
        self.check(codes.shape[1])
        x = self._standardize(codes)
        seed = int(generator.integers(2**63))
        module = self._empty_module(codes.shape[1])
        if codes.shape[1] == 1:  # No network, only knots, which start as the identity.
            for knots in module.parameters():
                nn.init.zeros_(knots)
        else:
            initialize(module, seeded(seed, Purpose.INITIALIZATION))
        recipe = (self.recipe or Recipe()).completed(FLOW)
        noise = float(self.noise)

        def noisy(rows: Tensor, draws: torch.Generator) -> Tensor:
            error = torch.randn(rows.shape, generator=draws, dtype=rows.dtype)
            return rows + noise * error

        if not train_by_likelihood(
            module, flow_log_prob, x, recipe=recipe, seed=seed, augment=noisy
        ):
            raise TrainingDivergedError(
                "training of the flow diverged: its density is not finite. Set "
                f"Flow(recipe=Recipe(learning_rate={recipe.learning_rate / 10:.1g}))."
            )
        return self._keep(module)

    def sample(self, n_samples: int, generator: np.random.Generator) -> Codes:
        """Draw u from N(0, I) and map it back to a code."""
        u = self.temperature * generator.standard_normal((n_samples, len(self.mean_)))
        codes: Codes = self.mean_ + self.spread_ * self._mapped(self.module_().inv, u)
        return codes

    def log_prob(self, codes: Codes) -> Codes:
        """Return the log density of each code in nats, shape (n,).

        Constant components have no density: they count in units of 1.
        """
        log_volume = np.log(self.spread_[self.spread_ > 0]).sum()
        densities: Codes = self._mapped(
            lambda x: flow_log_prob(self.module_, x), self._scaled(codes)
        )
        densities -= log_volume
        return densities

    def _empty_module(self, n_codes: int) -> nn.Module:
        """Build f; `zuko` initializes it from torch's global generator, which is restored."""
        with torch.random.fork_rng(devices=[]), torch.device("cpu"):
            flow = import_flows(*_IN_ERRORS).NSF(
                n_codes,
                transforms=int(self.n_transforms),
                bins=int(self.n_bins),
                hidden_features=check_widths(self.hidden),
            )
        module: nn.Module = flow.transform.to(torch.float32)  # independent of torch's default dtype
        return module

    def _shapes(self, n_codes: int) -> dict[str, tuple[int | None, ...]]:
        """Return the shapes by the names of `zuko`; see `TrainedSampler`."""
        self.check(n_codes)
        n_knots = 3 * int(self.n_bins) - 1
        shapes: dict[str, tuple[int | None, ...]] = {}
        for index in range(int(self.n_transforms)):
            if n_codes == 1:  # No component before the only one: its knots are parameters.
                for part, length in enumerate((self.n_bins, self.n_bins, self.n_bins - 1)):
                    shapes[f"transforms.{index}.phi.{part}"] = (1, int(length))
                continue
            widths = (n_codes, *check_widths(self.hidden), n_codes * n_knots)
            for layer in range(len(widths) - 1):
                name = f"transforms.{index}.hyper.{2 * layer}"
                shapes[f"{name}.weight"] = (widths[layer + 1], widths[layer])
                shapes[f"{name}.bias"] = (widths[layer + 1],)
        return shapes
