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
    Target,
    column_names,
    model_of,
    number,
    reads,
    takes,
)
from utsushi.cli.output import as_text, note, report_command
from utsushi.cli.rows import recorded, source_name, training_rows
from utsushi.cli.threads import limit_threads, set_threads

if TYPE_CHECKING:
    from pathlib import Path

    from utsushi.datasets import Dataset, FrameDataset
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
    from utsushi.estimators.capabilities import takes_tables
    from utsushi.runs import RunSpec, resume_run

    with _processes() as processes, ExitStack() as stack:
        resumed = stack.enter_context(resume_run(resume)) if processes.is_first else None
        spec = processes.broadcast(lambda: resumed[0].model_dump(mode="json") if resumed else None)
        run = RunSpec.model_validate(spec)
        if processes.size == 1:
            set_threads(run.threads)
        model = run.model()
        dataset: Dataset | FrameDataset
        if takes_tables(model):
            dataset = datasets.open_frame(run.data, **run.reading)
        else:
            dataset = datasets.open(run.data, label=run.label, **run.reading)
        _train_and_write(model, dataset, run, resumed[1] if resumed else None)


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
        source = data or DEFAULT_DATA

        def opened(model: Any, *, quietly: bool) -> tuple[Dataset, dict[str, Any]]:
            dataset = training_rows(context, model, source, label, reading, quietly=quietly)
            return dataset, {"label": label, "reading": recorded(reading, dataset)}

        settings: dict[str, Any] = {"language": lang, "checkpoint_every": checkpoint_every}
        settings |= {"tensorboard": tensorboard, "report": not no_report}
        _train(estimator, parameters, out, source, opened, settings, force=force)

    train.__doc__ = description
    return train


def _table(
    out: RunOut,
    data: Annotated[
        str,
        typer.Option(
            metavar="SOURCE",
            help="A .csv, .parquet or .arrow file, or a folder of Parquet files.",
            show_default=False,
        ),
    ],
    target: Target = None,
    drop: Annotated[
        Any,
        typer.Option(parser=column_names, metavar="COLUMN,…", help="Columns to leave out."),
    ] = None,
    test_fraction: Annotated[
        Any,
        typer.Option(
            parser=number,
            metavar="X",
            help="Share of rows held out to measure the model; default: 0.2 of at least 100 rows.",
        ),
    ] = None,
    force: Force = False,
    checkpoint_every: CheckpointEvery = "60s",
    lang: Language = "en",
    tensorboard: Board = False,
    no_report: NoReport = False,
    *,
    parameters: dict[str, Any],
) -> None:
    def opened(model: Any, *, quietly: bool) -> tuple[FrameDataset, dict[str, Any]]:
        from utsushi.datasets import open_frame

        model.check_parameters()  # before a large table is read
        dataset = open_frame(data, drop=drop or (), target=target, test_fraction=test_fraction)
        reading = {"drop": list(drop or ()), "target": target}
        reading = {name: value for name, value in reading.items() if value}
        return dataset, {"reading": {**reading, "test_fraction": dataset.test_fraction}}

    settings: dict[str, Any] = {"language": lang, "checkpoint_every": checkpoint_every}
    settings |= {"tensorboard": tensorboard, "report": not no_report}
    _train("TableAutoencoder", parameters, out, data, opened, settings, force=force)


def _train(
    estimator: str,
    parameters: dict[str, Any],
    out: str,
    source: str,
    opened: Callable[..., tuple[Any, dict[str, Any]]],
    settings: dict[str, Any],
    *,
    force: bool,
) -> None:
    """Train a model and write its run, in one or several processes.

    ``opened`` returns the data for the model, and how they were read.
    """
    from utsushi.integrations.tensorboard import require_tensorboard
    from utsushi.report import check_language
    from utsushi.runs import RunSpec, begin_run, check_free, resume_or_begin
    from utsushi.training.checkpoint import Interval
    from utsushi.training.data_parallel import was_restarted

    with _processes() as processes:
        check_language(settings["language"])
        if settings["tensorboard"]:
            require_tensorboard()
        Interval.parse(settings["checkpoint_every"])
        model = model_of(estimator, parameters)
        if processes.is_first and not was_restarted():
            check_free(out, force=force)
        dataset, described = opened(model, quietly=not processes.is_first)
        limit_threads()
        run = RunSpec.of(model, data=source_name(source), **described, **settings)
        if not processes.is_first:
            _train_and_write(model, dataset, run, None)
            return
        if was_restarted():
            run_folder = resume_or_begin(out, run, force=force)
        else:
            run_folder = begin_run(out, run)
        with run_folder as folder:
            _train_and_write(model, dataset, run, folder)


for _name, (_estimator, _parameters, _description) in TRAINED.items():
    if _name == "table":
        _table.__doc__ = _description
        app.command(_name)(takes(_parameters)(_table))
    else:
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
    model: Any, dataset: Dataset | FrameDataset, run: RunSpec, folder: Path | None
) -> None:
    """Train and evaluate a model, and write its run; an interrupted one can be resumed.

    ``folder`` is None in all data-parallel processes except the first, which writes the run.
    """
    from utsushi.datasets import FrameDataset
    from utsushi.exceptions import TrainingInterrupted
    from utsushi.integrations.tensorboard import TensorBoard
    from utsushi.report import FilmRecorder
    from utsushi.runs import FRAMES, tables_of, write_run

    is_table, samples = isinstance(dataset, FrameDataset), {}
    recorder = None
    if not isinstance(dataset, FrameDataset):
        samples = {"y": dataset.y_train, "columns": dataset.columns}
        recorder = FilmRecorder(*dataset.measured, folder=folder / FRAMES) if folder else None
    log = folder / "tensorboard" if folder and run.tensorboard else None
    try:
        with nullcontext() if log is None else TensorBoard(log) as board:
            model.fit(
                dataset.X_train,
                checkpoint_dir=folder or "checkpoints",  # only the first process uses it
                checkpoint_every=run.checkpoint_every,
                on_epoch=_together(board, recorder),
                **samples,
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
    if is_table and dataset.X_test is not None:
        note(
            f"measured on {len(dataset.X_test):,} rows that were held out from the training "
            "(--test-fraction 0 trains on all rows)"
        )
    if dataset.X_test is None:
        no_test = "no rows are held out" if is_table else f"{dataset.name} has no test part"
        note(
            f"measured on the training samples: {no_test}; for new samples: "
            f"utsushi evaluate {shlex.quote(str(folder.parent))} --data SOURCE"
        )
    run_path = shlex.quote(str(folder.parent))
    if run.report:
        note(f"the run: {folder.parent} (open {folder.parent}/report.html)")
    else:
        command = report_command(folder.parent, run.language)
        note(f"the run: {folder.parent} (make its report with {command})")
    if not is_table:
        note(f"to measure its codes as features: utsushi evaluate {run_path}")
