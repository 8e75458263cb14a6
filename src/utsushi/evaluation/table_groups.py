"""Groups of metrics of models of tables: synthetic rows and imputed values."""

from __future__ import annotations

from typing import Any

import numpy as np

from utsushi._utils.frames import RawColumn, read_frame, write_frame
from utsushi._utils.seeds import Purpose, numpy_generator
from utsushi.evaluation.context import EvaluationContext
from utsushi.evaluation.frames import native_frame
from utsushi.evaluation.rows import chosen_rows
from utsushi.evaluation.tables import (
    FEWEST_ROWS,
    MOST_ROWS,
    evaluate_imputation,
    evaluate_synthetic,
)
from utsushi.evaluation.texts import Diagnostic, diagnostic
from utsushi.exceptions import DataError, SettingError

__all__ = ["imputation", "synthetic"]

#: The share of the values that are hidden, and the most rows and the draws of their imputation.
HIDDEN_SHARE, MOST_IMPUTED_ROWS, N_IMPUTATIONS = 0.3, 1_000, 20

#: Synthetic rows are copies if so many times as many of them are near a training row as real ones.
COPIES_ABOVE = 3

_HIDDEN = 14  # the step of the path of random numbers; see `utsushi.evaluation.rows`

Group = dict[str, Any]


def synthetic(context: EvaluationContext) -> Group:
    """Compare synthetic rows of a table model with real ones; see `evaluate_synthetic`."""
    model, seed = context.model, context.seed
    if context.frame is None:
        return {}
    if context.frame_train is None:
        return {"diagnostics": [diagnostic("no_training_rows")]}
    names = [column.name for column in model.codec_.columns if column.kind != "identifier"]
    train = native_frame(context.frame_train, "train").select(names).to_native()
    test = None
    if not context.is_training_data:
        test = native_frame(context.frame, "test").select(names).to_native()
    fewest = min(len(rows) for rows in (train, test) if rows is not None)
    if fewest < FEWEST_ROWS:
        return {"diagnostics": [diagnostic("few_rows", n_rows=fewest, fewest=FEWEST_ROWS)]}
    rows = model.sample(min(len(train), MOST_ROWS), random_state=seed)
    found, diagnostics = None, []
    if context.target is not None and test is not None:
        try:
            found = evaluate_synthetic(rows, train, test, target=context.target, random_state=seed)
        except (DataError, SettingError) as error:  # a finished training must not be lost
            diagnostics.append(diagnostic("no_target", reason=str(error).rstrip(".")))
    if found is None:
        found = evaluate_synthetic(rows, train, test, random_state=seed)
    if test is None:
        diagnostics.append(diagnostic("no_held_out"))
    return {**found, "diagnostics": diagnostics + _advice(found)}


def _advice(found: Group) -> list[Diagnostic]:
    """Return diagnostics of synthetic rows that are poor, or copies of training rows."""
    advice = []
    told, copula = found["real_or_synthetic"], found["real_or_synthetic"]["copula"]
    if told["value"] - copula["value"] > 2 * (told["standard_error"] or 0.0):
        values = {"value": told["value"], "of_copula": copula["value"]}
        advice.append(diagnostic("worse_than_copula", **values))
    near = found.get("share_near_training_row")
    if near is not None:
        surely = near["value"] - 2 * (near["standard_error"] or 0.0)
        if surely > COPIES_ABOVE * near["floor"]["value"]:
            advice.append(diagnostic("near_copies", percent=100 * near["value"]))
    return advice


def imputation(context: EvaluationContext) -> Group:
    """Hide values at random, and compare what a table model fills in; see `evaluate_imputation`."""
    model, seed = context.model, context.seed
    if context.frame is None:
        return {}
    columns, backend = read_frame(context.frame)
    rows = chosen_rows(len(columns[0].values), MOST_IMPUTED_ROWS, seed)
    columns = [RawColumn(c.name, c.dtype, c.values[rows]) for c in columns]
    encoded = {column.name for column in model.codec_.encoded}
    draws = numpy_generator(seed, Purpose.EVALUATION, _HIDDEN)
    with_gaps, n_hidden = [], 0
    for column in columns:
        hidden = (draws.random(len(rows)) < HIDDEN_SHARE) & (column.name in encoded)
        n_hidden += int((hidden & ~column.is_missing).sum())
        values = column.values.copy()
        values[hidden] = np.nan if column.is_number else None
        with_gaps.append(RawColumn(column.name, column.dtype, values))
    if not n_hidden:
        return {}
    hidden_frame = write_frame(with_gaps, backend)
    coded = {column.name for column in model.codec_.encoded if column.kind == "category"}
    found = evaluate_imputation(
        _with_categories(columns, coded, backend),
        _with_categories(with_gaps, coded, backend),
        _with_categories(read_frame(model.impute(hidden_frame))[0], coded, backend),
        [
            _with_categories(read_frame(drawn)[0], coded, backend)
            for drawn in model.impute_many(hidden_frame, N_IMPUTATIONS, random_state=seed)
        ],
    )
    said = {"percent": 100 * HIDDEN_SHARE, "n_rows": len(rows), "n_draws": N_IMPUTATIONS}
    return {**found, "diagnostics": [diagnostic("hidden_values", **said)]}


def _with_categories(columns: list[RawColumn], coded: set[str], backend: str | None) -> Any:
    """Return a frame in which numbers that a model takes for categories are texts."""

    def text(value: float) -> str | None:
        return None if np.isnan(value) else f"{value:.15g}"

    return write_frame(
        [
            RawColumn(c.name, "String", np.array([*map(text, c.values)], dtype=object))
            if c.name in coded and c.is_number
            else c
            for c in columns
        ],
        backend,
    )
