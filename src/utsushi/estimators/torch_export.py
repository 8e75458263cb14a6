"""Export a fitted model as a plain torch module, which does not need this library.

The classes below hold the computation from samples to codes and back, scaling included. They are
traced into graphs of torch's own operations and layers, so the result contains none of them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from utsushi.exceptions import SettingError
from utsushi.networks.base import Sigmoid
from utsushi.networks.linear import Linear

__all__ = ["joined", "to_plain_torch"]


def to_plain_torch(model: Any) -> fx.GraphModule:
    """Return a fitted autoencoder as a torch module; see `BaseAutoencoder.to_torch`."""
    if hasattr(model, "posterior") and not model.chosen("posterior").gives_mean:
        raise SettingError(
            "posterior must be one whose mean the encoder gives, such as 'full-covariance', for an "
            f"export, got {model.posterior!r}."
        )
    offset, scale = (
        torch.tensor(values, dtype=torch.float32)
        for values in (model.scaling_.offset, model.scaling_.scale)
    )
    bottleneck = getattr(model.module_, "bottleneck", None)
    bottleneck = None if bottleneck is None else _plain(bottleneck)
    symbols = hasattr(model, "n_symbols_")
    encoder = _Encoder(
        _plain(model.module_.encoder),
        offset,
        scale,
        model.n_components_,
        bottleneck=bottleneck,
        symbols=symbols,
        gaps=model.missing == "mask",
    )
    likelihood = getattr(model, "likelihood_", None)
    mean = _same if likelihood is None else likelihood.mean
    if likelihood is not None and not likelihood.of_scaled_rows:  # it gives the input's units
        offset, scale = torch.zeros_like(offset), torch.ones_like(scale)
    decoder = _Decoder(_plain(model.module_.decoder), offset, scale, mean)
    if symbols:
        decoder = _DecoderOfSymbols(decoder, bottleneck)
    n_classes = model._n_conditions
    if n_classes:
        decoder = _ConditionalDecoder(decoder, n_classes)
    return joined(
        _traced(encoder, "Encoder"),
        _traced(decoder, "Decoder"),
        conditional=n_classes > 0,
        name=type(model).__name__,
    )


def joined(
    encoder: nn.Module, decoder: nn.Module, *, conditional: bool, name: str, with_code: bool = False
) -> fx.GraphModule:
    """Compose an encoder and a decoder into one module.

    Parameters
    ----------
    encoder : Module, (B, D) to (B, H)
    decoder : Module, (B, H) to (B, D)
    conditional : bool
        Whether the decoder, and so the module, also takes the indices (B,) of the classes.
    name : str
        The name of the module's class.
    with_code : bool, default=False
        Whether to return the codes and the reconstructions, instead of the latter alone.
    """
    graph = fx.Graph()
    x = graph.placeholder("x")
    condition = (graph.placeholder("y"),) if conditional else ()
    code = graph.call_module("encoder", (x,))
    rows = graph.call_module("decoder", (code, *condition))
    graph.output((code, rows) if with_code else rows)
    return fx.GraphModule({"encoder": encoder, "decoder": decoder}, graph, name).eval()


def _traced(part: _Affine, name: str) -> fx.GraphModule:
    """Return the graph of a part, with its layers as they are; tracing loses an `nn.Sequential`."""
    traced = fx.GraphModule(part, fx.Tracer().trace(part.eval()), name)
    traced.graph.eliminate_dead_code()  # such as what a bottleneck costs in training
    traced.recompile()
    if isinstance(part.layers, nn.Sequential):
        traced.layers = part.layers
    return traced


class _Affine(nn.Module):
    """The base of encoder and decoder: layers, and the scaling as buffers."""

    offset: Tensor
    scale: Tensor

    def __init__(self, layers: nn.Module, offset: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.layers = layers
        self.register_buffer("offset", offset.clone())
        self.register_buffer("scale", scale.clone())


class _Encoder(_Affine):
    """Rows to codes, or to symbols; of a variational model the means, the first half of outputs."""

    def __init__(
        self,
        layers: nn.Module,
        offset: Tensor,
        scale: Tensor,
        n_codes: int,
        *,
        bottleneck: Any,
        symbols: bool,
        gaps: bool,
    ) -> None:
        super().__init__(layers, offset, scale)
        self.n_codes = n_codes
        self.bottleneck = bottleneck
        self.symbols = symbols
        self.gaps = gaps

    def forward(self, x: Tensor) -> Tensor:
        scaled = (x - self.offset) / self.scale
        if self.gaps:  # see `utsushi.estimators.missing`
            scaled = torch.where(torch.isnan(scaled), 0.0, scaled)
        output: Tensor = self.layers(scaled)
        codes = output[:, : self.n_codes]
        if self.bottleneck is not None:
            codes = self.bottleneck.indices(codes) if self.symbols else self.bottleneck(codes)[0]
        return codes


class _Decoder(_Affine):
    """From codes to reconstructions."""

    def __init__(
        self, layers: nn.Module, offset: Tensor, scale: Tensor, mean: Callable[[Tensor], Tensor]
    ) -> None:
        super().__init__(layers, offset, scale)
        self.mean = mean

    def forward(self, z: Tensor) -> Tensor:
        return self.mean(self.layers(z)) * self.scale + self.offset


class _DecoderOfSymbols(_Decoder):
    """Symbols (B, P) to rows."""

    def __init__(self, decoder: _Decoder, bottleneck: Any) -> None:
        super().__init__(decoder.layers, decoder.offset, decoder.scale, decoder.mean)
        self.bottleneck = bottleneck

    def forward(self, z: Tensor) -> Tensor:
        return super().forward(self.bottleneck.lookup(z))


class _ConditionalDecoder(_Decoder):
    """From codes and the indices of the classes (B,) to reconstructions."""

    def __init__(self, decoder: _Decoder, n_classes: int) -> None:
        super().__init__(decoder.layers, decoder.offset, decoder.scale, decoder.mean)
        self.n_classes = n_classes

    def forward(self, z: Tensor, y: Tensor) -> Tensor:  # type: ignore[override]
        condition = functional.one_hot(y, self.n_classes).to(torch.float32)
        return super().forward(torch.cat([z, condition], dim=1))


def _same(output: Tensor) -> Tensor:
    return output


def _plain(module: nn.Module) -> nn.Module:
    """Copy a network to the CPU, with torch's own layers in the place of this library's."""
    if callable(to_linear := getattr(module, "to_linear", None)):
        return to_linear()  # type: ignore[no-any-return]
    if type(module) is Linear:
        with torch.device("meta"):
            layer = nn.Linear(module.in_features, module.out_features, module.bias is not None)
        layer.load_state_dict(copy.deepcopy(module).cpu().state_dict(), assign=True)
        return layer.requires_grad_(True)
    if type(module) is Sigmoid:
        return nn.Sigmoid()
    copied = copy.deepcopy(module).cpu()
    for name, child in module.named_children():
        setattr(copied, name, _plain(child))
    for parameter in copied.parameters(recurse=False):  # undoes `arrange_for_inference`
        parameter.data = parameter.data.contiguous()
    return copied
