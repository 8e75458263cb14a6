"""The command ``utsushi evaluate``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from utsushi.cli.options import (
    AsJson,
    Data,
    Everything,
    Label,
    RunPath,
    Seed,
    Target,
    evaluation_options,
    integers,
    reads_again,
)
from utsushi.cli.output import as_text, note
from utsushi.cli.rows import dataset_of, source_name
from utsushi.cli.tables import frame_of, refuse_options, training_frame
from utsushi.exceptions import SettingError

if TYPE_CHECKING:
    from utsushi.runs import Run


@reads_again
def evaluate(
    run: RunPath,
    data: Data = None,
    label: Label = None,
    target: Target = None,
    everything: Everything = False,
    n_importance_samples: Annotated[
        Any,
        typer.Option(
            parser=integers,
            metavar="N,N…",
            help="Draws of the importance-weighted bounds, such as 1,100,5000 (VAE).",
            show_default=False,
        ),
    ] = None,
    anomalies: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Anomalies, to measure how well the score separates them.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    random_state: Seed = "0",
    *,
    reading: dict[str, Any],
) -> None:
    """Measure a model, compared with PCA.

    It is measured on the test samples of the source, or on all samples if there is no test part.
    With labels, the classification from the codes is measured, too.

    Of a table model, synthetic rows and imputed values are measured, compared with real rows, a
    Gaussian copula and shuffled columns.
    """
    from utsushi.estimators.capabilities import takes_tables
    from utsushi.evaluation import evaluate as measure
    from utsushi.evaluation.rows import measurable
    from utsushi.runs import open_run, tables_of

    opened = open_run(run)
    if takes_tables(opened.model):
        refuse_options(
            opened.model,
            label=(label, f"Use --target {label}"),
            n_importance_samples=(n_importance_samples, None),
        )
        results = _evaluate_table(opened, data, target, anomalies, random_state, reading)
        typer.echo(json.dumps(results, indent=2) if as_json else as_text(tables_of(results)))
        return
    if target is not None:
        raise SettingError(
            f"--target must not be set for a {type(opened.model).__name__}, got {target!r}. Name "
            "the classes with --label."
        )
    dataset = measurable(dataset_of(opened, data, label, reading))
    X, y = dataset.measured
    if dataset.X_test is None:
        samples = "training samples" if data is None else "samples"
        note(f"measured on all {len(X)} {samples}: {dataset.name} has no test part")
        # PCA is a fair baseline only if it is fitted to the training data of the model.
        X_train, y_train = (X, y) if data is None else (None, None)
    elif data and opened.config is not None and source_name(data) != opened.config.data:
        note(
            f"measured on the {len(X)} test samples of {dataset.name}, without PCA: the model was "
            "trained on another source"
        )
        X_train, y_train = None, None
    else:
        note(f"measured on the {len(X)} test samples of {dataset.name}")
        X_train, y_train = dataset.X_train, dataset.y_train
    options = evaluation_options(everything)
    if n_importance_samples is not None:
        options["n_importance_samples"] = n_importance_samples
    if anomalies is not None:
        options["anomalies"] = dataset_of(opened, anomalies, label, reading).X
    results = measure(
        opened.model, X, X_train, y=y, y_train=y_train, random_state=random_state, **options
    )
    typer.echo(json.dumps(results, indent=2) if as_json else as_text(tables_of(results)))


def _evaluate_table(
    opened: Run,
    data: str | None,
    target: str | None,
    anomalies: str | None,
    random_state: int,
    reading: dict[str, Any],
) -> dict[str, Any]:
    """Measure a model of tables on held-out rows, or on the rows of another source."""
    from utsushi.evaluation import evaluate as measure

    dataset = frame_of(opened, data, reading, target=target)
    measured = dataset.measured
    is_own = data is None or (opened.config is not None and source_name(data) == opened.config.data)
    if is_own:
        train = dataset.X_train
    else:
        train = training_frame(opened)
    kind = "held-out" if is_own and dataset.X_test is not None else "training" if is_own else ""
    note(f"measured on the {len(measured)} {kind} rows of {dataset.name}".replace("  ", " "))
    others = None if anomalies is None else frame_of(opened, anomalies, reading).X
    return measure(
        opened.model,
        measured,
        train,
        target=dataset.target,
        anomalies=others,
        random_state=random_state,
    )
