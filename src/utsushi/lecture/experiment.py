"""The experiments of the lecture, from the digits to the run folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from utsushi.datasets import Dataset, load_mnist20k
from utsushi.estimators import Autoencoder, BaseAutoencoder, VariationalAutoencoder
from utsushi.evaluation import QUICK, Estimate, PCABaseline, evaluate
from utsushi.figures import image_grid
from utsushi.files import write_json, write_text
from utsushi.lecture.chapters import Chapter, run_sections
from utsushi.lecture.numbers import PCA_SIZES, Comparison, compare
from utsushi.lecture.page import lecture_page
from utsushi.lecture.sections import LectureSection, Study
from utsushi.lecture.sections.base import Model
from utsushi.lecture.texts import TEXTS
from utsushi.report import check_language, languages_from, render
from utsushi.report.model import short_name
from utsushi.runs import (
    Exhibit,
    check_free,
    exhibits_of,
    living_payload,
    new_run,
    write_figures,
    write_models,
)

__all__ = ["Experiment", "run_experiment", "run_lecture"]

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
        "variational": VariationalAutoencoder(likelihood="unit-gaussian", **shared),
    }


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
    digits = load_mnist20k()
    train, test = digits.X_train, digits.X_test
    assert test is not None  # the bundled digits have test rows
    models = lecture_models(random_state=random_state, max_epochs=max_epochs, verbose=verbose)
    for model in models.values():
        model.fit(train, validation_data=test)
    pca = PCABaseline(train, max(PCA_SIZES))
    return Experiment(
        digits=digits,
        pca={"train": pca.errors(train, PCA_SIZES), "test": pca.errors(test, PCA_SIZES)},
        models=models,
        metrics={
            name: {
                "train": evaluate(model, train, groups=QUICK),
                "test": evaluate(model, test, groups=QUICK),
            }
            for name, model in models.items()
        },
    )


def run_lecture(
    path: str | Path = "runs/lecture",
    *,
    language: str = "en",
    force: bool = False,
    random_state: int = 0,
    max_epochs: int = 30,
    verbose: int = 1,
    sections: Sequence[LectureSection] = (),
) -> list[Comparison]:
    """Run the lecture's experiments and leave a run folder with a report.

    Parameters
    ----------
    path : str or Path
        The folder to make: config.json, metrics.json, history.jsonl, the models, figures/ and
        report.html.
    language : {"en", "ja"}
        The one that the report shows first; both are in it.
    force : bool, default=False
        Replace a run that stands there.
    random_state, max_epochs, verbose
        See `run_experiment`; ``max_epochs`` shortens the sections' models as well.
    sections : sequence of LectureSection, default=()
        What to run after the lecture's two experiments, such as
        `utsushi.lecture.sections.SECTIONS`.

    Returns
    -------
    list of Comparison
        The lecture's numbers beside Utsushi's, then the rows of the sections.
    """
    check_language(language)
    check_free(path, force=force)
    experiment = run_experiment(random_state=random_state, max_epochs=max_epochs, verbose=verbose)
    study = _study(experiment, random_state, max_epochs, verbose) if sections else None
    chapters = [] if study is None else run_sections(study, sections)
    table = compare(experiment.pca, experiment.metrics)
    table += [row for chapter in chapters for row in chapter.comparisons]
    digits, exhibits = _exhibits(experiment, random_state)
    pages = {
        spoken: lecture_page(experiment.models, table, digits, exhibits, chapters, language=spoken)
        for spoken in languages_from(language)
    }
    running = {short_name(model): model for model in experiment.models.values()}
    payload = living_payload(running, experiment.digits, title=pages[language].title)
    with new_run(path, force=force) as folder:
        models: dict[str, Model] = dict(experiment.models)
        for chapter in chapters:
            models |= chapter.models
        write_models(folder, models, command="lecture", data="mnist20k")
        write_json(folder / "metrics.json", _metrics_to_json(experiment, chapters))
        write_figures(folder, [digits])
        for name, drawn in exhibits.items():
            write_figures(folder, drawn, prefix=f"{name}-")
        for chapter in chapters:
            write_figures(folder, chapter.exhibits, prefix=f"{chapter.section.name}-")
        write_text(folder / "report.html", render(pages, payload))
    return table


def _study(experiment: Experiment, random_state: int, max_epochs: int, verbose: int) -> Study:
    """Return what the sections may look at."""
    return Study(
        digits=experiment.digits,
        pca=PCABaseline(experiment.digits.X_train, N_COMPONENTS),
        models=dict(experiment.models),
        metrics=experiment.metrics,
        random_state=random_state,
        max_epochs=max_epochs,
        verbose=verbose,
    )


def _exhibits(experiment: Experiment, seed: int) -> tuple[Exhibit, dict[str, list[Exhibit]]]:
    """Draw the digits, and the figures of each model."""
    data = experiment.digits
    assert data.X_test is not None
    first = image_grid(data.X_train[:N_DIGITS], (28, 28))
    digits = Exhibit.of("digits", first, TEXTS, "digits_caption", "digits_alt")
    return digits, {
        name: list(exhibits_of(model, data.X_test, data.y_test, seed=seed, held_out="test rows"))
        for name, model in experiment.models.items()
    }


def _metrics_to_json(experiment: Experiment, chapters: Sequence[Chapter]) -> dict[str, Any]:
    """Return all measurements, ready for ``metrics.json``."""
    pca = {
        part: {str(size): error.to_json() for size, error in errors.items()}
        for part, errors in experiment.pca.items()
    }
    groups = {chapter.section.name: chapter.measured for chapter in chapters}
    return {"pca_reconstruction_error": pca, **experiment.metrics, **groups}
