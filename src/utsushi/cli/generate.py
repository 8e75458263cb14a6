"""The command ``utsushi generate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from utsushi.cli.options import Data, Label, Out, RandomState, RunPath, count, number, reads_again
from utsushi.cli.output import check_output, note, write_table
from utsushi.cli.rows import dataset_of, image_shape_of
from utsushi.cli.tables import FRAMES, given_values, refuse_options, write_frame_file
from utsushi.exceptions import SettingError

if TYPE_CHECKING:
    from utsushi.runs import Run


@reads_again
def generate(
    run: RunPath,
    out: Out,
    n: Annotated[
        Any, typer.Option("-n", parser=count, metavar="N", help="The number of samples.")
    ] = "50",
    random_state: RandomState = None,
    noise: Annotated[
        bool, typer.Option("--noise", help="Draw from p(x|z) instead of returning its mean (VAE).")
    ] = False,
    sampler: Annotated[
        str | None,
        typer.Option(
            metavar="prior|gaussian|mixture|flow|two-stage|autoregressive",
            help="The sampler of codes; default: the model's own.",
            show_default=False,
        ),
    ] = None,
    temperature: Annotated[
        Any,
        typer.Option(
            parser=number,
            metavar="X",
            help="Of the sampler: below 1, more typical rows; else that of training.",
            show_default=False,
        ),
    ] = None,
    of_class: Annotated[
        str | None,
        typer.Option(
            "--class",
            metavar="LABEL",
            help="The class to generate (conditional models); default: as frequent as in training.",
            show_default=False,
        ),
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=VALUE",
            help="A value that all rows have (table models); may be repeated.",
            show_default=False,
        ),
    ] = None,
    data: Data = None,
    label: Label = None,
    *,
    reading: dict[str, Any],
) -> None:
    """Write new samples from the model's sampler, or from another one.

    Writes .png (images), .npy, .npz, .csv or .parquet; of a table model .csv or .parquet, with the
    types of the training data.

    Another sampler is fitted to the codes of the training data, or of --data; the run does not
    change.
    """
    from utsushi.estimators.capabilities import takes_tables
    from utsushi.runs import open_run

    opened = open_run(run)
    if takes_tables(opened.model):
        check_output(out, FRAMES)
        refuse_options(
            opened.model,
            noise=(noise, "Its rows always have it"),
            sampler=(sampler, f"Train with --sampler {sampler}"),
            temperature=(temperature, f"Train with --temperature {temperature}"),
            **{"class": (of_class, "Use --given COLUMN=VALUE"), "data": data, "label": label},
        )
        values = given_values(opened.model, given or [])
        drawn = opened.model.sample(n, given=values or None, random_state=random_state)
        note(f"{n} generated rows: {write_frame_file(out, drawn)}")
        return
    if given:
        raise SettingError(
            f"--given must not be set for a {type(opened.model).__name__}, got {given[0]!r}. Train "
            "a model with utsushi train table."
        )
    shape = image_shape_of(opened)
    check_output(out, [".png", ".npy", ".npz", ".csv", ".parquet"], shape)
    if sampler is None and data is not None:
        raise SettingError(
            f"--data must not be set without --sampler, got {data!r}: only another sampler is "
            "fitted to data. Set --sampler, or leave --data out."
        )
    options: dict[str, Any] = {"random_state": random_state}
    if noise:
        options["noise"] = _noise_of(opened.model)
    if of_class is not None:
        options["y"] = _class_of(opened.model, of_class)
    if temperature is not None:
        _set_temperature(opened.model, temperature)
    if sampler is not None:
        chosen = {"sampler": sampler}
        if temperature is not None:
            chosen["sampler__temperature"] = temperature
        _fit_sampler(opened, chosen, data, label, reading)
    rows = opened.model.sample(n, **options)
    path = write_table(out, rows, opened.model, opened.feature_names, image_shape=shape)
    note(f"{n} generated samples: {path}")


def _fit_sampler(
    opened: Run,
    chosen: dict[str, Any],
    data: str | None,
    label: str | None,
    reading: dict[str, Any],
) -> None:
    """Fit another sampler to the opened model, without saving it."""
    opened.model.set_params(**chosen).check_parameters()  # before the data are opened
    dataset = dataset_of(opened, data, label, reading)
    note(
        f"fitting the sampler {chosen['sampler']!r} to the codes of {len(dataset.X_train)} samples"
    )
    opened.model.fit_sampler(dataset.X_train, dataset.y_train)


def _set_temperature(model: Any, temperature: float) -> None:
    """Draw at a temperature, from the sampler of each class where there are several."""
    for sampler in (model.sampler_, *getattr(model, "class_samplers_", ())):
        sampler.set_params(temperature=temperature)._validate_params()


def _noise_of(model: Any) -> bool:
    """Return True; raise an error for a model that has no p(x|z)."""
    from utsushi.estimators.capabilities import has_posterior

    if not has_posterior(model):
        raise SettingError(
            f"--noise must not be set for {type(model).__name__}, which has no likelihood p(x|z). "
            "Leave --noise out."
        )
    return True


def _class_of(model: Any, text: str) -> int | str:
    """Return a class of the model: an integer if its classes are integers."""
    from utsushi.estimators.capabilities import is_conditional

    if not is_conditional(model):
        raise SettingError(
            f"--class must not be set for a model without classes, got {text!r}. Train one with "
            "--conditional true, or leave --class out."
        )
    try:
        return int(text) if model.classes_.labels.dtype.kind == "i" else text
    except ValueError:
        return text
