"""A dictionary: a linear decoder whose columns, the atoms, have unit length, and its encoder."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from utsushi.networks.base import EncoderDecoder, Network
from utsushi.networks.linear import linear

__all__ = ["Dictionary", "DictionaryDecoder", "DictionaryEncoder"]

#: With a larger part of the components active, a dense product takes no longer.
LARGEST_PART = 0.05


class Dictionary(Network):
    r"""A linear encoder and a linear decoder, for codes of which few components are active.

    .. math::
        z = s\!\left(W_e (x - b_d) + b_e\right), \qquad \hat x = W_d z + b_d

    The columns of :math:`W_d`, the atoms, have unit length, so that a component cannot become
    small by making its atom long. The function s is the sparsity of a `SparseAutoencoder`. At
    first :math:`W_e = W_d^\top`, random directions, and the biases are zero.

    Parameters
    ----------
    tied : bool, default=False
        Whether :math:`W_e = W_d^\top` always: half as many parameters.

    References
    ----------
    Gao et al. 2024, *Scaling and evaluating sparse autoencoders*, https://arxiv.org/abs/2406.04093

    Examples
    --------
    >>> pair = Dictionary().build(784, 4096, 4096)
    >>> pair.encoder(torch.zeros(5, 784)).shape, pair.decoder.atoms.shape
    (torch.Size([5, 4096]), torch.Size([4096, 784]))
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {"tied": ["boolean"]}

    def __init__(self, tied: bool = False) -> None:
        self.tied = tied

    def build(
        self,
        n_features: int,
        n_codes: int,
        n_outputs: int,
        *,
        image_shape: tuple[int, ...] | None = None,
    ) -> EncoderDecoder:
        """Build the pair; see `Network.build`. The shape of an image does not matter."""
        self._validate_params()
        decoder = DictionaryDecoder(n_features, n_codes)
        return EncoderDecoder(DictionaryEncoder(decoder, n_outputs, tied=self.tied), decoder)


class DictionaryDecoder(nn.Module):
    """The decoder of a `Dictionary`.

    Attributes
    ----------
    directions : Parameter of shape (H, D)
        The atoms; a step of the optimizer changes their lengths a little.
    bias : Parameter of shape (D,)
    """

    def __init__(self, n_features: int, n_codes: int) -> None:
        super().__init__()
        self.directions = nn.Parameter(torch.empty(n_codes, n_features))
        self.bias = nn.Parameter(torch.empty(n_features))

    @property
    def atoms(self) -> Tensor:
        """The atoms (H, D), of unit length."""
        # In training `rescale` has made the lengths 1, at a fifth of the cost of a gradient.
        return self.directions if self.training else functional.normalize(self.directions, dim=-1)

    @torch.no_grad()
    def rescale(self) -> None:
        """Make all lengths 1."""
        self.directions.div_(torch.linalg.vector_norm(self.directions, dim=-1, keepdim=True))

    def initialize(self, generator: Generator) -> None:
        """Leave the parameters as they are: the encoder fills those of both."""

    def forward(self, z: Tensor) -> Tensor:
        """Return the reconstructions (B, D) of codes (B, H)."""
        return linear(z, self.atoms.T, self.bias)

    def sum_of_few(self, z: Tensor) -> Tensor:
        """Return the same, where no gradient reaches the components that are zero.

        With 32 of 4,096 components active, training takes half the time.
        """
        rows, components = z.detach().nonzero(as_tuple=True)
        if len(rows) > LARGEST_PART * z.numel():
            return self.forward(z)
        counts = torch.bincount(rows, minlength=len(z))
        sums: Tensor = functional.embedding_bag(
            components,
            self.atoms,
            counts.cumsum(0) - counts,
            mode="sum",
            per_sample_weights=z[rows, components],
        )
        return sums + self.bias

    def to_linear(self) -> nn.Linear:
        """Return a layer of torch that computes the same."""
        return _linear_layer(self.atoms.T, self.bias)


class DictionaryEncoder(nn.Module):
    """The encoder of a `Dictionary`, which has the bias of its decoder, and its weights if tied.

    Attributes
    ----------
    own_weight : Parameter of shape (H, D) or None
        None if the weights are tied.
    bias : Parameter of shape (H,)
    """

    def __init__(self, decoder: DictionaryDecoder, n_outputs: int, *, tied: bool) -> None:
        super().__init__()
        # In a tuple, so that the parameters belong to the decoder alone.
        self._shared = (decoder,)
        n_features = decoder.directions.shape[1]
        self.own_weight = None if tied else nn.Parameter(torch.empty(n_outputs, n_features))
        self.bias = nn.Parameter(torch.empty(n_outputs))

    @property
    def weight(self) -> Tensor:
        """The weights (H, D)."""
        return self._shared[0].atoms if self.own_weight is None else self.own_weight

    @torch.no_grad()
    def initialize(self, generator: Generator) -> None:
        """Draw the atoms of the decoder, and take them for the weights; all biases are zero."""
        (decoder,) = self._shared
        nn.init.normal_(decoder.directions, generator=generator)
        decoder.rescale()
        if self.own_weight is not None:
            self.own_weight.copy_(decoder.directions)
        nn.init.zeros_(self.bias)
        nn.init.zeros_(decoder.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return the codes (B, H) of samples (B, D), before they are made sparse."""
        if self.training:
            self._shared[0].rescale()
        # The samples have no gradient, and x - b_d would have one.
        return linear(x, self.weight, self._bias())

    def _bias(self) -> Tensor:
        """Return b_e - W_e b_d."""
        return self.bias - self.weight @ self._shared[0].bias

    def to_linear(self) -> nn.Linear:
        """Return a layer of torch that computes the same."""
        return _linear_layer(self.weight, self._bias())


@torch.no_grad()
def _linear_layer(weight: Tensor, bias: Tensor) -> nn.Linear:
    """Return torch's layer with copies of these parameters on the CPU."""
    with torch.device("meta"):
        layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight = nn.Parameter(weight.detach().cpu().clone(memory_format=torch.contiguous_format))
    layer.bias = nn.Parameter(bias.detach().cpu().clone())
    return layer
