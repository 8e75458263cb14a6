"""``utsushi detect`` for models of tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from utsushi.cli.output import note, write_columns
from utsushi.cli.tables import frame_of, labels_of_rows
from utsushi.exceptions import RunError, SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from utsushi.estimators import TableAutoencoder
    from utsushi.runs import Run

__all__ = ["detect_in_table"]

#: The share of outliers among normal rows, if no option sets a threshold.
CONTAMINATION = 0.1


def detect_in_table(
    opened: Run,
    out: str,
    data: str | None,
    label: str | None,
    normal: str | None,
    settings: dict[str, Any],
    worst: int,
    reading: dict[str, Any],
    *,
    explain: bool,
) -> None:
    """Score rows of a table, mark those below a threshold, and say which values are odd."""
    import numpy as np

    model = opened.model
    dataset = frame_of(opened, data, reading)
    scores = np.asarray(model.score_samples(dataset.X))
    offset = _offset(opened, normal, settings, reading)
    is_outlier = scores < offset
    columns: dict[str, Any] = {"row": np.arange(len(scores))}
    name, labels = labels_of_rows(dataset, label)
    if labels is not None:
        name = "y" if name in ("row", "score", "outlier", "explanation") else name
        columns[str(name)] = labels
    columns |= {"score": scores, "outlier": is_outlier}
    if explain:
        sentences = np.full(len(scores), "", dtype=object)
        if is_outlier.any():
            sentences[is_outlier] = _sentences(model, dataset.X, np.flatnonzero(is_outlier))
        columns["explanation"] = sentences.astype(str)
    path = write_columns(out, columns)
    note(f"{len(scores)} rows scored, {int(is_outlier.sum())} outliers below {offset:.6g}: {path}")
    if worst:
        order = scores.argsort(kind="stable")[:worst]
        note(f"the {len(order)} lowest scores:")
        for row, sentence in zip(order, _sentences(model, dataset.X, order), strict=True):
            note(f"row {row}: {sentence}")


def _offset(
    opened: Run, normal: str | None, settings: dict[str, Any], reading: dict[str, Any]
) -> float:
    """Return the threshold, calibrated on normal rows, or on those that were held out."""
    import numpy as np

    from utsushi.estimators.anomaly_scores import conformal_offset

    if normal is None and opened.config is None:
        raise RunError(
            "--normal is missing: the model file is in no run folder that names its training "
            "data. Name normal rows for the threshold with --normal."
        )
    rate, share = settings["max_false_positive_rate"], settings["contamination"]
    if rate is not None and not 0 < rate < 1:
        raise SettingError(f"max_false_positive_rate must be between 0 and 1, got {rate}.")
    if share is not None and not 0 < share <= 0.5:
        raise SettingError(f"contamination must be in (0, 0.5], got {share}.")
    dataset = frame_of(opened, normal, reading if normal else {})
    rows = dataset.X if normal else dataset.measured
    scores = np.asarray(opened.model.score_samples(rows))
    if rate is None:
        return float(np.percentile(scores, 100 * (CONTAMINATION if share is None else share)))
    if normal is None and dataset.X_test is None:
        note(
            "the threshold is calibrated on the training data, which score higher than new "
            "rows, so more of these will be outliers: use other data with --normal"
        )
    return float(conformal_offset(scores, rate))


def _sentences(model: TableAutoencoder, table: Any, rows: NDArray[Any]) -> list[str]:
    """Return for each of some rows a sentence on its oddest value."""
    odd = model.explain(table.take(rows), n_columns=1)
    found = {name: odd.column(name).to_pylist() for name in odd.column_names}
    sentences = ["no value is odd"] * len(rows)
    for sample, column, value, expected, oddness in zip(*found.values(), strict=True):
        sentences[sample] = (
            f"{column} is {value}, expected {expected} given the other values ({oddness:.1f} nats)"
        )
    return sentences
