"""Open the dataset that the options of a command name, read as a model needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from utsushi.cli.output import note, note_skipped
from utsushi.exceptions import DataError, RunError

if TYPE_CHECKING:
    from utsushi.datasets import Dataset
    from utsushi.datasets.reading import Reading
    from utsushi.estimators import BaseAutoencoder
    from utsushi.runs import Run

__all__ = [
    "check_names",
    "dataset_of",
    "fit_to",
    "image_shape_of",
    "label_name_of",
    "mask_to",
    "reading_of",
    "recorded",
    "shape_to",
    "source_name",
    "training_rows",
]


def source_name(data: str) -> str:
    """Return the source as config.json records it: a bundled name, or an absolute path."""
    from utsushi import datasets

    return data if data in datasets.names() else str(Path(data).resolve())


def shape_to(model: BaseAutoencoder, dataset: Dataset) -> None:
    """Set the model's image shape to that of the dataset, if it has none."""
    if model.image_shape is None and dataset.image_shape is not None:
        model.set_params(image_shape=dataset.image_shape)


def mask_to(model: BaseAutoencoder, dataset: Dataset, *, quietly: bool = False) -> None:
    """Set the model to mask missing values of a table, and print a note."""
    from utsushi._utils.validation import has_missing

    if dataset.columns is not None and has_missing(dataset.X_train):
        model.set_params(missing="mask")
        if not quietly:
            note(f"{dataset.name} has missing values, which are masked (--missing mask)")


def fit_to(model: Any, dataset: Any) -> None:
    """Fit a model to the training samples, or to the training rows of a table."""
    from utsushi.datasets import FrameDataset

    if isinstance(dataset, FrameDataset):
        model.fit(dataset.X_train)
        return
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
    """Open a dataset to train a model on; set the image shape and masking that no option set."""
    from utsushi import datasets

    dataset = datasets.open(source, label=label, **reading)
    shape_to(model, dataset)
    if not quietly:
        note_skipped(dataset.skipped, dataset.name)
    origin = context.get_parameter_source("missing")
    if origin is None or origin.name != "COMMANDLINE":
        mask_to(model, dataset, quietly=quietly)
    return dataset


def recorded(reading: Mapping[str, Any], dataset: Dataset) -> dict[str, Any]:
    """Return the reading options as config.json records them, including ``pixels``."""
    if dataset.pixels is None or dataset.columns is not None:
        return dict(reading)
    return {"pixels": dataset.pixels, **reading}


def dataset_of(
    run: Run, data: str | None, label: str | None, reading: Mapping[str, Any]
) -> Dataset:
    """Open the named dataset for a run, or the one that it was trained on.

    It is read as in training, unless an option says otherwise.
    """
    from utsushi.datasets.sources import open_reading

    if data is None:
        if run.config is None:
            raise RunError(
                "--data is missing: the model file is in no run folder that names its training "
                "data. Name a source with --data."
            )
        data = run.config.data
    dataset = open_reading(data, reading_of(run, data, label, reading)[0])
    note_skipped(dataset.skipped, dataset.name)
    _note_unknown(dataset)
    expected = run.model.n_features_in_
    if dataset.X_train.shape[1] != expected:
        raise DataError(
            f"{data!r} must have {expected} features, as the model was trained "
            f"on{_trained_on(run)}, got {dataset.X_train.shape[1]}. Name other samples with "
            "--data."
        )
    check_names(data, dataset.feature_names, run.feature_names)
    return dataset


def _note_unknown(dataset: Dataset) -> None:
    """Print how many values are categories that are not in the training data."""
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
    """Return how to read a source for a model, and the options to record in a new run.

    Options of the command line replace those of the model's training; images are converted to
    the size and the color of the model's.
    """
    from utsushi.datasets.reading import Reading

    defaults: dict[str, Any] = {}
    if run.config is not None:
        defaults |= {str(name): value for name, value in run.config.reading.items()}
        defaults |= {} if run.config.label is None else {"label": run.config.label}
    recorded_options = {name: defaults[name] for name in defaults if name != "label"}
    columns = getattr(run.model, "columns_", None)
    if columns is not None:  # the table schema has the other options
        defaults = {name: defaults[name] for name in ("label", "drop") if name in defaults}
    if Path(data).is_dir():
        defaults |= _image_options(run.model)
    explicit = {**options, **({} if label is None else {"label": label})}
    chosen = defaults | explicit
    reading = Reading.of(
        **chosen, columns=columns, optional=tuple(defaults.keys() - explicit.keys())
    )
    return reading, {**recorded_options, **options}


def _image_options(model: BaseAutoencoder) -> dict[str, Any]:
    """Return the size and the color to which images of a folder are converted for a model."""
    shape = getattr(model, "image_shape", None)
    if shape is None or (len(shape) == 3 and shape[0] != 3):
        return {}
    color = "grey" if len(shape) == 2 else "rgb"
    return {"image_size": [int(size) for size in shape[-2:]], "color": color}


def check_names(data: str, names: Sequence[str] | None, expected: Sequence[str] | None) -> None:
    """Check that columns have the names of the training data, in their order."""
    if names is None or expected is None:
        return
    for index, (name, expected_name) in enumerate(zip(names, expected, strict=True)):
        if name != expected_name:
            raise DataError(
                f"column {index} (counting from 0) of {data!r} must be {expected_name!r}, as in "
                f"training, got {name!r}. Put the columns in the same order."
            )


def label_name_of(run: Run, label: str | None, *, reserved: Sequence[str] = ()) -> str:
    """Return the name of the label column, as in the table that it comes from."""
    if label is None and run.config is not None:
        label = run.config.label
    return "y" if label is None or label in reserved else label


def image_shape_of(run: Run, dataset: Dataset | None = None) -> tuple[int, ...] | None:
    """Return the shape of a sample as an image, or None."""
    shape = run.model.image_shape
    if shape is None and dataset is not None:
        shape = dataset.image_shape
    return None if shape is None else tuple(shape)
