"""Tables of numbers and categories as rows: CSV, Parquet, Arrow, and data frames."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.files import one_line
from utsushi.datasets.arrays import check_labels
from utsushi.datasets.arrow_columns import (
    are_bytes,
    are_pixels,
    dates_of,
    decoded,
    is_date,
    is_list,
    is_numeric,
    is_text,
    listed,
    rows_of_lists,
    stacked,
    value_type,
    values_of,
    whole_numbers,
    with_blanks_missing,
    with_whole_numbers,
)
from utsushi.datasets.dataset import Dataset
from utsushi.datasets.file_checks import check_unpacked, unreadable
from utsushi.datasets.reading import Reading
from utsushi.exceptions import DataError
from utsushi.transforms.table_schema import DATES, Column, TableSchema

__all__ = [
    "FEW_CATEGORIES",
    "check_pixel_columns",
    "common_unit",
    "csv_table",
    "features_and_labels",
    "find_column",
    "frame_table",
    "from_arrow",
    "from_frame",
    "infer_column",
    "infer_columns",
    "is_frame",
    "is_number",
    "labels_of",
    "load_arrow",
    "read_arrow",
    "read_csv",
    "select_columns",
]

#: The largest number of categories of a column.
MOST_CATEGORIES = 1000

#: More different texts are not categories if most rows differ.
FEW_CATEGORIES = 50

# A number with a unit or separators: $1,200 or 12 kg or 45%.
_QUANTITY = re.compile(
    r"(?P<before>[$€£¥])?\s?[-+−]?(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*[.,]?\d+)"
    r"(?P<after>\s+[^\W\d_]\S{0,11}|\s?[%‰°]\S{0,3}|(?P<glued>[^\W\d_]{1,12}))?"
)

_ISO_DATE = re.compile(r"\s*\d{4}-\d\d-\d\d")


def read_csv(path: Path, reading: Reading = Reading()) -> Dataset:  # noqa: B008 (frozen)
    """Read a CSV file in UTF-8.

    If every cell of the first row is a number or empty, the file has no header, and the names of
    the columns are their numbers, from 0. Blank cells, "NA", "nan" and similar ones are missing.
    The categories are the texts as written: 0123 and 123 differ.

    Raises
    ------
    DataError
        If the file is damaged, or a column is neither numbers nor categories.
    """
    table, has_names = csv_table(path, reading)
    return from_arrow(table, path.name, reading, has_names=has_names)


def csv_table(path: Path, reading: Reading, texts: Sequence[str] = ()) -> tuple[Any, bool]:
    """Read a CSV file as an Arrow table, and return whether its columns have names.

    The columns ``texts`` are text even if they look like numbers, and so are categories.
    """
    import pyarrow
    import pyarrow.csv

    columns = () if reading.columns is None else reading.columns.columns
    coded = [c.name for c in columns if c.kind == "category" and type(c.categories[0]) is not bool]
    types = dict.fromkeys([*reading.categorical, *coded, *texts], pyarrow.string())
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = next((row for row in csv.reader(file) if row), [])
        has_names = not all(is_number(cell) for cell in first if cell.strip())
        numbered = None if has_names else [str(number) for number in range(len(first))]
        table = pyarrow.csv.read_csv(
            path,
            read_options=pyarrow.csv.ReadOptions(column_names=numbered),
            convert_options=pyarrow.csv.ConvertOptions(column_types=types),
        )
    except (pyarrow.ArrowException, csv.Error, OSError, UnicodeDecodeError) as error:
        raise unreadable(
            path, "a CSV file in UTF-8", error, "Repair it or save it again"
        ) from error
    table = with_blanks_missing(table, None if "label" in reading.optional else reading.label)
    return with_whole_numbers(table, reading.categorical), has_names


def read_arrow(path: Path, reading: Reading = Reading()) -> Dataset:  # noqa: B008
    """Read a file in the format of Arrow, which is also that of Feather."""
    return from_arrow(load_arrow(path), path.name, reading)


def load_arrow(path: Path) -> Any:
    """Read an Arrow table from a file in the format of Arrow, with random access or a stream."""
    import pyarrow
    from pyarrow import ipc

    try:
        # A memory map would change with the file, or end the process.
        with pyarrow.OSFile(str(path)) as file:
            try:
                batches: Any = ipc.open_file(file)
                chunks = (batches.get_batch(i) for i in range(batches.num_record_batches))
            except pyarrow.ArrowInvalid:
                file.seek(0)
                batches = ipc.open_stream(file)
                chunks = iter(batches)
            batches_read, n_unpacked = [], 0
            for chunk in chunks:
                n_unpacked += chunk.nbytes
                check_unpacked(path, path.stat().st_size, n_unpacked)
                batches_read.append(chunk)
            return pyarrow.Table.from_batches(batches_read, batches.schema)
    except DataError:
        raise
    except (pyarrow.ArrowException, OSError) as error:
        expected = "Arrow's IPC format or Feather version 2"
        raise unreadable(path, expected, error, "Save it again") from error


def is_frame(source: Any) -> bool:
    """Return whether ``source`` is a table of pandas, polars, pyarrow or their like."""
    return hasattr(source, "__arrow_c_stream__") and hasattr(source, "columns")


def from_frame(frame: Any, reading: Reading = Reading()) -> Dataset:  # noqa: B008
    """Convert a data frame to a `Dataset`.

    Parameters
    ----------
    frame : DataFrame of pandas or polars, or a pyarrow Table
        An index of pandas is omitted, as are column names other than text.
    reading : Reading

    Returns
    -------
    Dataset
        float32 if every column of numbers is float32 or narrower, else float64. If all columns
        are uint8, they are pixels, and divided by 255.

    Raises
    ------
    DataError
        If a column is neither numbers nor categories.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"age": [31, 54], "town": ["Oslo", "Kobe"]})
    >>> from_frame(people).feature_names
    ('age', 'town=Kobe', 'town=Oslo')
    >>> from_frame(people, Reading(label="town"))
    Dataset('frame': 2 samples, 1 features, float64, labelled)
    """
    table, has_names = frame_table(frame, reading.drop)
    return from_arrow(table, "frame", reading, has_names=has_names)


def frame_table(frame: Any, drop: Sequence[str] = ()) -> tuple[Any, bool]:
    """Convert a data frame to an Arrow table, and return whether its columns have names.

    Columns to drop become empty, because Arrow may not be able to convert them.
    """
    import pyarrow

    has_names = True
    try:
        # A frame of pandas exists only if pandas is imported.
        pandas = sys.modules.get("pandas")
        if pandas is not None and isinstance(frame, pandas.DataFrame):
            has_names = all(isinstance(column, str) for column in frame.columns)
            frame = frame.set_axis([str(column) for column in frame.columns], axis=1)
            frame = frame.assign(**{name: None for name in drop if name in frame.columns})
            table = pyarrow.Table.from_pandas(frame, preserve_index=False)
        else:
            table = pyarrow.table(frame)
    except (pyarrow.ArrowException, TypeError, ValueError) as error:
        raise DataError(
            "the data frame must have columns of one type, each with its own name, but it cannot "
            f"be read ({one_line(error)}). Convert the others first."
        ) from error
    return table, has_names


# --- the columns of a table ---------------------------------------------------------------------


def from_arrow(table: Any, name: str, reading: Reading, *, has_names: bool = True) -> Dataset:
    """Convert an Arrow table to a `Dataset`: all columns but that of the labels are features."""
    table, labels = features_and_labels(table, name, reading)
    y = None if labels is None else labels_of(labels, name, reading)
    if 0 in table.shape:
        raise DataError(
            f"{name} must have at least one row and one column of features, got {table.num_rows} "
            f"and {table.num_columns}."
        )
    lists = [i for i, field in enumerate(table.schema) if is_list(field.type)]
    if lists:
        rows, image_shape = rows_of_lists(table, lists[0], name)
        pixels = are_bytes(table.schema)
        return Dataset(name, rows, y_train=y, image_shape=image_shape, pixels=pixels)
    columns = infer_columns(table, name, reading)
    if reading.columns is not None:
        table = select_columns(table, columns, name)
    values = [
        values_of(table.column(i), column, name, columns.handle_unknown)
        for i, column in enumerate(columns.columns)
    ]
    n_missing = sum(column.null_count for column in table.columns)
    pixels = are_pixels(table.schema, reading, n_missing)
    if pixels:
        check_pixel_columns(columns, name)
    X = columns.encode(stacked(values, name, pixels=pixels))
    return Dataset(
        name,
        X,
        y_train=y,
        feature_names=columns.feature_names if has_names or columns.has_categories else None,
        columns=None if pixels else columns,
        pixels=pixels and are_bytes(table.schema) and not n_missing,
    )


def check_pixel_columns(columns: TableSchema, name: str) -> None:
    """Raise `DataError` if pixels include categories, truth values or dates."""
    for column in columns.columns:
        if column.kind != "number":
            raise DataError(
                f"the pixels of {name} must be numbers, got a {column.kind} in column "
                f"{column.name!r}. Leave the column out with drop=({column.name!r},), or leave out "
                "pixels=True."
            )


def features_and_labels(table: Any, name: str, reading: Reading) -> tuple[Any, Any]:
    """Split a table into the columns of features, and the column of labels or None."""
    labels = None
    if reading.label is not None and _applies("label", reading.label, table, reading):
        number = find_column(table, name, reading.label, " for the labels")
        labels, table = table.column(number), table.remove_column(number)
    for column in reading.drop:
        if _applies("drop", column, table, reading):
            table = table.remove_column(find_column(table, name, column, " to drop"))
    return table, labels


def _applies(option: str, column: str, table: Any, reading: Reading) -> bool:
    """Return whether an option applies to a table: it is required, or the column exists."""
    return option not in reading.optional or column in table.column_names


def find_column(table: Any, name: str, column: str, purpose: str = "") -> int:
    """Return the index of the column of that name, or raise `DataError`."""
    columns: list[str] = table.column_names
    if columns.count(column) == 1:
        return columns.index(column)
    if column in columns:
        raise DataError(
            f"{name} must have one column {column!r}, got {columns.count(column)}. Rename all but "
            "one."
        )
    near = get_close_matches(column, columns, n=1)
    hint = f"Did you mean {near[0]!r}?" if near else f"It has {listed(columns)}."
    raise DataError(f"{name} has no column {column!r}{purpose}. {hint}")


def labels_of(column: Any, name: str, reading: Reading) -> NDArray[Any] | None:
    """Convert a column of labels: numbers are unchanged, all other values become text.

    If ``reading.label`` is optional and a label is missing, return None.
    """
    label, values = str(reading.label), column.to_pylist()
    if None in values and "label" in reading.optional:
        return None
    if None in values:
        raise DataError(
            f"column {label!r} of {name} must hold a label in every row, got none at row "
            f"{values.index(None)} (counting from 0; {values.count(None)} missing in all). Fill or "
            "drop these rows first."
        )
    labels = np.asarray(values)
    labels = labels if labels.dtype.kind in "biuf" else labels.astype(str)
    check_labels(name, labels)
    return labels


def infer_columns(table: Any, name: str, reading: Reading) -> TableSchema:
    """Infer the kinds of the columns, unless ``reading.columns`` describes them."""
    if reading.columns is not None:
        return reading.columns.with_handle_unknown(reading.handle_unknown)
    for column in reading.categorical:
        find_column(table, name, column, " to be a category")
    for column in reading.dates:
        find_column(table, name, column, " of dates")
    fields = zip(table.column_names, table.columns, strict=True)
    inferred = tuple(infer_column(column, values, name, reading) for column, values in fields)
    columns = TableSchema(inferred, reading.handle_unknown or "error")
    if len(set(columns.feature_names)) < len(columns.feature_names) and columns.has_categories:
        twice = max(columns.feature_names, key=columns.feature_names.count)
        raise DataError(
            f"{name} must have distinct feature names, got {twice!r} twice. Rename one of the "
            "columns."
        )
    return columns


def infer_column(column: str, values: Any, name: str, reading: Reading) -> Column:
    """Infer the kind of one column, and its categories.

    Raises
    ------
    DataError
        If it has none of the kinds of `Column`.
    """
    from pyarrow import compute, types

    kind, chosen = value_type(values.type), column in reading.categorical
    if column in reading.dates:
        return Column(column, _date_kind(column, values, name))
    if not chosen and is_numeric(kind):
        return Column(column, "truth" if types.is_boolean(kind) else "number")
    if not chosen and is_date(kind):
        raise _is_of_dates(column, name)
    if chosen and types.is_floating(kind):
        values = _checked_whole_numbers(column, values, name)
        kind = values.type
    if not (is_text(kind) or types.is_boolean(kind) or types.is_integer(kind)):
        raise DataError(
            f"column {column!r} of {name} must hold numbers or categories, got {values.type}. "
            f"Convert it, or leave it out with drop=({column!r},)."
        )
    categories = [
        value for value in compute.unique(decoded(values)).to_pylist() if value is not None
    ]
    if not chosen:
        _check_categories(column, categories, values, name)
    if len(categories) > MOST_CATEGORIES or not categories:
        raise DataError(
            f"column {column!r} of {name} must have 1 to {MOST_CATEGORIES} categories, got "
            f"{len(categories)} different values. Leave it out with drop=({column!r},)."
        )
    return Column(column, "category", tuple(sorted(categories)))


def _date_kind(column: str, values: Any, name: str) -> str:
    """Return the kind of a column of dates: "date", or "datetime" with times of day."""
    from pyarrow import types

    dates = dates_of(values)
    if dates is None and values.null_count < len(values):
        raise DataError(
            f"column {column!r} of {name} must hold dates, or text in ISO 8601 such as 2026-03-31 "
            f"or 2026-03-31 18:30, got {_first_that_is_no_date(values)}. Rewrite it, or leave "
            f"{column!r} out of dates."
        )
    return "datetime" if dates is not None and types.is_timestamp(dates.type) else "date"


def _first_that_is_no_date(values: Any) -> str:
    """Describe the first value of a column that is not a date, for an error."""
    import pyarrow

    if not is_text(value_type(values.type)):
        return f"{values.type}"
    for row, value in enumerate(values.to_pylist()):
        if value is not None and dates_of(pyarrow.chunked_array([[value]])) is None:
            return f"{value[:40]!r} at row {row} (counting from 0)"
    return "dates with and without a time zone"


def _is_of_dates(column: str, name: str) -> DataError:
    return DataError(
        f"column {column!r} of {name} must hold numbers or categories, got dates. Convert them to "
        f"days with dates=({column!r},), or leave the column out with drop=({column!r},)."
    )


def _checked_whole_numbers(column: str, values: Any, name: str) -> Any:
    """Convert a column of categories to int64, or raise `DataError` for fractions."""
    integers = whole_numbers(values)
    if integers is None:
        row = _first_row_where(values, lambda text: not float(text).is_integer())
        raise DataError(
            f"the categories in column {column!r} of {name} must be whole numbers, text or "
            f"booleans, got {values[row]} at row {row} (counting from 0). Leave {column!r} out of "
            "categorical."
        )
    return integers


def _check_categories(column: str, categories: list[Any], values: Any, name: str) -> None:
    """Raise `DataError` for texts that are numbers, dates, or different in most rows."""
    import pyarrow
    from pyarrow import types

    texts = [str(value) for value in categories]
    n_numbers = sum(is_number(text) for text in texts)
    if n_numbers:
        is_mixed = n_numbers < len(texts)  # show the text of a mixture
        row = _first_row_where(values, lambda text: is_number(text) != is_mixed)
        what = "numbers and text" if is_mixed else "numbers stored as text"
        raise DataError(
            f"column {column!r} of {name} must hold either numbers or text, got {what} (first "
            f"{str(values[row])[:40]!r} at row {row}, counting from 0). Repair it, or if these are "
            f"categories, set categorical=({column!r},)."
        )
    if texts and _ISO_DATE.match(texts[0]) and dates_of(pyarrow.chunked_array([texts])) is not None:
        raise _is_of_dates(column, name)
    # A dictionary-encoded column, such as doses, is meant to be categorical.
    unit = None if types.is_dictionary(values.type) else common_unit(texts)
    if unit is not None:
        raise DataError(
            f"column {column!r} of {name} must hold numbers alone, such as 1200 or 3.5, got "
            f"numbers with {unit!r} (such as {texts[0][:40]!r}). Rewrite them, or if these are "
            f"categories, set categorical=({column!r},)."
        )
    if len(texts) > FEW_CATEGORIES and 2 * len(texts) > len(values):
        raise DataError(
            f"column {column!r} of {name} must hold categories, got {len(texts)} different texts "
            f"in {len(values)} rows. Leave it out with drop=({column!r},), or name it as the "
            "label."
        )


def _first_row_where(values: Any, condition: Any) -> int:
    rows = enumerate(values.to_pylist())
    return next(i for i, value in rows if value is not None and condition(str(value)))


def select_columns(table: Any, columns: TableSchema, name: str) -> Any:
    """Select the columns of a fitted model, in its order."""
    from pyarrow import types

    indices = [find_column(table, name, c.name, ", as in training") for c in columns.columns]
    table = table.select(indices)
    for column, values in zip(columns.columns, table.columns, strict=True):
        if column.kind in DATES:
            _date_kind(column.name, values, name)
        elif column.kind != "category" and not is_numeric(value_type(values.type)):
            filled = len(values) > values.null_count and not types.is_null(values.type)
            row = _first_row_where(values, lambda text: not is_number(text)) if filled else 0
            raise DataError(
                f"column {column.name!r} of {name} must hold numbers, as in training, got "
                f"{str(values[row])[:40]!r} at row {row} (counting from 0). Repair it."
            )
    return table


def is_number(text: str) -> bool:
    """Return whether a text is a number, such as 1e3 or nan."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def common_unit(texts: Sequence[str]) -> str | None:
    """Return the unit that all numbers in texts have, or the comma that they contain.

    Names may also begin with a number. Therefore letters directly after whole numbers are not a
    unit.

    Examples
    --------
    >>> common_unit(["12 kg", "3.5 kg"]), common_unit(["$9", "$1,200"]), common_unit(["1,5", "2,0"])
    ('kg', '$', ',')
    >>> common_unit(["2WD", "4WD"]), common_unit(["31.12.2025", "1.2.2026"])
    (None, None)
    """
    matches = [_QUANTITY.fullmatch(text.strip()) for text in texts]
    quantities = [match for match in matches if match]
    if len(quantities) < max(len(texts), 2):
        return None
    if all(m["glued"] and not m["before"] and m["number"].isdigit() for m in quantities):
        return None
    units = {m["before"] or (m["after"] or re.sub(r"\d", "", m[0])[:1]).strip() for m in quantities}
    return units.pop() if len(units) == 1 else None
