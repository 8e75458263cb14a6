"""The base classes of networks: a description, and the module that is built from it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from numbers import Integral
from typing import Any, ClassVar, Self

import torch
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import Interval
from torch import Generator, Tensor, nn

from utsushi._utils.str_options import SortedStrOptions

__all__ = [
    "INITIALIZATION",
    "OUTPUT",
    "SIZES",
    "EncoderDecoder",
    "Network",
    "Sigmoid",
    "as_sizes",
    "initialize",
    "is_size",
    "output_layers",
]

#: scikit-learn's parameter constraints of the sizes of layers: several, or one.
SIZES: list[Any] = ["array-like", Interval(Integral, 1, None, closed="left")]

#: scikit-learn's parameter constraints of the last layer of a decoder.
OUTPUT: list[Any] = [SortedStrOptions({"linear", "sigmoid"})]

#: scikit-learn's parameter constraints of the initialization of weights.
INITIALIZATION: list[Any] = [SortedStrOptions({"uniform", "normal"})]


class EncoderDecoder(nn.Module):
    """A network of named parts: an encoder, a decoder, and those that a model adds.

    Parameters
    ----------
    encoder : Module, (B, D) to (B, H), or to more numbers for a variational model
    decoder : Module, (B, H) to (B, D)
    **others : Module
        ``bottleneck`` (see `utsushi.networks.bottlenecks`), ``posterior`` and ``prior`` (see
        `utsushi.distributions`), ``critic`` (see `utsushi.objectives.critics`).
    """

    # Without these, mypy takes the attributes of a torch module for tensors or modules.
    bottleneck: Any
    classifier: Any
    critic: Any
    posterior: Any
    prior: Any

    def __init__(self, encoder: nn.Module, decoder: nn.Module, **parts: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        for name, module in parts.items():
            self.add_module(name, module)

    def with_parts(self, **parts: nn.Module) -> EncoderDecoder:
        """Return a network with these parts, which shares all others."""
        return EncoderDecoder(**{**dict(self.named_children()), **parts})

    def forward(self, x: Tensor) -> Tensor:
        """Return the encoder's output; call ``decoder`` to decode it."""
        output: Tensor = self.encoder(x)
        return output

    def codes(
        self, x: Tensor, generator: Generator | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the codes (B, H) of an autoencoder, and the values of its bottleneck by name.

        Parameters
        ----------
        x : Tensor of shape (B, D)
            Scaled samples.
        generator : Generator, optional
            The source of a bottleneck's random numbers in training; None at inference.
        """
        codes = self.encoder(x)
        if hasattr(self, "bottleneck"):
            codes, parts = self.bottleneck(codes, generator)
            return codes, parts
        return codes, {}

    def posterior_of(self, x: Tensor) -> Any:
        r"""Return :math:`q(z \mid x)` of scaled samples (B, D), for a variational model."""
        return self.posterior(self.encoder(x))

    def divergence(self, posterior: Any, z: Tensor) -> Tensor:
        r"""Return :math:`D_{KL}(q(z \mid x) \Vert p(z))` in nats, in terms that add up to it.

        See `utsushi.distributions.priors.PriorModule.divergence`.
        """
        terms: Tensor = self.prior.divergence(posterior, z, self.posterior_of)
        return terms

    def divergence_without_draws(self, posterior: Any) -> Tensor:
        """Return the divergence (B,) of B posteriors, or its estimate without a random number.

        See `utsushi.distributions.priors.PriorModule.divergence_without_draws`.
        """
        divergence: Tensor = self.prior.divergence_without_draws(posterior, self.posterior_of)
        return divergence

    def log_prior(self, z: Tensor) -> Tensor:
        r"""Return :math:`\log p(z)` in nats, shape (...), of codes (..., H)."""
        log_prob: Tensor = self.prior.log_prob(z, self.posterior_of)
        return log_prob

    def arrange_for_training(self) -> EncoderDecoder:
        """Undo `arrange_for_inference`: a fused optimizer needs the layout of its moments.

        Returns
        -------
        EncoderDecoder
            The network itself.
        """
        for parameter in self.parameters():
            parameter.data = parameter.data.contiguous()
        return self

    def arrange_for_inference(self) -> EncoderDecoder:
        """Store the weights in the memory layout that is fastest at inference.

        A decoder of transposed convolutions is about 1.4 times as fast (x86, blocks of 512 rows)
        with the channels last; training is not faster.

        Returns
        -------
        EncoderDecoder
            The network itself.
        """
        for parameter in self.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
        return self


class Network(BaseEstimator, ABC):
    """The base of all network descriptions: parameters, from which `build` makes the modules.

    Attributes
    ----------
    output : {"linear", "sigmoid"}
        The range of the decoder's output: any number, or 0 to 1.
    initialization : {"uniform", "normal"} or None
        The initialization of linear layers and convolutions; see `initialize`. With None all layers
        keep the weights that their constructors drew.

    Examples
    --------
    A network of your own is a class with ``build``, of any layers of torch:

    >>> class Normalized(Network):
    ...     def __init__(self, width=16):
    ...         self.width = width
    ...
    ...     def build(self, n_features, n_codes, n_outputs, *, image_shape=None):
    ...         first = [nn.Linear(n_features, self.width), nn.BatchNorm1d(self.width)]
    ...         encoder = nn.Sequential(*first, nn.Linear(self.width, n_outputs))
    ...         return EncoderDecoder(encoder, nn.Linear(n_codes, n_features))
    >>> Normalized(8).build(4, 2, 2).encoder(torch.zeros(3, 4)).shape
    torch.Size([3, 2])
    """

    output: str = "linear"
    initialization: str | None = None

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {}

    def sized(
        self, n_features: int, n_rows: int, image_shape: tuple[int, ...] | None = None
    ) -> Self:
        """Return a copy in which every parameter that is None is chosen by the data's shape.

        Parameters
        ----------
        n_features : int
            D, the number of columns.
        n_rows : int
            The number of training samples.
        image_shape : (H, W) or (C, H, W), optional
            The shape of an image, if the samples are flattened images.

        Returns
        -------
        Network
            A network of the same class, with validated parameters.
        """
        self._validate_params()
        chosen = self._chosen(n_features, n_rows, image_shape)
        own = self.get_params(deep=False)
        missing = {name: value for name, value in chosen.items() if own[name] is None}
        copy: Self = clone(self)
        copy.set_params(**missing)
        return copy

    def _chosen(
        self, n_features: int, n_rows: int, image_shape: tuple[int, ...] | None
    ) -> dict[str, Any]:
        """Return the parameters that follow from the data's shape, by name."""
        return {}

    @abstractmethod
    def build(
        self,
        n_features: int,
        n_codes: int,
        n_outputs: int,
        *,
        image_shape: tuple[int, ...] | None = None,
    ) -> EncoderDecoder:
        """Build the modules for samples of ``n_features`` and codes of ``n_codes`` values.

        Parameters
        ----------
        n_features : int
            D, the number of columns.
        n_codes : int
            The size of the decoder's input: H, and the classes of a conditional model.
        n_outputs : int
            The size of the encoder's output: H, or 2H for a variational model.
        image_shape : (H, W) or (C, H, W), optional
            The shape of an image, if the samples are flattened images.

        Returns
        -------
        EncoderDecoder
            Its parameters may be drawn again by `initialize`.
        """


class Sigmoid(nn.Module):
    """The logistic function in float32, also where the products run in bfloat16.

    In bfloat16, values near 1 are rounded to 1, and their gradient to 0.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return values from 0 to 1."""
        return torch.sigmoid(x.float())


def output_layers(output: str) -> list[nn.Module]:
    """Return the last layers of a decoder, by the name of its ``output``.

    Examples
    --------
    >>> output_layers("linear")
    []
    >>> output_layers("sigmoid")
    [Sigmoid()]
    """
    return [Sigmoid()] if output == "sigmoid" else []


def initialize(
    module: nn.Module, generator: Generator, initialization: str | None = "uniform"
) -> None:
    r"""Fill the weights and biases of linear layers and convolutions from ``generator``.

    A module with a method ``initialize(generator)`` fills itself and its layers. Other modules keep
    the weights that their constructors drew from torch's global generator; see
    `utsushi._utils.seeds.torch_seeded`.

    Parameters
    ----------
    module : Module
        Changed in place; its layers keep their order, so the same generator gives the same weights.
    generator : Generator
        On the device of the module.
    initialization : {"uniform", "normal"} or None, default="uniform"
        None leaves linear layers, convolutions and group normalizations as they are.
        ``"uniform"`` is the default of torch's layers: weights and biases within
        :math:`\pm 1 / \sqrt{\mathrm{fan\ in}}`.
        ``"normal"`` draws weights of the variance :math:`2 / \mathrm{fan\ in}`, six times as
        much, and sets biases to zero, which keeps the scale of activations over many layers. The
        fan in of a transposed convolution is the mean number of inputs of an output.

    References
    ----------
    He, Zhang, Ren and Sun 2015, *Delving Deep into Rectifiers*, https://arxiv.org/abs/1502.01852
    """
    if callable(fill := getattr(module, "initialize", None)):
        fill(generator)
        return
    for layer in module.children():
        initialize(layer, generator, initialization)
    if initialization and isinstance(module, nn.GroupNorm):
        nn.init.ones_(module.weight)
        nn.init.zeros_(module.bias)
    if not initialization or not isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        return
    if initialization == "normal":
        deviation = math.sqrt(2 / _fan_in(module))
        nn.init.normal_(module.weight, 0, deviation, generator=generator)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
        return
    bound = 1 / math.sqrt(module.weight[0].numel())
    nn.init.uniform_(module.weight, -bound, bound, generator=generator)
    if module.bias is not None:
        nn.init.uniform_(module.bias, -bound, bound, generator=generator)


def _fan_in(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d) -> float:
    """Return the mean number of inputs of an output."""
    if isinstance(layer, nn.ConvTranspose2d):  # weights are (inputs, outputs, height, width)
        return layer.weight[:, 0].numel() / math.prod(layer.stride)
    return layer.weight[0].numel()


def as_sizes(value: Any) -> tuple[Any, ...]:
    """Return the sizes of layers as a tuple; one number is the size of one layer.

    Examples
    --------
    >>> as_sizes(64), as_sizes([500, 250])
    ((64,), (500, 250))
    """
    return (value,) if isinstance(value, Integral) else tuple(value)


def is_size(value: Any) -> bool:
    """Tell whether a value is a positive integer, and not a boolean."""
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) > 0
