"""``utsushi impute``."""

import numpy as np
import pandas as pd
import pytest

from utsushi import AutoencoderImputer, TableAutoencoder

QUICK = {"max_epochs": 2, "random_state": 0}


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("impute")
    rng = np.random.default_rng(0)
    a = rng.normal(size=60).round(2)
    frame = pd.DataFrame({"a": a, "b": 2 * a + rng.normal(size=60).round(2), "c": 1 - a})
    frame.loc[::7, "b"] = np.nan
    frame.to_csv(path / "table.csv", index=False)
    frame.assign(town=["Oslo", "Kobe"] * 30).to_csv(path / "mixed.csv", index=False)
    return path


def test_an_imputer_fills_the_gaps_of_a_csv(utsushi, table):
    frame = pd.read_csv(table / "table.csv")
    imputer = AutoencoderImputer(n_models=1, **QUICK).fit(frame)
    imputer.save(table / "imputer.safetensors")
    call = utsushi("impute", table / "imputer.safetensors", table / "mixed.csv",
                   "--out", table / "filled.csv")  # fmt: skip
    assert call.status == 0, call.err
    assert "9 gaps of 60 rows" in call.err
    filled = pd.read_csv(table / "filled.csv")
    assert filled["b"].to_numpy() == pytest.approx(imputer.transform(frame)[:, 1])
    assert filled["town"].tolist() == ["Oslo", "Kobe"] * 30


def test_a_table_autoencoder_fills_the_gaps_of_parquet(utsushi, table):
    frame = pd.read_csv(table / "mixed.csv")
    frame.to_parquet(table / "mixed.parquet")
    TableAutoencoder(2, **QUICK).fit(frame).save(table / "model.safetensors")
    call = utsushi("impute", table / "model.safetensors", table / "mixed.parquet",
                   "--out", table / "filled.parquet")  # fmt: skip
    assert call.status == 0, call.err
    filled = pd.read_parquet(table / "filled.parquet")
    assert list(filled.columns) == list(frame.columns)
    assert not filled.isna().any().any()
    known = frame["b"].notna()
    assert filled["b"][known].to_numpy() == pytest.approx(frame["b"][known].to_numpy())


def test_a_model_of_another_kind_names_the_command_for_it(utsushi, table, vae_run):
    call = utsushi("impute", vae_run / "model.safetensors", table / "table.csv",
                   "--out", table / "x.csv")  # fmt: skip
    assert call.status == 2
    assert "utsushi reconstruct" in call.error


def test_a_column_that_is_missing_is_named(utsushi, table):
    frame = pd.read_csv(table / "table.csv")
    AutoencoderImputer(n_models=1, **QUICK).fit(frame).save(table / "imputer.safetensors")
    frame.drop(columns="c").to_csv(table / "two.csv", index=False)
    call = utsushi("impute", table / "imputer.safetensors", table / "two.csv",
                   "--out", table / "x.csv")  # fmt: skip
    assert call.status == 2
    assert "'c'" in call.error


def test_the_endings_are_checked_first(utsushi, table):
    call = utsushi("impute", "nothing", table / "table.csv", "--out", table / "x.png")
    assert call.status == 2
    assert ".csv" in call.error
