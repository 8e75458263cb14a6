"""What a source holds, also where it cannot be opened as it is, and which options suit it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from utsushi._utils.lazy_rows import as_guarded, row_blocks
from utsushi.datasets.advice import describe_columns, suggest
from utsushi.datasets.arrays import as_pixels
from utsushi.datasets.arrow_files import find_parts, load_arrow, load_folder, load_parquet
from utsushi.datasets.catalogue import names
from utsushi.datasets.column_inspection import inspect_columns, without_mixed_columns
from utsushi.datasets.dataset import Dataset, describe
from utsushi.datasets.idx import has_idx_files
from utsushi.datasets.images import survey_images
from utsushi.datasets.parquet_files import first_rows, is_large, large_parquet
from utsushi.datasets.reading import Reading
from utsushi.datasets.sources import check_values, read
from utsushi.datasets.tables import (
    csv_table,
    features_and_labels,
    find_column,
    frame_table,
    from_arrow,
    is_frame,
    labels_of,
)
from utsushi.exceptions import DataError

__all__ = ["info"]

#: Categories, or sizes of images, that are listed: the most frequent ones where there are more.
_SHOWN = 20

#: Images whose smaller side has more pixels take long to train on.
_LARGE_SIDE = 128

Suggestions = dict[str, dict[str, Any]]


def info(source: Any, **options: Any) -> dict[str, Any]:
    """Describe a source and what suits it, also where `utsushi.datasets.open` would refuse it.

    A column that cannot be used as it is, an image that cannot be read and a value that is not
    finite are described like all others.

    Parameters
    ----------
    source : str, Path, array-like, data frame or Dataset
        As for `utsushi.datasets.open`.
    **options
        Those of `utsushi.datasets.open`, without ``columns``.

    Returns
    -------
    dict
        Ready for JSON: what `utsushi.datasets.describe` gives of the rows, without what cannot be
        read, and

        - ``columns``: of a table, each column but the label and those that ``drop`` names:
          ``name``, ``kind`` (number, truth, category, date, datetime, identifier, text, list,
          empty, or the type of one that cannot be used), ``missing``, what its values are, and a
          ``note`` where there is something to know; None for what is no table;
        - ``image_sizes``: of a folder of images, how many have each size (height x width);
        - ``skipped``: images that cannot be read, each with the reason;
        - ``problems``: what keeps a model from being trained, in sentences;
        - ``suggested``: options of `utsushi.datasets.open` and parameters of the estimators that
          suit the source, by name: a ``value``, and ``why``.

    Raises
    ------
    DataError
        If the source is missing or damaged, or an option names a column that it does not have.
    SettingError
        If an option is not what it may be.

    Examples
    --------
    >>> import pandas as pd
    >>> from utsushi import datasets
    >>> people = pd.DataFrame({"mail": [f"p{i}@x.org" for i in range(60)], "born": "1990-03-31"})
    >>> facts = datasets.info(people)
    >>> [(column["name"], column["kind"]) for column in facts["columns"]]
    [('mail', 'identifier'), ('born', 'date')]
    >>> facts["suggested"]["dates"]["value"]
    ['born']
    """
    reading = Reading.of(**options)
    survey = _survey(source, reading)
    facts, dataset = {"name": survey.name}, None
    suggested, problems = {**survey.suggested}, [*survey.problems]
    try:
        dataset = survey.read(_with_suggested(reading, suggested))
    except DataError as error:
        problems.append(str(error))
    columns = survey.columns
    if dataset is not None:
        problems += _problems_of(dataset)
        facts = describe(dataset)
        used = {about["name"]: about for about in describe_columns(dataset) or []}
        columns = columns and [_merged(about, used.get(about["name"], {})) for about in columns]
        for name, about in suggest(dataset).items():
            suggested[name] = _joined(suggested[name], about) if name in suggested else about
        if "image_shape" in suggested:  # of pixels there is nothing to say one by one
            columns = None
        dropped = suggested.get("drop", {"value": []})["value"]
        for about in columns or ():
            if about["name"] in dropped:
                about.setdefault("note", "one value only")
    described: dict[str, Any] = _plain(
        facts
        | {
            "columns": columns,
            **({} if survey.image_sizes is None else {"image_sizes": survey.image_sizes}),
            "skipped": survey.skipped,
            "problems": problems,
            "suggested": suggested,
        }
    )
    return described


@dataclass(frozen=True)
class _Survey:
    """What is known of a source before its rows are read as numbers.

    Attributes
    ----------
    name : str
    read : callable
        Reads it with these options; values are not checked.
    columns : list of dict or None
        Of a table.
    suggested : dict
        Options to read it with, as `suggest` gives them.
    image_sizes : dict of str to int or None
        Of a folder of images.
    problems, skipped : list of str
    """

    name: str
    read: Callable[[Reading], Dataset]
    columns: list[dict[str, Any]] | None = None
    suggested: Suggestions = field(default_factory=dict)
    image_sizes: dict[str, int] | None = None
    problems: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


def _survey(source: Any, reading: Reading) -> _Survey:
    """Look at a source, whatever it is."""
    table = _table_of(source, reading)
    if table is not None:
        return _survey_table(table, reading)
    is_path = isinstance(source, str | PathLike) and source not in names()
    if is_path and Path(source).is_dir() and not has_idx_files(Path(source)):
        return _survey_folder(Path(source), reading)
    dataset = read(source, reading)
    return _Survey(dataset.name, lambda _: dataset)


def _with_suggested(reading: Reading, suggested: Suggestions) -> Reading:
    """Return how to read a source as it is suggested."""
    changes: dict[str, Any] = {}
    for name, about in suggested.items():
        value = about["value"]
        value = tuple(value) if isinstance(value, list) else value
        is_added = name in ("drop", "dates", "categorical")
        changes[name] = (*getattr(reading, name), *value) if is_added else value
    return replace(reading, **changes)


def _merged(about: dict[str, Any], summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of a column with the summary of all of its rows, if it is used."""
    merged = about | dict(summary)
    categories = merged.get("categories", {})
    if len(categories) > _SHOWN:
        most = dict(Counter(categories).most_common(_SHOWN))
        merged |= {"categories": most, "n_categories": len(categories)}
    if "note" in merged:
        merged["note"] = merged.pop("note")  # to be the last
    return merged


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return a suggestion that has two reasons."""
    value = one["value"]
    if isinstance(value, list):
        value = [*value, *(item for item in other["value"] if item not in value)]
    return {"value": value, "why": f"{one['why']}; {other['why']}"}


def _problems_of(dataset: Dataset) -> list[str]:
    """Say which values keep a model from being trained."""
    problems = []
    try:
        check_values(dataset)
    except DataError as error:
        problems.append(str(error))
    if dataset.columns is None:
        return problems
    empty = [np.isnan(block).all(axis=1) for block in row_blocks(as_guarded(dataset.X_train))]
    (rows,) = np.nonzero(np.concatenate(empty))
    if len(rows):
        problems.append(
            f"{dataset.name} has {len(rows)} rows without any value (the first is row {rows[0]}, "
            "counting from 0): delete them"
        )
    return problems


def _plain(value: Any) -> Any:
    """Return a value with None for each number that JSON does not have."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


# --- folders of images --------------------------------------------------------------------------


def _survey_folder(folder: Path, reading: Reading) -> _Survey:
    """Look at the headers of all images of a folder."""
    reading.refuse_table_options(str(folder))
    sizes, unreadable = survey_images(folder)
    n_files, counts = len(sizes) + len(unreadable), Counter(sizes)
    suggested: Suggestions = {}
    if unreadable and not reading.skip_bad:
        why = f"{len(unreadable)} of {n_files} files cannot be read"
        suggested["skip_bad"] = {"value": True, "why": why}
    if sizes and reading.image_size is None:
        suggested |= _suggested_size(counts)
    return _Survey(
        folder.resolve().name,
        lambda chosen: read(folder, chosen),
        suggested=suggested,
        image_sizes={f"{h}x{w}": count for (h, w), count in counts.most_common(_SHOWN)},
        skipped=unreadable,
    )


def _suggested_size(sizes: Counter[tuple[int, int]]) -> Suggestions:
    """Suggest what images of these sizes (height, width) are to be fitted to, if they need it."""
    sides = sorted(min(size) for size in sizes.elements())
    side = next((s for s in (64, 32) if s <= sides[len(sides) // 2]), sides[0])
    if len(sizes) > 1:
        why = f"the images have {len(sizes)} different sizes"
        return {"image_size": {"value": [side, side], "why": why}}
    ((height, width),) = sizes
    if min(height, width) <= _LARGE_SIDE:
        return {}
    scale = side / min(height, width)
    why = f"training takes long on {height}x{width} pixels: begin with fewer"
    return {"image_size": {"value": [round(height * scale), round(width * scale)], "why": why}}


# --- tables -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Table:
    """An Arrow table, or the first rows of a large one.

    Attributes
    ----------
    table : pyarrow.Table
    name : str
    read : callable
        Makes a `Dataset` of it, with these options.
    mixed : set of str
        Columns of a frame that held values of several types, which are texts here.
    """

    table: Any
    name: str
    read: Callable[[Reading], Dataset]
    mixed: frozenset[str] = frozenset()


def _table_of(source: Any, reading: Reading) -> _Table | None:
    """Return a source as a table; None for what is none."""
    if is_frame(source):
        reading.refuse_image_options("the source")
        frame, mixed = without_mixed_columns(source)
        return _whole(*frame_table(frame), "frame", mixed)
    if not isinstance(source, str | PathLike) or source in names():
        return None
    path = Path(source)
    kind = path.suffix.lower() if path.is_file() else ""
    parts = [path] if kind == ".parquet" else []
    if path.is_dir() and not has_idx_files(path):
        parts = find_parts(path)
    if not parts and kind not in (".csv", ".arrow", ".feather", ".ipc"):
        return None
    reading.refuse_image_options(str(source))
    return _table_in(path, parts, reading)


def _table_in(path: Path, parts: list[Path], reading: Reading) -> _Table:
    """Read a file, or a folder of Parquet files, as a table; of a large one the first rows."""
    name = path.resolve().name
    if parts and is_large(parts):
        return _Table(first_rows(parts), name, lambda r: large_parquet(parts, name, r))
    if parts:
        return _whole(load_folder(path) if path.is_dir() else load_parquet(path), True, name)
    if path.suffix.lower() == ".csv":
        return _whole(*csv_table(path, reading), name)
    return _whole(load_arrow(path), True, name)


def _whole(table: Any, named: bool, name: str, mixed: frozenset[str] = frozenset()) -> _Table:
    return _Table(table, name, lambda r: from_arrow(table, name, r, named=named), mixed)


def _survey_table(source_table: _Table, reading: Reading) -> _Survey:
    """Look at each column of a table."""
    for column in (*reading.categorical, *reading.dates):
        find_column(source_table.table, source_table.name, column)
    table, labels = features_and_labels(source_table.table, source_table.name, reading)
    problems = []
    try:
        if labels is not None:
            labels_of(labels, source_table.name, reading)
    except DataError as error:
        problems.append(str(error))

    def read_table(chosen: Reading) -> Dataset:
        if problems:
            chosen = replace(chosen, label=None, drop=(*chosen.drop, str(chosen.label)))
        return as_pixels(source_table.read(chosen), chosen.pixels)

    columns, suggested = inspect_columns(table, source_table.name, reading, source_table.mixed)
    return _Survey(source_table.name, read_table, columns, suggested, problems=problems)
