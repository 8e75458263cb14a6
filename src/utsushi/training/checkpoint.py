"""Checkpoints: resume a training that was killed at any instant, with the same result.

A checkpoint holds the parameters, the state of the optimizer, the position (epoch and step), the
history, and the sums of the current epoch. The order of the samples is a function of (seed, epoch),
the noise of (seed, epoch, step), and the learning rate of the step, so nothing else is needed.
"""

from __future__ import annotations

import errno
import json
import re
import shutil
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import Signals
from types import TracebackType
from typing import Annotated, Any, Literal, Self

import torch
from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from torch import Tensor

from utsushi._utils.files import one_line, write_text
from utsushi._utils.safetensors_io import read_model_file, write_model_file
from utsushi._utils.validation import first_complaint
from utsushi.exceptions import (
    CheckpointError,
    ModelFileError,
    SettingError,
    TrainingDivergedError,
    TrainingInterrupted,
    UtsushiWarning,
)
from utsushi.networks import EncoderDecoder
from utsushi.training.history import TrainerState
from utsushi.training.signals import SignalHandler

__all__ = ["Checkpoints", "Content", "Interval", "clear", "remove_if_unused", "restore", "state_of"]

#: A checkpoint: a header that JSON can hold, and tensors by name.
Content = tuple[dict[str, Any], dict[str, Tensor]]

_UNITS = ("steps", "epochs", "s")

#: Files of the folder.
_PATTERN = "checkpoint-*.safetensors"
_LOCK = "lock"
_HISTORY = "history.jsonl"

#: The columns of every history.
_COLUMNS = {"epoch", "objective", "learning_rate", "seconds"}

#: Integers that a float can hold.
Count = Annotated[int, Field(ge=0, le=2**53)]


@dataclass(frozen=True)
class Interval:
    """The interval between two checkpoints, in steps, epochs or seconds.

    Attributes
    ----------
    amount : int >= 1
    unit : {"steps", "epochs", "s"}
    """

    amount: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> Interval:
        """Parse an interval.

        Raises
        ------
        SettingError
            If the text is not an interval.

        Examples
        --------
        >>> Interval.parse("60s"), Interval.parse("2epochs")
        (Interval(amount=60, unit='s'), Interval(amount=2, unit='epochs'))
        """
        match = re.fullmatch(r"([1-9][0-9]{0,9})\s*(steps|epochs|s)", str(text))
        if match is None:
            raise SettingError(
                "checkpoint_every must be a positive integer with one of the units "
                f"{', '.join(_UNITS)}, got {text!r}. Give, for example, 50steps, 2epochs or 60s."
            )
        return cls(int(match[1]), match[2])


class _Header(BaseModel):
    """The header of a checkpoint, to be validated as the file may come from anywhere.

    Attributes
    ----------
    kind, format, sha256
        Of the file.
    identity : dict of str to str
        What the training is a function of; ``seed`` is an integer below 2⁶³.
    epoch, step, seconds
        See `TrainerState`.
    columns : list of str
        Of the history, whose values are the tensor ``history``; empty in the first epoch.
    n_rows, sums
        Of the means of the current epoch, in the order of the columns.
    best_epoch, best_objective
        See `EarlyStopping`.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    kind: Literal["checkpoint"]
    format: int
    sha256: str
    identity: dict[str, str]
    epoch: Annotated[Count, Field(ge=1)]
    step: Count
    seconds: Annotated[float, Field(ge=0)]
    columns: list[str]
    n_rows: Count
    sums: list[tuple[str, float]]
    best_epoch: Count
    best_objective: float | None

    @field_validator("identity")
    @classmethod
    def _check_seed(cls, identity: dict[str, str]) -> dict[str, str]:
        if not re.fullmatch("[0-9]{1,19}", identity.get("seed", "")):
            raise ValueError("its seed is not an integer")
        return identity


class Checkpoints:
    """The folder of a training's checkpoints; a context that locks it for other processes.

    The last two are kept, so that one is always whole while the next is written.

    Parameters
    ----------
    folder : str or Path
        Created if need be.
    every : str, default="60s"
        When to write a checkpoint; see `Interval.parse`. One is also written at the end of the
        training, and after Ctrl-C or SIGTERM.

    Raises
    ------
    CheckpointError
        On entering, if another process uses the folder, or it cannot be written to; later, if its
        checkpoint is of another training.
    """

    def __init__(self, folder: str | Path, every: str = "60s") -> None:
        self.folder = Path(folder)
        self.every = Interval.parse(every)
        self.signals = SignalHandler()
        self._resources = ExitStack()
        self._identity: dict[str, str] = {}
        self._files: list[Path] = []
        self._stop: Signals | None = None
        self._n_since = 0
        self._written_at = time.monotonic()
        self.checkpoint: Content | None = None

    # --- the folder -----------------------------------------------------------------------------

    def __enter__(self) -> Self:
        """Lock the folder, and read its newest checkpoint that is not damaged."""
        with ExitStack() as stack:
            stack.enter_context(_locked(self.folder))
            for part in self.folder.glob(".*.part"):  # partial files of a killed process
                part.unlink(missing_ok=True)
            self.checkpoint = self._newest()
            stack.enter_context(self.signals)
            self._resources = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Unlock the folder, and restore the signal handlers."""
        self._resources.__exit__(kind, error, traceback)

    def _newest(self) -> Content | None:
        files = sorted(self.folder.glob(_PATTERN), reverse=True)
        for file in files:
            try:
                header, arrays = read_model_file(file)
                _check_header(file, header)
            except ModelFileError as error:
                warnings.warn(
                    f"{error} The checkpoint before it is used.", UtsushiWarning, stacklevel=4
                )
                continue
            self._files = [file]
            return header, {name: torch.tensor(array) for name, array in arrays.items()}
        if files:
            raise CheckpointError(
                f"{str(self.folder)!r} must hold an undamaged checkpoint, got {len(files)} damaged "
                "ones. Restore them from a backup, or remove the folder to start again."
            )
        return None

    # --- the identity of the training -----------------------------------------------------------

    @property
    def seed(self) -> int | None:
        """The seed of the training in the folder; None if there is no checkpoint."""
        return None if self.checkpoint is None else int(self.checkpoint[0]["identity"]["seed"])

    def identify(self, identity: Mapping[str, object]) -> None:
        """Set what the training is a function of, and compare it with the checkpoint's.

        Raises
        ------
        CheckpointError
            If the checkpoint is of another training; the message names all differences.
        """
        self._identity = {name: str(value) for name, value in identity.items()}
        if self.checkpoint is None:
            return
        was = self.checkpoint[0]["identity"]
        ignored = self._other_processes(was)
        differing = [
            f"{name} was {was.get(name, 'not set')}, is {self._identity.get(name, 'not set')}"
            for name in sorted((was.keys() | self._identity.keys()) - ignored)
            if was.get(name) != self._identity.get(name)
        ]
        if differing:
            raise CheckpointError(
                f"{str(self.folder)!r} must hold a checkpoint of the same training, got one of "
                f"another: {'; '.join(differing)}. Set these as they were, or choose another "
                "checkpoint_dir."
            )

    def _other_processes(self, was: Mapping[str, str]) -> set[str]:
        """Return what may differ with another number of processes, and warn of the change."""
        before, now = was.get("processes", "1"), self._identity.get("processes", "1")
        if before == now:
            return set()
        warnings.warn(
            f"{str(self.folder)!r} was trained by {before} processes and is resumed with {now}. "
            "The result is not bit for bit the same, because each process draws its own noise.",
            UtsushiWarning,
            stacklevel=5,  # the caller of fit
        )
        return {"processes", "threads"}

    def restore(
        self, state: TrainerState, module: EncoderDecoder, optimizer: torch.optim.Optimizer
    ) -> None:
        """Restore the training from the folder's checkpoint, and write its ``history.jsonl``.

        Raises
        ------
        CheckpointError
            If the checkpoint does not fit the network.
        """
        if self.checkpoint is not None:
            try:
                restore(self.checkpoint, state, module, optimizer)
            except (KeyError, ValueError, RuntimeError) as error:
                raise CheckpointError(
                    f"{str(self._files[-1])!r} must be a checkpoint of this training, got one that "
                    f"does not fit the network ({one_line(error)}). Choose another checkpoint_dir."
                ) from error
            self.checkpoint = None  # its tensors take three times the memory of the network
        with self._convert_errors():
            write_text(self.folder / _HISTORY, "".join(map(_line, state.history)))

    # --- writing --------------------------------------------------------------------------------

    def is_due(self, *, epoch_ended: bool = False) -> bool:
        """Count a step, or an epoch, and return whether a checkpoint is due.

        It is due after a signal. One that comes while this is asked, or later, counts at the next
        step, so that no training stops without a checkpoint.
        """
        self._stop = self.signals.received
        if self._stop is not None:
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
        """Write a checkpoint, and remove all but the one before it."""
        name = f"checkpoint-{header['epoch']:06d}-{header['step']:08d}.safetensors"
        described = {"kind": "checkpoint", "identity": self._identity, **header}
        arrays = {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}
        with self._convert_errors():
            path = write_model_file(self.folder / name, described, arrays)
        before = [file for file in self._files if file != path]
        self._files = [*before[-1:], path]
        for file in self.folder.glob(_PATTERN):
            if file not in self._files:
                file.unlink(missing_ok=True)
        self._n_since, self._written_at = 0, time.monotonic()

    def stop_if_signalled(self) -> None:
        """Stop after a checkpoint that was due because of a signal.

        Raises
        ------
        TrainingInterrupted
            The message says where the checkpoint is, and how to resume.
        """
        if self._stop is not None:
            raise TrainingInterrupted(self._stop, self.folder)

    def append_history(self, row: dict[str, Any]) -> None:
        """Append a line to ``history.jsonl``."""
        with self._convert_errors(), (self.folder / _HISTORY).open("ab") as file:
            file.write(_line(row).encode())

    @contextmanager
    def _convert_errors(self) -> Iterator[None]:
        """Raise a `CheckpointError` where the folder cannot be written to."""
        try:
            if not (self.folder / _LOCK).exists():
                raise FileNotFoundError(errno.ENOENT, "the folder is gone")
            yield
        except OSError as error:
            last = str(self._files[-1]) if self._files else "none"
            raise _unwritable(
                self.folder, error, f"The last checkpoint is {last}. Free some space, and fit again"
            ) from error


def clear(folder: Path) -> None:
    """Remove the checkpoints and the history of an earlier training from a folder.

    Raises
    ------
    CheckpointError
        If a training uses the folder.
    """
    with _locked(folder):
        for file in [*folder.glob(_PATTERN), *folder.glob(_HISTORY)]:
            file.unlink(missing_ok=True)


def remove_if_unused(folder: Path) -> bool:
    """Remove a folder without checkpoints that no training uses; return whether it was removed."""
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
    """Lock a folder for other processes; the end of the process releases the lock."""
    lock = FileLock(folder / _LOCK, blocking=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise CheckpointError(
            f"{str(folder)!r} is in use by another training. Wait for its end, or choose another "
            "folder."
        ) from None
    except OSError as error:
        raise _unwritable(folder, error, "Choose another folder") from error
    try:
        yield
    finally:
        lock.release()


def _unwritable(folder: Path, error: OSError, fix: str) -> CheckpointError:
    return CheckpointError(
        f"{str(folder)!r} must be a folder with space for checkpoints, got an error: "
        f"{error.strerror or error}. {fix}."
    )


def _check_header(file: Path, header: Mapping[str, Any]) -> None:
    """Refuse a file that is not damaged, but not a checkpoint."""
    if header.get("kind") != "checkpoint":
        raise ModelFileError(f"{str(file)!r} must be a checkpoint, got a model.")
    try:
        _Header.model_validate_json(json.dumps(header))  # in which a tuple is a list
    except ValidationError as error:
        raise ModelFileError(
            f"{str(file)!r} is not a checkpoint that a training wrote ({first_complaint(error)}). "
            "Restore it from a backup."
        ) from None


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row) + "\n"


# --- the content of a checkpoint ----------------------------------------------------------------


def state_of(
    state: TrainerState, module: EncoderDecoder, optimizer: torch.optim.Optimizer
) -> Content:
    """Return header and tensors of a checkpoint.

    Raises
    ------
    TrainingDivergedError
        If a tensor is not finite, so that the checkpoint before it is kept.
    """
    stopping, columns = state.early_stopping, list(state.history[0]) if state.history else []
    tensors = {
        **_prefixed("module.", module.state_dict()),
        **_moments_of(optimizer),
        **_prefixed("pending.", state.means.pending_terms()),
        **_prefixed("best.", stopping.parameters),
    }
    if columns:
        rows = [[row[name] for name in columns] for row in state.history]
        tensors["history"] = torch.tensor(rows, dtype=torch.float64)
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise TrainingDivergedError(
                f"training diverged: {name} is not finite in epoch {state.epoch}. Fit again with a "
                "smaller recipe__learning_rate, or scaling='standard'. The checkpoint before is "
                "kept."
            )
    header = {
        "epoch": state.epoch,
        "step": state.step,
        "seconds": state.seconds,
        "columns": columns,
        "n_rows": state.means.n_rows,
        "sums": list(state.means.sums.items()),
        "best_epoch": stopping.epoch,
        "best_objective": stopping.objective if stopping.parameters else None,
    }
    return header, tensors


def restore(
    content: Content,
    state: TrainerState,
    module: EncoderDecoder,
    optimizer: torch.optim.Optimizer,
) -> None:
    """Restore what `state_of` returned; the header has been validated.

    Raises
    ------
    ValueError
        If the checkpoint does not fit the module, or its parts do not fit together.
    """
    header, tensors = content
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    pending = _under("pending.", tensors)
    _check_tensors(tensors, module, optimizer)
    history = _history_of(header, tensors.get("history"))
    if header["step"] and "objective" not in {*dict(header["sums"]), *pending}:
        raise ValueError("the sums of the current epoch lack the objective")
    module.load_state_dict(_under("module.", tensors))
    moments: dict[int, dict[str, Any]] = {
        i: _under(f"optimizer.{i}.", tensors) for i in range(len(parameters))
    }
    for index, values in moments.items():
        numbers = _under(f"number.{index}.", tensors)
        values |= {name: number.item() for name, number in numbers.items()}
    state_dict = {"state": {i: values for i, values in moments.items() if values}}
    optimizer.load_state_dict({**optimizer.state_dict(), **state_dict})
    device = parameters[0].device
    state.epoch, state.step, state.seconds = header["epoch"], header["step"], header["seconds"]
    state.history = history
    state.means.restore(header["n_rows"], dict(header["sums"]), _on(device, pending))
    stopping = state.early_stopping
    stopping.parameters = _on(device, _under("best.", tensors))
    stopping.epoch = header["best_epoch"]
    if header["best_objective"] is not None:
        stopping.objective = header["best_objective"]


def _moments_of(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Return the state of an optimizer by name: tensors, and Python's numbers as tensors."""
    state = {
        (index, name): value
        for index, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
        if value is not None
    }
    return {
        f"optimizer.{index}.{name}"
        if isinstance(value, Tensor)
        else f"number.{index}.{name}": torch.as_tensor(value)
        for (index, name), value in state.items()
    }


def _check_tensors(
    tensors: Mapping[str, Tensor], module: EncoderDecoder, optimizer: torch.optim.Optimizer
) -> None:
    """Compare names and shapes: a fused optimizer reads beyond a moment that is too small.

    The state of an optimizer other than AdamW is compared only if it is fused too.
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    is_adam = type(optimizer) is torch.optim.AdamW
    if not is_adam and any(group.get("fused") for group in optimizer.param_groups):
        for index, parameter in enumerate(parameters):
            for name, value in _under(f"optimizer.{index}.", tensors).items():
                if value.shape not in (parameter.shape, torch.Size()):
                    raise ValueError(f"tensor 'optimizer.{index}.{name}' is of another shape")
    if not is_adam:
        tensors = {n: t for n, t in tensors.items() if not n.startswith(("optimizer.", "number."))}
    moments = {name for name in tensors if name.startswith("optimizer.")}
    shapes = {name: tensor.shape for name, tensor in module.state_dict().items()}
    expected = {f"module.{name}": shape for name, shape in shapes.items()}
    if any(name.startswith("best.") for name in tensors):
        expected |= {f"best.{name}": shape for name, shape in shapes.items()}
    for index, parameter in enumerate(parameters if is_adam else ()):
        if not parameter.requires_grad:
            continue
        expected[f"optimizer.{index}.step"] = torch.Size()
        expected[f"optimizer.{index}.exp_avg"] = parameter.shape
        expected[f"optimizer.{index}.exp_avg_sq"] = parameter.shape
    actual = {
        name: tensor.shape
        for name, tensor in tensors.items()
        if name != "history" and not name.startswith("pending.")
    }
    differing = [n for n in expected.keys() | actual.keys() if expected.get(n) != actual.get(n)]
    if differing:
        raise ValueError(f"tensor {min(differing)!r} is unknown, missing or of another shape")
    for name, tensor in tensors.items():
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"tensor {name!r} is not finite")
        if name in moments and not tensor.is_floating_point():
            raise ValueError(f"tensor {name!r} is {tensor.dtype}")


def _history_of(header: Mapping[str, Any], values: Tensor | None) -> list[dict[str, Any]]:
    """Return the rows of the completed epochs; ``epoch`` alone is an integer."""
    columns, n_epochs = header["columns"], header["epoch"] - 1
    shape = (0, 0) if values is None else tuple(values.shape)
    epochs_fit = shape == (n_epochs, len(columns)) and (not n_epochs or set(columns) >= _COLUMNS)
    rows = [] if values is None or not epochs_fit else values.tolist()
    history = [dict(zip(columns, row, strict=True)) for row in rows]
    if not epochs_fit or any(row["epoch"] != n for n, row in enumerate(history, start=1)):
        raise ValueError(f"its history is not that of the epochs before epoch {n_epochs + 1}")
    return [{**row, "epoch": int(row["epoch"])} for row in history]


def _prefixed(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}{name}": tensor for name, tensor in tensors.items()}


def _under(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names start with ``prefix``, without it."""
    return {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}


def _on(device: torch.device, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.to(device) for name, tensor in tensors.items()}
