"""A training whose numbers go bad is stopped, and told which did and what usually helps."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from utsushi.exceptions import TrainingDivergedError
from utsushi.networks import EncoderDecoder
from utsushi.objectives import Terms

__all__ = ["check_means", "check_step", "probe_of"]


def probe_of(module: EncoderDecoder) -> nn.Parameter:
    """Return the parameter whose gradient is looked at before each step: the first bias.

    What is no number anywhere on the way back through the network is handed on to the layers
    before, so these few numbers tell of all. To look at all of them would take a twentieth of the
    time.
    """
    parameters = list(module.parameters())
    return next((p for p in parameters if p.ndim == 1), parameters[0])


def check_step(
    module: EncoderDecoder,
    probe: nn.Parameter,
    loss: Tensor,
    terms: Terms,
    epoch: int,
    rate: float,
) -> None:
    """Stop before a step whose loss or whose gradient is no finite number.

    Parameters
    ----------
    module : EncoderDecoder
        After the backward pass.
    probe : Parameter
        See `probe_of`.
    loss : Tensor, 0-dimensional
        The sum of ``terms.objective``.
    terms : Terms
    epoch : int >= 1
    rate : float
        The parameter ``learning_rate``, from which a schedule makes the rate of a step.

    Raises
    ------
    TrainingDivergedError
        Names the term, or the parameter that is nearest to the loss.
    """
    if not math.isfinite(loss.item()):
        parts = {"objective": terms.objective, **terms.parts}
        check_means({name: values.mean().item() for name, values in parts.items()}, epoch, rate)
    # A sum that merely overflows is cleared by the second look.
    if probe.grad is not None and not math.isfinite(probe.grad.sum().item()):
        backwards = reversed(list(module.named_parameters()))
        gradients = {f"gradient of {name}": p.grad for name, p in backwards if p.grad is not None}
        check_means(
            {name: _least_finite(gradient) for name, gradient in gradients.items()}, epoch, rate
        )


def _least_finite(values: Tensor) -> float:
    """Return a value that is not finite, or zero."""
    bad = values[~torch.isfinite(values)]
    return bad[0].item() if len(bad) else 0.0


def check_means(row: dict[str, Any], epoch: int, rate: float) -> None:
    """Stop a training whose terms are no longer numbers.

    Raises
    ------
    TrainingDivergedError
        Names the term, the value, the epoch and the parameter ``learning_rate``, of which a tenth
        usually helps.
    """
    broken = _first_non_finite(row.items())
    if broken is not None:
        raise TrainingDivergedError(
            f"training diverged: the {broken[0]} became {broken[1]} in epoch {epoch} with "
            f"learning_rate={rate:.3g}, a finite number was expected; try "
            f"learning_rate={rate / 10:.3g} or scaling='standard'"
        )


def _first_non_finite(values: Iterable[tuple[str, Any]]) -> tuple[str, float] | None:
    """Return the first name and value that is NaN or infinite; parts before their sum."""
    named = sorted(values, key=lambda item: item[0].endswith("objective"))
    return next(
        ((name, value) for name, value in named if not abs(value) < float("inf")),
        None,
    )
