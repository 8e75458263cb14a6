"""The command ``utsushi compare``."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from utsushi.cli.options import (
    DEFAULT_DATA,
    TRAINED,
    AsJson,
    Data,
    Everything,
    Force,
    Label,
    Language,
    Seed,
    Target,
    check_kind,
    evaluation_options,
    model_of,
    reads,
)
from utsushi.cli.output import as_text, check_output, note, note_skipped
from utsushi.cli.rows import check_names, fit_to, reading_of, recorded, source_name
from utsushi.cli.tables import frame_of, refuse_options
from utsushi.cli.threads import limit_threads
from utsushi.exceptions import DataError, SettingError

if TYPE_CHECKING:
    from utsushi.datasets import Dataset
    from utsushi.estimators import BaseAutoencoder
    from utsushi.runs import Run

#: The file of ``--to html`` when ``--out`` is left out.
PAGE = "comparison.html"


@reads
def compare(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL…",
            help="Runs, model files, or models to train, with their settings in quotes: "
            "vae, 'vae beta=4 max_epochs=2', 'mine: vae beta=4'.",
            show_default=False,
        ),
    ],
    out: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help=f"The run folder to create; with --to html, the file ({PAGE}).",
            show_default=False,
        ),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(metavar="html", help="Write only the report, without the models."),
    ] = None,
    data: Data = None,
    label: Label = None,
    target: Target = None,
    everything: Everything = False,
    as_json: AsJson = False,
    force: Force = False,
    lang: Language = "en",
    random_state: Seed = "0",
    *,
    reading: dict[str, Any],
) -> None:
    """Measure several models on one source, in one table and one report.

    A model is a run, a model file, or ae, dae or vae with settings as name=value, which is trained
    on the source first; prefix it with a name and a colon to name it. The source is that of the
    first run, or the bundled digits, and is read as for the first run. The report runs the first
    four models side by side. Table models are compared with each other, on rows that are held out.
    """
    from utsushi.report import check_language
    from utsushi.runs import comparison_tables, write_comparison, write_comparison_page

    check_language(lang)
    out = _checked_out(out, to, force=force)
    loaded, unfitted = _models(models, random_state)
    dataset: Any
    if _are_tables(loaded, unfitted):
        data, dataset, reading = _opened_table(loaded, unfitted, data, target, label, reading)
        named_models = {name: run.model for name, run in loaded.items()}
    elif target is not None:
        raise SettingError(
            f"--target must not be set without a table model, got {target!r}. Name the classes "
            "with --label."
        )
    else:
        data, label, dataset, reading = _opened(loaded, data, label, reading)
        named_models = {name: _checked(name, run, data, dataset) for name, run in loaded.items()}
        reading = recorded(reading, dataset)
    if unfitted:
        limit_threads()
    for name, model in unfitted.items():
        note(f"training {name}")
        fit_to(model, dataset)
    named_models |= unfitted
    settings = {"language": lang, "random_state": random_state, **evaluation_options(everything)}
    if to is None:
        options: dict[str, Any] = {"source": source_name(data), "label": label, "force": force}
        options["reading"] = reading
        results = write_comparison(out, named_models, dataset, **options, **settings)
    else:
        results = write_comparison_page(out, named_models, dataset, **settings)
    tables = comparison_tables(results, named_models)
    typer.echo(
        json.dumps(results, indent=2) if as_json else "\n\n".join(as_text([t]) for t in tables)
    )
    note(f"the report: {out if to else f'{out}/report.html'}")


def _checked_out(out: str | None, to: str | None, *, force: bool) -> str:
    """Return the output path; raise an error before computing if it cannot be written."""
    from utsushi.runs import check_free

    if to is not None:
        check_kind(to, "html")
        check_output(out or PAGE, [".html"])
        return out or PAGE
    if out is None:
        raise SettingError(
            "--out must name the run folder to create, got none. Set it, or set --to html for the "
            "report alone."
        )
    check_free(out, force=force)
    return out


def _opened(
    loaded: dict[str, Run], data: str | None, label: str | None, options: dict[str, Any]
) -> tuple[str, str | None, Dataset, dict[str, Any]]:
    """Open the samples to compare on; return source, label, dataset and reading options."""
    from utsushi.datasets.reading import Reading
    from utsushi.datasets.sources import open_reading

    configs = [run.config for run in loaded.values() if run.config is not None]
    if data is None:
        data = configs[0].data if configs else DEFAULT_DATA
    if label is None and configs and configs[0].data == source_name(data):
        label = configs[0].label
    if loaded:
        reading, options = reading_of(next(iter(loaded.values())), data, label, options)
    else:
        reading = Reading.of(label=label, **options)
    dataset = open_reading(data, reading)
    note_skipped(dataset.skipped, dataset.name)
    return data, label, dataset, options


def _are_tables(loaded: dict[str, Run], unfitted: dict[str, Any]) -> bool:
    """Return whether the models are of tables; raise an error if only some are."""
    from utsushi.estimators.capabilities import takes_tables

    models = {name: run.model for name, run in loaded.items()} | unfitted
    of_tables = [name for name, model in models.items() if takes_tables(model)]
    others = [name for name in models if name not in of_tables]
    if of_tables and others:
        raise SettingError(
            f"the models must all be table models or none, got {of_tables[0]!r} and {others[0]!r}. "
            "Compare each kind on its own."
        )
    return bool(of_tables)


def _opened_table(
    loaded: dict[str, Run],
    unfitted: dict[str, Any],
    data: str | None,
    target: str | None,
    label: str | None,
    options: dict[str, Any],
) -> tuple[str, Any, dict[str, Any]]:
    """Open the table to compare on; return source, dataset and reading options."""
    from utsushi.datasets import open_frame

    runs = list(loaded.values())
    model = runs[0].model if runs else next(iter(unfitted.values()))
    others = {name: value for name, value in options.items() if name != "drop"}
    refuse_options(model, label=(label, f"Use --target {label}"), **others)
    if runs:
        dataset = frame_of(runs[0], data, options, target=target)
    elif data is None:
        raise SettingError("--data must name a table to train table models on, got none.")
    else:
        drop = options.get("drop", [])
        dataset = open_frame(data, drop=drop, target=target, test_fraction=None)
    source = data or runs[0].config.data  # type: ignore[union-attr]
    for name, run in loaded.items():
        _check_alike(name, run, source, dataset)
    reading = {"target": dataset.target, "drop": options.get("drop")}
    reading = {name: value for name, value in reading.items() if value}
    return source, dataset, {**reading, "test_fraction": dataset.test_fraction}


def _check_alike(name: str, run: Run, data: str, dataset: Any) -> None:
    """Raise an error for a table model of other columns, rows or another source."""
    columns = [column.name for column in run.model.codec_.columns]
    if columns != list(dataset.feature_names):
        raise DataError(
            f"{name!r} must be trained on the columns {', '.join(dataset.feature_names)}, got "
            f"{', '.join(columns)}. Compare models of one table."
        )
    if run.config is None:
        return
    source, fraction = source_name(data), run.config.reading.get("test_fraction", 0.0)
    if run.config.data != source or fraction != dataset.test_fraction:
        raise DataError(
            f"{name!r} must be trained on {source!r} with {dataset.test_fraction:g} of its rows "
            f"held out, as the first model, got {run.config.data!r} with {fraction:g}. Compare "
            "models of the same rows."
        )


def _models(words: list[str], seed: int) -> tuple[dict[str, Any], dict[str, BaseAutoencoder]]:
    """Return the runs to load and the models to train, by name."""
    from utsushi.runs import check_model_name, open_run

    loaded: dict[str, Any] = {}
    unfitted: dict[str, BaseAutoencoder] = {}
    for word in words:
        title, colon, described = word.partition(":")
        # A colon within a setting, such as device=cuda:0, does not end a name.
        if not colon or "=" in title:
            title, described = "", word
        kind = next(iter(described.split()), "")
        if kind in TRAINED and not Path(word).exists():
            name = check_model_name(_as_file_name(title or described))
            name = _free(name, [*loaded, *unfitted])
            unfitted[name] = _described(described, seed)
        else:
            path = Path(word)
            _check_is_model(word, path)
            name = path.stem if path.suffix == ".safetensors" else path.resolve().name
            loaded[_free(check_model_name(name), [*loaded, *unfitted])] = open_run(word)
    return loaded, unfitted


def _check_is_model(word: str, path: Path) -> None:
    """Raise an error for a setting outside the quotes of its model."""
    name, equals, _ = word.partition("=")
    if equals and name.isidentifier() and not path.exists():
        raise SettingError(
            f"{word!r} is not a run, a model file or a model to train. Quote a model together with "
            f"its settings: 'vae {word}'."
        )


def _as_file_name(text: str) -> str:
    """Replace characters that are unsuitable in a file name by hyphens."""
    return re.sub(r"[^\w.=,]+", "-", text.strip())


def _free(name: str, names_in_use: list[str]) -> str:
    """Return the name, with a number if another model already has it."""
    names = [name, *(f"{name}-{number}" for number in range(2, len(names_in_use) + 2))]
    return next(candidate for candidate in names if candidate not in names_in_use)


def _described(word: str, seed: int) -> BaseAutoencoder:
    """Return an unfitted model from its description, such as "vae beta=4 hidden=500,250"."""
    kind, *settings = word.split()
    estimator, parameters, _ = TRAINED[kind]
    by_name = {name: p for p in parameters for name in (p.setting, p.name)}
    chosen: dict[str, Any] = {"random_state": seed, "verbose": 1}
    for setting in settings:
        name, equals, value = setting.partition("=")
        name = name.replace("-", "_")
        if not equals or name not in by_name:
            raise SettingError(
                f"the settings of {word!r} must be name=value with parameters of {estimator}, got "
                f"{setting!r}. See 'utsushi train {kind} --help'."
            )
        try:
            chosen[by_name[name].name] = by_name[name].parse(value)
        except typer.BadParameter as error:
            raise SettingError(f"{name} of {word!r} {error.message}.") from None
    model = model_of(estimator, chosen)
    model.check_parameters()  # before any model is trained
    return model


def _checked(name: str, run: Run, data: str, dataset: Dataset) -> BaseAutoencoder:
    """Return a run's model; raise an error for other features or another source."""
    n_features, expected = dataset.X_train.shape[1], run.model.n_features_in_
    if expected != n_features:
        raise DataError(
            f"{name!r} was trained on samples of {expected} features{_as_images(run.model)}, but "
            f"{dataset.name} has {n_features}{_as_images(dataset)}. Compare models of one source, "
            "read in the same way, or name another with --data."
        )
    check_names(data, dataset.feature_names, run.feature_names)
    source = source_name(data)
    if run.config is not None and run.config.data != source:
        raise DataError(
            f"{name!r} must be trained on {source!r}, the source of the comparison, got "
            f"{run.config.data!r}. Compare models of one source, or name another with --data."
        )
    return run.model


def _as_images(source: Any) -> str:
    """Return the image shape of a model or dataset for a message, or an empty text."""
    shape = source.image_shape
    return "" if shape is None else f" ({'x'.join(map(str, shape))} images)"
