"""The command ``utsushi tune``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from utsushi.cli.options import (
    DEFAULT_DATA,
    TUNED,
    Data,
    Force,
    Label,
    Language,
    NoReport,
    Parameter,
    model_of,
    reads,
    takes,
)
from utsushi.cli.output import as_text, note, report_command
from utsushi.cli.rows import recorded, source_name, training_rows
from utsushi.cli.threads import limit_threads
from utsushi.search import SEARCHED

if TYPE_CHECKING:
    from utsushi.search import Search

app = typer.Typer(
    help="Search for the settings of a model, and write the best model as a run folder.",
    no_args_is_help=True,
)

RunOut = Annotated[
    str,
    typer.Option(
        "--out", metavar="RUN", help="The run folder of the best model.", show_default=False
    ),
]
Trials = Annotated[
    int,
    typer.Option("--trials", metavar="N", min=1, help="The total number of trials of the study."),
]
Storage = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="Storage of the study, such as sqlite:///search.db; default: memory.",
        show_default=False,
    ),
]
StudyName = Annotated[
    str | None,
    typer.Option(
        "--study",
        metavar="NAME",
        help="The name of the study; default: the model's.",
        show_default=False,
    ),
]


def _options(name: str, parameters: tuple[Parameter, ...]) -> tuple[Parameter, ...]:
    """Return the options of ``train``, with no default for those that are searched."""
    # The size of the code is searched only for variational models; see `space_of`.
    searched = set(SEARCHED) - (set() if name == "vae" else {"n_components"})
    defaults = {"random_state": 0, "recipe__validation_fraction": 0.1, "verbose": 0}
    return tuple(
        replace(parameter, default=None, help=f"{_description_of(parameter)}; default: searched.")
        if parameter.name in searched
        else replace(parameter, default=defaults.get(parameter.name, parameter.default))
        for parameter in parameters
    )


def _description_of(parameter: Parameter) -> str:
    return parameter.help.partition(";")[0].rstrip(".")


def _searcher(estimator: str) -> Callable[..., None]:
    """Return the command that searches for an estimator of that name."""

    @reads
    def tune(
        context: typer.Context,
        out: RunOut,
        data: Data = None,
        label: Label = None,
        trials: Trials = 50,
        storage: Storage = None,
        study: StudyName = None,
        force: Force = False,
        lang: Language = "en",
        no_report: NoReport = False,
        *,
        reading: dict[Any, Any],
        parameters: dict[str, Any],
    ) -> None:
        from utsushi._utils.optional_dependencies import require_extra

        require_extra("tune", "optuna", what="utsushi tune")
        from utsushi import search
        from utsushi.report import check_language
        from utsushi.search.best import check_best_path
        from utsushi.search.study import id_of

        check_language(lang)
        check_best_path(out, id_of(study or estimator, storage), force=force)
        settings = {
            name: value
            for name, value in parameters.items()
            if name not in SEARCHED or value is not None
        }
        model = model_of(estimator, settings)
        source = data or DEFAULT_DATA
        dataset = training_rows(context, model, source, label, reading)
        limit_threads()
        result = search.tune(
            model,
            dataset.X_train,
            dataset.y_train,
            n_trials=trials,
            space=search.space_of(model, dataset.X_train.shape[1], len(dataset.X_train), settings),
            storage=storage,
            study_name=study,
            on_trial=_note_trial,
        )
        results = search.write_best(
            out,
            result,
            dataset,
            source=source_name(source),
            label=label,
            reading=recorded(reading, dataset),
            force=force,
            language=lang,
            report=not no_report,
        )
        _show(result, results)
        later = f" (make its report with {report_command(out, lang)})" if no_report else ""
        note(f"the run of the best trial, {result.study.best_trial.number}: {out}{later}")

    return tune


for _name, (_estimator, _parameters, _description) in TUNED.items():
    _command = takes(_options(_name, _parameters))(_searcher(_estimator))
    _command.__doc__ = _description.replace("Train", "Search for the settings of")
    app.command(_name)(_command)


def _note_trial(study: Any, trial: Any) -> None:
    """Print the result of a trial."""
    if trial.state.name == "COMPLETE":
        note(f"trial {trial.number}: {trial.value:.6g} (best {study.best_value:.6g})")
    elif trial.state.name == "FAIL":
        note(f"trial {trial.number}: left out: other processes had completed the study")
    elif trial.last_step is None:
        note(f"trial {trial.number}: diverged")
    else:
        note(f"trial {trial.number}: pruned after {trial.last_step} epochs")


def _show(search: Search, results: dict[str, Any] | None) -> None:
    """Print the best settings with their importances, and the metrics of the run."""
    from utsushi.report import Table
    from utsushi.runs import tables_of
    from utsushi.search.study import FEWEST_TRIALS

    importances = search.importances
    heading: tuple[str, ...] = ("setting", "best")
    best = search.study.best_params
    rows: list[tuple[str, ...]] = [
        (name.rpartition("__")[2], f"{value:.4g}" if isinstance(value, float) else str(value))
        for name, value in best.items()
    ]
    if importances:
        heading = (*heading, "share of variance")
        shares = (f"{importances[name]:.2f}" if name in importances else "" for name in best)
        rows = [(*row, share) for row, share in zip(rows, shares, strict=True)]
    typer.echo(as_text([Table(heading, tuple(rows), caption="")]))
    if not importances:
        note(
            f"the importance of the settings needs at least {FEWEST_TRIALS} completed trials with "
            "different results"
        )
    if results is not None:
        typer.echo("\n" + as_text(tables_of(results)))
        _compare_with_pca(results)


def _compare_with_pca(results: dict[str, Any]) -> None:
    """Print a note if the best model reconstructs no better than PCA."""
    group = results.get("reconstruction", {})
    error = group.get("mse") or group.get("standardized_mse") or {}
    of_pca = (error.get("pca") or {}).get("value")
    if of_pca is not None and error["value"] >= of_pca:
        note(
            f"PCA of the same size reconstructs as well or better ({of_pca:.4g}, the model "
            f"{error['value']:.4g}): use more trials, longer ones (--max-epochs), or PCA"
        )
