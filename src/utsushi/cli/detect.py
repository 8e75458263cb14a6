"""``utsushi detect``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from utsushi.cli.options import Data, Label, Out, RunPath, integer, number, reads_again
from utsushi.cli.output import check_output, note, write_columns
from utsushi.cli.rows import dataset_of, image_shape_of, label_name_of
from utsushi.exceptions import RunError, SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from utsushi.datasets import Dataset
    from utsushi.estimators import AnomalyDetector
    from utsushi.runs import Run

#: Images in the picture, or panels of a table.
PICTURE_ROWS = 10


def names(text: str) -> str | tuple[str, ...]:
    """Parse a score, or several with commas between, which are combined."""
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    return parts[0] if len(parts) == 1 else parts


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
            help="Share of outliers among the normal rows; else the lowest 0.1.",
        ),
    ] = None,
    max_false_positive_rate: Annotated[
        Any,
        typer.Option(
            parser=number, metavar="X", help="In its place: the rate to expect on new normal rows."
        ),
    ] = None,
    normal: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE", help="Normal rows for the threshold; else those of the training."
        ),
    ] = None,
    picture: Annotated[
        str | None, typer.Option(metavar="FILE", help="A .png file; default: next to the scores.")
    ] = None,
    worst: Annotated[
        int, typer.Option(parser=integer, metavar="N", help="Rows in the picture; 0 for none.")
    ] = PICTURE_ROWS,
    *,
    reading: dict[str, Any],
) -> None:
    """Score rows, and call those outliers that the model cannot account for.

    As .csv, .parquet or .npz: the row, counted from 0, its label, its score (higher is more
    normal) and whether it is an outlier. All rows of the source are scored. A picture shows the
    worst ones and where they depart from their reconstructions.

    The threshold is learned from the rows of the training, or a detector's file has its own.
    """
    settings = {
        "scoring": scoring,
        "contamination": contamination,
        "max_false_positive_rate": max_false_positive_rate,
    }
    check_output(out, [".csv", ".parquet", ".npz"])
    picture = picture or str(Path(out).with_suffix(".png"))
    _check_options(picture, worst, settings)
    from utsushi.runs import open_run

    opened = open_run(run, detectors=True)
    dataset = dataset_of(opened, data, label, reading)
    chosen = {name: value for name, value in settings.items() if value is not None}
    detector = _detector(run, opened, normal, label, chosen, reading)
    scores = detector.score_samples(dataset.X)
    name = label_name_of(opened, label, reserved=("row", "score", "outlier"))
    path = _write_scores(out, scores, detector.offset_, name, dataset.y)
    n_outliers = int((scores < detector.offset_).sum())
    scored_by = [detector.scoring_] if isinstance(detector.scoring_, str) else detector.scoring_
    note(
        f"{len(scores)} rows scored by {' and '.join(scored_by)}, {n_outliers} outliers below "
        f"{detector.offset_:.6g}: {path}"
    )
    if worst:
        order = scores.argsort(kind="stable")[:worst]
        shape = image_shape_of(opened, dataset)
        note(f"the {len(order)} lowest scores: {_draw(picture, detector, dataset, order, shape)}")


def _check_options(picture: str, worst: int, settings: Settings) -> None:
    """Refuse what cannot be, before anything is opened."""
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
    """Return the detector that a file holds, or one around the model with a threshold learned."""
    from sklearn.frozen import FrozenEstimator

    from utsushi.estimators import AnomalyDetector, load
    from utsushi.estimators.capabilities import is_detector

    saved = None if Path(path).is_dir() else load(path)
    if is_detector(saved):
        if not settings and normal is None:
            return saved
        # Its own settings stay where no option says otherwise.
        own = saved.get_params(deep=False)
        chosen = settings
        settings = {name: own[name] for name in own if name != "autoencoder"} | chosen
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
                "the threshold is set by rows that the model was trained on, which score better "
                "than new ones: more of these will be called outliers; --normal takes others"
            )
    else:
        raise RunError(
            "--normal is missing: the model file is in no run folder that names its training "
            "data. Name normal samples for the threshold with --normal."
        )
    model = None if is_detector(opened.model) else FrozenEstimator(opened.model)
    return AnomalyDetector(model, **settings).fit(rows)


def _write_scores(
    out: str, scores: NDArray[Any], offset: float, label: str, y: NDArray[Any] | None
) -> Path:
    import numpy as np

    columns = {"row": np.arange(len(scores))}
    if y is not None:
        columns[label] = y
    return write_columns(out, columns | {"score": scores, "outlier": scores < offset})


def _draw(
    picture: str,
    detector: AnomalyDetector,
    dataset: Dataset,
    order: NDArray[Any],
    shape: tuple[int, ...] | None,
) -> Path:
    """Draw samples with their reconstructions, in the order of ``order``."""
    from utsushi._utils.files import write_whole
    from utsushi.figures import residual_bars, residual_images, to_png, within_range_of

    rows = dataset.X[order]
    maps = detector.anomaly_map(rows)
    model = detector.autoencoder_
    if model is not None and shape is not None and (len(shape) == 2 or shape[0] in (1, 3)):
        copies = model.reconstruct(rows)
        pairs = within_range_of(rows, rows), within_range_of(rows, copies)
        return write_whole(picture, to_png(residual_images(*pairs, maps, shape)))
    columns = dataset.feature_names or [f"x{index}" for index in range(rows.shape[1])]
    titles = [f"row {index}" for index in order]
    if dataset.y is not None:
        titles = [f"{title}, {dataset.y[i]}" for title, i in zip(titles, order, strict=True)]
    return write_whole(picture, to_png(residual_bars(maps, columns, titles)))
