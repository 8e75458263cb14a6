"""What the parameters of the estimators may be, and what they stand for."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import Interval
from torch import Tensor

from utsushi._utils.str_options import Names
from utsushi.exceptions import SettingError, UtsushiWarning
from utsushi.networks import NETWORKS, Network
from utsushi.networks.base import SIZES, as_sizes, is_size
from utsushi.networks.dense import ACTIVATIONS
from utsushi.samplers import Sampler
from utsushi.training import Recipe
from utsushi.transforms.augmentation import AUGMENTATIONS, Augmentation
from utsushi.transforms.scaling import SCALINGS

__all__ = [
    "COMMON_CONSTRAINTS",
    "Parameters",
    "check_image_shape",
    "check_output",
    "describes",
    "network_of",
    "resolve",
    "resolve_device",
]

T = TypeVar("T")


@dataclass(kw_only=True, eq=False, repr=False)
class Parameters(BaseEstimator):
    """The parameters that every autoencoder has; a subclass adds its own as fields."""

    n_components: int = field(default=10, kw_only=False)
    network: str | Network = "dense"
    hidden: int | tuple[int, ...] | None = None
    channels: int | tuple[int, ...] | None = None
    activation: str | None = None
    image_shape: tuple[int, ...] | None = None
    scaling: str | None = "center"
    missing: str = "refuse"
    sampler: str | Sampler = "mixture"
    augment: str | Augmentation | None = None
    recipe: str | Recipe = "fast"
    max_epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    validation_fraction: float = 0.0
    early_stopping: int | None = None
    random_state: int | np.random.RandomState | None = None
    device: str = "auto"
    precision: str = "float32"
    verbose: int = 0


#: How far outside of 0 to 1 a float32 may lie that was scaled to lie within.
RANGE_ROUNDING = 1e-5

_POSITIVE_INTEGER = Interval(Integral, 1, None, closed="left")
_POSITIVE_REAL = Interval(Real, 0, None, closed="neither")

#: scikit-learn's parameter constraints of the parameters that all estimators share.
COMMON_CONSTRAINTS: dict[str, list[Any]] = {
    "n_components": [_POSITIVE_INTEGER],
    "network": [Names(set(NETWORKS)), Network],
    "hidden": [*SIZES, None],
    "channels": [*SIZES, None],
    "activation": [Names(set(ACTIVATIONS)), None],
    "image_shape": ["array-like", None],
    "scaling": [Names(set(SCALINGS)), None],
    "missing": [Names({"refuse", "mask"})],
    "augment": [Names(set(AUGMENTATIONS)), Augmentation, None],
    "recipe": [Names({"fast", "lecture"}), Recipe],
    "max_epochs": [_POSITIVE_INTEGER, None],
    "batch_size": [_POSITIVE_INTEGER, None],
    "learning_rate": [_POSITIVE_REAL, None],
    "weight_decay": [Interval(Real, 0, None, closed="left"), None],
    "validation_fraction": [Interval(Real, 0, 1, closed="left")],
    "early_stopping": [_POSITIVE_INTEGER, None],
    "random_state": ["random_state"],
    "device": [str],
    "precision": [Names({"float32", "bfloat16"})],
    "verbose": ["verbose"],
}


def resolve(choice: str | T, table: Mapping[str, type[T]]) -> T:
    """Return a fresh object for a parameter that takes a name or an object.

    Examples
    --------
    >>> resolve("dense", NETWORKS)
    Dense()
    """
    if isinstance(choice, str):
        return table[choice]()
    copy: T = clone(choice)
    return copy


def resolve_device(device: str) -> torch.device:
    """Return the device that a name stands for; "auto" is the accelerator, if there is one.

    Raises
    ------
    SettingError
        If there is no such device here.

    Examples
    --------
    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if device == "auto":
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        return accelerator or torch.device("cpu")
    try:
        found = torch.empty(0, device=device).device
        if found.type == "meta":  # which holds no numbers
            raise ValueError("a device without memory")
        return found
    except (RuntimeError, AssertionError, ValueError) as error:
        raise SettingError(
            f"device={device!r} cannot be used here, expected 'auto', 'cpu' or an accelerator "
            "that this torch knows and this machine has; try device='auto'"
        ) from error


def check_image_shape(image_shape: Iterable[Any] | None, n_features: int) -> None:
    """Refuse an image shape that rows of ``n_features`` do not have.

    Raises
    ------
    SettingError
        If it is no shape of an image, or one of another number of values.

    Examples
    --------
    >>> check_image_shape((3, 8, 8), 192)
    """
    if image_shape is None:
        return
    shape = tuple(image_shape)
    if len(shape) not in (2, 3) or not all(is_size(n) for n in shape):
        raise SettingError(
            f"image_shape={shape!r} is no image, expected (height, width) or "
            "(channels, height, width)"
        )
    if math.prod(shape) != n_features:
        raise SettingError(
            f"image_shape={shape!r} has {math.prod(shape)} values, but a row has {n_features}; "
            "give the shape that the rows were flattened from"
        )


def check_output(network: Network, rows: Iterable[Tensor]) -> None:
    """Refuse a network that gives 0 to 1 for scaled training rows, in blocks, of other values.

    Raises
    ------
    SettingError
        If its ``output`` is "sigmoid" and a value lies outside of 0 to 1 by more than a rounding.

    Examples
    --------
    >>> from utsushi.networks import Dense
    >>> check_output(Dense(output="sigmoid"), [torch.tensor([[0.0, 0.5]])])
    """
    if network.output != "sigmoid":
        return
    extremes = [(float(block.min()), float(block.max())) for block in rows]
    low, high = min(low for low, _ in extremes), max(high for _, high in extremes)
    if low < -RANGE_ROUNDING or high > 1 + RANGE_ROUNDING:
        raise SettingError(
            f"output='sigmoid' gives 0 to 1, but the scaled training rows run from {low:.4g} to "
            f"{high:.4g}; set scaling=None for values from 0 to 1, or scaling='minmax'"
        )


def _as_given(setting: Any) -> Any:
    """Return a setting of a network such that two ways to write the same are equal."""
    if isinstance(setting, BaseEstimator):
        own = setting.get_params(deep=False)
        return type(setting), {name: _as_given(value) for name, value in own.items()}
    sizes = isinstance(setting, Integral | list | tuple | range | np.ndarray)
    return as_sizes(setting) if sizes else setting


def describes(network: Network, other: Network) -> bool:
    """Tell whether a network is another one, but for settings that it leaves open."""
    open_, chosen = network.get_params(deep=False), other.get_params(deep=False)
    return type(network) is type(other) and all(
        value is None or _as_given(value) == _as_given(chosen[name])
        for name, value in open_.items()
    )


def network_of(estimator: BaseEstimator, *, warn: bool = False) -> Network:
    """Return the network that an estimator's parameters describe; None is what the data decide.

    ``fit`` has it warn where settings of the estimator give way to the network's own.

    Examples
    --------
    >>> from utsushi import Autoencoder
    >>> network_of(Autoencoder(hidden=(500,)))
    Dense(hidden=(500,))
    """
    network: Network = resolve(estimator.network, NETWORKS)
    own = network.get_params(deep=False)
    given = {
        name: getattr(estimator, name)
        for name in ("hidden", "channels", "activation")
        if getattr(estimator, name) is not None
    }
    for name, value in given.items():
        if name not in own:
            said = f"{name}={value!r} with network={estimator.network!r}, which has no {name}"
            advice = f"expected none; leave {name} out"
            if name == "channels":
                advice = f"expected network='conv'; leave {name} out"
        elif own[name] is not None and _as_given(own[name]) != _as_given(value):
            said = f"{name}={value!r} is overruled by network={estimator.network!r}"
            advice = f"expected one of them alone; leave {name} out of the one or of the other"
        else:
            continue
        if warn:
            warnings.warn(f"{said}, {advice}", UtsushiWarning, stacklevel=5)  # the caller of fit
    network.set_params(**{k: v for k, v in given.items() if k in own and own[k] is None})
    return network
