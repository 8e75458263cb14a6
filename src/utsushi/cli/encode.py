"""The command ``utsushi encode``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from utsushi._utils.files import being_written
from utsushi.cli.options import Data, Label, Out, RunPath, reads_again
from utsushi.cli.output import BLOCK_ROWS, check_output, note, progress_bar, write_blocks
from utsushi.cli.rows import dataset_of, label_name_of
from utsushi.cli.tables import encode_frame, frame_of, refuse_options
from utsushi.exceptions import SettingError

if TYPE_CHECKING:
    from utsushi.datasets import Dataset
    from utsushi.estimators import BaseAutoencoder

Engine = Annotated[
    str, typer.Option(metavar="own|ray", help="Encode in this process, or with Ray.")
]
Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, help="Worker processes of Ray; default: by the amount of data."
    ),
]


@reads_again
def encode(
    run: RunPath,
    out: Out,
    data: Data = None,
    label: Label = None,
    engine: Engine = "own",
    workers: Workers = None,
    *,
    reading: dict[str, Any],
) -> None:
    """Write the codes of samples, with their labels.

    Writes .npz, .csv or .parquet, or .npy without the labels. Sparse codes are written as .npz for
    scipy.sparse.load_npz, or as two columns of a .parquet file: the indices of each sample's active
    components, and their values. All samples of the source are encoded, in blocks, so that the
    source may be larger than memory. With --engine ray, the workers of a cluster write a folder of
    .parquet files.
    """
    if engine == "ray":
        _encode_by_ray(run, out, data, label, workers, reading)
        return
    if engine != "own":
        raise SettingError(f"--engine must be own or ray, got {engine!r}.")
    if workers is not None:
        raise SettingError(
            f"--workers must not be set with --engine own, which is one process, got {workers}. "
            "Leave it out, or use --engine ray."
        )
    check_output(out, [".npy", ".npz", ".csv", ".parquet"])
    from utsushi.estimators.capabilities import has_sparse_codes, takes_tables
    from utsushi.runs import open_run

    opened = open_run(run)
    if takes_tables(opened.model):
        encode_frame(opened, out, frame_of(opened, data, reading), label)
        return
    if has_sparse_codes(opened.model):
        check_output(out, [".npz", ".parquet"])
    dataset = dataset_of(opened, data, label, reading)
    names = list(opened.model.get_feature_names_out())
    # In an .npz file, "X" is the name of the codes.
    name = label_name_of(opened, label, reserved=[*names, "X"])
    n_rows = sum(len(X) for X, _ in dataset.parts)
    with progress_bar("encoding", n_rows) as advance:
        blocks = _coded_blocks(opened.model, dataset, name, advance)
        if not has_sparse_codes(opened.model):
            path = write_blocks(out, blocks, names, n_rows)
        elif out.lower().endswith(".npz"):
            path = _write_sparse(out, blocks)
        else:
            columns = (_as_columns(codes, extra) for codes, extra in blocks)
            path = write_blocks(out, columns, (), n_rows)
    note(f"{n_rows} codes of {len(names)} components: {path}")


def _coded_blocks(
    model: BaseAutoencoder, dataset: Dataset, name: str, advance: Callable[[int], None]
) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Yield the codes and the labels of the samples, block by block."""
    from utsushi._utils.lazy_rows import as_guarded

    for X, y in dataset.parts:
        rows = as_guarded(X)
        for start in range(0, len(rows), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            codes = model.transform(rows[block])
            yield codes, {} if y is None else {name: y[block]}
            advance(codes.shape[0])


def _write_sparse(out: str, blocks: Iterator[tuple[Any, dict[str, Any]]]) -> Path:
    """Write sparse codes in scipy's format, with the labels as one more array."""
    import numpy as np
    from scipy import sparse

    codes, extras = zip(*blocks, strict=True)
    with being_written(Path(out)) as file:
        stacked = sparse.vstack(codes, format="csr")
        labels = {name: np.concatenate([extra[name] for extra in extras]) for name in extras[0]}
        names = ("data", "indices", "indptr", "shape")
        arrays: dict[str, Any] = {name: getattr(stacked, name) for name in names}
        arrays["format"] = stacked.format.encode("ascii")
        np.savez_compressed(file, **arrays | labels)
    return Path(out)


def _as_columns(codes: Any, extra: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """Return a block of sparse codes as columns of lists, with the labels."""
    import numpy as np

    from utsushi.estimators.sparse import sparse_columns

    return np.empty((codes.shape[0], 0)), {**sparse_columns(codes), **extra}


def _encode_by_ray(
    run: str,
    out: str,
    data: str | None,
    label: str | None,
    workers: int | None,
    reading: dict[str, Any],
) -> None:
    from utsushi.cli.cluster import encode_by_ray
    from utsushi.estimators.capabilities import takes_tables
    from utsushi.runs import open_run

    opened = open_run(run)
    if takes_tables(opened.model):
        refuse_options(opened.model, engine=("ray", "Use --engine own"))
    note(f"the codes: {encode_by_ray(opened, out, data, label, workers, reading)}")
