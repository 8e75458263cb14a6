"""The command ``utsushi detect``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from utsushi.cli.options import Data, Label, Language, Out, RunPath, integer, number, reads_again
from utsushi.cli.output import check_output, note, write_columns
from utsushi.cli.rows import dataset_of, image_shape_of, label_name_of
from utsushi.cli.table_detect import detect_in_table
from utsushi.cli.tables import refuse_options
from utsushi.exceptions import RunError, SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from utsushi.datasets import Dataset
    from utsushi.estimators import AnomalyDetector, Explanation
    from utsushi.runs import Run

#: The default number of images, or of panels of a table, in the picture.
PICTURE_ROWS = 10

#: What a picture shows.
QUANTITY = "contribution to the score"

#: Columns that have moved to name.
MOVED_COLUMNS = 10


def names(text: str) -> str | tuple[str, ...]:
    """Parse a score, or several separated by commas, which are combined."""
    scores = tuple(name.strip() for name in text.split(",") if name.strip())
    return scores[0] if len(scores) == 1 else scores


Settings = dict[str, Any]


@reads_again
def detect(
    run: RunPath,
    out: Out,
    data: Data = None,
    label: Label = None,
    scoring: Annotated[
        Any,
        typer.Option(
            parser=names,
            metavar="NAME[,NAME…]",
            help="auto, neighbors, squared-error, relative-error, bound, mahalanobis, "
            "code-density, combined.",
        ),
    ] = None,
    contamination: Annotated[
        Any,
        typer.Option(
            parser=number,
            metavar="X",
            help="Share of outliers among the normal samples; default: 0.1.",
        ),
    ] = None,
    max_false_positive_rate: Annotated[
        Any,
        typer.Option(
            parser=number,
            metavar="X",
            help="Instead: the false positive rate on new normal samples.",
        ),
    ] = None,
    normal: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE", help="Normal samples for the threshold; default: the training data."
        ),
    ] = None,
    picture: Annotated[
        str | None, typer.Option(metavar="FILE", help="A .png file; default: next to --out.")
    ] = None,
    worst: Annotated[
        int, typer.Option(parser=integer, metavar="N", help="Samples in the picture; 0 for none.")
    ] = PICTURE_ROWS,
    reference: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Earlier rows: print how far scores and columns have moved from theirs.",
        ),
    ] = None,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Add a column with a sentence on each outlier."),
    ] = False,
    report: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="A .html file: the most abnormal samples, and why they are."
        ),
    ] = None,
    lang: Language = "en",
    *,
    reading: dict[str, Any],
) -> None:
    """Score samples and mark outliers, which score below a threshold.

    Writes .csv, .parquet or .npz with each sample's row, counted from 0, its label, its score
    (higher is more normal), whether it is an outlier, and with --explain why: the column that
    contributes most to the score, and the value to expect there. All samples of the source are
    scored. The terminal shows why the lowest scores are low, and a picture the columns or pixels
    that contribute most. With --report, a page has both, with the values that were expected.

    The threshold is calibrated on the training data; the file of a detector has its own. That of a
    table model is calibrated on the rows that were held out from its training.
    """
    settings = {
        "scoring": scoring,
        "contamination": contamination,
        "max_false_positive_rate": max_false_positive_rate,
    }
    check_output(out, [".csv", ".parquet", ".npz"])
    picture = picture or str(Path(out).with_suffix(".png"))
    _check_options(picture, worst, settings, report, lang)
    from utsushi._utils.files import write_text, write_whole
    from utsushi.estimators.capabilities import takes_tables
    from utsushi.runs import Detection, anomaly_report, open_run

    opened = open_run(run, detectors=True)
    if takes_tables(opened.model):
        refuse_options(
            opened.model,
            scoring=(scoring, "Its score is the bound"),
            reference=reference,
            report=report,
            picture=None if picture == str(Path(out).with_suffix(".png")) else picture,
        )
        detect_in_table(opened, out, data, label, normal, settings, worst, reading, explain=explain)
        return
    dataset = dataset_of(opened, data, label, reading)
    chosen = {name: value for name, value in settings.items() if value is not None}
    detector = _detector(run, opened, normal, label, chosen, reading)
    scores = detector.score_samples(dataset.X)
    name = label_name_of(opened, label, reserved=("row", "score", "outlier", "explanation"))
    path = _write_scores(out, detector, dataset, scores, label=name, explain=explain)
    n_outliers = int((scores < detector.offset_).sum())
    scored_by = [detector.scoring_] if isinstance(detector.scoring_, str) else detector.scoring_
    note(
        f"{len(scores)} samples scored by {' and '.join(scored_by)}, {n_outliers} outliers below "
        f"{detector.offset_:.6g}: {path}"
    )
    if reference is not None:
        earlier = dataset_of(opened, reference, label, reading)
        _note_drift(detector, earlier, dataset, scores)
    if worst:
        order = scores.argsort(kind="stable")[:worst]
        shape = image_shape_of(opened, dataset)
        explanation = detector.explain(dataset.X[order])
        images = _images(explanation, dataset, order, shape)
        drawn = images or _bars(explanation, dataset, order)
        note(f"the {len(order)} lowest scores: {write_whole(picture, drawn)}")
        for row, sentence in zip(order, explanation.text(), strict=True):
            note(f"row {row}: {sentence}")
        if report is not None:
            has_p_values = detector.calibration_scores_ is not None
            detection = Detection(
                detector,
                dataset.name,
                scores,
                order,
                explanation,
                p_values=detector.p_values(dataset.X[order]) if has_p_values else None,
                labels=None if dataset.y is None else dataset.y[order],
                picture=images,
            )
            page = write_text(report, anomaly_report(detection, language=lang))
            note(f"the report: {page}")


def _check_options(
    picture: str, worst: int, settings: Settings, report: str | None, lang: str
) -> None:
    """Check the options before any file is opened."""
    if report is not None:
        from utsushi.report import check_language

        check_language(lang)
        if not report.lower().endswith(".html"):
            raise SettingError(f"--report must end in .html, got {report!r}.")
        if worst == 0:
            raise SettingError("--worst must be positive with --report, got 0.")
    if not picture.lower().endswith(".png"):
        raise SettingError(f"--picture must end in .png, got {picture!r}.")
    if worst < 0:
        raise SettingError(f"--worst must be a non-negative integer, got {worst}.")
    if None not in (settings["contamination"], settings["max_false_positive_rate"]):
        raise SettingError(
            "--contamination and --max-false-positive-rate both set the threshold, got "
            f"{settings['contamination']} and {settings['max_false_positive_rate']}. Leave one "
            "out."
        )


def _detector(
    path: str,
    opened: Run,
    normal: str | None,
    label: str | None,
    settings: Settings,
    reading: dict[str, Any],
) -> AnomalyDetector:
    """Return the detector of a file, or one that wraps the model, with a calibrated threshold."""
    from sklearn.frozen import FrozenEstimator

    from utsushi.estimators import AnomalyDetector, load
    from utsushi.estimators.capabilities import is_detector

    saved = None if Path(path).is_dir() else load(path)
    if is_detector(saved):
        if not settings and normal is None:
            return saved
        # Options override the settings of the file.
        saved_settings = saved.get_params(deep=False)
        del saved_settings["autoencoder"]
        chosen = settings
        settings = saved_settings | chosen
        if "contamination" in chosen:
            settings["max_false_positive_rate"] = None
        elif "max_false_positive_rate" in chosen:
            settings["contamination"] = None
    if normal is not None:
        rows = dataset_of(opened, normal, label, reading).X
    elif opened.config is not None:
        rows = dataset_of(opened, None, None, {}).X_train
        if settings.get("max_false_positive_rate") is not None:
            note(
                "the threshold is calibrated on the training data, which score higher than new "
                "samples, so more of these will be outliers: use other data with --normal"
            )
    else:
        raise RunError(
            "--normal is missing: the model file is in no run folder that names its training "
            "data. Name normal samples for the threshold with --normal."
        )
    model = None if is_detector(opened.model) else FrozenEstimator(opened.model)
    columns = getattr(opened.model, "columns_", None)
    return AnomalyDetector(model, **settings).fit(rows, columns=columns)


def _write_scores(
    out: str,
    detector: AnomalyDetector,
    dataset: Dataset,
    scores: NDArray[Any],
    *,
    label: str,
    explain: bool,
) -> Path:
    import numpy as np

    columns: dict[str, NDArray[Any]] = {"row": np.arange(len(scores))}
    if dataset.y is not None:
        columns[label] = dataset.y
    is_outlier = scores < detector.offset_
    columns |= {"score": scores, "outlier": is_outlier}
    if explain:
        sentences = np.full(len(scores), "", dtype=object)
        if is_outlier.any():
            sentences[is_outlier] = detector.explain_text(dataset.X[is_outlier])
        columns["explanation"] = sentences.astype(str)
    return write_columns(out, columns)


def _note_drift(
    detector: AnomalyDetector, earlier: Dataset, dataset: Dataset, scores: NDArray[Any]
) -> None:
    """Print how far the scores, and which columns, have moved from those of earlier rows."""
    from utsushi.evaluation import drift

    (of_scores,) = drift(detector.score_samples(earlier.X), scores)
    note(
        f"drift of the scores from {earlier.name}: Kolmogorov-Smirnov statistic "
        f"{of_scores.statistic:.3f}, p = {of_scores.p_value:.2g}"
    )
    columns = drift(earlier.X, dataset.X, names=dataset.feature_names)
    moved = [f"{c.name} ({c.statistic:.3f})" for c in columns if c.has_moved]
    more = f" and {len(moved) - MOVED_COLUMNS} more" if len(moved) > MOVED_COLUMNS else ""
    note(f"columns that have moved: {', '.join(moved[:MOVED_COLUMNS]) or 'none'}{more}")


def _images(
    explanation: Explanation,
    dataset: Dataset,
    order: NDArray[Any],
    shape: tuple[int, ...] | None,
) -> bytes | None:
    """Draw images, in that order, with what is expected and the contributions; None for others."""
    from utsushi.figures import residual_images, to_png, within_range_of
    from utsushi.runs import can_be_drawn

    if shape is None or not can_be_drawn(shape):
        return None
    rows = dataset.X[order]
    pairs = within_range_of(rows, rows), within_range_of(rows, explanation.expected)
    of_neighbors = explanation.source == "neighbors"
    labels = ("original", "expected" if of_neighbors else "reconstruction", "contribution")
    maps = explanation.contributions.clip(min=0)
    return to_png(residual_images(*pairs, maps, shape, labels=labels, quantity=QUANTITY))


def _bars(explanation: Explanation, dataset: Dataset, order: NDArray[Any]) -> bytes:
    """Draw the columns that contribute most to each sample, in that order."""
    from utsushi.figures import residual_bars, to_png

    titles = [f"row {index}" for index in order]
    if dataset.y is not None:
        titles = [f"{title}, {dataset.y[i]}" for title, i in zip(titles, order, strict=True)]
    maps = explanation.contributions.clip(min=0)
    return to_png(residual_bars(maps, explanation.columns, titles, quantity=QUANTITY))
