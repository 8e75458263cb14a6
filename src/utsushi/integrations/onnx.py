"""Export a fitted model as one ONNX graph: scaling, encoder and decoder, for any batch size.

Other programs run it without Python: the input is ``x``, the outputs are ``code`` and
``reconstruction``. A conditional model also takes ``y``, the index of each sample's class.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from utsushi._utils.optional_dependencies import require_extra
from utsushi.estimators import BaseAutoencoder
from utsushi.estimators.capabilities import has_sparse_codes, is_conditional
from utsushi.estimators.torch_export import joined
from utsushi.exceptions import SettingError

__all__ = ["largest_difference", "to_onnx"]

#: The batch sizes to compare, because an export may fix the size of its example.
BATCHES = (1, 2, 7, 100)

#: The largest difference of ONNX Runtime from the model, relative to the largest value above 1.
TOLERANCE = 1e-5

#: The names of inputs and outputs.
INPUTS, OUTPUTS = ("x", "y"), ("code", "reconstruction")


def to_onnx(model: BaseAutoencoder) -> bytes:
    """Return a fitted autoencoder as the content of a ``.onnx`` file, and check its results.

    Parameters
    ----------
    model : fitted autoencoder

    Returns
    -------
    bytes
        One graph, weights included. Inputs: ``x``, float32 of shape (batch, D), in the units of
        the input; of a conditional model also ``y``, int64 of shape (batch,), indices into
        ``classes_.labels``. Outputs: ``code`` (batch, H), which is `transform`, and
        ``reconstruction`` (batch, D), which is `reconstruct`. The metadata key ``utsushi`` holds
        JSON with the class of the model, and the names of the columns and the labels, if any.

    Raises
    ------
    MissingPackageError
        If the extra ``onnx`` is not installed.
    SettingError
        If ONNX Runtime differs from the model by more than 1e-5, relative to the largest value
        (at least 1).
    """
    require_extra("onnx", "onnx", "onnxscript", "onnxruntime", what="the export to ONNX")
    content = _exported(model)
    difference = largest_difference(model, content)
    if not difference <= TOLERANCE:
        raise SettingError(
            f"the ONNX graph of this {type(model).__name__} must differ from the model by at most "
            f"{TOLERANCE:g}, got {difference:.2g}. Use one of the library's own networks."
        )
    return content


def largest_difference(model: BaseAutoencoder, content: bytes) -> float:
    """Return the largest difference of ONNX Runtime from the model, on generated or random samples.

    Parameters
    ----------
    model : fitted autoencoder
    content : bytes
        What `to_onnx` returned.

    Returns
    -------
    float
        The largest absolute difference of a code or a reconstruction, in batches of 1, 2, 7 and
        100 samples, relative to the largest absolute value (at least 1).
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    rows = _some_rows(model)
    feed: dict[str, NDArray[Any]] = {"x": rows}
    labels = None
    if is_conditional(model):
        classes = np.asarray(model.classes_.labels)
        feed["y"] = np.arange(len(rows)) % len(classes)
        labels = classes[feed["y"]]
    expected = {"code": model.transform(rows), "reconstruction": model.reconstruct(rows, labels)}
    return max(
        _difference(output, expected[name][:n])
        for n in BATCHES
        for name, output in zip(
            OUTPUTS,
            session.run(list(OUTPUTS), {key: value[:n] for key, value in feed.items()}),
            strict=True,
        )
    )


def _some_rows(model: BaseAutoencoder) -> NDArray[np.float32]:
    """Return rows that the model generates; of sparse codes, which it does not, random ones."""
    n_rows, scaling = max(BATCHES), model.scaling_
    if not has_sparse_codes(model):
        return model.sample(n_rows, random_state=0).astype(np.float32)
    scaled = np.random.default_rng(0).standard_normal((n_rows, len(scaling.scale)))
    return scaling.inverse((scaled / scaled.shape[1] ** 0.5).astype(np.float32), np.float32)


def _difference(output: NDArray[Any], expected: NDArray[Any]) -> float:
    if output.shape != expected.shape:
        return float("inf")
    return float(np.abs(output - expected).max() / max(1.0, float(np.abs(expected).max())))


def _exported(model: BaseAutoencoder) -> bytes:
    """Export the graph with torch, and remove metadata that only torch's tools read."""
    module = model.to_torch()
    conditional = is_conditional(model)
    module = joined(
        *(module.get_submodule(part) for part in ("encoder", "decoder")),
        conditional=conditional,
        name="Model",
        with_code=True,
    )
    # An example of one sample would fix the batch size at one.
    example = (torch.zeros(2, model.n_features_in_), torch.zeros(2, dtype=torch.int64))
    n_inputs = 1 + conditional
    batch = torch.export.Dim("batch")
    with _quiet():
        program = torch.onnx.export(
            module,
            example[:n_inputs],
            input_names=list(INPUTS[:n_inputs]),
            output_names=list(OUTPUTS),
            dynamic_shapes=({0: batch},) * n_inputs,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert program is not None  # as it is not written to a file
    written = program.model_proto
    graph = written.graph
    # Stack traces, with the paths of this machine.
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.value_info):
        del part.metadata_props[:]
    for tensor in graph.initializer:
        del tensor.metadata_props[:]
    entry = written.metadata_props.add()
    entry.key, entry.value = "utsushi", json.dumps(_described(model), sort_keys=True)
    content: bytes = written.SerializeToString(deterministic=True)
    return content


def _described(model: BaseAutoencoder) -> dict[str, Any]:
    """Return the metadata of the graph: class, feature names and labels."""
    described: dict[str, Any] = {"class": type(model).__name__}
    if hasattr(model, "feature_names_in_"):
        described["feature_names"] = [str(name) for name in model.feature_names_in_]
    if is_conditional(model):
        described["labels"] = np.asarray(model.classes_.labels).tolist()
    return described


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's warnings and messages, which are about its own calls."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
