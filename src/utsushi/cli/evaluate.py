"""``utsushi evaluate``."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from utsushi.cli.common import Data, Label, RunPath, dataset_of, note


def evaluate(
    run: RunPath,
    data: Data = None,
    label: Label = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, not a table.")] = False,
) -> None:
    """Measure a model, PCA beside it.

    On the test rows of the source where it has some, else on all rows.
    """
    from utsushi.evaluation import evaluate as measure
    from utsushi.runs import open_run

    opened = open_run(run)
    dataset = dataset_of(opened, data, label)
    if dataset.X_test is None:
        note(f"{dataset.name} has no test rows: measured on all {len(dataset.X_train)} rows")
        # On the rows of the training both have seen them; PCA fitted to other rows, which the
        # model has not seen, would be no honest neighbour.
        results = measure(opened.model, dataset.X_train, dataset.X_train if data is None else None)
    else:
        note(f"measured on the {len(dataset.X_test)} test rows of {dataset.name}")
        results = measure(opened.model, dataset.X_test, dataset.X_train)
    typer.echo(json.dumps(results, indent=2) if as_json else as_table(results))


def as_table(results: dict[str, Any]) -> str:
    """Return measurements as aligned text: name, value, standard error, rows."""
    lines = [("", "value", "s.e.", "rows")]
    for name, value in results.items():
        if isinstance(value, dict):
            error = value["standard_error"]
            spread = "" if error is None else f"{error:.2g}"
            lines.append((name, f"{value['value']:.6g}", spread, str(value["n_rows"])))
        elif isinstance(value, list):
            lines.append((name, " ".join(f"{number:.2f}" for number in value), "", ""))
        else:
            lines.append((name, str(value), "", ""))
    width = max(len(line[0]) for line in lines)
    return "\n".join(
        f"{name:<{width}}  {value:>12}  {error:>8}  {rows:>6}".rstrip()
        for name, value, error, rows in lines
    )
