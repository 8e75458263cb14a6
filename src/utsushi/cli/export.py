"""The command ``utsushi export``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from utsushi._utils.files import write_whole
from utsushi.cli.options import Data, Label, Language, RunPath, check_kind, reads_again
from utsushi.cli.output import check_output, note
from utsushi.cli.rows import dataset_of, shape_to, source_name
from utsushi.cli.tables import frame_of, refuse_options
from utsushi.exceptions import SettingError

if TYPE_CHECKING:
    from utsushi.report import LivingPage
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
    nearest ones to generated samples. The ONNX graph needs no source; that of a detector's file
    also returns scores and p-values.
    """
    check_kind(to, "html", "onnx")
    if out is not None:
        check_output(out, [f".{to}"])
    if to == "onnx":
        _export_onnx(run, out, data, label)
    else:
        _export_html(run, out, data, label, lang, reading)


def _export_onnx(run: str, out: str | None, data: str | None, label: str | None) -> None:
    """Write the scaling, the encoder and the decoder, and the score of a detector, as one graph."""
    for option, value in (("--data", data), ("--label", label)):
        if value is not None:
            raise SettingError(
                f"{option} must not be set with --to onnx, which exports only the model, got "
                f"{value}. Leave {option} out."
            )
    from utsushi.estimators import load
    from utsushi.estimators.capabilities import is_detector, takes_tables
    from utsushi.integrations.onnx import BATCHES, SCORES, largest_difference, to_onnx
    from utsushi.runs import open_run

    opened = open_run(run)
    if takes_tables(opened.model):
        fix = "Load the model file in Python, or use utsushi encode"
        refuse_options(opened.model, to=("onnx", fix))
    model = opened.model if Path(run).is_dir() else load(run)
    if is_detector(model) and model.scoring_ not in SCORES:
        note(f"the graph has no score, because it can only compute {' and '.join(SCORES)}")
        model = opened.model
    content = to_onnx(model)
    path = write_whole(out or _default_path(run, opened, ".onnx"), content)
    difference = largest_difference(model, content)
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
    from utsushi.estimators.capabilities import takes_tables
    from utsushi.report import Film, check_language, to_html
    from utsushi.runs import FILM, open_run

    check_language(lang)
    opened = open_run(run)
    if takes_tables(opened.model):
        page = _table_page(opened, data, label, lang, reading)
        note(f"the page: {page.save(out or _default_path(run, opened, '.html'))}")
        return
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


def _table_page(
    opened: Run, data: str | None, label: str | None, lang: str, reading: dict[str, Any]
) -> LivingPage:
    """Return the page of a model of tables."""
    from utsushi.report import to_html

    refuse_options(opened.model, label=label)
    dataset = frame_of(opened, data, reading)
    is_own = data is None or (opened.config and source_name(data) == opened.config.data)
    return to_html(
        opened.model,
        dataset.measured,
        X_train=dataset.X_train if is_own and dataset.X_test is not None else None,
        language=lang,
        title=f"{type(opened.model).__name__}, {dataset.name}",
    )


def _default_path(path: str, run: Run, suffix: str) -> Path:
    """Return the path of the model's file with another suffix."""
    model = Path(path)
    if model.is_dir() and run.config is not None:
        model /= f"{next(iter(run.config.models))}.safetensors"
    return model.with_suffix(suffix)
