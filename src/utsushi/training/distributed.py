"""Several processes, on one machine or many, that train one model: who they are and how they talk.

`torchrun` starts the same command on each; `joined` makes them a group. Each has all parameters
and takes its part of the rows of every batch. What they say to each other goes through
`torch.distributed`: gloo between processors, NCCL between graphics cards (which was not run for
want of them). Nothing that is sent is pickled.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Generator, Tensor

from utsushi._utils.seeds import PartialGenerator
from utsushi.exceptions import EndedByAnother, ProcessLostError, SettingError, UtsushiError
from utsushi.objectives import Batch
from utsushi.training.history import Means, State

__all__ = ["Processes", "current", "joined", "was_restarted"]

#: How long one waits for another that is still connected.
TIMEOUT = timedelta(minutes=10)

#: Where the first that fails leaves its word.
_WORD = "failure"


@dataclass(frozen=True)
class Processes:
    """The processes of a training as one of them sees them; by default it is alone.

    Attributes
    ----------
    rank : int >= 0
        Which one it is. The first, 0, alone writes.
    n : int >= 1
        How many there are.
    """

    rank: int = 0
    n: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    # --- rows -----------------------------------------------------------------------------------

    def part(self, n_rows: int) -> slice:
        """Return which of ``n_rows`` are this process's: parts differ by at most one row.

        Examples
        --------
        >>> [Processes(rank, 3).part(4) for rank in range(3)]
        [slice(0, 1, None), slice(1, 2, None), slice(2, 4, None)]
        """
        return slice(n_rows * self.rank // self.n, n_rows * (self.rank + 1) // self.n)

    def draws(self, generator: Generator, n_rows: int) -> Generator:
        """Return what draws this process's part of what ``generator`` draws for ``n_rows``."""
        if self.n == 1:
            return generator
        if not isinstance(generator, PartialGenerator):
            generator = PartialGenerator.of(generator)
        return generator.at(self.part(n_rows).start, n_rows=n_rows)

    def shared_blocks(
        self, blocks: Iterator[Batch], noise: Generator
    ) -> Iterator[tuple[Batch, Generator]]:
        """Yield this process's part of each block, and what draws for it."""
        noise = noise if self.n == 1 else PartialGenerator.of(noise)
        for block in blocks:
            mine = block if self.n == 1 else block[self.part(len(block))]
            yield mine, self.draws(noise, len(block))

    # --- sums -----------------------------------------------------------------------------------

    def mean(self, values: Tensor, dim: int | None = None) -> Tensor:
        """Return the mean over the rows of all processes, without a gradient; see `torch.mean`."""
        sums = values.detach().sum() if dim is None else values.detach().sum(dim)
        n_values = sums.new_tensor([values.numel() / sums.numel()])
        both = torch.cat([sums.flatten(), n_values])
        dist.all_reduce(both)
        return (both[:-1] / both[-1]).reshape(sums.shape)

    def means(self, means: Means) -> dict[str, float]:
        """Return the means over the rows of all processes."""
        return means.result() if self.n == 1 else self._summed(means).result()

    def pool(self, means: Means) -> None:
        """Give the sums of all processes to the first; the others begin to count anew."""
        if self.n == 1:
            return
        total = self._summed(means)
        means.n_rows, means.sums = total.n_rows, total.sums
        if not self.is_first:
            means.forget()

    def _summed(self, means: Means) -> Means:
        means.result()
        total = Means()
        numbers = torch.tensor([means.n_rows, *means.sums.values()], dtype=torch.float64)
        dist.all_reduce(numbers)
        total.n_rows = int(numbers[0])
        total.sums.update(zip(means.sums, numbers[1:].tolist(), strict=True))
        return total

    def largest(self, *numbers: int) -> list[int]:
        """Return the largest that any process says, of each number."""
        said = torch.tensor(numbers)
        dist.all_reduce(said, dist.ReduceOp.MAX)
        return [int(number) for number in said]

    # --- what the first one says ----------------------------------------------------------------

    def of_first(self, say: Callable[[], Any]) -> Any:
        """Return what the first process says, which JSON can hold; the others say nothing."""
        if self.n == 1:
            return say()
        text = json.dumps(say()).encode() if self.is_first else b""
        length = torch.tensor([len(text)])
        dist.broadcast(length, 0)
        letters = torch.zeros(int(length), dtype=torch.uint8)
        if self.is_first:
            letters = torch.frombuffer(bytearray(text), dtype=torch.uint8)
        dist.broadcast(letters, 0)
        return json.loads(letters.numpy().tobytes())

    def state_of_first(self, say: Callable[[], State | None]) -> State | None:
        """Return the header and the tensors that the first process says, on the CPU."""
        if self.n == 1:
            return say()
        header, tensors = (say() if self.is_first else None) or (None, {})
        described = {
            name: [str(tensor.dtype).removeprefix("torch."), list(tensor.shape)]
            for name, tensor in tensors.items()
        }
        header, described = self.of_first(lambda: [header, described])
        if header is None:
            return None
        found = {}
        for name, (dtype, shape) in described.items():
            found[name] = (
                tensors[name].detach().cpu().contiguous()
                if self.is_first
                else torch.empty(shape, dtype=getattr(torch, dtype))
            )
            dist.broadcast(found[name], 0)
        return header, found


_ALONE = Processes()
_CURRENT: ContextVar[Processes] = ContextVar("processes", default=_ALONE)


def current() -> Processes:
    """Return the processes that are joined, or the one that is alone.

    Examples
    --------
    >>> current()
    Processes(rank=0, n=1)
    """
    return _CURRENT.get()


@contextmanager
def joined(environment: Mapping[str, str] = os.environ) -> Iterator[Processes]:
    """Join the processes that `torchrun` started; within, `fit` trains one model with all of them.

    Each has to do the same, on the same rows. Where nothing was started by `torchrun`, the process
    is alone, and nothing is different.

    Parameters
    ----------
    environment : mapping
        Where `torchrun` says who is who.

    Yields
    ------
    Processes

    Raises
    ------
    SettingError
        If the environment makes no sense.
    ProcessLostError
        If another process is gone.
    EndedByAnother
        If another failed before, and has said so.
    """
    if environment.get("WORLD_SIZE", "1") == "1":
        yield _ALONE
        return
    processes = _processes_of(environment)
    store = _store(environment, processes)
    dist.init_process_group(
        _backend(environment),
        store=store,
        rank=processes.rank,
        world_size=processes.n,
        timeout=TIMEOUT,
    )
    token = _CURRENT.set(processes)
    try:
        yield processes
    except (UtsushiError, OSError, ValueError) as error:
        _let_the_first_speak(store, processes, error)
        raise
    except RuntimeError as error:
        if not _is_loss(error):
            raise
        lost = ProcessLostError(processes.n, str(error))
        _let_the_first_speak(store, processes, lost)
        raise lost from error
    finally:
        _CURRENT.reset(token)
        dist.destroy_process_group()


def was_restarted(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether `torchrun` started this process again after one had failed."""
    return environment.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"


def _processes_of(environment: Mapping[str, str]) -> Processes:
    try:
        rank, n = int(environment["RANK"]), int(environment["WORLD_SIZE"])
        if not 0 <= rank < n:
            raise ValueError(f"RANK={rank} of WORLD_SIZE={n}")
        _ = environment["MASTER_ADDR"], int(environment["MASTER_PORT"])
    except (KeyError, ValueError) as error:
        raise SettingError(
            f"WORLD_SIZE={environment['WORLD_SIZE']!r}, but the rest of torchrun's environment is "
            f"not there ({error}), expected RANK, MASTER_ADDR and MASTER_PORT; start by torchrun, "
            "or unset WORLD_SIZE"
        ) from None
    return Processes(rank, n)


def _store(environment: Mapping[str, str], processes: Processes) -> Any:
    """Return what all write to: the agent's of torchrun, which outlives a killed process."""
    of_agent = environment.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
    store = dist.TCPStore(  # type: ignore[attr-defined]
        environment["MASTER_ADDR"],
        int(environment["MASTER_PORT"]),
        processes.n,
        is_master=processes.is_first and not of_agent,
        timeout=TIMEOUT,
    )
    attempt = environment.get("TORCHELASTIC_RESTART_COUNT", "0")
    return dist.PrefixStore(f"utsushi/{attempt}", store)  # type: ignore[attr-defined]


def _backend(environment: Mapping[str, str]) -> str:
    """Return the backend that the hardware asks for, and take this process's graphics card.

    NCCL sums what lies on the cards; the few numbers beside go through gloo. Not run: no card was
    at hand.
    """
    if not (torch.cuda.is_available() and dist.is_nccl_available()):
        return "gloo"
    local, n_cards = int(environment.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if local >= n_cards:
        raise SettingError(
            f"process {local} of this machine has no graphics card, expected one each and there "
            f"are {n_cards}; give torchrun --nproc-per-node={n_cards}, or hide the cards by "
            "CUDA_VISIBLE_DEVICES="
        )
    torch.cuda.set_device(local)
    return "cpu:gloo,cuda:nccl"


def _is_loss(error: RuntimeError) -> bool:
    """Tell whether an error says that another process cannot be reached."""
    text = str(error).lower()
    return isinstance(error, dist.DistError) or "gloo" in text or "nccl" in text


def _let_the_first_speak(store: Any, processes: Processes, error: Exception) -> None:
    """Return for the first process that fails.

    Raises
    ------
    EndedByAnother
        For all others: one message is enough.
    """
    mine = f"process {processes.rank} of {processes.n}: {error}"
    try:
        word = store.compare_set(_WORD, "", mine).decode()
    except RuntimeError:  # the machine of the store is gone: each speaks for itself
        return
    if word != mine:
        raise EndedByAnother(word) from error
