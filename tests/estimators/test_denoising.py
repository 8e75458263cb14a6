"""Damage is what it says, and the model learns to repair it."""

import numpy as np
import pytest
import torch

from utsushi import Autoencoder, DenoisingAutoencoder, datasets, load
from utsushi._utils.seeds import generator
from utsushi.evaluation import evaluate
from utsushi.exceptions import SettingError
from utsushi.objectives import Batch
from utsushi.runs.captioned_figures import captioned_figures
from utsushi.transforms.corruption import CORRUPTIONS, gaussian_noise, masking, salt_pepper

DIGITS = datasets.load_digits8x8()
X = torch.full((200, 50), 0.5)
# Of 10,000 independent values, a share p has a standard error of at most 0.005.
FOUR_STANDARD_ERRORS = 0.02


def test_gaussian_noise_has_the_level_as_its_standard_deviation():
    noise = gaussian_noise(X, 0.2, generator(0)) - X
    assert noise.std().item() == pytest.approx(0.2, abs=4 * 0.2 / np.sqrt(2 * X.numel()))
    assert noise.mean().item() == pytest.approx(0.0, abs=4 * 0.2 / np.sqrt(X.numel()))


def test_masking_sets_the_share_of_the_level_to_zero_and_leaves_the_rest():
    damaged = masking(X, 0.3, generator(0))
    assert set(damaged.unique().tolist()) == {0.0, 0.5}
    assert (damaged == 0).float().mean().item() == pytest.approx(0.3, abs=FOUR_STANDARD_ERRORS)


def test_salt_and_pepper_come_at_even_odds():
    damaged = salt_pepper(X, 0.4, generator(0))
    for value in (0.0, 1.0):
        share = (damaged == value).float().mean().item()
        assert share == pytest.approx(0.2, abs=FOUR_STANDARD_ERRORS)


@pytest.mark.parametrize("damage", CORRUPTIONS.values())
def test_a_level_of_zero_damages_nothing(damage):
    assert torch.equal(damage(X, 0.0, generator(0)), X)


@pytest.mark.parametrize("damage", CORRUPTIONS.values())
def test_the_damage_is_a_function_of_the_generator(damage):
    assert torch.equal(damage(X, 0.3, generator(1)), damage(X, 0.3, generator(1)))
    assert not torch.equal(damage(X, 0.3, generator(1)), damage(X, 0.3, generator(2)))


@pytest.mark.parametrize("scaling", ["center", "standard", "minmax", None])
def test_the_damage_is_done_in_the_units_of_the_input(scaling):
    model = DenoisingAutoencoder(3, hidden=(8,), scaling=scaling, max_epochs=1, random_state=0)
    model.set_params(corruption_level=1.0).fit(DIGITS.X_train)
    x = torch.from_numpy(model.scaling_.forward(DIGITS.X_test))
    seen = model._objective(Batch(x)).corrupt(x, generator(0))
    np.testing.assert_allclose(model.scaling_.inverse(seen.numpy(), np.float64), 0.0, atol=1e-6)


@pytest.mark.parametrize(("corruption", "level"), [("masking", 0.5), ("gaussian", 0.3)])
def test_it_repairs_better_than_a_plain_autoencoder(corruption, level):
    settings = {"n_components": 10, "hidden": (128,), "max_epochs": 40, "random_state": 0}
    plain = Autoencoder(**settings).fit(DIGITS.X_train)
    model = DenoisingAutoencoder(**settings, corruption=corruption, corruption_level=level)
    model.fit(DIGITS.X_train)
    clean = torch.tensor(DIGITS.X_test)
    damaged = CORRUPTIONS[corruption](clean, level, generator(7)).numpy()
    errors = [np.square(m.reconstruct(damaged) - DIGITS.X_test).mean() for m in (model, plain)]
    assert errors[0] < 0.8 * errors[1]


def test_nothing_is_damaged_at_inference():
    model = DenoisingAutoencoder(3, hidden=(8,), max_epochs=1, random_state=0).fit(DIGITS.X_train)
    first = model.reconstruct(DIGITS.X_test)
    np.testing.assert_array_equal(model.reconstruct(DIGITS.X_test), first)


def test_without_damage_it_is_the_autoencoder():
    settings = {"n_components": 3, "hidden": (8,), "max_epochs": 2, "scaling": None}
    plain = Autoencoder(**settings, random_state=0).fit(DIGITS.X_train)
    model = DenoisingAutoencoder(**settings, random_state=0, corruption_level=0.0)
    np.testing.assert_array_equal(
        model.fit(DIGITS.X_train).transform(DIGITS.X_test), plain.transform(DIGITS.X_test)
    )


def test_it_survives_its_file(tmp_path):
    model = DenoisingAutoencoder(3, hidden=(8,), max_epochs=1, random_state=0).fit(DIGITS.X_train)
    again = load(model.save(tmp_path / "model"))
    assert (again.corruption, again.corruption_level) == ("masking", 0.3)
    np.testing.assert_array_equal(again.transform(DIGITS.X_test), model.transform(DIGITS.X_test))


def test_a_level_that_is_no_probability_is_refused():
    model = DenoisingAutoencoder(3, corruption="salt-pepper", corruption_level=1.5)
    with pytest.raises(SettingError, match=r"corruption_level must be .*, got 1\.5"):
        model.fit(DIGITS.X_train)


@pytest.fixture(scope="module")
def half_erased():
    settings = {"hidden": (64,), "max_epochs": 40, "random_state": 0, "image_shape": (8, 8)}
    return DenoisingAutoencoder(8, corruption_level=0.5, **settings).fit(DIGITS.X_train)


def test_rows_are_damaged_on_demand_as_training_does(half_erased):
    damaged = half_erased.corrupt(DIGITS.X_test, random_state=1)
    erased = (damaged == 0) & (DIGITS.X_test > 0)
    assert erased.sum() / (DIGITS.X_test > 0).sum() == pytest.approx(0.5, abs=0.02)
    np.testing.assert_array_equal(damaged[~erased], DIGITS.X_test[~erased])
    assert damaged.dtype == DIGITS.X_test.dtype
    np.testing.assert_array_equal(half_erased.corrupt(DIGITS.X_test, random_state=1), damaged)


def test_an_evaluation_measures_the_repair_beside_pcas(half_erased):
    found = evaluate(half_erased, DIGITS.X_test, DIGITS.X_train, random_state=2)["denoising"]
    damaged = half_erased.corrupt(DIGITS.X_test, random_state=2)
    repaired = half_erased.reconstruct(damaged)
    error = np.square(repaired - DIGITS.X_test, dtype=np.float64).mean()
    assert found["mse_repaired"]["value"] == pytest.approx(error, rel=1e-6)
    assert found["mse_repaired"]["value"] < found["mse_repaired"]["pca"]["value"]
    assert found["mse_repaired"]["value"] < found["mse_damaged"]["value"]
    plain = Autoencoder(2, hidden=(8,), max_epochs=1, random_state=0).fit(DIGITS.X_train)
    assert "denoising" not in evaluate(plain, DIGITS.X_test, DIGITS.X_train)


def test_the_pictures_of_a_run_show_the_repair(half_erased):
    names = [figure.name for figure in captioned_figures(half_erased, DIGITS.X_test, None)]
    assert "reconstructions" in names


def test_what_is_measured_for_warnings_is_what_it_was_trained_on(recwarn):
    """Much more ink than in training: whole digits come out no better than the mean."""
    model = DenoisingAutoencoder(
        8, hidden=(256,), corruption_level=0.95, max_epochs=60, random_state=0
    ).fit(DIGITS.X_train)
    variance = DIGITS.X_train.var(axis=0).sum()
    whole = -model.score_samples(DIGITS.X_train).mean()
    damaged = model.reconstruct(model.corrupt(DIGITS.X_train, random_state=0))
    repaired = np.square(damaged - DIGITS.X_train).sum(axis=1).mean()
    assert whole > variance > repaired
    assert not [warning for warning in recwarn if "learned nothing" in str(warning.message)]
