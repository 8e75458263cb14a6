"""``utsushi encode --engine ray``: the rows of a source through the workers of a cluster."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utsushi._utils.files import folder_being_written, one_line
from utsushi.cli.common import dataset_of, label_name_of, reading_of
from utsushi.cli.outputs import check_output
from utsushi.exceptions import DataError, SettingError, UtsushiError

if TYPE_CHECKING:
    from utsushi.runs import Run
    from utsushi.transforms.table_schema import Column, Columns

__all__ = ["encode_by_ray"]

#: Rows of a block, where this process reads the source.
RAY_BLOCK_ROWS = 50_000


def encode_by_ray(
    run: Run,
    out: str,
    data: str | None,
    label: str | None,
    workers: int | None,
    reading: Mapping[str, Any],
) -> Path:
    """Write the codes of all rows of a source, in their order, as a folder of Parquet files.

    Parquet and CSV files, and folders of the former, are read by the cluster, which has to see
    them as well as the folder; what else `utsushi.datasets.open` takes, by this process.

    Parameters
    ----------
    run : Run
    out : str
        The folder, whole or not at all; nothing may stand there.
    data, label : str or None
        As for ``encode``.
    workers : int or None
        Processes that hold the model.
    reading : mapping
        How the source is read, where that is not as in training.

    Returns
    -------
    Path
    """
    check_output(out, [".parquet"])
    if Path(out).exists():
        raise SettingError(
            f"--out {out!r} exists, expected a new name, for a folder of Parquet files; choose "
            "another one, or remove it"
        )
    from utsushi._utils.optional_dependencies import require_extra

    require_extra("ray", "ray", what="--engine ray", otherwise="take --engine own")
    from utsushi.integrations.ray import encode

    with _connected(), _in_our_words(), folder_being_written(Path(out).absolute()) as folder:
        dataset, features = _rows_of(run, data, label, reading)
        dataset.context.execution_options.preserve_order = True
        encode(dataset, run.model, columns=features, workers=workers).write_parquet(str(folder))
    return Path(out)


def _rows_of(
    run: Run, data: str | None, label: str | None, reading: Mapping[str, Any]
) -> tuple[Any, list[str] | None]:
    """Return a Ray dataset of features and labels, and which of its columns are features.

    Of the rows of a table that the model knows, None: a worker reads the table's own columns.
    """
    import ray.data

    source = data
    if source is None and run.config is not None:
        source, label = run.config.data, label or run.config.label
    known: Columns | None = getattr(run.model, "columns_", None)
    if known is not None:  # which go to the workers in the model's file
        known = known.with_handle_unknown(reading.get("handle_unknown"))
        run.model.columns_ = known
    names = run.feature_names
    kind, files = ("", []) if source is None or names is None else _table_files(source)
    if names is None or not files:
        return _opened(run, data, label, reading)
    pixels = reading_of(run, str(source), label, reading)[0].pixels
    if known is None and not _is_read_alike(kind, files, names, pixels):
        return _opened(run, data, label, reading)
    if known is not None:
        names = [column.name for column in known.columns]
    wanted = [*names, *([] if label is None else [label])]
    for file in files:
        _check_columns(file, kind, wanted)
    if kind == ".parquet":
        rows = ray.data.read_parquet(files, columns=wanted)
    else:
        rows = _csv_rows(files, wanted, known, label)
    return rows, names if known is None else None


def _is_read_alike(kind: str, files: list[str], names: list[str], pixels: bool | None) -> bool:
    """Tell whether a worker, which divides uint8 by 255 and nothing else, reads what is meant."""
    import pyarrow

    from utsushi.datasets.arrow_files import read_footer
    from utsushi.datasets.arrow_types import are_bytes

    if pixels is None or kind == ".csv":
        return not pixels
    schema = read_footer(Path(files[0]))[1]
    found = [schema.field(name) for name in names if name in schema.names]
    return are_bytes(pyarrow.schema(found)) == pixels


def _table_files(source: str) -> tuple[str, list[str]]:
    """Return the kind and the files of a table that a cluster can read, in order; else no file."""
    from utsushi.datasets.arrow_files import find_parts, has_header

    path = Path(source)
    if path.is_dir():
        return ".parquet", [str(part) for part in find_parts(path)]
    kind = path.suffix.lower()
    is_table = kind == ".parquet" or (kind == ".csv" and has_header(path))
    return kind, [source] if is_table else []


def _csv_rows(files: list[str], wanted: list[str], known: Columns | None, label: str | None) -> Any:
    """Return a Ray dataset of CSV files."""
    import ray.data

    from utsushi.datasets.column_values import with_blanks_missing

    rows = ray.data.read_csv(files, convert_options=_csv_options(wanted, known))
    if known is None:
        return rows
    return rows.map_batches(with_blanks_missing, batch_format="pyarrow", fn_args=(label,))


def _csv_options(wanted: list[str], known: Columns | None) -> Any:
    """Say how Arrow reads a CSV file: its guess at a type would hang on the first rows alone."""
    from pyarrow.csv import ConvertOptions

    types = {} if known is None else {column.name: _type_of(column) for column in known.columns}
    return ConvertOptions(include_columns=wanted, column_types=types)


def _type_of(column: Column) -> Any:
    """Return the type that a column of a CSV file is to be read as."""
    import pyarrow

    is_truth = column.kind == "truth" or isinstance(next(iter(column.categories), None), bool)
    if is_truth:
        return pyarrow.bool_()
    return pyarrow.float64() if column.kind == "number" else pyarrow.string()


def _check_columns(source: str, kind: str, wanted: list[str]) -> None:
    """Refuse a table that lacks a column, before the cluster begins."""
    import pyarrow.dataset

    try:
        found = pyarrow.dataset.dataset(source, format=kind[1:]).schema.names
    except (OSError, ValueError) as error:  # an error of pyarrow is one of these
        raise DataError(
            f"{source!r} cannot be read ({one_line(error)}), expected a table; name "
            "rows with --data"
        ) from error
    for name in wanted:
        if name not in found:
            raise DataError(
                f"{source!r} has no column {name!r}, expected one as in training; name other rows "
                "with --data"
            )


def _opened(
    run: Run, data: str | None, label: str | None, reading: Mapping[str, Any]
) -> tuple[Any, list[str] | None]:
    """Read a source in this process, and hand its rows on in blocks."""
    import numpy as np
    import pyarrow as pa
    import ray.data

    dataset = dataset_of(run, data, label, reading)
    features = [f"x{index}" for index in range(dataset.X_train.shape[1])]
    name = label_name_of(run, label, reserved=features)
    blocks = []
    for X, y in dataset.parts:
        for start in range(0, len(X), RAY_BLOCK_ROWS):
            rows = slice(start, start + RAY_BLOCK_ROWS)
            columns = dict(zip(features, np.asarray(X[rows]).T, strict=True))
            blocks.append(pa.table(columns if y is None else {**columns, name: y[rows]}))
    return ray.data.from_arrow(blocks), features


@contextmanager
def _connected() -> Iterator[None]:
    """Be connected to the cluster that RAY_ADDRESS names, or to one of this machine."""
    import ray

    if ray.is_initialized():
        yield
        return
    ray.init(log_to_driver=False, logging_level=logging.ERROR)
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _in_our_words() -> Iterator[None]:
    """Say of a failure in a worker what the worker said, without the layers around it."""
    from ray.exceptions import RayError

    try:
        yield
    except RayError as error:
        raise SettingError(
            f"a worker of the cluster failed ({_reason(str(error))}), expected none to; mend that, "
            "see Ray's logs, or take --engine own"
        ) from error


def _reason(traceback: str) -> str:
    """Return the last error of ours in a traceback, or else its last line.

    Ray sends a worker's chain of errors as this text: of the errors themselves, the last alone.
    """
    ours = re.findall(rf"^{UtsushiError.__module__}\.\w+: (.+)$", traceback, re.MULTILINE)
    return str(ours[-1]) if ours else [line for line in traceback.splitlines() if line.strip()][-1]
