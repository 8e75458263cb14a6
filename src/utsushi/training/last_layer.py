r"""Solve the last layer in closed form, when all others are trained.

Reconstructions are linear in the weights W and the bias b of a decoder's last layer. For the hidden
units :math:`h_i` that the layer takes for a sample :math:`x_i`, the least squared error near the
trained weights :math:`W_0`,

.. math::
    \sum_i \Vert x_i - W h_i - b \Vert^2 + \lambda \Vert W - W_0 \Vert^2,

has a closed form, with the means :math:`\bar h` and :math:`\bar x`, and
:math:`S = \sum_i (h_i - \bar h)(h_i - \bar h)^\top`:

.. math::
    W^\top = (S + \lambda I)^{-1} \Big(
        \sum_i (h_i - \bar h)(x_i - \bar x)^\top + \lambda W_0^\top \Big), \qquad
    b = \bar x - W \bar h

The error of the training samples does not rise. The penalty
:math:`\lambda = \rho \operatorname{tr}(S) / n` does not grow with n, so many samples outweigh it.
This is the last step of variable projection: Golub and Pereyra 1973,
https://doi.org/10.1137/0710036
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from utsushi._utils.seeds import Purpose, generator
from utsushi.networks import EncoderDecoder
from utsushi.objectives import Objective, Source
from utsushi.training.data_parallel import current_group
from utsushi.training.pca_start import layers_of

__all__ = ["solve_last_layer"]

#: The largest number of samples in a block, and of bytes.
BLOCK_ROWS, BLOCK_BYTES = 2000, 48 * 2**20


@torch.no_grad()
def solve_last_layer(
    reduced: EncoderDecoder,
    objective: Objective,
    projected: Source,
    module: EncoderDecoder,
    data: Source,
    ridge: float,
    seed: int,
) -> None:
    r"""Give the last layer of a decoder the least squared error, if it is linear.

    Parameters
    ----------
    reduced, objective, projected
        What was trained, the rotation-invariant objective whose `decoder_inputs` are decoded, and
        the n samples: they give the hidden units.
    module : EncoderDecoder
        The same as ``reduced`` but for the first and the last layer. The last is changed in place.
    data : Source
        The n samples that its decoder has to give.
    ridge : float >= 0
        :math:`\rho`. 0 leaves the layer as it is.
    seed : int
        Decides the draws of the codes.
    """
    *others, last = layers_of(reduced.decoder) or [None]
    if not (ridge and isinstance(last, nn.Linear) and last.bias is not None):
        return
    hidden = nn.Sequential(*others)
    draws = generator(seed, Purpose.LAST_LAYER)
    # Of [h - s, 1] with itself and with x; a shift s near the mean keeps digits of the variance.
    products: Tensor | float = 0.0
    with_targets: Tensor | float = 0.0
    shift = None
    n_rows = max(min(BLOCK_ROWS, BLOCK_BYTES // (4 * data.n_features)), 1)
    for block, targets in zip(projected.blocks(n_rows), data.blocks(n_rows), strict=True):
        codes = objective.decoder_inputs(reduced, block, draws)
        if codes is None:
            return
        h = hidden(codes.flatten(0, 1))
        shift = h.mean(dim=0) if shift is None else shift
        units = nn.functional.pad(h - shift, (0, 1), value=1.0)
        mean = units.unflatten(0, codes.shape[:2]).mean(dim=0)
        products = products + (units.T @ units).cpu().double() / len(codes)
        with_targets = with_targets + (mean.T @ targets.x).cpu().double()
    assert isinstance(products, Tensor)  # there is a row
    assert isinstance(with_targets, Tensor)
    assert shift is not None
    n = products[-1, -1]
    mean = products[-1, :-1] / n
    centre = with_targets[-1] / n
    scatter = products[:-1, :-1] - n * mean.outer(mean)
    penalty = ridge * scatter.trace() / n
    scatter.diagonal().add_(penalty)
    factor, failed = torch.linalg.cholesky_ex(scatter)
    if failed:  # all units are constant
        return
    last = layers_of(module.decoder)[-1]
    wanted = with_targets[:-1] - n * mean.outer(centre) + penalty * last.weight.T.cpu().double()
    weight = torch.cholesky_solve(wanted, factor).T
    solved = {"weight": weight.float(), "bias": (centre - weight @ (mean + shift.cpu())).float()}
    if (group := current_group()).size > 1:  # machines may round differently
        received = group.broadcast_tensors(({}, solved))
        assert received is not None
        solved = received[1]
    last.weight.copy_(solved["weight"])
    last.bias.copy_(solved["bias"])
