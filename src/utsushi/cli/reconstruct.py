"""``utsushi reconstruct``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from utsushi.cli.options import Data, Label, Out, RunPath, integer, reads_again
from utsushi.cli.output import check_output, note, write_table
from utsushi.cli.rows import dataset_of, image_shape_of
from utsushi.exceptions import SettingError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from utsushi.estimators import BaseAutoencoder

#: Images in a row of the picture.
PICTURE_COLUMNS = 10


@reads_again
def reconstruct(
    run: RunPath,
    out: Out,
    data: Data = None,
    label: Label = None,
    n: Annotated[
        int | None,
        typer.Option("-n", parser=integer, metavar="N", help="Only the first N rows."),
    ] = None,
    fill: Annotated[
        bool, typer.Option("--fill", help="Keep what is known; only missing values are filled.")
    ] = False,
    *,
    reading: dict[str, Any],
) -> None:
    """Write rows as the model copies them; missing values are filled.

    As .npy, .npz, .csv, .parquet or .png.

    The rows are the test rows of the source where it has some. A picture shows the first ten, the
    originals above.
    """
    import numpy as np

    from utsushi.runs import open_run

    if n is not None and n < 1:
        raise SettingError(f"-n must be a positive integer, got {n}. Leave it out for all samples.")
    opened = open_run(run)
    dataset = dataset_of(opened, data, label, reading)
    shape = image_shape_of(opened, dataset)
    check_output(out, [".npy", ".npz", ".csv", ".parquet", ".png"], shape)
    rows, labels = dataset.measured
    picture = shape if out.lower().endswith(".png") else None
    first = slice(n or (PICTURE_COLUMNS if picture else None))
    rows, labels = rows[first], None if labels is None else labels[first]
    copies = opened.model.reconstruct(rows, labels)
    error = _error(opened.model, rows, copies)
    if fill:
        copies = np.where(np.isnan(rows), copies, rows)
    if picture:
        from utsushi._utils.files import write_whole
        from utsushi.figures import image_rows, to_png, within_range_of

        pairs = [
            ("original", within_range_of(rows, rows)),
            ("reconstruction", within_range_of(rows, copies)),
        ]
        path = write_whole(out, to_png(image_rows(pairs, picture)))
    else:
        path = write_table(out, copies, opened.model, dataset.feature_names)
    note(f"{len(rows)} rows, {error}: {path}")


def _error(model: BaseAutoencoder, rows: NDArray[Any], copies: NDArray[Any]) -> str:
    """Describe the error of reconstructions, over values that are not missing."""
    import numpy as np

    from utsushi.transforms.scaling import column_moments

    if not hasattr(model, "columns_"):
        return f"mean squared error {np.nanmean((copies - rows) ** 2):.6g}"
    spreads = np.sqrt(column_moments(rows).var_)
    residuals = (copies - rows) / np.where(spreads > 0, spreads, 1)
    return f"mean squared error of standardized columns {np.nanmean(residuals**2):.6g}"
