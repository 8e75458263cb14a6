"""The classes that a model file may name: this library's, and those given to `load`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

import torch
from sklearn.base import BaseEstimator

from utsushi.distributions import (
    LIKELIHOODS,
    POSTERIORS,
    PRIORS,
    Likelihood,
    Posterior,
    Prior,
)
from utsushi.exceptions import ModelFileError, SettingError
from utsushi.networks import BOTTLENECKS, NETWORKS, SPARSITIES, Bottleneck, Network, Sparsity
from utsushi.objectives import OBJECTIVES, PENALTIES, Bound, Penalty
from utsushi.samplers import SAMPLERS, Sampler
from utsushi.training import Recipe
from utsushi.transforms.augmentation import AUGMENTATIONS, Augmentation

__all__ = [
    "CHOICES",
    "ESTIMATORS",
    "OwnClasses",
    "check_classes",
    "is_own",
    "name_of",
    "own_classes",
    "register_estimator",
]

T = TypeVar("T")

#: The parts of a header that name classes and functions.
_WITH_NAMES = ("class", "parameters", "network", "recipe", "sampler", "likelihood")

#: Classes and functions from outside of this library, by name.
OwnClasses = Mapping[str, Callable[..., Any]]

#: By name, the estimators that `register_estimator` marks.
ESTIMATORS: dict[str, type[Any]] = {}

#: By parameter, the base of the objects that it takes, and how to make one by its name.
CHOICES: dict[str, tuple[type[BaseEstimator], Mapping[str, Callable[[], BaseEstimator]]]] = {
    "network": (Network, NETWORKS),
    "bottleneck": (Bottleneck, BOTTLENECKS),
    "sparsity": (Sparsity, SPARSITIES),
    "likelihood": (Likelihood, LIKELIHOODS),
    "prior": (Prior, PRIORS),
    "posterior": (Posterior, POSTERIORS),
    "objective": (Bound, OBJECTIVES),
    "penalty": (Penalty, PENALTIES),
    "sampler": (Sampler, SAMPLERS),
    "augment": (Augmentation, AUGMENTATIONS),
    "recipe": (Recipe, {"fast": Recipe, "lecture": partial(Recipe, "lecture")}),
}

#: By parameter, the base of the objects that it takes and this library's own classes.
OBJECTS: dict[str, tuple[type[BaseEstimator], dict[str, type[BaseEstimator]]]] = {
    kind: (base, {cls.__name__: cls for cls in members.values() if isinstance(cls, type)})
    for kind, (base, members) in CHOICES.items()
}

#: By parameter, the functions and classes that it takes as they are.
CALLABLES: dict[str, dict[str, Callable[..., Any]]] = {
    "optimizer": {
        name: cls
        for name, cls in vars(torch.optim).items()
        if isinstance(cls, type) and issubclass(cls, torch.optim.Optimizer)
    },
}


def register_estimator(cls: type[T]) -> type[T]:
    """Decorate an estimator of this library that model files can hold."""
    ESTIMATORS[cls.__name__] = cls
    return cls


def is_own(value: object) -> bool:
    """Tell whether a parameter's value is an object of a class from outside of this library.

    Examples
    --------
    >>> from utsushi.networks import Dense
    >>> class Mine(Dense):
    ...     pass
    >>> is_own(Dense()), is_own(Mine()), is_own("dense")
    (False, True, False)
    """
    return isinstance(value, BaseEstimator) and all(
        type(value) not in members.values() for _, members in OBJECTS.values()
    )


def _library() -> dict[str, set[Any]]:
    """Return the classes and functions of this library and of torch, by name."""
    tables: list[Mapping[str, Any]] = [ESTIMATORS, *CALLABLES.values()]
    tables += [members for _, members in OBJECTS.values()]
    by_name: dict[str, set[Any]] = {}
    for table in tables:
        for name, value in table.items():
            by_name.setdefault(name, set()).add(value)
    return by_name


def name_of(value: Callable[..., Any], parameter: str = "") -> str:
    """Return the name by which a model file holds a class or a function.

    Parameters
    ----------
    value : class or function
    parameter : str, default=""
        The parameter that holds the value, for the error.

    Raises
    ------
    SettingError
        If it has no name, as a lambda, or that of a class of this library.

    Examples
    --------
    >>> name_of(torch.optim.SGD)
    'SGD'
    """
    name = getattr(value, "__name__", "")
    if not name.isidentifier():
        description = f"{parameter}={value!r}" if parameter else repr(value)
        raise SettingError(
            f"{description} cannot be saved, because a model file holds names and no code. Define "
            "it with def or class, and read the file with load(path, classes=[its name])."
        )
    library = _library().get(name, {value})
    if value not in library:
        raise SettingError(
            f"{name} cannot be saved, because Utsushi has a class of that name. Rename yours."
        )
    return str(name)


def own_classes(classes: Iterable[Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """Return the classes that the reader of a model file gives, by name.

    Raises
    ------
    SettingError
        If one is not a class or a function with a name of its own.

    Examples
    --------
    >>> class Mine:
    ...     pass
    >>> list(own_classes([Mine]))
    ['Mine']
    """
    by_name: dict[str, Callable[..., Any]] = {}
    if isinstance(classes, type) or not isinstance(classes, Iterable):
        raise SettingError(f"classes must be a list of classes and functions, got {classes!r}.")
    for cls in classes:
        name = getattr(cls, "__name__", None)
        if not callable(cls) or not isinstance(name, str) or not name.isidentifier():
            raise SettingError(
                f"classes must hold classes and functions that have a name, got {cls!r}."
            )
        if cls not in _library().get(name, {cls}):
            raise SettingError(
                f"classes must not replace a class of Utsushi, got another one of the name {name}."
                " Rename yours."
            )
        if by_name.setdefault(name, cls) is not cls:
            raise SettingError(f"classes must have different names, got {name} twice.")
    return by_name


def check_classes(path: str, header: Mapping[str, Any], classes: OwnClasses) -> None:
    """Refuse a file that names classes from outside of this library, unless they are given.

    Raises
    ------
    ModelFileError
        If one is missing; the message names all that are, and the call that reads the file.
    """
    library = _library()
    missing = sorted(
        {
            name
            for name in _names_in({part: header.get(part) for part in _WITH_NAMES})
            if name not in library and name not in classes and re.fullmatch(r"[^\W\d]\w{,80}", name)
        }
    )
    if missing:
        names = ", ".join([*(n for n in classes if n not in library), *missing])
        raise ModelFileError(
            f"{path!r} needs {' and '.join(missing)} from the code that saved it: import "
            f"{'it' if len(missing) == 1 else 'them'} and call load(path, classes=[{names}])."
        )


def _names_in(described: Any) -> Iterable[str]:
    """Yield the names of all classes and functions in a header."""
    if isinstance(described, Mapping):
        for key, value in described.items():
            if key in ("class", "callable") and isinstance(value, str):
                yield value
            else:
                yield from _names_in(value)
    elif isinstance(described, list):
        for item in described:
            yield from _names_in(item)
