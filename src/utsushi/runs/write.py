"""Write a run: the model, its metrics, its figures and its report."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utsushi._utils.files import write_json, write_text, write_whole
from utsushi.datasets import Dataset, FrameDataset
from utsushi.estimators import BaseAutoencoder, TableAutoencoder
from utsushi.estimators.capabilities import takes_tables
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
from utsushi.report.film import Film
from utsushi.report.model import short_name
from utsushi.report.payload import Payload, payload_of
from utsushi.report.tables import table_sample
from utsushi.runs.captioned_figures import (
    CaptionedFigure,
    captioned_figures,
    captioned_table_figures,
)
from utsushi.runs.folder import FILM, ReadingOption, Run, new_run, write_config, write_history
from utsushi.runs.tables import tables_of
from utsushi.runs.texts import TEXTS

__all__ = ["living_payload", "pictures_of", "write_figures", "write_report", "write_run"]


def write_run(
    path: str | Path,
    model: BaseAutoencoder | TableAutoencoder,
    dataset: Dataset | FrameDataset,
    *,
    source: str,
    label: str | None = None,
    reading: Mapping[ReadingOption, Any] | None = None,
    force: bool = False,
    language: str = "en",
    tensorboard: Path | None = None,
    report: bool = True,
    film: Film | None = None,
) -> dict[str, Any]:
    """Measure a fitted model and write a run folder, atomically.

    Parameters
    ----------
    path : str or Path
        The folder.
    model : fitted autoencoder
    dataset : Dataset, or FrameDataset for a table model
        The training data. The model is measured on its test samples, or on the training samples
        without a test part; on a random subset of large ones.
    source : str
        The name of the data in ``config.json``.
    label : str or None
        The column of the labels, if there is one.
    reading : mapping, optional
        Options with which the source was read.
    force : bool
        Replace an existing run.
    language : {"en", "ja"}
        The language that the report shows first; it contains both.
    tensorboard : Path, optional
        A log for TensorBoard to copy into the run.
    report : bool
        Write figures and report. Without them, only the errors, the bound and PCA are measured;
        `write_report` adds the rest later.
    film : Film, optional
        The film of the training, for the run and its report.

    Returns
    -------
    dict
        The content of ``metrics.json``; see `utsushi.evaluation.evaluate`.
    """
    measurements = _measure(model, dataset, report=report, language=language, film=film)
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
        measurements.write(folder)
        if film is not None:
            film.save(folder / FILM)
        if tensorboard is not None:
            shutil.copytree(tensorboard, folder / "tensorboard")
    return measurements.results


def write_report(
    path: str | Path, run: Run, dataset: Dataset | FrameDataset, *, language: str = "en"
) -> dict[str, Any]:
    """Write metrics, figures and report into the folder of a run, such as one without a report.

    They are those of `write_run`, and replace existing ones.

    Parameters
    ----------
    path : str or Path
        The folder of the run.
    run : Run
        The result of `open_run` for ``path``.
    dataset : Dataset or FrameDataset
        The training data of the model.
    language : {"en", "ja"}
        The language that the report shows first; it contains both.

    Returns
    -------
    dict
        The content of ``metrics.json``.

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
    film = Film.load(path / FILM) if (path / FILM).is_file() else None
    measurements = _measure(run.model, dataset, report=True, language=language, film=film)
    measurements.write(path)
    return measurements.results


@dataclass(frozen=True)
class _Measurements:
    """Hold the metrics of a run, with or without figures and report."""

    results: dict[str, Any]
    figures: tuple[CaptionedFigure, ...] = ()
    html: str | None = None

    def write(self, folder: Path) -> None:
        """Write metrics, figures and report into a folder."""
        write_json(folder / "metrics.json", self.results)
        write_figures(folder, self.figures)
        if self.html is not None:
            write_text(folder / "report.html", self.html)


def _measure(
    model: Any,
    dataset: Dataset | FrameDataset,
    *,
    report: bool,
    language: str,
    film: Film | None = None,
) -> _Measurements:
    """Measure a model on the test samples, or on the training samples without a test part."""
    if isinstance(dataset, FrameDataset):
        return _measure_table(model, dataset, report=report, language=language)
    n_rows, dataset = len(dataset.X_train), measurable(dataset)
    X, y = dataset.measured
    # Without a test part, both the model and PCA are measured on their training data. The metrics
    # of codes as features take as long as training, so only `utsushi evaluate` measures them.
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
    return _with_report(model, dataset, n_rows, results, figures, language, film)


def _measure_table(
    model: TableAutoencoder, dataset: FrameDataset, *, report: bool, language: str
) -> _Measurements:
    """Measure a model of tables on the rows that are held out, or on all."""
    results = evaluate(
        model,
        dataset.measured,
        dataset.X_train,
        target=dataset.target,
        groups=QUICK if report else CHEAP,
    )
    if not report:
        return _Measurements(results)
    figures = tuple(captioned_table_figures(model, dataset.measured, dataset.target))
    return _with_report(model, dataset, len(dataset.X_train), results, figures, language)


def _with_report(
    model: Any,
    dataset: Dataset | FrameDataset,
    n_rows: int,
    results: dict[str, Any],
    figures: tuple[CaptionedFigure, ...],
    language: str,
    film: Film | None = None,
) -> _Measurements:
    """Return measurements with their report, which runs the model where it can."""
    pages = {
        page_language: _page(
            model,
            dataset,
            n_rows,
            results,
            figures,
            on_training_data=dataset.X_test is None,
            language=page_language,
        )
        for page_language in languages_from(language)
    }
    name = short_name(model)
    payload = living_payload(
        {name: model},
        dataset,
        title=pages[language].title,
        films=None if film is None else {name: film},
    )
    return _Measurements(results, figures, render(pages, payload))


def write_figures(folder: Path, figures: Iterable[CaptionedFigure], prefix: str = "") -> None:
    """Write each figure as ``figures/{prefix}{name}.png``."""
    for figure in figures:
        write_whole(folder / "figures" / f"{prefix}{figure.name}.png", figure.png)


def pictures_of(figures: Iterable[CaptionedFigure], language: str) -> list[Picture]:
    """Return the figures as parts of a report, with captions in a language."""
    return [
        Picture(figure.png, alt=figure.alt[language], caption=figure.caption[language])
        for figure in figures
    ]


def living_payload(
    models: Mapping[str, Any],
    dataset: Dataset | FrameDataset,
    *,
    title: str,
    films: Mapping[str, Film] | None = None,
) -> Payload | None:
    """Return the payload that runs the models in the report; warn if there is none."""
    if isinstance(dataset, FrameDataset):
        first = next(iter(models.values()))
        test, train = (
            table_sample(first, rows, None) for rows in (dataset.measured, dataset.X_train)
        )
        names: Sequence[str] | None = list(first.feature_names_in_)
    else:
        test, train = (
            Sample.of(rows, rows, labels)
            for rows, labels in (dataset.measured, (dataset.X_train, dataset.y_train))
        )
        names = dataset.feature_names
    try:
        return payload_of(models, test, train, title=title, feature_names=names, films=films)
    except SettingError as error:
        warnings.warn(f"the report cannot run the model: {error}", UtsushiWarning, stacklevel=3)
        return None


def _page(
    model: BaseAutoencoder | TableAutoencoder,
    dataset: Dataset | FrameDataset,
    n_rows: int,
    results: Mapping[str, Any],
    figures: Iterable[CaptionedFigure],
    *,
    on_training_data: bool,
    language: str,
) -> Page:
    """Compose the report of one model."""
    words = TEXTS[language]
    names = {"model": type(model).__name__, "data": dataset.name}
    of_table = "_table" if takes_tables(model) else ""
    lead = words[f"lead{of_table}"].format(
        **names,
        n_components=model.n_components_,
        n_epochs=model.n_epochs_,
        n_rows=f"{n_rows - n_to_hold_out(n_rows, model.recipe_.validation_fraction):,}",
        n_features=model.n_features_in_,
    )
    rows_name = words["training_rows" if on_training_data else "test_rows"]
    numbers = tables_of(results, language, rows_name=rows_name)
    return Page(
        title=words["title"].format(**names),
        lead=lead,
        language=language,
        sections=(
            Section(words["numbers"], (Paragraph(words[f"numbers_lead{of_table}"]), *numbers)),
            Section(words["figures"], tuple(pictures_of(figures, language))),
            Section(words["settings"], (Settings(settings_of(model)),)),
        ),
    )
