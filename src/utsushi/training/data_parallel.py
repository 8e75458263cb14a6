"""What a training uses in the place of its own when several processes share it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import torch
import torch.distributed as dist
from torch import Generator, Tensor, nn
from torch.futures import Future
from torch.nn.parallel import DistributedDataParallel

from utsushi.exceptions import SettingError
from utsushi.networks import EncoderDecoder
from utsushi.objectives import Batch, Source, Terms
from utsushi.training.checkpoint import Checkpoints
from utsushi.training.distributed import Processes, current
from utsushi.training.history import Progress, State
from utsushi.training.precision import Products
from utsushi.training.state import restore

if TYPE_CHECKING:
    from utsushi.training.loop import Objective

__all__ = ["SharedCheckpoints", "SharedRows", "checkpoints_in", "shared_objective"]

#: What only decides how numbers are rounded, and may be another when a training goes on.
_NOT_COMPARED = ("threads",)


@dataclass(frozen=True)
class SharedRows:
    """Rows of which a process takes its part of each batch.

    Attributes
    ----------
    rows : Source
        All of them.
    processes : Processes
    """

    rows: Source
    processes: Processes

    @property
    def device(self) -> torch.device:
        """Where the batches are."""
        return self.rows.device

    @property
    def n_features(self) -> int:
        """The columns of the rows."""
        return self.rows.n_features

    def __len__(self) -> int:
        """Return the number of all rows."""
        return len(self.rows)

    def __getitem__(self, rows: slice | Tensor) -> Batch:
        """Return this process's part of a batch."""
        if isinstance(rows, slice):
            rows = torch.arange(len(self))[rows]
        return self.rows[rows[self.processes.part(len(rows))]]

    def blocks(self, n_rows: int) -> Iterator[Batch]:
        """Yield this process's part of each block."""
        for block in self.rows.blocks(n_rows):
            yield block[self.processes.part(len(block))]

    def order(self, draws: Generator) -> Tensor:
        """Return the numbers of all rows, shuffled: every process sees the same order."""
        return self.rows.order(draws)


def shared_objective(objective: Objective, products: Products) -> Objective:
    """Return an objective whose gradients are the sums over all processes' rows.

    Raises
    ------
    SettingError
        If the arithmetic is left to the clock, or the device knows no processes.
    """
    processes = current()
    if processes.n == 1:
        return objective
    if products.settled is None:
        raise SettingError(
            f"precision or compile is 'auto' in {processes.n} processes, whose clocks may differ, "
            "expected one for all; give precision='float32' or 'bfloat16', and compile=False"
        )
    device = next(products.module.parameters()).device.type
    if device not in ("cpu", "cuda"):
        raise SettingError(
            f"device={device!r} in {processes.n} processes, expected one that they can share; "
            "give device='cpu'"
        )
    objective = objective.of_shared_rows(processes.mean)
    return _SharedObjective(objective, _parallel(_Step(products.views[products.chosen], objective)))


class _Step(nn.Module):
    """An objective as a module, whose forward pass is what DDP looks after."""

    def __init__(self, module: EncoderDecoder, objective: Objective) -> None:
        super().__init__()
        self.module = module
        self.objective = objective

    def forward(self, batch: Batch, generator: Generator) -> Terms:
        return self.objective(self.module, batch, generator)


def _parallel(step: nn.Module) -> DistributedDataParallel:
    """Return a module whose gradients are added up over the processes, as the rows of a loss are.

    DDP's own mean would give each process the same weight, whatever its rows.
    """
    parallel = DistributedDataParallel(step, gradient_as_bucket_view=True)
    parallel.register_comm_hook(None, lambda _, bucket: _added_up(bucket))
    return parallel


def _added_up(bucket: Any) -> Future[Tensor]:
    work = dist.all_reduce(bucket.buffer(), async_op=True)
    return cast(Future[Tensor], work.get_future().then(lambda done: done.value()[0]))


@dataclass(frozen=True)
class _SharedObjective:
    """An objective of a process's part of each batch."""

    objective: Objective
    step: DistributedDataParallel

    @property
    def is_rotation_invariant(self) -> bool:
        return self.objective.is_rotation_invariant

    def of_turned_rows(self, n_features: int) -> Objective:
        return self.objective.of_turned_rows(n_features)

    def of_shared_rows(self, mean: Any) -> Objective:
        return self.objective.of_shared_rows(mean)

    def calibrated(self, module: EncoderDecoder, known: Source, generator: Generator) -> Objective:
        return self.objective.calibrated(module, known, generator)

    def __call__(self, module: EncoderDecoder, batch: Batch, generator: Generator) -> Terms:
        if not torch.is_grad_enabled():
            return self.objective(module, batch, generator)
        return cast(Terms, self.step(batch, generator))


def checkpoints_in(folder: str | Path, every: str) -> Checkpoints:
    """Return the checkpoints of a folder, for one process or for all of those that are joined."""
    processes = current()
    if processes.n == 1:
        return Checkpoints(folder, every)
    return SharedCheckpoints(folder, every, processes)


class SharedCheckpoints(Checkpoints):
    """Checkpoints that the first process reads and writes; the others learn from it what it found.

    Whether it is time for one, and whether a signal came to any, is agreed upon at each step.

    Parameters
    ----------
    folder, every
        See `Checkpoints`; the folder has to be there for the first process alone.
    processes : Processes
    """

    def __init__(self, folder: str | Path, every: str, processes: Processes) -> None:
        super().__init__(folder, every)
        self.processes = processes

    def __enter__(self) -> Self:
        """Take the folder, or listen for signals at least; learn what was found."""
        if self.processes.is_first:
            super().__enter__()
        else:
            self._held.enter_context(self._requests)
        try:
            self.found = self.processes.state_of_first(lambda: self.found)
        except BaseException:
            self._held.close()
            raise
        return self

    def identify(self, identity: Mapping[str, object]) -> None:
        """Say what the training is a function of; it must be the same in all processes."""
        mine = {name: str(value) for name, value in identity.items()}
        first = self.processes.of_first(lambda: mine)
        for name, value in first.items():
            if name not in _NOT_COMPARED and mine.get(name) != value:
                raise SettingError(
                    f"{name} is {mine.get(name)} in process {self.processes.rank} of "
                    f"{self.processes.n}, expected {value} as in process 0; give all of them the "
                    "same command and the same rows"
                )
        if self.processes.is_first:
            super().identify({**identity, "processes": self.processes.n})

    def restore(
        self, progress: Progress, products: Products, optimizer: torch.optim.Optimizer
    ) -> None:
        """Put a training where the found checkpoint left it."""
        found: State | None = self.found
        if self.processes.is_first:
            super().restore(progress, products, optimizer)
        self.processes.of_first(lambda: None)  # the others follow if all went well
        if found is not None and not self.processes.is_first:
            restore(found, progress, products, optimizer)
            progress.means.forget()  # the first one has the sums of all
        self.found = None

    def is_due(self, *, epoch_ended: bool = False) -> bool:
        """Take note of a step, or of an epoch; agree whether it is time for a checkpoint."""
        due = super().is_due(epoch_ended=epoch_ended) and self.processes.is_first
        due_somewhere, signal = self.processes.largest(due, self._requests.received or 0)
        self._requests.heard_by_any(signal)
        return bool(due_somewhere or signal)

    def write(self, header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Write a checkpoint, if this is the first process."""
        if self.processes.is_first:
            super().write(header, tensors)

    def append_history(self, row: dict[str, Any]) -> None:
        """Add a line to ``history.jsonl``, if this is the first process."""
        if self.processes.is_first:
            super().append_history(row)
