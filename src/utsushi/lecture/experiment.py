"""The experiments of the lecture, from the digits to the run folder."""

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
from utsushi.report import Page, check_language, languages_from, render
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

#: Digits on the first figure.
N_DIGITS = 50

#: Numbers in a code.
N_COMPONENTS = 10


@dataclass(frozen=True)
class Experiment:
    """What the lecture's experiments gave.

    Attributes
    ----------
    digits : Dataset
        The lecture's 20,000 images in its split.
    pca : dict of str to dict of int to Estimate
        PCA's reconstruction errors of "train" and "test" rows by number of components.
    models : dict of str to estimator
        "autoencoder" and "variational".
    metrics : dict of str to dict of str to dict
        By model and by "train" and "test": see `utsushi.evaluation.evaluate`.
    """

    digits: Dataset
    pca: dict[str, dict[int, Estimate]]
    models: dict[str, BaseAutoencoder]
    metrics: dict[str, dict[str, dict[str, Any]]]


def lecture_models(
    *, random_state: int, max_epochs: int, verbose: int
) -> dict[str, BaseAutoencoder]:
    """Return the lecture's two models, unfitted: 784-1000-10 and back, Adam at 1e-3."""
    shared: dict[str, Any] = {
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
        "autoencoder": Autoencoder(sampler="gaussian", **shared),
        "variational": VariationalAutoencoder(
            likelihood="unit-gaussian", sampler="prior", **shared
        ),
    }


def experiments(
    *, random_state: int = 0, max_epochs: int = 30, verbose: int = 0
) -> Iterator[Experiment]:
    """Measure PCA, train and measure a model after another, and yield what there is after each.

    The parameters are those of `run_experiment`.
    """
    digits = load_mnist20k()
    train, test = digits.X_train, digits.X_test
    assert test is not None  # the bundled digits have test rows
    pca = PCABaseline(train, max(PCA_SIZES))
    errors = {"train": pca.errors(train, PCA_SIZES), "test": pca.errors(test, PCA_SIZES)}
    done = Experiment(digits=digits, pca=errors, models={}, metrics={})
    models = lecture_models(random_state=random_state, max_epochs=max_epochs, verbose=verbose)
    for name, model in models.items():
        model.fit(train, validation_data=test)
        measured = {
            "train": evaluate(model, train, groups=QUICK),
            "test": evaluate(model, test, groups=QUICK),
        }
        done = replace(
            done,
            models={**done.models, name: model},
            metrics={**done.metrics, name: measured},
        )
        yield done


def run_experiment(*, random_state: int = 0, max_epochs: int = 30, verbose: int = 0) -> Experiment:
    """Train and measure the lecture's two models on its digits, and PCA beside them.

    The test rows are evaluated after each epoch, as the lecture does, and decide nothing.

    Parameters
    ----------
    random_state : int, default=0
        The seed of both models.
    max_epochs : int >= 1, default=30
        The lecture's 30, or fewer to try.
    verbose : int, default=0
        1 shows progress bars on stderr.

    Returns
    -------
    Experiment
    """
    *_, whole = experiments(random_state=random_state, max_epochs=max_epochs, verbose=verbose)
    return whole


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
    """Run the lecture's experiments and leave a run folder with a report.

    The run is written after each experiment, whole each time, with all that is done by then: what
    stops in between keeps that, and its report says what is missing.

    Parameters
    ----------
    path : str or Path
        The folder to make: config.json, metrics.json, history.jsonl, the models, figures/ and
        report.html.
    language : {"en", "ja"}
        The one that the report shows first; both are in it.
    force : bool, default=False
        Replace a run that stands there, as soon as the first experiment is done.
    random_state, max_epochs, verbose
        See `run_experiment`; ``max_epochs`` shortens the sections' models as well.
    sections : sequence of LectureSection, default=()
        What to run after the lecture's two experiments, such as
        `utsushi.lecture.sections.SECTIONS`.
    on_done : callable
        Called with the name of each experiment when the run holds it: "autoencoder",
        "variational", then those of the sections.

    Returns
    -------
    list of Comparison
        The lecture's numbers beside Utsushi's, then the rows of the sections.
    """
    check_language(language)
    check_free(path, force=force)
    table: list[Comparison] = []
    for done in _done_so_far(random_state, max_epochs, verbose, sections):
        table = compare(done.experiment.pca, done.experiment.metrics)
        table += [row for chapter in done.chapters for row in chapter.comparisons]
        pages = {
            spoken: lecture_page(
                done.experiment.models,
                table,
                done.digits,
                done.figures,
                done.chapters,
                sections,
                language=spoken,
            )
            for spoken in languages_from(language)
        }
        _write(path, done, pages, language=language, force=force)
        force = True  # what stands there from now on is this run
        on_done(done.name)
    return table


@dataclass(frozen=True)
class _Done:
    """What is done when the experiment ``name`` is: that one and all before it."""

    name: str
    experiment: Experiment
    digits: CaptionedFigure
    figures: Mapping[str, Sequence[CaptionedFigure]]
    chapters: Sequence[Chapter] = ()


def _done_so_far(
    random_state: int, max_epochs: int, verbose: int, sections: Sequence[LectureSection]
) -> Iterator[_Done]:
    """Run one experiment after another, and yield what is done after each."""
    done: _Done | None = None
    for experiment in experiments(
        random_state=random_state, max_epochs=max_epochs, verbose=verbose
    ):
        name = list(experiment.models)[-1]
        digits = _first_digits(experiment) if done is None else done.digits
        before = {} if done is None else done.figures
        drawn = {**before, name: _captioned_figures(experiment, name, random_state)}
        done = _Done(name, experiment, digits, drawn)
        yield done
    assert done is not None  # there are two models
    if not sections:
        return
    study = Study(
        digits=done.experiment.digits,
        pca=PCABaseline(done.experiment.digits.X_train, N_COMPONENTS),
        models=dict(done.experiment.models),
        metrics=done.experiment.metrics,
        random_state=random_state,
        max_epochs=max_epochs,
        verbose=verbose,
    )
    for chapter in run_sections(study, sections):
        done = replace(done, name=chapter.section.name, chapters=[*done.chapters, chapter])
        yield done


def _write(
    path: str | Path, done: _Done, pages: Mapping[str, Page], *, language: str, force: bool
) -> None:
    """Leave a run of all that is done so far."""
    models: dict[str, Model] = dict(done.experiment.models)
    running = {short_name(model): model for model in done.experiment.models.values()}
    payload = living_payload(running, done.experiment.digits, title=pages[language].title)
    for chapter in done.chapters:
        models |= chapter.models
    with new_run(path, force=force) as folder:
        write_models(folder, models, command="lecture", data="mnist20k")
        write_json(folder / "metrics.json", _metrics_to_json(done.experiment, done.chapters))
        write_figures(folder, [done.digits])
        for name, drawn in done.figures.items():
            write_figures(folder, drawn, prefix=f"{name}-")
        for chapter in done.chapters:
            write_figures(folder, chapter.figures, prefix=f"{chapter.section.name}-")
        write_text(folder / "report.html", render(pages, payload))


def _first_digits(experiment: Experiment) -> CaptionedFigure:
    """Draw the first digits."""
    first = image_grid(experiment.digits.X_train[:N_DIGITS], (28, 28))
    return CaptionedFigure.of("digits", first, TEXTS, "digits_caption", "digits_alt")


def _captioned_figures(experiment: Experiment, name: str, seed: int) -> list[CaptionedFigure]:
    """Draw the figures of a model."""
    data = experiment.digits
    assert data.X_test is not None
    model = experiment.models[name]
    return list(captioned_figures(model, data.X_test, data.y_test, seed=seed, held_out="test rows"))


def _metrics_to_json(experiment: Experiment, chapters: Sequence[Chapter]) -> dict[str, Any]:
    """Return all measurements, ready for ``metrics.json``."""
    pca = {
        part: {str(size): error.to_json() for size, error in errors.items()}
        for part, errors in experiment.pca.items()
    }
    groups = {chapter.section.name: chapter.measured for chapter in chapters}
    return {"pca_reconstruction_error": pca, **experiment.metrics, **groups}
