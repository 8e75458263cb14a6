"""``utsushi encode``."""

from __future__ import annotations

from utsushi.cli.common import Data, Label, Out, RunPath, dataset_of, label_name_of, note
from utsushi.cli.outputs import check_output, write_rows


def encode(run: RunPath, out: Out, data: Data = None, label: Label = None) -> None:
    """Write the codes of rows, with their labels.

    As .npz, .csv or .parquet; a .npy file has the codes alone. All rows of the source are encoded.
    """
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
