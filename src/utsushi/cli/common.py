"""What several commands share: their options, and where their rows come from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from utsushi.cli.parameters import integer
from utsushi.exceptions import DataError, RunError

if TYPE_CHECKING:
    from utsushi.datasets import Dataset
    from utsushi.runs import Run

__all__ = ["Data", "Label", "Out", "RandomState", "RunPath", "dataset_of", "image_shape_of", "note"]

RunPath = Annotated[
    str, typer.Argument(metavar="RUN", help="A run folder, or a model file.", show_default=False)
]
Data = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCE",
        help="A bundled name, a .npy, .npz or .csv file, or a folder of images.",
        show_default=False,
    ),
]
Label = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="The column of a CSV file that holds the labels."),
]
Out = Annotated[str, typer.Option(metavar="FILE", help="Where to write.", show_default=False)]
RandomState = Annotated[
    Any, typer.Option(parser=integer, metavar="N", help="The seed; else a new one each time.")
]

#: What ``--data`` means when it is left out.
DEFAULT_DATA = "mnist20k"


def note(text: str) -> None:
    """Print a note for the eyes, on stderr; stdout is for data."""
    typer.echo(text, err=True)


def source_name(data: str) -> str:
    """Return a source as a run remembers it: a bundled name as it is, a path made absolute."""
    return str(Path(data).resolve()) if Path(data).exists() else data


def dataset_of(run: Run, data: str | None, label: str | None) -> Dataset:
    """Open the rows to use with a run: the named source, or the one it was trained on."""
    from utsushi import datasets

    if data is None:
        if run.config is None:
            raise RunError(
                "the model file stands in no run that says what it was trained on, expected "
                "rows; name them with --data"
            )
        data, label = run.config.data, run.config.label
    dataset = datasets.open(data, label=label)
    expected = run.model.n_features_in_
    if dataset.X.shape[1] != expected:
        raise DataError(
            f"{data!r} has {dataset.X.shape[1]} features, expected {expected} as the model was "
            "trained on; name other rows with --data"
        )
    return dataset


def image_shape_of(run: Run, dataset: Dataset | None = None) -> tuple[int, ...] | None:
    """Return the shape of a row as an image, if it is one."""
    shape = run.model.image_shape
    if shape is None and dataset is not None:
        shape = dataset.image_shape
    return None if shape is None else tuple(shape)
