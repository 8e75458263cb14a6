r"""The objective of a variational autoencoder that compares images by structural similarity."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor
from torch.nn import functional

from utsushi.exceptions import SettingError
from utsushi.objectives.bounds import elbo
from utsushi.objectives.elbo import Bound, Draws

__all__ = ["MultiscaleSSIM", "multiscale_ssim", "scales_of", "ssim_sigma", "ssim_window"]

#: The window of Wang et al.: 11 x 11 pixels under a Gaussian with a standard deviation of 1.5.
_WINDOW, _SIGMA = 11, 1.5

#: The weights of Wang et al. for five scales, the finest first.
_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

#: The fewest pixels of the coarsest scale.
_COARSEST = 7


def ssim_window(image_shape: tuple[int, ...]) -> int | None:
    """Return the width of SSIM's window: 11 pixels, or the largest odd number that fits.

    Parameters
    ----------
    image_shape : (H, W) or (C, H, W)

    Returns
    -------
    int or None
        None for images under 3 pixels, in which no window fits.

    Examples
    --------
    >>> ssim_window((28, 28)), ssim_window((3, 8, 8)), ssim_window((2, 9))
    (11, 7, None)
    """
    smallest = min(image_shape[-2:])
    window = min(_WINDOW, smallest - 1 + smallest % 2)
    return window if window >= 3 else None


def ssim_sigma(window: int) -> float:
    """Return the standard deviation of a window: 1.5 for 11 pixels, and in proportion."""
    return _SIGMA * (window - 1) / (_WINDOW - 1)


def scales_of(image_shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the number of scales of MS-SSIM, and the width of its window.

    Each scale has half the pixels of the one before. There are as many, at most five, as leave
    seven pixels at the coarsest, in which the window must fit. From 176 pixels on they are those of
    Wang et al., five scales and 11 pixels.

    Parameters
    ----------
    image_shape : (H, W) or (C, H, W)

    Raises
    ------
    SettingError
        For images under 3 pixels.

    Examples
    --------
    >>> scales_of((8, 8)), scales_of((28, 28)), scales_of((3, 64, 64)), scales_of((176, 200))
    ((1, 7), (3, 7), (4, 7), (5, 11))
    """
    smallest = min(image_shape[-2:])
    n_scales = max(n for n in range(1, 6) if n == 1 or smallest >> (n - 1) >= _COARSEST)
    coarsest = smallest >> (n_scales - 1)
    window = ssim_window((coarsest, coarsest))
    if window is None:
        raise SettingError(
            f"image_shape must be at least 3 pixels each way for SSIM, got {image_shape}. Use "
            "another objective for smaller images."
        )
    return n_scales, window


def multiscale_ssim(x: Tensor, y: Tensor, data_range: float = 1.0) -> Tensor:
    r"""Return the multiscale structural similarity of pairs of images.

    .. math::
        \prod_{m=1}^{M} \left( \frac{1 + s_m}{2} \right)^{w_m}, \qquad
        s_m = \overline{\frac{2 \sigma_{xy} + c_2}{\sigma_x^2 + \sigma_y^2 + c_2}}

    with local covariances under a Gaussian window, and at the coarsest of the M scales times
    :math:`(2 \mu_x \mu_y + c_1) / (\mu_x^2 + \mu_y^2 + c_1)` of the local means. Each factor is
    mapped from [-1, 1] to [0, 1], because a power of zero has no gradient.

    Parameters
    ----------
    x, y : Tensor of shape (B, C, H, W)
    data_range : float, default=1.0
        L; the constants are :math:`c_1 = (0.01 L)^2` and :math:`c_2 = (0.03 L)^2`.

    Returns
    -------
    Tensor of shape (B,)
        From 0 to 1, which is for equal images.

    References
    ----------
    Wang, Simoncelli and Bovik 2003, *Multiscale Structural Similarity for Image Quality
    Assessment*, https://doi.org/10.1109/ACSSC.2003.1292216

    Examples
    --------
    >>> x = torch.rand(2, 1, 28, 28)
    >>> multiscale_ssim(x, x)
    tensor([1., 1.])
    """
    n_scales, window = scales_of(tuple(x.shape[1:]))
    c1, c2, edge = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2, window // 2
    similarity = x.new_ones(len(x))
    for scale, weight in enumerate(_WEIGHTS[:n_scales], start=1):
        a, b, aa, bb, ab = _local_means(torch.stack([x, y, x * x, y * y, x * y]), window)
        variances = (aa - a * a).clamp(min=0) + (bb - b * b).clamp(min=0)
        local = (2 * (ab - a * b) + c2) / (variances + c2)
        if scale == n_scales:
            local = local * (2 * a * b + c1) / (a * a + b * b + c1)
        else:  # windows that reach beyond the edge count at the coarsest scale alone
            local = local[..., edge:-edge, edge:-edge]
        share = weight / sum(_WEIGHTS[:n_scales])
        similarity = similarity * ((local.mean(dim=(1, 2, 3)) + 1) / 2) ** share
        x, y = functional.avg_pool2d(x, 2), functional.avg_pool2d(y, 2)
    return similarity


def _local_means(images: Tensor, window: int) -> Tensor:
    """Return the means of images (..., H, W) under a Gaussian window, reflected at the edges."""
    steps = torch.arange(window, dtype=images.dtype, device=images.device) - window // 2
    weights = torch.softmax(-0.5 * (steps / ssim_sigma(window)).square(), dim=0)
    # As channels of one image, because a convolution of many images of one channel is slow.
    flat = functional.pad(images.flatten(0, -3)[None], (window // 2,) * 4, mode="reflect")
    kernel = torch.outer(weights, weights).expand(flat.shape[1], 1, -1, -1)
    return functional.conv2d(flat, kernel, groups=flat.shape[1]).reshape(images.shape)


@dataclass(kw_only=True, eq=False, repr=False)
class MultiscaleSSIM(Bound):
    r"""Compare reconstructions by multiscale structural similarity, in place of their likelihood.

    .. math::
        -\mathrm{strength}\, (1 - \mathrm{MS\text{-}SSIM}(x, \hat x))
            - \beta\, D_{KL}(q(z \mid x) \Vert p(z))

    MS-SSIM (`multiscale_ssim`) is taken in the units of the input, with the scales and the window
    of `scales_of`. The likelihood is fitted after training, so scores and bounds are those of any
    variational autoencoder. The history shows 1 - MS-SSIM as ``dissimilarity``. The samples must
    be images.

    Parameters
    ----------
    strength : float > 0, default=300.0
        The nats that a similarity of 0 costs.
    data_range : float > 0, default=1.0
        The difference between the largest and the smallest value that a pixel can have.
    kl_warmup_epochs
        See `Bound`.

    References
    ----------
    Wang, Simoncelli and Bovik 2003, *Multiscale Structural Similarity for Image Quality
    Assessment*, https://doi.org/10.1109/ACSSC.2003.1292216; Snell et al. 2017, *Learning to
    Generate Images with Perceptual Similarity Metrics*, https://arxiv.org/abs/1511.06409

    Examples
    --------
    >>> MultiscaleSSIM(strength=100.0)
    MultiscaleSSIM(strength=100.0)
    """

    strength: float = 300.0
    data_range: float = 1.0

    is_rotation_invariant: ClassVar[bool] = False
    contains_likelihood: ClassVar[bool] = False
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **Bound._parameter_constraints,
        "strength": [Interval(Real, 0, None, closed="neither")],
        "data_range": [Interval(Real, 0, None, closed="neither")],
    }

    @property
    def n_draws(self) -> int:
        """The number of codes to draw for each sample and step."""
        return 1

    def check(self, image_shape: tuple[int, ...] | None) -> None:
        """Raise an error if samples are not images, or too small."""
        if image_shape is None:
            raise SettingError(
                "image_shape must be set for objective='ms-ssim', got None. Set "
                "image_shape=(height, width)."
            )
        scales_of(image_shape)

    def __call__(self, draws: Draws, beta: float) -> Tensor:
        """Return the objective of each sample; see `Bound.__call__`."""
        original, reconstruction = map(draws.images, (draws.target, draws.reconstruct()))
        similarity = multiscale_ssim(reconstruction, original, float(self.data_range))
        draws.parts["dissimilarity"] = 1 - similarity
        kl = draws.divergence.sum(dim=-1)
        return elbo(float(self.strength) * (similarity - 1), kl, beta)
