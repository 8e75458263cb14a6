"""Save estimators to model files, and check a file before an estimator is made of it.

A file holds a JSON header and tensors, in the safetensors format. It holds no code: it names
classes of this library, and others that `load` must be given (`utsushi.estimators.registry`).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable
from importlib.metadata import version
from inspect import signature
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from utsushi._utils.files import one_line
from utsushi._utils.safetensors_io import read_model_file, write_model_file
from utsushi.estimators.parameters import (
    MOVED,
    check_image_shape,
    describes,
    network_of,
    resolve_device,
)
from utsushi.estimators.registry import (
    CALLABLES,
    CHOICES,
    ESTIMATORS,
    OBJECTS,
    OwnClasses,
    check_classes,
    name_of,
    own_classes,
)
from utsushi.exceptions import (
    MissingPackageError,
    ModelFileError,
    SettingError,
    UtsushiWarning,
)
from utsushi.transforms.scaling import Scaling
from utsushi.transforms.table_schema import TableSchema

__all__ = [
    "Expected",
    "Tensors",
    "autoencoder_from_file",
    "autoencoder_to_file",
    "check_tensors",
    "columns_from_json",
    "describe",
    "in_range",
    "library_versions",
    "load",
    "names_to_json",
    "object_from_json",
    "object_to_json",
    "parameters_to_json",
    "restore_names",
    "save",
    "under",
    "unfitted",
    "value_from_json",
    "value_to_json",
]

Tensors = dict[str, NDArray[Any]]

#: A tensor's dtype and shape, where None is any length from one on.
Expected = tuple[str, tuple[int | None, ...]]

#: By its part of the header, an estimator that is made of autoencoders.
_AROUND_AUTOENCODERS = {
    "detector": "AnomalyDetector",
    "imputer": "AutoencoderImputer",
    "table": "TableAutoencoder",
}

#: The number of training samples that is assumed where it is unknown: of a stream, and where a file
#: does not say it.
MANY_ROWS = 10_000

# --- saving -------------------------------------------------------------------------------------


def save(model: Any, path: str | Path) -> Path:
    """Write a fitted estimator; see `BaseAutoencoder.save`."""
    _check_writable(path)
    return write_model_file(path, *describe(model))


def describe(model: Any) -> tuple[dict[str, Any], Tensors]:
    """Return the header and the tensors of a fitted estimator's file.

    Raises
    ------
    SettingError
        If a parameter is an object that has no name, or the name of a class of this library, or
        the parameters are not those that were fitted.
    """
    name_of(type(model))  # refuses a name of this library
    described: tuple[dict[str, Any], Tensors] = model._to_file()
    return described


def autoencoder_to_file(model: Any) -> tuple[dict[str, Any], Tensors]:
    """Return the header and the tensors of a fitted autoencoder."""
    header: dict[str, Any] = {
        "class": type(model).__name__,
        "parameters": _changed_parameters(model),
        "versions": library_versions(),
        "n_features_in": int(model.n_features_in_),
        "feature_names_in": names_to_json(model),
        "dtype": model.dtype_,
        "seed": model.seed_,
        # No clock or duration: the file is a function of the model.
        "history": [{k: v for k, v in row.items() if k != "seconds"} for row in model.history_],
        "network": object_to_json("network", model.network_),
        "recipe": object_to_json("recipe", model.recipe_),
        "sampler": object_to_json("sampler", model.sampler_),
        **model._own_header(),
    }
    if hasattr(model, "n_samples_seen_"):
        header["n_samples_seen"] = model.n_samples_seen_
    if hasattr(model, "columns_"):
        header["columns"] = model.columns_.to_json()
    tensors = {
        "scaling.offset": model.scaling_.offset,
        "scaling.scale": model.scaling_.scale,
        **{
            f"{prefix}.{name}": value
            for prefix, sampler in model._samplers().items()
            for name, value in sampler.state().items()
        },
        **{f"module.{name}": t.cpu().numpy() for name, t in model.module_.state_dict().items()},
    }
    try:
        check_tensors(tensors, _expected_tensors(model))
    except ValueError as error:
        raise SettingError(
            f"{model!r} must have the n_components, hidden and network that were fitted, got "
            f"others ({error}). Fit again before saving."
        ) from error
    return header, tensors


def _check_writable(path: Any) -> None:
    """Refuse a path that no file can be written to."""
    is_path = isinstance(path, str | os.PathLike) and "\0" not in os.fspath(path)
    if not is_path or os.path.isdir(Path(path)):
        raise SettingError(
            "path must be the name of a file to write, got "
            f"{'the folder ' if is_path else ''}{_shown(path)}. Give a name such as "
            "'model.safetensors'."
        )


def _shown(value: Any) -> str:
    """Return the representation of a value in one line of at most a hundred characters."""
    return " ".join(repr(value).split())[:100]


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that decide what a model computes."""
    return {name: version(name) for name in ("numpy", "scikit-learn", "torch", "utsushi")}


def names_to_json(estimator: Any) -> list[str] | None:
    """Return the names of an estimator's columns, if it has any."""
    names = getattr(estimator, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


# --- loading ------------------------------------------------------------------------------------


def load(path: str | Path, *, classes: Iterable[Callable[..., Any]] = ()) -> Any:
    """Read a model that `save` wrote. The file holds no code, only the names of classes.

    Parameters
    ----------
    path : str or Path
        A file that ``model.save(path)`` wrote, or the folder of a run, for its
        ``model.safetensors``.
    classes : iterable of classes and functions, default=()
        Your own, by whose names the file refers to them: an estimator, a network, a likelihood, a
        prior, a penalty, a schedule. A name of this library's always means this library's class.

    Returns
    -------
    Autoencoder, or another estimator of this library
        Fitted, on the device of its ``device`` parameter, or with a warning on the CPU if this
        machine has no such device. Scores and codes equal those of the saved model bit for bit.
        ``history_`` has no ``seconds``.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, inconsistent or of a newer format, or names a class that
        is not given.
    SettingError
        If one of ``classes`` has no name, or the name of a class of this library.

    Examples
    --------
    >>> import tempfile
    >>> from utsushi import Autoencoder, load
    >>> X = np.random.default_rng(0).random((20, 4))
    >>> model = Autoencoder(n_components=2, hidden=(8,), random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = load(model.save(f"{folder}/model.safetensors"))
    >>> bool((again.transform(X) == model.transform(X)).all())
    True
    """
    by_name = own_classes(classes)
    path = _file_at(path)
    header, tensors = read_model_file(path)
    check_classes(str(path), header, by_name)
    try:
        for part, name in _AROUND_AUTOENCODERS.items():
            if part in header:
                return ESTIMATORS[name]._from_file(header, tensors, by_name)
        return autoencoder_from_file(header, tensors, by_name)
    except MissingPackageError as error:
        raise ModelFileError(f"{str(path)!r} cannot be loaded here: {error}") from error
    except (KeyError, TypeError, AttributeError, ValueError, RuntimeError, OverflowError) as error:
        raise ModelFileError(
            f"{str(path)!r} does not describe a model that can be built ({type(error).__name__}: "
            f"{one_line(error)}). Use another copy of the file, as model.save wrote it."
        ) from error


def _file_at(path: str | Path) -> str | Path:
    """Return the path of a model file, or of the one in a run folder."""
    if not isinstance(path, str | os.PathLike):
        raise ModelFileError(
            "path must be that of a model file or of a run folder, got "
            f"{_shown(path)}. Give a str or a Path."
        )
    if not os.path.isdir(path):
        return path
    inside = Path(path, "model.safetensors")
    if not os.path.isfile(inside) and os.path.isdir(Path(path, "checkpoints")):
        raise ModelFileError(
            f"{str(path)!r} must be a finished run, got one without a model. If the training was "
            f"interrupted, finish it with utsushi train --resume {quote(str(path))}."
        )
    if not os.path.isfile(inside):
        raise ModelFileError(
            f"{str(path)!r} must be a model file or a run folder, got a folder without a "
            "model.safetensors. Give the path of the file."
        )
    return inside


def autoencoder_from_file(header: dict[str, Any], tensors: Tensors, classes: OwnClasses) -> Any:
    """Build an autoencoder, after a comparison of all tensors with what the header implies."""
    model = unfitted(header, classes)
    model.n_features_in_ = in_range("n_features_in", header["n_features_in"], 1, 2**31)
    restore_names(model, header["feature_names_in"])
    if "n_samples_seen" in header:
        model.n_samples_seen_ = in_range("n_samples_seen", header["n_samples_seen"], 1, 2**63)
    if "columns" in header:
        model.columns_ = columns_from_json(header["columns"], model.n_features_in_)
    model.dtype_ = {"float32": "float32", "float64": "float64"}[header["dtype"]]
    model.seed_ = in_range("seed", header["seed"], 0, 2**64 - 1)
    model.n_components_ = model.n_components
    if "module.bottleneck.codebook" in tensors and "module.bottleneck.counts" not in tensors:
        model.set_params(bottleneck__decay=None)  # also of files from before moving averages
    check_image_shape(model.image_shape, model.n_features_in_)
    if "network" in header:
        model.network_ = object_from_json("network", header["network"], classes)
        model.recipe_ = object_from_json("recipe", header["recipe"], classes)
        if not describes(network_of(model), model.network_):
            raise ValueError("the network is not the one that the parameters describe")
    else:  # of version 0.1, whose parameters have every size
        model._choose(MANY_ROWS)
    model.history_ = [dict(row) for row in header["history"]]
    if not model.history_:
        raise ValueError("the history is empty")
    model.n_epochs_ = len(model.history_)
    model.device_ = _device_here(model.device)
    model.sampler_ = object_from_json("sampler", header["sampler"], classes)
    model._restore_own(header, classes)
    if not classes:  # whose layers need not have two tensors each
        _check_size(header, tensors)
    check_tensors(tensors, _expected_tensors(model))
    if not (tensors["scaling.scale"] > 0).all():
        raise ValueError("a scale is not above zero")
    model.scaling_ = Scaling(tensors["scaling.offset"], tensors["scaling.scale"])
    for prefix, sampler in model._samplers().items():
        sampler.restore(under(f"{prefix}.", tensors))
    module = model._new_module()
    parameters = {k: torch.tensor(v) for k, v in under("module.", tensors).items()}
    module.load_state_dict(parameters, assign=True)
    model.module_ = module.requires_grad_(True).eval().to(model.device_).arrange_for_inference()
    return model


def restore_names(estimator: Any, names: list[str] | None) -> None:
    """Give an estimator the names of its columns, if it had any."""
    if names is None:
        return
    if len(names) != estimator.n_features_in_:
        raise ValueError(f"{len(names)} feature names for {estimator.n_features_in_} features")
    estimator.feature_names_in_ = np.array([str(name) for name in names], dtype=object)


def columns_from_json(described: Any, n_features: int) -> TableSchema:
    """Return the table schema of so many features."""
    columns = TableSchema.from_json(described)
    if columns.n_features != n_features:
        raise ValueError(f"{columns.n_features} features of columns")
    return columns


def _device_here(device: str) -> str:
    """Return the device to load onto: the model's own, or the CPU if this machine has none such."""
    try:
        return str(resolve_device(device))
    except SettingError:
        warnings.warn(
            f"device={device!r} is not on this machine. The model was loaded onto the CPU.",
            UtsushiWarning,
            stacklevel=4,
        )
        return "cpu"


# --- parameters as JSON -------------------------------------------------------------------------


def parameters_to_json(model: BaseEstimator) -> dict[str, Any]:
    """Return the constructor's parameters; a generator as random_state is replaced by its seed."""
    parameters = model.get_params(deep=False)
    if isinstance(parameters["random_state"], np.random.RandomState):
        parameters["random_state"] = model.seed_
    return {name: value_to_json(name, value) for name, value in parameters.items()}


def _changed_parameters(model: BaseEstimator) -> dict[str, Any]:
    """Return the parameters that differ from their defaults; the network keeps all it chose."""
    defaults = {name: p.default for name, p in signature(type(model)).parameters.items()}
    return {
        name: value
        for name, value in parameters_to_json(model).items()
        if value != value_to_json(name, defaults[name])
    }


def value_to_json(name: str, value: Any) -> Any:
    """Return a parameter's value as JSON.

    Raises
    ------
    SettingError
        If JSON cannot hold it, and it has no name to be saved by.
    """
    if isinstance(value, BaseEstimator):
        return object_to_json(name, value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, list | tuple | range | np.ndarray):
        return [value_to_json(name, item) for item in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {"mapping": {key: value_to_json(name, item) for key, item in value.items()}}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if callable(value):
        return {"callable": name_of(value, name)}
    raise SettingError(
        f"{name} cannot be saved, because a model file holds numbers, strings, lists of them, and "
        f"objects with get_params, got {value!r}."
    )


def object_to_json(kind: str, value: BaseEstimator) -> dict[str, Any]:
    """Return an object's class, by name, and the parameters that differ from their defaults."""
    parameters = {k: value_to_json(k, v) for k, v in value.get_params(deep=False).items()}
    if kind not in ("network", "recipe"):  # which keep all they chose
        defaults = {name: p.default for name, p in signature(type(value)).parameters.items()}
        parameters = {k: v for k, v in parameters.items() if v != value_to_json(k, defaults[k])}
    return {"class": name_of(type(value)), "parameters": parameters}


def unfitted(header: dict[str, Any], classes: OwnClasses | None = None) -> Any:
    """Return the estimator that the header describes, its parameters checked."""
    cls: Any = {**(classes or {}), **ESTIMATORS}[header["class"]]
    # A header without a network is of version 0.1, or of a run that is not finished.
    described = from_version_1(header["parameters"], relu="network" not in header)
    # A parameter that is missing is newer than the file, and its default is the old behaviour.
    unknown = set(described) - set(cls._get_param_names())
    if unknown:
        raise ValueError(f"the parameters {sorted(unknown)} are unknown")
    parameters = {name: value_from_json(name, v, classes) for name, v in described.items()}
    model = cls(**parameters)
    model._validate_params()
    return model


def from_version_1(parameters: dict[str, Any], *, relu: bool) -> dict[str, Any]:
    """Return parameters, as JSON, with those of version 0.1 as parameters of objects.

    Parameters
    ----------
    parameters : dict
    relu : bool
        Whether a network without an activation has "relu", which was the only one.

    Examples
    --------
    >>> moved = from_version_1({"batch_size": 50, "learning_rate": None}, relu=False)
    >>> list(moved), moved["recipe"]["parameters"]["batch_size"]
    (['recipe'], 50)
    """
    current = {name: value for name, value in parameters.items() if name not in MOVED}
    old = {name: v for name, v in parameters.items() if name in MOVED and v is not None}
    recipe, network = current.get("recipe", "fast"), current.get("network", "dense")
    if isinstance(recipe, dict) and recipe["class"] == "Recipe":
        # A recipe without a name is an old one, whose defaults were those of the lecture.
        recipe = {**recipe, "parameters": {"name": "lecture", **recipe["parameters"]}}
        current["recipe"] = recipe
    if not old:
        return current

    def put(kind: str, choice: str, **values: Any) -> None:
        """Set an object in place of its name, if it is one with other parameters."""
        default = CHOICES[kind][1][choice]()
        changed = {name: v for name, v in values.items() if v not in (None, getattr(default, name))}
        if changed:
            current[kind] = object_to_json(kind, default.set_params(**changed))

    if relu and "activation" not in parameters:
        old["activation"] = "relu"
    names = ("activation", "channels")
    if isinstance(network, str):
        moved_names = names if network == "conv" else names[:1]
        put("network", network, **{name: old.get(name) for name in moved_names})
    else:  # the network's own settings preceded those of the estimator
        network_parameters = network["parameters"].items()
        network_parameters = {
            name: old.get(name) if name in names and v is None else v
            for name, v in network_parameters
        }
        current["network"] = {**network, "parameters": network_parameters}

    values = {name: v for name, v in old.items() if MOVED[name].startswith("recipe__")}
    if values.get("precision") == "auto":  # which measured times; this version has no such choice
        values["precision"] = "float32"
    if isinstance(recipe, str):
        put("recipe", recipe, **values)
    else:  # the estimator's settings preceded those of the recipe
        current["recipe"] = {**recipe, "parameters": {**recipe["parameters"], **values}}

    if "regularizer" in old and old.get("regularization", 0.0) > 0:
        current["penalty"] = old["regularizer"]
        put("penalty", old["regularizer"], strength=old["regularization"])
    n_samples, warmup = old.get("n_samples"), old.get("kl_warmup_epochs")
    if old.get("n_importance_samples", 1) > 1:
        current["objective"] = "importance-weighted"
        put(
            "objective",
            "importance-weighted",
            n_samples=old["n_importance_samples"],
            n_estimates=n_samples,
            gradient=old.get("importance_gradient"),
            kl_warmup_epochs=warmup,
        )
    else:
        free_bits = old.get("free_bits")
        put("objective", "elbo", n_samples=n_samples, free_bits=free_bits, kl_warmup_epochs=warmup)
    return current


def value_from_json(name: str, value: Any, classes: OwnClasses | None = None) -> Any:
    """Return the parameter's value that `value_to_json` described; lists become tuples."""
    if isinstance(value, dict) and "callable" in value:
        return {**(classes or {}), **CALLABLES.get(name, {})}[value["callable"]]
    if isinstance(value, dict) and "mapping" in value:
        items = value["mapping"].items()
        return {str(key): value_from_json(name, item, classes) for key, item in items}
    if isinstance(value, dict):
        return object_from_json(name, value, classes)
    if isinstance(value, list):
        return tuple(value_from_json(name, item, classes) for item in value)
    if (name, value) == ("missing", "refuse"):  # of version 0.1
        return "raise"
    return value


def object_from_json(kind: str, value: dict[str, Any], classes: OwnClasses | None = None) -> Any:
    """Return the object that `object_to_json` described."""
    base, members = OBJECTS.get(kind, (BaseEstimator, {}))
    cls: Any = {**(classes or {}), **members}[value["class"]]
    if not issubclass(cls, base):
        raise ValueError(f"{kind} is a {value['class']}, not a {base.__name__}")
    described = cls(
        **{name: value_from_json(name, v, classes) for name, v in value["parameters"].items()}
    )
    described._validate_params()
    return described


# --- checks of tensors and numbers --------------------------------------------------------------


def _expected_tensors(model: Any) -> dict[str, Expected]:
    """Return the dtype and the shape of each tensor, as the parameters imply them."""
    features = (model.n_features_in_,)
    return {
        "scaling.offset": ("float64", features),
        "scaling.scale": ("float64", features),
        **{
            f"{prefix}.{name}": ("float64", shape)
            for prefix, sampler in model._samplers().items()
            for name, shape in sampler.expected_state(model._code_length).items()
        },
        **{
            f"module.{name}": (str(tensor.dtype).removeprefix("torch."), tuple(tensor.shape))
            for name, tensor in model._new_module().state_dict().items()
        },
    }


def _check_size(header: dict[str, Any], tensors: Tensors) -> None:
    """Refuse a header with more layers than there are tensors, before any is built."""

    def n_layers(described: Any) -> int:
        if isinstance(described, dict):
            # A likelihood lists columns.
            return sum(n_layers(v) for name, v in described.items() if name != "likelihood")
        return len(described) if isinstance(described, list) else 0

    n_sizes = sum(n_layers(header.get(name)) for name in ("parameters", "network", "sampler"))
    # A layer has two tensors in the encoder and in the decoder, and is named twice; other lists
    # are short.
    if n_sizes > len(tensors) + 20:
        raise ValueError(f"the parameters name {n_sizes} sizes for {len(tensors)} tensors")


def check_tensors(tensors: Tensors, expected: dict[str, Expected]) -> None:
    """Compare names, dtypes and shapes of tensors with what the parameters imply."""
    if set(tensors) != set(expected):
        names = sorted(set(tensors) ^ set(expected))
        listed = ", ".join(map(repr, names[:5])) + (" …" if len(names) > 5 else "")
        raise ValueError(f"{len(names)} tensors are unknown or missing: {listed}")
    for name, (dtype, shape) in expected.items():
        actual = tensors[name].shape
        if tensors[name].dtype.name != dtype:
            raise ValueError(f"tensor {name!r} is {tensors[name].dtype.name}, not {dtype}")
        fits = len(actual) == len(shape) and all(
            a == b or (b is None and a > 0) for a, b in zip(actual, shape, strict=True)
        )
        if not fits:
            raise ValueError(f"tensor {name!r} has shape {actual}, its parameters imply {shape}")
        if not np.isfinite(tensors[name]).all():
            raise ValueError(f"tensor {name!r} has values that are not finite")


def under(prefix: str, tensors: Tensors) -> Tensors:
    """Return the tensors whose names start with ``prefix``, without it."""
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def in_range(name: str, value: Any, low: int, high: int) -> int:
    """Return an integer of the header, or raise a ``ValueError`` if it is out of range."""
    if not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}")
    return value
