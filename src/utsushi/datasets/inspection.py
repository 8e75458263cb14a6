"""Describe data, and suggest options and settings that suit it.

`describe` and `describe_columns` sum up a `Dataset`, `suggest` suggests settings for it, and `info`
does all of that for any source, including those that `utsushi.datasets.open` refuses.
"""

from __future__ import annotations

import math
import re
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.lazy_rows import as_guarded, row_blocks
from utsushi.datasets.arrays import as_pixels
from utsushi.datasets.arrow_columns import dates_of, decoded, is_list, is_text, value_type
from utsushi.datasets.dataset import Dataset
from utsushi.datasets.digits import names
from utsushi.datasets.images import survey_images
from utsushi.datasets.mnist import has_mnist_files
from utsushi.datasets.parquet import find_parts, first_rows, is_large, large_parquet, load_parts
from utsushi.datasets.reading import Reading
from utsushi.datasets.sources import check_values, read
from utsushi.datasets.tables import (
    FEW_CATEGORIES,
    common_unit,
    csv_table,
    features_and_labels,
    find_column,
    frame_table,
    from_arrow,
    infer_column,
    is_frame,
    is_number,
    labels_of,
    load_arrow,
)
from utsushi.exceptions import DataError
from utsushi.transforms.table_schema import DATES, Column

__all__ = ["describe", "describe_columns", "info", "suggest"]

#: Standardize columns if the largest standard deviation is more than so many times the smallest.
_UNLIKE = 3

#: The largest number of rows from which settings are suggested.
_MOST_ROWS = 20_000

#: Images of at least so many pixels (32 x 32) suit convolutions.
_CONV_PIXELS = 1024

#: Whole numbers with a maximum of at least this are pixels out of 255.
_BRIGHT = 128

#: The smallest height and width of images that are recognized in rows.
_SMALLEST_SIDE = 8

#: The largest number of rows from which images are recognized.
_PIXEL_ROWS = 500

#: Adjacent pixels differ by less than this fraction of the difference between distant pixels.
_SMOOTH = 0.6

#: The default size of a code, too large for data with so few features.
_DEFAULT_COMPONENTS = 10

#: The largest number of categories, or of image sizes, to list; the most frequent ones.
_SHOWN = 20

#: Images with a smaller side of more pixels take long to train on.
_LARGE_SIDE = 128

#: The number of texts of a column to show.
_EXAMPLES = 3

#: In fewer rows, distinct values do not indicate an identifier.
_FEWEST_ROWS = 20

#: A column is nearly constant if one value has at least this fraction of the rows.
_NEARLY_ALL = 0.99

#: Texts that are partly numbers are categories if each has at least so many rows on average.
_ROWS_PER_CATEGORY = 4

#: At most so many different whole numbers may be codes of categories.
_FEW_NUMBERS = 10

_ID = re.compile(r"(^|[\W_])(id|uuid|guid|key|index|idx|nr|number)$", re.IGNORECASE)
_ID_CASED = re.compile(r"[a-z]I[dD]$")
_LIKE_DATE = re.compile(r"\s*\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(\D.*)?")

Suggestions = dict[str, dict[str, Any]]


# --- datasets -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sums:
    """Hold sums over all samples, of shape (D,), of the values that are present."""

    n_rows: int
    n_present: NDArray[np.int64]
    total: NDArray[np.float64]
    low: NDArray[Any]
    high: NDArray[Any]

    @classmethod
    def of(cls, dataset: Dataset) -> _Sums:
        """Sum up the rows block by block, so that large files stay on the disk."""
        n_features = dataset.X_train.shape[1]
        low = high = np.full(n_features, np.nan, dataset.X_train.dtype)
        n_present, total = np.zeros(n_features, np.int64), np.zeros(n_features)
        for block in (block for X, _ in dataset.parts for block in row_blocks(X)):
            low = np.fmin(low, np.fmin.reduce(block, axis=0))  # fmin and fmax ignore NaN
            high = np.fmax(high, np.fmax.reduce(block, axis=0))
            n_present += (~np.isnan(block)).sum(axis=0)
            total += np.nansum(block, axis=0, dtype=np.float64)
        return cls(sum(len(X) for X, _ in dataset.parts), n_present, total, low, high)

    def range_of(self, features: Any) -> dict[str, float | None]:
        """Return the range and the mean of some features; None without any value."""
        n_values = int(np.sum(self.n_present[features]))
        if not n_values:
            return {"min": None, "max": None, "mean": None}
        return {
            "min": float(np.fmin.reduce(self.low[features])),
            "max": float(np.fmax.reduce(self.high[features])),
            "mean": float(np.sum(self.total[features]) / n_values),
        }


def describe(dataset: Dataset) -> dict[str, Any]:
    """Sum up a data set in plain values, for a table or for JSON.

    Parameters
    ----------
    dataset : Dataset
        Its training and test samples are described together.

    Returns
    -------
    dict
        ``name``, ``rows``, ``training_rows``, ``test_rows``, ``features``, ``image_shape`` (list
        or None), ``dtype``, ``min``, ``max`` and ``mean`` of all values that are not missing (None
        without any), ``missing`` (the number of values that are NaN), ``constant_features`` (the
        number of features with one value only), and ``classes`` (each label as text, with its
        number of rows, in the order of the labels; None without labels).

    Examples
    --------
    >>> import numpy as np
    >>> tiny = Dataset("tiny", np.array([[0.0, 1.0], [4.0, 1.0]]), y_train=np.array([7, 7]))
    >>> facts = describe(tiny)
    >>> facts["mean"], facts["constant_features"], facts["classes"]
    (1.5, 1, {'7': 2})
    """
    sums, y = _Sums.of(dataset), dataset.y
    classes = None if y is None else zip(*np.unique(y, return_counts=True), strict=True)
    return {
        "name": dataset.name,
        "rows": sums.n_rows,
        "training_rows": len(dataset.X_train),
        "test_rows": 0 if dataset.X_test is None else len(dataset.X_test),
        "features": len(sums.n_present),
        "image_shape": None if dataset.image_shape is None else list(dataset.image_shape),
        "dtype": str(dataset.X_train.dtype),
        **sums.range_of(slice(None)),
        "missing": int((sums.n_rows - sums.n_present).sum()),
        "constant_features": int(np.count_nonzero(sums.low == sums.high)),
        "classes": classes and {str(label): int(count) for label, count in classes},
    }


def describe_columns(dataset: Dataset) -> list[dict[str, Any]] | None:
    """Sum up each column of a table in plain values.

    Parameters
    ----------
    dataset : Dataset
        Its training and test samples are described together.

    Returns
    -------
    list of dict or None
        None unless the data set is a table. For each column its ``name``, its ``kind`` (number,
        truth, category, date or datetime) and ``missing`` (the number of rows without a value);
        for a category ``categories`` (each with its number of rows); for the other kinds ``min``,
        ``max`` and ``mean`` (None without any value), of dates in the form of ISO 8601.

    Examples
    --------
    >>> import pandas as pd
    >>> from utsushi import datasets
    >>> people = pd.DataFrame({"age": [31, None], "town": ["Oslo", "Kobe"]})
    >>> age, town = datasets.describe_columns(datasets.open(people))
    >>> age["mean"], age["missing"], town["categories"]
    (31.0, 1, {'Kobe': 1, 'Oslo': 1})
    """
    if dataset.columns is None:
        return None
    sums, about = _Sums.of(dataset), []
    for column, features in dataset.columns.slices():
        facts: dict[str, Any] = {"missing": sums.n_rows - int(sums.n_present[features.start])}
        if column.kind == "category":
            counts = sums.total[features].astype(int).tolist()
            facts["categories"] = dict(zip(map(str, column.categories), counts, strict=True))
        else:
            limits: dict[str, Any] = sums.range_of(features)
            if column.kind in DATES:
                limits = {name: _as_date(days, column) for name, days in limits.items()}
            facts |= limits
        about.append({"name": column.name, "kind": column.kind, **facts})
    return about


def _as_date(days: float | None, column: Column) -> str | None:
    """Return days since 1970-01-01 as text, to the day or to the second."""
    return None if days is None else str(column.restored(np.array([[days]]))[0]).replace("T", " ")


# --- suggestions --------------------------------------------------------------------------------


def suggest(dataset: Dataset) -> dict[str, dict[str, Any]]:
    """Suggest settings for a model of a data set that the defaults do not suit.

    Returns
    -------
    dict of str to dict
        For the name of a parameter of the estimators, or of `utsushi.datasets.open`, its ``value``
        and ``why``. Empty if the defaults suit.

    Examples
    --------
    >>> table = Dataset("t", np.array([[1.0, 900.0], [2.0, 100.0], [0.0, 500.0]]))
    >>> {name: about["value"] for name, about in suggest(table).items()}
    {'scaling': 'standard', 'n_components': 1}
    """
    suggestions: dict[str, dict[str, Any]] = {}
    X = dataset.X_train[:: -(-len(dataset.X_train) // _MOST_ROWS)]
    columns = describe_columns(dataset) or []
    gaps = sum(about["missing"] for about in columns)
    shape = dataset.image_shape
    if shape is None and not gaps:
        shape = _image_shape_like(X)
        if shape is not None:
            size = "x".join(map(str, shape))
            why = f"the {X.shape[1]} columns look like the pixels of {size} images"
            suggestions["image_shape"] = _of(list(shape), why)
            if X.max() >= _BRIGHT and not dataset.pixels:
                suggestions["pixels"] = _of(True, "divided by 255, pixels are between 0 and 1")
    constant = [] if shape is not None else _constant_columns(columns)
    if constant:
        suggestions["drop"] = _of(constant, f"{', '.join(constant)}: one value only")
    if gaps:
        suggestions["missing"] = _of("mask", f"values that are missing: {gaps}")
    if shape is not None and shape[-2] * shape[-1] >= _CONV_PIXELS:
        why = f"images of {shape[-2]}x{shape[-1]} pixels: convolutions need fewer weights"
        suggestions["network"] = _of("conv", why)
    deviations = _standard_deviations(dataset, X)
    present = X[~np.isnan(X)]
    if ((present == 0) | (present == 1)).all() and len(deviations):
        suggestions["likelihood"] = _of("bernoulli", "all values are zeros and ones")
    elif (
        shape is None
        and not dataset.pixels
        and len(deviations)
        and deviations.max() > _UNLIKE * deviations.min()
    ):
        low, high = deviations.min(), deviations.max()
        why = f"the standard deviations of the columns range from {low:.3g} to {high:.3g}"
        suggestions["scaling"] = _of("standard", why)
    n_features = X.shape[1]
    if n_features <= _DEFAULT_COMPONENTS:
        why = f"a code of {_DEFAULT_COMPONENTS} numbers would not compress {n_features} features"
        suggestions["n_components"] = _of(max(n_features // 2, 1), why)
    return suggestions


def _image_shape_like(X: NDArray[Any]) -> tuple[int, ...] | None:
    """Recognize rows that are square images, grey or with three channels.

    The number of features must fit, all values must be between 0 and 1 or whole numbers up to 255,
    and pixels that are adjacent across and down must differ much less than distant ones.

    Parameters
    ----------
    X : ndarray of shape (n, D)

    Returns
    -------
    (S, S), (3, S, S) or None

    Examples
    --------
    >>> from utsushi import datasets
    >>> X = datasets.load_mnist20k().X_train
    >>> _image_shape_like(X), _image_shape_like(X[:, ::-1]), _image_shape_like(X[:, 1:])
    ((28, 28), (28, 28), None)
    >>> _image_shape_like(np.random.default_rng(0).permutation(X, axis=1)) is None
    True
    """
    X = np.asarray(X[:: -(-len(X) // _PIXEL_ROWS)])
    if not ((X >= 0) & ((X <= 1).all() | ((X <= 255) & (np.rint(X) == X)))).all():
        return None
    for n_channels in (1, 3):
        side = math.isqrt(X.shape[1] // n_channels)
        if side < _SMALLEST_SIDE or n_channels * side**2 != X.shape[1]:
            continue
        images = X.reshape(len(X), n_channels, side, side)
        distant = np.abs(X - np.roll(X, X.shape[1] // 2 + side // 2, axis=1)).mean()
        across, down = (np.abs(np.diff(images, axis=axis)).mean() for axis in (3, 2))
        # In a series, values half a line apart are more alike than those of adjacent lines.
        half = np.abs(X[:, side // 2 :] - X[:, : -(side // 2)]).mean()
        if max(across, down) < _SMOOTH * distant and down < half:
            return (side, side) if n_channels == 1 else (n_channels, side, side)
    return None


def _standard_deviations(dataset: Dataset, X: NDArray[Any]) -> NDArray[np.float64]:
    """Return the standard deviations of the features that vary.

    All categories and truth values together contribute their largest one, because a rare category
    is not a reason to standardize.
    """
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # A feature without any value has none.
        deviations = np.nanstd(X, axis=0, dtype=np.float64)
    if dataset.columns is not None:
        columns = dataset.columns.columns
        is_shared = [column.kind in ("category", "truth") for column in columns]
        shared = np.repeat(is_shared, [column.width for column in columns])
        deviations = np.append(deviations[~shared], np.fmax.reduce(deviations[shared], initial=0.0))
    positive: NDArray[np.float64] = deviations[deviations > 0]
    return positive


def _of(value: Any, why: str) -> dict[str, Any]:
    return {"value": value, "why": why}


def _constant_columns(columns: list[dict[str, Any]]) -> list[str]:
    """Name the columns with one value or none."""
    constant = []
    for about in columns:
        n_values = sum(map(bool, about.get("categories", {}).values()))
        if about.get("min", 0) == about.get("max", 1) or ("categories" in about and n_values < 2):
            constant.append(about["name"])
    return constant


# --- any source -----------------------------------------------------------------------------------


def info(source: Any, **options: Any) -> dict[str, Any]:
    """Describe a source and suggest options, even if `utsushi.datasets.open` would raise an error.

    The description includes unusable columns, unreadable images and values that are not finite.

    Parameters
    ----------
    source : str, Path, array-like, data frame or Dataset
        As for `utsushi.datasets.open`.
    **options
        Those of `utsushi.datasets.open`, without ``columns``.

    Returns
    -------
    dict
        Ready for JSON: the result of `utsushi.datasets.describe` for the rows that can be read,
        and

        - ``columns``: for a table, each column except the label and those in ``drop``: ``name``,
          ``kind`` (number, truth, category, date, datetime, identifier, text, list, empty, or the
          type of an unusable one), ``missing``, a summary of its values, and perhaps a ``note``;
          None for other sources;
        - ``image_sizes``: for a folder of images, the number of images of each size (height x
          width);
        - ``skipped``: the unreadable images, each with the reason;
        - ``problems``: sentences about what prevents the training of a model;
        - ``suggested``: for the name of an option of `utsushi.datasets.open`, or of a parameter of
          the estimators, its ``value`` and ``why``.

    Raises
    ------
    DataError
        If the source is missing or damaged, or an option names a missing column.
    SettingError
        If an option is invalid.

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
        if "image_shape" in suggested:  # pixels need no description one by one
            columns = None
        dropped = suggested.get("drop", {"value": []})["value"]
        for about in columns or ():
            if about["name"] in dropped:
                about.setdefault("note", "one value only")
    described: dict[str, Any] = _finite(
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
    """Describe a source before its rows are read as numbers.

    Attributes
    ----------
    name : str
    read : callable
        Reads it with given options, without checking its values.
    columns : list of dict or None
        Of a table.
    suggested : dict
        Options for reading it, in the form of `suggest`.
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
    """Survey a source of any kind."""
    table = _table_of(source, reading)
    if table is not None:
        return _survey_table(table, reading)
    is_path = isinstance(source, str | PathLike) and source not in names()
    if is_path and Path(source).is_dir() and not has_mnist_files(Path(source)):
        return _survey_folder(Path(source), reading)
    dataset = read(source, reading)
    return _Survey(dataset.name, lambda _: dataset)


def _with_suggested(reading: Reading, suggested: Suggestions) -> Reading:
    """Add suggested options to those for reading a source."""
    changes: dict[str, Any] = {}
    for name, about in suggested.items():
        value = about["value"]
        value = tuple(value) if isinstance(value, list) else value
        is_added = name in ("drop", "dates", "categorical")
        changes[name] = (*getattr(reading, name), *value) if is_added else value
    return replace(reading, **changes)


def _merged(about: dict[str, Any], summary: Mapping[str, Any]) -> dict[str, Any]:
    """Add the summary of all rows to the description of a column."""
    merged = about | dict(summary)
    categories = merged.get("categories", {})
    if len(categories) > _SHOWN:
        most = dict(Counter(categories).most_common(_SHOWN))
        merged |= {"categories": most, "n_categories": len(categories)}
    if "note" in merged:
        merged["note"] = merged.pop("note")  # to be the last
    return merged


def _joined(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Combine two suggestions for one option."""
    value = first["value"]
    if isinstance(value, list):
        value = [*value, *(item for item in second["value"] if item not in value)]
    return {"value": value, "why": f"{first['why']}; {second['why']}"}


def _problems_of(dataset: Dataset) -> list[str]:
    """Describe the values that prevent the training of a model."""
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


def _finite(value: Any) -> Any:
    """Replace NaN and infinity, which JSON does not have, by None."""
    if isinstance(value, dict):
        return {name: _finite(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


# --- folders of images --------------------------------------------------------------------------


def _survey_folder(folder: Path, reading: Reading) -> _Survey:
    """Survey the headers of all images of a folder."""
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
    """Suggest a size for images that differ in their (height, width), or are large."""
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
    """Hold an Arrow table, or the first rows of a large one.

    Attributes
    ----------
    table : pyarrow.Table
    name : str
    read : callable
        Reads it as a `Dataset`, with given options.
    mixed : set of str
        Columns of a frame with values of several types, which are texts here.
    """

    table: Any
    name: str
    read: Callable[[Reading], Dataset]
    mixed: frozenset[str] = frozenset()


def _table_of(source: Any, reading: Reading) -> _Table | None:
    """Return a source as a table; None if it is not one."""
    mixed: frozenset[str] = frozenset()
    if is_frame(source):
        reading.refuse_image_options("the source")
        frame, mixed = _without_mixed_columns(source)
        (table, has_names), name = frame_table(frame), "frame"
    elif not isinstance(source, str | PathLike) or source in names():
        return None
    else:
        path = Path(source)
        kind = path.suffix.lower() if path.is_file() else ""
        parts = [] if has_mnist_files(path) else find_parts(path)
        if not parts and kind not in (".csv", ".arrow", ".feather", ".ipc"):
            return None
        reading.refuse_image_options(str(source))
        name = path.resolve().name
        if parts and is_large(parts):
            return _Table(first_rows(parts), name, lambda r: large_parquet(parts, name, r))
        if kind == ".csv":
            table, has_names = csv_table(path, reading)
        else:
            table, has_names = load_parts(parts) if parts else load_arrow(path), True
    return _Table(table, name, lambda r: from_arrow(table, name, r, has_names=has_names), mixed)


def _survey_table(source_table: _Table, reading: Reading) -> _Survey:
    """Survey the columns of a table."""
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

    columns, suggested = _inspect_columns(table, source_table.name, reading, source_table.mixed)
    return _Survey(source_table.name, read_table, columns, suggested, problems=problems)


# --- columns of a table ---------------------------------------------------------------------------


def _inspect_columns(
    table: Any, name: str, reading: Reading, mixed: frozenset[str] = frozenset()
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Describe the features of an Arrow table, and suggest options for reading them.

    Parameters
    ----------
    table : pyarrow.Table
    name : str
        The name of the table in errors.
    reading : Reading
    mixed : set of str
        Columns with values of several types.

    Returns
    -------
    columns : list of dict
        See `utsushi.datasets.info`.
    suggested : dict
        ``drop``, ``dates`` and ``categorical``, each with its ``value`` and ``why``.
    """
    descriptions = [
        _described(_RawColumn(column, values, name, reading, column in mixed))
        for column, values in zip(table.column_names, table.columns, strict=True)
    ]
    lists = [about["name"] for about, _ in descriptions if about["kind"] == "list"]
    if lists:
        why = f"the lists of numbers in {lists[0]!r} can only be used alone"
        descriptions = [
            (about, None) if about["name"] == lists[0] else ({**about, "note": why}, "drop")
            for about, _ in descriptions
        ]
    suggested: dict[str, dict[str, Any]] = {}
    for about, option in descriptions:
        if option is not None:
            suggestion = suggested.setdefault(option, {"value": [], "why": ""})
            reason = f"{about['name']}: {about['note']}"
            suggestion["why"] += f"; {reason}" if suggestion["value"] else reason
            suggestion["value"].append(about["name"])
    return [about for about, _ in descriptions], suggested


def _without_mixed_columns(frame: Any) -> tuple[Any, frozenset[str]]:
    """Convert columns of pandas with values of several types to text, and return their names.

    Arrow cannot convert such columns, which other frames do not have.
    """
    import pyarrow

    mixed = set()
    if not (hasattr(frame, "assign") and hasattr(frame, "dtypes")):
        return frame, frozenset()
    for column, kind in frame.dtypes.items():
        try:
            if kind.kind == "O":
                pyarrow.array(frame[column], from_pandas=True)
        except (pyarrow.ArrowException, TypeError, ValueError):
            texts = frame[column].astype(str).where(frame[column].notna(), None)
            frame = frame.assign(**{column: texts})
            mixed.add(str(column))
    return frame, frozenset(mixed)


@dataclass(frozen=True)
class _RawColumn:
    """Hold an unread column, with the name of the table and the options."""

    column: str
    values: Any
    name: str
    reading: Reading
    is_mixed: bool


#: The description of a column, and the option that should name it, or None.
_Description = tuple[dict[str, Any], str | None]


def _described(raw: _RawColumn) -> _Description:
    """Describe one column."""
    about, option = _of_kind(raw)
    about = {"name": raw.column, "kind": about.pop("kind"), "missing": _n_missing(raw), **about}
    if "note" not in about:
        note = _note_of_values(raw)
        about |= {"note": note} if note else {}
    return about, option


def _of_kind(raw: _RawColumn) -> _Description:
    """Describe the kind of a column."""
    kind = value_type(raw.values.type)
    if raw.values.null_count == len(raw.values):
        return {"kind": "empty", "note": "it has no value"}, "drop"
    if is_list(kind):
        return {"kind": "list"}, None
    dates = dates_of(raw.values)
    if dates is not None and raw.column not in raw.reading.categorical:
        return _of_dates(raw, dates)
    return _unusable(raw, kind) if raw.is_mixed else _of_column(raw, kind)


def _of_column(raw: _RawColumn, kind: Any) -> _Description:
    """Describe a column of numbers or categories, or why it is neither."""
    try:
        column = infer_column(raw.column, raw.values, raw.name, raw.reading)
    except DataError:
        if raw.column in (*raw.reading.categorical, *raw.reading.dates):
            raise
        return _unusable(raw, kind)
    if column.kind == "number" and len(raw.values) >= _FEWEST_ROWS:
        return _of_numbers(raw)
    n_categories, n_present = len(column.categories), len(raw.values) - raw.values.null_count
    is_chosen = raw.column in raw.reading.categorical
    if is_text(kind) and not is_chosen and n_present == n_categories >= _FEWEST_ROWS:
        return _unusable(raw, kind)
    if n_categories <= FEW_CATEGORIES:
        return {"kind": column.kind}, None
    note = f"it becomes {n_categories} features, one for each category"
    return {"kind": column.kind, "note": note}, None


def _of_dates(raw: _RawColumn, dates: Any) -> _Description:
    """Describe a column of dates."""
    from pyarrow import compute, types

    kind = "datetime" if types.is_timestamp(dates.type) else "date"
    limits = compute.min_max(dates).as_py()
    about = {"kind": kind, "min": str(limits["min"]), "max": str(limits["max"])}
    if raw.column in raw.reading.dates:
        return about, None
    return about | {"note": "dates become days since 1970-01-01"}, "dates"


def _of_numbers(raw: _RawColumn) -> _Description:
    """Describe a column of numbers, which may be an identifier of the rows."""
    values = decoded(raw.values).cast("float64").to_numpy()
    is_id_like = bool((values == np.rint(values)).all())  # of NaN it is false
    present = values[~np.isnan(values)]
    different = np.unique(present)
    if 2 < len(different) <= _FEW_NUMBERS and (different == np.rint(different)).all():
        note = f"{len(different)} different whole numbers: categories, if they are codes"
        return {"kind": "number", "note": note}, None
    if not is_id_like or len(different) < len(values):
        return {"kind": "number"}, None
    steps = np.diff(values)
    if (steps > 0).all() or (steps < 0).all():
        why = f"all {len(values)} whole numbers differ, in the order of the rows"
    elif np.ptp(values) < 2 * len(values):
        why = f"all {len(values)} whole numbers differ, with few left out between them"
    elif _is_named_id(raw.column):
        why = f"all {len(values)} whole numbers differ, and its name is that of an identifier"
    else:
        return {"kind": "number", "note": f"all {len(values)} whole numbers differ"}, None
    return {"kind": "identifier", "note": f"an identifier: {why}"}, "drop"


def _is_named_id(column: str) -> bool:
    return bool(_ID.search(column) or _ID_CASED.search(column))


def _unusable(raw: _RawColumn, kind: Any) -> _Description:
    """Describe a column that is neither numbers nor categories, and say why."""
    from pyarrow import compute

    if not is_text(kind):
        return {"kind": str(kind), "note": f"{kind} is neither a number nor a category"}, "drop"
    texts = compute.drop_null(decoded(raw.values)).to_pylist()
    different = list(dict.fromkeys(texts))
    about = {"kind": "text", "different": len(different), "examples": different[:_EXAMPLES]}
    if raw.is_mixed:
        return about | {"note": "values of several types: give it one type to use it"}, "drop"
    note = _note_of_numbers(different)
    if note:
        is_few = len(different) <= min(FEW_CATEGORIES, len(texts) / _ROWS_PER_CATEGORY)
        option = "categorical" if is_few else "drop"
        return about | {"note": note}, option
    if all(_LIKE_DATE.fullmatch(text) for text in different):
        note = f"dates such as {different[0][:40]!r}: rewrite them as 2026-03-31 to use them"
        return about | {"note": note}, "drop"
    note = f"{len(different)} different texts in {len(texts)} rows"
    if len(different) == len(texts) and not any(" " in text.strip() for text in different):
        return about | {"kind": "identifier", "note": f"an identifier: {note}"}, "drop"
    return about | {"note": f"too many for categories: {note}"}, "drop"


def _note_of_numbers(texts: list[str]) -> str:
    """Note that all or some texts are numbers; empty if none are."""
    numbers = [text for text in texts if is_number(text)]
    rest = [text for text in texts if not is_number(text)]
    if numbers and rest:
        return f"numbers and text, such as {rest[0][:40]!r}: blank such cells to use the numbers"
    if numbers:
        return f"numbers kept as text, such as {numbers[0][:40]!r}: convert them to use them"
    unit = common_unit(texts)
    if unit is None:
        return ""
    return f"numbers with {unit!r}, such as {texts[0][:40]!r}: remove it to use the numbers"


def _note_of_values(raw: _RawColumn) -> str:
    """Note that nearly all rows of a column have one value; empty otherwise."""
    from pyarrow import compute

    if is_list(value_type(raw.values.type)) or len(raw.values) < _FEWEST_ROWS:
        return ""
    counts = compute.value_counts(compute.drop_null(decoded(raw.values).combine_chunks()))
    numbers = sorted(counts.field("counts").to_pylist())
    n_present = sum(numbers)
    if len(numbers) < 2 or numbers[-1] < _NEARLY_ALL * n_present:
        return ""
    others = n_present - numbers[-1]
    return f"nearly constant: {others} of {n_present} rows have another value than the rest"


def _n_missing(raw: _RawColumn) -> int:
    """Count the rows without a value."""
    from pyarrow import types

    n_null = int(raw.values.null_count)
    if not types.is_floating(value_type(raw.values.type)):
        return n_null
    present = decoded(raw.values).drop_null().to_numpy()
    return n_null + int(np.isnan(present).sum())
