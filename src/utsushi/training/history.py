"""What a training remembers of itself beside its parameters."""

from __future__ import annotations

import copy
from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from utsushi.exceptions import CheckpointError
from utsushi.networks import EncoderDecoder
from utsushi.objectives import Terms

__all__ = ["BestSoFar", "Curves", "History", "Means", "Progress"]

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


class Curves:
    """What was measured after each epoch: rows of the same columns, as numbers behind one another.

    A dict for each of ten thousand epochs would take as much memory as a small network.

    Examples
    --------
    >>> curves = Curves()
    >>> curves.append({"epoch": 1, "objective": 0.5})
    >>> list(curves), len(curves)
    ([{'epoch': 1, 'objective': 0.5}], 1)
    """

    def __init__(self) -> None:
        self.columns: list[str] = []
        self._values = array("d")

    def append(self, row: Mapping[str, float]) -> None:
        """Add the row of an epoch.

        Raises
        ------
        CheckpointError
            If its columns are not those of the rows before, which a checkpoint may have told.
        """
        self.columns = self.columns or list(row)
        if row.keys() != set(self.columns):
            raise CheckpointError(
                f"the checkpoint has a history of {self.columns}, expected one of {list(row)}, "
                "as this training measures; choose another checkpoint_dir"
            )
        self._values.extend(row[name] for name in self.columns)

    def __len__(self) -> int:
        return len(self._values) // max(len(self.columns), 1)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield the rows; ``epoch`` alone is a whole number."""
        for start in range(0, len(self._values), max(len(self.columns), 1)):
            values = self._values[start : start + len(self.columns)]
            row = dict(zip(self.columns, values, strict=True))
            yield {**row, "epoch": int(row["epoch"])}

    def packed(self) -> Tensor:
        """Return a copy of the numbers: (n_epochs, n_columns), float64."""
        return torch.from_numpy(np.array(self._values).reshape(-1, len(self.columns)))

    @classmethod
    def unpacked(cls, columns: list[str], packed: Tensor) -> Curves:
        """Return what `packed` gave."""
        curves = cls()
        curves.columns, curves._values = list(columns), array("d", packed.ravel().tolist())
        return curves


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
    history : Curves
        A row for each epoch that is done.
    means : Means
        Of the epoch under way.
    best : BestSoFar
    """

    best: BestSoFar
    epoch: int = 1
    step: int = 0
    seconds: float = 0.0
    history: Curves = field(default_factory=Curves)
    means: Means = field(default_factory=Means)

    def next_epoch(self, row: dict[str, Any]) -> None:
        """Write down an epoch that is done."""
        self.history.append(row)
        self.epoch, self.step, self.seconds, self.means = self.epoch + 1, 0, 0.0, Means()
