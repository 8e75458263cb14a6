"""Parameters of estimators as JSON and back: a closed table of classes, and no code."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from utsushi.distributions.likelihoods import LIKELIHOODS
from utsushi.estimators.autoencoder import Autoencoder
from utsushi.estimators.base import BaseAutoencoder
from utsushi.estimators.denoising import DenoisingAutoencoder
from utsushi.estimators.variational import VariationalAutoencoder
from utsushi.exceptions import SettingError
from utsushi.networks import NETWORKS
from utsushi.samplers import SAMPLERS
from utsushi.training import Recipe
from utsushi.transforms.augmentation import AUGMENTATIONS

__all__ = [
    "ESTIMATORS",
    "object_from_json",
    "object_to_json",
    "parameters_to_json",
    "unfitted",
    "value_from_json",
    "value_to_json",
]

#: The only estimators that a file can name.
ESTIMATORS: dict[str, type[BaseAutoencoder]] = {
    "Autoencoder": Autoencoder,
    "DenoisingAutoencoder": DenoisingAutoencoder,
    "VariationalAutoencoder": VariationalAutoencoder,
}

#: The only objects that a parameter can hold in a file, by kind and class.
_OBJECTS: dict[str, dict[str, type[BaseEstimator]]] = {
    "network": {cls.__name__: cls for cls in NETWORKS.values()},
    "likelihood": {cls.__name__: cls for cls in LIKELIHOODS.values()},
    "sampler": {cls.__name__: cls for cls in SAMPLERS.values()},
    "augment": {cls.__name__: cls for cls in AUGMENTATIONS.values()},
    "recipe": {"Recipe": Recipe},
}


def parameters_to_json(model: BaseAutoencoder) -> dict[str, Any]:
    """Return the constructor's parameters; a generator as random_state is replaced by its seed."""
    parameters = model.get_params(deep=False)
    if isinstance(parameters["random_state"], np.random.RandomState):
        parameters["random_state"] = model.seed_
    return {name: value_to_json(name, value) for name, value in parameters.items()}


def value_to_json(name: str, value: Any) -> Any:
    """Return a parameter's value as JSON can hold it."""
    if isinstance(value, BaseEstimator):
        return object_to_json(name, value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple | range | np.ndarray):
        return [value_to_json(name, item) for item in value]
    return value


def object_to_json(kind: str, value: BaseEstimator) -> dict[str, Any]:
    """Return an object's class and parameters; only the library's own classes can be read back."""
    name = type(value).__name__
    if _OBJECTS[kind].get(name) is not type(value):
        raise SettingError(
            f"{kind}={value!r} cannot be saved, expected one of {', '.join(_OBJECTS[kind])}: a "
            "model file holds no code; keep the object's class in your own program"
        )
    parameters = value.get_params(deep=False)
    return {"class": name, "parameters": {k: value_to_json(k, v) for k, v in parameters.items()}}


def unfitted(header: dict[str, Any]) -> BaseAutoencoder:
    """Return the estimator that the header describes, its parameters checked."""
    cls = ESTIMATORS[header["class"]]
    # A parameter that is not there was not known when the file was written: its default, which
    # keeps what was before, is right.
    unknown = set(header["parameters"]) - set(cls._get_param_names())
    if unknown:
        raise ValueError(f"the parameters {sorted(unknown)} are unknown")
    parameters = {
        name: value_from_json(name, value) for name, value in header["parameters"].items()
    }
    if "activation" not in parameters and isinstance(parameters["network"], str):
        parameters["activation"] = "relu"  # in version 0.1 a network of that name had no other
    model = cls(**parameters)
    model._validate_params()
    return model


def value_from_json(name: str, value: Any) -> Any:
    """Return the parameter's value that `value_to_json` described; lists become tuples."""
    if isinstance(value, dict):
        return object_from_json(name, value)
    return tuple(value) if isinstance(value, list) else value


def object_from_json(kind: str, value: dict[str, Any]) -> Any:
    """Return the object that `object_to_json` described."""
    cls = _OBJECTS[kind][value["class"]]
    described = cls(**{name: value_from_json(name, v) for name, v in value["parameters"].items()})
    described._validate_params()
    return described
