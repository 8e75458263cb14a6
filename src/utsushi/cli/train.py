"""``utsushi train``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from utsushi.cli.common import (
    DEFAULT_DATA,
    Data,
    Force,
    Label,
    Language,
    fit_to,
    note,
    source_name,
)
from utsushi.cli.parameters import TRAINED, takes
from utsushi.cli.tables import as_text

if TYPE_CHECKING:
    from utsushi.estimators import BaseAutoencoder

app = typer.Typer(help="Train a model and leave a run folder.", no_args_is_help=True)

RunOut = Annotated[
    str, typer.Option("--out", metavar="RUN", help="The run folder to make.", show_default=False)
]


def _trainer(estimator: str, description: str) -> Callable[..., None]:
    """Return the command that trains an estimator of that name."""

    def train(
        out: RunOut,
        data: Data = None,
        label: Label = None,
        force: Force = False,
        lang: Language = "en",
        *,
        parameters: dict[str, Any],
    ) -> None:
        from utsushi import estimators

        model = getattr(estimators, estimator)(**parameters)
        _train(model, out, data or DEFAULT_DATA, label, force=force, language=lang)

    train.__doc__ = description
    return train


for _name, (_estimator, _parameters, _description) in TRAINED.items():
    app.command(_name)(takes(_parameters)(_trainer(_estimator, _description)))


def _train(
    model: BaseAutoencoder, out: str, data: str, label: str | None, *, force: bool, language: str
) -> None:
    """Train, measure, and leave the run: whole, or not at all."""
    from utsushi import datasets
    from utsushi.report import check_language
    from utsushi.runs import check_free, tables_of, write_run

    check_language(language)
    check_free(out, force=force)
    dataset = datasets.open(data, label=label)
    fit_to(model, dataset)
    results = write_run(
        out, model, dataset, source=source_name(data), label=label, force=force, language=language
    )
    if model.precision == "auto":
        note(f"precision=auto: the faster was {model.arithmetic_}")
    typer.echo(as_text(tables_of(results)))
    note(f"the run: {out} (open {out}/report.html)")
