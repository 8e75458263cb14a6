"""How long and how fast to train: the numbers that the loop follows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any, ClassVar

import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from torch import nn
from torch.optim import Optimizer

from utsushi._utils.str_options import Names
from utsushi.exceptions import SettingError

__all__ = ["FAST", "FAST_VARIATIONAL", "LECTURE", "Recipe", "suited_to"]


class Recipe(BaseEstimator):
    """Optimizer settings, schedule and length of a training.

    Parameters
    ----------
    max_epochs : int >= 1, default=30
        Passes over the training rows.
    min_steps : int >= 0, default=0
        Where ``max_epochs`` passes make fewer steps than this, more passes are made: a schedule
        that suits 16,000 images would leave 150 rows untrained.
    batch_size : int >= 1, default=100
        Rows per step; the last batch of an epoch may be smaller, and is used.
    learning_rate : float > 0, default=1e-3
        The rate, or the peak of the schedule.
    optimizer : "adamw" or callable, default="adamw"
        ``"adamw"`` is Adam with decoupled weight decay, which without decay is plain Adam. A
        callable, such as `torch.optim.SGD`, is called with the parameters and ``lr``, and with
        ``weight_decay`` where that is above 0. It returns a torch optimizer that steps without a
        closure.
    schedule : {"constant", "one-cycle"} or callable, default="constant"
        ``"one-cycle"`` warms up linearly and anneals to zero on a half cosine; Smith and Topin
        2018, https://arxiv.org/abs/1708.07120. A callable takes the fraction of the steps that is
        done, in [0, 1), and returns a factor of ``learning_rate``.
    warmup_fraction : float in [0, 1), default=0.3
        The part of a one-cycle schedule that warms up.
    betas : pair of float in [0, 1), default=(0.9, 0.999)
        Adam's decay rates of the first and the second moment.
    weight_decay : float >= 0, default=0.0
        Decoupled weight decay per unit of learning rate.
    start : {"random", "principal"}, default="random"
        What the weights are before the first step: drawn, or such that a dense network with one
        hidden layer computes PCA, where it is trained in a subspace. See
        `utsushi.training.pca_start`.
    principal_rate : float > 0 or None, default=None
        The peak rate of a training that started from principal components; None is
        ``learning_rate``.
    subspace : float in [0, 1), default=0.0
        A dense network with a linear output, without augmentation, corruption or regularizer, is
        trained in the leading principal components of the scaled rows: in so many that the
        variance outside of them is at most this part of what PCA with as many components as the
        code leaves. 0 trains on the columns themselves. See `utsushi.training.subspace`.
    compile : bool, default=False
        Whether `torch.compile` compiles encoder and decoder, which takes 10 to 20 s and needs a
        C++ compiler.

    Examples
    --------
    >>> Recipe(max_epochs=4, schedule="one-cycle").rate(0.3)  # the peak
    0.001
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "max_epochs": [Interval(Integral, 1, None, closed="left")],
        "min_steps": [Interval(Integral, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "optimizer": [Names({"adamw"}), callable],
        "schedule": [Names({"constant", "one-cycle"}), callable],
        "warmup_fraction": [Interval(Real, 0, 1, closed="left")],
        "betas": ["array-like"],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "start": [Names({"random", "principal"})],
        "principal_rate": [Interval(Real, 0, None, closed="neither"), None],
        "subspace": [Interval(Real, 0, 1, closed="left")],
        "compile": ["boolean"],
    }

    def __init__(
        self,
        max_epochs: int = 30,
        min_steps: int = 0,
        batch_size: int = 100,
        learning_rate: float = 1e-3,
        optimizer: str | Callable[..., Optimizer] = "adamw",
        schedule: str | Callable[[float], float] = "constant",
        warmup_fraction: float = 0.3,
        betas: tuple[float, float] = (0.9, 0.999),
        weight_decay: float = 0.0,
        start: str = "random",
        principal_rate: float | None = None,
        subspace: float = 0.0,
        compile: bool = False,
    ) -> None:
        self.max_epochs = max_epochs
        self.min_steps = min_steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.schedule = schedule
        self.warmup_fraction = warmup_fraction
        self.betas = betas
        self.weight_decay = weight_decay
        self.start = start
        self.principal_rate = principal_rate
        self.subspace = subspace
        self.compile = compile

    def _validate_params(self) -> None:
        super()._validate_params()
        betas = tuple(self.betas)
        if len(betas) != 2 or not all(isinstance(b, Real) and 0 <= b < 1 for b in betas):
            raise SettingError(
                f"betas={betas!r}, expected two numbers in [0, 1) such as (0.9, 0.999)"
            )

    def replaced(self, **settings: Any) -> Recipe:
        """Return a validated copy with those ``settings`` that are not None.

        An explicit ``max_epochs`` is exact: it turns ``min_steps`` off. An explicit
        ``learning_rate`` is that of every start.
        """
        given = {name: value for name, value in settings.items() if value is not None}
        if "max_epochs" in given:
            given["min_steps"] = 0
        if "learning_rate" in given:
            given["principal_rate"] = None
        return self.with_settings(**given)

    def started(self, *, from_pca: bool) -> Recipe:
        """Return what is followed from a start that was, or was not, principal components."""
        if not from_pca:
            return self.with_settings(start="random", principal_rate=None)
        return self.with_settings(learning_rate=self.principal_rate or self.learning_rate)

    def with_settings(self, **settings: Any) -> Recipe:
        """Return a validated copy with those ``settings``."""
        recipe = Recipe(**(self.get_params(deep=False) | settings))
        recipe._validate_params()
        return recipe

    def n_epochs(self, n_rows: int) -> int:
        """Return the passes to make over ``n_rows`` training rows."""
        return max(self.max_epochs, math.ceil(self.min_steps / self.steps_per_epoch(n_rows)))

    def steps_per_epoch(self, n_rows: int) -> int:
        """Return the steps of one pass over ``n_rows`` training rows."""
        return math.ceil(n_rows / self.batch_size)

    def rate(self, progress: float) -> float:
        """Return the learning rate when a fraction ``progress`` of the steps is done."""
        if callable(self.schedule):
            return self.learning_rate * float(self.schedule(progress))
        if self.schedule == "constant":
            return self.learning_rate
        if progress < self.warmup_fraction:
            # From a 25th of the peak: a first step of zero would be a step wasted.
            return self.learning_rate * (0.04 + 0.96 * progress / self.warmup_fraction)
        remaining = (1 - progress) / (1 - self.warmup_fraction)
        return self.learning_rate * 0.5 * (1 - math.cos(math.pi * remaining))

    def new_optimizer(self, parameters: Iterable[nn.Parameter]) -> Optimizer:
        """Return the optimizer of these parameters; AdamW's fused form passes over them once."""
        if callable(self.optimizer):
            decay = {"weight_decay": self.weight_decay} if self.weight_decay else {}
            return self.optimizer(parameters, lr=self.learning_rate, **decay)
        return torch.optim.AdamW(
            parameters,
            lr=self.learning_rate,
            betas=(self.betas[0], self.betas[1]),
            weight_decay=self.weight_decay,
            fused=True,
        )


#: Adam at a constant rate, exactly as the lecture trains.
LECTURE = Recipe()

#: One cycle to a high peak with a short memory of the second moment. The principal components that
#: are left out make an epoch several times shorter, and the network does not learn their noise. A
#: few hundred rows want 400 steps; with twice as many they are learnt by heart.
FAST = Recipe(
    max_epochs=10,
    min_steps=400,
    batch_size=200,
    learning_rate=1e-2,
    schedule="one-cycle",
    betas=(0.9, 0.98),
    subspace=0.15,
)

#: The same for the variational model, whose noisy gradients want larger batches, and longer.
FAST_VARIATIONAL = Recipe(
    **(
        FAST.get_params()
        | {"max_epochs": 16, "min_steps": 200, "batch_size": 400, "learning_rate": 1.2e-2}
    )
)

#: Convolutions want more steps of smaller batches, at a lower rate, and some decay.
CONVOLUTIONAL = {"min_steps": 1600, "batch_size": 32, "weight_decay": 1.0, "subspace": 0.0}

#: Their peak rates; the bound of a variational model is steeper. At 4e-3, one seed in four stayed
#: at twice the error on 2,100 images of 64x64x3.
CONVOLUTIONAL_RATE, CONVOLUTIONAL_VARIATIONAL_RATE = 3e-3, 2e-3

#: Rows of fewer columns are a table. A step costs little, and half a step for each row pays, a
#: tenth for a variational model, up to what 400 steps of the lecture's digits cost.
FEWEST_FEATURES, STEPS_TIMES_FEATURES = 128, 400 * 784
STEPS_PER_ROW, VARIATIONAL_STEPS_PER_ROW = 0.5, 0.1

#: Decay keeps an autoencoder from learning the noise of a few rows by heart: weights shrink as much
#: in a longer training as in one of 400 steps at this decay. A variational model has noise itself.
DECAY, DECAYING_STEPS = 0.5, 400

#: Of more columns, the peak rate falls in proportion.
MOST_FEATURES = 2048

#: With fewer rows than columns, the peak rate of a network that starts from PCA, per row and
#: column.
RATE_FROM_PCA = 5e-4


def suited_to(
    recipe: Recipe,
    n_features: int,
    n_rows: int,
    *,
    convolutional: bool = False,
    variational: bool = False,
) -> Recipe:
    """Return a fast recipe with what the shape of the training rows asks for.

    - Convolutions: `CONVOLUTIONAL`.
    - Tables of fewer than 128 columns: at least half a step for each row, or a tenth for a
      variational model, as long as steps times columns are no more than those of 400 steps of the
      lecture's digits; and weight decay for an autoencoder.
    - More than 2,048 columns: a peak rate that falls in proportion to the columns.
    - Fewer rows than columns: a start from principal components, where there can be one, and then
      a peak rate in proportion to the rows for each column.

    Parameters
    ----------
    recipe : Recipe
        `FAST` or `FAST_VARIATIONAL`, which suit the lecture's digits.
    n_features : int
        D.
    n_rows : int
        The training rows.
    convolutional, variational : bool
        Whether the network has convolutions, and the model a bound for its objective.

    Examples
    --------
    >>> suited_to(FAST, 784, 16_000).get_params() == FAST.get_params()
    True
    >>> suited_to(FAST, 20, 5_000)
    Recipe(batch_size=200, betas=(0.9, 0.98), learning_rate=0.01, max_epochs=10,
           min_steps=2500, schedule='one-cycle', subspace=0.15, weight_decay=0.08)
    >>> suited_to(FAST, 12_288, 2_400).start
    'principal'
    """
    if convolutional:
        rate = CONVOLUTIONAL_VARIATIONAL_RATE if variational else CONVOLUTIONAL_RATE
        return recipe.with_settings(**CONVOLUTIONAL, learning_rate=rate)
    if n_features < FEWEST_FEATURES:
        per_row = VARIATIONAL_STEPS_PER_ROW if variational else STEPS_PER_ROW
        steps = min(int(per_row * n_rows), STEPS_TIMES_FEATURES // n_features)
        steps = max(recipe.min_steps, steps)
        decay = 0.0 if variational else DECAY * DECAYING_STEPS / steps
        return recipe.with_settings(min_steps=steps, weight_decay=decay)
    rate = recipe.learning_rate * min(1.0, MOST_FEATURES / n_features)
    if n_rows < n_features:
        from_pca = RATE_FROM_PCA * n_rows / n_features
        recipe = recipe.with_settings(start="principal", principal_rate=from_pca)
    return recipe.with_settings(learning_rate=rate)
