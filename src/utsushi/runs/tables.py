"""Results of an evaluation as tables, for the report and the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from utsushi.evaluation import translate
from utsushi.report import Table
from utsushi.runs.texts import TEXTS

__all__ = [
    "BASELINES",
    "MOST_COLUMNS",
    "figure_and_error",
    "figures_of",
    "measure_name",
    "tables_of",
]

#: The baselines of synthetic rows and of imputed values, by their keys.
BASELINES = ("floor", "copula", "independent", "baseline")

#: The largest number of columns of a table that are shown, those with the largest errors.
MOST_COLUMNS = 20

#: The largest number of pairs of columns that are shown.
MOST_PAIRS = 10


def tables_of(
    results: Mapping[str, Mapping[str, Any]], language: str = "en", *, rows_name: str = ""
) -> list[Table]:
    """Return the results of an evaluation as tables, one per group and one per list of columns.

    Parameters
    ----------
    results : mapping
        The result of `utsushi.evaluation.evaluate`, or ``metrics.json``.
    language : {"en", "ja"}
    rows_name : str
        The description of the samples, for the captions.

    Returns
    -------
    list of Table
        The model's value and its standard error, those of PCA if any metric has them, the values
        of other baselines, and the number of samples. Lists of numbers and diagnostics are lines of
        the notes. A group or a metric without a text in ``language`` is shown by its key. At most
        20 columns and 10 pairs of columns of a table are shown.

    Examples
    --------
    >>> mse = {"value": 0.25, "standard_error": 0.0123, "n_rows": 50, "pca": None}
    >>> (table,) = tables_of({"reconstruction": {"mse": mse}})
    >>> table.columns
    ('Reconstruction', 'Model', 's.e.', 'Samples')
    >>> table.rows
    (('Mean squared error', '0.25', '0.012', '50'),)
    """
    with_pca = any(
        _is_figure(value) and value.get("pca") is not None
        for name, group in results.items()
        for value in figures_of(name, group).values()
    )
    tables = []
    for name, group in results.items():
        tables.append(_table(name, group, language, rows_name=rows_name, with_pca=with_pca))
        tables += _column_tables(name, group, language)
    return tables


def _table(
    name: str, group: Mapping[str, Any], language: str, *, rows_name: str, with_pca: bool
) -> Table:
    """Return the table of one group."""
    words = TEXTS[language]
    title = words.get(f"group_{name}", _plain(name))
    pca = ("PCA", words["standard_error"]) if with_pca else ()
    shown = {
        key: value
        for key, value in figures_of(name, group).items()
        if _is_figure(value) or _is_number(value)
    }
    figures = [value for value in shown.values() if _is_figure(value)]
    others = [b for b in BASELINES if any(figure.get(b) is not None for figure in figures)]
    heads = (words[f"baseline_{baseline}"] for baseline in others)
    return Table(
        columns=(title, words["model"], words["standard_error"], *pca, *heads, words["rows"]),
        rows=tuple(
            (measure_name(key, language, name), *_cells(value, others, with_pca=with_pca))
            for key, value in shown.items()
        ),
        caption=words["numbers_caption"].format(group=title, rows=rows_name),
        note="\n".join(_notes(name, group, language)) or None,
    )


def figures_of(name: str, group: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the metrics of a group to show, by name: of columns, those with the largest errors."""
    if name in ("synthetic", "imputation"):  # which also hold counts, and each column
        return {key: value for key, value in group.items() if _is_figure(value)}
    if name != "columns":
        return group
    errors: Mapping[str, Any] = group.get("errors", {})
    worst = sorted(errors, key=lambda column: -errors[column]["value"])[:MOST_COLUMNS]
    return {column: error for column, error in errors.items() if column in set(worst)}


def _cells(value: Any, baselines: Sequence[str], *, with_pca: bool) -> tuple[str, ...]:
    """Return the cells of a metric, or of a number without error."""
    figure = value if _is_figure(value) else {"value": value}
    pca = (figure.get("pca") or {}) if with_pca else None
    digits = 4 if baselines else 6  # so that a page has space for all columns
    return (
        *_value_and_error(figure, digits),
        *(() if pca is None else _value_and_error(pca, digits)),
        *(_value_and_error(figure.get(name) or {}, digits)[0] for name in baselines),
        f"{figure['n_rows']:,}" if "n_rows" in figure else "",
    )


def _column_tables(name: str, group: Mapping[str, Any], language: str) -> list[Table]:
    """Return the columns and pairs of synthetic rows, or the columns of imputed values."""
    words = TEXTS[language]
    if name == "synthetic" and "columns" in group:
        columns = [(column, errors) for column, errors in group["columns"].items()]
        pairs = [(" – ".join(pair["columns"]), pair) for pair in group["pairs"]]
        return [
            _errors(key, errors, most, language)
            for key, errors, most in (
                ("synthetic_columns", columns, MOST_COLUMNS),
                ("synthetic_pairs", pairs, MOST_PAIRS),
            )
            if errors
        ]
    if name != "imputation" or "columns" not in group:
        return []

    def cell(figure: Mapping[str, Any] | None) -> str:
        return "" if figure is None else f"{figure['value']:.3g}"

    heads = [words[f"measure_{key}"] for key in ("nrmse", "accuracy", "coverage")]
    rows = tuple(
        (
            column,
            *(cell(errors.get(key)) for key in ("nrmse", "accuracy")),
            cell((errors.get("nrmse") or errors["accuracy"])["baseline"]),
            cell(errors.get("coverage")),
        )
        for column, errors in list(group["columns"].items())[:MOST_COLUMNS]
    )
    heads.insert(2, words["baseline_baseline"])
    title = words["imputation_columns"]
    return [Table((title, *heads), rows, caption=title)]


def _errors(
    key: str, errors: Sequence[tuple[str, Mapping[str, Any]]], most: int, language: str
) -> Table:
    """Return the table of the largest errors of columns or pairs, the largest first."""
    words = TEXTS[language]
    worst = sorted(errors, key=lambda item: -item[1]["value"])[:most]
    keys = ["value", *(b for b in BASELINES if b in worst[0][1])]
    heads = [words["model"], *(words[f"baseline_{baseline}"] for baseline in keys[1:])]
    note = words[f"{key}_note"]
    if len(worst) < len(errors):
        note += " " + words["worst_errors"].format(n_shown=len(worst), n_errors=len(errors))
    return Table(
        columns=(words[key], *heads),
        rows=tuple((name, *(f"{found[of]:.3g}" for of in keys)) for name, found in worst),
        caption=words[key],
        note=note,
    )


def _value_and_error(figure: Mapping[str, Any], digits: int = 6) -> tuple[str, str]:
    """Return a value to some digits and its standard error to two; empty texts for None."""
    value, error = figure.get("value"), figure.get("standard_error")
    return (
        "" if value is None else f"{value:.{digits}g}",
        "" if error is None else f"{error:.2g}",
    )


def _notes(name: str, group: Mapping[str, Any], language: str) -> list[str]:
    """Return the notes below a table."""
    words = TEXTS[language]
    notes = []
    n_shown, n_columns = len(figures_of(name, group)), len(group.get("errors", ()))
    if name == "columns" and n_shown < n_columns:
        notes.append(words["worst_columns"].format(n_shown=n_shown, n_columns=n_columns))
    for key, value in group.items():
        if isinstance(value, list) and value and all(map(_is_number, value)):
            numbers = " ".join(f"{number:.2f}" for number in value)
            notes.append(f"{words.get(f'measure_{key}', _plain(key))}: {numbers}")
        elif isinstance(value, str):
            notes.append(f"{words.get(f'measure_{key}', _plain(key))}: {value}")
    return notes + [translate(diagnostic, language) for diagnostic in group.get("diagnostics", ())]


def measure_name(key: str, language: str, group: str = "") -> str:
    """Return the label of a metric in a language; an unknown name unchanged."""
    if group == "columns":
        return key
    words = TEXTS[language]
    return words.get(f"measure_{group}_{key}") or words.get(f"measure_{key}", _plain(key))


def figure_and_error(value: Any) -> str:
    """Return a metric with its standard error as text; an empty text for None."""
    if value is None:
        return ""
    figure = value if _is_figure(value) else {"value": value}
    mean, error = _value_and_error(figure)
    if not error:
        return mean
    # Round both to the second significant digit of the standard error.
    standard_error = figure["standard_error"]
    decimals = max(0, 1 - math.floor(math.log10(standard_error))) if standard_error > 0 else 6
    return f"{figure['value']:.{decimals}f} ± {standard_error:.{decimals}f}"


def _is_figure(value: Any) -> bool:
    return isinstance(value, Mapping) and "value" in value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _plain(key: str) -> str:
    """Return a key as words."""
    return key.replace("_", " ").capitalize()
