"""One contract for every public estimator, beside scikit-learn's own."""

import math
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import pairwise_distances
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from utsushi import Autoencoder, Recipe, VariationalAutoencoder
from utsushi._utils.seeds import Purpose, numpy_generator
from utsushi.exceptions import DataError, NonFiniteDataError, SettingError, UtsushiWarning
from utsushi.networks import Conv, Dense
from utsushi.networks.dense import ACTIVATIONS
from utsushi.samplers import Flow, Gaussian, Mixture, Prior, TwoStage

DIGITS = load_digits()
X = DIGITS.data / 16.0
TRAIN, TEST = X[:600], X[600:1300]
SMALL = {"n_components": 3, "hidden": (16,), "max_epochs": 3, "random_state": 0}
ESTIMATORS = [Autoencoder, VariationalAutoencoder]
METHODS = ["transform", "reconstruct", "score_samples"]

by_estimator = pytest.mark.parametrize("estimator", ESTIMATORS)
by_method = pytest.mark.parametrize("method", METHODS)
by_scaling = pytest.mark.parametrize("scaling", ["center", "standard", "minmax", None])


@pytest.fixture(scope="module", params=ESTIMATORS, ids=lambda cls: cls.__name__)
def model(request):
    return request.param(**SMALL).fit(TRAIN)


@pytest.fixture(scope="module")
def vae():
    return VariationalAutoencoder(**SMALL).fit(TRAIN)


# --- shapes and dtypes ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_results_have_the_shapes_and_the_dtype_of_the_rows(model, dtype):
    rows = TEST[:40].astype(dtype)
    codes = model.transform(rows)
    results = [codes, model.inverse_transform(codes), model.reconstruct(rows)]
    results.append(model.score_samples(rows))
    assert [r.shape for r in results] == [(40, 3), (40, 64), (40, 64), (40,)]
    assert {r.dtype for r in results} == {np.dtype(dtype)}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@by_estimator
def test_generated_rows_have_the_dtype_of_the_training_rows(estimator, dtype):
    model = estimator(**{**SMALL, "max_epochs": 1}).fit(TRAIN[:100].astype(dtype))
    generated = model.sample(5, random_state=0)
    assert (generated.shape, generated.dtype) == ((5, 64), np.dtype(dtype))


@pytest.mark.parametrize(
    "convert",
    [
        pd.DataFrame,
        pl.DataFrame,
        np.asfortranarray,
        lambda x: x.astype(">f8"),
        lambda x: x.tolist(),
        lambda x: np.repeat(x, 2, axis=0)[::2],
    ],
    ids=["pandas", "polars", "fortran", "big-endian", "list", "strided"],
)
@by_method
@pytest.mark.filterwarnings("ignore:X has feature names, but:UserWarning")
def test_the_same_numbers_in_another_container_give_the_same_results(model, method, convert):
    rows = TEST[:20]
    np.testing.assert_array_equal(
        getattr(model, method)(convert(rows)), getattr(model, method)(rows)
    )


@by_estimator
def test_a_frame_gives_its_column_names_to_the_model(estimator):
    frame = pd.DataFrame(TRAIN[:50], columns=[f"pixel{i}" for i in range(64)])
    model = estimator(**{**SMALL, "max_epochs": 1}).fit(frame)
    assert list(model.feature_names_in_) == list(frame.columns)
    prefix = estimator.__name__.lower()
    assert list(model.get_feature_names_out()) == [f"{prefix}{i}" for i in range(3)]


@pytest.mark.filterwarnings("ignore:likelihood=:utsushi.exceptions.UtsushiWarning")
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, bool])
@by_estimator
def test_whole_numbers_and_booleans_are_rows_like_any_others(estimator, dtype):
    rows = (DIGITS.data[:100] > 7).astype(dtype)
    model, oracle = (
        estimator(**{**SMALL, "max_epochs": 1}).fit(r) for r in (rows, rows.astype(np.float64))
    )
    np.testing.assert_array_equal(model.score_samples(rows), oracle.score_samples(rows))
    assert model.transform(rows).dtype == np.float64


@by_estimator
def test_a_read_only_memory_map_trains_and_is_encoded_like_its_array(estimator, tmp_path):
    np.save(tmp_path / "rows.npy", TRAIN.astype(np.float32))
    rows = np.load(tmp_path / "rows.npy", mmap_mode="r")
    model, oracle = (estimator(**{**SMALL, "max_epochs": 1}).fit(r) for r in (rows, np.array(rows)))
    np.testing.assert_array_equal(model.transform(rows), oracle.transform(np.array(rows)))


# --- deterministic inference ------------------------------------------------------------------


@by_method
def test_a_rows_result_does_not_depend_on_the_order(model, method):
    order = np.random.default_rng(0).permutation(len(TEST))
    f = getattr(model, method)
    np.testing.assert_array_equal(f(TEST[order]), f(TEST)[order])


@by_method
@pytest.mark.parametrize("n_rows", [1, 2, 31, 32, 33, 511, 512, 513])
def test_a_rows_result_does_not_depend_on_the_rows_beside_it(model, method, n_rows):
    f = getattr(model, method)
    np.testing.assert_array_equal(f(TEST[7 : 7 + n_rows]), f(TEST)[7 : 7 + n_rows])


# Products of some shapes are made by other kernels. Every layer here has few outputs, or inputs
# whose number is no multiple of four, or both.
WIDTHS = [(7, (33, 5), 4), (30, (), 10), (7, (50,), 3), (64, (1,), 1), (13, (6, 30), 5)]


@by_method
@by_estimator
def test_a_rows_result_does_not_depend_on_its_place_whatever_the_widths(estimator, method):
    for n_features, hidden, n_components in WIDTHS:
        rows = np.random.default_rng(0).standard_normal((600, n_features))
        model = estimator(n_components, hidden=hidden, max_epochs=1, random_state=0).fit(rows)
        f = getattr(model, method)
        reference = f(rows)
        np.testing.assert_array_equal(f(rows[::-1]), reference[::-1])
        for n_rows in (1, 2, 31, 33):
            np.testing.assert_array_equal(f(rows[5 : 5 + n_rows]), reference[5 : 5 + n_rows])


@by_method
def test_eight_threads_get_the_answers_of_one(model, method):
    f = getattr(model, method)
    parts = np.array_split(TEST, 8)
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(f, parts))
    np.testing.assert_array_equal(np.concatenate(together), f(TEST))


@by_method
def test_results_do_not_depend_on_torchs_number_of_threads(model, method):
    before = torch.get_num_threads()
    results = []
    try:
        for n_threads in (1, 2):
            torch.set_num_threads(n_threads)
            results.append(getattr(model, method)(TEST))
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(*results)


def test_using_a_model_changes_nothing_in_it(model):
    before = {name: id(value) for name, value in vars(model).items()}
    weights = [p.detach().clone() for p in model.module_.parameters()]
    model.inverse_transform(model.transform(TEST[:5]))
    model.reconstruct(TEST[:5])
    model.score(TEST[:5])
    model.sample(2)
    assert {name: id(value) for name, value in vars(model).items()} == before
    assert all(map(torch.equal, weights, model.module_.parameters()))


def test_the_input_is_left_as_it_was(model):
    rows = TEST[:512].copy()  # a whole block, which needs no padding
    model.reconstruct(rows)
    np.testing.assert_array_equal(rows, TEST[:512])


def test_reconstruction_is_the_decoded_code(model):
    codes = model.transform(TEST.astype(np.float32))
    np.testing.assert_array_equal(
        model.reconstruct(TEST.astype(np.float32)), model.inverse_transform(codes)
    )


def test_one_row_is_enough_at_inference(model):
    assert model.reconstruct(TEST[:1]).shape == (1, 64)


# --- drawing ----------------------------------------------------------------------------------


def test_generated_rows_are_a_function_of_random_state(model):
    np.testing.assert_array_equal(
        model.sample(20, random_state=3), model.sample(20, random_state=3)
    )
    assert not np.array_equal(model.sample(20, random_state=3), model.sample(20, random_state=4))


def test_without_random_state_generated_rows_are_new_each_time(model):
    assert not np.array_equal(model.sample(2), model.sample(2))


def test_a_random_state_object_is_advanced(model):
    state = np.random.RandomState(0)
    first, second = (model.sample(2, random_state=state) for _ in range(2))
    assert not np.array_equal(first, second)


def test_no_rows_cannot_be_generated(model):
    with pytest.raises(SettingError, match=r"n_samples must be .*, got 0"):
        model.sample(0)


def test_a_drawn_reconstruction_is_a_function_of_random_state(vae):
    draws = [vae.reconstruct(TEST, sample=True, random_state=s) for s in (1, 1, 2)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
    assert not np.array_equal(draws[0], vae.reconstruct(TEST))


def test_drawn_reconstructions_decode_draws_of_the_posterior():
    # A linear decoder turns the draws' moments into those of the reconstruction.
    model = VariationalAutoencoder(2, hidden=(), max_epochs=20, random_state=0).fit(TRAIN)
    n = 4000
    rows = np.repeat(TEST[:1], n, axis=0)
    _, sigma = model.posterior_of(TEST[:1])
    weights = model.module_.decoder[0].weight.detach().numpy().astype(np.float64)
    expected = np.sqrt((weights**2 * sigma**2).sum(axis=1))
    draws = model.reconstruct(rows, sample=True, random_state=0)
    assert (abs(draws.std(axis=0) - expected) < 5 * expected / math.sqrt(2 * n) + 1e-6).all()
    error = abs(draws.mean(axis=0) - model.reconstruct(TEST[:1])[0])
    assert (error < 5 * expected / math.sqrt(n) + 1e-6).all()


@by_scaling
def test_pixel_noise_has_the_likelihoods_sigma_in_the_units_of_the_input(scaling):
    rows = TRAIN[:, [10, 20, 30, 42]] * [1.0, 2.0, 5.0, 0.1]
    model = VariationalAutoencoder(
        2, hidden=(8,), scaling=scaling, max_epochs=2, random_state=0
    ).fit(rows)
    n = 4000
    noise = model.sample(n, random_state=0, noise=True) - model.sample(n, random_state=0)
    sigma = model.likelihood_.sigma_ * model.scaling_.scale
    assert (abs(noise.std(axis=0) / sigma - 1) < 5 / math.sqrt(2 * n)).all()
    assert (abs(noise.mean(axis=0)) < 5 * sigma / math.sqrt(n)).all()


ONCE = Recipe("lecture", max_epochs=1)
SAMPLERS = [
    "gaussian",
    "mixture",
    Mixture(n_components=2),
    Gaussian(),
    Flow(n_transforms=1, hidden=(8,), recipe=ONCE),
    TwoStage(hidden=(8,), recipe=ONCE),
]


@pytest.mark.parametrize("sampler", SAMPLERS)
@by_estimator
def test_every_model_takes_every_sampler_of_its_codes(estimator, sampler):
    model = estimator(**{**SMALL, "max_epochs": 1}, sampler=sampler).fit(TRAIN)
    assert np.isfinite(model.sample(10, random_state=0)).all()


def test_generated_codes_have_the_moments_of_the_training_codes():
    model = Autoencoder(**SMALL, sampler="gaussian").fit(TRAIN)
    codes = model.transform(TRAIN)
    np.testing.assert_allclose(model.sampler_.mean_, codes.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(model.sampler_.covariance_, np.cov(codes.T), rtol=1e-5)


@by_estimator
def test_another_sampler_is_the_one_that_fit_would_have_learned(estimator):
    settings = {**SMALL, "max_epochs": 1}
    expected = estimator(**settings, sampler="mixture").fit(TRAIN)
    model = estimator(**settings, sampler="gaussian").fit(TRAIN)
    codes = model.transform(TEST)
    assert model.set_params(sampler="mixture").fit_sampler(TRAIN) is model
    np.testing.assert_array_equal(
        model.sample(5, random_state=0), expected.sample(5, random_state=0)
    )
    np.testing.assert_array_equal(model.transform(TEST), codes)


def test_a_sampler_is_learned_from_the_rows_that_are_given():
    model = Autoencoder(**SMALL, sampler="gaussian").fit(TRAIN).fit_sampler(TEST)
    np.testing.assert_allclose(
        model.sampler_.mean_, model.transform(TEST).mean(axis=0), rtol=1e-5, atol=1e-6
    )


def test_a_sampler_is_not_learned_from_one_row(vae):
    with pytest.raises(DataError, match=r"1 sample.*Give at least two samples"):
        vae.fit_sampler(TEST[:1])


def test_a_sampler_that_cannot_be_is_refused_before_the_training(monkeypatch):
    monkeypatch.setattr(Autoencoder, "_train", lambda *_: pytest.fail("it was trained"))
    monkeypatch.setattr("utsushi._utils.optional_dependencies.find_spec", lambda name: None)
    for sampler in (Mixture(n_components=0), Flow(n_bins=1), TwoStage(hidden=(0,)), "flow"):
        with pytest.raises(ValueError, match=r"n_components|n_bins|hidden|utsushi\[flow\]"):
            Autoencoder(**SMALL, sampler=sampler).fit(TRAIN)


def test_samples_are_drawn_by_default_from_a_mixture_fitted_to_the_codes(model):
    assert isinstance(model.sampler_, Mixture)


def test_the_prior_of_a_variational_model_is_one_argument_away(vae):
    model = clone(vae).set_params(sampler="prior").fit(TRAIN)
    assert isinstance(model.sampler_, Prior)
    draws = numpy_generator(3, Purpose.SAMPLE)
    Z = draws.standard_normal((5, model.n_components_))
    np.testing.assert_array_equal(model.sample(5, random_state=3), model.inverse_transform(Z))


def test_the_default_samples_are_nearer_to_the_data_than_the_priors():
    model = VariationalAutoencoder(4, hidden=(64,), random_state=0).fit(TRAIN)
    default = energy_distance(model.sample(300, random_state=0), TEST)
    model.set_params(sampler="prior").fit_sampler(TRAIN)
    assert default < 0.7 * energy_distance(model.sample(300, random_state=0), TEST)


def energy_distance(X, Y):
    """Return the squared energy distance, Székely and Rizzo 2013."""
    between, of_x, of_y = (pairwise_distances(*pair).mean() for pair in ((X, Y), (X, X), (Y, Y)))
    return 2 * between - of_x - of_y


# --- scores -----------------------------------------------------------------------------------


def test_the_score_is_the_mean_of_the_rows_scores(model):
    assert model.score(TEST) == pytest.approx(model.score_samples(TEST).mean())


def test_an_autoencoders_score_is_minus_the_squared_error_in_scaled_units():
    model = Autoencoder(**SMALL, scaling="standard").fit(TRAIN)
    error = (TEST - model.reconstruct(TEST)) / model.scaling_.scale
    np.testing.assert_allclose(model.score_samples(TEST), -(error**2).sum(axis=1), rtol=1e-4)


def test_equal_rows_have_equal_scores(model):
    scores = model.score_samples(np.concatenate([TEST[:3], TEST[:3], TEST[:3]]))
    np.testing.assert_array_equal(scores[:3], scores[3:6])
    np.testing.assert_array_equal(scores[:3], scores[6:])


def test_a_negative_zero_is_a_zero(vae):
    rows = np.where(TEST[:20] == 0, -0.0, TEST[:20])
    assert np.signbit(rows).any()
    np.testing.assert_array_equal(vae.score_samples(rows), vae.score_samples(TEST[:20]))


def test_the_errors_of_different_rows_are_uncorrelated():
    # Nearly equal rows have nearly equal bounds: what is left of their differences is noise.
    model = VariationalAutoencoder(**SMALL).fit(TRAIN)
    rows = TEST[:1] + 1e-6 * np.arange(400)[:, None]
    scores = np.empty((30, 400))
    for seed in range(30):
        model.seed_ = seed
        scores[seed] = model.score_samples(rows)
    single = scores.var(axis=0, ddof=1).mean()
    of_mean = scores.mean(axis=1).var(ddof=1)
    # The variance of the mean of 400 independent errors is a 400th; shared noise would leave it
    # whole. A variance of 30 values is within a factor of 2.5 all but always.
    assert of_mean < 2.5 * single / 400


@pytest.mark.parametrize("factor", [8.0, 1000.0, 1e-3])
def test_scaling_the_input_shifts_a_density_by_its_volume(factor):
    settings = {**SMALL, "scaling": "standard", "max_epochs": 5}
    # Without constant columns, whose scale is one whatever their unit.
    train, test = (rows[:, TRAIN.std(axis=0) > 0.05] for rows in (TRAIN, TEST))
    one, other = (
        VariationalAutoencoder(**settings).fit(train * c).score_samples(test * c)
        for c in (1.0, factor)
    )
    shift = other - one + train.shape[1] * math.log(factor)
    # The training is the same but for roundings; the scores' draws are new, for they follow the
    # bytes of the rows: the mean shift is zero within the error that its rows show.
    assert abs(shift.mean()) < 4 * shift.std() / math.sqrt(len(shift)) + 1e-3 * abs(one.mean())


def test_the_score_of_a_model_is_at_beta_one():
    model = VariationalAutoencoder(**SMALL, beta=4.0).fit(TRAIN)
    before = model.score_samples(TEST)
    np.testing.assert_array_equal(model.set_params(beta=1.0).score_samples(TEST), before)


# --- columns and rows of every kind -----------------------------------------------------------


@by_scaling
@by_estimator
def test_a_constant_column_that_lights_up_weighs_as_much_as_it_moved(estimator, scaling):
    rows = TRAIN[:200].copy()
    rows[:, 5] = 0.3
    model = estimator(**{**SMALL, "scaling": scaling}).fit(rows)
    lit = rows[:50].copy()
    lit[:, 5] = 1.3
    assert np.isfinite(model.reconstruct(lit)).all()
    assert model.scaling_.scale[5] == 1.0
    scaled = model.scaling_.forward(lit)[:, 5] - model.scaling_.forward(rows[:50])[:, 5]
    np.testing.assert_allclose(scaled, 1.0, rtol=1e-6)


@pytest.mark.parametrize("value", [2.5, 0.1])
@by_estimator
def test_rows_that_are_all_the_same_can_be_learned(estimator, value):
    rows = np.full((30, 5), value)
    model = estimator(**{**SMALL, "sampler": "gaussian"}).fit(rows)
    assert np.isfinite(model.reconstruct(rows)).all()
    assert np.isfinite(model.score(rows))
    assert np.isfinite(model.sample(3)).all()


@by_estimator
def test_one_row_cannot_be_fitted(estimator):
    with pytest.raises(ValueError, match="1 sample"):
        estimator(**SMALL).fit(TRAIN[:1])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@by_estimator
def test_a_value_that_is_not_finite_is_named_by_row_and_column(estimator, value):
    rows = TRAIN[:20].copy()
    rows[4, 7] = rows[6, 1] = value
    with pytest.raises(NonFiniteDataError, match="row 4, column 7") as error:
        estimator(**SMALL).fit(rows)
    assert "\n" not in str(error.value)


@by_method
def test_a_value_that_is_not_finite_is_refused_at_inference_too(model, method):
    rows = TEST[:3].copy()
    rows[2, 1] = np.nan
    with pytest.raises(NonFiniteDataError, match="NaN at row 2, column 1"):
        getattr(model, method)(rows)


@by_method
def test_a_number_beyond_float32_is_refused(model, method):
    rows = TEST[:3].copy()
    rows[1, 2] = 1e300
    with pytest.raises(DataError, match="row 1, column 2"):
        getattr(model, method)(rows)


def test_a_column_that_is_constant_but_for_rounding_is_not_blown_up():
    rows = TRAIN[:100].copy()
    rows[:, 5] = np.where(np.arange(100) % 2, 0.3, 0.1 + 0.2)
    model = Autoencoder(**SMALL, scaling="minmax").fit(rows)
    assert model.scaling_.scale[5] == 1.0


@by_method
def test_a_wrong_number_of_features_is_refused(model, method):
    with pytest.raises(ValueError, match="63"):
        getattr(model, method)(TEST[:, 1:])


def test_codes_of_a_wrong_width_are_refused(model):
    with pytest.raises(DataError, match=r"codes must have 3 columns.*, got 2"):
        model.inverse_transform(np.zeros((1, 2)))


@by_estimator
def test_more_components_than_features_are_a_warning(estimator):
    with pytest.warns(UtsushiWarning, match="n_components=3 is more than the 2 features") as caught:
        estimator(**SMALL).fit(TRAIN[:50, [20, 21]])
    assert caught[0].filename == __file__  # where fit was called


@pytest.mark.parametrize("method", [*METHODS, "inverse_transform", "sample", "save"])
@by_estimator
def test_an_estimator_that_was_not_fitted_says_so(estimator, method):
    with pytest.raises(NotFittedError):
        getattr(estimator(), method)(1 if method == "sample" else "x")


@pytest.mark.parametrize(
    "setting",
    [
        {"hidden": (16, 0)},
        {"hidden": (1.5,)},
        {"hidden": (True,)},
        {"image_shape": (8, 9)},
        {"image_shape": (64,)},
        {"device": "abacus"},
        {"network": "transformer"},
        {"scaling": "robust"},
        {"sampler": "dream"},
        {"recipe": "slow"},
        {"recipe__learning_rate": 0.0},
        {"recipe__precision": "int8"},
        {"recipe__validation_fraction": 1.0},
        {"network__activation": "step"},
    ],
    ids=str,
)
@by_estimator
def test_a_setting_that_cannot_be_is_refused_by_its_name(estimator, setting):
    (name,) = setting
    with pytest.raises(ValueError, match=name.rpartition("__")[2]):
        estimator(**SMALL).set_params(**setting).fit(TRAIN[:50])


@by_estimator
def test_one_number_is_one_hidden_layer(estimator):
    model, oracle = (estimator(**{**SMALL, "hidden": h}).fit(TRAIN) for h in (16, (16,)))
    np.testing.assert_array_equal(model.transform(TEST), oracle.transform(TEST))
    assert clone(model).hidden == 16


@pytest.mark.parametrize("hidden", [0, -3, 1.5, True], ids=str)
@by_estimator
def test_one_number_that_is_no_width_is_refused(estimator, hidden):
    with pytest.raises(ValueError, match="hidden"):
        estimator(**{**SMALL, "hidden": hidden}).fit(TRAIN[:50])


@pytest.mark.parametrize("network", [Dense(hidden=(8,)), Conv(hidden=8)], ids=["dense", "conv"])
@by_estimator
def test_sizes_in_addition_to_those_of_the_network_are_a_warning(estimator, network):
    model = estimator(3, max_epochs=1, image_shape=(8, 8), network=network, hidden=(16,))
    message = r"hidden=\(16,\) has no effect, because network=.* has its own"
    with pytest.warns(UtsushiWarning, match=message) as caught:
        model.fit(TRAIN[:50])
    assert {w.filename for w in caught} == {__file__}


@pytest.mark.parametrize("hidden", [None, (8,), [8], 8], ids=str)
@by_estimator
def test_sizes_that_were_not_given_or_say_the_same_are_none(estimator, hidden):
    model = estimator(3, network=Dense(hidden=(8,)), hidden=hidden, max_epochs=1).fit(TRAIN[:50])
    assert model.module_.encoder[0].out_features == 8


# --- held-out rows ----------------------------------------------------------------------------


@by_estimator
def test_a_fraction_that_is_no_row_holds_nothing_out(estimator):
    settings = {**SMALL, "max_epochs": 1}
    model = estimator(**settings, recipe=Recipe(validation_fraction=0.049)).fit(TRAIN[:20])
    assert "validation_objective" not in model.history_[0]
    plain = estimator(**settings).fit(TRAIN[:20])
    np.testing.assert_array_equal(model.transform(TEST), plain.transform(TEST))


@by_estimator
def test_held_out_rows_do_not_change_the_training(estimator):
    settings = {**SMALL, "max_epochs": 2}
    plain = estimator(**settings).fit(TRAIN)
    watched = estimator(**settings).fit(TRAIN, validation_data=TEST)
    assert "validation_objective" in watched.history_[0]
    np.testing.assert_array_equal(plain.score_samples(TEST), watched.score_samples(TEST))


def test_a_fraction_of_rows_is_held_out_of_scaling_and_training():
    rows = np.zeros((10, 2))
    rows[:, 0] = np.arange(10)
    recipe = Recipe(max_epochs=1, validation_fraction=0.39)
    model = Autoencoder(1, hidden=(), recipe=recipe, random_state=0)
    offset = model.fit(rows).scaling_.offset[0]
    assert (offset * 7) == pytest.approx(round(offset * 7))  # the mean of seven whole numbers
    assert offset != 4.5


def test_a_fraction_that_leaves_one_row_is_refused():
    with pytest.raises(SettingError, match=r"got 0\.95, which leaves 1 of 10"):
        Autoencoder(**SMALL, recipe=Recipe(validation_fraction=0.95)).fit(TRAIN[:10])


# --- scikit-learn's world ---------------------------------------------------------------------


@by_estimator
def test_it_is_a_step_of_a_pipeline(estimator):
    pipeline = make_pipeline(estimator(**SMALL), LogisticRegression(max_iter=1000))
    accuracy = pipeline.fit(TRAIN, DIGITS.target[:600]).score(TRAIN, DIGITS.target[:600])
    assert accuracy > 0.3  # by chance 0.1


@by_estimator
def test_a_grid_search_reaches_into_recipe_and_network(estimator):
    grid = {"recipe__learning_rate": [1e-6, 1e-2], "network__activation": ["relu", "tanh"]}
    search = GridSearchCV(estimator(**SMALL), grid, cv=2).fit(TRAIN[:200])
    best = search.best_params_
    assert best["recipe__learning_rate"] == search.best_estimator_.recipe_.learning_rate == 1e-2
    activation = search.best_estimator_.module_.encoder[1]
    assert type(activation) is ACTIVATIONS[best["network__activation"]]
    scores = search.cv_results_["mean_test_score"]
    assert len(set(scores)) == 4  # each setting has been trained with


def test_a_clone_is_unfitted_and_has_the_same_parameters(model):
    copy = clone(model)
    assert copy.get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        copy.transform(TEST)


@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_joblib_keeps_a_model(model, mmap_mode, tmp_path):
    joblib.dump(model, tmp_path / "model.joblib")
    again = joblib.load(tmp_path / "model.joblib", mmap_mode=mmap_mode)
    np.testing.assert_array_equal(again.score_samples(TEST), model.score_samples(TEST))


def test_the_representation_shows_what_was_set(model):
    assert "".join(repr(model).split()) == (
        f"{type(model).__name__}(hidden=(16,),max_epochs=3,n_components=3,random_state=0)"
    )


@by_estimator
def test_parameters_can_be_set_and_asked_for(estimator):
    model = estimator().set_params(n_components=7, hidden=(5,))
    assert (model.get_params()["n_components"], model.get_params()["hidden"]) == (7, (5,))


@by_estimator
def test_fitting_again_is_fitting_anew(estimator):
    model = estimator(**SMALL).fit(TEST[:, :40])
    fresh = estimator(**SMALL).fit(TRAIN)
    np.testing.assert_array_equal(model.fit(TRAIN).score_samples(TEST), fresh.score_samples(TEST))


@by_estimator
def test_fit_transform_is_fit_then_transform(estimator):
    np.testing.assert_array_equal(
        estimator(**SMALL).fit_transform(TRAIN), estimator(**SMALL).fit(TRAIN).transform(TRAIN)
    )


def test_objects_given_as_parameters_stay_as_they_were():
    sampler = Mixture(n_components=2)
    model = Autoencoder(**{**SMALL, "max_epochs": 1}, sampler=sampler).fit(TRAIN)
    assert not hasattr(sampler, "means_")
    assert hasattr(model.sampler_, "means_")


def test_a_column_that_drowns_the_others_is_a_warning_that_names_the_scaling():
    rows = TRAIN[:100].copy()
    rows[:, 5] = 1000 * np.arange(100)
    with pytest.warns(UtsushiWarning, match=r"is 2\.\S+e\+04, .*scaling='standard'"):
        Autoencoder(**SMALL).fit(rows)


@pytest.mark.parametrize("rate", [10.0, 1000.0])
def test_a_network_worse_than_a_constant_is_a_warning_that_names_the_learning_rate(rate):
    recipe = Recipe(learning_rate=rate, weight_decay=0.0)
    model = Autoencoder(**SMALL, recipe=recipe, sampler="gaussian")
    message = f"recipe__learning_rate={rate / 3:.1g} in place of {rate:.3g}"
    with pytest.warns(UtsushiWarning) as caught:
        model.fit(TRAIN)
    assert [w.filename for w in caught if message in str(w.message)] == [__file__]


@pytest.mark.parametrize("rows", [TRAIN, TRAIN[:7], 1000 * TRAIN, TRAIN - 100], ids=len)
@by_scaling
def test_a_network_that_was_hardly_trained_is_no_reason_to_warn(rows, scaling):
    recipe = Recipe(learning_rate=1e-6)
    model = Autoencoder(**{**SMALL, "max_epochs": 1}, scaling=scaling, recipe=recipe)
    assert model.fit(rows).n_epochs_ == 1


def test_standardized_columns_need_no_warning():
    rows = TRAIN[:100].copy()
    rows[:, 5] = 1000 * np.arange(100)
    assert Autoencoder(**SMALL, scaling="standard").fit(rows).n_epochs_ >= 1


# --- what a beginner writes first ---------------------------------------------------------------


def test_images_and_single_rows_are_refused_with_the_way_to_a_table():
    model = Autoencoder(**SMALL)
    with pytest.raises(DataError, match=r"X.reshape\(len\(X\), -1\), and set image_shape=\(8, 8\)"):
        model.fit(TRAIN.reshape(-1, 8, 8))
    with pytest.raises(
        DataError, match=r"X must have the shape .*, got \(64,\).*X.reshape\(1, -1\)"
    ):
        model.fit(TRAIN[0])
    with pytest.raises(DataError, match="Complex data not supported: X must hold real numbers"):
        model.fit(TRAIN.astype(complex))


def test_an_autoencoder_has_no_prior_to_draw_from():
    with pytest.raises(
        SettingError,
        match=r"sampler must be fitted .*, got Prior\(\)\. .* or set penalty='mmd'",
    ):
        Autoencoder(**SMALL, sampler=Prior()).fit(TRAIN)


def test_a_fraction_that_holds_out_no_row_leaves_nothing_to_watch():
    recipe = Recipe(early_stopping=2, validation_fraction=0.001)
    with pytest.raises(SettingError, match=r"got none: validation_fraction=0\.001 of 600 samples"):
        Autoencoder(**SMALL, recipe=recipe).fit(TRAIN)


def test_a_parameter_set_after_fit_waits_for_the_next_fit():
    model = Autoencoder(**SMALL).fit(TRAIN)
    codes, names = model.transform(TEST), list(model.get_feature_names_out())
    model.set_params(n_components=5)
    np.testing.assert_array_equal(model.transform(TEST), codes)
    assert list(model.get_feature_names_out()) == names
    assert model.inverse_transform(codes).shape == TEST.shape
