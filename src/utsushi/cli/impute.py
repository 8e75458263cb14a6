"""``utsushi impute``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from utsushi._utils.files import being_written
from utsushi.cli.options import Out
from utsushi.cli.output import check_output, note
from utsushi.exceptions import DataError, SettingError

if TYPE_CHECKING:
    from utsushi.estimators import AutoencoderImputer

KINDS = [".csv", ".parquet"]


def impute(
    model: Annotated[
        str,
        typer.Argument(metavar="MODEL", help="The file of an imputer.", show_default=False),
    ],
    data: Annotated[
        str, typer.Argument(metavar="TABLE", help="A .csv or .parquet file.", show_default=False)
    ],
    out: Out,
) -> None:
    """Fill the gaps of a table by an AutoencoderImputer or a TableAutoencoder.

    As .csv or .parquet. Values that are known, and columns that the model does not have, stay as
    they are. For a run of utsushi train there is utsushi reconstruct --fill.
    """
    check_output(out, KINDS)
    if Path(data).suffix.lower() not in KINDS:
        raise SettingError(f"TABLE must end in {' or '.join(KINDS)}, got {data!r}.")
    from utsushi.estimators import AutoencoderImputer, TableAutoencoder, load

    fitted = load(model)
    if not isinstance(fitted, AutoencoderImputer | TableAutoencoder):
        raise SettingError(
            "MODEL must be the file of an AutoencoderImputer or a TableAutoencoder, got a "
            f"{type(fitted).__name__}. Use utsushi reconstruct --fill."
        )
    table = read_table(data)
    if isinstance(fitted, AutoencoderImputer):
        filled = _with_numbers(fitted, table, data)
    else:
        filled = fitted.impute(table)
    with being_written(Path(out)) as file:
        _write(filled, out, file)
    n_filled = _n_gaps(table) - _n_gaps(filled)
    note(f"{n_filled} gaps of {table.num_rows} rows filled: {out}")


def _n_gaps(table: Any) -> int:
    """Return the number of missing values of a table of pyarrow."""
    return sum(column.null_count for column in table.columns)


def read_table(path: str) -> Any:
    """Return a file as a table of pyarrow, with gaps where a number is NaN."""
    import pyarrow as pa
    from pyarrow import compute, csv, parquet

    try:
        table = csv.read_csv(path) if path.lower().endswith(".csv") else parquet.read_table(path)
    except pa.ArrowInvalid as error:
        raise DataError(f"{path!r} must be a table, got: {' '.join(str(error).split())}") from error
    for place, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            column = table.column(place)
            is_gap = compute.is_nan(column)
            column = compute.if_else(is_gap, pa.scalar(None, field.type), column)
            table = table.set_column(place, field, column)
    return table


def _with_numbers(imputer: AutoencoderImputer, table: Any, data: str) -> Any:
    """Return a table with the numbers that an imputer fills."""
    import numpy as np
    import pyarrow as pa

    names = list(getattr(imputer, "feature_names_in_", table.column_names))
    lacking = [name for name in names if name not in table.column_names]
    if lacking:
        raise DataError(
            f"{data!r} must have the columns of the training data, got none named {lacking[0]!r}."
        )
    columns = []
    for name in names:
        try:
            columns.append(table.column(name).cast(pa.float64()).to_numpy())
        except pa.ArrowInvalid as error:
            raise DataError(f"column {name!r} of {data!r} must have numbers.") from error
    filled = imputer.transform(_as_fitted(imputer, np.stack(columns, axis=1), names))
    kept = imputer.get_feature_names_out(None if hasattr(imputer, "feature_names_in_") else names)
    for name, values in zip(kept, np.asarray(filled).T, strict=True):
        place = table.column_names.index(name)
        if table.column(place).null_count:
            table = table.set_column(place, str(name), pa.array(values))
    return table


def _as_fitted(imputer: AutoencoderImputer, rows: Any, names: list[str]) -> Any:
    """Return rows as a frame, if the imputer was fitted to one; without it scikit-learn warns."""
    if not hasattr(imputer, "feature_names_in_"):
        return rows
    import pyarrow as pa

    return pa.table(dict(zip(names, rows.T, strict=True)))


def _write(table: Any, out: str, file: Any) -> None:
    """Write a table of pyarrow as CSV or Parquet."""
    from pyarrow import csv, parquet

    if out.lower().endswith(".csv"):
        csv.write_csv(table, file)
    else:
        parquet.write_table(table, file)
