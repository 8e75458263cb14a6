"""Recipes: the optimizer, schedule, precision and length of a training."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import torch
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from torch import nn
from torch.optim import Optimizer

from utsushi._utils.str_options import SortedStrOptions
from utsushi.exceptions import SettingError

__all__ = ["LECTURE", "Recipe", "fast_settings"]

_POSITIVE_INTEGER = Interval(Integral, 1, None, closed="left")
_POSITIVE = Interval(Real, 0, None, closed="neither")
_NOT_NEGATIVE = Interval(Real, 0, None, closed="left")
_FRACTION = Interval(Real, 0, 1, closed="left")

#: The constant rate of a stream, as a part of the peak of a schedule.
STREAM_RATE = 0.1

#: The default of a parameter whose value the name of a recipe and the shape of the data decide.
_BY_NAME: Any = None


@dataclass(kw_only=True, eq=False, repr=False)
class Recipe(BaseEstimator):
    """Optimizer, schedule, precision and length of a training.

    ``recipe="fast"`` of an estimator is ``Recipe("fast")``. A parameter that is None takes the
    value of the named recipe; ``recipe_`` of the fitted estimator holds all values.

    Parameters
    ----------
    name : {"fast", "lecture"}, default="fast"
        ``"fast"`` is one cycle to a high learning rate, with steps, rate and weight decay that
        follow from the shape of the data: `fast_settings`. ``"lecture"`` is `LECTURE`.
    max_epochs : int >= 1, optional
        Passes over the training samples. The estimator's own ``max_epochs`` precedes it. A number
        that you set is exact: ``min_steps`` does not apply.
    min_steps : int >= 0, optional
        Where ``max_epochs`` passes make fewer steps than this, more passes are made: a schedule
        that suits 16,000 images would leave 150 samples untrained.
    batch_size : int >= 1, optional
        Samples per step; the last batch of an epoch may be smaller, and is used.
    learning_rate : float > 0, optional
        The rate, or the peak of the schedule.
    optimizer : "adamw" or callable, optional
        ``"adamw"`` is Adam with decoupled weight decay, which without decay is plain Adam. A
        callable, such as `torch.optim.SGD`, is called with the parameters and ``lr``, and with
        ``weight_decay`` where that is above 0. It returns a torch optimizer that steps without a
        closure.
    schedule : {"constant", "one-cycle"} or callable, optional
        ``"one-cycle"`` warms up linearly and anneals to zero on a half cosine; Smith and Topin
        2018, https://arxiv.org/abs/1708.07120. A callable takes the fraction of the steps that is
        done, in [0, 1), and returns a factor of ``learning_rate``.
    warmup_fraction : float in [0, 1), optional
        The part of a one-cycle schedule that warms up.
    betas : pair of float in [0, 1), optional
        Adam's decay rates of the first and the second moment.
    weight_decay : float >= 0, optional
        Decoupled weight decay per unit of learning rate.
    start : {"random", "principal"}, optional
        The weights before the first step: random, or such that a dense network with one hidden
        layer computes PCA, if it is trained in a subspace. See `utsushi.training.pca_start`.
    principal_rate : float > 0, optional
        The peak rate of a training that started from principal components; without one it is
        ``learning_rate``.
    subspace : float in [0, 1), optional
        A dense network with a linear output, without augmentation, corruption or penalty, is
        trained in the leading principal components of the scaled samples: in so many that the
        variance outside of them is at most this part of what PCA with as many components as the
        code leaves. 0 trains on the columns themselves. See `utsushi.training.subspace`.
    last_layer_ridge : float >= 0, optional
        After the last step, the last layer of a network that may be trained in a subspace is solved
        in closed form, with this penalty: see `utsushi.training.last_layer`. 0 leaves it as it is.
    validation_fraction : float in [0, 1), default=0.0
        The fraction of the training samples to hold out, rounded down, which may be none.
    early_stopping : int >= 1 or None, default=None
        Stop after so many epochs without a better objective of the held-out samples, and restore
        the parameters of the best epoch.
    precision : {"float32", "bfloat16"}, default="float32"
        The products of training; parameters and inference are always float32.
    compile : bool, default=False
        Whether `torch.compile` compiles encoder and decoder, which takes 10 to 20 s and needs a
        C++ compiler.

    Examples
    --------
    >>> import numpy as np
    >>> from utsushi import Autoencoder
    >>> X = np.random.default_rng(0).random((100, 20))
    >>> recipe = Recipe(batch_size=50, validation_fraction=0.2)
    >>> model = Autoencoder(2, recipe=recipe, max_epochs=3, random_state=0).fit(X)
    >>> model.recipe_.batch_size, model.recipe_.learning_rate, len(model.history_)
    (50, 0.01, 3)
    """

    name: str = field(default="fast", kw_only=False)
    max_epochs: int = _BY_NAME
    min_steps: int = _BY_NAME
    batch_size: int = _BY_NAME
    learning_rate: float = _BY_NAME
    optimizer: str | Callable[..., Optimizer] = _BY_NAME
    schedule: str | Callable[[float], float] = _BY_NAME
    warmup_fraction: float = _BY_NAME
    betas: tuple[float, float] = _BY_NAME
    weight_decay: float = _BY_NAME
    start: str = _BY_NAME
    principal_rate: float | None = None
    subspace: float = _BY_NAME
    last_layer_ridge: float = _BY_NAME
    validation_fraction: float = 0.0
    early_stopping: int | None = None
    precision: str = "float32"
    compile: bool = False

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "name": [SortedStrOptions({"fast", "lecture"})],
        "max_epochs": [_POSITIVE_INTEGER, None],
        "min_steps": [Interval(Integral, 0, None, closed="left"), None],
        "batch_size": [_POSITIVE_INTEGER, None],
        "learning_rate": [_POSITIVE, None],
        "optimizer": [SortedStrOptions({"adamw"}), callable, None],
        "schedule": [SortedStrOptions({"constant", "one-cycle"}), callable, None],
        "warmup_fraction": [_FRACTION, None],
        "betas": ["array-like", None],
        "weight_decay": [_NOT_NEGATIVE, None],
        "start": [SortedStrOptions({"random", "principal"}), None],
        "principal_rate": [_POSITIVE, None],
        "subspace": [_FRACTION, None],
        "last_layer_ridge": [_NOT_NEGATIVE, None],
        "validation_fraction": [_FRACTION],
        "early_stopping": [_POSITIVE_INTEGER, None],
        "precision": [SortedStrOptions({"float32", "bfloat16"})],
        "compile": ["boolean"],
    }

    def _validate_params(self) -> None:
        super()._validate_params()
        betas = (0.9, 0.999) if self.betas is None else tuple(self.betas)
        if len(betas) != 2 or not all(isinstance(b, Real) and 0 <= b < 1 for b in betas):
            raise SettingError(
                f"betas must be two numbers in [0, 1) such as (0.9, 0.999), got {betas!r}."
            )

    def completed(self, fast: Mapping[str, Any]) -> Self:
        """Return a validated copy with a value for every parameter.

        Parameters
        ----------
        fast : mapping of str to value
            The values of the name "fast"; those of the name "lecture" are `LECTURE`.
        """
        settings = {k: v for k, v in self.get_params(deep=False).items() if v is not None}
        default = dict(LECTURE if self.name == "lecture" else fast)
        if "max_epochs" in settings:
            default["min_steps"] = 0
        if "learning_rate" in settings:  # it applies to every start
            default.pop("principal_rate", None)
        return self.with_settings(**(default | settings))

    def started(self, *, from_pca: bool) -> Self:
        """Return the recipe for a start from principal components, or from random weights."""
        if not from_pca:
            return self.with_settings(start="random", principal_rate=None)
        return self.with_settings(learning_rate=self.principal_rate or self.learning_rate)

    def for_stream(self) -> Self:
        """Return the recipe of one pass of `partial_fit`, at a constant rate on all columns."""
        rate = self.learning_rate * (1 if self.schedule == "constant" else STREAM_RATE)
        return self.with_settings(
            max_epochs=1,
            min_steps=0,
            learning_rate=rate,
            schedule="constant",
            start="random",
            principal_rate=None,
            subspace=0.0,
            last_layer_ridge=0.0,
        )

    def with_settings(self, **settings: Any) -> Self:
        """Return a validated copy with those ``settings``."""
        recipe = type(self)(**(self.get_params(deep=False) | settings))
        recipe._validate_params()
        return recipe

    def n_epochs(self, n_rows: int) -> int:
        """Return the passes to make over ``n_rows`` training samples."""
        return max(self.max_epochs, math.ceil(self.min_steps / self.steps_per_epoch(n_rows)))

    def steps_per_epoch(self, n_rows: int) -> int:
        """Return the steps of one pass over ``n_rows`` training samples."""
        return math.ceil(n_rows / self.batch_size)

    def rate(self, progress: float) -> float:
        """Return the learning rate when a fraction ``progress`` of the steps is done."""
        if callable(self.schedule):
            return self.learning_rate * float(self.schedule(progress))
        if self.schedule == "constant":
            return self.learning_rate
        if progress < self.warmup_fraction:
            # From a 25th of the peak, because a step at a rate of zero learns nothing.
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
LECTURE: dict[str, Any] = {
    "max_epochs": 30,
    "min_steps": 0,
    "batch_size": 100,
    "learning_rate": 1e-3,
    "optimizer": "adamw",
    "schedule": "constant",
    "warmup_fraction": 0.3,
    "betas": (0.9, 0.999),
    "weight_decay": 0.0,
    "start": "random",
    "subspace": 0.0,
    "last_layer_ridge": 0.0,
}

#: One cycle to a high peak with a short memory of the second moment. The principal components that
#: are left out make an epoch several times shorter, and the network does not learn their noise. A
#: few hundred samples need 400 steps; with twice as many steps the model overfits.
_FAST = LECTURE | {
    "max_epochs": 10,
    "min_steps": 400,
    "batch_size": 200,
    "learning_rate": 1e-2,
    "schedule": "one-cycle",
    "betas": (0.9, 0.98),
    "subspace": 0.15,
}

#: The noisy gradients of a variational model need larger batches and more epochs.
_VARIATIONAL = {"max_epochs": 16, "min_steps": 200, "batch_size": 400, "learning_rate": 1.2e-2}

#: Where the last layer can be solved in closed form, fewer components and steps are enough.
_LEAST_SQUARES = {"max_epochs": 7, "batch_size": 128, "subspace": 0.3}
_VARIATIONAL_LEAST_SQUARES = {"max_epochs": 12, "subspace": 0.3}

#: The penalty, and the one for fewer than four samples for each column, to which the layer would
#: fit so closely that the calibrated noise of a variational model is too small for others.
_RIDGE, _RIDGE_OF_FEW, _ROWS_PER_COLUMN = 0.3, 4.0, 4

#: Convolutions need more steps of smaller batches, at a lower rate, and some decay.
_CONVOLUTIONAL = {"min_steps": 1600, "batch_size": 32, "weight_decay": 1.0, "subspace": 0.0}

#: Their peak rates; the bound of a variational model is steeper. At 4e-3, one seed in four stayed
#: at twice the error on 2,100 images of 64x64x3.
_CONVOLUTIONAL_RATE, _CONVOLUTIONAL_VARIATIONAL_RATE = 3e-3, 2e-3

#: Samples of fewer columns are a table. A step costs little, and half a step for each sample pays,
#: a tenth for a variational model, up to what 400 steps of the lecture's digits cost.
_FEWEST_FEATURES, _STEPS_TIMES_FEATURES = 128, 400 * 784
_STEPS_PER_ROW, _VARIATIONAL_STEPS_PER_ROW = 0.5, 0.1

#: Decay keeps an autoencoder from learning the noise of a few samples: weights shrink as much in a
#: longer training as in one of 400 steps at this decay. A variational model has noise itself.
_DECAY, _DECAYING_STEPS = 0.5, 400

#: Of more columns, the peak rate falls in proportion.
_MOST_FEATURES = 2048

#: With fewer samples than columns, the peak rate of a network that starts from PCA, per sample and
#: column.
_RATE_FROM_PCA = 5e-4


def fast_settings(
    n_features: int,
    n_rows: int,
    *,
    convolutional: bool = False,
    variational: bool = False,
    least_squares: bool = False,
) -> dict[str, Any]:
    """Return the values of ``recipe="fast"``, by the shape of the training samples.

    - Convolutions: smaller batches, a lower rate, weight decay, at least 1,600 steps.
    - Tables of fewer than 128 columns: at least half a step for each sample, or a tenth for a
      variational model, as long as steps times columns are no more than those of 400 steps of the
      lecture's digits; and weight decay for an autoencoder.
    - Otherwise, where the last layer can be solved in closed form: fewer epochs, in fewer principal
      components.
    - More than 2,048 columns: a peak rate that falls in proportion to the columns.
    - Fewer samples than columns: a start from principal components, where there can be one, and
      then a peak rate in proportion to the samples for each column.

    Parameters
    ----------
    n_features : int
        D.
    n_rows : int
        The training samples.
    convolutional, variational : bool
        Whether the network has convolutions, and the model a bound for its objective.
    least_squares : bool
        Whether the network is dense with a linear output, and the decoder of the least squared
        error is the best one for given codes.

    Returns
    -------
    dict of str to value
        Parameters of `Recipe`.

    Examples
    --------
    >>> settings = fast_settings(20, 5_000)
    >>> settings["min_steps"], settings["weight_decay"]
    (2500, 0.08)
    >>> fast_settings(12_288, 2_400)["start"]
    'principal'
    """
    settings = _FAST | (_VARIATIONAL if variational else {})
    if convolutional:
        rate = _CONVOLUTIONAL_VARIATIONAL_RATE if variational else _CONVOLUTIONAL_RATE
        return settings | _CONVOLUTIONAL | {"learning_rate": rate}
    if n_features < _FEWEST_FEATURES:
        per_row = _VARIATIONAL_STEPS_PER_ROW if variational else _STEPS_PER_ROW
        steps = min(int(per_row * n_rows), _STEPS_TIMES_FEATURES // n_features)
        steps = max(settings["min_steps"], steps)
        decay = 0.0 if variational else _DECAY * _DECAYING_STEPS / steps
        return settings | {"min_steps": steps, "weight_decay": decay}
    if least_squares:
        settings |= _VARIATIONAL_LEAST_SQUARES if variational else _LEAST_SQUARES
        is_few = n_rows < _ROWS_PER_COLUMN * n_features
        settings["last_layer_ridge"] = _RIDGE_OF_FEW if is_few else _RIDGE
    settings["learning_rate"] *= min(1.0, _MOST_FEATURES / n_features)
    if n_rows < n_features:
        from_pca = _RATE_FROM_PCA * n_rows / n_features
        settings |= {"start": "principal", "principal_rate": from_pca}
    return settings
