"""Checkpoints: a training that was killed at any instant goes on, and ends where it would have.

A checkpoint holds the parameters, the optimizer, the position (epoch and step), the history, and
the sums of the epoch under way. The order of the rows is a function of (seed, epoch), the noise of
(seed, epoch, step) and the rate of the step: nothing else decides what follows.
"""

from __future__ import annotations

import errno
import re
import shutil
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from filelock import FileLock, Timeout
from pydantic import ValidationError
from torch import Tensor

from utsushi._utils.files import one_line
from utsushi._utils.safetensors_io import read_model_file, write_model_file
from utsushi._utils.validation import first_complaint
from utsushi.exceptions import (
    CheckpointError,
    ModelFileError,
    SettingError,
    TrainingInterrupted,
    UtsushiWarning,
)
from utsushi.training.header import CheckpointHeader
from utsushi.training.history import Progress, State
from utsushi.training.history_file import append_row, begin_history
from utsushi.training.interruption import StopRequests
from utsushi.training.precision import Products
from utsushi.training.state import restore

__all__ = ["Checkpoints", "Interval", "clear", "remove_if_unused"]

_UNITS = ("steps", "epochs", "s")

#: The names of what stands in the folder.
_PATTERN = "checkpoint-*.safetensors"
_LOCK = "lock"


@dataclass(frozen=True)
class Interval:
    """How often: so many steps, epochs or seconds.

    Attributes
    ----------
    amount : int >= 1
    unit : {"steps", "epochs", "s"}
    """

    amount: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> Interval:
        """Read an interval.

        Raises
        ------
        SettingError
            If it is none.

        Examples
        --------
        >>> Interval.parse("60s"), Interval.parse("2epochs")
        (Interval(amount=60, unit='s'), Interval(amount=2, unit='epochs'))
        """
        found = re.fullmatch(r"([1-9][0-9]{0,9})\s*(steps|epochs|s)", str(text))
        if found is None:
            raise SettingError(
                f"checkpoint_every={text!r}, expected a whole number from 1 on with one of the "
                f"units {', '.join(_UNITS)}, such as 50steps, 2epochs or 60s"
            )
        return cls(int(found[1]), found[2])


class Checkpoints:
    """The folder of a training's checkpoints; a context that no other process shares.

    The last two are kept: one is always whole, even while the next is being written.

    Parameters
    ----------
    folder : str or Path
        Created if need be.
    every : str, default="60s"
        When to write one; see `Interval.parse`. One is also written at the end of the training,
        and when Ctrl-C or SIGTERM asks it to stop.

    Raises
    ------
    CheckpointError
        On entering, if another process is in it, or it cannot be written to; later, if what it
        holds is of another training.
    """

    def __init__(self, folder: str | Path, every: str = "60s") -> None:
        self.folder = Path(folder)
        self.every = Interval.parse(every)
        self._requests = StopRequests()
        self._held = ExitStack()
        self._identity: dict[str, str] = {}
        self._kept: list[Path] = []
        self._n_since = 0
        self._written_at = time.monotonic()
        self.found: State | None = None

    # --- the folder -----------------------------------------------------------------------------

    def __enter__(self) -> Self:
        """Take the folder, and read its newest checkpoint that is whole."""
        with ExitStack() as stack:
            stack.enter_context(_locked(self.folder))
            for part in self.folder.glob(".*.part"):  # what a killed process left
                part.unlink(missing_ok=True)
            self.found = self._newest()
            stack.enter_context(self._requests)
            self._held = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the folder and the signals back."""
        self._held.close()

    def _newest(self) -> State | None:
        files = sorted(self.folder.glob(_PATTERN), reverse=True)
        for file in files:
            try:
                header, arrays = read_model_file(file)
                _check_header(file, header)
            except ModelFileError as error:
                warnings.warn(f"{error}; the one before it is used", UtsushiWarning, stacklevel=4)
                continue
            self._kept = [file]
            return header, {name: torch.tensor(array) for name, array in arrays.items()}
        if files:
            raise CheckpointError(
                f"{str(self.folder)!r} holds {len(files)} checkpoints, but none is whole, expected "
                "one; take a copy of them, or remove the folder to begin anew"
            )
        return None

    # --- whose it is ----------------------------------------------------------------------------

    @property
    def seed(self) -> int | None:
        """The seed of the training that is found; None where there is none."""
        return None if self.found is None else int(self.found[0]["identity"]["seed"])

    def identify(self, identity: Mapping[str, object]) -> None:
        """Say what the training is a function of; what is found must be of the same.

        Raises
        ------
        CheckpointError
            If it is of another training; the message names all that differs.
        """
        self._identity = {name: str(value) for name, value in identity.items()}
        if self.found is None:
            return
        was = self.found[0]["identity"]
        ignored = self._other_processes(was)
        differing = [
            f"{name} was {was.get(name, 'not there')}, is {self._identity.get(name, 'not there')}"
            for name in sorted((was.keys() | self._identity.keys()) - ignored)
            if was.get(name) != self._identity.get(name)
        ]
        if differing:
            raise CheckpointError(
                f"{str(self.folder)!r} holds the checkpoint of another training: "
                f"{'; '.join(differing)}; expected the same, to the bit; give them again, or "
                "choose another checkpoint_dir"
            )

    def _other_processes(self, was: Mapping[str, str]) -> set[str]:
        """Return what may differ where another number of processes goes on, and say so."""
        before, now = was.get("processes", "1"), self._identity.get("processes", "1")
        if before == now:
            return set()
        warnings.warn(
            f"{str(self.folder)!r} was trained by {before} processes and goes on with {now}: the "
            "same training, but not bit for bit, for sums are rounded in another order",
            UtsushiWarning,
            stacklevel=5,  # the caller of fit
        )
        return {"processes", "threads"}

    def restore(
        self, progress: Progress, products: Products, optimizer: torch.optim.Optimizer
    ) -> None:
        """Put a training where the found checkpoint left it, and begin its ``history.jsonl``.

        Raises
        ------
        CheckpointError
            If the checkpoint does not fit the network.
        """
        if self.found is not None:
            try:
                restore(self.found, progress, products, optimizer)
            except (KeyError, ValueError, RuntimeError) as error:
                raise CheckpointError(
                    f"{str(self._kept[-1])!r} does not fit the network ({one_line(error)}), "
                    "expected a checkpoint of this very training; choose another checkpoint_dir"
                ) from error
            self.found = None  # its tensors are as large as the network, thrice
        with self._told():
            begin_history(self.folder / "history.jsonl", progress.history)

    # --- writing --------------------------------------------------------------------------------

    def is_due(self, *, epoch_ended: bool = False) -> bool:
        """Take note of a step, or of an epoch; tell whether it is time for a checkpoint."""
        if self._requests.received is not None:
            return True
        match self.every.unit:
            case "s":
                return time.monotonic() - self._written_at >= self.every.amount
            case "epochs":
                self._n_since += epoch_ended
            case _:
                self._n_since += not epoch_ended
        return self._n_since >= self.every.amount

    def write(self, header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """Write a checkpoint, and let go of all but the one before it."""
        name = f"checkpoint-{header['epoch']:06d}-{header['step']:08d}.safetensors"
        described = {"kind": "checkpoint", "identity": self._identity, **header}
        arrays = {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
        with self._told():
            path = write_model_file(self.folder / name, described, arrays)
        before = [file for file in self._kept if file != path]
        self._kept = [*before[-1:], path]
        for file in self.folder.glob(_PATTERN):
            if file not in self._kept:
                file.unlink(missing_ok=True)
        self._n_since, self._written_at = 0, time.monotonic()

    def stop_if_asked(self) -> None:
        """Stop after a checkpoint, if a signal came.

        Raises
        ------
        TrainingInterrupted
            Says where the checkpoint is, and how to go on.
        """
        if self._requests.received is not None:
            raise TrainingInterrupted(self._requests.received, self.folder)

    def append_history(self, row: dict[str, Any]) -> None:
        """Add a line to ``history.jsonl``, of which a reader never sees a part."""
        with self._told():
            append_row(self.folder / "history.jsonl", row)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say of a folder that cannot be written to what is left, and what to do."""
        try:
            if not (self.folder / _LOCK).exists():
                raise FileNotFoundError(errno.ENOENT, "the folder is gone")
            yield
        except OSError as error:
            kept = str(self._kept[-1]) if self._kept else "none"
            raise _unwritable(
                self.folder, error, f"the last one is {kept}: make room, and fit again"
            ) from error


def clear(folder: Path) -> None:
    """Make a folder ready for a training from the start: checkpoints of another one go.

    Raises
    ------
    CheckpointError
        If a training is under way there.
    """
    with _locked(folder):
        for file in [*folder.glob(_PATTERN), *folder.glob("history.jsonl")]:
            file.unlink(missing_ok=True)


def remove_if_unused(folder: Path) -> bool:
    """Remove a folder that holds no checkpoint, and that no training is in; tell whether."""
    try:
        with _locked(folder):
            unused = not any(folder.glob(_PATTERN))
            if unused:
                shutil.rmtree(folder, ignore_errors=True)
    except (CheckpointError, OSError):
        return False
    return unused


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder; the lock dies with the process."""
    lock = FileLock(folder / _LOCK, blocking=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise CheckpointError(
            f"{str(folder)!r} is in use by another training, expected a folder of its own; wait "
            "for its end, or choose another one"
        ) from None
    except OSError as error:
        raise _unwritable(folder, error, "choose another one") from error
    try:
        yield
    finally:
        lock.release()


def _unwritable(folder: Path, error: OSError, fix: str) -> CheckpointError:
    return CheckpointError(
        f"{str(folder)!r} cannot be written to ({error.strerror or error}), expected a folder with "
        f"room for checkpoints; {fix}"
    )


def _check_header(file: Path, header: Mapping[str, Any]) -> None:
    """Refuse what is whole, but no checkpoint."""
    if header.get("kind") != "checkpoint":
        raise ModelFileError(f"{str(file)!r} is a model, expected a checkpoint")
    try:
        CheckpointHeader.check(header)
    except ValidationError as error:
        raise ModelFileError(
            f"{str(file)!r} says what no checkpoint does ({first_complaint(error)}), expected one "
            "that a training wrote; take a copy of it"
        ) from None
