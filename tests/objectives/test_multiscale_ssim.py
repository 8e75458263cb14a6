"""Multiscale structural similarity as an objective."""

import numpy as np
import pytest
import torch
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure

from utsushi import VariationalAutoencoder, datasets
from utsushi.distributions.divergences import kl_standard_normal
from utsushi.evaluation import ssim
from utsushi.exceptions import SettingError
from utsushi.objectives import Draws, MultiscaleSSIM
from utsushi.objectives.multiscale_ssim import scales_of, ssim_sigma, ssim_window

DIGITS = datasets.load_digits8x8()
SMALL = {
    "n_components": 4,
    "hidden": (32,),
    "image_shape": (8, 8),
    "max_epochs": 3,
    "random_state": 0,
    "device": "cpu",
}


def images(n, *shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).random((n, *shape)))


def dissimilarity(original, reconstruction, **settings):
    """Return 1 - MS-SSIM of images (B, C, H, W), as the history shows it."""
    zeros = torch.zeros(len(original), 2, dtype=torch.float64)
    kl = kl_standard_normal(zeros, zeros)
    draws = Draws(
        None, None, None, None, kl, original, lambda: reconstruction, None, None, 0.0, lambda x: x
    )
    bound = MultiscaleSSIM(strength=7.0, **settings)
    value = bound(draws, 1.0)
    torch.testing.assert_close(value, -7.0 * draws.parts["dissimilarity"])
    return draws.parts["dissimilarity"]


def test_equal_images_are_at_zero():
    X = images(3, 1, 28, 28)
    torch.testing.assert_close(dissimilarity(X, X), torch.zeros(3, dtype=X.dtype))


def test_of_one_scale_it_is_the_similarity_of_the_evaluation():
    X, Y = images(4, 1, 8, 8), images(4, 1, 8, 8, seed=1)
    expected = (1 - ssim(X.flatten(1).numpy(), Y.flatten(1).numpy(), (8, 8))) / 2
    np.testing.assert_allclose(dissimilarity(X, Y), expected, rtol=1e-4)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 30, 17), (1, 64, 60), (2, 176, 177)])
def test_it_is_that_of_torchmetrics(shape):
    X = images(2, *shape)
    Y = 0.5 * X + 0.5 * images(2, *shape, seed=1)
    n_scales, window = scales_of(shape)
    weights = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)[:n_scales]
    expected = multiscale_structural_similarity_index_measure(
        Y,
        X,
        sigma=ssim_sigma(window),
        kernel_size=1,  # compared with the size of the images alone
        data_range=1.0,
        betas=tuple(weight / sum(weights) for weight in weights),
        normalize="simple",
        reduction="none",
    )
    torch.testing.assert_close(dissimilarity(X, Y), 1 - expected, rtol=1e-6, atol=1e-9)


def test_it_does_not_depend_on_the_unit():
    X, Y = images(2, 3, 28, 28), images(2, 3, 28, 28, seed=1)
    torch.testing.assert_close(
        dissimilarity(255 * X, 255 * Y, data_range=255.0), dissimilarity(X, Y)
    )


def test_opposite_images_have_a_gradient():
    X = images(2, 1, 28, 28)
    Y = (1 - X).requires_grad_()
    value = dissimilarity(X, Y)
    (gradient,) = torch.autograd.grad(value.sum(), Y)
    assert gradient.isfinite().all()
    assert (gradient != 0).any()
    assert (dissimilarity(X, (Y - 1e-2 * gradient).detach()) < value.detach()).all()


@pytest.mark.parametrize(
    ("shape", "window"), [((28, 28), 11), ((8, 8), 7), ((11, 11), 11), ((9, 30), 9), ((2, 9), None)]
)
def test_the_window_fits_into_the_image(shape, window):
    assert ssim_window(shape) == window


@pytest.mark.parametrize("size", [*range(3, 40), 56, 63, 112, 113, 175, 176, 300])
def test_every_size_has_scales_that_work(size):
    n_scales, window = scales_of((size, size + 5))
    assert window <= size >> (n_scales - 1)
    X = images(1, 1, size, size + 5)
    assert dissimilarity(X, 1 - X).isfinite().all()


# --- in an estimator ------------------------------------------------------------------------------


def test_a_model_learns_to_be_similar():
    history = VariationalAutoencoder(**SMALL, objective="ms-ssim").fit(DIGITS.X_train).history_
    assert 0 < history[-1]["dissimilarity"] < 0.8 * history[0]["dissimilarity"] < 1
    assert history[-1]["objective"] < history[0]["objective"]


class Watched(MultiscaleSSIM):
    """Keep the images that were compared."""

    def __call__(self, draws, beta):
        Watched.seen = draws.images(draws.target), draws.images(draws.reconstruct())
        return super().__call__(draws, beta)


@pytest.mark.parametrize("scaling", ["standard", "center", None])
@pytest.mark.parametrize("likelihood", ["gaussian", "continuous-bernoulli"])
def test_images_are_compared_in_their_own_units(scaling, likelihood):
    X = DIGITS.X_train[:20]
    settings = {**SMALL, "scaling": scaling, "likelihood": likelihood, "max_epochs": 1}
    VariationalAutoencoder(**settings, objective=Watched()).fit(X)
    original, reconstruction = Watched.seen
    assert original.shape == reconstruction.shape == (20, 1, 8, 8)
    found = original.flatten(1).numpy()
    distances = np.abs(found[:, None] - X).max(axis=2)
    assert (distances.min(axis=1) < 1e-5).all()


def test_missing_values_are_equal_in_both():
    X = DIGITS.X_train[:20].astype(np.float32)
    X[:, 20] = np.nan
    X[0, 20] = 0.5
    settings = {**SMALL, "missing": "mask", "scaling": None, "max_epochs": 1}
    VariationalAutoencoder(**settings, objective=Watched()).fit(X)
    original, reconstruction = (seen.flatten(1)[:, 20] for seen in Watched.seen)
    assert (original == reconstruction).sum() == 19


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (None, "image_shape must be set for objective='ms-ssim', got None"),
        ((2, 32), r"image_shape must be at least 3 pixels each way for SSIM, got \(2, 32\)"),
    ],
)
def test_what_is_no_image_for_it_is_refused(shape, message):
    settings = {**SMALL, "image_shape": shape}
    with pytest.raises(SettingError, match=message):
        VariationalAutoencoder(**settings, objective="ms-ssim").fit(DIGITS.X_train)


def test_it_is_not_compared_with_pca():
    model = VariationalAutoencoder(**SMALL, objective="ms-ssim")
    assert not model.fit(DIGITS.X_train)._compares_with_pca
