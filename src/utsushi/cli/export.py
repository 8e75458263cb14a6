"""The command ``utsushi export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from utsushi._utils.files import write_whole
from utsushi.cli.options import Data, Label, Language, RunPath, check_kind, reads_again
from utsushi.cli.output import check_output, note
from utsushi.cli.rows import dataset_of, shape_to, source_name
from utsushi.exceptions import SettingError

if TYPE_CHECKING:
    from utsushi.runs import Run


@reads_again
def export(
    run: RunPath,
    to: Annotated[str, typer.Option(metavar="html|onnx", help="The format.", show_default=False)],
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="The file to write; default: the name of the model, in its folder.",
            show_default=False,
        ),
    ] = None,
    data: Data = None,
    label: Label = None,
    lang: Language = "en",
    *,
    reading: dict[str, Any],
) -> None:
    """Export a model as an interactive HTML page or as an ONNX graph.

    The page works offline. Its map shows the test samples of the source, or all samples if there is
    no test part; a random subset of many. The page also contains training samples, to show the
    nearest ones to generated samples. The ONNX graph needs no source.
    """
    check_kind(to, "html", "onnx")
    if out is not None:
        check_output(out, [f".{to}"])
    if to == "onnx":
        _export_onnx(run, out, data, label)
    else:
        _export_html(run, out, data, label, lang, reading)


def _export_onnx(run: str, out: str | None, data: str | None, label: str | None) -> None:
    """Write the scaling, the encoder and the decoder as one graph."""
    for option, value in (("--data", data), ("--label", label)):
        if value is not None:
            raise SettingError(
                f"{option} must not be set with --to onnx, which exports only the model, got "
                f"{value}. Leave {option} out."
            )
    from utsushi.integrations.onnx import BATCHES, largest_difference, to_onnx
    from utsushi.runs import open_run

    opened = open_run(run)
    content = to_onnx(opened.model)
    path = write_whole(out or _default_path(run, opened, ".onnx"), content)
    difference = largest_difference(opened.model, content)
    sizes = ", ".join(map(str, BATCHES))
    note(f"the graph: {path}, {difference:.2g} from the model (batches of {sizes} samples)")


def _export_html(
    run: str,
    out: str | None,
    data: str | None,
    label: str | None,
    lang: str,
    reading: dict[str, Any],
) -> None:
    """Write the HTML page."""
    from utsushi.estimators import load
    from utsushi.estimators.capabilities import takes_tables
    from utsushi.report import Film, check_language, to_html
    from utsushi.runs import FILM, open_run

    check_language(lang)
    if Path(run).is_file() and takes_tables(load(run)):
        _export_table(run, out, data, label, lang)
        return
    opened = open_run(run)
    dataset = dataset_of(opened, data, label, reading)
    shape_to(opened.model, dataset)
    X, y = dataset.measured
    # The model has not been trained on another source, so it cannot have memorized it.
    is_training_source = data is None or (opened.config and source_name(data) == opened.config.data)
    recorded = Path(run) / FILM
    page = to_html(
        opened.model,
        X,
        y,
        X_train=dataset.X_train if is_training_source else None,
        labels_train=dataset.y_train if is_training_source else None,
        feature_names=dataset.feature_names,
        language=lang,
        title=f"{type(opened.model).__name__}, {dataset.name}",
        film=Film.load(recorded) if recorded.is_file() else None,
    )
    note(f"the page: {page.save(out or _default_path(run, opened, '.html'))}")


def _export_table(
    run: str, out: str | None, data: str | None, label: str | None, lang: str
) -> None:
    """Write the HTML page of a model of tables, which reads its columns itself."""
    import numpy as np

    from utsushi.cli.impute import KINDS, read_table
    from utsushi.estimators import load
    from utsushi.report import to_html

    if data is None or Path(data).suffix.lower() not in KINDS:
        raise SettingError(
            f"--data must be a table ({' or '.join(KINDS)}) for a TableAutoencoder, got {data}."
        )
    table = read_table(data)
    if label is not None and label not in table.column_names:
        raise SettingError(f"--label must be one of {table.column_names}, got {label!r}.")
    labels = None if label is None else np.array(table.column(label).to_pylist())
    model = load(run)
    names = getattr(model, "feature_names_in_", table.column_names)
    table = table.select([name for name in names if name in table.column_names])
    title = f"{type(model).__name__}, {Path(data).name}"
    page = to_html(model, table, labels, language=lang, title=title)
    note(f"the page: {page.save(out or Path(run).with_suffix('.html'))}")


def _default_path(path: str, run: Run, suffix: str) -> Path:
    """Return the path of the model's file with another suffix."""
    model = Path(path)
    if model.is_dir() and run.config is not None:
        model /= f"{next(iter(run.config.models))}.safetensors"
    return model.with_suffix(suffix)
