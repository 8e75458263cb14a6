"""``utsushi train``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from utsushi.cli.common import DEFAULT_DATA, Data, Label, note, source_name
from utsushi.cli.parameters import AUTOENCODER, DENOISING, VARIATIONAL, takes

if TYPE_CHECKING:
    from utsushi.estimators import BaseAutoencoder

app = typer.Typer(help="Train a model and leave a run folder.", no_args_is_help=True)

RunOut = Annotated[
    str, typer.Option("--out", metavar="RUN", help="The run folder to make.", show_default=False)
]
Force = Annotated[bool, typer.Option("--force", help="Replace a run that stands there.")]
Language = Annotated[str, typer.Option("--lang", metavar="en|ja", help="Of the report.")]


@app.command("ae")
@takes(AUTOENCODER)
def train_autoencoder(
    out: RunOut,
    data: Data = None,
    label: Label = None,
    force: Force = False,
    lang: Language = "en",
    *,
    parameters: dict[str, Any],
) -> None:
    """Train an autoencoder."""
    from utsushi.estimators import Autoencoder

    _train(Autoencoder(**parameters), out, data or DEFAULT_DATA, label, force=force, language=lang)


@app.command("dae")
@takes(DENOISING)
def train_denoising(
    out: RunOut,
    data: Data = None,
    label: Label = None,
    force: Force = False,
    lang: Language = "en",
    *,
    parameters: dict[str, Any],
) -> None:
    """Train a denoising autoencoder."""
    from utsushi.estimators import DenoisingAutoencoder

    model = DenoisingAutoencoder(**parameters)
    _train(model, out, data or DEFAULT_DATA, label, force=force, language=lang)


@app.command("vae")
@takes(VARIATIONAL)
def train_variational(
    out: RunOut,
    data: Data = None,
    label: Label = None,
    force: Force = False,
    lang: Language = "en",
    *,
    parameters: dict[str, Any],
) -> None:
    """Train a variational autoencoder."""
    from utsushi.estimators import VariationalAutoencoder

    model = VariationalAutoencoder(**parameters)
    _train(model, out, data or DEFAULT_DATA, label, force=force, language=lang)


def _train(
    model: BaseAutoencoder, out: str, data: str, label: str | None, *, force: bool, language: str
) -> None:
    """Train, measure, and leave the run: whole, or not at all."""
    from utsushi import datasets
    from utsushi.cli.evaluate import as_table
    from utsushi.report import check_language
    from utsushi.runs import check_free, write_run

    check_language(language)
    check_free(out, force=force)
    dataset = datasets.open(data, label=label)
    if model.image_shape is None and dataset.image_shape is not None:
        model.set_params(image_shape=dataset.image_shape)
    model.fit(dataset.X_train)
    results = write_run(
        out, model, dataset, source=source_name(data), label=label, force=force, language=language
    )
    typer.echo(as_table(results))
    note(f"the run: {out} (open {out}/report.html)")
