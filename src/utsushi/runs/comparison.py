"""Several models on one source: one table, one set of figures, one report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from utsushi._utils.files import write_json, write_text
from utsushi.datasets import Dataset
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
from utsushi.runs.tables import figure_and_error, figures_of, measure_name
from utsushi.runs.texts import TEXTS
from utsushi.runs.write import living_payload, pictures_of, write_figures

__all__ = ["comparison_tables", "write_comparison", "write_comparison_page"]

Models = Mapping[str, BaseAutoencoder]
Measured = dict[str, dict[str, dict[str, Any]]]
Results = Mapping[str, Mapping[str, Mapping[str, Any]]]


def write_comparison(
    path: str | Path,
    models: Models,
    dataset: Dataset,
    *,
    source: str,
    label: str | None = None,
    reading: Mapping[ReadingOption, Any] | None = None,
    force: bool = False,
    language: str = "en",
    random_state: int = 0,
    **measured: Any,
) -> Measured:
    """Measure fitted models on the same samples and write a run folder, atomically.

    Parameters
    ----------
    path : str or Path
        The folder: every model's file, config.json, history.jsonl, metrics.json, figures/ and
        report.html.
    models : mapping of str to fitted autoencoder
        By the names that they have in tables and figures, and as files.
    dataset : Dataset
        Its test rows are measured on, or else its training rows.
    source, label, reading, force, language
        See `utsushi.runs.write_run`.
    random_state : int, default=0
        Of what is drawn to measure.
    **measured
        ``groups`` and ``n_importance_samples`` of `utsushi.evaluation.evaluate`.

    Returns
    -------
    dict of str to dict
        By model, what `utsushi.evaluation.evaluate` gives.
    """
    results, figures = _compared(models, dataset, random_state, measured)
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
    dataset: Dataset,
    *,
    language: str = "en",
    random_state: int = 0,
    **measured: Any,
) -> Measured:
    """Measure fitted models on the same samples and write only the report, as one HTML file.

    Parameters and what is returned are those of `write_comparison`.
    """
    results, figures = _compared(models, dataset, random_state, measured)
    write_text(path, _report(models, dataset, results, figures, language))
    return results


def _compared(
    models: Models, dataset: Dataset, seed: int, measured: Mapping[str, Any]
) -> tuple[Measured, list[CaptionedFigure]]:
    """Measure the models and draw their figures."""
    dataset = measurable(dataset, seed)
    X, y = dataset.measured
    settings = {"y": y, "y_train": dataset.y_train, "random_state": seed, **measured}
    results = {
        name: evaluate(model, X, dataset.X_train, **settings) for name, model in models.items()
    }
    return results, list(_captioned_figures(models, X, y, seed))


def _report(
    models: Models,
    dataset: Dataset,
    results: Results,
    figures: list[CaptionedFigure],
    language: str,
) -> str:
    """Return the report, in which as many of the models run as a page can switch between."""
    pages = {
        spoken: _page(models, dataset, results, figures, spoken)
        for spoken in languages_from(language)
    }
    running = dict(islice(models.items(), MOST_MODELS))
    return render(pages, living_payload(running, dataset, title=pages[language].title))


def _page(
    models: Models,
    dataset: Dataset,
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
    n_rows = len(dataset.measured[0])
    return Page(
        title=words["comparison_title"].format(data=dataset.name),
        lead=words["comparison_lead"].format(
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
    """Show measurements of several models, a table a group: a row a figure, a column a model.

    Parameters
    ----------
    results : mapping
        By model, what `utsushi.evaluation.evaluate` gave.
    models : mapping of str to fitted autoencoder
        The same models, for their sizes: PCA of each size has a column.
    language : {"en", "ja"}
    rows_name : str
        What the rows are, for the captions.

    Returns
    -------
    list of Table
        A cell is a value and its standard error; it is empty where a model has no such figure.
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
    found = {name: figures_of(group, figures) for name, figures in groups.items()}
    keys = dict.fromkeys(
        key
        for figures in found.values()
        for key, value in figures.items()
        if isinstance(value, int | float | Mapping)
    )
    baselines = {
        f"PCA-{size}": {key: value for name in names for key, value in _of_pca(found[name]).items()}
        for size, names in sorted(sizes.items())
    }
    columns = {**found, **{name: pca for name, pca in baselines.items() if pca}}
    title = words.get(f"group_{group}", group.capitalize())
    notes = dict.fromkeys(
        f"{name}: {translate(diagnostic, language)}"
        if group == "collapse" or diagnostic["key"] in POOR_FIT
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


def _of_pca(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metrics of PCA, the baseline of a model."""
    figures_of_pca = {
        key: value.get("pca") for key, value in figures.items() if isinstance(value, Mapping)
    }
    return {key: pca for key, pca in figures_of_pca.items() if pca is not None}


def _captioned_figures(
    models: Models, X: NDArray[Any], y: NDArray[Any] | None, seed: int
) -> Iterator[CaptionedFigure]:
    """Draw the models' learning curves, and for images their copies and what they generate."""
    yield from _curves(models)
    shape = next((m.image_shape for m in models.values() if m.image_shape is not None), None)
    if shape is None or not can_be_drawn(tuple(shape)):
        return
    first = slice(N_ORIGINALS)
    labels = None if y is None else y[first]
    copies = {name: model.reconstruct(X[first], labels) for name, model in models.items()}
    drawn = {
        name: model.sample(N_ORIGINALS, random_state=seed)
        for name, model in models.items()
        if not has_sparse_codes(model)
    }
    kinds = [("copies", {"original": X[first], **copies}), ("drawn", drawn)]
    for kind, rows in kinds if drawn else kinds[:1]:
        pictures = [(name, within_range_of(X, images)) for name, images in rows.items()]
        figure = image_rows(pictures, tuple(shape))
        yield CaptionedFigure.of(f"comparison-{kind}", figure, TEXTS, f"comparison_{kind}")


def _unit(model: BaseAutoencoder) -> str:
    """Return the unit of a model's objective, as `_curves` names it."""
    if has_posterior(model):
        return "bound"
    return "unexplained" if model.scaling == "unit-length" else "error"


def _curves(models: Models) -> Iterator[CaptionedFigure]:
    """Draw the objectives of training on one axis for each unit that they come in."""
    units = {
        "error": "squared error / features",
        "bound": "objective, nats per row",
        "unexplained": "part of the variance",
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
