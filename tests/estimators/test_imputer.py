"""AutoencoderImputer: against closed forms of normal data, its draws, its manners and its file."""

import json
import struct

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer

from utsushi import AutoencoderImputer, load
from utsushi.exceptions import ModelFileError, SettingError

COVARIANCE = np.array(
    [[1.0, 0.8, 0.5, 0.0], [0.8, 1.0, 0.4, 0.0], [0.5, 0.4, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]
)
SCALE, OFFSET = np.array([1.0, 10.0, 0.1, 5.0]), np.array([0.0, 50.0, -1.0, 3.0])
QUICK = {"max_epochs": 3, "n_models": 2, "random_state": 0}


def normal_rows(n, seed=0, share=0.3):
    rng = np.random.default_rng(seed)
    z = rng.multivariate_normal(np.zeros(4), COVARIANCE, n)
    gone = rng.random(z.shape) < share
    return OFFSET + SCALE * z, np.where(gone, np.nan, OFFSET + SCALE * z), gone


@pytest.fixture(scope="module")
def fitted():
    _, hidden, _ = normal_rows(600)
    return AutoencoderImputer(n_models=2, max_epochs=60, random_state=0).fit(hidden), hidden


def conditional(row):
    z = (row - OFFSET) / SCALE
    known = ~np.isnan(z)
    slopes = np.linalg.solve(COVARIANCE[np.ix_(known, known)], COVARIANCE[np.ix_(known, ~known)])
    variance = COVARIANCE[np.ix_(~known, ~known)] - COVARIANCE[np.ix_(~known, known)] @ slopes
    return OFFSET[~known] + SCALE[~known] * (z[known] @ slopes), SCALE[~known] * np.sqrt(
        np.diag(variance)
    )


ROW = np.array([1.5, np.nan, -1.0, np.nan])


def test_the_mean_of_normal_data_is_the_closed_forms(fitted):
    imputer, _ = fitted
    mean, deviation = conditional(ROW)
    filled = imputer.transform(ROW[None])[0]
    assert filled[[0, 2]].tolist() == ROW[[0, 2]].tolist()
    assert (filled[[1, 3]] - mean) / deviation == pytest.approx(0, abs=0.25)


def test_draws_have_the_conditional_variance(fitted):
    imputer, _ = fitted
    _, deviation = conditional(ROW)
    draws = np.stack(imputer.impute_many(ROW[None], 2000, random_state=0))[:, 0]
    assert draws[:, [1, 3]].std(axis=0) / deviation == pytest.approx(1, abs=0.2)


def test_intervals_of_draws_cover_what_they_should(fitted):
    imputer, _ = fitted
    X, hidden, gone = normal_rows(800, seed=1)
    draws = np.stack(imputer.impute_many(hidden, 200, random_state=0))
    low, high = np.quantile(draws, [0.05, 0.95], axis=0)
    assert ((low <= X) & (high >= X))[gone].mean() == pytest.approx(0.9, abs=0.04)


def test_rubins_rules_give_a_mean_and_its_variance(fitted):
    imputer, hidden = fitted
    tables = imputer.impute_many(hidden, 20, random_state=0)
    means = np.stack([table.mean(axis=0) for table in tables])
    between = means.var(axis=0, ddof=1)
    assert (between[:3] > 0).all()
    assert means.mean(axis=0) == pytest.approx(OFFSET, abs=0.2 * SCALE.max())


def test_a_column_that_depends_nonlinearly_takes_the_autoencoders():
    rng = np.random.default_rng(0)
    a = rng.uniform(-2, 2, 800)
    X = np.stack([a, a**2 + 0.2 * rng.normal(size=800), rng.normal(size=800)], axis=1)
    gone = np.zeros(X.shape, bool)
    gone[:, 1] = rng.random(800) < 0.3
    hidden = np.where(gone, np.nan, X)
    imputer = AutoencoderImputer(n_models=1, random_state=0).fit(hidden)
    assert imputer.weights_[1] > 0.5
    filled = imputer.transform(hidden)
    linear = IterativeImputer(random_state=0).fit_transform(hidden)
    assert ((filled - X)[gone] ** 2).mean() < 0.5 * ((linear - X)[gone] ** 2).mean()


def test_draws_are_repeatable_and_leave_what_is_known(fitted):
    imputer, hidden = fitted
    first, second = imputer.impute_many(hidden, 2, random_state=3)
    again = imputer.impute_many(hidden, 2, random_state=3)
    known = ~np.isnan(hidden)
    assert (first == again[0]).all()
    assert (second == again[1]).all()
    assert (first[known] == hidden[known]).all()
    assert (first != second)[~known].mean() > 0.99  # others are at the end of the range


def test_sample_posterior_fills_by_a_draw(fitted):
    imputer, hidden = fitted
    drawing = clone(imputer).set_params(sample_posterior=True, **QUICK).fit(hidden)
    drawn = drawing.transform(hidden)
    gone = np.isnan(hidden)
    assert not np.isnan(drawn).any()
    spread = drawn[gone[:, 3], 3].std()  # a column that depends on no other
    assert spread == pytest.approx(SCALE[3], rel=0.3)


def test_a_file_fills_alike(fitted, tmp_path):
    imputer, hidden = fitted
    again = load(imputer.save(tmp_path / "imputer.safetensors"))
    assert type(again) is AutoencoderImputer
    assert again.get_params() == imputer.get_params()
    assert (again.transform(hidden) == imputer.transform(hidden)).all()
    pairs = zip(
        again.impute_many(hidden, 2, random_state=0),
        imputer.impute_many(hidden, 2, random_state=0),
        strict=True,
    )
    assert all((one == other).all() for one, other in pairs)


@pytest.mark.parametrize("change", [{"n_features_in": 3}, {"autoencoders": []}, {"seed": -1}])
def test_a_file_that_contradicts_itself_is_refused(fitted, tmp_path, change):
    path = fitted[0].save(tmp_path / "imputer.safetensors")
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    (key,) = header["__metadata__"]
    described = json.loads(header["__metadata__"][key])
    described["imputer"] |= change
    header["__metadata__"][key] = json.dumps(described)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])
    with pytest.raises(ModelFileError):
        load(path)


def test_empty_and_constant_columns():
    _, hidden, _ = normal_rows(60)
    hidden = np.column_stack([hidden, np.full(60, np.nan), np.full(60, 7.0)])
    hidden[0, 5] = np.nan
    imputer = AutoencoderImputer(**QUICK).fit(hidden)
    assert list(imputer.get_feature_names_out()) == ["x0", "x1", "x2", "x3", "x5"]
    filled = imputer.transform(hidden)
    assert filled.shape == (60, 5)
    assert filled[0, 4] == 7
    kept = AutoencoderImputer(keep_empty_features=True, **QUICK).fit(hidden)
    assert kept.transform(hidden).shape == (60, 6)
    assert not kept.transform(hidden)[:, 4].any()
    assert np.isnan(kept.weights_[4:]).all()


def test_only_constants_need_no_model():
    X = np.array([[1.0, np.nan], [np.nan, 2.0], [1.0, 2.0]])
    imputer = AutoencoderImputer(**QUICK).fit(X)
    assert imputer.transform(X).tolist() == [[1, 2]] * 3
    assert np.stack(imputer.impute_many(X, 2)).shape == (2, 3, 2)


def test_a_frame_keeps_its_names():
    _, hidden, _ = normal_rows(60)
    frame = pd.DataFrame(hidden, columns=list("abcd"))
    imputer = AutoencoderImputer(**QUICK).set_output(transform="pandas")
    filled = imputer.fit_transform(frame)
    assert list(filled.columns) == list("abcd")
    assert not filled.isna().any().any()


def test_float32_stays_float32():
    _, hidden, _ = normal_rows(60)
    assert AutoencoderImputer(**QUICK).fit_transform(hidden.astype(np.float32)).dtype == np.float32


def test_fills_are_within_the_range_of_training():
    _, hidden, _ = normal_rows(80)
    imputer = AutoencoderImputer(**QUICK).fit(hidden)
    row = np.array([[100.0, np.nan, np.nan, np.nan]])
    filled = imputer.transform(row)[0, 1:]
    assert (filled <= np.nanmax(hidden, axis=0)[1:]).all()


def test_a_number_of_imputations_is_positive(fitted):
    with pytest.raises(SettingError, match=r"n_imputations .* 0"):
        fitted[0].impute_many(ROW[None], 0)
