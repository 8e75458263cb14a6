"""A training whose numbers go bad is stopped, and told which did and what usually helps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from utsushi.exceptions import TrainingDivergedError
from utsushi.networks import EncoderDecoder
from utsushi.objectives import Terms

__all__ = ["Watched", "check_means", "check_step", "watched"]

#: Parameters by name.
Watched = Sequence[tuple[str, nn.Parameter]]


def watched(module: EncoderDecoder) -> Watched:
    """Return the parameters whose gradients are looked at before each step.

    What is no number anywhere on the way back makes the biases of the layers before it none, so
    these few numbers tell; to look at those of all weights would take a twentieth of the time. A
    network without biases has all of its gradients looked at.
    """
    named = list(module.named_parameters())
    return [(name, parameter) for name, parameter in named if parameter.ndim == 1] or named


def check_step(gradients: Watched, loss: Tensor, terms: Terms, epoch: int, rate: float) -> None:
    """Stop before a step whose loss or whose gradient is no finite number.

    Parameters
    ----------
    gradients : sequence of (str, Parameter)
        See `watched`.
    loss : Tensor, 0-dimensional
        The sum of ``terms.objective``, after its backward pass.
    terms : Terms
    epoch : int >= 1
    rate : float

    Raises
    ------
    TrainingDivergedError
        Names the term or the parameter.
    """
    if not math.isfinite(loss.item()):
        parts = {"objective": terms.objective, **terms.parts}
        check_means({name: values.mean().item() for name, values in parts.items()}, epoch, rate)
    found = [(name, p.grad) for name, p in gradients if p.grad is not None]
    # A sum that merely overflows is cleared by the second look.
    if not math.isfinite(torch.cat([gradient.flatten() for _, gradient in found]).sum().item()):
        check_means(
            {f"gradient of {name}": _least_finite(gradient) for name, gradient in found},
            epoch,
            rate,
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
        Names the term, the value, the epoch and the learning rate, and what usually helps.
    """
    broken = _first_non_finite(row.items())
    if broken is not None:
        raise TrainingDivergedError(
            f"training diverged: the {broken[0]} became {broken[1]} in epoch {epoch} at a learning "
            f"rate of {rate:.3g}, a finite number was expected; try learning_rate={rate / 10:.1g} "
            f"or scaling='standard'"
        )


def _first_non_finite(values: Iterable[tuple[str, Any]]) -> tuple[str, float] | None:
    """Return the first name and value that is NaN or infinite; parts before their sum."""
    named = sorted(values, key=lambda item: item[0].endswith("objective"))
    return next(
        ((name, value) for name, value in named if not abs(value) < float("inf")),
        None,
    )
