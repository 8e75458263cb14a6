"""A run under way: what is to be known to go on with it, should its process be killed.

While it trains, a run is a folder with ``checkpoints/`` alone; ``config.json`` comes last, when all
else is there, and the checkpoints go.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from utsushi._utils.files import one_line, read_regular, write_json
from utsushi.estimators import BaseAutoencoder
from utsushi.estimators.model_file import parameters_to_json, unfitted
from utsushi.exceptions import RunError
from utsushi.runs.folder import CHECKPOINTS, CONFIG, ReadingOption, check_free
from utsushi.training.checkpoint import clear, remove_if_unused

__all__ = ["UnfinishedRun", "begin_run", "go_on_or_begin", "go_on_with"]

_FILE = "run.json"


class UnfinishedRun(BaseModel):
    """What ``checkpoints/run.json`` says.

    Attributes
    ----------
    estimator : str
        The class of the model.
    parameters : dict
        Of its constructor.
    data : str
        A bundled name, or the absolute path of the source.
    label : str or None
        The column of the labels, where one was named.
    language : {"en", "ja"}
        Of the report.
    checkpoint_every : str
    reading : dict
        How the source is read: what was said to `utsushi.datasets.open`.
    tensorboard : bool
        Whether to write a log for TensorBoard.
    report : bool
        Whether to make figures and report.
    """

    model_config = ConfigDict(extra="forbid")

    estimator: str
    parameters: dict[str, Any]
    data: str
    label: str | None = None
    reading: dict[ReadingOption, Any] = {}
    language: str = "en"
    checkpoint_every: str = "60s"
    tensorboard: bool = False
    report: bool = True

    @classmethod
    def of(cls, model: BaseAutoencoder, **others: Any) -> UnfinishedRun:
        """Describe the training of a model that is not fitted yet."""
        return cls(estimator=type(model).__name__, parameters=parameters_to_json(model), **others)

    def model(self) -> BaseAutoencoder:
        """Return the model, not fitted."""
        model: BaseAutoencoder = unfitted({"class": self.estimator, "parameters": self.parameters})
        return model


@contextmanager
def begin_run(path: str | Path, run: UnfinishedRun, *, force: bool) -> Iterator[Path]:
    """Begin a run anew and give the folder of its checkpoints.

    Raises
    ------
    RunError
        If ``path`` is not free; see `check_free`.
    CheckpointError
        If another process is training there.
    """
    path = check_free(path, force=force)
    folder = path / CHECKPOINTS
    clear(folder)
    write_json(folder / _FILE, run.model_dump(mode="json"))
    with _left_clean(path):
        yield folder


@contextmanager
def go_on_or_begin(path: str | Path, run: UnfinishedRun, *, force: bool) -> Iterator[Path]:
    """Go on with this very run where it has begun, else begin it; give its checkpoints' folder.

    For a process that `torchrun` started again, with the same command.

    Raises
    ------
    RunError, CheckpointError
        See `begin_run`.
    """
    try:
        begun = UnfinishedRun.model_validate_json(
            read_regular(Path(path).resolve() / CHECKPOINTS / _FILE)
        )
    except (OSError, ValidationError):
        begun = None
    if begun == run:
        with go_on_with(path) as (_, folder):
            yield folder
    else:
        with begin_run(path, run, force=force) as folder:
            yield folder


@contextmanager
def go_on_with(path: str | Path) -> Iterator[tuple[UnfinishedRun, Path]]:
    """Give what is to be known of an unfinished run, and the folder of its checkpoints.

    Raises
    ------
    RunError
        If there is no run to go on with.
    """
    path = Path(path).resolve()
    folder = path / CHECKPOINTS
    try:
        run = UnfinishedRun.model_validate_json(read_regular(folder / _FILE))
        run.model()
    except OSError as error:
        state = "a finished run" if (path / CONFIG).is_file() else "no run"
        why = "" if isinstance(error, FileNotFoundError) else f" ({error.strerror}: {_FILE})"
        raise RunError(
            f"{str(path)!r} holds {state}{why}, expected one that was interrupted; train one with "
            "--out"
        ) from None
    except (ValidationError, KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{str(folder / _FILE)!r} is damaged ({one_line(error)}), expected what 'utsushi "
            "train' wrote; take a copy of it, or begin anew with --force"
        ) from None
    with _left_clean(path):
        yield run, folder


@contextmanager
def _left_clean(path: Path) -> Iterator[None]:
    """Leave nothing behind where a training fails before its first checkpoint."""
    try:
        yield
    except BaseException:
        if remove_if_unused(path / CHECKPOINTS) and not any(path.iterdir()):
            path.rmdir()
        raise
