"""``utsushi generate``."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from utsushi.cli.common import Out, RandomState, RunPath, image_shape_of, note
from utsushi.cli.outputs import check_output, write_rows
from utsushi.cli.parameters import integer
from utsushi.exceptions import SettingError


def generate(
    run: RunPath,
    out: Out,
    n: Annotated[Any, typer.Option("-n", parser=integer, metavar="N", help="How many.")] = "50",
    random_state: RandomState = None,
    noise: Annotated[
        bool, typer.Option("--noise", help="Draw from p(x|z), not only its mean (VAE).")
    ] = False,
) -> None:
    """Write new rows from the model's sampler.

    As .png (for images), .npy, .npz, .csv or .parquet.
    """
    from utsushi.runs import open_run

    opened = open_run(run)
    shape = image_shape_of(opened)
    check_output(out, [".png", ".npy", ".npz", ".csv", ".parquet"], shape)
    options: dict[str, Any] = {"random_state": random_state}
    if noise:
        options["noise"] = _noise_of(opened.model)
    rows = opened.model.sample(n, **options)
    columns = opened.feature_names or [f"x{index}" for index in range(rows.shape[1])]
    path = write_rows(out, rows, columns, image_shape=shape)
    note(f"{n} generated rows: {path}")


def _noise_of(model: Any) -> bool:
    """Refuse noise for a model that has no p(x|z)."""
    if not hasattr(model, "likelihood_"):
        raise SettingError(
            f"--noise, but {type(model).__name__} has no p(x|z) to draw from, expected a "
            "variational model; leave --noise out"
        )
    return True
