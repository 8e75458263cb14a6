"""The parameters that the estimators share: defaults, constraints and the objects they name."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any, Self, TypeVar, dataclass_transform

import numpy as np
import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import Interval
from torch import Tensor

from utsushi._utils.docstrings import complete_docstring
from utsushi._utils.str_options import SortedStrOptions
from utsushi.estimators.registry import CHOICES, register_estimator
from utsushi.exceptions import SettingError, UtsushiWarning
from utsushi.networks import Network
from utsushi.networks.base import SIZES, as_sizes, is_size
from utsushi.samplers import Sampler
from utsushi.training import Recipe
from utsushi.transforms.augmentation import Augmentation
from utsushi.transforms.scaling import SCALINGS

__all__ = [
    "COMMON_CONSTRAINTS",
    "MOVED",
    "Parameters",
    "WithObjects",
    "check_image_shape",
    "check_moved",
    "check_output",
    "describes",
    "estimator",
    "network_of",
    "one_of",
    "resolve_device",
]

T = TypeVar("T")


class WithObjects(BaseEstimator):
    """An estimator with parameters that take an object, or a name that abbreviates one."""

    def chosen(self, name: str) -> Any:
        """Return a fresh object for a parameter that takes a name or an object.

        Examples
        --------
        >>> from utsushi import Autoencoder
        >>> Autoencoder(network="conv").chosen("network")
        Conv()
        """
        value = getattr(self, name)
        if isinstance(value, str):
            return CHOICES[name][1][value]()
        return clone(value) if isinstance(value, BaseEstimator) else value

    def set_params(self, **params: Any) -> Self:
        """Set parameters, and those inside of objects, such as ``recipe__learning_rate``.

        A name is replaced by the object that it abbreviates if a parameter inside of it is set.

        Examples
        --------
        >>> from utsushi import Autoencoder
        >>> Autoencoder().set_params(recipe__learning_rate=0.003)
        Autoencoder(recipe=Recipe(learning_rate=0.003))
        """
        check_moved(type(self), params)
        objects = {}
        for name in params:
            outer, _, inner = name.partition("__")
            if inner and outer in CHOICES and outer in self._get_param_names():
                value = params.get(outer, getattr(self, outer))
                objects[outer] = _object_with(name, value)
        super().set_params(**params | objects)
        return self

    def check_parameters(self) -> None:
        """Check the parameters, and those inside of objects, as `fit` does."""
        self._validate_params()
        for name in filter(CHOICES.__contains__, self._get_param_names()):
            value = self.chosen(name)
            if hasattr(value, "_parameter_constraints"):
                value._validate_params()


@dataclass(kw_only=True, eq=False, repr=False)
class Parameters(WithObjects):
    """The parameters that every autoencoder has; a subclass adds its own as fields.

    A parameter that takes an object takes its name, too: ``network="conv"`` is
    ``network=networks.Conv()``. Options of the object are set inside of it, or reached by
    `set_params`: ``recipe__batch_size``.
    """

    n_components: int = field(default=10, kw_only=False)
    network: str | Network = "dense"
    hidden: int | tuple[int, ...] | None = None
    image_shape: tuple[int, ...] | None = None
    scaling: str | None = "center"
    missing: str = "raise"
    sampler: str | Sampler = "mixture"
    augment: str | Augmentation | None = None
    recipe: str | Recipe = "fast"
    max_epochs: int | None = None
    random_state: int | np.random.RandomState | None = None
    device: str = "auto"
    verbose: int = 0


def _object_with(name: str, setting: Any) -> Any:
    """Return the object that a parameter is, or that its name abbreviates.

    Parameters
    ----------
    name : str
        A parameter inside of it, such as ``"network__channels"``.
    setting : object, str or None

    Raises
    ------
    SettingError
        If the object has no such parameter, or there is no object.
    """
    outer, _, inner = name.partition("__")
    members = CHOICES[outer][1]

    def has_parameter(value: Any) -> bool:
        params = value.get_params(deep=False) if isinstance(value, BaseEstimator) else {}
        return inner.partition("__")[0] in params

    if isinstance(setting, str) and setting not in members:
        raise SettingError(f"{outer} must be {' or '.join(map(repr, members))}, got {setting!r}.")
    value = members[setting]() if isinstance(setting, str) else setting
    if not has_parameter(value):
        first = next((member for member, make in members.items() if has_parameter(make())), None)
        fix = f"Choose another {outer}" if first is None else f"Set {outer}={first!r}"
        problem = f"{name} is not a parameter of {outer}={setting!r}"
        if value is None:
            problem = f"{outer} must be set where {name} is, got {outer}=None"
        raise SettingError(f"{problem}. {fix}, or leave {name} out.")
    return value


#: How far outside of 0 to 1 a float32 may lie that was scaled to lie within.
RANGE_ROUNDING = 1e-5

_POSITIVE_INTEGER = Interval(Integral, 1, None, closed="left")


def one_of(name: str) -> list[Any]:
    """Return scikit-learn's constraints of a parameter that takes a name or an object."""
    base, table = CHOICES[name]
    return [SortedStrOptions(set(table)), base]


#: scikit-learn's parameter constraints of the parameters that all estimators share.
COMMON_CONSTRAINTS: dict[str, list[Any]] = {
    "n_components": [_POSITIVE_INTEGER],
    "network": one_of("network"),
    "hidden": [*SIZES, None],
    "image_shape": ["array-like", None],
    "scaling": [SortedStrOptions(set(SCALINGS)), None],
    "missing": [SortedStrOptions({"raise", "mask"})],
    "sampler": one_of("sampler"),
    "augment": [*one_of("augment"), None],
    "recipe": one_of("recipe"),
    "max_epochs": [_POSITIVE_INTEGER, None],
    "random_state": ["random_state"],
    "device": [str],
    "verbose": ["verbose"],
}

#: Where parameters went that estimators had before 0.2: the parameter of an object.
MOVED = {
    "channels": "network__channels",
    "activation": "network__activation",
    "batch_size": "recipe__batch_size",
    "learning_rate": "recipe__learning_rate",
    "weight_decay": "recipe__weight_decay",
    "validation_fraction": "recipe__validation_fraction",
    "early_stopping": "recipe__early_stopping",
    "precision": "recipe__precision",
    "regularizer": "penalty",
    "regularization": "penalty__strength",
    "n_samples": "objective__n_samples",
    "free_bits": "objective__free_bits",
    "kl_warmup_epochs": "objective__kl_warmup_epochs",
    "n_importance_samples": "objective__n_samples",
    "importance_gradient": "objective__gradient",
}

#: An object that has such a parameter, by the name of the parameter or of the object.
_OBJECTS = {
    "network": "networks.Conv",
    "recipe": "Recipe",
    "penalty": "objectives.Sparse",
    "objective": "objectives.ELBO",
    "n_importance_samples": "objectives.ImportanceWeighted",
    "importance_gradient": "objectives.ImportanceWeighted",
}


def check_moved(cls: type[Any], params: Iterable[str]) -> None:
    """Raise an error that says where a parameter of version 0.1 went.

    Raises
    ------
    SettingError
        For the first that is in `MOVED`.

    Examples
    --------
    >>> from utsushi import Autoencoder
    >>> Autoencoder(batch_size=50)
    Traceback (most recent call last):
    utsushi.exceptions.SettingError: batch_size is not a parameter of Autoencoder. Set
    recipe=Recipe(batch_size=…), or call set_params(recipe__batch_size=…).
    """
    names = set(cls._get_param_names())
    for name in params:
        if name == "warm_start" and name not in names:
            raise SettingError(
                f"warm_start is not a parameter of {cls.__name__}. Pass it to fit: "
                "fit(X, warm_start=True)."
            )
        outer, _, inner = MOVED.get(name, "").partition("__")
        if name in names or outer not in names:
            continue
        if inner:
            fix = f"Set {outer}={_OBJECTS.get(name, _OBJECTS[outer])}({inner}=…)"
            # The default objective has no such parameter, or another one of that name.
            fix += "." if name in _OBJECTS else f", or call set_params({MOVED[name]}=…)."
        else:
            fix = f"Its name is {outer} now."
        raise SettingError(f"{name} is not a parameter of {cls.__name__}. {fix}")


@dataclass_transform(kw_only_default=True, eq_default=False, field_specifiers=(field,))
def estimator(cls: type[T]) -> type[T]:
    """Decorate a class whose fields are the parameters of an estimator.

    It becomes a dataclass that model files can hold; its constructor raises an error that says
    where a parameter of version 0.1 went. Its docstring names inherited parameters, too.
    """
    cls.__doc__ = complete_docstring(cls)
    made = register_estimator(dataclass(kw_only=True, eq=False, repr=False)(cls))
    initialize: Callable[..., None] = made.__init__

    @functools.wraps(initialize)
    def checked(self: Any, *args: Any, **params: Any) -> None:
        check_moved(made, params)
        for name in params:
            if name.partition("__")[0] in CHOICES and "__" in name:
                raise SettingError(
                    f"{name} must be set by set_params, got it in the constructor. Call "
                    f"{made.__name__}(…).set_params({name}=…)."
                )
        initialize(self, *args, **params)

    setattr(made, "__init__", checked)  # noqa: B010 - mypy refuses the assignment
    return made


def resolve_device(device: str) -> torch.device:
    """Return the device of a name; "auto" is the accelerator, if there is one.

    Raises
    ------
    SettingError
        If torch or this machine has no such device.

    Examples
    --------
    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if device == "auto":
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        return accelerator or torch.device("cpu")
    try:
        resolved = torch.empty(0, device=device).device
        if resolved.type == "meta":  # which holds no numbers
            raise ValueError("a device without memory")
        return resolved
    except (RuntimeError, AssertionError, ValueError) as error:
        raise SettingError(
            "device must be 'auto', 'cpu' or an accelerator of this machine that torch supports, "
            f"got {device!r}. Try device='auto'."
        ) from error


def check_image_shape(image_shape: Iterable[Any] | None, n_features: int) -> None:
    """Refuse an image shape that samples of ``n_features`` values do not have.

    Raises
    ------
    SettingError
        If it is not the shape of an image, or has another number of values.

    Examples
    --------
    >>> check_image_shape((3, 8, 8), 192)
    """
    if image_shape is None:
        return
    shape = tuple(image_shape)
    if len(shape) not in (2, 3) or not all(is_size(n) for n in shape):
        raise SettingError(
            "image_shape must be (height, width) or (channels, height, width), positive integers, "
            f"got {shape!r}."
        )
    if math.prod(shape) != n_features:
        raise SettingError(
            f"image_shape must have {n_features} values, as a sample has, got {shape!r}, which has "
            f"{math.prod(shape)}. Give the shape of an image before it was flattened."
        )


def check_output(network: Network, rows: Iterable[Tensor]) -> None:
    """Refuse a network that gives values from 0 to 1 for scaled training data outside of them.

    Raises
    ------
    SettingError
        If its ``output`` is "sigmoid" and a value of the blocks ``rows`` lies outside of 0 to 1 by
        more than a rounding error.

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
            "the scaled training data must lie between 0 and 1 for output='sigmoid', got values "
            f"from {low:.4g} to {high:.4g}. Set scaling='minmax', or None for data from 0 to 1."
        )


def _normalized(setting: Any) -> Any:
    """Return a setting of a network in one form: 5, [5] and (5,) are equal."""
    if isinstance(setting, BaseEstimator):
        params = setting.get_params(deep=False)
        return type(setting), {name: _normalized(value) for name, value in params.items()}
    sizes = isinstance(setting, Integral | list | tuple | range | np.ndarray)
    return as_sizes(setting) if sizes else setting


def describes(network: Network, other: Network) -> bool:
    """Tell whether two networks are equal, except for settings that the first leaves open."""
    open_, chosen = network.get_params(deep=False), other.get_params(deep=False)
    return type(network) is type(other) and all(
        value is None or _normalized(value) == _normalized(chosen[name])
        for name, value in open_.items()
    )


def network_of(estimator: Parameters, *, warn: bool = False) -> Network:
    """Return the network that an estimator's parameters describe.

    A size of None is chosen by the data's shape in ``fit``. With ``warn``, it warns if ``hidden``
    has no effect.

    Examples
    --------
    >>> from utsushi import Autoencoder
    >>> network_of(Autoencoder(hidden=(500,)))
    Dense(hidden=(500,))
    """
    network: Network = estimator.chosen("network")
    hidden = estimator.hidden
    if hidden is None:
        return network
    params = network.get_params(deep=False)
    if "hidden" in params and params["hidden"] is None:
        network.set_params(hidden=hidden)
    elif warn and ("hidden" not in params or _normalized(params["hidden"]) != _normalized(hidden)):
        has = "has no hidden" if "hidden" not in params else "has its own"
        warnings.warn(
            f"hidden={hidden!r} has no effect, because network={estimator.network!r} {has}. Leave "
            "one of them out.",
            UtsushiWarning,
            stacklevel=5,  # the caller of fit
        )
    return network
