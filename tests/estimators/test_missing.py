import numpy as np
import pytest
import torch
from sklearn.utils.estimator_checks import parametrize_with_checks

from utsushi import (
    AnomalyDetector,
    Autoencoder,
    DenoisingAutoencoder,
    Recipe,
    VariationalAutoencoder,
    load,
)
from utsushi.distributions import (
    LIKELIHOODS,
    DiagonalGaussianPosterior,
    StandardNormal,
    UnitGaussian,
)
from utsushi.exceptions import DataError, NonFiniteDataError, SettingError
from utsushi.networks import EncoderDecoder
from utsushi.objectives import (
    Batch,
    ImportanceWeighted,
    ReconstructionObjective,
    VariationalObjective,
)
from utsushi.transforms.scaling import Scaling, column_moments

SMALL = {"n_components": 2, "hidden": (8,), "random_state": 0, "missing": "mask", "max_epochs": 5}
CLASSES = [Autoencoder, DenoisingAutoencoder, VariationalAutoencoder]


def rows_with_gaps(n=60, share=0.2, dtype=np.float64):
    draws = np.random.default_rng(0)
    z = draws.normal(size=(n, 2))
    X = (z @ draws.normal(size=(2, 6)) + 0.1 * draws.normal(size=(n, 6))).astype(dtype)
    return X, np.where(draws.random(X.shape) < share, np.nan, X).astype(dtype)


WHOLE, GAPS = rows_with_gaps()


@pytest.fixture(scope="module", params=CLASSES, ids=lambda cls: cls.__name__)
def model(request):
    return request.param(**SMALL).fit(GAPS)


@parametrize_with_checks([Autoencoder(**SMALL)])
def test_scikit_learns_conformance_checks_pass_with_missing_values(estimator, check):
    check(estimator)


@pytest.mark.parametrize("cls", CLASSES)
def test_nan_is_refused_unless_it_is_asked_for(cls):
    with pytest.raises(NonFiniteDataError, match="must be finite, got NaN at row"):
        cls(2, hidden=(8,)).fit(GAPS)


def test_infinity_is_no_missing_value():
    with pytest.raises(NonFiniteDataError, match="must be finite, got inf at row 3, column 1"):
        Autoencoder(**SMALL).fit(np.where(WHOLE[3, 1] == WHOLE, np.inf, GAPS))


def test_a_column_without_any_value_is_named():
    X = GAPS.copy()
    X[:, 4] = np.nan
    with pytest.raises(DataError, match=r"column 4 .* must have a value .* 60 rows, got none"):
        Autoencoder(**SMALL).fit(X)


def test_augmentation_cannot_move_gaps():
    with pytest.raises(SettingError, match=r"augment must be None .*, got 'affine'"):
        Autoencoder(**SMALL, augment="affine", image_shape=(2, 3)).fit(GAPS)


def test_reconstruct_fills_what_is_missing(model):
    assert np.isfinite(model.reconstruct(GAPS)).all()


def test_what_is_filled_is_nearer_than_the_mean():
    X, gaps = rows_with_gaps(n=400)
    settings = SMALL | {"max_epochs": 60, "hidden": (32,)}
    filled = Autoencoder(**settings, recipe=Recipe("lecture", learning_rate=0.01)).fit(gaps)
    missing = np.isnan(gaps)
    error = np.square(filled.reconstruct(gaps) - X)[missing].mean()
    constant = np.square(np.nanmean(gaps, axis=0) - X)[missing].mean()
    assert error < 0.6 * constant


def test_scores_of_rows_with_gaps_are_finite(model):
    assert np.isfinite(model.score_samples(GAPS)).all()


def test_a_score_does_not_depend_on_its_neighbours_gaps(model):
    alone = model.score_samples(WHOLE[:1])
    among = model.score_samples(np.concatenate([WHOLE[:1], GAPS]))
    assert alone[0] == among[0]


def test_what_stands_behind_a_gap_does_not_matter(model):
    other = np.where(np.isnan(GAPS), -np.nan, GAPS)
    np.testing.assert_array_equal(model.score_samples(GAPS), model.score_samples(other))


def test_the_autoencoders_score_is_the_error_of_known_values():
    model = Autoencoder(**SMALL).fit(GAPS)
    errors = np.nansum(np.square(model.reconstruct(GAPS) - GAPS), axis=1)
    np.testing.assert_allclose(model.score_samples(GAPS), -errors, rtol=1e-4)


def test_a_model_with_gaps_comes_back_from_its_file(model, tmp_path):
    again = load(model.save(tmp_path / "model.safetensors"))
    np.testing.assert_array_equal(again.score_samples(GAPS), model.score_samples(GAPS))


def test_a_training_with_gaps_goes_on_bit_for_bit(tmp_path):
    whole = VariationalAutoencoder(**SMALL).fit(GAPS)
    for _ in range(2):
        model = VariationalAutoencoder(**SMALL).fit(GAPS, checkpoint_dir=tmp_path)
    np.testing.assert_array_equal(model.transform(GAPS), whole.transform(GAPS))


def test_held_out_rows_may_have_gaps_where_training_rows_have_none():
    model = Autoencoder(**SMALL).fit(WHOLE, validation_data=GAPS)
    assert np.isfinite(model.history_[-1]["validation_objective"])


def test_wide_rows_with_gaps_are_not_turned_into_a_subspace():
    draws = np.random.default_rng(0)
    X = draws.normal(size=(80, 3)) @ draws.normal(size=(3, 130))
    X[draws.random(X.shape) < 0.1] = np.nan
    model = Autoencoder(**SMALL).fit(X)
    assert np.isfinite(model.score_samples(X)).all()


def test_a_corrupted_row_keeps_its_gaps():
    damaged = DenoisingAutoencoder(**SMALL).fit(GAPS).corrupt(GAPS, random_state=0)
    np.testing.assert_array_equal(np.isnan(damaged), np.isnan(GAPS))


@pytest.mark.parametrize("scoring", ["auto", "squared-error", "relative-error", "code-density"])
def test_a_detector_takes_gaps_where_its_autoencoder_does(scoring):
    detector = AnomalyDetector(Autoencoder(**SMALL), scoring=scoring).fit(GAPS)
    assert np.isfinite(detector.score_samples(GAPS)).all()


def test_a_detectors_map_is_zero_where_nothing_is_known():
    detector = AnomalyDetector(Autoencoder(**SMALL)).fit(GAPS)
    assert (detector.anomaly_map(GAPS)[np.isnan(GAPS)] == 0).all()


@pytest.mark.parametrize("name", ["standard", "minmax", "center"])
def test_a_scaling_is_learned_from_known_values(name):
    scaling = Scaling.learn(name, GAPS)
    column = GAPS[:, 2][~np.isnan(GAPS[:, 2])][:, None]
    alone = Scaling.learn(name, column)
    np.testing.assert_allclose(
        [scaling.offset[2], scaling.scale[2]], [alone.offset[0], alone.scale[0]]
    )


def test_moments_pass_over_blocks_without_a_value(monkeypatch):
    monkeypatch.setattr("utsushi.transforms.scaling.MOMENTS_BLOCK_BYTES", 16)
    moments = column_moments(np.array([[np.nan, 1.0], [2.0, 3.0], [4.0, np.nan]]))
    np.testing.assert_allclose(moments.mean_, [3.0, 2.0])


# --- the mathematics: a gap is worth as much as a column that is not there ------------------------


#: Those without parameters in the decoder, or a table schema: tests/distributions has the others.
DENSITIES = [
    name
    for name, kind in sorted(LIKELIHOODS.items())
    if (name != "mixed" and kind().build_head(5) is None) or name == "poisson"
]


@pytest.mark.parametrize("name", DENSITIES)
def test_the_density_of_known_values_is_that_of_fewer_columns(name):
    draws = torch.Generator().manual_seed(0)
    x, output = torch.rand(3, 5, generator=draws), torch.rand(2, 3, 5, generator=draws)
    mask = torch.tensor([True, False, True, True, False]).expand(3, 5)
    likelihood = LIKELIHOODS[name]().prepare([x]).calibrate(0.25)
    masked = likelihood.log_prob(x, output, mask)
    torch.testing.assert_close(masked, likelihood.log_prob(x[:, mask[0]], output[..., mask[0]]))


@pytest.mark.parametrize("name", DENSITIES)
def test_the_variance_of_a_batch_is_that_of_its_known_values(name):
    draws = torch.Generator().manual_seed(0)
    x, output = torch.rand(3, 5, generator=draws), torch.rand(3, 5, generator=draws)
    mask = torch.tensor([True, False, True, True, False]).expand(3, 5)
    likelihood = LIKELIHOODS[name]().prepare([x])
    masked = likelihood.log_prob(x, output, mask)
    torch.testing.assert_close(masked, likelihood.log_prob(x[:, mask[0]], output[:, mask[0]]))


def copies(n_outputs):
    """An encoder-decoder whose parts are linear, without a bias."""
    return EncoderDecoder(
        torch.nn.Linear(4, n_outputs, bias=False),
        torch.nn.Linear(2, 4, bias=False),
        posterior=DiagonalGaussianPosterior().build(2),
        prior=StandardNormal().build(4, 2),
    )


OBJECTIVES = {
    "reconstruction": (ReconstructionObjective(), 2),
    "variational": (VariationalObjective(UnitGaussian()), 4),
    "weighted": (VariationalObjective(UnitGaussian(), ImportanceWeighted(n_samples=3)), 4),
}


@pytest.mark.parametrize("name", OBJECTIVES)
def test_no_gradient_comes_from_what_is_missing(name):
    objective, n_outputs = OBJECTIVES[name]
    module = copies(n_outputs)
    mask = torch.tensor([[True, True, False, True]]).expand(5, 4)
    batch = Batch(torch.where(mask, torch.ones(5, 4), 0.0), mask=mask)
    objective(module, batch, torch.Generator().manual_seed(0)).objective.sum().backward()
    gradients = module.decoder.weight.grad.abs().sum(dim=1) > 0
    assert gradients.tolist() == [True, True, False, True]


def test_calibration_counts_known_values_alone():
    likelihood = LIKELIHOODS["gaussian"]().prepare([torch.ones(2, 4)])
    mask = torch.tensor([[True, True, False, False], [True, False, False, False]])
    batch = Batch(torch.where(mask, 2.0, 0.0), mask=mask)
    module = copies(4)
    torch.nn.init.zeros_(module.decoder.weight)
    draws = torch.Generator().manual_seed(0)
    fixed = VariationalObjective(likelihood).calibrated(module, batch, draws)
    assert fixed.likelihood.sigma_ == pytest.approx(2.0)


DOORS = ["fit", "transform", "reconstruct", "score_samples"]
EMPTY = np.array([[1.0, np.nan, 2.0, 0.5], [np.nan] * 4, [0.0, 1.0, 2.0, 3.0]])


@pytest.mark.parametrize("make", [Autoencoder, VariationalAutoencoder])
@pytest.mark.parametrize("door", DOORS)
def test_a_row_of_which_nothing_is_known_is_refused(make, door, refusal):
    model = make(**SMALL).fit(EMPTY[[0, 2, 2]])
    message = refusal(DataError, getattr(model, door), EMPTY)
    assert message.startswith("row 1 (counting from 0) must have a value")
    assert "of its 4 columns, got none." in message


def test_a_detector_ranks_no_row_of_which_nothing_is_known(refusal):
    detector = AnomalyDetector(Autoencoder(**SMALL)).fit(EMPTY[[0, 2, 2]])
    assert "row 1 " in refusal(DataError, detector.predict, EMPTY)
