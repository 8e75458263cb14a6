"""The autoencoder with discrete codes: its contract, with each bottleneck and network."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from utsushi import AnomalyDetector, Autoencoder, VectorQuantizedAutoencoder, datasets, load
from utsushi.evaluation import evaluate
from utsushi.exceptions import DataError
from utsushi.integrations import onnx
from utsushi.networks import BOTTLENECKS, Conv, FiniteScalarQuantization, VectorQuantization
from utsushi.report import to_html
from utsushi.samplers import Autoregressive
from utsushi.training import Recipe

DIGITS = datasets.load_digits8x8()
TRAIN, TEST = DIGITS.X_train[:300], DIGITS.X_test[:40]
QUICK = Autoregressive(n_blocks=1, width=8, recipe=Recipe(max_epochs=1, min_steps=1))
SMALL = {
    "n_components": 4,
    "hidden": (32,),
    "max_epochs": 3,
    "sampler": QUICK,
    "random_state": 0,
    "device": "cpu",
}
GRID = {
    "network": Conv(channels=(4, 8), grid=True),
    "image_shape": (8, 8),
    "hidden": None,
    "n_components": 8,
}
MEMBERS = {
    **{name: {"bottleneck": name} for name, kind in BOTTLENECKS.items() if kind.is_discrete},
    "gradient": {"bottleneck": VectorQuantization(decay=None)},
    "grid": GRID,
    "conv": {"network": Conv(channels=(4,)), "image_shape": (8, 8)},
    "levels": {"bottleneck": FiniteScalarQuantization((5, 3, 3, 2))},
}

pytestmark = pytest.mark.filterwarnings("ignore::utsushi.exceptions.UtsushiWarning")


def unfitted(name, **settings):
    return VectorQuantizedAutoencoder(**{**SMALL, **MEMBERS[name], **settings})


@pytest.fixture(scope="module", params=MEMBERS)
def model(request):
    return unfitted(request.param).fit(TRAIN)


def outputs(model, X=TEST):
    return [
        model.transform(X),
        model.reconstruct(X),
        model.score_samples(X),
        model.sample(5, random_state=1),
    ]


def test_a_code_is_integers_that_are_decoded_as_the_reconstruction(model):
    codes = model.transform(TEST)
    assert codes.shape == (40, model.n_positions_)
    assert codes.dtype == np.int64
    assert codes.min() >= 0
    assert codes.max() < model.n_symbols_
    assert model.n_bits_ == pytest.approx(model.n_positions_ * np.log2(model.n_symbols_))
    np.testing.assert_array_equal(model.inverse_transform(codes), model.reconstruct(TEST))
    errors = np.square(model.reconstruct(TEST) - TEST).sum(axis=1)
    np.testing.assert_allclose(model.score_samples(TEST), -errors, rtol=1e-4)
    assert len(model.get_feature_names_out()) == model.n_positions_


def test_samples_are_decoded_codes(model):
    new = model.sample(30, random_state=0)
    assert new.shape == (30, 64)
    draws = [model.sample(30, random_state=seed) for seed in (0, 1)]
    np.testing.assert_array_equal(draws[0], new)
    assert (draws[1] != new).any()


def test_its_file_gives_the_same(model, tmp_path):
    again = load(model.save(tmp_path / "model.safetensors"))
    for one, other in zip(outputs(model), outputs(again), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_sample_does_not_depend_on_its_neighbours(model):
    np.testing.assert_array_equal(model.transform(TEST)[7:9], model.transform(TEST[7:9]))
    np.testing.assert_array_equal(model.score_samples(TEST)[7:9], model.score_samples(TEST[7:9]))


def test_its_torch_module_gives_the_same_integers(model):
    module = model.to_torch()
    x, codes = torch.from_numpy(TEST), torch.from_numpy(model.transform(TEST))
    with torch.no_grad():
        assert torch.equal(module.encoder(x), codes)
        np.testing.assert_allclose(module(x), model.reconstruct(TEST), atol=1e-5)
        np.testing.assert_allclose(module.decoder(codes), model.reconstruct(TEST), atol=1e-5)
    assert not [m for m in module.modules() if type(m).__module__.startswith("utsushi")]


def test_its_onnx_graph_gives_the_same_integers(model):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(onnx.to_onnx(model), providers=["CPUExecutionProvider"])
    codes, copies = session.run(list(onnx.OUTPUTS), {onnx.INPUTS[0]: TEST})
    np.testing.assert_array_equal(codes, model.transform(TEST))
    np.testing.assert_allclose(copies, model.reconstruct(TEST), atol=1e-4)


def test_a_page_runs_every_quantizer_but_not_a_grid(model):
    text = str(to_html(model, TEST))
    has_grid = model.network != "dense" and model.network.grid
    assert ('"still":{"part":"network","name":"ChannelShuffle"}' in text) == has_grid
    assert ('"still":null' in text) != has_grid


def test_its_history_and_its_evaluation_have_the_perplexity(model):
    assert all(1 <= row["perplexity"] <= model.n_symbols_ for row in model.history_)
    found = evaluate(model, TEST, TRAIN, groups=["symbols", "features"])
    symbols = found["symbols"]
    assert symbols["bits_per_code"] == model.n_bits_
    assert 0 < symbols["symbols_in_use"] <= 1
    assert 1 <= symbols["perplexity"] <= model.n_symbols_ * symbols["symbols_in_use"] + 1e-4
    assert found["features"]["trustworthiness"]["value"] > 0.5


def test_it_trains_in_bfloat16(model):
    other = clone(model).set_params(recipe__precision="bfloat16", max_epochs=1).fit(TRAIN)
    assert np.isfinite(other.score_samples(TEST)).all()


def test_a_detector_scores_by_its_error(model):
    detector = AnomalyDetector(clone(model), scoring="squared-error").fit(TRAIN)
    assert detector.score_samples(TEST).shape == (40,)


@pytest.mark.parametrize("name", ["vector-quantization", "residual-vector-quantization", "grid"])
def test_a_training_that_was_stopped_resumes_bit_for_bit(name, tmp_path):
    def stop(_, row):
        if row["epoch"] == 1:
            raise KeyboardInterrupt

    whole = unfitted(name).fit(TRAIN)
    with pytest.raises(KeyboardInterrupt):
        unfitted(name).fit(TRAIN, checkpoint_dir=tmp_path, on_epoch=stop)
    resumed = unfitted(name).fit(TRAIN, checkpoint_dir=tmp_path)
    for one, other in zip(outputs(whole), outputs(resumed), strict=True):
        np.testing.assert_array_equal(one, other)
    for key, tensor in whole.module_.state_dict().items():
        assert torch.equal(tensor, resumed.module_.state_dict()[key]), key


def test_a_codebook_is_learned_and_in_use():
    model = VectorQuantizedAutoencoder(8, sampler=QUICK, random_state=0, max_epochs=40)
    model.fit(DIGITS.X_train)
    found = evaluate(model, DIGITS.X_train, groups=["symbols", "reconstruction"])
    assert found["symbols"]["symbols_in_use"] == 1
    assert found["symbols"]["perplexity"] > 40  # of 64
    assert found["reconstruction"]["mse"]["value"] < 0.35 * DIGITS.X_train.var(axis=0).mean()


def test_new_digits_are_nearer_to_digits_than_random_codes_are():
    model = VectorQuantizedAutoencoder(
        8, bottleneck=VectorQuantization(16), random_state=0, max_epochs=40
    ).fit(DIGITS.X_train)
    rng = np.random.default_rng(0)
    random = model.inverse_transform(rng.integers(0, 16, (200, 4)))
    new = model.sample(200, random_state=0)

    def distance(rows):
        pairs = np.square(rows[:, None] - DIGITS.X_test).sum(axis=2)
        return pairs.min(axis=1).mean()

    assert distance(new) < 0.85 * distance(random)


def test_wide_samples_train_in_their_principal_components():
    rows = np.tile(DIGITS.X_train, 3)
    model = unfitted("vector-quantization", max_epochs=30).fit(rows)
    assert np.square(model.reconstruct(rows) - rows).mean() < 0.7 * rows.var(axis=0).mean()


def test_missing_values_are_filled():
    X = TRAIN.copy()
    X[::3, 5] = np.nan
    model = unfitted("vector-quantization", missing="mask").fit(X)
    assert np.isfinite(model.reconstruct(X)).all()
    assert model.transform(X).dtype == np.int64


def test_it_is_a_step_of_a_pipeline():
    pipeline = make_pipeline(MinMaxScaler(), unfitted("vector-quantization")).fit(TRAIN)
    codes = pipeline.transform(TEST)
    assert pipeline.inverse_transform(codes).shape == TEST.shape


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        ([[0, 64]], "must be integers from 0 to 63, got 64"),
        ([[-1, 0]], "must be integers from 0 to 63, got -1"),
        ([[0.5, 0]], "must be integers from 0 to 63, got 0.5"),
        ([[0, 1, 2]], "must have 2 columns, one for each position, got 3"),
        ([[np.nan, 0]], "NaN"),
        ([["a", "b"]], "Give codes as transform returns them"),
    ],
)
def test_what_is_no_code_is_refused(codes, message):
    model = unfitted("vector-quantization").fit(TRAIN)
    with pytest.raises(DataError, match=message):
        model.inverse_transform(codes)


def test_integers_of_other_types_are_codes():
    model = unfitted("vector-quantization").fit(TRAIN)
    codes = model.transform(TEST)
    for dtype in (np.uint8, np.float32, np.int32):
        np.testing.assert_array_equal(
            model.inverse_transform(codes.astype(dtype)), model.inverse_transform(codes)
        )


@pytest.mark.parametrize(
    ("estimator", "settings", "message"),
    [
        (VectorQuantizedAutoencoder, {"sampler": "mixture"}, "one for discrete codes"),
        (VectorQuantizedAutoencoder, {"sampler": "flow"}, "one for discrete codes"),
        (Autoencoder, {"sampler": "autoregressive"}, "one for real-valued codes"),
        (VectorQuantizedAutoencoder, {"bottleneck": "identity"}, "bottleneck"),
        (
            VectorQuantizedAutoencoder,
            {"bottleneck": BOTTLENECKS["identity"]()},
            "must be one with discrete codes",
        ),
        (VectorQuantizedAutoencoder, {"n_components": 5}, "group_size must divide n_components=5"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(estimator, settings, message):
    with pytest.raises(ValueError, match=message):
        estimator(**{"n_components": 4, "max_epochs": 1, **settings}).fit(TRAIN)


def test_a_file_of_a_codebook_that_a_gradient_trained_loads_whatever_its_parameters_say(tmp_path):
    """As files from before moving averages, whose parameters do not have ``decay``."""
    model = Autoencoder(
        4, bottleneck=VectorQuantization(decay=None), max_epochs=1, random_state=0
    ).fit(TRAIN)
    expected = model.transform(TEST)
    header, tensors = model._to_file()
    header["parameters"]["bottleneck"] = "vector-quantization"
    from utsushi._utils.safetensors_io import write_model_file

    again = load(write_model_file(tmp_path / "old.safetensors", header, tensors))
    np.testing.assert_array_equal(again.transform(TEST), expected)
