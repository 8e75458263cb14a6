"""What several commands share: their options, and where their rows come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from utsushi.cli.parameters import integer
from utsushi.exceptions import DataError, RunError, SettingError

if TYPE_CHECKING:
    from utsushi.datasets import Dataset
    from utsushi.datasets.reading import Reading
    from utsushi.estimators import BaseAutoencoder
    from utsushi.runs import Run

__all__ = [
    "AsJson",
    "Data",
    "Everything",
    "Force",
    "Label",
    "Language",
    "NoReport",
    "Out",
    "RandomState",
    "RunPath",
    "Seed",
    "check_kind",
    "check_names",
    "dataset_of",
    "fit_to",
    "image_shape_of",
    "label_name_of",
    "mask_to",
    "measured_by",
    "note",
    "note_reasons",
    "note_skipped",
    "reading_of",
    "recorded",
    "report_command",
    "shape_to",
    "training_rows",
]

RunPath = Annotated[
    str, typer.Argument(metavar="RUN", help="A run folder, or a model file.", show_default=False)
]
Data = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCE",
        help="A bundled name, a table, an array or IDX file, or a folder of Parquet or images.",
        show_default=False,
    ),
]
Label = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="The column of a table that holds the labels."),
]
Out = Annotated[str, typer.Option(metavar="FILE", help="Where to write.", show_default=False)]
RandomState = Annotated[
    Any, typer.Option(parser=integer, metavar="N", help="The seed; else a new one each time.")
]

Force = Annotated[bool, typer.Option("--force", help="Replace a run that stands there.")]
Language = Annotated[str, typer.Option("--lang", metavar="en|ja", help="Of the report.")]
NoReport = Annotated[
    bool,
    typer.Option("--no-report", help="No figures and no report; utsushi report makes them later."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, not tables.")]
Everything = Annotated[
    bool, typer.Option("--all", help="Also the bound at K = 100, and generated rows.")
]
Seed = Annotated[Any, typer.Option(parser=integer, metavar="N", help="The seed of what is drawn.")]

#: What ``--data`` means when it is left out.
DEFAULT_DATA = "mnist20k"


def note(text: str) -> None:
    """Print a note for the eyes, on stderr; stdout is for data."""
    typer.echo(text, err=True)


def check_kind(to: str, *kinds: str) -> None:
    """Refuse what ``--to`` cannot make, before anything is computed."""
    if to not in kinds:
        raise SettingError(f"--to {to!r}, expected {' or '.join(kinds)}; give --to {kinds[0]}")


def report_command(run: str | Path, language: str) -> str:
    """Return the command that makes the report of a run trained without one."""
    return f"utsushi report {quote(str(run))}" + ("" if language == "en" else f" --lang {language}")


def source_name(data: str) -> str:
    """Return a source as a run remembers it: a bundled name as it is, a path made absolute."""
    from utsushi import datasets

    return data if data in datasets.names() else str(Path(data).resolve())


def measured_by(everything: bool) -> dict[str, Any]:
    """Return what ``--all`` asks of an evaluation; nothing without it."""
    from utsushi.evaluation import GROUPS

    return {"groups": GROUPS, "n_importance_samples": (100,)} if everything else {}


def shape_to(model: BaseAutoencoder, dataset: Dataset) -> None:
    """Let a model learn from the source what shape its images have."""
    if model.image_shape is None and dataset.image_shape is not None:
        model.set_params(image_shape=dataset.image_shape)


def mask_to(model: BaseAutoencoder, dataset: Dataset, *, quietly: bool = False) -> None:
    """Let a model mask what a table lacks, and say so."""
    from utsushi._utils.validation import has_missing

    if dataset.columns is not None and has_missing(dataset.X_train):
        model.set_params(missing="mask")
        if not quietly:
            note(f"{dataset.name} lacks values, which are masked out of the loss (--missing mask)")


def is_said(context: typer.Context, name: str) -> bool:
    """Tell whether an option stands on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def fit_to(model: BaseAutoencoder, dataset: Dataset) -> None:
    """Fit a model to the training rows."""
    shape_to(model, dataset)
    mask_to(model, dataset)
    model.fit(dataset.X_train, dataset.y_train, columns=dataset.columns)


def training_rows(
    context: typer.Context,
    model: BaseAutoencoder,
    source: str,
    label: str | None,
    reading: dict[str, Any],
    *,
    quietly: bool = False,
) -> Dataset:
    """Open the rows to train a model on; what no option says, the model learns from them."""
    from utsushi import datasets

    dataset = datasets.open(source, label=label, **reading)
    shape_to(model, dataset)
    if not quietly:
        note_skipped(dataset)
    if not is_said(context, "missing"):
        mask_to(model, dataset, quietly=quietly)
    return dataset


def note_skipped(dataset: Dataset) -> None:
    """Say how many images were left out, and which."""
    note_reasons(dataset.skipped, dataset.name)


def note_reasons(skipped: Sequence[str], name: str) -> None:
    """Say how many images of a source cannot be read, and why."""
    if skipped:
        images = "1 image was" if len(skipped) == 1 else f"{len(skipped)} images were"
        note(f"{images} left out of {name}:")
    for reason in skipped:
        note(f"  {reason}")


def recorded(reading: Mapping[str, Any], dataset: Dataset) -> dict[str, Any]:
    """Return how a source was read, as a run remembers it: also whether it held pixels."""
    if dataset.pixels is None or dataset.columns is not None:
        return dict(reading)
    return {"pixels": dataset.pixels, **reading}


def dataset_of(
    run: Run, data: str | None, label: str | None, reading: Mapping[str, Any]
) -> Dataset:
    """Open the rows to use with a run: the named source, or the one it was trained on.

    They are read as the run's were; options of the command line come first.
    """
    from utsushi.datasets.sources import open_reading

    if data is None:
        if run.config is None:
            raise RunError(
                "the model file stands in no run that says what it was trained on, expected "
                "rows; name them with --data"
            )
        data = run.config.data
    dataset = open_reading(data, reading_of(run, data, label, reading)[0])
    note_skipped(dataset)
    _note_unknown(dataset)
    expected = run.model.n_features_in_
    if dataset.X_train.shape[1] != expected:
        raise DataError(
            f"{data!r} has {dataset.X_train.shape[1]} features, expected {expected} as the model "
            f"was trained on{_trained_on(run)}; name other rows with --data"
        )
    check_names(data, dataset.feature_names, run.feature_names)
    return dataset


def _note_unknown(dataset: Dataset) -> None:
    """Say how many values are none of the categories of training, where these are ignored."""
    if dataset.columns is None or dataset.columns.handle_unknown != "ignore":
        return
    for name, count in dataset.columns.count_unknown(dataset.X).items():
        values = "1 value" if count == 1 else f"{count} values"
        note(f"{dataset.name} has {values} in column {name!r} unknown to the model, read as zeros")


def _trained_on(run: Run) -> str:
    return "" if run.config is None else f" with {run.config.data!r}"


def reading_of(
    run: Run, data: str, label: str | None, options: Mapping[str, Any]
) -> tuple[Reading, dict[str, Any]]:
    """Return how to read a source for a model, and the options that a run of it should record.

    Options of the command line come before those of the model's training; images are fitted to
    the size and the colour that the model takes.
    """
    from utsushi.datasets.reading import Reading

    remembered: dict[str, Any] = {}
    if run.config is not None:
        remembered |= {str(name): value for name, value in run.config.reading.items()}
        remembered |= {} if run.config.label is None else {"label": run.config.label}
    recorded_options = {name: remembered[name] for name in remembered if name != "label"}
    columns = getattr(run.model, "columns_", None)
    if columns is not None:  # they hold the rest
        remembered = {name: remembered[name] for name in ("label", "drop") if name in remembered}
    if Path(data).is_dir():
        remembered |= _image_options(run.model)
    explicit = {**options, **({} if label is None else {"label": label})}
    chosen = remembered | explicit
    reading = Reading.of(
        **chosen, columns=columns, optional=tuple(remembered.keys() - explicit.keys())
    )
    return reading, {**recorded_options, **options}


def _image_options(model: BaseAutoencoder) -> dict[str, Any]:
    """Return what images of a folder are made for a model of images."""
    shape = getattr(model, "image_shape", None)
    if shape is None or (len(shape) == 3 and shape[0] != 3):
        return {}
    color = "grey" if len(shape) == 2 else "rgb"
    return {"image_size": [int(size) for size in shape[-2:]], "color": color}


def check_names(data: str, given: Sequence[str] | None, known: Sequence[str] | None) -> None:
    """Refuse columns whose names are not those of the training, in their order."""
    if given is None or known is None:
        return
    for index, (found, expected) in enumerate(zip(given, known, strict=True)):
        if found != expected:
            raise DataError(
                f"{data!r} has {found!r} as column {index} (counting from 0), expected "
                f"{expected!r} as in training; put the columns in the same order"
            )


def label_name_of(run: Run, label: str | None, *, reserved: Sequence[str] = ()) -> str:
    """Return what the column of the labels is called: as in the table that they come from."""
    if label is None and run.config is not None:
        label = run.config.label
    return "y" if label is None or label in reserved else label


def image_shape_of(run: Run, dataset: Dataset | None = None) -> tuple[int, ...] | None:
    """Return the shape of a row as an image, if it is one."""
    shape = run.model.image_shape
    if shape is None and dataset is not None:
        shape = dataset.image_shape
    return None if shape is None else tuple(shape)
