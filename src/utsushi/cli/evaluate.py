"""``utsushi evaluate``."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from utsushi.cli.options import (
    AsJson,
    Data,
    Everything,
    Label,
    RunPath,
    Seed,
    integers,
    measured_by,
    reads_again,
)
from utsushi.cli.output import as_text, note
from utsushi.cli.rows import dataset_of, source_name


@reads_again
def evaluate(
    run: RunPath,
    data: Data = None,
    label: Label = None,
    everything: Everything = False,
    n_importance_samples: Annotated[
        Any,
        typer.Option(
            parser=integers,
            metavar="N,N…",
            help="Bounds to take, such as 1,100,5000 (VAE); else 100 with --all.",
            show_default=False,
        ),
    ] = None,
    anomalies: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="Rows that the score should tell from the measured ones.",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
    random_state: Seed = "0",
    *,
    reading: dict[str, Any],
) -> None:
    """Measure a model, with PCA as the baseline.

    On the test rows of the source where it has some, else on all rows. Labels of the source are
    used to ask the code for the classes.
    """
    from utsushi.evaluation import evaluate as measure
    from utsushi.evaluation.rows import measurable
    from utsushi.runs import open_run, tables_of

    opened = open_run(run)
    dataset = measurable(dataset_of(opened, data, label, reading))
    X, y = dataset.measured
    if dataset.X_test is None:
        rows = "its training rows" if data is None else "rows"
        note(f"measured on all {len(X)} {rows}: {dataset.name} has no held-out part")
        # On the rows of the training both have seen them; PCA fitted to other rows, which the
        # model has not seen, would be no honest neighbour.
        X_train, y_train = (X, y) if data is None else (None, None)
    elif data and opened.config is not None and source_name(data) != opened.config.data:
        note(
            f"measured on the {len(X)} test rows of {dataset.name}, without PCA: the model has not "
            "seen its training rows"
        )
        X_train, y_train = None, None
    else:
        note(f"measured on the {len(X)} test rows of {dataset.name}")
        X_train, y_train = dataset.X_train, dataset.y_train
    more = measured_by(everything)
    if n_importance_samples is not None:
        more["n_importance_samples"] = n_importance_samples
    if anomalies is not None:
        more["anomalies"] = dataset_of(opened, anomalies, label, reading).X
    results = measure(
        opened.model, X, X_train, y=y, y_train=y_train, random_state=random_state, **more
    )
    typer.echo(json.dumps(results, indent=2) if as_json else as_text(tables_of(results)))
