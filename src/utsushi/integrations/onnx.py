"""Export a fitted model as one ONNX graph: scaling, encoder and decoder, for any batch size.

Other programs run it without Python: the input is ``x``, the outputs are ``code`` and
``reconstruction``. A conditional model also takes ``y``, the index of each sample's class. The
graph of a detector also returns ``score`` and ``p_value``.
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
from torch import Tensor, nn

from utsushi._utils.optional_dependencies import require_extra
from utsushi.estimators import AnomalyDetector, BaseAutoencoder
from utsushi.estimators.base import autoencoder_of
from utsushi.estimators.capabilities import has_sparse_codes, is_conditional, is_detector
from utsushi.estimators.torch_export import joined
from utsushi.exceptions import SettingError

__all__ = ["SCORES", "largest_difference", "to_onnx"]

#: The batch sizes to compare, because an export may fix the size of its example.
BATCHES = (1, 2, 7, 100)

#: The largest difference of ONNX Runtime from the model, relative to the largest value above 1.
TOLERANCE = 1e-5

#: The names of inputs and outputs.
INPUTS, OUTPUTS = ("x", "y"), ("code", "reconstruction")

#: The scores of a detector that a graph can compute.
SCORES = ("squared-error", "relative-error")


def to_onnx(model: BaseAutoencoder | AnomalyDetector) -> bytes:
    """Return a fitted autoencoder or detector as the content of a ``.onnx`` file.

    ONNX Runtime computes the file before it is returned, and the results are compared.

    Parameters
    ----------
    model : fitted autoencoder, or fitted AnomalyDetector with an autoencoder
        The ``scoring_`` of a detector must be one of `SCORES`.

    Returns
    -------
    bytes
        One graph, weights included. Inputs: ``x``, float32 of shape (batch, D), in the units of
        the input; of a conditional model also ``y``, int64 of shape (batch,), indices into
        ``classes_.labels``. Outputs: ``code`` (batch, H), which is `transform`, and
        ``reconstruction`` (batch, D), which is `reconstruct`. A detector's graph also returns
        ``score``, float64 of shape (batch,), which is `score_samples` of new samples, and, if it
        was fitted to normal samples, ``p_value`` (batch,), which is `p_values`. The metadata key
        ``utsushi`` holds JSON with the class of the model, and the names of the columns and the
        labels, if any; of a detector also ``scoring`` and ``threshold``, the score below which a
        sample is an outlier.

    Raises
    ------
    MissingPackageError
        If the extra ``onnx`` is not installed.
    SettingError
        If the graph cannot compute the score of a detector, or ONNX Runtime differs from the model
        by more than 1e-5, relative to the largest value (at least 1).
    """
    require_extra("onnx", "onnx", "onnxscript", "onnxruntime", what="the export to ONNX")
    if is_detector(model) and model.scoring_ not in SCORES:
        raise SettingError(
            f"scoring must be {' or '.join(map(repr, SCORES))} for the export of a detector, got "
            f"{model.scoring_!r}. Export its autoencoder_ without the score, or serve the detector "
            "with Python."
        )
    content = _exported(model)
    difference = largest_difference(model, content)
    if not difference <= TOLERANCE:
        raise SettingError(
            f"the ONNX graph of this {type(model).__name__} must differ from the model by at most "
            f"{TOLERANCE:g}, got {difference:.2g}. Use one of the library's own networks."
        )
    return content


def largest_difference(model: BaseAutoencoder | AnomalyDetector, content: bytes) -> float:
    """Return the largest difference of ONNX Runtime from the model, on generated or random samples.

    Parameters
    ----------
    model : fitted autoencoder or AnomalyDetector
    content : bytes
        What `to_onnx` returned.

    Returns
    -------
    float
        The largest absolute difference of a code, a reconstruction or a score, in batches of 1, 2,
        7 and 100 samples, relative to the largest absolute value (at least 1).
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    autoencoder = autoencoder_of(model)
    rows = _some_rows(autoencoder)
    feed: dict[str, NDArray[Any]] = {"x": rows}
    labels = None
    if is_conditional(autoencoder):
        classes = np.asarray(autoencoder.classes_.labels)
        feed["y"] = np.arange(len(rows)) % len(classes)
        labels = classes[feed["y"]]
    expected = {
        "code": autoencoder.transform(rows),
        "reconstruction": autoencoder.reconstruct(rows, labels),
    }
    if is_detector(model):
        expected["score"] = model.score_samples(rows)
    return max(
        _difference(output, expected[name][:n])
        for n in BATCHES
        for name, output in zip(
            expected,
            session.run(list(expected), {key: value[:n] for key, value in feed.items()}),
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


class _Scored(nn.Module):
    """A detector: codes, reconstructions, scores, and p-values if it has any.

    Parameters
    ----------
    autoencoder : Module, (B, D) to (B, H) and (B, D)
    detector : fitted AnomalyDetector
    """

    scale: Tensor
    calibration: Tensor

    def __init__(self, autoencoder: nn.Module, detector: AnomalyDetector) -> None:
        super().__init__()
        self.autoencoder = autoencoder
        scale = autoencoder_of(detector).scaling_.scale
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))
        self.least_size = None
        if detector.scoring_ == "relative-error":
            self.least_size = float(detector.row_score_.state["least_size"][0])
        calibration = detector.calibration_scores_
        self.has_p_values = calibration is not None
        if calibration is not None:
            self.register_buffer("calibration", torch.from_numpy(calibration.copy()))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        codes, reconstructions = self.autoencoder(x)
        residuals = (x - reconstructions) / self.scale
        errors = torch.where(torch.isnan(x), 0.0, residuals).double().square().sum(dim=1)
        if self.least_size is not None:
            sizes = (torch.where(torch.isnan(x), 0.0, x) / self.scale).double().square().sum(dim=1)
            errors = errors / (sizes + self.least_size)
        outputs = (codes, reconstructions, -errors)
        if not self.has_p_values:
            return outputs
        not_above = (self.calibration <= -errors[:, None]).double().sum(dim=1)
        return (*outputs, (1 + not_above) / (len(self.calibration) + 1))


def _exported(model: BaseAutoencoder | AnomalyDetector) -> bytes:
    """Export the graph with torch, and remove metadata that only torch's tools read."""
    autoencoder = autoencoder_of(model)
    module: nn.Module = autoencoder.to_torch()
    conditional = is_conditional(autoencoder)
    module = joined(
        *(module.get_submodule(part) for part in ("encoder", "decoder")),
        conditional=conditional,
        name="Model",
        with_code=True,
    )
    outputs: tuple[str, ...] = OUTPUTS
    if is_detector(model):
        module = _Scored(module, model).eval()
        outputs += ("score", "p_value")[: 1 + module.has_p_values]
    # An example of one sample would fix the batch size at one.
    example = (torch.zeros(2, autoencoder.n_features_in_), torch.zeros(2, dtype=torch.int64))
    n_inputs = 1 + conditional
    batch = torch.export.Dim("batch")
    with _quiet():
        program = torch.onnx.export(
            module,
            example[:n_inputs],
            input_names=list(INPUTS[:n_inputs]),
            output_names=list(outputs),
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


def _described(model: BaseAutoencoder | AnomalyDetector) -> dict[str, Any]:
    """Return the metadata of the graph: class, feature names, labels and threshold."""
    described: dict[str, Any] = {"class": type(model).__name__}
    if hasattr(model, "feature_names_in_"):
        described["feature_names"] = [str(name) for name in model.feature_names_in_]
    if is_detector(model):
        described |= {"scoring": model.scoring_, "threshold": model.offset_}
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
