"""Write a run: the model, its metrics, its figures and its report."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utsushi._utils.files import write_json, write_text, write_whole
from utsushi._utils.validation import has_missing
from utsushi.datasets import Dataset
from utsushi.estimators import BaseAutoencoder
from utsushi.estimators.capabilities import has_sparse_codes
from utsushi.estimators.rows import n_to_hold_out
from utsushi.evaluation import CHEAP, QUICK, evaluate
from utsushi.evaluation.rows import measurable
from utsushi.exceptions import RunError, SettingError, UtsushiWarning
from utsushi.report import (
    Page,
    Paragraph,
    Picture,
    Section,
    Settings,
    languages_from,
    render,
    settings_of,
)
from utsushi.report.embedded_samples import Sample
from utsushi.report.model import short_name
from utsushi.report.payload import Payload, payload_of
from utsushi.runs.captioned_figures import CaptionedFigure, captioned_figures
from utsushi.runs.folder import ReadingOption, Run, new_run, write_config, write_history
from utsushi.runs.tables import tables_of
from utsushi.runs.texts import TEXTS

__all__ = ["living_payload", "pictures_of", "write_figures", "write_report", "write_run"]


def write_run(
    path: str | Path,
    model: BaseAutoencoder,
    dataset: Dataset,
    *,
    source: str,
    label: str | None = None,
    reading: Mapping[ReadingOption, Any] | None = None,
    force: bool = False,
    language: str = "en",
    tensorboard: Path | None = None,
    report: bool = True,
) -> dict[str, Any]:
    """Measure a fitted model and write a run folder, atomically.

    Parameters
    ----------
    path : str or Path
        The folder.
    model : fitted autoencoder
    dataset : Dataset
        What it was trained on; its test rows are measured on, or else its training rows, and of
        large ones some.
    source : str
        How ``config.json`` names the data.
    label : str or None
        The column of the labels, where one was named.
    reading : mapping, optional
        How the source was read.
    force : bool
        Replace an existing run.
    language : {"en", "ja"}
        The one that the report shows first; both are in it.
    tensorboard : Path, optional
        A log for TensorBoard to copy into the run.
    report : bool
        Make figures and report. Without them, only the errors, the bound and PCA are measured;
        `write_report` adds the rest later.

    Returns
    -------
    dict
        What ``metrics.json`` holds; see `utsushi.evaluation.evaluate`.
    """
    measured = _measure(model, dataset, report=report, language=language)
    with new_run(path, force=force) as folder:
        model.save(folder / "model.safetensors")
        write_config(
            folder,
            {"model": model},
            command="train",
            data=source,
            label=label,
            reading=reading or {},
            feature_names=dataset.feature_names,
        )
        write_history(folder, model.history_)
        measured.write(folder)
        if tensorboard is not None:
            shutil.copytree(tensorboard, folder / "tensorboard")
    return measured.results


def write_report(
    path: str | Path, run: Run, dataset: Dataset, *, language: str = "en"
) -> dict[str, Any]:
    """Write measurements, figures and report into the folder of a run that may lack them.

    They are those of `write_run`, and replace what is there.

    Parameters
    ----------
    path : str or Path
        The folder of the run.
    run : Run
        What `open_run` gave for it.
    dataset : Dataset
        What its model was trained on.
    language : {"en", "ja"}
        The one that the report shows first; both are in it.

    Returns
    -------
    dict
        What ``metrics.json`` holds.

    Raises
    ------
    RunError
        If the folder is not that of a run with one model.
    """
    path = Path(path)
    if not path.is_dir():
        raise RunError(
            f"RUN must be the folder of a run, got {str(path)!r}. For the page of a model file, "
            "use utsushi export --to html."
        )
    if run.config is None or run.config.command != "train":
        origin = "without a record" if run.config is None else f"of utsushi {run.config.command}"
        raise RunError(f"RUN must be a run of utsushi train, got one {origin}.")
    measured = _measure(run.model, dataset, report=True, language=language)
    measured.write(path)
    return measured.results


@dataclass(frozen=True)
class _Measurements:
    """What is measured of a run, with figures and report or without."""

    results: dict[str, Any]
    figures: tuple[CaptionedFigure, ...] = ()
    html: str | None = None

    def write(self, folder: Path) -> None:
        """Write the files of the measurements."""
        write_json(folder / "metrics.json", self.results)
        write_figures(folder, self.figures)
        if self.html is not None:
            write_text(folder / "report.html", self.html)


def _measure(
    model: BaseAutoencoder, dataset: Dataset, *, report: bool, language: str
) -> _Measurements:
    """Measure a model on the test rows, or where there are none on the training rows."""
    seen = dataset.X_test is None
    n_rows, dataset = len(dataset.X_train), measurable(dataset)
    X, y = dataset.measured
    # Without test rows both the model and PCA are measured on the rows that they were fitted to.
    # What others could make of the code takes as long as a training: `utsushi evaluate` asks.
    results = evaluate(
        model,
        X,
        dataset.X_train,
        y=y,
        y_train=dataset.y_train,
        groups=QUICK if report else CHEAP,
        similarity=report,
    )
    if not report:
        return _Measurements(results)
    figures = tuple(captioned_figures(model, X, y))
    pages = {
        spoken: _page(model, dataset, n_rows, results, figures, seen=seen, language=spoken)
        for spoken in languages_from(language)
    }
    payload = living_payload({short_name(model): model}, dataset, title=pages[language].title)
    return _Measurements(results, figures, render(pages, payload))


def write_figures(folder: Path, figures: Iterable[CaptionedFigure], prefix: str = "") -> None:
    """Write each figure's figure as ``figures/{prefix}{name}.png``."""
    for figure in figures:
        write_whole(folder / "figures" / f"{prefix}{figure.name}.png", figure.png)


def pictures_of(figures: Iterable[CaptionedFigure], language: str) -> list[Picture]:
    """Return the figures as the report shows them in a language."""
    return [Picture(e.png, alt=e.alt[language], caption=e.caption[language]) for e in figures]


def living_payload(
    models: Mapping[str, BaseAutoencoder], dataset: Dataset, *, title: str
) -> Payload | None:
    """Return the payload that runs the models in the report; warn if there is none.

    Sparse autoencoders do not run in a page: without another model there is no payload.
    """
    models = {name: model for name, model in models.items() if not has_sparse_codes(model)}
    if not models:
        return None
    test, train = (
        Sample.of(rows, rows, labels)
        for rows, labels in (dataset.measured, (dataset.X_train, dataset.y_train))
    )
    if has_missing(dataset.X_train) or has_missing(dataset.X_test):
        warnings.warn(
            "the report cannot run the model on rows that lack values: its page has no living part",
            UtsushiWarning,
            stacklevel=3,
        )
        return None
    try:
        return payload_of(models, test, train, title=title, feature_names=dataset.feature_names)
    except SettingError as error:
        warnings.warn(f"the report cannot run the model: {error}", UtsushiWarning, stacklevel=3)
        return None


def _page(
    model: BaseAutoencoder,
    dataset: Dataset,
    n_rows: int,
    results: Mapping[str, Any],
    figures: Iterable[CaptionedFigure],
    *,
    seen: bool,
    language: str,
) -> Page:
    """Compose the report of one model."""
    words = TEXTS[language]
    names = {"model": type(model).__name__, "data": dataset.name}
    lead = words["lead"].format(
        **names,
        n_components=model.n_components,
        n_epochs=model.n_epochs_,
        n_rows=f"{n_rows - n_to_hold_out(n_rows, model.recipe_.validation_fraction):,}",
        n_features=model.n_features_in_,
    )
    rows_name = words["training_rows" if seen else "test_rows"]
    numbers = tables_of(results, language, rows_name=rows_name)
    return Page(
        title=words["title"].format(**names),
        lead=lead,
        language=language,
        sections=(
            Section(words["numbers"], (Paragraph(words["numbers_lead"]), *numbers)),
            Section(words["figures"], tuple(pictures_of(figures, language))),
            Section(words["settings"], (Settings(settings_of(model)),)),
        ),
    )
