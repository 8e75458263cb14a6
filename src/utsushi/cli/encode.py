"""``utsushi encode``."""

from __future__ import annotations

from typing import Annotated

import typer

from utsushi.cli.common import Data, Label, Out, RunPath, dataset_of, label_name_of, note
from utsushi.cli.outputs import check_output, write_rows
from utsushi.exceptions import SettingError

Engine = Annotated[str, typer.Option(metavar="own|ray", help="What computes.")]
Workers = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Of ray; else as many as it has work for."),
]


def encode(
    run: RunPath,
    out: Out,
    data: Data = None,
    label: Label = None,
    engine: Engine = "own",
    workers: Workers = None,
) -> None:
    """Write the codes of rows, with their labels.

    As .npz, .csv or .parquet; a .npy file has the codes alone. All rows of the source are encoded.
    With --engine ray, the workers of a cluster write a folder of .parquet files.
    """
    if engine == "ray":
        _encode_by_ray(run, out, data, label, workers)
        return
    if engine != "own":
        raise SettingError(f"--engine {engine!r}, expected own or ray; leave it out")
    if workers is not None:
        raise SettingError(
            f"--workers {workers} with --engine own, which is one process, expected none; leave it "
            "out, or take --engine ray"
        )
    check_output(out, [".npy", ".npz", ".csv", ".parquet"])
    from utsushi.runs import open_run

    opened = open_run(run)
    dataset = dataset_of(opened, data, label)
    codes = opened.model.transform(dataset.X)
    names = list(opened.model.get_feature_names_out())
    # In an .npz the codes are "X", so a column of that name cannot keep it.
    name = label_name_of(opened, data, label, reserved=[*names, "X"])
    labels = {} if dataset.y is None else {name: dataset.y}
    path = write_rows(out, codes, names, extra=labels)
    note(f"{len(codes)} codes of {codes.shape[1]} components: {path}")


def _encode_by_ray(
    run: str, out: str, data: str | None, label: str | None, workers: int | None
) -> None:
    from utsushi.cli.cluster import encode_by_ray
    from utsushi.runs import open_run

    note(f"the codes: {encode_by_ray(open_run(run), out, data, label, workers)}")
