"""Estimators to model files and back: what is stored, and what is checked before it is believed."""

from __future__ import annotations

import math
import os
import warnings
from importlib.metadata import version
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
import torch
from sklearn.base import clone

from utsushi._utils.files import one_line
from utsushi._utils.safetensors_io import read_model_file, write_model_file
from utsushi.estimators.anomaly import AnomalyDetector
from utsushi.estimators.anomaly_scores import RowScore, parts_of, scoring_of
from utsushi.estimators.as_json import (
    ESTIMATORS,
    object_from_json,
    object_to_json,
    parameters_to_json,
    unfitted,
    value_from_json,
    value_to_json,
)
from utsushi.estimators.base import BaseAutoencoder, autoencoder_of
from utsushi.estimators.conditions import Classes
from utsushi.estimators.neighbors import Neighbors
from utsushi.estimators.parameters import (
    check_image_shape,
    describes,
    network_of,
    resolve_device,
)
from utsushi.estimators.stored_values import Expected, Tensors, check_tensors, in_range, under
from utsushi.estimators.variational import VariationalAutoencoder
from utsushi.exceptions import (
    MissingPackageError,
    ModelFileError,
    SettingError,
    UtsushiWarning,
)
from utsushi.samplers import Sampler
from utsushi.transforms.scaling import Scaling
from utsushi.transforms.table_schema import Columns

__all__ = ["library_versions", "load", "save"]

#: The parameters of a detector that a file holds; the autoencoder is the rest of the file.
_DETECTOR_PARAMETERS = (
    *("contamination", "scoring", "image_shape", "max_false_positive_rate", "holdout_fraction"),
    *("missing", "random_state"),
)

#: How many rows a model was trained on whose file does not say.
MANY_ROWS = 10_000

# --- saving -------------------------------------------------------------------------------------


def save(model: BaseAutoencoder | AnomalyDetector, path: str | Path) -> Path:
    """Write a fitted model; see `BaseAutoencoder.save`."""
    _check_writable(path)
    if type(model) is AnomalyDetector:
        return write_model_file(path, *_describe_detector(model))
    return write_model_file(path, *_describe(model))


def _describe_detector(model: AnomalyDetector) -> tuple[dict[str, Any], Tensors]:
    """Return all that is to be known of a fitted detector, and of its autoencoder if it has one."""
    header: dict[str, Any] = {"versions": library_versions()}
    tensors: Tensors = {}
    if model.autoencoder_ is not None:
        header, tensors = _describe(autoencoder_of(model))
    parameters = {name: getattr(model, name) for name in _DETECTOR_PARAMETERS}
    if isinstance(parameters["random_state"], np.random.RandomState):
        parameters["random_state"] = None  # what it decided is in the file
    detector = {
        **{name: value_to_json(name, value) for name, value in parameters.items()},
        "parts": list(model.row_score_.parts),
        "n_features_in": int(model.n_features_in_),
        "feature_names_in": _names_to_json(model),
        "offset": model.offset_,
    }
    if hasattr(model, "columns_"):
        detector["columns"] = model.columns_.to_json()
    learned: Tensors = dict(model.row_score_.state)
    neighbors = model.row_score_.neighbors
    if neighbors is not None:
        detector["neighbors"] = {
            "dtype": neighbors.reference.dtype.name,
            "image_shape": value_to_json("image_shape", neighbors.image_shape),
            "is_robust": neighbors.is_robust,
        }
        learned |= {f"neighbors.{name}": value for name, value in neighbors.state().items()}
    if model._cross_fitted is not None:
        keys, scores = model._cross_fitted
        learned |= {"cross_fitted.keys": keys, "cross_fitted.scores": scores}
    tensors = tensors | {f"detector.{name}": value for name, value in learned.items()}
    return header | {"detector": detector}, tensors


def _check_writable(path: Any) -> None:
    """Refuse what no file can be written to."""
    is_path = isinstance(path, str | os.PathLike) and "\0" not in os.fspath(path)
    if not is_path or os.path.isdir(Path(path)):
        raise SettingError(
            f"{_shown(path)} is {'a folder' if is_path else 'no path'}, expected the name of a "
            "file to write, such as 'model.safetensors'; add a name"
        )


def _shown(value: Any) -> str:
    """Return a value as it is written, in one line of at most a hundred characters."""
    return " ".join(repr(value).split())[:100]


def _describe(model: BaseAutoencoder) -> tuple[dict[str, Any], Tensors]:
    """Return all that is to be known of a fitted autoencoder."""
    if ESTIMATORS.get(type(model).__name__) is not type(model):
        raise SettingError(
            f"{type(model).__name__} cannot be saved, expected one of {', '.join(ESTIMATORS)}: a "
            "model file holds no code; save one of the library's own estimators"
        )
    header: dict[str, Any] = {
        "class": type(model).__name__,
        "parameters": parameters_to_json(model),
        "versions": library_versions(),
        "n_features_in": int(model.n_features_in_),
        "feature_names_in": _names_to_json(model),
        "dtype": model.dtype_,
        "seed": model.seed_,
        # No clock or duration: the file is a function of the model.
        "history": [{k: v for k, v in row.items() if k != "seconds"} for row in model.history_],
        "network": object_to_json("network", model.network_),
        "recipe": object_to_json("recipe", model.recipe_),
        "sampler": object_to_json("sampler", model.sampler_),
    }
    if hasattr(model, "columns_"):
        header["columns"] = model.columns_.to_json()
    if isinstance(model, VariationalAutoencoder):
        header["likelihood"] = object_to_json("likelihood", model.likelihood_)
        header["likelihood_state"] = model.likelihood_.state()
        if model.conditional:
            header["classes"] = model.classes_.to_json()
    tensors = {
        "scaling.offset": model.scaling_.offset,
        "scaling.scale": model.scaling_.scale,
        **{
            f"{prefix}{name}": value
            for prefix, sampler in _samplers_of(model)
            for name, value in sampler.state().items()
        },
        **{f"module.{name}": t.cpu().numpy() for name, t in model.module_.state_dict().items()},
    }
    try:
        check_tensors(tensors, _expected_tensors(model))
    except ValueError as error:
        raise SettingError(
            f"{model!r} does not describe the network that was fitted ({error}), expected "
            "n_components, hidden and network as they were then; fit again before saving"
        ) from error
    return header, tensors


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that decide what a model computes."""
    return {name: version(name) for name in ("numpy", "scikit-learn", "torch", "utsushi")}


def _names_to_json(model: BaseAutoencoder | AnomalyDetector) -> list[str] | None:
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


# --- loading ------------------------------------------------------------------------------------


def load(path: str | Path) -> BaseAutoencoder | AnomalyDetector:
    """Read a model that `save` wrote. No code runs: the file names one of a closed list of classes.

    Parameters
    ----------
    path : str or Path
        A file that ``model.save(path)`` wrote, or the folder of a run, for its
        ``model.safetensors``.

    Returns
    -------
    Autoencoder, DenoisingAutoencoder, VariationalAutoencoder or AnomalyDetector
        Fitted, on the device that its ``device`` parameter means here, or on the CPU with a warning
        where there is no such; it scores and transforms exactly as the saved one did.
        ``history_`` has no ``seconds``.

    Raises
    ------
    ModelFileError
        If the file is missing, damaged, of a newer format, or says what cannot be.

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
    path = _file_at(path)
    header, tensors = read_model_file(path)
    try:
        if "detector" not in header:
            return _model_from(header, tensors)
        learned = under("detector.", tensors)
        others = {n: t for n, t in tensors.items() if not n.startswith("detector.")}
        # A detector by neighbors has no autoencoder, whose class the header would name.
        model = _model_from(header, others) if "class" in header else None
        return _detector_from(header["detector"], learned, model)
    except MissingPackageError as error:
        raise ModelFileError(f"{str(path)!r} cannot be loaded here: {error}") from error
    except (KeyError, TypeError, AttributeError, ValueError, RuntimeError, OverflowError) as error:
        raise ModelFileError(
            f"{str(path)!r} describes no model that can be built ({type(error).__name__}: "
            f"{one_line(error)}), expected what model.save wrote; take a copy of the file"
        ) from error


def _file_at(path: str | Path) -> str | Path:
    """Return the model file that a path means: itself, or the one of a run folder."""
    if not isinstance(path, str | os.PathLike):
        raise ModelFileError(
            f"{_shown(path)} is no path, expected that of a model file or of the folder of a run; "
            "give a str or a Path"
        )
    if not os.path.isdir(path):
        return path
    inside = Path(path, "model.safetensors")
    if not os.path.isfile(inside) and os.path.isdir(Path(path, "checkpoints")):
        raise ModelFileError(
            f"{str(path)!r} holds a training that has not finished; if it was interrupted, finish "
            f"it with utsushi train --resume {quote(str(path))}"
        )
    if not os.path.isfile(inside):
        raise ModelFileError(
            f"{str(path)!r} is a folder without a model.safetensors, expected a model file or the "
            "folder of a run; name the file"
        )
    return inside


def _model_from(header: dict[str, Any], tensors: Tensors) -> BaseAutoencoder:
    """Build the model; what the tensors must be is worked out and compared before one is used."""
    model = unfitted(header)
    model.n_features_in_ = in_range("n_features_in", header["n_features_in"], 1, 2**31)
    _restore_names(model, header["feature_names_in"])
    if "columns" in header:
        model.columns_ = Columns.from_json(header["columns"])
        if model.columns_.n_features != model.n_features_in_:
            raise ValueError(f"{model.columns_.n_features} features of columns")
    model.dtype_ = {"float32": "float32", "float64": "float64"}[header["dtype"]]
    model.seed_ = in_range("seed", header["seed"], 0, 2**64 - 1)
    model.n_components_ = model.n_components
    check_image_shape(model.image_shape, model.n_features_in_)
    if "network" in header:
        model.network_ = object_from_json("network", header["network"])
        model.recipe_ = object_from_json("recipe", header["recipe"])
        if not describes(network_of(model), model.network_):
            raise ValueError("the network is not the one that the parameters describe")
    else:  # of version 0.1, whose parameters have every size
        model._choose(MANY_ROWS)
    model.history_ = [dict(row) for row in header["history"]]
    if not model.history_:
        raise ValueError("the history is empty")
    model.n_epochs_ = len(model.history_)
    model.device_ = _device_here(model.device)
    if isinstance(model, VariationalAutoencoder) and model.conditional:
        model.classes_ = Classes.from_json(header["classes"])
    model.sampler_ = object_from_json("sampler", header["sampler"])
    if getattr(model, "conditional", False):
        n_samplers = len(model.classes_.labels) if model.sampler_.asks_for_codes else 0
        model.class_samplers_ = [clone(model.sampler_) for _ in range(n_samplers)]
    _check_size(header, tensors)
    check_tensors(tensors, _expected_tensors(model))
    if not (tensors["scaling.scale"] > 0).all():
        raise ValueError("a scale is not above zero")
    model.scaling_ = Scaling(tensors["scaling.offset"], tensors["scaling.scale"])
    for prefix, sampler in _samplers_of(model):
        sampler.restore(under(prefix, tensors))
    if isinstance(model, VariationalAutoencoder):
        likelihood = object_from_json("likelihood", header["likelihood"])
        model.likelihood_ = likelihood.restore(header["likelihood_state"])
    module = model._empty_module()
    parameters = {k: torch.tensor(v) for k, v in under("module.", tensors).items()}
    module.load_state_dict(parameters, assign=True)
    model.module_ = module.requires_grad_(True).eval().to(model.device_).arrange_for_inference()
    return model


def _restore_names(estimator: BaseAutoencoder | AnomalyDetector, names: list[str] | None) -> None:
    """Give an estimator the names of its columns, if it had any."""
    if names is None:
        return
    if len(names) != estimator.n_features_in_:
        raise ValueError(f"{len(names)} feature names for {estimator.n_features_in_} features")
    estimator.feature_names_in_ = np.array([str(name) for name in names], dtype=object)


def _detector_from(
    described: dict[str, Any], learned: Tensors, model: BaseAutoencoder | None
) -> AnomalyDetector:
    """Build the detector around its fitted autoencoder, if it has one."""
    # As with a model's parameters: those that are not there were not known then.
    known = {name: described[name] for name in _DETECTOR_PARAMETERS if name in described}
    detector = AnomalyDetector(
        None if model is None else clone(model),
        **{name: value_from_json(name, value) for name, value in known.items()},
    )
    detector._validate_params()
    n_features = described["n_features_in"] if model is None else model.n_features_in_
    detector.n_features_in_ = in_range("n_features_in", n_features, 1, 2**31)
    parts = parts_of(tuple(described.get("parts", ["auto"])), model)
    shapes = RowScore.expected_state(parts, 0 if model is None else model.n_components)
    expected: dict[str, Expected] = {name: ("float64", shape) for name, shape in shapes.items()}
    neighbors = None
    if "neighbors" in parts:
        dtype = {"float32": "float32", "float64": "float64"}[described["neighbors"]["dtype"]]
        in_file = Neighbors.expected_state(detector.n_features_in_, dtype)
        expected |= {f"neighbors.{name}": what for name, what in in_file.items()}
    if "cross_fitted.keys" in learned:
        expected["cross_fitted.keys"] = ("float64", (None,))
        expected["cross_fitted.scores"] = ("float64", (None, len(parts)))
    check_tensors(learned, expected)
    if "neighbors" in parts:
        shape = value_from_json("image_shape", described["neighbors"]["image_shape"])
        check_image_shape(shape, detector.n_features_in_)
        is_robust = bool(described["neighbors"]["is_robust"])
        neighbors = Neighbors.restore(under("neighbors.", learned), shape, is_robust=is_robust)
    state = {name: learned[name] for name in shapes}
    detector.row_score_ = RowScore.restore(parts, state, neighbors)
    detector.autoencoder_ = model
    detector.scoring_ = scoring_of(parts, model)
    detector._cross_fitted = None
    if "cross_fitted.keys" in learned:
        keys, scores = learned["cross_fitted.keys"], learned["cross_fitted.scores"]
        if len(keys) != len(scores) or (np.diff(keys) <= 0).any():
            raise ValueError("the cross-fitted scores do not fit their keys")
        detector._cross_fitted = (keys, scores)
    _restore_names(detector, described["feature_names_in"])
    if "columns" in described:
        detector.columns_ = Columns.from_json(described["columns"])
        if detector.columns_.n_features != detector.n_features_in_:
            raise ValueError(f"{detector.columns_.n_features} features of columns")
    if not math.isfinite(described["offset"]):
        raise ValueError(f"the offset is {described['offset']!r}")
    detector.offset_ = float(described["offset"])
    detector.threshold_ = -detector.offset_
    return detector


def _device_here(device: str) -> str:
    """Return the device to load onto: the model's own, or the CPU where there is no such."""
    try:
        return str(resolve_device(device))
    except SettingError:
        warnings.warn(
            f"device={device!r} is not on this machine: the model was loaded onto the CPU",
            UtsushiWarning,
            stacklevel=4,
        )
        return "cpu"


def _samplers_of(model: BaseAutoencoder) -> list[tuple[str, Sampler]]:
    """Return the samplers of a model with what the names of their tensors begin with."""
    by_class = enumerate(getattr(model, "class_samplers_", []))
    return [
        ("sampler.", model.sampler_),
        *((f"class_sampler.{index}.", sampler) for index, sampler in by_class),
    ]


def _expected_tensors(model: BaseAutoencoder) -> dict[str, Expected]:
    """Return what the parameters imply: the dtype and the shape of each tensor."""
    features = (model.n_features_in_,)
    return {
        "scaling.offset": ("float64", features),
        "scaling.scale": ("float64", features),
        **{
            f"{prefix}{name}": ("float64", shape)
            for prefix, sampler in _samplers_of(model)
            for name, shape in sampler.expected_state(model.n_components).items()
        },
        **{
            f"module.{name}": ("float32", tuple(tensor.shape))
            for name, tensor in model._empty_module().state_dict().items()
        },
    }


def _check_size(header: dict[str, Any], tensors: Tensors) -> None:
    """Refuse a description of more layers than there are tensors, before one is built."""

    def n_layers(described: Any) -> int:
        if isinstance(described, dict):
            return sum(map(n_layers, described.values()))
        return len(described) if isinstance(described, list) else 0

    found = sum(n_layers(header.get(name)) for name in ("parameters", "network", "sampler"))
    # A layer has two tensors of each half, and is named twice; what else is a list has a few
    # numbers.
    if found > len(tensors) + 20:
        raise ValueError(f"the parameters name {found} sizes for {len(tensors)} tensors")
