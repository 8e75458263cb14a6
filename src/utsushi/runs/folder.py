"""Run folders: how a run is described, written, resumed and opened.

A finished run has ``config.json``; a run in training has ``checkpoints/`` with ``run.json``. Both
files hold a `RunSpec`. A run is written atomically: into a temporary folder, which is moved to the
final path at the end. Opening a run executes no code from the folder.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from shlex import quote
from typing import Annotated, Any, Literal

import torch
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    ValidationError,
    model_validator,
)

from utsushi._utils.files import (
    folder_being_written,
    one_line,
    read_regular,
    write_json,
    write_text,
)
from utsushi._utils.validation import first_complaint
from utsushi.estimators import AnomalyDetector, BaseAutoencoder, autoencoder_of, load
from utsushi.estimators.capabilities import is_autoencoder, takes_tables
from utsushi.estimators.model_file import library_versions, parameters_to_json, unfitted
from utsushi.exceptions import RunError
from utsushi.training.checkpoint import clear, remove_if_unused

__all__ = [
    "CHECKPOINTS",
    "CONFIG",
    "FILM",
    "FRAMES",
    "ReadingOption",
    "Run",
    "RunSpec",
    "begin_run",
    "check_free",
    "check_model_name",
    "new_run",
    "open_run",
    "resume_or_begin",
    "resume_run",
    "write_config",
    "write_history",
    "write_models",
]

#: The file that a finished run has, and the folder and the file in it of a run in training.
CONFIG, CHECKPOINTS, UNFINISHED = "config.json", "checkpoints", "run.json"

#: The film of the training in a run.
FILM = "film.safetensors"

#: The folder of the film's frames among the checkpoints of a training.
FRAMES = "film"


#: The options with which a source is read.
ReadingOption = Literal[
    "categorical",
    "drop",
    "dates",
    "handle_unknown",
    "pixels",
    "image_size",
    "color",
    "skip_bad",
    "target",
    "test_fraction",
]


def check_model_name(name: str) -> str:
    """Return the name of a model, if a file in the folder of a run can have it.

    Raises
    ------
    RunError
        If the name is empty, or not that of a file in the folder.
    """
    if (
        Path(name).name != name
        or name in ("", "..")
        or any(character in name for character in "/\\\0")
    ):
        raise RunError(
            f"the name of a model must be a valid file name, got {name!r}. Choose another name."
        )
    return name


class RunSpec(BaseModel):
    """Describe a run in ``config.json`` and ``checkpoints/run.json``, with all that training needs.

    Attributes
    ----------
    command : str
        The command that made the run.
    data : str
        A bundled name, or the absolute path of the source.
    label : str or None
        The column of the labels, if one was named.
    reading : dict
        How the source was read: options of `utsushi.datasets.open`, or of
        `utsushi.datasets.open_frame` for a table model.
    feature_names : list of str or None
        The names of the columns, if the source has names.
    models : dict of str to dict
        The parameters of each model, by the name of its file without the suffix.
    versions : dict of str to str
        The versions of the libraries that trained them.
    threads : int or None
        The number of threads that trained them, on which the bits depend; None if unknown.
    estimator : str or None
        The class of the model that ``utsushi train`` trains.
    language : {"en", "ja"}
        The language that the report shows first.
    checkpoint_every : str
    tensorboard : bool
        Whether to write a log for TensorBoard.
    report : bool
        Whether to make figures and report.
    """

    model_config = ConfigDict(extra="forbid")

    command: str = "train"
    data: str
    label: str | None = None
    reading: dict[ReadingOption, Any] = {}
    feature_names: list[str] | None = None
    models: dict[Annotated[str, AfterValidator(check_model_name)], dict[str, Any]] = Field(
        min_length=1
    )
    versions: dict[str, str] = {}
    threads: PositiveInt | None = None
    estimator: str | None = None
    language: str = "en"
    checkpoint_every: str = "60s"
    tensorboard: bool = False
    report: bool = True

    @model_validator(mode="before")
    @classmethod
    def _from_version_0_1(cls, values: Any) -> Any:
        """Read a run.json of version 0.1, which had the parameters of its model at the top."""
        if isinstance(values, dict) and "parameters" in values and "models" not in values:
            others = {name: value for name, value in values.items() if name != "parameters"}
            return others | {"models": {"model": values["parameters"]}}
        return values

    @classmethod
    def of(cls, model: BaseAutoencoder, **others: Any) -> RunSpec:
        """Describe the training of a model that is not fitted yet."""
        models = {"model": parameters_to_json(model)}
        described = {"models": models, "threads": torch.get_num_threads(), **others}
        return cls(estimator=type(model).__name__, **described)

    def model(self) -> BaseAutoencoder:
        """Return the unfitted model of a training."""
        model: BaseAutoencoder = unfitted(
            {"class": self.estimator, "parameters": self.models["model"]}
        )
        return model


@dataclass(frozen=True)
class Run:
    """Hold a model and the configuration of its run.

    Attributes
    ----------
    model : fitted autoencoder, AnomalyDetector or TableAutoencoder
        A detector without an autoencoder only if `open_run` allows it.
    config : RunSpec or None
        None for a model file outside a run folder.
    """

    model: BaseAutoencoder
    config: RunSpec | None

    @property
    def feature_names(self) -> list[str] | None:
        """The names of the training columns, if they had names."""
        if self.config is not None and self.config.feature_names is not None:
            return self.config.feature_names
        names = getattr(self.model, "feature_names_in_", None)
        return None if names is None else [str(name) for name in names]


# --- writing ------------------------------------------------------------------------------------


def check_free(path: str | Path, *, force: bool) -> Path:
    """Check that a run may be written to ``path``, before anything is computed.

    Raises
    ------
    RunError
        If ``path`` holds a run and ``force`` is false, or anything else, which is never removed.
    """
    path = Path(path).resolve()
    _check_parent(path)
    if path.is_dir() and not any(path.iterdir()):
        return path
    if (path / CONFIG).is_file():
        _read_config(path / CONFIG)  # raises for another program's config.json
        if force:
            return path
        raise RunError(
            f"{str(path)!r} already holds a run. Choose another --out, or replace the run with "
            "--force."
        )
    if (path / CHECKPOINTS).is_dir():
        if force:
            return path
        raise RunError(
            f"{str(path)!r} holds an unfinished training. Finish it with utsushi train --resume "
            f"{quote(str(path))}, or start again with --force."
        )
    if path.exists():
        raise RunError(f"{str(path)!r} exists and is not a run. Choose another --out.")
    return path


def _check_parent(path: Path) -> None:
    """Raise an error for a path where no folder can be created or moved."""
    if path == Path.cwd():
        raise RunError(
            f"--out must be a new folder, got {str(path)!r}, the current folder. Choose another "
            "one."
        )
    parent = next(folder for folder in path.parents if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise RunError(
            f"{str(path)!r} cannot be created, as {str(parent)!r} is not a folder that you can "
            "write to. Choose another --out."
        )


@contextmanager
def new_run(path: str | Path, *, force: bool = False) -> Iterator[Path]:
    """Yield a temporary folder to write a run into; on success it is moved to ``path``.

    Parameters
    ----------
    path : str or Path
        The folder of the run.
    force : bool, default=False
        Replace an existing run.

    Yields
    ------
    Path
        A folder next to ``path``, removed if the block raises.
    """
    with folder_being_written(check_free(path, force=force), put=_replace_folder) as temporary:
        yield temporary


def _replace_folder(new: Path, path: Path) -> None:
    """Move ``part`` to ``path``, and then delete the folder that it replaces."""
    if not path.exists():
        new.replace(path)
        return
    if not (path / CONFIG).is_file():
        _fill_folder(path, new)
        return
    old = path.with_name(f".{path.name}.{secrets.token_hex(4)}.old")
    path.replace(old)
    try:
        new.replace(path)
    except BaseException:
        old.replace(path)
        raise
    shutil.rmtree(old)


def _fill_folder(path: Path, new: Path) -> None:
    """Move the files of a finished run into its folder, and then remove its checkpoints.

    The configuration is moved last: if the process is killed before, the run can be resumed.
    """
    for entry in sorted(new.iterdir(), key=lambda entry: entry.name == CONFIG):
        old = path / entry.name
        if old.is_dir():
            shutil.rmtree(old)
        entry.replace(old)
    shutil.rmtree(path / CHECKPOINTS, ignore_errors=True)


def write_config(
    folder: Path, models: Mapping[str, BaseAutoencoder | AnomalyDetector], **described: Any
) -> None:
    """Write ``config.json`` for models by their file names; see `RunSpec` for the rest."""
    parameters = {name: _parameters(model) for name, model in models.items()}
    spec = RunSpec(
        models=parameters,
        versions=library_versions(),
        threads=torch.get_num_threads(),
        **described,
    )
    training = {"estimator", "language", "checkpoint_every", "tensorboard", "report"}
    write_json(folder / CONFIG, spec.model_dump(mode="json", exclude=training))


def _parameters(model: Any) -> dict[str, Any]:
    """Return the parameters of a model, with a nested model as its own parameters."""
    if is_autoencoder(model):
        # With the seed, the run can be repeated.
        seed = {} if isinstance(model.random_state, Integral) else {"random_state": model.seed_}
        return parameters_to_json(model) | seed
    return {
        name: _parameters(autoencoder_of(value))
        if name == "autoencoder" and value is not None
        else value
        for name, value in model.get_params(deep=False).items()
    }


def write_models(
    folder: Path, models: Mapping[str, BaseAutoencoder | AnomalyDetector], **described: Any
) -> None:
    """Write several models, ``config.json`` and a joint history."""
    for name, model in models.items():
        check_model_name(name)
        model.save(folder / f"{name}.safetensors")
    write_config(folder, models, **described)
    write_history(
        folder,
        (
            {"model": name, **row}
            for name, model in models.items()
            for row in autoencoder_of(model).history_
        ),
    )


def write_history(folder: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write ``history.jsonl``, with a JSON object per line."""
    write_text(folder / "history.jsonl", "".join(json.dumps(row) + "\n" for row in rows))


# --- training -----------------------------------------------------------------------------------


@contextmanager
def begin_run(path: str | Path, run: RunSpec) -> Iterator[Path]:
    """Begin a run at a path that passed `check_free`, and yield the folder of its checkpoints.

    Raises
    ------
    CheckpointError
        If another process is training in the folder.
    """
    path = Path(path).resolve()
    folder = path / CHECKPOINTS
    clear(folder)
    shutil.rmtree(folder / FRAMES, ignore_errors=True)
    write_json(folder / UNFINISHED, run.model_dump(mode="json"))
    with _removed_if_unused(path):
        yield folder


@contextmanager
def resume_or_begin(path: str | Path, run: RunSpec, *, force: bool) -> Iterator[Path]:
    """Resume this run if it has begun, or begin it; yield the folder of its checkpoints.

    For a process that `torchrun` restarted with the same command.

    Raises
    ------
    RunError
        If ``path`` is not free; see `check_free`.
    CheckpointError
        If another process is training in the folder.
    """
    try:
        recorded = RunSpec.model_validate_json(
            read_regular(Path(path).resolve() / CHECKPOINTS / UNFINISHED)
        )
    except (OSError, ValidationError):
        recorded = None
    if recorded == run:
        with resume_run(path) as (_, folder):
            yield folder
    else:
        with begin_run(check_free(path, force=force), run) as folder:
            yield folder


@contextmanager
def resume_run(path: str | Path) -> Iterator[tuple[RunSpec, Path]]:
    """Resume a run: yield its description and the folder of its checkpoints.

    Raises
    ------
    RunError
        If there is no run to resume.
    """
    path = Path(path).resolve()
    folder = path / CHECKPOINTS
    try:
        run = RunSpec.model_validate_json(read_regular(folder / UNFINISHED))
        run.model()
    except OSError as error:
        state = "a finished run" if (path / CONFIG).is_file() else "no run"
        why = "" if isinstance(error, FileNotFoundError) else f" ({error.strerror}: {UNFINISHED})"
        raise RunError(
            f"{str(path)!r} holds {state}{why}, and only an interrupted run can be resumed. Train "
            "a new one with --out."
        ) from None
    except (ValidationError, KeyError, TypeError, ValueError) as error:
        raise RunError(
            f"{str(folder / UNFINISHED)!r} is damaged ({one_line(error)}). Restore a copy of it, "
            "or start again with --force."
        ) from None
    with _removed_if_unused(path):
        yield run, folder


@contextmanager
def _removed_if_unused(path: Path) -> Iterator[None]:
    """Remove the folder if the training fails before its first checkpoint."""
    try:
        yield
    except BaseException:
        if remove_if_unused(path / CHECKPOINTS) and not any(path.iterdir()):
            path.rmdir()
        raise


# --- reading ------------------------------------------------------------------------------------


def open_run(path: str | Path, *, detectors: bool = False) -> Run:
    """Open a run by its folder, or a model by its file.

    Parameters
    ----------
    path : str or Path
    detectors : bool, default=False
        Whether to accept a detector without an autoencoder; otherwise it is a ``SettingError``.

    Returns
    -------
    Run

    Raises
    ------
    RunError
        If the folder holds no run, or several models.
    ModelFileError
        If the model cannot be read.
    """
    path = Path(path)
    if not path.is_dir():
        model = load(path)
        is_only_detector = detectors and getattr(model, "autoencoder_", model) is None
        return Run(model if is_only_detector else _encoder_of(model), _sibling_config(path))
    config = _read_config(path / CONFIG)
    files = [path / f"{name}.safetensors" for name in config.models]
    if len(files) > 1:
        names = " or ".join(str(file) for file in files)
        raise RunError(f"{str(path)!r} holds {len(files)} models. Name one of them: {names}.")
    return Run(_encoder_of(load(files[0])), config)


def _encoder_of(model: Any) -> Any:
    """Return a model of tables as it is, and the autoencoder in or of any other model."""
    return model if takes_tables(model) else autoencoder_of(model)


def _sibling_config(path: Path) -> RunSpec | None:
    """Return the configuration in the folder of a model file, if it describes that file."""
    if not (path.parent / CONFIG).is_file():
        return None
    config = _read_config(path.parent / CONFIG)
    return config if path.stem in config.models else None


def _read_config(path: Path) -> RunSpec:
    try:
        return RunSpec.model_validate_json(read_regular(path))
    except OSError as error:
        if (path.parent / CHECKPOINTS).is_dir():
            raise RunError(
                f"{str(path.parent)!r} holds an unfinished training. If it was interrupted, finish "
                f"it with utsushi train --resume {quote(str(path.parent))}"
            ) from None
        raise RunError(
            f"{str(path.parent)!r} holds no run ({path.name}: {error.strerror}). Check the path."
        ) from None
    except ValidationError as error:
        raise RunError(
            f"{str(path)!r} is damaged: {first_complaint(error)}. Restore a copy of the run, or "
            "name its model file."
        ) from None
