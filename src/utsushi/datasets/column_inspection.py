"""What each column of a table holds, and what to do about those that cannot be used as they are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from utsushi.datasets.arrow_files import common_unit, is_number
from utsushi.datasets.arrow_types import dates_of, decoded, is_list, is_text, value_type
from utsushi.datasets.reading import Reading
from utsushi.datasets.tables import FEW_CATEGORIES, learned_column
from utsushi.exceptions import DataError

__all__ = ["inspect_columns", "without_mixed_columns"]

#: Values that are shown of a column of texts.
_EXAMPLES = 3

#: Of fewer rows it says nothing that all values differ.
_FEWEST_ROWS = 20

#: A column in which so large a part of the rows has one value is nearly constant.
_NEARLY_ALL = 0.99

#: Texts with numbers in them may be categories if each has so many rows, on average.
_ROWS_PER_CATEGORY = 4

#: So few different whole numbers may be codes.
_FEW_NUMBERS = 10

_ID = re.compile(r"(^|[\W_])(id|uuid|guid|key|index|idx|nr|number)$", re.IGNORECASE)
_ID_CASED = re.compile(r"[a-z]I[dD]$")
_LIKE_DATE = re.compile(r"\s*\d{1,4}[./-]\d{1,2}[./-]\d{1,4}(\D.*)?")


def inspect_columns(
    table: Any, name: str, reading: Reading, mixed: frozenset[str] = frozenset()
) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """Describe the columns of features of an Arrow table, and suggest how to read them.

    Parameters
    ----------
    table : pyarrow.Table
    name : str
        What messages call it.
    reading : Reading
    mixed : set of str
        Columns that held values of several types.

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


def without_mixed_columns(frame: Any) -> tuple[Any, frozenset[str]]:
    """Return a frame of pandas with texts in the columns that Arrow cannot take, and their names.

    Columns of other frames have one type.
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
    """A column before it is read, with the table's name and how it is to be read."""

    column: str
    values: Any
    name: str
    reading: Reading
    is_mixed: bool


#: What a column holds, and the option that should name it, or None.
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
    """Tell what a column holds, and which option it needs."""
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
    """Describe a column that can be used, or say why it cannot."""
    try:
        column = learned_column(raw.column, raw.values, raw.name, raw.reading)
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
    """Tell numbers from identifiers, which number the rows and hold no information."""
    import numpy as np

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
    """Say of texts that they are, or some of them are, numbers; nothing of all others."""
    numbers = [text for text in texts if is_number(text)]
    others = [text for text in texts if not is_number(text)]
    if numbers and others:
        return f"numbers and text, such as {others[0][:40]!r}: blank such cells to use the numbers"
    if numbers:
        return f"numbers kept as text, such as {numbers[0][:40]!r}: convert them to use them"
    unit = common_unit(texts)
    if unit is None:
        return ""
    return f"numbers with {unit!r}, such as {texts[0][:40]!r}: remove it to use the numbers"


def _note_of_values(raw: _RawColumn) -> str:
    """Say of a column whether nearly all of its rows have one value."""
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
    import numpy as np
    from pyarrow import types

    n_null = int(raw.values.null_count)
    if not types.is_floating(value_type(raw.values.type)):
        return n_null
    present = decoded(raw.values).drop_null().to_numpy()
    return n_null + int(np.isnan(present).sum())
