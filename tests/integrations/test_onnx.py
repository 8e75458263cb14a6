"""ONNX Runtime computes what the model computes, whatever the size of the batch.

The exporter takes seconds a model: one dense and one convolutional one in `make test`, the others
in `make soak`.
"""

import json
import os

import numpy as np
import onnx
import onnxruntime
import pytest
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from utsushi import AnomalyDetector, Autoencoder, VariationalAutoencoder
from utsushi.exceptions import MissingPackageError, SettingError
from utsushi.integrations import onnx as export
from utsushi.networks import Conv

X = np.random.default_rng(0).random((120, 30), dtype=np.float32)
LABELS = np.array(["a", "b", "c"])[np.arange(120) % 3]
FEW = {"hidden": (8,), "max_epochs": 1, "random_state": 0}
CONV = {"network": Conv(channels=(2, 3)), "image_shape": (5, 6)}

MODELS = {
    "conditional conv bernoulli": VariationalAutoencoder(
        3, likelihood="bernoulli", scaling="standard", conditional=True, **CONV, **FEW
    ),
    "dense": Autoencoder(3, **FEW),
    "conv": Autoencoder(3, **CONV, **FEW),
    "variational": VariationalAutoencoder(3, **FEW),
    "conditional": VariationalAutoencoder(3, conditional=True, sampler="mixture", **FEW),
    "bernoulli": VariationalAutoencoder(3, likelihood="bernoulli", **FEW),
    "continuous-bernoulli": VariationalAutoencoder(3, likelihood="continuous-bernoulli", **FEW),
}
SHORT = ["conditional conv bernoulli", "dense"]
CHOSEN = list(MODELS) if os.environ.get("UTSUSHI_SOAK") == "1" else SHORT


@pytest.fixture(scope="module", params=CHOSEN)
def case(request):
    """Give a fitted model, rows, and the content of the file."""
    rows = np.round(X) if "bernoulli" in request.param.split() else X
    model = MODELS[request.param].fit(rows, LABELS)
    return model, rows, export.to_onnx(model)


def run(content, rows, outputs, **more):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(outputs, {"x": rows, **more})


@pytest.mark.parametrize("n_rows", [1, 2, 7, 100])
def test_codes_and_reconstructions_are_the_models(case, n_rows):
    model, rows, content = case
    more, labels = {}, None
    if getattr(model, "conditional", False):
        more, labels = {"y": np.arange(n_rows) % 3}, LABELS[:n_rows]
    code, copies = run(content, rows[:n_rows], ["code", "reconstruction"], **more)
    np.testing.assert_allclose(code, model.transform(rows[:n_rows]), atol=1e-5, rtol=0)
    expected = model.reconstruct(rows[:n_rows], labels)
    np.testing.assert_allclose(copies, expected, atol=1e-5, rtol=0)


def test_the_file_passes_onnxs_own_check(case):
    onnx.checker.check_model(onnx.load_from_string(case[2]), full_check=True)


def test_the_file_says_what_it_is_and_nothing_of_where_it_was_made(case):
    model, _, content = case
    read = onnx.load_from_string(content)
    (entry,) = read.metadata_props
    described = json.loads(entry.value)
    assert described["class"] == type(model).__name__
    assert described.get("labels") == (["a", "b", "c"] if model._n_conditions else None)
    assert os.fsencode(os.path.dirname(export.__file__)) not in content
    assert not any(node.metadata_props for node in read.graph.node)


def test_the_decoder_can_be_cut_out_by_name(case):
    model, rows, content = case
    told = ["y"] if model._n_conditions else []
    whole = onnx.load_from_string(content)
    decoder = onnx.utils.Extractor(whole).extract_model(["code", *told], ["reconstruction"])
    session = onnxruntime.InferenceSession(
        decoder.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    codes = model.transform(rows[:7])
    feed = {"code": codes, **{name: np.arange(7) % 3 for name in told}}
    (copies,) = session.run(["reconstruction"], feed)
    expected = model.inverse_transform(codes, LABELS[:7])
    np.testing.assert_allclose(copies, expected, atol=1e-5, rtol=0)


def test_a_graph_that_computes_something_else_is_refused(case, refusal, monkeypatch):
    model, rows, content = case
    other = clone(model).set_params(random_state=1).fit(rows, LABELS)
    monkeypatch.setattr(export, "_exported", lambda model: content)
    message = refusal(SettingError, export.to_onnx, other)
    assert "must differ from the model by at most 1e-05, got " in message


# --- detectors ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def detector():
    """Give a detector of rows with gaps, and new rows."""
    rng = np.random.default_rng(1)
    rows = (rng.normal(size=(300, 8)) * [1, 10, 0.1, 5, 1, 1, 1, 1]).astype(np.float32)
    rows[::7, 3] = np.nan
    model = Autoencoder(3, missing="mask", **FEW)
    settings = {"scoring": "relative-error", "max_false_positive_rate": 0.1}
    return AnomalyDetector(model, **settings).fit(rows[:200]), rows[200:] * 1.5


def test_scores_and_p_values_are_the_detectors(detector):
    model, rows = detector
    content = export.to_onnx(model)
    score, p_value = run(content, rows, ["score", "p_value"])
    np.testing.assert_allclose(score, model.score_samples(rows), rtol=1e-4, atol=1e-6)
    # A score next to one of the calibration may be rounded to its other side.
    rank = 1 / (len(model.calibration_scores_) + 1)
    assert np.abs(p_value - model.p_values(rows)).max() < 1.5 * rank
    assert (p_value == model.p_values(rows)).mean() > 0.9
    (entry,) = onnx.load_from_string(content).metadata_props
    about = json.loads(entry.value)
    assert (about["scoring"], about["threshold"]) == ("relative-error", model.offset_)
    np.testing.assert_array_equal(score < about["threshold"], model.predict(rows) == -1)


def test_a_score_that_the_graph_cannot_compute_is_refused(detector, refusal):
    model, _ = detector
    frozen = FrozenEstimator(model.autoencoder_)
    rows = np.random.default_rng(0).normal(size=(30, 8))
    other = AnomalyDetector(frozen, scoring="mahalanobis").fit(rows)
    message = refusal(SettingError, export.to_onnx, other)
    assert message.startswith("scoring must be 'squared-error' or 'relative-error' for the export")
    assert "got 'mahalanobis'" in message


def test_without_onnx_the_message_names_the_extra(refusal, monkeypatch):
    monkeypatch.setattr("utsushi._utils.optional_dependencies.find_spec", lambda name: None)
    message = refusal(MissingPackageError, export.to_onnx, Autoencoder(3))
    assert "pip install 'utsushi[onnx]'" in message
