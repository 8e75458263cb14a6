"""Run the lecture's experiments and write their run folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from utsushi._utils.files import write_json, write_text
from utsushi.datasets import Dataset, load_mnist20k
from utsushi.estimators import Autoencoder, BaseAutoencoder, VariationalAutoencoder
from utsushi.evaluation import QUICK, Estimate, PCABaseline, evaluate
from utsushi.figures import image_grid
from utsushi.lecture.chapters import Chapter, run_sections
from utsushi.lecture.numbers import PCA_SIZES, Comparison, compare
from utsushi.lecture.page import lecture_page
from utsushi.lecture.sections import LectureSection, Study
from utsushi.lecture.sections.base import Model
from utsushi.lecture.texts import TEXTS
from utsushi.report import Film, FilmRecorder, Page, check_language, languages_from, render
from utsushi.report.model import short_name
from utsushi.runs import (
    CaptionedFigure,
    captioned_figures,
    check_free,
    living_payload,
    new_run,
    write_figures,
    write_models,
)

__all__ = ["Experiment", "experiments", "run_experiment", "run_lecture"]

#: The number of digits in the first figure.
N_DIGITS = 50

#: The number of components of a code.
N_COMPONENTS = 10


@dataclass(frozen=True)
class Experiment:
    """Hold the results of the lecture's experiments.

    Attributes
    ----------
    digits : Dataset
        The lecture's 20,000 images in its split.
    pca : dict of str to dict of int to Estimate
        PCA's reconstruction errors of "train" and "test" samples by number of components.
    models : dict of str to estimator
        "autoencoder" and "variational".
    metrics : dict of str to dict of str to dict
        By model and by "train" and "test": see `utsushi.evaluation.evaluate`.
    films : dict of str to Film
        The films of the trainings, by model.
    """

    digits: Dataset
    pca: dict[str, dict[int, Estimate]]
    models: dict[str, BaseAutoencoder]
    metrics: dict[str, dict[str, dict[str, Any]]]
    films: dict[str, Film]


def lecture_models(
    *, random_state: int, max_epochs: int, verbose: int
) -> dict[str, BaseAutoencoder]:
    """Return the lecture's two unfitted models: layers 784-1000-10, Adam at 1e-3."""
    settings: dict[str, Any] = {
        "n_components": N_COMPONENTS,
        "hidden": (1000,),
        "image_shape": (28, 28),
        "scaling": "center",
        "recipe": "lecture",
        "max_epochs": max_epochs,
        "random_state": random_state,
        "verbose": verbose,
    }
    return {
        "autoencoder": Autoencoder(sampler="gaussian", **settings),
        "variational": VariationalAutoencoder(
            likelihood="unit-gaussian", sampler="prior", **settings
        ),
    }


def experiments(
    *, random_state: int = 0, max_epochs: int = 30, verbose: int = 0
) -> Iterator[Experiment]:
    """Measure PCA, train and measure each model, and yield the results after each.

    The parameters are those of `run_experiment`.
    """
    digits = load_mnist20k()
    train, test = digits.X_train, digits.X_test
    assert test is not None  # the bundled digits have a test part
    pca = PCABaseline(train, max(PCA_SIZES))
    errors = {"train": pca.errors(train, PCA_SIZES), "test": pca.errors(test, PCA_SIZES)}
    results = Experiment(digits=digits, pca=errors, models={}, metrics={}, films={})
    models = lecture_models(random_state=random_state, max_epochs=max_epochs, verbose=verbose)
    for name, model in models.items():
        recorder = FilmRecorder(test, digits.y_test)
        model.fit(train, validation_data=test, on_epoch=recorder)
        assert recorder.film is not None  # both models have a page
        metrics = {
            "train": evaluate(model, train, groups=QUICK),
            "test": evaluate(model, test, groups=QUICK),
        }
        results = replace(
            results,
            models={**results.models, name: model},
            metrics={**results.metrics, name: metrics},
            films={**results.films, name: recorder.film},
        )
        yield results


def run_experiment(*, random_state: int = 0, max_epochs: int = 30, verbose: int = 0) -> Experiment:
    """Train and measure the lecture's two models on its digits, compared with PCA.

    The test samples are evaluated after each epoch, as in the lecture, but influence nothing.

    Parameters
    ----------
    random_state : int, default=0
        The seed of both models.
    max_epochs : int >= 1, default=30
        The number of epochs; the lecture has 30.
    verbose : int, default=0
        1 shows progress bars on stderr.

    Returns
    -------
    Experiment
    """
    *_, result = experiments(random_state=random_state, max_epochs=max_epochs, verbose=verbose)
    return result


def run_lecture(
    path: str | Path = "runs/lecture",
    *,
    language: str = "en",
    force: bool = False,
    random_state: int = 0,
    max_epochs: int = 30,
    verbose: int = 1,
    sections: Sequence[LectureSection] = (),
    on_done: Callable[[str], None] = lambda name: None,
) -> list[Comparison]:
    """Run the lecture's experiments and write a run folder with a report.

    The run is written after each experiment with all results so far: an interrupted run has the
    completed experiments, and its report names the missing ones.

    Parameters
    ----------
    path : str or Path
        The folder to create: config.json, metrics.json, history.jsonl, the models, figures/ and
        report.html.
    language : {"en", "ja"}
        The language that the report shows first; it contains both.
    force : bool, default=False
        Replace an existing run when the first experiment is completed.
    random_state, max_epochs, verbose
        See `run_experiment`; ``max_epochs`` applies to the models of the sections, too.
    sections : sequence of LectureSection, default=()
        The sections to run after the lecture's two experiments, such as
        `utsushi.lecture.sections.SECTIONS`.
    on_done : callable
        Called with the name of each experiment after it is written: "autoencoder", "variational",
        then those of the sections.

    Returns
    -------
    list of Comparison
        The lecture's results compared with Utsushi's, then those of the sections.
    """
    check_language(language)
    check_free(path, force=force)
    table: list[Comparison] = []
    for progress in _run_all(random_state, max_epochs, verbose, sections):
        table = compare(progress.experiment.pca, progress.experiment.metrics)
        table += [row for chapter in progress.chapters for row in chapter.comparisons]
        pages = {
            page_language: lecture_page(
                progress.experiment.models,
                table,
                progress.digits,
                progress.figures,
                progress.chapters,
                sections,
                language=page_language,
            )
            for page_language in languages_from(language)
        }
        _write(path, progress, pages, language=language, force=force)
        force = True  # from now on, the folder is this run
        on_done(progress.name)
    return table


@dataclass(frozen=True)
class _Progress:
    """Hold the results up to and including the experiment ``name``."""

    name: str
    experiment: Experiment
    digits: CaptionedFigure
    figures: Mapping[str, Sequence[CaptionedFigure]]
    chapters: Sequence[Chapter] = ()


def _run_all(
    random_state: int, max_epochs: int, verbose: int, sections: Sequence[LectureSection]
) -> Iterator[_Progress]:
    """Run the experiments, and yield all results so far after each."""
    progress: _Progress | None = None
    for experiment in experiments(
        random_state=random_state, max_epochs=max_epochs, verbose=verbose
    ):
        name = list(experiment.models)[-1]
        digits = _first_digits(experiment) if progress is None else progress.digits
        earlier = {} if progress is None else progress.figures
        figures = {**earlier, name: _captioned_figures(experiment, name, random_state)}
        progress = _Progress(name, experiment, digits, figures)
        yield progress
    assert progress is not None  # there are two models
    if not sections:
        return
    study = Study(
        digits=progress.experiment.digits,
        pca=PCABaseline(progress.experiment.digits.X_train, N_COMPONENTS),
        models=dict(progress.experiment.models),
        metrics=progress.experiment.metrics,
        random_state=random_state,
        max_epochs=max_epochs,
        verbose=verbose,
    )
    for chapter in run_sections(study, sections):
        progress = replace(
            progress, name=chapter.section.name, chapters=[*progress.chapters, chapter]
        )
        yield progress


def _write(
    path: str | Path, progress: _Progress, pages: Mapping[str, Page], *, language: str, force: bool
) -> None:
    """Write a run with all results so far."""
    models: dict[str, Model] = dict(progress.experiment.models)
    running = {short_name(model): model for model in progress.experiment.models.values()}
    films = {
        short_name(model): progress.experiment.films[name]
        for name, model in progress.experiment.models.items()
    }
    payload = living_payload(
        running, progress.experiment.digits, title=pages[language].title, films=films
    )
    for chapter in progress.chapters:
        models |= chapter.models
    with new_run(path, force=force) as folder:
        write_models(folder, models, command="lecture", data="mnist20k")
        write_json(
            folder / "metrics.json", _metrics_to_json(progress.experiment, progress.chapters)
        )
        write_figures(folder, [progress.digits])
        for name, drawn in progress.figures.items():
            write_figures(folder, drawn, prefix=f"{name}-")
        for chapter in progress.chapters:
            write_figures(folder, chapter.figures, prefix=f"{chapter.section.name}-")
        write_text(folder / "report.html", render(pages, payload))


def _first_digits(experiment: Experiment) -> CaptionedFigure:
    """Return the figure of the first digits."""
    first = image_grid(experiment.digits.X_train[:N_DIGITS], (28, 28))
    return CaptionedFigure.of("digits", first, TEXTS, "digits_caption", "digits_alt")


def _captioned_figures(experiment: Experiment, name: str, seed: int) -> list[CaptionedFigure]:
    """Return the figures of a model."""
    data = experiment.digits
    assert data.X_test is not None
    model = experiment.models[name]
    return list(
        captioned_figures(model, data.X_test, data.y_test, seed=seed, held_out="test samples")
    )


def _metrics_to_json(experiment: Experiment, chapters: Sequence[Chapter]) -> dict[str, Any]:
    """Return all metrics, ready for ``metrics.json``."""
    pca = {
        part: {str(size): error.to_json() for size, error in errors.items()}
        for part, errors in experiment.pca.items()
    }
    groups = {chapter.section.name: chapter.metrics for chapter in chapters}
    return {"pca_reconstruction_error": pca, **experiment.metrics, **groups}
