"""Files of tables as Arrow tables: CSV, Parquet (a file or a folder of them), Arrow's own."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from utsushi.datasets.bounds import check_unpacked
from utsushi.datasets.problems import unreadable
from utsushi.exceptions import DataError

__all__ = [
    "check_claims",
    "check_parts",
    "check_schema",
    "common_unit",
    "find_parts",
    "has_header",
    "is_number",
    "load_arrow",
    "load_csv",
    "load_folder",
    "load_parquet",
    "read_footer",
    "reading_parquet",
]

# A number as it is written for people: $1,200 or 12 kg or 45%.
_QUANTITY = re.compile(
    r"(?P<before>[$€£¥])?\s?[-+−]?(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d*[.,]?\d+)"
    r"(?P<after>\s+[^\W\d_]\S{0,11}|\s?[%‰°]\S{0,3}|(?P<glued>[^\W\d_]{1,12}))?"
)


def load_csv(path: Path, texts: Sequence[str] = ()) -> tuple[Any, bool]:
    """Read comma-separated values, in UTF-8, and tell whether the columns have names.

    The columns named in ``texts`` are read as text; what the others are, their values say.

    Raises
    ------
    DataError
        If the file is damaged, or its rows are not of one length.
    """
    import pyarrow
    import pyarrow.csv

    try:
        first = _first_row(path)
        named = _names_columns(first)
        numbered = None if named else [str(number) for number in range(len(first))]
        options = pyarrow.csv.ReadOptions(column_names=numbered)
        types = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(texts, pyarrow.string()))
        return pyarrow.csv.read_csv(path, read_options=options, convert_options=types), named
    except (pyarrow.ArrowException, csv.Error, OSError, UnicodeDecodeError) as error:
        raise unreadable(path, "a CSV file in UTF-8", error, "repair it or save it anew") from error


def has_header(path: Path) -> bool:
    """Tell whether the first row of a CSV file names its columns.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    try:
        return _names_columns(_first_row(path))
    except (csv.Error, OSError, UnicodeDecodeError) as error:
        raise unreadable(path, "a CSV file in UTF-8", error, "repair it or save it anew") from error


def _names_columns(first: list[str]) -> bool:
    """Tell whether the first row of a file holds more than numbers."""
    return not all(is_number(cell) for cell in first if cell.strip())


def _first_row(path: Path) -> list[str]:
    """Read the cells of a CSV file's first row that is not blank."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next((row for row in csv.reader(file) if row), [])


def is_number(text: str) -> bool:
    """Tell whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def common_unit(texts: Sequence[str]) -> str | None:
    """Return what several numbers are all written with: a unit, or a comma alone.

    A name may begin with a number too: what follows one without a space is a unit only where some
    number has a fraction.

    Examples
    --------
    >>> common_unit(["12 kg", "3.5 kg"]), common_unit(["$9", "$1,200"]), common_unit(["1,5", "2,0"])
    ('kg', '$', ',')
    >>> common_unit(["2WD", "4WD"]), common_unit(["31.12.2025", "1.2.2026"])
    (None, None)
    """
    matches = [_QUANTITY.fullmatch(text.strip()) for text in texts]
    found = [match for match in matches if match]
    if len(found) < max(len(texts), 2):
        return None
    if all(m["glued"] and not m["before"] and m["number"].isdigit() for m in found):
        return None
    units = {m["before"] or (m["after"] or re.sub(r"\d", "", m[0])[:1]).strip() for m in found}
    return units.pop() if len(units) == 1 else None


@contextmanager
def reading_parquet(path: Path) -> Iterator[None]:
    """Turn what Arrow raises inside of the block into an error that names the file."""
    import pyarrow

    try:
        yield
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:  # of a column's name
        raise unreadable(path, "a Parquet file", error, "save it anew") from error


def load_parquet(path: Path) -> Any:
    """Read a Parquet file."""
    from pyarrow import parquet

    with reading_parquet(path), parquet.ParquetFile(path) as file:
        check_claims(path, file.metadata)
        return file.read()


def read_footer(path: Path) -> tuple[Any, Any]:
    """Return what a Parquet file says of itself: its metadata, and its schema."""
    from pyarrow import parquet

    with reading_parquet(path), parquet.ParquetFile(path) as file:
        return file.metadata, file.schema_arrow.remove_metadata()


def check_claims(path: Path, metadata: Any) -> int:
    """Return the bytes that a Parquet file's numbers would take as floats, if they can be true."""
    columns = range(metadata.num_columns)
    lists = [i for i in columns if metadata.schema.column(i).max_repetition_level]
    n_numbers = metadata.num_rows * (metadata.num_columns - len(lists))
    for number in range(metadata.num_row_groups if lists else 0):
        group = metadata.row_group(number)
        n_numbers += sum(group.column(i).num_values for i in lists)
    check_unpacked(path, path.stat().st_size, 8 * n_numbers)
    return 8 * int(n_numbers)


def find_parts(folder: Path) -> list[Path]:
    """List the Parquet files in and under a folder, by name; hidden ones and ``_…`` are left out.

    Examples
    --------
    >>> find_parts(Path("no such folder"))
    []
    """
    return sorted(
        path
        for path in folder.rglob("*.parquet")
        if path.is_file()
        and not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    )


def load_folder(folder: Path) -> Any:
    """Read the Parquet files of a folder as one table.

    Raises
    ------
    DataError
        If one is damaged, or has other columns than the first.
    """
    import pyarrow

    paths = find_parts(folder)
    check_parts(paths)
    return pyarrow.concat_tables(load_parquet(path).replace_schema_metadata() for path in paths)


def check_parts(paths: Sequence[Path]) -> None:
    """Refuse Parquet files whose columns are not those of the first."""
    schemas = [read_footer(path)[1] for path in paths]
    for path, schema in zip(paths, schemas, strict=True):
        check_schema(path, schema, paths[0], schemas[0])


def check_schema(path: Path, schema: Any, first: Path, expected: Any) -> None:
    """Refuse columns that are not those of the first file, and name the first that differs."""
    if schema.names != expected.names:
        # Where the lists differ; a shorter one differs behind its end.
        pairs = zip([*schema.names, "no more"], [*expected.names, "no more"], strict=False)
        number, (found, wanted) = next((i, p) for i, p in enumerate(pairs) if p[0] != p[1])
        raise DataError(
            f"{path} has {found!r} as column {number} (counting from 0): expected {wanted!r} as in "
            f"{first}; give all files of the folder the same columns"
        )
    for name, found, wanted in zip(schema.names, schema.types, expected.types, strict=True):
        if found != wanted:
            raise DataError(
                f"{path} has {found} in column {name!r}: expected {wanted} as in {first}; "
                "give all files of the folder the same types"
            )


def load_arrow(path: Path) -> Any:
    """Read Arrow's own format, as a file (Feather) or a stream."""
    import pyarrow
    from pyarrow import ipc

    try:
        # Not mapped into memory: what is would change, or end the process, with the file.
        with pyarrow.OSFile(str(path)) as file:
            try:
                batches: Any = ipc.open_file(file)
                chunks = (batches.get_batch(i) for i in range(batches.num_record_batches))
            except pyarrow.ArrowInvalid:
                file.seek(0)
                batches = ipc.open_stream(file)
                chunks = iter(batches)
            found, n_unpacked = [], 0
            for chunk in chunks:
                n_unpacked += chunk.nbytes
                check_unpacked(path, path.stat().st_size, n_unpacked)
                found.append(chunk)
            return pyarrow.Table.from_batches(found, batches.schema)
    except DataError:
        raise
    except (pyarrow.ArrowException, OSError) as error:
        expected = "Arrow's IPC format or Feather version 2"
        raise unreadable(path, expected, error, "save it anew") from error
