r"""Train in the leading principal components: the same network with far fewer products.

The squared error does not depend on the axes. Projected onto the k leading principal components, a
sample :math:`x` is :math:`c = P^\top x`, with a residual of length :math:`r`. A network whose first
layer reads only :math:`c`, and whose last layer writes only into the span of P, has

.. math::
    \Vert x - \hat x \Vert^2 = \Vert c - \hat c \Vert^2 + r^2

for :math:`\hat x = P \hat c`. So its first and last layers, which hold nearly all weights, are
trained with k columns instead of D, and then expanded to D. The network cannot learn directions
outside of the span, which hold little variance (`Recipe.subspace`). Digits keep about 200 of 784.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from utsushi.networks import EncoderDecoder
from utsushi.networks.linear import Linear, linear
from utsushi.objectives import Batch, MappedSource, Objective, Source
from utsushi.training.data_parallel import current_group
from utsushi.training.history import History
from utsushi.training.last_layer import solve_last_layer
from utsushi.training.loop import train
from utsushi.training.pca_start import fill_with_pca, layers_of
from utsushi.training.recipe import Recipe

__all__ = ["Subspace", "train_in_subspace"]

#: Fewer columns save no time. The decomposed matrix is no larger than the second number: with more
#: columns, the directions are those of so many samples, evenly spaced.
FEWEST_FEATURES, MOST_FEATURES = 128, 2048

#: A second moment below this fraction of the largest is a rounding error.
ROUNDING = 1e-10

#: The largest fraction of the columns that is worth a projection.
LARGEST_PART = 0.5

#: Projected samples of at most so many bytes are kept; more are projected a batch at a time.
KEPT_BYTES = 2**28

#: Rows per block for a projection, and bytes per block of scaled rows.
BLOCK_ROWS, BLOCK_BYTES = 10_000, 48 * 2**20


def train_in_subspace(
    module: EncoderDecoder,
    objective: Objective,
    data: Source,
    *,
    recipe: Recipe,
    validation: Source | None = None,
    progress: Callable[[dict[str, Any]], None] = lambda row: None,
    on_epoch: Callable[[dict[str, Any]], bool | None] | None = None,
    **settings: Any,
) -> tuple[History, Recipe]:
    """Train a module like `train`, in the leading principal components where that is possible.

    It is possible if ``recipe.subspace`` is above zero, the objective is rotation invariant, no
    value is missing, the network begins and ends with a linear layer, and few enough components
    hold the variance. The module has the same layers before and after.

    Parameters
    ----------
    module, objective, data, recipe, validation
        See `train`.
    progress : callable
        Called with each row of the history.
    on_epoch : callable, optional
        The same, when ``module`` holds what was learned so far; True ends the training.
    **settings
        The other arguments of `train`.

    Returns
    -------
    history : list of dict
        With the objectives of all columns.
    recipe : Recipe
        The recipe as it was used: with a start from PCA only if there was one.
    """

    def report(row: dict[str, Any]) -> bool | None:
        progress(row)
        if on_epoch is None:
            return None
        if subspace is not None:
            subspace.expand(reduced, module)
        return on_epoch(row)

    subspace = None
    settings["on_epoch"] = report
    turns = (
        objective.is_rotation_invariant
        and settings.get("augment") is None
        # A missing value cannot be masked in a projected sample.
        and all(some is None or some[:1].mask is None for some in (data, validation))
    )
    if turns:
        subspace = Subspace.of(module, data, recipe.subspace)
    ridge = recipe.last_layer_ridge if turns else 0.0
    if subspace is None:
        recipe = recipe.started(from_pca=False)
        history = train(module, objective, data, recipe=recipe, validation=validation, **settings)
        solve_last_layer(module, objective, data, module, data, ridge, settings["seed"])
        return history, recipe
    reduced, projected = subspace.reduce(module), subspace.projected(data)
    inside = objective.for_projected_samples(data.n_features)
    recipe = recipe.started(
        from_pca=recipe.start == "principal"
        and getattr(getattr(reduced, "bottleneck", None), "takes_any_scale", True)
        and _starts_from_pca(reduced, projected, data.n_features)
    )
    history = train(
        reduced,
        inside,
        projected,
        recipe=recipe,
        validation=None if validation is None else subspace.projected(validation),
        **settings,
    )
    subspace.expand(reduced, module)
    solve_last_layer(reduced, inside, projected, module, data, ridge, settings["seed"])
    return history, recipe


@dataclass(frozen=True)
class Subspace:
    """The leading principal directions of samples.

    Attributes
    ----------
    basis : Tensor of shape (D, k)
        P, with orthonormal columns.
    """

    basis: Tensor

    @classmethod
    def of(cls, module: EncoderDecoder, data: Source, tolerance: float) -> Self | None:
        """Return the leading directions, or None if the network has to be trained on all columns.

        Parameters
        ----------
        module : EncoderDecoder
        data : Source
            Scaled training samples.
        tolerance : float >= 0
            The largest variance outside of the directions, as a fraction of the residual variance
            of PCA with as many components as the code.
        """
        n_features = data.n_features
        of_samples = hasattr(module, "prior") and module.prior.sees_samples
        if of_samples or not (tolerance and n_features >= FEWEST_FEATURES and _is_dense(module)):
            return None
        moments, directions = _principal_directions(data)
        if (group := current_group()).size > 1:  # machines may round differently
            broadcast = group.broadcast_tensors(
                ({}, {"moments": moments, "directions": directions})
            )
            assert broadcast is not None
            moments, directions = (values.to(data.device) for values in broadcast[1].values())
        if not len(moments):
            return None
        outside = moments.clamp(min=0).cumsum(0).flip(0)  # [k]: without the k leading ones
        n_codes = min(layers_of(module.decoder)[0].in_features, len(moments) - 1)
        k = int((outside > tolerance * outside[n_codes]).sum())
        if k > LARGEST_PART * n_features:
            return None
        return cls(directions.flip(1)[:, : max(k, 1)].contiguous())

    def project(self, x: Tensor) -> Tensor:
        """Return samples (n, D) as (n, k + 1): their components, and the length of the residual."""
        blocks = []
        for rows in x.split(BLOCK_ROWS):
            inside = rows @ self.basis
            outside = rows.square().sum(dim=1) - inside.square().sum(dim=1)
            blocks.append(torch.cat([inside, outside.clamp(min=0).sqrt()[:, None]], dim=1))
        return torch.cat(blocks)

    def _project_batch(self, batch: Batch) -> Batch:
        return replace(batch, x=self.project(batch.x))

    def projected(self, data: Source) -> Source:
        """Return all samples projected: now, or if they are large, a batch at a time."""
        if 4 * len(data) * (self.basis.shape[1] + 1) > KEPT_BYTES:
            return MappedSource(data, self._project_batch, self.basis.shape[1] + 1)
        x = torch.empty(len(data), self.basis.shape[1] + 1, device=data.device)
        conditions, start = [], 0
        for block in _blocks(data):
            x[start : start + len(block)] = self.project(block.x)
            conditions += [] if block.condition is None else [block.condition]
            start += len(block)
        return Batch(x, torch.cat(conditions) if conditions else None)

    def reduce(self, module: EncoderDecoder) -> EncoderDecoder:
        """Return the module for projected samples; only first and last layer are its own."""
        first, *encoder = layers_of(module.encoder)
        *decoder, last = layers_of(module.decoder)
        first = _filled(_First, first.weight @ self.basis, first.bias)
        last = _filled(_Last, self.basis.T @ last.weight, self.basis.T @ last.bias)
        return module.with_parts(
            encoder=nn.Sequential(first, *encoder), decoder=nn.Sequential(*decoder, last)
        )

    @torch.no_grad()
    def expand(self, reduced: EncoderDecoder, module: EncoderDecoder) -> None:
        """Write the parameters of a reduced module into the module that it was made of."""
        first, last = layers_of(reduced.encoder)[0], layers_of(reduced.decoder)[-1]
        full_first, full_last = layers_of(module.encoder)[0], layers_of(module.decoder)[-1]
        full_first.weight.copy_(first.weight @ self.basis.T)
        full_first.bias.copy_(first.bias)
        full_last.weight.copy_(self.basis @ last.weight)
        full_last.bias.copy_(self.basis @ last.bias)
        module.eval()


def _starts_from_pca(reduced: EncoderDecoder, projected: Source, n_features: int) -> bool:
    """Initialize a reduced module by PCA of its samples, if its structure allows that."""
    subset = projected[:: -(-len(projected) // BLOCK_ROWS)]
    n_conditions = 0 if subset.condition is None else subset.condition.shape[1]
    return fill_with_pca(
        reduced,
        subset.x[:, :-1],
        n_codes=layers_of(reduced.decoder)[0].in_features - n_conditions,
        n_features=n_features,
        outside=float(subset.x[:, -1].square().mean()),
    )


def _principal_directions(data: Source) -> tuple[Tensor, Tensor]:
    """Return second moments (m,), smallest first, and their directions (D, m).

    Not centred, so that the span includes the decoder's bias. On the CPU, because not every
    accelerator decomposes matrices.
    """
    if data.n_features <= min(len(data), MOST_FEATURES):
        products = sum(block.x.T @ block.x for block in _blocks(data))
        assert isinstance(products, Tensor)  # there is a row
        moments, directions = _eigh(products.cpu())
    else:
        x = data[:: -(-len(data) // MOST_FEATURES)].x.cpu().double()
        moments, weights = _eigh(x @ x.T)
        is_positive = moments > ROUNDING * moments[-1]  # equal samples have fewer directions
        moments, weights = moments[is_positive], weights[:, is_positive]
        moments, directions = moments.float(), (x.T @ weights / moments.sqrt()).float()
    return moments.to(data.device), directions.to(data.device)


def _eigh(products: Tensor) -> tuple[Tensor, Tensor]:
    """Decompose a symmetric matrix, in float64 where float32 does not converge."""
    try:
        return torch.linalg.eigh(products)  # type: ignore[no-any-return]
    except RuntimeError:  # LinAlgError, which torch.linalg does not export
        moments, directions = torch.linalg.eigh(products.double())
        return moments.to(products.dtype), directions.to(products.dtype)


def _blocks(data: Source) -> Iterator[Batch]:
    """Yield samples in blocks of `BLOCK_BYTES`."""
    return data.blocks(max(BLOCK_BYTES // (4 * data.n_features), 1))


def _is_dense(module: EncoderDecoder) -> bool:
    """Tell whether a module's first and last layers are linear."""
    ends = [*layers_of(module.encoder)[:1], *layers_of(module.decoder)[:1]]
    ends += layers_of(module.decoder)[-1:]
    return len(ends) == 3 and all(
        isinstance(layer, nn.Linear) and layer.bias is not None for layer in ends
    )


class _First(Linear):
    """The first layer, of projected samples (B, k + 1) without the length of the residual."""

    def forward(self, x: Tensor) -> Tensor:
        return linear(x[..., :-1], self.weight, self.bias)


class _Last(Linear):
    """The last layer, whose reconstructions (B, k + 1) have a residual of length zero."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(linear(x, self.weight, self.bias), (0, 1))


@torch.no_grad()
def _filled(kind: type[Linear], weight: Tensor, bias: Tensor) -> Linear:
    """Return a linear layer with copies of these parameters."""
    with torch.device("meta"):
        layer = kind(weight.shape[1], weight.shape[0])
    layer.weight = nn.Parameter(weight.detach().clone())
    layer.bias = nn.Parameter(bias.detach().clone())
    return layer
