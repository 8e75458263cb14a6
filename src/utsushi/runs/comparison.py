"""Comparison of several models on one source: tables, figures and a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.files import write_json, write_text
from utsushi.datasets import Dataset, FrameDataset
from utsushi.estimators import BaseAutoencoder
from utsushi.estimators.capabilities import has_posterior, has_sparse_codes
from utsushi.evaluation import GROUPS, evaluate, translate
from utsushi.evaluation.poor_fit import POOR_FIT
from utsushi.evaluation.rows import measurable
from utsushi.figures import image_rows, learning_curves, within_range_of
from utsushi.report import (
    Page,
    Paragraph,
    Section,
    Settings,
    Table,
    languages_from,
    render,
    settings_of,
)
from utsushi.report.payload import MOST_MODELS
from utsushi.runs.captioned_figures import N_ORIGINALS, CaptionedFigure, can_be_drawn
from utsushi.runs.folder import ReadingOption, new_run, write_models
from utsushi.runs.tables import BASELINES, figure_and_error, figures_of, measure_name
from utsushi.runs.texts import TEXTS
from utsushi.runs.write import living_payload, pictures_of, write_figures

__all__ = ["comparison_tables", "write_comparison", "write_comparison_page"]

#: Diagnostics of the synthetic rows of one model.
OF_SYNTHETIC = ("worse_than_copula", "near_copies")

Models = Mapping[str, Any]  # autoencoders, or models of tables
Measured = dict[str, dict[str, dict[str, Any]]]
Results = Mapping[str, Mapping[str, Mapping[str, Any]]]


def write_comparison(
    path: str | Path,
    models: Models,
    dataset: Dataset | FrameDataset,
    *,
    source: str,
    label: str | None = None,
    reading: Mapping[ReadingOption, Any] | None = None,
    force: bool = False,
    language: str = "en",
    random_state: int = 0,
    **evaluation_options: Any,
) -> Measured:
    """Measure fitted models on the same samples and write a run folder, atomically.

    Parameters
    ----------
    path : str or Path
        The folder: every model's file, config.json, history.jsonl, metrics.json, figures/ and
        report.html.
    models : mapping of str to fitted autoencoder
        By the names for tables, figures and files.
    dataset : Dataset, or FrameDataset for models of tables
        The models are measured on its test samples, or on the training samples without a test part.
    source, label, reading, force, language
        See `utsushi.runs.write_run`.
    random_state : int, default=0
        Seed of the metrics.
    **evaluation_options
        ``groups`` and ``n_importance_samples`` of `utsushi.evaluation.evaluate`.

    Returns
    -------
    dict of str to dict
        By model, the result of `utsushi.evaluation.evaluate`.
    """
    results, figures = _compared(models, dataset, random_state, evaluation_options)
    html = _report(models, dataset, results, figures, language)
    with new_run(path, force=force) as folder:
        write_models(
            folder,
            models,
            command="compare",
            data=source,
            label=label,
            reading=reading or {},
            feature_names=dataset.feature_names,
        )
        write_json(folder / "metrics.json", results)
        write_figures(folder, figures)
        write_text(folder / "report.html", html)
    return results


def write_comparison_page(
    path: str | Path,
    models: Models,
    dataset: Dataset | FrameDataset,
    *,
    language: str = "en",
    random_state: int = 0,
    **evaluation_options: Any,
) -> Measured:
    """Measure fitted models on the same samples and write only the report, as one HTML file.

    Parameters and result are those of `write_comparison`.
    """
    results, figures = _compared(models, dataset, random_state, evaluation_options)
    write_text(path, _report(models, dataset, results, figures, language))
    return results


def _compared(
    models: Models,
    dataset: Dataset | FrameDataset,
    seed: int,
    evaluation_options: Mapping[str, Any],
) -> tuple[Measured, list[CaptionedFigure]]:
    """Measure the models and draw their figures."""
    if isinstance(dataset, FrameDataset):
        of_tables = {**evaluation_options, "target": dataset.target, "random_state": seed}
        measured = dataset.measured
        results = {
            name: evaluate(model, measured, dataset.X_train, **of_tables)
            for name, model in models.items()
        }
        return results, list(_curves({name: m.autoencoder_ for name, m in models.items()}))
    dataset = measurable(dataset, seed)
    X, y = dataset.measured
    settings = {"y": y, "y_train": dataset.y_train, "random_state": seed, **evaluation_options}
    results = {
        name: evaluate(model, X, dataset.X_train, **settings) for name, model in models.items()
    }
    return results, list(_captioned_figures(models, X, y, seed))


def _report(
    models: Models,
    dataset: Dataset | FrameDataset,
    results: Results,
    figures: list[CaptionedFigure],
    language: str,
) -> str:
    """Return the report, in which the first models run."""
    pages = {
        page_language: _page(models, dataset, results, figures, page_language)
        for page_language in languages_from(language)
    }
    if isinstance(dataset, FrameDataset):
        return render(pages)
    running = dict(islice(models.items(), MOST_MODELS))
    return render(pages, living_payload(running, dataset, title=pages[language].title))


def _page(
    models: Models,
    dataset: Dataset | FrameDataset,
    results: Results,
    figures: list[CaptionedFigure],
    language: str,
) -> Page:
    """Compose the report in one language."""
    words = TEXTS[language]
    rows_name = words["training_rows" if dataset.X_test is None else "test_rows"]
    tables = comparison_tables(results, models, language, rows_name=rows_name)
    settings = [
        item
        for name, model in models.items()
        for item in (Paragraph(name), Settings(settings_of(model)))
    ]
    is_table = isinstance(dataset, FrameDataset)
    n_rows = len(dataset.measured if is_table else dataset.measured[0])
    return Page(
        title=words["comparison_title"].format(data=dataset.name),
        lead=words["comparison_lead_table" if is_table else "comparison_lead"].format(
            models=", ".join(models), n_rows=f"{n_rows:,}", rows=rows_name
        ),
        language=language,
        sections=(
            Section(words["numbers"], tuple(tables)),
            Section(words["figures"], tuple(pictures_of(figures, language))),
            Section(words["settings"], tuple(settings)),
        ),
    )


def comparison_tables(
    results: Results, models: Models, language: str = "en", *, rows_name: str = ""
) -> list[Table]:
    """Return the metrics of several models as tables: one per group, with a column per model.

    Parameters
    ----------
    results : mapping
        By model, the result of `utsushi.evaluation.evaluate`.
    models : mapping of str to fitted autoencoder
        The same models; PCA of each of their sizes has a column.
    language : {"en", "ja"}
    rows_name : str
        The description of the samples, for the captions.

    Returns
    -------
    list of Table
        A cell is a value and its standard error; it is empty where a model does not have a metric.
    """
    groups = [group for group in GROUPS if any(group in result for result in results.values())]
    sizes: dict[int, list[str]] = {}
    for name, model in models.items():
        sizes.setdefault(model.n_components_, []).append(name)
    return [_table(group, results, sizes, language, rows_name) for group in groups]


def _table(
    group: str, results: Results, sizes: Mapping[int, list[str]], language: str, rows_name: str
) -> Table:
    """Return the table of one group."""
    words = TEXTS[language]
    groups = {name: result.get(group, {}) for name, result in results.items()}
    shown_metrics = {name: figures_of(group, figures) for name, figures in groups.items()}
    keys = dict.fromkeys(
        key
        for figures in shown_metrics.values()
        for key, value in figures.items()
        if isinstance(value, int | float | Mapping)
    )
    baselines = {
        f"PCA-{size}": {
            key: value
            for name in names
            for key, value in _of_baseline(shown_metrics[name], "pca").items()
        }
        for size, names in sorted(sizes.items())
    }
    first = next(iter(shown_metrics.values()), {})
    for baseline in BASELINES:  # which are the same for all models
        baselines[words[f"baseline_{baseline}"]] = _of_baseline(first, baseline)
    columns = {**shown_metrics, **{name: of for name, of in baselines.items() if of}}
    title = words.get(f"group_{group}", group.capitalize())
    notes = dict.fromkeys(
        f"{name}: {translate(diagnostic, language)}"
        if group == "collapse" or diagnostic["key"] in (*POOR_FIT, *OF_SYNTHETIC)
        else translate(diagnostic, language)
        for name, figures in groups.items()
        for diagnostic in figures.get("diagnostics", ())
    )
    return Table(
        columns=(title, *columns),
        rows=tuple(
            (
                measure_name(key, language, group),
                *(figure_and_error(c.get(key)) for c in columns.values()),
            )
            for key in keys
        ),
        caption=words["numbers_caption"].format(group=title, rows=rows_name),
        note="\n".join(notes) or None,
    )


def _of_baseline(figures: Mapping[str, Any], baseline: str) -> dict[str, Any]:
    """Return the metrics of a baseline."""
    of_baseline = {
        key: value.get(baseline) for key, value in figures.items() if isinstance(value, Mapping)
    }
    return {key: value for key, value in of_baseline.items() if value is not None}


def _captioned_figures(
    models: Models, X: NDArray[Any], y: NDArray[Any] | None, seed: int
) -> Iterator[CaptionedFigure]:
    """Draw the models' learning curves, and for images their reconstructions and samples."""
    yield from _curves(models)
    shape = next((m.image_shape for m in models.values() if m.image_shape is not None), None)
    if shape is None or not can_be_drawn(tuple(shape)):
        return
    first = slice(N_ORIGINALS)
    labels = None if y is None else y[first]
    reconstructions = {name: model.reconstruct(X[first], labels) for name, model in models.items()}
    samples = {
        name: model.sample(N_ORIGINALS, random_state=seed)
        for name, model in models.items()
        if not has_sparse_codes(model)
    }
    kinds = [
        ("reconstructions", {"original": X[first], **reconstructions}),
        ("samples", samples),
    ]
    for kind, rows in kinds if samples else kinds[:1]:
        pictures = [(name, within_range_of(X, images)) for name, images in rows.items()]
        figure = image_rows(pictures, tuple(shape))
        yield CaptionedFigure.of(f"comparison-{kind}", figure, TEXTS, f"comparison_{kind}")


def _unit(model: BaseAutoencoder) -> str:
    """Return the unit of a model's objective, as `_curves` names it."""
    if has_posterior(model):
        return "bound"
    return "unexplained" if model.scaling == "unit-length" else "error"


def _curves(models: Models) -> Iterator[CaptionedFigure]:
    """Draw the objectives of training, with one figure per unit."""
    units = {
        "error": "squared error / features",
        "bound": "objective, nats per sample",
        "unexplained": "share of the variance",
    }
    for kind, ylabel in units.items():
        curves = {
            name: (
                np.array([row["objective"] for row in model.history_])
                / (model.n_features_in_ if kind == "error" else 1)
            ).tolist()
            for name, model in models.items()
            if _unit(model) == kind
        }
        if curves:
            yield CaptionedFigure.of(
                f"comparison-learning-{kind}",
                learning_curves(curves, ylabel=ylabel),
                TEXTS,
                "comparison_learning",
                "learning_alt",
            )
