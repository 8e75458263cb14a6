"""Data-parallel training: a group of processes, on one machine or many, that train one model.

`torchrun` starts the same command in each process, and `process_group` connects them. Each has all
parameters and computes the gradient of its part of each batch. Messages go through
`torch.distributed`: gloo between CPUs, NCCL between GPUs. Nothing that is sent is pickled.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from signal import Signals
from typing import Any, Self, cast

import torch
import torch.distributed as dist
from torch import Generator, Tensor, nn
from torch.futures import Future
from torch.nn.parallel import DistributedDataParallel

from utsushi.exceptions import EndedByAnother, ProcessLostError, SettingError, UtsushiError
from utsushi.networks import EncoderDecoder
from utsushi.objectives import Batch, Objective, Source, Terms
from utsushi.training.checkpoint import Checkpoints, Content, restore
from utsushi.training.history import RunningMeans, TrainerState

__all__ = [
    "PartialRows",
    "ProcessGroup",
    "ReducedMeans",
    "SharedCheckpoints",
    "checkpoints_in",
    "current_group",
    "data_parallel_terms",
    "process_group",
    "was_restarted",
]

#: The longest wait for a process that is still connected.
TIMEOUT = timedelta(minutes=10)

#: The key under which the first process that fails stores its message.
_FAILURE = "failure"

#: Parts of an identity that may differ between processes: they only round numbers differently.
_NOT_COMPARED = ("threads",)


# --- the process group --------------------------------------------------------------------------


@dataclass(frozen=True)
class ProcessGroup:
    """The processes of a training, and the rank of this one; a single process by default.

    Attributes
    ----------
    rank : int >= 0
        The number of this process. Process 0 alone writes files.
    size : int >= 1
        The number of processes.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is process 0."""
        return self.rank == 0

    def part(self, n_rows: int) -> slice:
        """Return this process's part of ``n_rows`` samples; parts differ by at most one.

        Examples
        --------
        >>> [ProcessGroup(rank, 3).part(4) for rank in range(3)]
        [slice(0, 1, None), slice(1, 2, None), slice(2, 4, None)]
        """
        return slice(n_rows * self.rank // self.size, n_rows * (self.rank + 1) // self.size)

    def all_reduce_max(self, *numbers: int) -> list[int]:
        """Return the largest of each number over all processes."""
        values = torch.tensor(numbers)
        dist.all_reduce(values, dist.ReduceOp.MAX)
        return [int(number) for number in values]

    def broadcast(self, compute: Callable[[], Any]) -> Any:
        """Return what ``compute`` returns in process 0, which JSON must be able to hold."""
        if self.size == 1:
            return compute()
        text = json.dumps(compute()).encode() if self.is_first else b""
        length = torch.tensor([len(text)])
        dist.broadcast(length, 0)
        characters = torch.zeros(int(length), dtype=torch.uint8)
        if self.is_first:
            characters = torch.frombuffer(bytearray(text), dtype=torch.uint8)
        dist.broadcast(characters, 0)
        return json.loads(characters.numpy().tobytes())

    def broadcast_tensors(self, content: Content | None) -> Content | None:
        """Return the header and the tensors of process 0, on the CPU."""
        header, tensors = content or (None, {})
        layout = {
            name: [str(tensor.dtype).removeprefix("torch."), list(tensor.shape)]
            for name, tensor in tensors.items()
        }
        header, layout = self.broadcast(lambda: [header, layout])
        if header is None:
            return None
        received = {}
        for name, (dtype, shape) in layout.items():
            received[name] = (
                tensors[name].detach().cpu().contiguous()
                if self.is_first
                else torch.empty(shape, dtype=getattr(torch, dtype))
            )
            dist.broadcast(received[name], 0)
        return header, received


_SINGLE = ProcessGroup()
_CURRENT: ContextVar[ProcessGroup] = ContextVar("process_group", default=_SINGLE)


def current_group() -> ProcessGroup:
    """Return the process group that was joined, or that of a single process.

    Examples
    --------
    >>> current_group()
    ProcessGroup(rank=0, size=1)
    """
    return _CURRENT.get()


@contextmanager
def process_group(environment: Mapping[str, str] = os.environ) -> Iterator[ProcessGroup]:
    """Join the processes that `torchrun` started; inside, ``fit`` trains one model with all.

    Each process must make the same calls, on the same samples. Without `torchrun`, the group is a
    single process.

    Parameters
    ----------
    environment : mapping
        The environment variables, among them those of `torchrun`.

    Yields
    ------
    ProcessGroup

    Raises
    ------
    SettingError
        If variables of `torchrun` are missing or contradict each other.
    ProcessLostError
        If another process cannot be reached any more.
    EndedByAnother
        If another process failed before, with a message of its own.
    """
    if environment.get("WORLD_SIZE", "1") == "1":
        yield _SINGLE
        return
    group = _group_of(environment)
    store = _store(environment, group)
    dist.init_process_group(
        _backend(environment),
        store=store,
        rank=group.rank,
        world_size=group.size,
        timeout=TIMEOUT,
    )
    token = _CURRENT.set(group)
    try:
        yield group
    except (UtsushiError, OSError, ValueError) as error:
        _raise_if_not_the_first_failure(store, group, error)
        raise
    except RuntimeError as error:
        if not _is_loss(error):
            raise
        lost = ProcessLostError(group.size, str(error))
        _raise_if_not_the_first_failure(store, group, lost)
        raise lost from error
    finally:
        _CURRENT.reset(token)
        dist.destroy_process_group()


def was_restarted(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether `torchrun` started this process again after a failure."""
    return environment.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"


def _group_of(environment: Mapping[str, str]) -> ProcessGroup:
    try:
        rank, size = int(environment["RANK"]), int(environment["WORLD_SIZE"])
        if not 0 <= rank < size:
            raise ValueError(f"RANK={rank} of WORLD_SIZE={size}")
        _ = environment["MASTER_ADDR"], int(environment["MASTER_PORT"])
    except (KeyError, ValueError) as error:
        raise SettingError(
            "RANK, MASTER_ADDR and MASTER_PORT must be set with "
            f"WORLD_SIZE={environment['WORLD_SIZE']!r}, got a missing or invalid value: {error}. "
            "Start by torchrun, or unset WORLD_SIZE."
        ) from None
    return ProcessGroup(rank, size)


def _store(environment: Mapping[str, str], group: ProcessGroup) -> Any:
    """Return the store of all processes: that of torchrun's agent outlives a killed process."""
    of_agent = environment.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    store = dist.TCPStore(  # type: ignore[attr-defined]
        environment["MASTER_ADDR"],
        int(environment["MASTER_PORT"]),
        group.size,
        is_master=group.is_first and not of_agent,
        timeout=TIMEOUT,
    )
    attempt = environment.get("TORCHELASTIC_RESTART_COUNT", "0")
    return dist.PrefixStore(f"utsushi/{attempt}", store)  # type: ignore[attr-defined]


def _backend(environment: Mapping[str, str]) -> str:
    """Return the backend that the hardware needs, and select this process's GPU.

    NCCL sums tensors on GPUs; the few numbers on the CPU go through gloo.
    """
    if not (torch.cuda.is_available() and dist.is_nccl_available()):
        return "gloo"
    local, n_gpus = int(environment.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if local >= n_gpus:
        raise SettingError(
            f"each process must have a GPU of its own, got {n_gpus} GPUs for process {local} of "
            f"this machine. Give torchrun --nproc-per-node={n_gpus}, or hide the GPUs by "
            "setting CUDA_VISIBLE_DEVICES to nothing."
        )
    torch.cuda.set_device(local)
    return "cpu:gloo,cuda:nccl"


def _is_loss(error: RuntimeError) -> bool:
    """Tell whether an error means that another process cannot be reached."""
    text = str(error).lower()
    return isinstance(error, dist.DistError) or "gloo" in text or "nccl" in text


def _raise_if_not_the_first_failure(store: Any, group: ProcessGroup, error: Exception) -> None:
    """Return in the first process that fails.

    Raises
    ------
    EndedByAnother
        In all others, so that the cause is reported once.
    """
    message = f"process {group.rank} of {group.size}: {error}"
    try:
        first = store.compare_set(_FAILURE, "", message).decode()
    except RuntimeError:  # the machine of the store is gone: each reports its own error
        return
    if first != message:
        raise EndedByAnother(first) from error


# --- samples, gradients and means of a process --------------------------------------------------


@dataclass(frozen=True)
class PartialRows:
    """A `Source` whose batches and blocks are this process's part of those of all samples.

    Attributes
    ----------
    rows : Source
        All samples.
    group : ProcessGroup
    """

    rows: Source
    group: ProcessGroup

    @property
    def device(self) -> torch.device:
        """The device of the batches."""
        return self.rows.device

    @property
    def n_features(self) -> int:
        """The number of columns."""
        return self.rows.n_features

    def __len__(self) -> int:
        """Return the number of all samples."""
        return len(self.rows)

    def __getitem__(self, rows: slice | Tensor) -> Batch:
        """Return this process's part of a batch."""
        if isinstance(rows, slice):
            rows = torch.arange(len(self))[rows]
        return self.rows[rows[self.group.part(len(rows))]]

    def blocks(self, n_rows: int) -> Iterator[Batch]:
        """Yield this process's part of each block."""
        for block in self.rows.blocks(n_rows):
            yield block[self.group.part(len(block))]

    def order(self, draws: Generator) -> Tensor:
        """Return the indices of all samples, shuffled; the order is the same in every process."""
        return self.rows.order(draws)


def data_parallel_terms(
    objective: Objective, module: EncoderDecoder
) -> Callable[[Batch, Generator], Terms]:
    """Return a function for the terms of a batch, whose gradients are summed over all processes.

    Raises
    ------
    SettingError
        If the module is on a device for which there is no backend.
    """
    device = next(module.parameters()).device.type
    if device not in ("cpu", "cuda"):
        raise SettingError(
            f"device must be 'cpu' or 'cuda' in several processes, got {device!r}. Set "
            "device='cpu'."
        )
    parallel = DistributedDataParallel(_Terms(objective, module), gradient_as_bucket_view=True)
    # DDP's own mean would weight processes equally, whatever the number of their samples.
    parallel.register_comm_hook(None, lambda _, bucket: _all_reduce_sum(bucket))
    return lambda batch, generator: cast(Terms, parallel(batch, generator))


class _Terms(nn.Module):
    """An objective as a module, whose forward pass DDP can wrap."""

    def __init__(self, objective: Objective, module: EncoderDecoder) -> None:
        super().__init__()
        self.objective = objective
        self.module = module

    def forward(self, batch: Batch, generator: Generator) -> Terms:
        return self.objective(self.module, batch, generator)


def _all_reduce_sum(bucket: Any) -> Future[Tensor]:
    work = dist.all_reduce(bucket.buffer(), async_op=True)
    return cast(Future[Tensor], work.get_future().then(lambda done: done.value()[0]))


class ReducedMeans(RunningMeans):
    """Running means over the samples of all processes; process 0 keeps the sums.

    ``result`` and ``pending_terms`` must be called in all processes.
    """

    def __init__(self, group: ProcessGroup) -> None:
        super().__init__()
        self.group = group

    def result(self) -> dict[str, float]:
        """Sum over all processes, and return the means."""
        super().result()
        numbers = torch.tensor([self.n_rows, *self.sums.values()], dtype=torch.float64)
        dist.all_reduce(numbers)
        self.n_rows = int(numbers[0])
        self.sums.update(zip(self.sums, numbers[1:].tolist(), strict=True))
        means = super().result()
        self._keep_in_first()
        return means

    def pending_terms(self) -> dict[str, Tensor]:
        """Sum over all processes, so that the sums of process 0 are those of all."""
        self.result()
        return {}

    def restore(self, n_rows: int, sums: dict[str, float], pending: dict[str, Tensor]) -> None:
        """Restore the means of a checkpoint in process 0."""
        super().restore(n_rows, sums, pending)
        super().result()
        self._keep_in_first()

    def _keep_in_first(self) -> None:
        if not self.group.is_first:
            self.n_rows = 0
            self.sums.update(dict.fromkeys(self.sums, 0.0))


# --- checkpoints --------------------------------------------------------------------------------


def checkpoints_in(folder: str | Path, every: str) -> Checkpoints:
    """Return the checkpoints of a folder, for a single process or for the process group."""
    group = current_group()
    return (
        Checkpoints(folder, every) if group.size == 1 else SharedCheckpoints(folder, every, group)
    )


class SharedCheckpoints(Checkpoints):
    """Checkpoints that process 0 reads and writes, and sends to the others.

    At each step all processes agree whether a checkpoint is due, and whether any received a
    signal.

    Parameters
    ----------
    folder, every
        See `Checkpoints`; only process 0 needs the folder.
    group : ProcessGroup
    """

    def __init__(self, folder: str | Path, every: str, group: ProcessGroup) -> None:
        super().__init__(folder, every)
        self.group = group

    def __enter__(self) -> Self:
        """Lock the folder in process 0, handle signals in all, and send its checkpoint."""
        if self.group.is_first:
            super().__enter__()
        else:
            self._resources.enter_context(self.signals)
        try:
            self.checkpoint = self.group.broadcast_tensors(self.checkpoint)
        except BaseException:
            self._resources.close()
            raise
        return self

    def identify(self, identity: Mapping[str, object]) -> None:
        """Compare what the training is a function of in all processes, and with the checkpoint."""
        mine = {name: str(value) for name, value in identity.items()}
        first = self.group.broadcast(lambda: mine)
        for name, value in first.items():
            if name not in _NOT_COMPARED and mine.get(name) != value:
                raise SettingError(
                    f"{name} must be the same in all {self.group.size} processes, got "
                    f"{mine.get(name)} in process {self.group.rank} and {value} in process 0. Give "
                    "all of them the same command and the same data."
                )
        if self.group.is_first:
            super().identify({**identity, "processes": self.group.size})

    def restore(
        self, state: TrainerState, module: EncoderDecoder, optimizer: torch.optim.Optimizer
    ) -> None:
        """Restore the training from the folder's checkpoint, in all processes."""
        checkpoint: Content | None = self.checkpoint
        if self.group.is_first:
            super().restore(state, module, optimizer)
        self.group.broadcast(lambda: None)  # the others follow if process 0 succeeded
        if checkpoint is not None and not self.group.is_first:
            restore(checkpoint, state, module, optimizer)
        self.checkpoint = None

    def is_due(self, *, epoch_ended: bool = False) -> bool:
        """Count a step, or an epoch; agree whether a checkpoint is due."""
        due = super().is_due(epoch_ended=epoch_ended) and self.group.is_first
        due_in_any, number = self.group.all_reduce_max(due, self._stop or 0)
        self._stop = Signals(number) if number else None
        return bool(due_in_any or number)

    def write(self, header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Write a checkpoint in process 0."""
        if self.group.is_first:
            super().write(header, tensors)

    def append_history(self, row: dict[str, Any]) -> None:
        """Append a line to ``history.jsonl`` in process 0."""
        if self.group.is_first:
            super().append_history(row)
