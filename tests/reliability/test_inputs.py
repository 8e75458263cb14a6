"""Whatever holds the numbers, the model is that of the numbers, or the refusal says what to do."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import sparse

from utsushi import AnomalyDetector, Autoencoder, VariationalAutoencoder, datasets
from utsushi.exceptions import DataError, NonFiniteDataError

COUNTS = np.random.default_rng(4).integers(0, 2, (24, 9))  # also as booleans
ROWS = np.random.default_rng(4).random((24, 9))
FEW = {"n_components": 2, "hidden": (4,), "max_epochs": 2, "random_state": 0}


def read_only(rows):
    rows = rows.copy()
    rows.flags.writeable = False
    return rows


#: How the numbers are given, and the plain array that they mean.
INPUTS = {
    "float16": (ROWS.astype(np.float16), ROWS.astype(np.float16).astype(np.float64)),
    "float32": (ROWS.astype(np.float32), ROWS.astype(np.float32)),
    "integers": (COUNTS, COUNTS.astype(np.float64)),
    "bytes": (COUNTS.astype(np.uint8), COUNTS.astype(np.float64)),
    "booleans": (COUNTS.astype(bool), COUNTS.astype(np.float64)),
    "big-endian": (ROWS.astype(">f8"), ROWS),
    "big-endian float32": (ROWS.astype(">f4"), ROWS.astype(np.float32).astype(np.float64)),
    "read-only": (read_only(ROWS), ROWS),
    "fortran": (np.asfortranarray(ROWS), ROWS),
    "every other row": (np.repeat(ROWS, 2, axis=0)[::2], ROWS),
    "list": (ROWS.tolist(), ROWS),
    "pandas": (pd.DataFrame(ROWS), ROWS),
    "polars": (pl.DataFrame(ROWS, schema=[f"c{i}" for i in range(9)]), ROWS),
    "torch": (torch.from_numpy(ROWS), ROWS),
    "torch with a gradient": (torch.from_numpy(ROWS).requires_grad_(), ROWS),
    "torch float32": (torch.from_numpy(ROWS.astype(np.float32)), ROWS.astype(np.float32)),
}


@pytest.mark.filterwarnings("ignore:likelihood='gaussian' does not suit")
@pytest.mark.parametrize("estimator", [Autoencoder, VariationalAutoencoder])
@pytest.mark.parametrize("name", INPUTS)
def test_the_numbers_count_and_not_what_holds_them(name, estimator):
    given, meant = INPUTS[name]
    expected = estimator(**FEW).fit(meant)
    found = estimator(**FEW).fit(given)
    np.testing.assert_array_equal(found.transform(given), expected.transform(meant))
    np.testing.assert_array_equal(found.score_samples(given), expected.score_samples(meant))


@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csr_array, sparse.coo_array])
def test_sparse_rows_are_what_dense_rows_are_or_refused(make, refusal):
    model, same = Autoencoder(**FEW).fit(make(COUNTS)), Autoencoder(**FEW).fit(COUNTS)
    np.testing.assert_array_equal(model.transform(make(COUNTS)), same.transform(COUNTS))
    message = refusal((DataError, TypeError), AnomalyDetector().fit, make(COUNTS))
    assert "dense" in message


def test_a_tensor_of_a_dtype_that_numpy_does_not_have_is_refused(refusal):
    message = refusal(DataError, Autoencoder(**FEW).fit, torch.from_numpy(ROWS).bfloat16())
    assert message.startswith("X must have a dtype")
    assert "got a tensor of torch.bfloat16. Give X.float()." in message


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("method", ["fit", "transform", "reconstruct", "score_samples"])
def test_a_number_that_is_not_finite_is_located(bad, method, refusal):
    model = Autoencoder(**FEW).fit(ROWS)
    rows = ROWS.copy()
    rows[17, 5] = rows[20, 1] = bad
    message = refusal(NonFiniteDataError, getattr(model, method), rows)
    assert "at row 17, column 5 (counting from 0; 2 such values in all)" in message


MASKED = np.ma.masked_array(ROWS, ROWS > 0.9)
DATES = (1000 * ROWS).astype("int64").astype("datetime64[ms]")


@pytest.mark.parametrize("method", ["fit", "transform", "reconstruct", "inverse_transform"])
def test_an_array_with_a_mask_is_refused_and_one_that_masks_nothing_is_not(method, refusal):
    model = Autoencoder(**FEW).fit(np.ma.masked_array(ROWS))
    rows = MASKED[:, :2] if method == "inverse_transform" else MASKED
    message = refusal(DataError, getattr(model, method), rows)
    assert f"must have no masked values, got {rows.mask.sum()}. " in message
    message = refusal(DataError, datasets.open, MASKED)
    assert message.startswith("the data must have no masked values")


@pytest.mark.parametrize(
    "rows",
    [
        DATES,
        DATES - DATES[0],
        pd.DataFrame(DATES),
        pd.DataFrame(ROWS).assign(day=DATES[:, 0]),
        pl.DataFrame({"day": DATES[:, 0], "x": ROWS[:, 0]}),
    ],
    ids=["dates", "durations", "pandas", "one column of pandas", "polars"],
)
def test_dates_are_refused(rows, refusal):
    message = refusal(DataError, Autoencoder(**FEW).fit, rows)
    assert "must hold integers or floats, got" in message
