"""How a source is to be read, as options of several commands."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from utsushi.cli.parameters import integers
from utsushi.exceptions import SettingError

__all__ = ["reads", "reads_again"]

#: Options of commands that read rows for a model: the other ones are known from its training.
_AGAIN = ("drop", "handle_unknown", "pixels", "image_size", "grey", "rgb", "skip_bad")


def _names(text: str) -> list[str]:
    """Parse names with commas between."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _options(
    categorical: Annotated[
        Any,
        typer.Option(
            parser=_names, metavar="COLUMN,…", help="Categories that look like numbers (tables)."
        ),
    ] = None,
    drop: Annotated[
        Any, typer.Option(parser=_names, metavar="COLUMN,…", help="Columns to leave out (tables).")
    ] = None,
    dates: Annotated[
        Any,
        typer.Option(
            parser=_names,
            metavar="COLUMN,…",
            help="Dates, to become days since 1970-01-01 (tables).",
        ),
    ] = None,
    handle_unknown: Annotated[
        str | None,
        typer.Option(
            metavar="error|ignore",
            help="What to do about a category that training did not have; ignore makes it zeros.",
            show_default=False,
        ),
    ] = None,
    pixels: Annotated[
        bool | None,
        typer.Option(
            "--pixels/--no-pixels",
            help="Divide whole numbers from 0 to 255 by 255; else those of type uint8.",
            show_default=False,
        ),
    ] = None,
    image_size: Annotated[
        Any,
        typer.Option(parser=integers, metavar="H,W", help="What images of a folder are fitted to."),
    ] = None,
    grey: Annotated[bool, typer.Option("--grey", help="Make images grey.")] = False,
    rgb: Annotated[bool, typer.Option("--rgb", help="Make images RGB.")] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out images that cannot be read.")
    ] = False,
) -> dict[str, Any]:
    """Return what was said, as `utsushi.datasets.open` takes it and JSON can hold it."""
    if grey and rgb:
        raise SettingError("--grey and --rgb, expected one of them; leave one out")
    size = None
    if image_size is not None:
        size = list(image_size) * (2 if len(image_size) == 1 else 1)
    color = "grey" if grey else "rgb" if rgb else None
    said = {
        "categorical": categorical,
        "drop": drop,
        "dates": dates,
        "handle_unknown": handle_unknown,
        "pixels": pixels,
        "image_size": size,
        "color": color,
        "skip_bad": skip_bad or None,
    }
    return {name: value for name, value in said.items() if value not in (None, [])}


def reads(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options; it gets what was said of them as one dict, ``reading``."""
    return _with_options(command, list(inspect.signature(_options).parameters))


def reads_again(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options with which rows are read for a model that is trained."""
    return _with_options(command, _AGAIN)


def _with_options(command: Callable[..., None], names: Sequence[str]) -> Callable[..., None]:
    """Give a command the options of these names."""
    known = inspect.signature(_options, eval_str=True).parameters
    options = {name: known[name] for name in names}

    @functools.wraps(command)
    def wrapper(**arguments: Any) -> None:
        chosen = {name: arguments.pop(name) for name in options}
        command(**arguments, reading=_options(**chosen))

    signature = inspect.signature(command, eval_str=True)
    own = [p for name, p in signature.parameters.items() if name != "reading"]
    keyword = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in options.values()]
    own_first = [p for p in own if p.name != "parameters"]
    last = [p for p in own if p.name == "parameters"]
    wrapper.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*own_first, *keyword, *last]
    )
    wrapper.__annotations__ = {}
    return wrapper
