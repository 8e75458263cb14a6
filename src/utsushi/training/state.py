"""All that decides how a training goes on, as JSON and tensors, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from utsushi.exceptions import TrainingDivergedError
from utsushi.networks import EncoderDecoder
from utsushi.training.history import Curves, Progress, State
from utsushi.training.precision import Arithmetic, Products

__all__ = ["restore", "state_of"]

#: The tensor of what was measured after each epoch.
_HISTORY = "history"

#: What Adam remembers of a parameter, element by element.
_MOMENTS = ("exp_avg", "exp_avg_sq")


def state_of(progress: Progress, products: Products, optimizer: torch.optim.Optimizer) -> State:
    """Return all that decides how a training goes on.

    Raises
    ------
    TrainingDivergedError
        If some of it is no finite number: the checkpoint of before is the good one.
    """
    means, waiting = progress.means.state()
    best, best_parameters = progress.best.state()
    moments = {str(index): values for index, values in optimizer.state_dict()["state"].items()}
    tensors = {
        **_prefixed("module.", products.module.state_dict()),
        **{
            f"optimizer.{index}.{name}": value
            for index, values in moments.items()
            for name, value in values.items()
        },
        **_prefixed("waiting.", waiting),
        **_prefixed("best.", best_parameters),
        **({_HISTORY: progress.history.packed()} if progress.history else {}),
    }
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise TrainingDivergedError(
                f"training diverged: {name} is not finite in epoch {progress.epoch}, finite "
                "numbers were expected; the checkpoint of before is kept; try a smaller "
                "learning_rate or scaling='standard'"
            )
    settled = products.settled
    header = {
        "epoch": progress.epoch,
        "step": progress.step,
        "seconds": progress.seconds,
        "columns": progress.history.columns,
        "means": means,
        "best": best,
        "arithmetic": None if settled is None else [settled.precision, settled.compile],
    }
    return header, tensors


def restore(
    state: State, progress: Progress, products: Products, optimizer: torch.optim.Optimizer
) -> None:
    """Put back what `state_of` gave, whose header was checked (`utsushi.training.header`).

    Raises
    ------
    ValueError
        If it does not fit the module or what the caller asked for.
    """
    header, tensors = state
    history = _curves(header, tensors.get(_HISTORY))
    tensors = {name: tensor for name, tensor in tensors.items() if name != _HISTORY}
    described = optimizer.state_dict()
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    _check_tensors(tensors, products.module, parameters)
    if header["step"] and "objective" not in {
        *dict(header["means"]["sums"]),
        *_under("waiting.", tensors),
    }:
        raise ValueError("the sums of the epoch under way lack the objective")
    if header["arithmetic"] is not None:
        products.settle(Arithmetic(*header["arithmetic"]))
    products.module.load_state_dict(_under("module.", tensors))
    moments = {i: _under(f"optimizer.{i}.", tensors) for i in range(len(parameters))}
    optimizer.load_state_dict({**described, "state": moments})
    progress.epoch, progress.step = header["epoch"], header["step"]
    progress.seconds = header["seconds"]
    progress.history = history
    device = parameters[0].device
    progress.means.restore(header["means"], _on(device, _under("waiting.", tensors)))
    progress.best.restore(header["best"], _on(device, _under("best.", tensors)))


def _curves(header: Mapping[str, Any], packed: Tensor | None) -> Curves:
    """Return what was measured after each epoch before the one under way."""
    columns, n_epochs = header["columns"], header["epoch"] - 1
    shape = (0, 0) if packed is None else tuple(packed.shape)
    if shape != (n_epochs, len(columns)):
        raise ValueError(
            f"its history has the shape {shape}, not that of the epochs before epoch "
            f"{n_epochs + 1} and of {len(columns)} columns"
        )
    if packed is None:
        return Curves()
    if packed.dtype != torch.float64 or not bool(torch.isfinite(packed).all()):
        raise ValueError("its history is not of finite float64 numbers")
    if packed[:, columns.index("epoch")].tolist() != list(range(1, n_epochs + 1)):
        raise ValueError(f"its history is not that of the epochs before epoch {n_epochs + 1}")
    return Curves.unpacked(columns, packed)


def _check_tensors(
    tensors: Mapping[str, Tensor], module: EncoderDecoder, parameters: list[nn.Parameter]
) -> None:
    """Compare names, shapes and values with those of a training of the module."""
    shapes = {name: tensor.shape for name, tensor in module.state_dict().items()}
    expected = {
        **{f"module.{name}": shape for name, shape in shapes.items()},
        **{
            f"optimizer.{index}.{moment}": parameter.shape
            for index, parameter in enumerate(parameters)
            for moment in _MOMENTS
        },
        **{f"optimizer.{index}.step": torch.Size() for index in range(len(parameters))},
    }
    if _under("best.", tensors):
        expected |= {f"best.{name}": shape for name, shape in shapes.items()}
    waiting = _under("waiting.", tensors)
    expected |= {
        f"waiting.{name}": torch.Size([values.numel()]) for name, values in waiting.items()
    }
    if unlike := sorted(expected.keys() ^ tensors.keys()):
        raise ValueError(f"tensor {unlike[0]!r} is unknown or missing")
    for name, tensor in tensors.items():
        if tensor.shape != expected[name]:
            raise ValueError(
                f"tensor {name!r} has the shape {tuple(tensor.shape)}, not {tuple(expected[name])}"
            )
        if tensor.dtype != torch.float32 or not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"tensor {name!r} is not of finite float32 numbers")


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names start with ``prefix``, without it."""
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def _on(device: torch.device, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.to(device) for name, tensor in tensors.items()}
