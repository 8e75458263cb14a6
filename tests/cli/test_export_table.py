"""``utsushi export --to html`` of a TableAutoencoder."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from utsushi import TableAutoencoder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("table")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=60).round(2),
            "town": np.array(["Kobe", "Oslo"])[rng.integers(0, 2, 60)],
            "since": pd.date_range("2020-01-01", periods=60, freq="36h"),
        }
    )
    frame.loc[::7, "size"] = np.nan
    TableAutoencoder(2, max_epochs=1, random_state=0).fit(frame).save(path / "model.safetensors")
    frame.assign(species=["a", "b"] * 30).to_csv(path / "table.csv", index=False)
    return path


def export(utsushi, folder, *words):
    return utsushi("export", folder / "model.safetensors", "--to", "html", *words)


def test_a_page_is_made_of_a_table_and_labels(utsushi, folder):
    call = export(utsushi, folder, "--data", folder / "table.csv", "--label", "species")
    assert call.status == 0, call.err
    text = (folder / "model.html").read_text("utf-8")
    (found,) = re.findall(r'id="utsushi-header">(.*?)</script>', text, re.DOTALL)
    header = json.loads(found)
    assert header["features"]["names"] == ["size", "town", "since"]
    assert header["features"]["kinds"] == ["number", "category", "datetime"]
    assert header["classes"] == ["a", "b"]
    assert header["title"] == "TableAutoencoder, table.csv"
    assert header["models"][0]["still"] is None


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((), "--data must be a table (.csv or .parquet) for a TableAutoencoder, got None."),
        (("--data", "digits8x8"), "--data must be a table (.csv or .parquet)"),
        (("--data", "table.csv", "--label", "nothing"), "--label must be one of ["),
    ],
)
def test_what_it_needs_is_named(utsushi, folder, words, error, monkeypatch):
    monkeypatch.chdir(folder)
    call = export(utsushi, folder, *words)
    assert call.status == 2
    assert error in call.err
