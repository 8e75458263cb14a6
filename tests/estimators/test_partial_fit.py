"""Training on a stream by `partial_fit`, and from the weights of a fitted model."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.utils import estimator_checks

from utsushi import (
    Autoencoder,
    DenoisingAutoencoder,
    Recipe,
    SemiSupervisedVariationalAutoencoder,
    SparseAutoencoder,
    VariationalAutoencoder,
    VectorQuantizedAutoencoder,
    datasets,
    load,
)
from utsushi._utils.seeds import Purpose, generator
from utsushi.distributions.likelihoods import squared_error
from utsushi.estimators.rows import TrainingData
from utsushi.estimators.stream import ENOUGH_ROWS, RESERVOIR_ROWS, Stream
from utsushi.exceptions import (
    CheckpointError,
    DataError,
    SettingError,
    TrainingDivergedError,
)
from utsushi.networks import Conv, Dense, TopK, VectorQuantization, initialize
from utsushi.objectives import ELBO, Batch
from utsushi.samplers import Autoregressive
from utsushi.training.data_parallel import ProcessGroup
from utsushi.training.loop import shuffled_batches
from utsushi.transforms.scaling import SCALINGS, Scaling

SMALL = {"n_components": 2, "hidden": (16,), "random_state": 0}
QUICK_SAMPLER = Autoregressive(n_blocks=1, width=8, recipe=Recipe(max_epochs=1, min_steps=1))
MODELS = {
    "autoencoder": Autoencoder(**SMALL),
    "denoising": DenoisingAutoencoder(**SMALL, augment="binarize"),
    "convolutional": Autoencoder(2, network=Conv((4,)), image_shape=(8, 8), random_state=0),
    "variational": VariationalAutoencoder(**SMALL),
    "vamp": VariationalAutoencoder(**SMALL, prior="vamp"),
    "bernoulli": VariationalAutoencoder(**SMALL, likelihood="bernoulli", augment="binarize"),
    "conditional": VariationalAutoencoder(**SMALL, conditional=True),
    "semi-supervised": SemiSupervisedVariationalAutoencoder(**SMALL),
    "discrete": VectorQuantizedAutoencoder(
        **SMALL, bottleneck=VectorQuantization(8, group_size=1), sampler=QUICK_SAMPLER
    ),
    "sparse": SparseAutoencoder(16, sparsity=TopK(2), random_state=0),
    "missing": VariationalAutoencoder(**SMALL, missing="mask"),
}


@pytest.fixture(scope="module")
def digits():
    return datasets.load_digits8x8()


def new(name):
    return pickle.loads(pickle.dumps(MODELS[name]))


def batches_of(digits, name, n=4, rows=400):
    """Return batches of samples and classes, with gaps for a model that takes them."""
    X, y = digits.X_train[:rows], digits.y_train[:rows]
    if name == "missing":
        X = np.where(np.random.default_rng(0).random(X.shape) < 0.2, np.nan, X)
    if name == "bernoulli":
        X = X / X.max()
    return list(zip(np.array_split(X, n), np.array_split(y, n), strict=True))


def streamed(model, batches):
    for X, y in batches:
        model.partial_fit(X, y)
    return model


# --- what a call computes -------------------------------------------------------------------------


@pytest.mark.parametrize("network", [Dense((8,)), Conv((4,))], ids=["dense", "conv"])
def test_the_calls_are_one_training_of_plain_torch_at_a_constant_rate(digits, network):
    batches = [X for X, _ in batches_of(digits, "", n=3, rows=150)]
    recipe = Recipe(batch_size=16, weight_decay=0.1)
    settings = {"scaling": None, "image_shape": (8, 8), "recipe": recipe, "random_state": 7}
    model = Autoencoder(2, network=network, **settings)
    for X in batches:
        model.partial_fit(X)

    module = model.network_.build(64, 2, 2, image_shape=(8, 8))
    initialize(module, generator(7, Purpose.INITIALIZATION), model.network_.initialization)
    rate = 0.1 * model.resolved_recipe(64, 10_000).learning_rate
    betas = model.recipe_.betas
    optimizer = torch.optim.AdamW(module.parameters(), lr=rate, betas=betas, weight_decay=0.1)
    for epoch, X in enumerate(batches, start=1):
        for batch in shuffled_batches(Batch(torch.tensor(X)), 16, 7, epoch):
            optimizer.zero_grad()
            squared_error(batch.x, module.decoder(module.encoder(batch.x))).sum().backward()
            optimizer.step()
    expected = module.state_dict()
    for name, value in model.module_.state_dict().items():
        torch.testing.assert_close(value, expected[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", MODELS)
def test_the_same_seed_and_batches_give_the_same_file(digits, name, tmp_path):
    batches = batches_of(digits, name)
    first, second = streamed(new(name), batches), streamed(new(name), batches)
    files = [model.save(tmp_path / f"{i}.safetensors") for i, model in enumerate((first, second))]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert first.n_samples_seen_ == 400
    assert [row["epoch"] for row in first.history_] == [1, 2, 3, 4]
    assert first.n_epochs_ == 4


@pytest.mark.parametrize("name", MODELS)
def test_a_pickled_model_continues_bit_for_bit(digits, name):
    batches = batches_of(digits, name)
    whole = streamed(new(name), batches)
    half = pickle.loads(pickle.dumps(streamed(new(name), batches[:2])))
    X, y = batches[0]
    half = streamed(half, batches[2:])
    np.testing.assert_array_equal(half.score_samples(X, y), whole.score_samples(X, y))
    assert half.history_[-1]["objective"] == whole.history_[-1]["objective"]


@pytest.mark.parametrize("name", MODELS)
def test_a_loaded_model_continues_with_its_scaling(digits, name, tmp_path):
    batches = batches_of(digits, name)
    model = streamed(new(name), batches[:3])
    path = model.save(tmp_path / "model.safetensors")
    (X, y), loaded = batches[3], [load(path), load(path)]
    assert loaded[0].n_samples_seen_ == 300
    offset = model.scaling_.offset
    for each in loaded:
        each.partial_fit(X, y)
    assert loaded[0].n_samples_seen_ == 400
    assert [row["epoch"] for row in loaded[0].history_] == [1, 2, 3, 4]
    np.testing.assert_array_equal(loaded[0].scaling_.offset, offset)
    assert (loaded[0].transform(X) != model.transform(X)).sum() > 0
    np.testing.assert_array_equal(loaded[0].score_samples(X, y), loaded[1].score_samples(X, y))


@pytest.mark.parametrize("name", MODELS)
def test_a_stream_lowers_the_objective_of_every_model(digits, name):
    batches = batches_of(digits, name, n=4, rows=1200)
    model = new(name).set_params(recipe=Recipe(batch_size=20))
    streamed(model, batches * 4)
    key = "objective" if name != "semi-supervised" else "classification"
    first, last = model.history_[0][key], model.history_[-1][key]
    assert last < first - 0.05 * abs(first)


# --- scaling --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scaling", [*SCALINGS, None])
@pytest.mark.parametrize("missing", [False, True], ids=["whole", "missing"])
def test_the_scaling_is_that_of_all_samples_so_far(scaling, missing):
    draws = np.random.default_rng(0)
    X = draws.normal([5.0, -100.0, 0.0], [1.0, 30.0, 1e-3], (90, 3))
    X[:30, 1] = 7.0  # constant in the first batch
    X[60:, 0] += 50
    if missing:
        X[draws.random(X.shape) < 0.3] = np.nan
        X[30:60, 2] = np.nan  # a batch without a value
        X = X[~np.isnan(X).all(axis=1)]
    model = Autoencoder(1, hidden=(4,), scaling=scaling, missing="mask", random_state=0)
    for batch in np.array_split(X, 3):
        model.partial_fit(batch)
    expected = Scaling.learn(scaling, X)
    np.testing.assert_allclose(model.scaling_.offset, expected.offset, rtol=1e-9)
    np.testing.assert_allclose(model.scaling_.scale, expected.scale, rtol=1e-9)


# --- a stream and all samples at once -------------------------------------------------------------


def error(model, X):
    return float(np.square(model.reconstruct(X) - X).sum(axis=1).mean())


@pytest.mark.parametrize("name", ["autoencoder", "variational"])
def test_a_stream_of_twenty_batches_learns_what_fit_learns_in_as_many_passes(digits, name):
    X, X_test = digits.X_train, digits.X_test
    settings = {"n_components": 8, "hidden": (128,), "recipe": Recipe("lecture", batch_size=36)}
    model = type(MODELS[name])(**settings, random_state=0)
    for _ in range(5):
        for batch in np.array_split(X, 20):
            model.partial_fit(batch)
    whole = type(model)(**settings, max_epochs=5, random_state=0).fit(X)
    assert error(model, X_test) < 1.1 * error(whole, X_test)


def test_a_stream_of_twenty_batches_that_are_seen_once_comes_near_to_fit_on_all():
    draws = np.random.default_rng(0)
    directions = draws.normal(size=(3, 20))
    X, X_test = (np.tanh(draws.normal(size=(n, 3)) @ directions) for n in (20_000, 500))
    model = Autoencoder(3, hidden=(64,), recipe=Recipe(batch_size=20), random_state=0)
    for batch in np.array_split(X, 20):
        model.partial_fit(batch)
    whole = Autoencoder(3, hidden=(64,), max_epochs=2, random_state=0).fit(X)
    assert error(model, X_test) < 1.25 * error(whole, X_test)


# --- fit, then partial_fit ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["autoencoder", "variational", "convolutional", "conditional"])
def test_partial_fit_continues_a_fitted_model(digits, name):
    X, y = digits.X_train[:600], digits.y_train[:600]
    model = new(name).fit(X, y)
    before, scaling, n_epochs = model.score(X, y), model.scaling_, model.n_epochs_
    weight = next(model.module_.parameters()).detach().clone()
    others = digits.X_train[600:700], digits.y_train[600:700]
    model.partial_fit(*others)
    assert model.scaling_ is scaling
    assert model.n_samples_seen_ == 100
    assert model.n_epochs_ == n_epochs + 1
    assert (next(model.module_.parameters()) != weight).any()
    assert model.score(X, y) > before - 0.1 * abs(before)


def test_a_fitted_model_keeps_sampler_and_calibration_until_enough_samples_came(digits):
    model = new("variational").fit(digits.X_train[:300])
    sampler, likelihood = model.sampler_, model.likelihood_
    model.partial_fit(digits.X_train[300:310])
    assert model.sampler_ is sampler
    assert model.likelihood_ is likelihood
    model.partial_fit(np.tile(digits.X_train[310:410], (ENOUGH_ROWS // 100, 1)))
    assert model.sampler_ is not sampler
    assert model.likelihood_.sigma_ != likelihood.sigma_


def test_fit_begins_again(digits):
    X = digits.X_train[:200]
    model = new("autoencoder").partial_fit(X).fit(X)
    once = new("autoencoder").fit(X)
    np.testing.assert_array_equal(model.transform(X), once.transform(X))
    assert not hasattr(model, "n_samples_seen_")
    assert model.partial_fit(X).n_samples_seen_ == 200


# --- sampler --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["autoencoder", "conditional", "discrete", "semi-supervised"])
def test_the_sampler_is_fitted_when_it_is_needed(digits, name):
    model = streamed(new(name), batches_of(digits, name))
    assert "sampler_" not in vars(model)
    before = dict(vars(model))
    model.transform(digits.X_test)
    assert vars(model) == before
    samples = model.sample(20, random_state=0)
    assert samples.shape == (20, 64)
    assert "sampler_" in vars(model)
    np.testing.assert_array_equal(model.sample(20, random_state=0), samples)
    model.partial_fit(*batches_of(digits, name)[0])
    assert "sampler_" not in vars(model)


def test_a_reservoir_is_a_uniform_choice_of_all_samples():
    stream = Stream(optimizer=None, moments=None)
    for part in np.array_split(np.arange(50_000.0), 70):
        stream = stream.with_samples(TrainingData(part[:, None]), seed=3)
    kept = stream.reservoir.rows[:, 0]
    assert len(np.unique(kept)) == RESERVOIR_ROWS
    counts = np.histogram(kept, bins=20, range=(0, 50_000))[0]
    expected = RESERVOIR_ROWS / 20
    assert (np.square(counts - expected) / expected).sum() < 44  # chi-squared, 19 degrees: 0.1 %
    # The places are random, too: so is any part of them.
    assert abs(np.corrcoef(kept, np.arange(len(kept)))[0, 1]) < 0.06


def test_a_reservoir_of_few_samples_holds_all_of_them_with_their_conditions():
    stream = Stream(optimizer=None, moments=None)
    for start in (0, 3, 4):
        rows = np.arange(start, start + 3.0)[:, None]
        stream = stream.with_samples(TrainingData(rows, rows.astype(np.float32)), seed=0)
    assert stream.reservoir.rows[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 4, 5, 6]
    assert stream.reservoir.condition[:, 0].tolist() == [0, 1, 2, 3, 4, 5, 4, 5, 6]
    assert stream.n_samples == 9


# --- classes --------------------------------------------------------------------------------------


def test_shares_are_those_of_all_labels_so_far(digits):
    model = streamed(new("conditional"), batches_of(digits, ""))
    expected = np.bincount(digits.y_train[:400]) / 400
    np.testing.assert_allclose(model.classes_.shares, expected)
    assert model.sample(3, y=[1, 2, 3]).shape == (3, 64)


@pytest.mark.parametrize("name", ["conditional", "semi-supervised"])
def test_classes_that_come_later_are_announced(digits, name, refusal):
    few, later = digits.y_train < 5, digits.y_train >= 5
    X, y = digits.X_train, digits.y_train
    message = refusal(DataError, new(name).partial_fit(X[few], y[few]).partial_fit, X, y)
    assert "labels that the model was trained with (0, 1, 2, 3, 4)" in message
    model = new(name).partial_fit(X[few], y[few], classes=np.arange(10))
    assert (model.classes_.shares > 0).all()
    model.partial_fit(X[later], y[later], np.arange(10))
    shares = (np.bincount(y) + 1) / (len(y) + 10)
    np.testing.assert_allclose(model.classes_.shares, shares)
    message = refusal(SettingError, model.partial_fit, X, y, [1, 2])
    assert "classes must be those of the first call" in message
    assert "[1, 2]" in message


def test_a_semi_supervised_model_learns_from_batches_without_a_label(digits):
    X, y = digits.X_train, digits.y_train.copy()
    y[::2] = -1
    model = SemiSupervisedVariationalAutoencoder(4, hidden=(64,), random_state=0)
    model.partial_fit(X[:100], np.full(100, -1), classes=np.arange(10))
    for _ in range(10):
        for part, labels in zip(np.array_split(X, 20), np.array_split(y, 20), strict=True):
            model.partial_fit(part, labels)
    assert (model.predict(digits.X_test) == digits.y_test).mean() > 0.8


# --- what is refused, and what an error leaves ----------------------------------------------------


def test_other_columns_are_refused_in_one_sentence(digits, refusal):
    model = new("autoencoder").partial_fit(digits.X_train[:50])
    message = refusal(DataError, model.partial_fit, digits.X_train[:50, :63])
    assert "X has 63 features, but Autoencoder is expecting 64 features" in message


def test_a_first_batch_of_one_sample_is_refused_and_a_later_one_is_not(digits, refusal):
    X = digits.X_train
    assert "minimum of 2" in refusal(DataError, new("autoencoder").partial_fit, X[:1])
    assert new("autoencoder").partial_fit(X[:2]).partial_fit(X[2:3]).n_samples_seen_ == 3


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("recipe__early_stopping", 3), ("recipe__validation_fraction", 0.1)],
)
def test_settings_that_need_all_samples_are_refused(digits, refusal, parameter, value):
    model = new("autoencoder").set_params(**{parameter: value})
    message = refusal(SettingError, model.partial_fit, digits.X_train)
    assert f"{parameter.split('__')[1]} must be" in message
    assert f"got {value}" in message


@pytest.mark.parametrize("change", [{"n_components": 3}, {"hidden": (5,)}, {"network": "conv"}])
def test_a_model_of_other_parameters_is_not_continued(digits, refusal, change):
    model = new("autoencoder").partial_fit(digits.X_train[:50]).set_params(**change)
    for method, settings in ((model.partial_fit, {}), (model.fit, {"warm_start": True})):
        message = refusal(SettingError, method, digits.X_train[:50], **settings)
        assert "must be those of the fitted model" in message


@pytest.mark.parametrize(
    "change", [{"prior": "mixture"}, {"posterior": "full-covariance"}, {"objective": "factor"}]
)
def test_a_model_of_other_parts_is_not_continued(digits, refusal, change):
    model = new("variational").partial_fit(digits.X_train[:50]).set_params(**change)
    message = refusal(SettingError, model.partial_fit, digits.X_train[:50])
    assert "the parameters must be those of the fitted model" in message


@pytest.mark.parametrize("before", [False, True])
def test_a_model_is_not_continued_with_a_condition_that_it_did_not_have(digits, refusal, before):
    X, y = digits.X_train[:50], digits.y_train[:50]
    model = VariationalAutoencoder(**SMALL, conditional=before).partial_fit(X, y)
    model.set_params(conditional=not before)
    assert "must be" in refusal(SettingError, model.partial_fit, X, y)


def test_several_processes_are_refused(digits, refusal, monkeypatch):
    monkeypatch.setattr("utsushi.estimators.base.current_group", lambda: ProcessGroup(0, 2))
    message = refusal(SettingError, new("autoencoder").partial_fit, digits.X_train)
    assert "single process, got 2" in message


@pytest.mark.parametrize("name", ["autoencoder", "variational"])
def test_a_call_that_fails_leaves_the_model_as_it_was(digits, name):
    X = digits.X_train[:100]
    model = new(name).partial_fit(X)
    before, codes, scores = dict(vars(model)), model.transform(X), model.score_samples(X)
    with pytest.raises(TrainingDivergedError):
        model.partial_fit(np.concatenate([X, X * 1e30]).astype(np.float64))
    assert vars(model) == before
    np.testing.assert_array_equal(model.transform(X), codes)
    np.testing.assert_array_equal(model.score_samples(X), scores)
    other = new(name).partial_fit(X)
    np.testing.assert_array_equal(
        model.partial_fit(X).transform(X), other.partial_fit(X).transform(X)
    )


def test_a_first_call_that_fails_leaves_no_fitted_model(digits):
    model = new("autoencoder")
    with pytest.raises(TrainingDivergedError):
        model.partial_fit(digits.X_train * 1e30)
    assert not model.__sklearn_is_fitted__()
    model.partial_fit(digits.X_train)


# --- options --------------------------------------------------------------------------------------


def test_a_constant_schedule_keeps_its_rate_and_another_trains_at_a_tenth(digits):
    X = digits.X_train[:100]
    lecture = Autoencoder(**SMALL, recipe="lecture").partial_fit(X)
    assert lecture.history_[0]["learning_rate"] == 1e-3
    fast = Autoencoder(**SMALL, recipe=Recipe(learning_rate=0.02)).partial_fit(X)
    assert fast.history_[0]["learning_rate"] == pytest.approx(0.002)
    fast.set_params(recipe__learning_rate=0.01).partial_fit(X)
    assert fast.history_[1]["learning_rate"] == pytest.approx(0.001)


def test_weights_of_the_divergence_grow_with_the_calls(digits):
    asked = []

    def beta(epochs):
        asked.append(epochs)
        return min(1.0, epochs / 3)

    bound = ELBO(kl_warmup_epochs=2)
    model = VariationalAutoencoder(**SMALL, beta=beta, objective=bound)
    streamed(model, [(digits.X_train[:100], None)] * 3)
    assert max(asked) == 3
    assert {0.0, 1.0, 2.0} <= set(asked)


def test_a_table_schema_is_kept(tmp_path):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": np.arange(40.0), "b": ["x", "y"] * 20})
    data = datasets.open(frame)
    model = Autoencoder(1, hidden=(4,), random_state=0)
    model.partial_fit(data.X_train, columns=data.columns).partial_fit(data.X_train)
    assert model.columns_ is data.columns
    again = load(model.save(tmp_path / "model.safetensors")).partial_fit(data.X_train)
    assert again.columns_.to_json() == data.columns.to_json()


def test_a_pandas_frame_of_other_names_is_refused(digits):
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(digits.X_train[:50]).add_prefix("pixel")
    model = new("autoencoder").partial_fit(X)
    with pytest.raises(DataError, match="feature names should match"):
        model.partial_fit(X.add_suffix("x"))


def test_rows_on_the_disk_give_the_model_of_those_in_memory(digits, tmp_path):
    X = np.tile(digits.X_train, (100, 1))
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    models = [new("autoencoder").partial_fit(rows).partial_fit(rows[:500]) for rows in (X, mapped)]
    np.testing.assert_array_equal(*(model.transform(digits.X_test) for model in models))
    np.testing.assert_array_equal(*(model.sample(5, random_state=0) for model in models))


@pytest.mark.parametrize("name", ["conditional", "semi-supervised"])
def test_models_that_need_labels_pass_scikit_learns_check_of_the_columns(name):
    model = new(name)
    estimator_checks.check_estimators_partial_fit_n_features(type(model).__name__, model)


# --- warm start -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MODELS)
def test_a_warm_start_begins_where_the_fitted_model_is(digits, name, tmp_path):
    (X, y), (others, labels) = batches_of(digits, name, n=2, rows=1200)
    cold = new(name).fit(X, y)
    path = cold.save(tmp_path / "model.safetensors")
    first, scaling = cold.history_[0]["objective"], cold.scaling_
    recipe = Recipe(learning_rate=1e-3)
    models = [cold, load(path), load(path)]
    for model in models:
        model.set_params(max_epochs=1, recipe=recipe).fit(others, labels, warm_start=True)
    again, *_ = models
    begun = new(name).set_params(max_epochs=1, recipe=recipe).fit(others, labels)
    assert again.history_[0]["objective"] < begun.history_[0]["objective"]
    assert again.n_epochs_ == 1
    assert first > again.history_[0]["objective"]
    np.testing.assert_array_equal(again.scaling_.offset, scaling.offset)
    for loaded in models[1:]:
        np.testing.assert_array_equal(loaded.score_samples(X, y), again.score_samples(X, y))


def test_a_warm_start_without_a_fitted_model_is_fit(digits):
    X = digits.X_train[:200]
    warm, cold = new("autoencoder").fit(X, warm_start=True), new("autoencoder").fit(X)
    np.testing.assert_array_equal(warm.transform(X), cold.transform(X))


def test_a_warm_start_in_a_subspace_and_from_pca_keeps_what_was_learned():
    draws = np.random.default_rng(0)
    X = (draws.normal(size=(150, 5)) @ draws.normal(size=(5, 300))).astype(np.float32)
    model = Autoencoder(5, random_state=0).fit(X)
    assert model.recipe_.start == "principal"
    last = model.history_[-1]["objective"]
    model.set_params(max_epochs=1).fit(X, warm_start=True)
    assert model.recipe_.start == "random"
    assert model.history_[0]["objective"] < 2 * last


def stop_after(epoch):
    def stop(model, row):
        if row["epoch"] == epoch:
            raise KeyboardInterrupt

    return stop


def test_an_interrupted_warm_start_resumes_bit_for_bit(digits, tmp_path):
    X, others = digits.X_train[:300], digits.X_train[300:600]
    path = new("variational").fit(X).save(tmp_path / "model.safetensors")
    expected = load(path).set_params(max_epochs=4).fit(others, warm_start=True)
    model, folder = load(path).set_params(max_epochs=4), tmp_path / "checkpoints"
    codes = model.transform(X)
    with pytest.raises(KeyboardInterrupt):
        model.fit(others, warm_start=True, checkpoint_dir=folder, on_epoch=stop_after(2))
    np.testing.assert_array_equal(model.transform(X), codes)
    model.fit(others, warm_start=True, checkpoint_dir=folder)
    np.testing.assert_array_equal(model.transform(X), expected.transform(X))
    assert len(model.history_) == 4


def test_a_checkpoint_of_another_start_is_refused(digits, tmp_path, refusal):
    X = digits.X_train[:300]
    model = new("autoencoder").fit(X, checkpoint_dir=tmp_path)
    message = refusal(CheckpointError, model.fit, X, warm_start=True, checkpoint_dir=tmp_path)
    assert "the weights of the warm start was not set" in message


def test_the_constructor_says_where_warm_start_is(refusal):
    message = refusal(SettingError, Autoencoder, warm_start=True)
    assert "fit(X, warm_start=True)" in message
    assert "fit(X, warm_start=True)" in refusal(
        SettingError, Autoencoder().set_params, warm_start=1
    )
