r"""Initialize a network such that it computes PCA, for data of fewer samples than features.

Two units of ReLU, GELU or SiLU make a linear one, as :math:`a(t) - a(-t) = t`. So a network with a
hidden layer twice as wide as the code can compute PCA, and a variational one probabilistic PCA.
Training continues from there with the other units. From random weights, a few hundred samples can
end worse than PCA.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from utsushi.networks import EncoderDecoder

__all__ = ["fill_with_pca", "layers_of"]

#: Nonlinearities of which two units make a linear one.
MAKE_LINEAR_PAIRS = (nn.ReLU, nn.GELU, nn.SiLU)

#: The smallest divisor of a variance; a direction without variance stays unused.
SMALLEST_VARIANCE = 1e-12


@torch.no_grad()
def fill_with_pca(
    module: EncoderDecoder, x: Tensor, n_codes: int, n_features: int, outside: float = 0.0
) -> bool:
    r"""Fill a dense network with one hidden layer so that it computes PCA.

    With the mean m, the H leading directions :math:`v_j` and variances :math:`\lambda_j` of the
    samples, an autoencoder gets :math:`z_j = v_j^\top (x - m)` and
    :math:`\hat x = m + \sum_j z_j v_j`. A variational one gets the posterior of probabilistic PCA,
    whose noise :math:`\sigma^2` is the mean variance of all other directions:

    .. math::
        z_j \sim N\!\left(\frac{g_j}{\lambda_j} v_j^\top (x - m), \frac{\sigma^2}{\lambda_j}\right),
        \qquad \hat x = m + \sum_j g_j z_j v_j, \qquad g_j = \sqrt{\lambda_j - \sigma^2}

    Parameters
    ----------
    module : EncoderDecoder
        Filled at random; changed in place where it has one hidden layer of at least 2H units on
        either side, of an activation of which two units make a linear one.
    x : Tensor of shape (n, k)
        Samples, as its first layer reads them.
    n_codes : int
        H. The decoder may take further columns, of a condition, and ignores them at first.
    n_features : int
        D >= k, the features of the data.
    outside : float >= 0
        The variance of a sample outside of the k columns.

    Returns
    -------
    bool
        Whether the network has this structure and was filled.

    References
    ----------
    Tipping and Bishop 1999, *Probabilistic Principal Component Analysis*,
    https://doi.org/10.1111/1467-9868.00196

    Examples
    --------
    >>> from utsushi.networks import Dense
    >>> pair = Dense(hidden=(4,)).build(2, 1, 1)
    >>> x = torch.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])  # on a line
    >>> fill_with_pca(pair, x, n_codes=1, n_features=2)
    True
    >>> bool(torch.allclose(pair.decoder(pair.encoder(x)), x, atol=1e-5))
    True
    """
    if not (_has_one_hidden_layer(module.encoder) and _has_one_hidden_layer(module.decoder)):
        return False
    read, _, encode = layers_of(module.encoder)
    decode, _, write = layers_of(module.decoder)
    if min(read.out_features, decode.out_features) < 2 * n_codes:
        return False
    mean = x.mean(dim=0)
    covariance = (x - mean).T @ (x - mean) / len(x)
    variances, directions = (part.to(x.device) for part in torch.linalg.eigh(covariance.cpu()))
    n = min(n_codes, x.shape[1], n_features - 1)
    variances, directions = variances.clamp(min=SMALLEST_VARIANCE).flip(0), directions.flip(1).T
    noise = (variances[n:].sum() + outside) / (n_features - n)
    variances, directions = variances[:n], directions[:n]

    is_variational = encode.out_features == 2 * n_codes
    gains = (
        (variances - noise).clamp(min=0).sqrt() if is_variational else torch.ones_like(variances)
    )
    encoded = gains / variances if is_variational else gains

    positive, negative = slice(0, n), slice(n_codes, n_codes + n)
    read.weight[positive], read.weight[negative] = directions, -directions
    read.bias[positive], read.bias[negative] = -directions @ mean, directions @ mean
    encode.weight.zero_()
    encode.bias.zero_()
    encode.weight[:n, positive] = encoded.diag()
    encode.weight[:n, negative] = -encoded.diag()
    if is_variational:
        encode.bias[n_codes : n_codes + n] = (noise / variances).clamp(SMALLEST_VARIANCE, 1).log()
    else:  # codes of unit variance for the other units
        decode.weight[:, :n] /= variances.sqrt()
    decode.weight[: 2 * n_codes], decode.bias[: 2 * n_codes] = 0, 0
    decode.weight[positive, :n] = torch.eye(n, device=x.device)
    decode.weight[negative, :n] = -torch.eye(n, device=x.device)
    write.weight.zero_()
    write.weight[:, positive] = (gains[:, None] * directions).T
    write.weight[:, negative] = -(gains[:, None] * directions).T
    write.bias.copy_(mean)
    return True


def layers_of(half: nn.Module) -> list[Any]:
    """Return the layers of a `Sequential`; none for any other module."""
    return list(half) if isinstance(half, nn.Sequential) else []


def _has_one_hidden_layer(half: nn.Module) -> bool:
    """Tell whether a half is two linear layers around a nonlinearity of `MAKE_LINEAR_PAIRS`."""
    kinds: list[Any] = [nn.Linear, MAKE_LINEAR_PAIRS, nn.Linear]
    layers = layers_of(half)
    return len(layers) == 3 and all(isinstance(*pair) for pair in zip(layers, kinds, strict=True))
