"""What a training remembers of itself beside its parameters."""

from __future__ import annotations

import copy
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from utsushi.networks import EncoderDecoder
from utsushi.objectives import Terms

__all__ = ["BestSoFar", "History", "Means", "Progress"]

History = list[dict[str, Any]]

#: A state: what JSON can hold, and tensors by name.
State = tuple[dict[str, Any], dict[str, Tensor]]


class Means:
    """Running means of the terms over rows; they stay on the device until they are asked for."""

    def __init__(self) -> None:
        self.n_rows = 0
        self.sums: dict[str, float] = defaultdict(float)
        self.waiting: dict[str, list[Tensor]] = defaultdict(list)

    def add(self, terms: Terms) -> None:
        """Take note of a batch. To add up at each step would cost a small one a twentieth."""
        self.n_rows += len(terms.objective)
        for name, values in {"objective": terms.objective, **terms.parts}.items():
            self.waiting[name].append(values.detach())

    def result(self) -> dict[str, float]:
        """Add up what waits, and return the means."""
        for name, values in self.waiting.items():
            self.sums[name] += torch.cat(values).sum(dtype=torch.float32).item()
        self.waiting.clear()
        # A process whose part of every batch was empty has no rows.
        return {name: total / (self.n_rows or 1) for name, total in self.sums.items()}

    def forget(self) -> None:
        """Begin to count anew, with the same names."""
        self.result()
        self.n_rows, self.sums = 0, defaultdict(float, dict.fromkeys(self.sums, 0.0))

    def state(self) -> State:
        """Return all of it; what waits goes on waiting, for the order of a sum is in its bits."""
        return (
            {"n_rows": self.n_rows, "sums": list(self.sums.items())},
            {name: torch.cat(values) for name, values in self.waiting.items()},
        )

    def restore(self, header: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Take back what `state` gave."""
        self.n_rows = header["n_rows"]
        self.sums = defaultdict(float, header["sums"])
        self.waiting = defaultdict(list, {name: [values] for name, values in tensors.items()})


class BestSoFar:
    """The parameters of the best epoch, and when to stop; idle without ``patience``."""

    def __init__(self, patience: int | None) -> None:
        self.patience = patience
        self.objective = float("inf")
        self.epoch = 0
        self.parameters: dict[str, Tensor] | None = None

    def note(self, row: dict[str, Any], module: EncoderDecoder) -> None:
        """Take note of an epoch."""
        if self.patience is None:
            return
        watched = row.get("validation_objective", row["objective"])
        if watched < self.objective:
            self.objective, self.epoch = watched, row["epoch"]
            self.parameters = copy.deepcopy(module.state_dict())

    def is_long_ago(self, epoch: int) -> bool:
        """Tell whether an epoch that is done was the last one worth making."""
        return self.patience is not None and epoch - self.epoch >= self.patience

    def give_to(self, module: EncoderDecoder) -> None:
        """Give a module the parameters of the best epoch."""
        if self.parameters is not None:
            module.load_state_dict(self.parameters)

    def state(self) -> State:
        """Return all of it."""
        if self.parameters is None:
            return {"epoch": 0}, {}
        return {"epoch": self.epoch, "objective": self.objective}, self.parameters

    def restore(self, header: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """Take back what `state` gave."""
        self.epoch = header["epoch"]
        self.objective = header.get("objective", float("inf"))
        self.parameters = tensors or None


@dataclass
class Progress:
    """How far a training has come: with the parameters and the optimizer, all it needs to go on.

    Attributes
    ----------
    epoch : int >= 1
        The epoch under way.
    step : int >= 0
        Its steps that are done.
    seconds : float
        What it has taken until the training was last taken up.
    history : list of dict
        A row for each epoch that is done.
    means : Means
        Of the epoch under way.
    best : BestSoFar
    """

    best: BestSoFar
    epoch: int = 1
    step: int = 0
    seconds: float = 0.0
    history: History = field(default_factory=list)
    means: Means = field(default_factory=Means)

    def next_epoch(self, row: dict[str, Any]) -> None:
        """Write down an epoch that is done."""
        self.history.append(row)
        self.epoch, self.step, self.seconds, self.means = self.epoch + 1, 0, 0.0, Means()
