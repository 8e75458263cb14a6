"""``utsushi encode --engine ray``: encode the samples of a source on a cluster."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from utsushi._utils.files import folder_being_written
from utsushi._utils.optional_dependencies import require_extra
from utsushi.cli.output import check_output
from utsushi.cli.rows import dataset_of, label_name_of, reading_of
from utsushi.exceptions import SettingError, UtsushiError

if TYPE_CHECKING:
    from utsushi.runs import Run

__all__ = ["encode_by_ray"]

#: Samples in a block of a source that this process reads.
RAY_BLOCK_ROWS = 50_000


def encode_by_ray(
    run: Run,
    out: str,
    data: str | None,
    label: str | None,
    workers: int | None,
    reading: Mapping[str, Any],
) -> Path:
    """Write the codes of all samples of a source, in order, as a folder of Parquet files.

    The cluster reads Parquet files and folders of them, which it must be able to access, as well
    as ``out``. This process reads all other sources.

    Parameters
    ----------
    run : Run
    out : str
        The folder; it must not exist, and is created only when complete.
    data, label : str or None
        As for ``encode``.
    workers : int or None
        The number of worker processes.
    reading : mapping
        Options for reading the source that differ from those of the training.

    Returns
    -------
    Path
    """
    check_output(out, [".parquet"])
    if Path(out).exists():
        raise SettingError(
            f"--out must be the name of a new folder, for Parquet files, got {out!r}, which "
            "exists. Choose another one, or remove it."
        )
    require_extra("ray", "ray", what="--engine ray", otherwise="use --engine own")
    import ray
    from ray.exceptions import RayError

    from utsushi.integrations.ray import encode

    cluster: AbstractContextManager[object] = nullcontext()
    if not ray.is_initialized():  # the cluster at RAY_ADDRESS, or one on this machine
        cluster = ray.init(log_to_driver=False, logging_level=logging.ERROR)
    try:
        with cluster, folder_being_written(Path(out).absolute()) as folder:
            dataset, features = _rows_of(run, data, label, reading)
            dataset.context.execution_options.preserve_order = True
            encode(dataset, run.model, columns=features, workers=workers).write_parquet(str(folder))
    except RayError as error:
        raise SettingError(
            f"a worker of the cluster failed ({_reason(str(error))}). Fix the cause, read Ray's "
            "logs, or use --engine own."
        ) from error
    return Path(out)


def _rows_of(
    run: Run, data: str | None, label: str | None, reading: Mapping[str, Any]
) -> tuple[Any, list[str] | None]:
    """Return a Ray dataset of features and labels, and the names of its features.

    The names are None for a table for which the model has a schema.
    """
    import pyarrow
    import ray.data

    from utsushi.datasets.arrow_columns import are_bytes
    from utsushi.datasets.parquet import check_parts, find_parts, read_footer
    from utsushi.datasets.tables import find_column

    source, label_name = data, label
    if source is None and run.config is not None:
        source, label_name = run.config.data, label or run.config.label
    features, schema = run.feature_names, getattr(run.model, "columns_", None)
    if schema is not None:  # The workers read it from the model file.
        run.model.columns_ = schema = schema.with_handle_unknown(reading.get("handle_unknown"))
        features = [column.name for column in schema.columns]
    files = [] if source is None or features is None else find_parts(Path(source))
    if source is None or features is None or not files:
        return _opened(run, data, label, reading)
    check_parts(files)
    schema_of_file = read_footer(files[0])[1]
    names = [*features, *([] if label_name is None else [label_name])]
    for name in names:
        find_column(schema_of_file.empty_table(), source, name, ", as in training")
    if schema is None:  # The workers divide only columns of uint8 by 255.
        pixels = reading_of(run, source, label_name, reading)[0].pixels
        if pixels is not None and pixels != are_bytes(
            pyarrow.schema(map(schema_of_file.field, features))
        ):
            return _opened(run, data, label, reading)
    rows = ray.data.read_parquet([str(file) for file in files], columns=names)
    return rows, features if schema is None else None


def _opened(
    run: Run, data: str | None, label: str | None, reading: Mapping[str, Any]
) -> tuple[Any, list[str]]:
    """Read a source in this process, as a Ray dataset of blocks."""
    import numpy as np
    import pyarrow
    import ray.data

    dataset = dataset_of(run, data, label, reading)
    features = [f"x{index}" for index in range(dataset.X_train.shape[1])]
    name = label_name_of(run, label, reserved=features)
    blocks = []
    for X, y in dataset.parts:
        for start in range(0, len(X), RAY_BLOCK_ROWS):
            rows = slice(start, start + RAY_BLOCK_ROWS)
            columns = dict(zip(features, np.asarray(X[rows]).T, strict=True))
            blocks.append(pyarrow.table(columns if y is None else {**columns, name: y[rows]}))
    return ray.data.from_arrow(blocks), features


def _reason(traceback: str) -> str:
    """Return the message of the last error of this library in a traceback, or its last line.

    Ray converts the chain of errors of a worker to this text.
    """
    ours = re.findall(rf"^{UtsushiError.__module__}\.\w+: (.+)$", traceback, re.MULTILINE)
    return str(ours[-1]) if ours else [line for line in traceback.splitlines() if line.strip()][-1]
