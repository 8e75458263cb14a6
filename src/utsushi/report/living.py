"""Interactive pages of fitted models, which run their encoders and decoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from utsushi._utils.files import write_text
from utsushi.estimators import (
    AnomalyDetector,
    AutoencoderImputer,
    BaseAutoencoder,
    TableAutoencoder,
    autoencoder_of,
)
from utsushi.estimators.capabilities import (
    is_autoencoder,
    is_conditional,
    is_detector,
    takes_tables,
)
from utsushi.estimators.rows import checked_rows
from utsushi.exceptions import DataError, SettingError
from utsushi.report.embedded_samples import Sample
from utsushi.report.film import Film
from utsushi.report.model import short_name
from utsushi.report.page import Page, Paragraph, Section, Settings, render
from utsushi.report.payload import MOST_MODELS, payload_of
from utsushi.report.tables import table_sample
from utsushi.report.texts import TEXTS, check_language, languages_from

__all__ = ["LivingPage", "settings_of", "to_html"]

#: The height of the page in a notebook, in pixels; a longer page scrolls.
HEIGHT = 900

#: What a page can show.
Model: TypeAlias = BaseAutoencoder | TableAutoencoder


@dataclass(frozen=True, repr=False)
class LivingPage:
    """Hold an interactive page: ``str(page)`` is the HTML, and a notebook displays it.

    Attributes
    ----------
    html : str
    title : str
    """

    html: str
    title: str

    def __str__(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return f"LivingPage({self.title!r}: {len(self.html):,} characters)"

    def save(self, path: str | Path) -> Path:
        """Write the page to a file, atomically."""
        return write_text(path, self.html)

    def _repr_html_(self) -> str:
        """Return a sandboxed frame, in which the page's script has no access to the notebook."""
        return (
            f'<iframe sandbox="allow-scripts" title="{escape(self.title)}" width="100%" '
            f'height="{HEIGHT}" style="border: 0" srcdoc="{escape(self.html)}"></iframe>'
        )


def to_html(
    model: Model | AnomalyDetector | Mapping[str, Model | AnomalyDetector],
    X: ArrayLike,
    labels: ArrayLike | None = None,
    *,
    X_train: ArrayLike | None = None,
    labels_train: ArrayLike | None = None,
    feature_names: Sequence[str] | None = None,
    language: str = "en",
    title: str | None = None,
    film: Film | Mapping[str, Film] | None = None,
) -> LivingPage:
    """Create an interactive HTML page, in which encoder and decoder run offline.

    Parameters
    ----------
    model : fitted autoencoder or AnomalyDetector, or mapping of str to such
        The autoencoder, or a detector with one. A mapping names one to four models of the same
        columns, between which the page switches. A model that a page cannot run, such as one with
        sparse codes, is shown by what it makes of the samples in the page.
    X : array-like of shape (n_samples, n_features), or data frame
        Samples for the map, preferably held out. The page contains at most 1,000 of them, and
        fewer if they are large images.
    labels : array-like of shape (n_samples,), optional
        The classes of ``X``; a conditional model needs them.
    X_train : array-like of shape (m, n_features), optional
        The training samples; with them the page shows the nearest one to each generated sample. At
        most 4,000 of them are stored.
    labels_train : array-like of shape (m,), optional
        The classes of ``X_train``.
    feature_names : sequence of n_features str, optional
        The names of the columns of a table. None takes those that the model was fitted with.
    language : {"en", "ja"}, default="en"
        The language in which the page opens; it contains both.
    title : str, optional
        The heading of the page.
    film : Film or mapping of str to Film, optional
        The film of the training, which a `FilmRecorder` records; for a mapping of models a mapping
        of their names to films.

    Returns
    -------
    LivingPage

    Raises
    ------
    SettingError
        If ``model`` is not such a model, or the page would grow too large.
    DataError
        If samples or labels do not fit the models.

    Examples
    --------
    >>> from utsushi import Autoencoder, datasets, report
    >>> digits = datasets.load_digits8x8()
    >>> model = Autoencoder(n_components=4, hidden=(32,), image_shape=(8, 8), random_state=0)
    >>> page = report.to_html(model.fit(digits.X_train), digits.X_test, digits.y_test)
    >>> str(page).startswith("<!DOCTYPE html>")
    True
    """
    check_language(language)
    models = _models(model)
    test = _rows_of(models, X, labels)
    train = None if X_train is None else _rows_of(models, X_train, labels_train)
    if labels is None and any(map(is_conditional, models.values())):
        raise DataError(
            "labels must be the class of each sample for a conditional model, got None. Pass "
            "labels (on the command line, name their column by --label)."
        )
    heading = (title or "").strip() or ", ".join(
        models if isinstance(model, Mapping) else (type(m).__name__ for m in models.values())
    )
    pages = {name: _page(heading, models, name) for name in languages_from(language)}
    payload = payload_of(
        models,
        test,
        train,
        title=heading,
        feature_names=_checked_names(feature_names, models, X),
        films=_checked_films(film, models),
    )
    return LivingPage(render(pages, payload), heading)


def settings_of(model: Model) -> dict[str, str]:
    """Return a model's parameters, and its resolved recipe, as text."""
    inner = autoencoder_of(model)
    return {
        **{name: str(value) for name, value in model.get_params(deep=False).items()},
        "recipe": str(inner.recipe_.get_params()),
        "max_epochs": str(inner.n_epochs_),
        "seed": str(inner.seed_),
    }


def _page(title: str, models: Mapping[str, Model], language: str) -> Page:
    """Return the static part of the page in one language."""
    words = TEXTS[language]
    items = [
        item
        for name, model in models.items()
        for item in (Paragraph(name), Settings(settings_of(model)))
    ]
    return Page(title, words["lead"], language, (Section(words["models_title"], tuple(items)),))


def _models(model: Any) -> dict[str, Model]:
    """Return the fitted autoencoders by their names on the page."""
    if not isinstance(model, Mapping):
        autoencoder = _autoencoder(model)
        return {short_name(autoencoder): autoencoder}
    if not 1 <= len(model) <= MOST_MODELS:
        raise SettingError(
            f"model must hold 1 to {MOST_MODELS} models, got {len(model)}. Choose some of them."
        )
    models = {str(name): _autoencoder(value) for name, value in model.items()}
    sizes = {name: model.n_features_in_ for name, model in models.items()}
    if len(set(map(takes_tables, models.values()))) > 1:
        raise SettingError(
            "the models of a page must all be TableAutoencoders or none, got "
            f"{', '.join(type(model).__name__ for model in models.values())}. Make a page for each."
        )
    if len(set(sizes.values())) > 1:
        raise SettingError(
            "the models of a page must have the same number of features, got "
            f"{', '.join(map(str, sizes.values()))}. Make a page for each."
        )
    return models


def _autoencoder(model: Any) -> Model:
    """Return a fitted autoencoder, or that of a fitted detector."""
    if is_detector(model) or takes_tables(model):
        check_is_fitted(model)
    if takes_tables(model):
        return model
    autoencoder = autoencoder_of(model)
    if isinstance(autoencoder, AutoencoderImputer):
        raise SettingError(
            "model must have one code for a page, got an AutoencoderImputer, which has several "
            "models. Fit a TableAutoencoder, whose page shows gaps filled."
        )
    if not is_autoencoder(autoencoder):
        advice = "the steps of a pipeline separately: pipeline[-1] and pipeline[:-1].transform(X)"
        raise SettingError(
            "model must be a fitted autoencoder or AnomalyDetector, or a mapping of names to such, "
            f"got a {type(model).__name__}. Give "
            f"{advice if hasattr(model, 'steps') else 'what utsushi.load returns'}."
        )
    check_is_fitted(autoencoder)
    return autoencoder


def _rows_of(models: Mapping[str, Model], X: ArrayLike, labels: ArrayLike | None) -> Sample:
    """Return validated samples with their labels."""
    (first, *_) = models.values()
    if takes_tables(first):
        sample = table_sample(first, X, None)
        y = None if labels is None else _checked_labels(labels, len(sample.rows))
        return replace(sample, labels=y)
    with_names = [model for model in models.values() if hasattr(model, "feature_names_in_")]
    if not with_names and hasattr(X, "columns"):  # as a detector's autoencoder was fitted
        X = np.asarray(X)
    checked = [
        checked_rows(model, X, allow_missing=model.missing == "mask")
        for model in with_names or models.values()
    ]
    rows = checked[0]
    y = None if labels is None else _checked_labels(labels, len(rows))
    return Sample.of(rows, X if with_names else rows, y)


def _checked_names(
    names: Sequence[str] | None, models: Mapping[str, Model], X: ArrayLike
) -> list[str] | None:
    """Return the names of the columns: ``names``, or those of a model or of a data frame."""
    if names is None:
        of_models = (getattr(model, "feature_names_in_", None) for model in models.values())
        names = next((names for names in of_models if names is not None), None)
        if names is None:  # pyarrow's columns are not names
            names = getattr(X, "column_names", getattr(X, "columns", None))
    n_features = next(iter(models.values())).n_features_in_
    if names is not None and len(names) != n_features:
        raise DataError(
            f"feature_names must have {n_features} names, one for each column, got {len(names)}."
        )
    return None if names is None else [str(name) for name in names]


def _checked_films(
    film: Film | Mapping[str, Film] | None, models: Mapping[str, BaseAutoencoder]
) -> dict[str, Film]:
    """Return the films by the names of their models."""
    films = dict.fromkeys(models, film) if isinstance(film, Film) else dict(film or {})
    for name, each in films.items():
        if name not in models or (isinstance(film, Film) and len(models) > 1):
            raise SettingError(
                f"film must map names of models ({', '.join(models)}) to films, got {name!r}."
            )
        size = each.codes.shape[2]
        if size != models[name].n_components_:
            raise DataError(
                f"film must be of the training of its model, whose codes have "
                f"{models[name].n_components_} components, got codes of {size}."
            )
    return films


def _checked_labels(labels: ArrayLike, n_rows: int) -> NDArray[Any]:
    """Return labels as an array, one for each sample."""
    y = np.asarray(labels)
    if y.shape != (n_rows,):
        raise DataError(f"labels must have the shape ({n_rows},), one per sample, got {y.shape}.")
    return y
