"""A run on rows that are larger than memory: from the command line to the report."""

import json

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from utsushi.evaluation import rows
from utsushi.exceptions import UtsushiWarning

X = np.random.default_rng(0).random((300, 6), dtype=np.float32)
SMALL = [
    "--n-components",
    "3",
    "--hidden",
    "8",
    "--max-epochs",
    "2",
    "--random-state",
    "0",
    "--verbose",
    "0",
]


@pytest.fixture(params=["npy", "parquet"])
def large_source(request, tmp_path, monkeypatch):
    """Write rows, and take them for larger than they are."""
    path = tmp_path / f"x.{request.param}"
    if request.param == "npy":
        np.save(path, X)
    else:
        table = pa.table({f"c{index}": column for index, column in enumerate(X.T)})
        parquet.write_table(table, path, row_group_size=50)
    for place in ("datasets.parquet.IN_MEMORY_BYTES", "evaluation.rows.MEASURED_WHOLE_BYTES"):
        monkeypatch.setattr(f"utsushi.{place}", 0)
    monkeypatch.setattr("utsushi.estimators.base.COPIED_BYTES", 0)
    monkeypatch.setattr(rows, "MEASURED_BYTES", 100 * X[:1].nbytes)
    return path


def test_a_run_is_measured_on_some_of_its_rows(utsushi, large_source, tmp_path):
    with pytest.warns(
        UtsushiWarning, match="300 samples, too many to measure: a random subset of 100"
    ):
        utsushi("train", "ae", "--data", large_source, "--out", tmp_path / "run", *SMALL)
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    found = metrics["reconstruction"]
    error = found.get("mse") or found["standardized_mse"]  # of a table
    assert error["n_rows"] == 100
    assert "300" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore:.*too many to measure")
def test_all_of_its_rows_are_encoded(utsushi, large_source, tmp_path):
    utsushi("train", "ae", "--data", large_source, "--out", tmp_path / "run", *SMALL)
    out = tmp_path / "codes.npy"
    assert utsushi("encode", tmp_path / "run", "--out", out).status == 0
    assert np.load(out).shape == (300, 3)
