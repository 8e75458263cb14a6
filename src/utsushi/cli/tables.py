"""What the commands share for models of tables, whose rows are data frames."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utsushi._utils.files import being_written
from utsushi.cli.output import BLOCK_ROWS, check_output, note, progress_bar, write_blocks
from utsushi.cli.rows import source_name
from utsushi.exceptions import DataError, RunError, SettingError

if TYPE_CHECKING:
    from utsushi.datasets import FrameDataset
    from utsushi.estimators import TableAutoencoder
    from utsushi.runs import Run

__all__ = [
    "FRAMES",
    "as_arrow",
    "encode_frame",
    "frame_of",
    "given_values",
    "labels_of_rows",
    "refuse_options",
    "rows_for_model",
    "texts_of",
    "training_frame",
    "write_frame_file",
]

#: The files that hold a data frame.
FRAMES = [".csv", ".parquet"]


def refuse_options(model: Any, **options: Any) -> None:
    """Refuse options that a model of tables does not have, with what to do in their place.

    Parameters
    ----------
    model : TableAutoencoder
    **options
        The values, by the option's name; or pairs of a value and the fix.
    """
    for name, option in options.items():
        value, fix = option if isinstance(option, tuple) else (option, None)
        if value not in (None, False, {}):
            flag = f"--{name}".replace("_", "-")
            got = "" if value is True else f", got {value}"
            raise SettingError(
                f"{flag} must not be set for a {type(model).__name__}{got}. "
                f"{fix or f'Leave {flag} out'}."
            )


def frame_of(
    run: Run, data: str | None, reading: Mapping[str, Any], *, target: str | None = None
) -> FrameDataset:
    """Open the named table for a run, or the one that it was trained on, as its model needs it."""
    from utsushi.datasets import open_frame

    model = run.model
    refuse_options(model, **{name: value for name, value in reading.items() if name != "drop"})
    if data is None and run.config is None:
        raise RunError(
            "--data is missing: the model file is in no run folder that names its training "
            "data. Name a table with --data."
        )
    recorded: dict[Any, Any] = {} if run.config is None else run.config.reading
    source = data or run.config.data  # type: ignore[union-attr]
    is_own = run.config is not None and source_name(source) == run.config.data
    dataset = open_frame(
        source,
        drop=reading.get("drop", ()),
        target=target,
        test_fraction=recorded.get("test_fraction", 0.0) if is_own else 0.0,
        texts=texts_of(model),
    )
    if target is None and recorded.get("target") in dataset.feature_names:
        target = recorded.get("target")
    return _with_columns_of(model, dataset, target, known=recorded.get("drop", ()))


def texts_of(model: TableAutoencoder) -> list[str]:
    """Return the names of the columns of texts, which may look like numbers."""
    numbers = ("Int", "UInt", "Float", "Decimal", "Boolean", "Date", "Array")
    return [c.name for c in model.codec_.columns if not c.dtype.startswith(numbers)]


def _with_columns_of(
    model: TableAutoencoder, dataset: FrameDataset, target: str | None, known: Any
) -> FrameDataset:
    """Return a dataset with the columns of a model; print a note on the others."""
    table = rows_for_model(model, dataset.X, dataset.name)
    if target is not None and target not in table.column_names:
        raise DataError(
            f"--target must name a column that the model was trained on, got {target!r}. Its "
            f"columns are {', '.join(table.column_names)}."
        )
    more = [n for n in dataset.feature_names if n not in table.column_names and n not in known]
    if more:
        shown = ", ".join(map(repr, more[:5])) + (" …" if len(more) > 5 else "")
        note(f"left out of {dataset.name}, because the model was not trained on them: {shown}")
    return replace(dataset, X=table, target=target)


def rows_for_model(model: TableAutoencoder, table: Any, name: str) -> Any:
    """Return the columns of an Arrow table that a model was trained on, in its order.

    A column that the model does not use, an identifier or a constant, may be missing.
    """
    import pyarrow as pa

    from utsushi.datasets.tables import find_column

    if not hasattr(model, "feature_names_in_"):
        raise SettingError(
            "the model must be fitted to a data frame, got one that was fitted to an array without "
            "names of columns. Fit it to a data frame."
        )
    columns = {}
    for column in model.codec_.columns:
        if column.name not in table.column_names and not column.width:
            columns[column.name] = pa.nulls(len(table))
        else:
            place = find_column(table, name, column.name, ", as in training")
            columns[column.name] = table.column(place)
    return pa.table(columns)


def training_frame(run: Run) -> Any:
    """Return the training rows of a run, or None with a note if they cannot be read."""
    if run.config is None:
        return None
    try:
        return frame_of(run, None, {}).X_train
    except DataError as error:
        note(f"measured without the training rows, which cannot be read: {error}")
        return None


def given_values(model: TableAutoencoder, words: list[str]) -> dict[str, Any]:
    """Return the values of ``--given``, such as "town=Kobe", by column, as numbers if they are."""
    kinds = {column.name: column for column in model.codec_.encoded}
    given: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals or name not in kinds:
            raise SettingError(
                f"--given must be COLUMN=VALUE with one of the columns {', '.join(kinds)}, got "
                f"{word!r}."
            )
        column = kinds[name]
        has_numbers = not column.categories or isinstance(column.categories[0], float)
        if column.kind in ("date", "datetime") or not has_numbers:
            given[name] = text
            continue
        is_truth = column.kind == "truth" and text.lower() in ("true", "false")
        try:
            given[name] = float(text.lower() == "true" if is_truth else text)
        except ValueError:
            expected = "true or false" if column.kind == "truth" else "a number"
            raise SettingError(f"--given {name} must be {expected}, got {text!r}.") from None
    return given


def encode_frame(run: Run, out: str, dataset: FrameDataset, label: str | None) -> None:
    """Write the codes of the rows of a table, with a column of it as labels."""
    check_output(out, [".npy", ".npz", *FRAMES])
    names = [str(name) for name in run.model.get_feature_names_out()]
    name, labels = labels_of_rows(dataset, label)
    n_rows = len(dataset.X)

    def blocks() -> Iterator[Any]:
        for start in range(0, n_rows, BLOCK_ROWS):
            rows = dataset.X.slice(start, BLOCK_ROWS)
            some = None if labels is None else labels[start : start + BLOCK_ROWS]
            yield run.model.transform(rows), {} if some is None else {str(name): some}
            advance(len(rows))

    with progress_bar("encoding", n_rows) as advance:
        path = write_blocks(out, blocks(), names, n_rows)
    note(f"{n_rows} codes of {len(names)} components: {path}")


def labels_of_rows(dataset: FrameDataset, label: str | None) -> tuple[str | None, Any]:
    """Return the column of labels of a table, or else its target, and the values, if any."""
    from utsushi.datasets.reading import Reading
    from utsushi.datasets.tables import find_column, labels_of

    name = label or dataset.target
    if name is None:
        return None, None
    reading = Reading(label=name, optional=() if label else ("label",))
    place = find_column(dataset.X, dataset.name, name, " for the labels")
    return name, labels_of(dataset.X.column(place), dataset.name, reading)


def write_frame_file(path: str, frame: Any) -> Path:
    """Write a data frame of any library as ``.csv`` or ``.parquet``, with its types."""
    from pyarrow import csv, parquet

    table = as_arrow(frame)
    with being_written(Path(path)) as file:
        if path.lower().endswith(".csv"):
            csv.write_csv(table, file)
        else:
            parquet.write_table(table, file)
    return Path(path)


def as_arrow(frame: Any) -> Any:
    """Return a data frame of any library, or an array, as an Arrow table."""
    import pyarrow as pa

    from utsushi._utils.frames import read_frame, write_frame

    return frame if isinstance(frame, pa.Table) else write_frame(read_frame(frame)[0], "pyarrow")
