"""State of a training besides its parameters: history, running means, early stopping, position."""

from __future__ import annotations

import copy
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from utsushi.exceptions import CheckpointError
from utsushi.networks import EncoderDecoder
from utsushi.objectives import Terms

__all__ = ["EarlyStopping", "History", "RunningMeans", "TrainerState"]

#: A row per epoch.
History = list[dict[str, Any]]


class RunningMeans:
    """Running means of the terms over samples; they stay on the device until ``result``."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start a new mean."""
        self.n_rows = 0
        self.sums: dict[str, float] = defaultdict(float)
        self.pending: dict[str, list[Tensor]] = defaultdict(list)

    def add(self, terms: Terms) -> None:
        """Add the terms of a batch; they are summed later, which saves 5 % of a small step."""
        self.n_rows += len(terms.objective)
        for name, values in {"objective": terms.objective, **terms.parts}.items():
            self.pending[name].append(values.detach())

    def result(self) -> dict[str, float]:
        """Sum the pending terms, and return the means."""
        for name, values in self.pending.items():
            self.sums[name] += torch.cat(values).sum(dtype=torch.float32).item()
        self.pending.clear()
        return {name: total / max(self.n_rows, 1) for name, total in self.sums.items()}

    def pending_terms(self) -> dict[str, Tensor]:
        """Return the pending terms; they stay pending, because the order of a sum rounds it."""
        return {name: torch.cat(values) for name, values in self.pending.items()}

    def restore(self, n_rows: int, sums: dict[str, float], pending: dict[str, Tensor]) -> None:
        """Restore the means of a checkpoint."""
        self.n_rows = n_rows
        self.sums = defaultdict(float, sums)
        self.pending = defaultdict(
            list, {name: [values.flatten()] for name, values in pending.items()}
        )


class EarlyStopping:
    """The parameters of the best epoch, and when to stop; idle without ``patience``.

    Parameters
    ----------
    patience : int or None
        The number of epochs without a lower objective after which a training stops.
    """

    def __init__(self, patience: int | None) -> None:
        self.patience = patience
        self.objective = float("inf")
        self.epoch = 0
        self.parameters: dict[str, Tensor] = {}

    def update(self, row: dict[str, Any], module: EncoderDecoder) -> None:
        """Keep the parameters of an epoch if its objective is the lowest so far."""
        if self.patience is None:
            return
        objective = row.get("validation_objective", row["objective"])
        if objective < self.objective:
            self.objective, self.epoch = objective, row["epoch"]
            self.parameters = copy.deepcopy(module.state_dict())

    def should_stop(self, epoch: int) -> bool:
        """Return whether a training should stop after an epoch."""
        return self.patience is not None and epoch - self.epoch >= self.patience

    def restore(self, module: EncoderDecoder) -> None:
        """Restore the parameters of the best epoch."""
        if self.parameters:
            module.load_state_dict(self.parameters)


@dataclass
class TrainerState:
    """Position of a training; with parameters and optimizer, it decides what follows.

    Attributes
    ----------
    early_stopping : EarlyStopping
    means : RunningMeans
        Of the current epoch.
    epoch : int >= 1
        The current epoch.
    step : int >= 0
        Its completed steps.
    seconds : float
        Its duration before the training was resumed.
    history : list of dict
        A row for each completed epoch.
    """

    early_stopping: EarlyStopping
    means: RunningMeans
    epoch: int = 1
    step: int = 0
    seconds: float = 0.0
    history: History = field(default_factory=list)

    def end_epoch(self, row: dict[str, Any]) -> None:
        """Append the row of a completed epoch, and start the next epoch.

        Raises
        ------
        CheckpointError
            If a checkpoint restored rows of other columns.
        """
        if self.history and row.keys() != self.history[-1].keys():
            raise CheckpointError(
                f"the history of the checkpoint must have the columns {list(row)}, got "
                f"{list(self.history[-1])}. Choose another checkpoint_dir."
            )
        self.history.append(row)
        self.epoch, self.step, self.seconds = self.epoch + 1, 0, 0.0
        self.means.reset()
