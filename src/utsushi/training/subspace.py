r"""Training in the principal components that matter: the same network, a fraction of the products.

The squared error knows no axes. Turned into their principal components, rows :math:`x` are
:math:`c = P^\top x` in the k leading ones and have the length :math:`r` outside of them. A network
whose first weights read :math:`c` alone, and whose last ones write into the span of P alone, has

.. math::
    \Vert x - \hat x \Vert^2 = \Vert c - \hat c \Vert^2 + r^2

with :math:`\hat c` for :math:`\hat x = P \hat c`. So its first and last layers, which have nearly
all of the weights, can be trained with k columns in the place of D, and are then written out for
the columns themselves. What is given up is what the network could have said of the directions
outside; there are so many inside that this is little (`Recipe.subspace`). Digits keep about 200 of
784.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from utsushi.networks import EncoderDecoder
from utsushi.networks.linear import Linear
from utsushi.objectives import Batch, Source
from utsushi.training.distributed import current
from utsushi.training.history import History, State
from utsushi.training.loop import Objective, train
from utsushi.training.principal_start import fill_with_pca, layers_of
from utsushi.training.recipe import Recipe

__all__ = ["Subspace", "train_in_subspace"]

#: Fewer columns leave nothing to save. The matrix that is decomposed is no larger than the second:
#: of more columns, the directions are those of so many rows, evenly spaced.
FEWEST_FEATURES, MOST_FEATURES = 128, 2048

#: The part of the largest second moment up to which another one is rounding.
ROUNDING = 1e-10

#: The largest part of the columns that is still worth the turn.
LARGEST_PART = 0.5

#: Turned rows of at most so many bytes are made once and kept; of more, each batch is turned.
KEPT_TURNED_BYTES = 2**28

#: Rows per block when rows are turned, and bytes of a larger one of scaled rows.
TURNED_BLOCK_ROWS, SCALED_BLOCK_BYTES = 10_000, 48 * 2**20


def train_in_subspace(
    module: EncoderDecoder,
    objective: Objective,
    data: Source,
    *,
    recipe: Recipe,
    validation: Source | None = None,
    **settings: Any,
) -> tuple[History, Recipe]:
    """Do what `train` does, in the leading principal components where that is possible.

    It is where ``recipe.subspace`` is above zero, the objective is that of squared errors of whole
    rows as they are, the network begins and ends with a linear layer, and few enough components
    matter. The module has the same layers before and after.

    Parameters
    ----------
    module, objective, data, recipe, validation
        See `train`.
    **settings
        The other arguments of `train`.

    Returns
    -------
    history : list of dict
        Objectives are those of all columns.
    recipe : Recipe
        What was followed: a start from principal components only where there was one.
    """
    subspace = None
    # A turned row knows nothing of single columns, and so of none that is missing.
    gaps = any(some is not None and some[:1].mask is not None for some in (data, validation))
    if objective.is_rotation_invariant and settings.get("augment") is None and not gaps:
        subspace = Subspace.of_first_process(module, data, recipe.subspace)
    if subspace is None:
        recipe = recipe.started(from_pca=False)
        history = train(module, objective, data, recipe=recipe, validation=validation, **settings)
        return history, recipe
    reduced, turned = subspace.reduce(module), subspace.turned(data)
    recipe = recipe.started(
        from_pca=recipe.start == "principal" and _starts_from_pca(reduced, turned, data.n_features)
    )
    history = train(
        reduced,
        objective.of_turned_rows(data.n_features),
        turned,
        recipe=recipe,
        validation=None if validation is None else subspace.turned(validation),
        **settings,
    )
    subspace.expand(reduced, module)
    return history, recipe


@dataclass(frozen=True)
class Subspace:
    """The leading principal directions of rows.

    Attributes
    ----------
    basis : Tensor of shape (D, k)
        P, with orthonormal columns.
    """

    basis: Tensor

    @classmethod
    def of(cls, module: EncoderDecoder, data: Source, tolerance: float) -> Self | None:
        """Return the directions that matter to a network, or None where it has to see all columns.

        Parameters
        ----------
        module : EncoderDecoder
        data : Source
            Scaled training rows.
        tolerance : float >= 0
            The variance outside of the directions, as a part of what PCA with as many components
            as the code leaves.
        """
        n_features = data.n_features
        of_samples = hasattr(module, "prior") and module.prior.sees_samples
        if of_samples or not (tolerance and n_features >= FEWEST_FEATURES and _is_dense(module)):
            return None
        moments, directions = _principal_directions(data)
        if not len(moments):
            return None
        outside = moments.clamp(min=0).cumsum(0).flip(0)  # [k]: without the k leading ones
        n_codes = min(layers_of(module.decoder)[0].in_features, len(moments) - 1)
        k = int((outside > tolerance * outside[n_codes]).sum())
        if k > LARGEST_PART * n_features:
            return None
        return cls(directions.flip(1)[:, : max(k, 1)].contiguous())

    @classmethod
    def of_first_process(
        cls, module: EncoderDecoder, data: Source, tolerance: float
    ) -> Self | None:
        """Return the directions that the first process finds: another machine rounds otherwise."""

        def say() -> State | None:
            found = cls.of(module, data, tolerance)
            return None if found is None else ({}, {"basis": found.basis})

        state = current().state_of_first(say)
        return None if state is None else cls(state[1]["basis"].to(data.device))

    def turn(self, x: Tensor) -> Tensor:
        """Return rows (n, D) as (n, k + 1): their components, and their length outside of them."""
        blocks = []
        for rows in x.split(TURNED_BLOCK_ROWS):
            inside = rows @ self.basis
            outside = rows.square().sum(dim=1) - inside.square().sum(dim=1)
            blocks.append(torch.cat([inside, outside.clamp(min=0).sqrt()[:, None]], dim=1))
        return torch.cat(blocks)

    def turned(self, data: Source) -> Source:
        """Return all rows turned: at once, or as they are asked for where they are large."""
        if 4 * len(data) * (self.basis.shape[1] + 1) > KEPT_TURNED_BYTES:
            return _TurnedRows(self, data)
        x = torch.empty(len(data), self.basis.shape[1] + 1, device=data.device)
        conditions, start = [], 0
        for block in _blocks(data):
            x[start : start + len(block)] = self.turn(block.x)
            conditions += [] if block.condition is None else [block.condition]
            start += len(block)
        return Batch(x, torch.cat(conditions) if conditions else None)

    def reduce(self, module: EncoderDecoder) -> EncoderDecoder:
        """Return the module for turned rows; only the first and the last layer are not shared."""
        first, *encoder = layers_of(module.encoder)
        *decoder, last = layers_of(module.decoder)
        return module.with_parts(
            encoder=nn.Sequential(
                _Inside(), _linear(first.weight @ self.basis, first.bias), *encoder
            ),
            decoder=nn.Sequential(
                *decoder,
                _linear(self.basis.T @ last.weight, self.basis.T @ last.bias),
                _NothingOutside(),
            ),
        )

    @torch.no_grad()
    def expand(self, reduced: EncoderDecoder, module: EncoderDecoder) -> None:
        """Write what a reduced module has learned into the module that it was made of."""
        first, last = layers_of(reduced.encoder)[1], layers_of(reduced.decoder)[-2]
        whole_first, whole_last = layers_of(module.encoder)[0], layers_of(module.decoder)[-1]
        whole_first.weight.copy_(first.weight @ self.basis.T)
        whole_first.bias.copy_(first.bias)
        whole_last.weight.copy_(self.basis @ last.weight)
        whole_last.bias.copy_(self.basis @ last.bias)
        module.eval()


def _starts_from_pca(reduced: EncoderDecoder, turned: Source, n_features: int) -> bool:
    """Fill a reduced module with the PCA of its rows, or of some, evenly spaced, if it can be."""
    some = turned[:: -(-len(turned) // TURNED_BLOCK_ROWS)]
    n_conditions = 0 if some.condition is None else some.condition.shape[1]
    encoder, decoder = reduced.encoder, reduced.decoder
    assert isinstance(encoder, nn.Sequential)
    assert isinstance(decoder, nn.Sequential)
    return fill_with_pca(
        EncoderDecoder(encoder[1:], decoder[:-1]),
        some.x[:, :-1],
        n_codes=layers_of(decoder)[0].in_features - n_conditions,
        n_features=n_features,
        outside=float(some.x[:, -1].square().mean()),
    )


def _principal_directions(data: Source) -> tuple[Tensor, Tensor]:
    """Return second moments (m,), smallest first, and their directions (D, m) of rows.

    Not centred: what the decoder's bias has to say lies inside, too. On the CPU, because not every
    accelerator decomposes.
    """
    if data.n_features <= min(len(data), MOST_FEATURES):
        products = sum(block.x.T @ block.x for block in _blocks(data))
        assert isinstance(products, Tensor)  # there is a row
        moments, directions = _eigh(products.cpu())
    else:
        x = data[:: -(-len(data) // MOST_FEATURES)].x.cpu().double()
        moments, weights = _eigh(x @ x.T)
        known = moments > ROUNDING * moments[-1]  # rows that are alike have fewer directions
        moments, weights = moments[known], weights[:, known]
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
    """Yield rows in blocks that are small beside what is worth to be kept small."""
    return data.blocks(max(SCALED_BLOCK_BYTES // (4 * data.n_features), 1))


def _is_dense(module: EncoderDecoder) -> bool:
    """Tell whether a module's first and last layers can be turned."""
    ends = [*layers_of(module.encoder)[:1], *layers_of(module.decoder)[:1]]
    ends += layers_of(module.decoder)[-1:]
    return len(ends) == 3 and all(
        isinstance(layer, nn.Linear) and layer.bias is not None for layer in ends
    )


@torch.no_grad()
def _linear(weight: Tensor, bias: Tensor) -> Linear:
    """Return a linear layer with copies of these parameters."""
    with torch.device("meta"):
        layer = Linear(weight.shape[1], weight.shape[0])
    layer.weight = nn.Parameter(weight.detach().clone())
    layer.bias = nn.Parameter(bias.detach().clone())
    return layer


@dataclass(frozen=True)
class _TurnedRows:
    """A `Source` whose rows are turned when they are asked for."""

    subspace: Subspace
    data: Source

    @property
    def device(self) -> torch.device:
        return self.data.device

    @property
    def n_features(self) -> int:
        return self.subspace.basis.shape[1] + 1

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, rows: slice | Tensor) -> Batch:
        return self._turned(self.data[rows])

    def blocks(self, n_rows: int) -> Iterator[Batch]:
        return (self._turned(block) for block in self.data.blocks(n_rows))

    def order(self, draws: Generator) -> Tensor:
        return self.data.order(draws)

    def _turned(self, batch: Batch) -> Batch:
        return replace(batch, x=self.subspace.turn(batch.x))


class _Inside(nn.Module):
    """Turned rows (B, k + 1) without their length outside."""

    def forward(self, x: Tensor) -> Tensor:
        return x[..., :-1]


class _NothingOutside(nn.Module):
    """Copies (B, k) as turned rows: their length outside is zero."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.pad(x, (0, 1))
