"""The command ``utsushi train``."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, Annotated, Any

import typer

from utsushi.cli.options import (
    DEFAULT_DATA,
    TRAINED,
    Data,
    Force,
    Label,
    Language,
    NoReport,
    model_of,
    reads,
    takes,
)
from utsushi.cli.output import as_text, note, report_command
from utsushi.cli.rows import recorded, source_name, training_rows

if TYPE_CHECKING:
    from pathlib import Path

    from utsushi.datasets import Dataset
    from utsushi.estimators import BaseAutoencoder
    from utsushi.runs import RunSpec
    from utsushi.training.data_parallel import ProcessGroup

app = typer.Typer(
    help="Train a model and write a run folder.",
    invoke_without_command=True,
    no_args_is_help=True,
)

RunOut = Annotated[
    str, typer.Option("--out", metavar="RUN", help="The run folder to create.", show_default=False)
]
CheckpointEvery = Annotated[
    str,
    typer.Option(
        metavar="INTERVAL", help="Interval of checkpoints, such as 50steps, 2epochs or 60s."
    ),
]
Board = Annotated[
    bool, typer.Option("--tensorboard", help="Write the metrics of each epoch to RUN/tensorboard.")
]


@app.callback()
def _resume(
    context: typer.Context,
    resume: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Continue an interrupted run."),
    ] = None,
) -> None:
    if resume is None:
        return
    if context.invoked_subcommand is not None:
        raise typer.BadParameter(
            f"--resume must not be set with a model, got {resume} and "
            f"{context.invoked_subcommand}. Leave the model out."
        )
    from utsushi import datasets
    from utsushi.runs import RunSpec, resume_run

    with _processes() as processes, ExitStack() as stack:
        resumed = stack.enter_context(resume_run(resume)) if processes.is_first else None
        spec = processes.broadcast(lambda: resumed[0].model_dump(mode="json") if resumed else None)
        run = RunSpec.model_validate(spec)
        dataset = datasets.open(run.data, label=run.label, **run.reading)
        _train_and_write(run.model(), dataset, run, resumed[1] if resumed else None)


def _trainer(estimator: str, description: str) -> Callable[..., None]:
    """Return the command that trains an estimator of that name."""

    @reads
    def train(
        context: typer.Context,
        out: RunOut,
        data: Data = None,
        label: Label = None,
        force: Force = False,
        checkpoint_every: CheckpointEvery = "60s",
        lang: Language = "en",
        tensorboard: Board = False,
        no_report: NoReport = False,
        *,
        reading: dict[str, Any],
        parameters: dict[str, Any],
    ) -> None:
        from utsushi.integrations.tensorboard import require_tensorboard
        from utsushi.report import check_language
        from utsushi.runs import RunSpec, begin_run, check_free, resume_or_begin
        from utsushi.training.checkpoint import Interval
        from utsushi.training.data_parallel import was_restarted

        with _processes() as processes:
            check_language(lang)
            if tensorboard:
                require_tensorboard()
            Interval.parse(checkpoint_every)
            model = model_of(estimator, parameters)
            source = data or DEFAULT_DATA
            if processes.is_first and not was_restarted():
                check_free(out, force=force)
            quietly = not processes.is_first
            dataset = training_rows(context, model, source, label, reading, quietly=quietly)
            run = RunSpec.of(
                model,
                data=source_name(source),
                label=label,
                reading=recorded(reading, dataset),
                language=lang,
                checkpoint_every=checkpoint_every,
                tensorboard=tensorboard,
                report=not no_report,
            )
            if not processes.is_first:
                _train_and_write(model, dataset, run, None)
                return
            if was_restarted():
                run_folder = resume_or_begin(out, run, force=force)
            else:
                run_folder = begin_run(out, run)
            with run_folder as folder:
                _train_and_write(model, dataset, run, folder)

    train.__doc__ = description
    return train


for _name, (_estimator, _parameters, _description) in TRAINED.items():
    app.command(_name)(takes(_parameters)(_trainer(_estimator, _description)))


@contextmanager
def _processes() -> Iterator[ProcessGroup]:
    """Join the processes that torchrun started; only the first one prints and warns."""
    from utsushi.exceptions import EndedByAnother
    from utsushi.training.data_parallel import process_group

    try:
        with process_group() as processes, warnings.catch_warnings():
            if not processes.is_first:
                warnings.simplefilter("ignore")
            yield processes
    except EndedByAnother:
        raise typer.Exit(1) from None


def _together(*callbacks: Any) -> Callable[[Any, dict[str, Any]], None] | None:
    """Return one callback of ``fit`` that calls those that are not None, or None."""
    present = [callback for callback in callbacks if callback is not None]

    def call(model: Any, row: dict[str, Any]) -> None:
        for callback in present:
            callback(model, row)

    return call if present else None


def _train_and_write(
    model: BaseAutoencoder, dataset: Dataset, run: RunSpec, folder: Path | None
) -> None:
    """Train and evaluate a model, and write its run; an interrupted one can be resumed.

    ``folder`` is None in all data-parallel processes except the first, which writes the run.
    """
    from utsushi.exceptions import TrainingInterrupted
    from utsushi.integrations.tensorboard import TensorBoard
    from utsushi.report import FilmRecorder
    from utsushi.runs import FRAMES, tables_of, write_run

    recorder = FilmRecorder(*dataset.measured, folder=folder / FRAMES) if folder else None
    log = folder / "tensorboard" if folder and run.tensorboard else None
    try:
        with nullcontext() if log is None else TensorBoard(log) as board:
            model.fit(
                dataset.X_train,
                dataset.y_train,
                checkpoint_dir=folder or "checkpoints",  # only the first process uses it
                checkpoint_every=run.checkpoint_every,
                on_epoch=_together(board, recorder),
                columns=dataset.columns,
            )
    except TrainingInterrupted as stop:  # typer would handle it as Ctrl-C
        if folder is None:
            raise typer.Exit(128 + stop.signal) from None
        command = f"utsushi train --resume {shlex.quote(str(folder.parent))}"
        note(f"{stop.signal.name} stopped the training after a checkpoint; continue with {command}")
        raise typer.Exit(128 + stop.signal) from None
    if folder is None:
        return
    results = write_run(
        folder.parent,
        model,
        dataset,
        source=run.data,
        label=run.label,
        reading=run.reading,
        force=True,  # the folder is the run itself, or is to be replaced
        language=run.language,
        tensorboard=log,
        report=run.report,
        film=recorder.film if recorder else None,
    )
    typer.echo(as_text(tables_of(results)))
    if dataset.X_test is None:
        note(
            f"measured on the training samples: {dataset.name} has no test part; for new samples: "
            f"utsushi evaluate {shlex.quote(str(folder.parent))} --data SOURCE"
        )
    run_path = shlex.quote(str(folder.parent))
    if run.report:
        note(f"the run: {folder.parent} (open {folder.parent}/report.html)")
    else:
        command = report_command(folder.parent, run.language)
        note(f"the run: {folder.parent} (make its report with {command})")
    note(f"to measure its codes as features: utsushi evaluate {run_path}")
