"""The command ``utsushi reconstruct``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from utsushi.cli.options import Data, Label, Out, RunPath, integer, reads_again
from utsushi.cli.output import check_output, note, write_table
from utsushi.cli.rows import dataset_of, image_shape_of
from utsushi.cli.tables import FRAMES, frame_of, refuse_options, write_frame_file
from utsushi.exceptions import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from utsushi.estimators import BaseAutoencoder

#: The number of images in the picture.
PICTURE_COLUMNS = 10


@reads_again
def reconstruct(
    run: RunPath,
    out: Out,
    data: Data = None,
    label: Label = None,
    n: Annotated[
        int | None,
        typer.Option("-n", parser=integer, metavar="N", help="Only the first N samples."),
    ] = None,
    fill: Annotated[
        bool, typer.Option("--fill", help="Keep observed values, and fill only missing ones.")
    ] = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Write the model's reconstructions of samples, with missing values filled.

    Writes .npy, .npz, .csv, .parquet or .png.

    It reconstructs the test samples of the source, or all samples if there is no test part. A
    picture shows the first ten, below the originals. Rows of a table model are written as .csv or
    .parquet.
    """
    import numpy as np

    from utsushi.estimators.capabilities import takes_tables
    from utsushi.runs import open_run

    if n is not None and n < 1:
        raise SettingError(f"-n must be a positive integer, got {n}. Leave it out for all samples.")
    opened = open_run(run)
    if takes_tables(opened.model):
        check_output(out, FRAMES)
        refuse_options(opened.model, label=label)
        frame = frame_of(opened, data, reading).measured[:n]
        filled = opened.model.impute(frame) if fill else opened.model.reconstruct(frame)
        note(f"{len(frame)} rows: {write_frame_file(out, filled)}")
        return
    dataset = dataset_of(opened, data, label, reading)
    shape = image_shape_of(opened, dataset)
    check_output(out, [".npy", ".npz", ".csv", ".parquet", ".png"], shape)
    rows, labels = dataset.measured
    picture = shape if out.lower().endswith(".png") else None
    first = slice(n or (PICTURE_COLUMNS if picture else None))
    rows, labels = rows[first], None if labels is None else labels[first]
    reconstructions = opened.model.reconstruct(rows, labels)
    error = _error(opened.model, rows, reconstructions)
    if fill:
        reconstructions = np.where(np.isnan(rows), reconstructions, rows)
    if picture:
        from utsushi._utils.files import write_whole
        from utsushi.figures import image_rows, to_png, within_range_of

        pairs = [
            ("original", within_range_of(rows, rows)),
            ("reconstruction", within_range_of(rows, reconstructions)),
        ]
        path = write_whole(out, to_png(image_rows(pairs, picture)))
    else:
        path = write_table(out, reconstructions, opened.model, dataset.feature_names)
    note(f"{len(rows)} samples, {error}: {path}")


def _error(model: BaseAutoencoder, rows: NDArray[Any], reconstructions: NDArray[Any]) -> str:
    """Describe the error of reconstructions, over observed values."""
    import numpy as np

    from utsushi.transforms.scaling import column_moments

    if not hasattr(model, "columns_"):
        return f"mean squared error {np.nanmean((reconstructions - rows) ** 2):.6g}"
    deviations = np.sqrt(column_moments(rows).var_)
    residuals = (reconstructions - rows) / np.where(deviations > 0, deviations, 1)
    return f"mean squared error of standardized columns {np.nanmean(residuals**2):.6g}"
