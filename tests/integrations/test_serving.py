"""The servers of scores in the documentation return what the detectors do."""

import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

from utsushi import AnomalyDetector, Autoencoder
from utsushi.integrations.onnx import to_onnx

pytest.importorskip("fastapi")
pytest.importorskip("httpx2")

DOCS = Path(__file__).parents[2] / "docs"
ROWS = np.random.default_rng(0).normal(size=(200, 3))
NEW = np.random.default_rng(1).normal(size=(20, 3)) * 2


def client_of(code):
    """Start the application of a program."""
    from fastapi.testclient import TestClient

    names = {}
    exec(code, names)
    return TestClient(names["app"])


def check_refusals(client):
    for rows in ([[1.0, 2.0]], [[1.0, 2.0, 3.0], [1.0]], []):
        assert client.post("/scores", json={"rows": rows}).status_code == 422
    headers = {"Content-Type": "application/json"}
    for text in ('{"rows": [[1, 2, NaN]]}', '{"rows": [["a", 2, 3]]}', "{}"):
        assert client.post("/scores", content=text, headers=headers).status_code == 422


def test_the_server_of_an_onnx_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = Autoencoder(2, hidden=(8,), max_epochs=2, random_state=0)
    detector = AnomalyDetector(model, max_false_positive_rate=0.05).fit(ROWS)
    Path("detector.onnx").write_bytes(to_onnx(detector))
    page = (DOCS / "export.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    (code,) = (block for block in blocks if "FastAPI" in block)
    client = client_of(code)
    answer = client.post("/scores", json={"rows": NEW.tolist()}).json()
    rows = NEW.astype(np.float32)
    np.testing.assert_allclose(answer["score"], detector.score_samples(rows), rtol=1e-4)
    np.testing.assert_allclose(answer["p_value"], detector.p_values(rows), atol=0.04)
    assert answer["outlier"] == (detector.predict(rows) == -1).tolist()
    check_refusals(client)


def test_the_server_of_a_detector(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    detector = AnomalyDetector(max_false_positive_rate=0.05).fit(ROWS)
    detector.save("detector.safetensors")
    page = (DOCS / "anomalies.md").read_text()
    (code,) = re.findall(r"^    from fastapi.*?(?=^\S)", page, flags=re.DOTALL | re.MULTILINE)
    client = client_of(textwrap.dedent(code))
    answer = client.post("/scores", json={"rows": NEW.tolist()}).json()
    assert answer["score"] == detector.score_samples(NEW).tolist()
    assert answer["outlier"] == (detector.predict(NEW) == -1).tolist()
    assert answer["explanation"] == detector.explain_text(NEW)
    check_refusals(client)
