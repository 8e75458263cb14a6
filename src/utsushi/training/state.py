"""All that decides how a training goes on, as JSON and tensors, and back."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from utsushi.exceptions import TrainingDivergedError
from utsushi.training.arithmetic import Arithmetic, Products
from utsushi.training.bookkeeping import Progress, State

__all__ = ["restore", "state_of"]

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
        # As pairs: a header's keys are sorted, those of a row say in which order it is shown.
        "history": [list(row.items()) for row in progress.history],
        "means": means,
        "best": best,
        "arithmetic": None if settled is None else [settled.precision, settled.compile],
    }
    return header, tensors


def restore(
    state: State, progress: Progress, products: Products, optimizer: torch.optim.Optimizer
) -> None:
    """Put back what `state_of` gave."""
    header, tensors = state
    products.module.load_state_dict(_under("module.", tensors))
    described = optimizer.state_dict()
    moments: dict[int, dict[str, Tensor]] = {}
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    for index, parameter in enumerate(parameters):
        moments[index] = _under(f"optimizer.{index}.", tensors)
        for name, shape in (("step", ()), *((m, parameter.shape) for m in _MOMENTS)):
            if moments[index][name].shape != shape:
                raise ValueError(f"{name} of parameter {index} has another shape")
    optimizer.load_state_dict({**described, "state": moments})
    if header["arithmetic"] is not None:
        precision, compiled = header["arithmetic"]
        products.settle(Arithmetic(precision, compiled))
    progress.epoch, progress.step = header["epoch"], header["step"]
    progress.seconds = header["seconds"]
    progress.history = [dict(pairs) for pairs in header["history"]]
    for row in progress.history:  # what others read of it
        _ = row["epoch"], row["objective"], row["learning_rate"], row["seconds"]
    device = parameters[0].device
    progress.means.restore(header["means"], _on(device, _under("waiting.", tensors)))
    progress.best.restore(header["best"], _on(device, _under("best.", tensors)))


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names start with ``prefix``, without it."""
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def _on(device: torch.device, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.to(device) for name, tensor in tensors.items()}
