"""Metrics of reconstructions: squared error, PSNR and SSIM."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from utsushi.estimators import BaseAutoencoder
from utsushi.evaluation.estimate import Estimate
from utsushi.evaluation.texts import Diagnostic, diagnostic
from utsushi.exceptions import SettingError
from utsushi.objectives.multiscale_ssim import ssim_sigma, ssim_window

__all__ = [
    "MAX_PSNR",
    "data_range_of",
    "mean_squared_errors",
    "psnr",
    "reconstruction_error",
    "reconstruction_mse",
    "ssim",
    "ssim_diagnostic",
]

#: Decibels of a reconstruction that equals the original within float32, 20 log10(2^24).
MAX_PSNR = 20 * math.log10(2.0**24)

#: Images compared at once; more do not fit into the processor's cache.
_SSIM_BLOCK = 250

Rows = NDArray[np.floating[Any]]


def reconstruction_error(model: BaseAutoencoder, X: Rows) -> Estimate:
    r"""Compute the mean squared error of reconstructions from the mean code, in the input's units.

    .. math:: \frac{1}{nD} \sum_n \Vert x_n - \hat x_n \Vert^2

    Parameters
    ----------
    model : fitted autoencoder
    X : ndarray of shape (n, D)

    Returns
    -------
    Estimate
        The mean over the samples' mean squared errors.

    Examples
    --------
    >>> from utsushi import Autoencoder
    >>> X = np.random.default_rng(0).random((50, 4))
    >>> model = Autoencoder(n_components=2, hidden=(8,), random_state=0).fit(X)
    >>> reconstruction_error(model, X).n_rows
    50
    """
    return reconstruction_mse(X, model.reconstruct(X))


def reconstruction_mse(X: Rows, X_hat: Rows, seed: int | None = None) -> Estimate:
    """Return the mean squared error over samples; ``seed`` is that of the reconstructions."""
    return Estimate.over(mean_squared_errors(X, X_hat), seed)


def squared_errors(X: Rows, X_hat: Rows) -> NDArray[np.float64]:
    """Return the squared error (n,) of each sample, summed over its observed features."""
    squares = np.square(X_hat - X, dtype=np.float64)
    errors: NDArray[np.float64] = np.where(np.isnan(X), 0, squares).sum(axis=1)
    return errors


def mean_squared_errors(X: Rows, X_hat: Rows) -> NDArray[np.float64]:
    """Return the mean squared error (n,) of each sample over its observed features."""
    return per_observed_feature(X, squared_errors(X, X_hat))


def per_observed_feature(X: Rows, errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Divide `squared_errors` (n,) by the number of observed features."""
    means: NDArray[np.float64] = errors / np.maximum(np.count_nonzero(~np.isnan(X), axis=1), 1)
    return means


def data_range_of(X: Rows) -> float:
    """Return the data range of PSNR and SSIM: 1 for values in [0, 1], else the measured range.

    Examples
    --------
    >>> data_range_of(np.array([[0.2, 0.7]])), data_range_of(np.array([[-1.0, 3.0]]))
    (1.0, 4.0)
    """
    low, high = float(np.fmin.reduce(X, axis=None)), float(np.fmax.reduce(X, axis=None))
    return 1.0 if low >= 0 and high <= 1 else high - low


def psnr(X: Rows, X_hat: Rows, data_range: float = 1.0) -> NDArray[np.float64]:
    r"""Compute the peak signal-to-noise ratio of each sample.

    .. math:: 10 \log_{10} \frac{R^2}{\frac1D \Vert x - \hat x \Vert^2}

    Parameters
    ----------
    X, X_hat : ndarray of shape (n, D)
        Originals and their reconstructions.
    data_range : float > 0
        R, the difference between the largest and the smallest possible value.

    Returns
    -------
    ndarray of shape (n,)
        Decibels, at most 144.5, the precision of float32: the ratio of an exact reconstruction
        would be infinite and dominate any mean.

    Examples
    --------
    >>> psnr(np.array([[0.0, 0.0]]), np.array([[0.1, 0.1]])).round(6)
    array([20.])
    """
    return decibels(mean_squared_errors(X, X_hat), data_range)


def decibels(errors: NDArray[np.float64], data_range: float) -> NDArray[np.float64]:
    """Return the ratios of `psnr` for mean squared errors (n,)."""
    least = (data_range * 10 ** (-MAX_PSNR / 20)) ** 2
    ratios: NDArray[np.float64] = 10 * np.log10(data_range**2 / np.maximum(errors, least))
    return ratios


def ssim_diagnostic(image_shape: tuple[int, ...]) -> Diagnostic:
    """Return the diagnostic with the window of SSIM, or why SSIM is not measured."""
    window = ssim_window(image_shape)
    if window is None:
        return diagnostic("ssim_too_small")
    try:
        import torchmetrics  # noqa: F401
    except ImportError:
        return diagnostic("ssim_missing")
    return diagnostic("ssim_window", window=window)


def ssim(
    X: Rows, X_hat: Rows, image_shape: tuple[int, ...], data_range: float = 1.0
) -> NDArray[np.float64]:
    """Compute the structural similarity of each image and its reconstruction, by torchmetrics.

    Parameters
    ----------
    X, X_hat : ndarray of shape (n, D)
        Originals and their reconstructions.
    image_shape : (H, W) or (C, H, W)
        The shape of an image before flattening. Channels are compared separately and averaged.
    data_range : float > 0
        The difference between the largest and the smallest possible value.

    Returns
    -------
    ndarray of shape (n,)
        At most 1, for equal images. Means and variances are taken under a Gaussian of standard
        deviation 1.5 in windows of 11 pixels; where that does not fit, in the window of
        `utsushi.objectives.multiscale_ssim.ssim_window`, with the standard deviation in proportion.

    Raises
    ------
    ImportError
        If torchmetrics (the optional dependencies ``metrics``) is not installed.
    SettingError
        If the images are too small for any window.

    References
    ----------
    Wang, Bovik, Sheikh and Simoncelli 2004, *Image Quality Assessment: From Error Visibility to
    Structural Similarity*

    Examples
    --------
    >>> images = np.random.default_rng(0).random((2, 64))
    >>> ssim(images, images, (8, 8))
    array([1., 1.])
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    window = ssim_window(image_shape)
    if window is None:
        raise SettingError(
            f"image_shape must be at least 3 pixels each way for SSIM, got {image_shape}. Leave "
            "SSIM out for smaller images."
        )
    # torchmetrics takes its window from the standard deviation.
    shape = (-1, 1, *image_shape) if len(image_shape) == 2 else (-1, *image_shape)
    # Its constants assume that values start at zero.
    low = 0.0 if X.min() >= 0 and X.max() <= data_range else float(X.min())
    values: list[NDArray[np.float64]] = []
    for start in range(0, len(X), _SSIM_BLOCK):
        original, reconstruction = (
            torch.tensor(
                (rows[start : start + _SSIM_BLOCK] - low) / data_range, dtype=torch.float32
            )
            for rows in (X, X_hat)
        )
        similarity = structural_similarity_index_measure(
            reconstruction.reshape(shape),
            original.reshape(shape),
            sigma=ssim_sigma(window),
            data_range=1.0,
            reduction="none",
        )
        assert isinstance(similarity, torch.Tensor)  # a pair only with return_full_image
        values.append(similarity.double().numpy())
    return np.concatenate(values)
